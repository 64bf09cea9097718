"What the site's own checks let through and what they refuse."
import importlib.util
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("docs_build", Path(__file__).parent.parent/"docs"/"build.py")
docs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(docs)


@pytest.fixture
def site(tmp_path):
    (tmp_path/"b.html").write_text('<h2 id="here">b</h2>')
    (tmp_path/"a.png").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize("body, says", [
    ('<a href="b.html#here">b</a> <a href="#top" id="top">a</a> <img src="a.png"> <img src="data:image/png;base64,AA">', None),
    ('<a href="c.html">c</a>', "a.html: c.html: no such file"),
    ('<a href="b.html#there">b</a>', "a.html: b.html#there: no such anchor"),
    ('<a href="#there">a</a>', "a.html: #there: no such anchor"),
    ('<img src="b.png">', "a.html: b.png: no such file"),
    ('<link rel="stylesheet" href="x.css">', "a.html: x.css: no such file"),
    ('<script src="https://example.org/x.js"></script>', "a.html: loads https://example.org/x.js: the page must show with no network"),
])
def test_links(site, body, says):
    (site/"a.html").write_text(body)
    problems,external = docs.broken_links(site)
    assert problems==([says] if says else []) and external==set()


def test_external_links_are_listed(site):
    (site/"a.html").write_text('<a href="https://example.org/x">x</a> <a href="b.html">b</a>')
    assert docs.broken_links(site)==([], {"https://example.org/x"})


def test_formulas_become_mathml(tmp_path):
    page = tmp_path/"a.html"
    page.write_text(r'<p><span class="math inline">\(a&lt;\frac{1}{2}\)</span> <span class="math display">\[\hat p_c\]</span></p>')
    assert docs.set_formulas(page)==[]
    text = page.read_text()
    assert text.count("<math")==2 and text.count("<mfrac>")==1 and text.count('display="block"')==1 and r"\frac" not in text


def test_unreadable_formula_is_named(tmp_path):
    page = tmp_path/"a.html"
    page.write_text(r'<span class="math inline">\(\fraction{1}{2}\)</span>')
    assert r"\fraction" in docs.set_formulas(page)[0]


def test_relink():
    text = (f"[a](20_tree.taxonomy.ipynb#names) [b]({docs.on_site}tree.infer.html#upgma) [c](../LICENSE) "
            "[d](images/x.png) [e](https://e.org/1_x.ipynb) [f](#here)")
    assert docs.relink(text)==(f"[a](tree.taxonomy.ipynb#names) [b](tree.infer.html#upgma) [c]({docs.on_git}LICENSE) [d](images/x.png) "
                               "[e](https://e.org/1_x.ipynb) [f](#here)")
