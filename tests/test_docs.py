"What the site's own checks let through and what they refuse."
import importlib.util
import sys
from pathlib import Path

import pytest

folder = Path(__file__).parent.parent/"docs"
sys.path.append(str(folder))     # the script imports its neighbors, as it does when it is run
spec = importlib.util.spec_from_file_location("docs_build", folder/"build.py")
docs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(docs)
sys.path.remove(str(folder))


@pytest.fixture
def site(tmp_path):
    (tmp_path/"b.html").write_text('<h2 id="here">b</h2>')
    (tmp_path/"a.png").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize("body, says", [
    ('<a href="b.html#here">b</a> <a href="#top" id="top">a</a> <img src="a.png"> <img '
    'src="data:image/png;base64,AA">', None),
    ('<a href="c.html">c</a>', "a.html: c.html: no such file"),
    ('<a href="b.html#there">b</a>', "a.html: b.html#there: no such anchor"),
    ('<a href="#there">a</a>', "a.html: #there: no such anchor"),
    ('<img src="b.png">', "a.html: b.png: no such file"),
    ('<link rel="stylesheet" href="x.css">', "a.html: x.css: no such file"),
    ('<p>see [<a href="b.html"><code>b</code></a>](b.html)</p>',
    "a.html: ](b.html): a link that is shown as text"),
    ('<pre>a[0](b.html)</pre><p>f[k](x)</p>', None),
    ('<script src="https://example.org/x.js"></script>',
    "a.html: loads https://example.org/x.js: the page must show with no network"),
])
def test_links(site, body, says):
    (site/"a.html").write_text(body)
    problems,external = docs.broken_links(site)
    assert problems==([says] if says else [])
    assert external==set()


def test_external_links_are_listed(site):
    (site/"a.html").write_text('<a href="https://example.org/x">x</a> <a href="b.html">b</a>')
    assert docs.broken_links(site)==([], {"https://example.org/x"})


def test_formulas_become_mathml(tmp_path):
    page = tmp_path/"a.html"
    page.write_text(r'<p><span class="math inline">\(a&lt;\frac{1}{2}\)</span> <span class="math display">\[\hat p_c\]</span></p>')
    assert docs.set_formulas(page)==[]
    text = page.read_text()
    assert text.count("<math")==2
    assert text.count("<mfrac>")==1
    assert text.count('display="block"')==1
    assert r"\frac" not in text


def test_unreadable_formula_is_named(tmp_path):
    page = tmp_path/"a.html"
    page.write_text(r'<span class="math inline">\(\fraction{1}{2}\)</span>')
    assert r"\fraction" in docs.set_formulas(page)[0]


def test_relink():
    text = (f"[a](../20_tree/03_taxonomy.ipynb#names) [b]({docs.on_site}20_tree/infer.html#upgma) "
        f"[c](../../LICENSE) "
            "[d](04_minimax.ipynb) [e](https://e.org/1_x.ipynb) [f](#here) [g](../index.ipynb)")
    assert docs.relink(text, "20_tree")==(
        f"[a](tree.taxonomy.ipynb#names) [b](tree.infer.html#upgma) [c]({docs.on_git}LICENSE) "
        "[d](tree.minimax.ipynb) [e](https://e.org/1_x.ipynb) [f](#here) [g](index.ipynb)")
    assert (
        docs.relink("[x](20_tree/03_taxonomy.ipynb) [y](images/x.png)")
        =="[x](tree.taxonomy.ipynb) [y](images/x.png)")


@pytest.mark.parametrize("css, says", [
    ("a{}", None), ("@font-face{src:url(STIX.ttf)}", None),
    ("a{background:url(data:image/png;base64,AA)}", None),
    ("@import url(https://fonts.example.org/css2?family=X:wght@300;400&display=swap);a{}",
    "https://fonts.example.org/css2?family=X:wght@300"),
    ('@import "//example.org/x.css";', "//example.org/x.css"),
    ("a{background:url('http://example.org/x.png')}", "http://example.org/x.png")])
def test_style_sheets_load_nothing(site, css, says):
    (site/"x.css").write_text(css)
    problems,_ = docs.broken_links(site)
    assert problems==([f"x.css: loads {says}: the page must show with no network"] if says else [])


@pytest.mark.parametrize("css, kept", [
    ("@import url(https://fonts.example.org/css2?family=X:wght@300;400;700&display=swap);:root{}", ":root{}"),
    ('@import "//example.org/x.css";a{}', "a{}"), ("@import url(own.css);a{}", "@import url(own.css);a{}")])
def test_imports_from_other_hosts_are_taken_out(tmp_path, css, kept):
    sheet = tmp_path/"x.css"
    sheet.write_text(css)
    docs.stay_at_home(sheet)
    assert sheet.read_text()==kept


def test_a_linked_symbol_keeps_one_link():
    assert (
        docs.relink("see [[`f`](tree.infer.html#f)](20_tree/05_infer.ipynb) and [`g`](a.html#g)")
        =="see [`f`](tree.infer.ipynb) and [`g`](a.html#g)")


def test_examples_keep_their_lines_and_dashes():
    made = docs.as_written("```python\ndef f(\n    a:int=0\n)->None:\n```\n\n*Do.*\n\nExamples:\n  hiernb "
        "train --print\n  hiernb table  -x\n\nMore:\ntext")
    assert (
        made=="```python\ndef f(\n    a:int=0\n)->None:\n```\n\n*Do.*\n\nExamples:\n\n```\nhiernb train --print\nhiernb table  -x\n```\n\nMore:\ntext")


def test_signatures_show_names_without_links():
    made = (
        docs.as_written("```python\ndef f(\n    t, # a [`Taxonomy`](tree.taxonomy.html#taxonomy)\n)\n```\n\nSee [`f`](a.html#f)."))
    assert "t, # a Taxonomy\n" in made
    assert "See [`f`](a.html#f)." in made
