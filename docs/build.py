"""The README and the documentation site, from the notebooks, with what pip installs.

    python docs/build.py readme    nbs/index.ipynb -> README.md, and type stubs beside the modules that need them (docs/stubs.py)
    python docs/build.py site      nbs/*.ipynb and docs/published.toml -> _docs, then every link, anchor, picture and formula is checked

nbdev writes processed notebooks with the API of each symbol into _proc, smalldocs renders that folder,
math-core turns the
formulas into MathML, and the browser sets them in STIX Two Math (the font comes with ziamath). The pages load
nothing from elsewhere.
"""
import html
import json
import posixpath
import re
import shutil
import sys
import textwrap
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urldefrag

import nbformat
import yaml
from math_core import LatexError, LatexToMathML
from nbconvert import MarkdownExporter
from nbdev.config import get_config
from nbdev.serve import proc_nbs
from smalldocs.site import build
from stubs import write_stubs

config = get_config()
root,nbs = config.config_path,config.nbs_path
on_site = config.doc_host + config.doc_baseurl + "/"
on_git = f"{config.git_url}/blob/{config.branch}/"
# a notebook in a folder of nbs, or the page that nbdev expects of it
numbered = re.compile(r"\b\d\d_(\w+)/(?:\d\d_)?(\w+)\.(ipynb|html)")
link = re.compile(r"(\]\()(?!\w+:|#|/)([^)\s]+)")  # a relative Markdown link or picture: `](target`


def page_name(notebook:str)->str:
    "`20_tree/03_taxonomy.ipynb` becomes `tree.taxonomy.ipynb`: a page is called what its module is called."
    return numbered.sub(r"\1.\2.\3", notebook)


# README

def readme()->None:
    "Write README.md from nbs/index.ipynb; links that are relative to nbs become relative to the repository."
    nb = nbformat.read(nbs/config.readme_nb, 4)
    nb.cells = [c for c in nb.cells if not re.search(r"^#\|\s*(hide|default_exp|export)", c.source, re.M)]
    nb.metadata["language_info"] = dict(name="python")
    for cell in nb.cells:
        if re.search(r"^#\|\s*echo:\s*false", cell.source, re.M):
            cell.metadata["transient"] = dict(remove_source=True)
        cell.source = re.sub(r"^#\|.*\n?", "", cell.source, flags=re.M)
    text,made = MarkdownExporter().from_notebook_node(nb,
        resources=dict(unique_key="index", output_files_dir="images"))
    # of pandas tables; GitHub would show it as text
    text = re.sub(r"<style.*?</style>\s*", "", text, flags=re.S)
    text = text.replace("![png]", "![The tree that a classifier's class means imply, beside the true one]")
    text = link.sub(lambda m: m[1] + posixpath.normpath(f"{nbs.name}/{m[2]}"), text)
    for name,data in made["outputs"].items():
        (nbs/name).parent.mkdir(exist_ok=True)
        (nbs/name).write_bytes(data)
    top = f"<!-- Made from {nbs.name}/{config.readme_nb} by `make export`: edit that. -->\n\n"
    write_stubs(root)
    (root/"README.md").write_text(top + re.sub(r"[ \t]+$", "", re.sub(r"\n{3,}", "\n\n", text),
        flags=re.M).strip() + "\n")


# Site

def relink(
    text:str,       # Markdown of a page
    folder:str="",  # of the notebook, in nbs
)->str:
    "Point links at pages of this site: nbdev's absolute ones, other notebooks, and files outside nbs."
    def one(m):
        path = posixpath.normpath(posixpath.join(nbs.name, folder, m[2]))
        if not path.startswith(f"{nbs.name}/"): return m[1] + on_git + path
        return m[1] + page_name(path.removeprefix(f"{nbs.name}/"))
    text = link.sub(one, nested.sub(r"[\1]", text))
    return re.sub(re.escape(on_site) + r"([^)\s]*)", lambda m: page_name(m[1]), text)


nested = re.compile(r"\[\[(`[^`\]]+`)\]\([^)]*\)\](?=\()")  # nbdev links a symbol's name inside a link
# nbdev links symbols in the comments of a signature: code shows no links
linked = re.compile(r"\[`([^`\]]+)`\]\([^)]*\)")
# a docstring's examples: lines set in below a line with a colon
listing = re.compile(r"^(\w.*:)\n((?:[ ]{2,}\S.*(?:\n|$))+)", re.M)


def as_written(
    text:str,  # the Markdown of a symbol's documentation
)->str:
    "Keep the lines of a docstring's examples, and their dashes; take links out of signatures."
    def block(m): return f"{m[1]}\n\n```\n{textwrap.dedent(m[2]).rstrip()}\n```\n"
    parts = re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)         # the signature is a block already
    return "".join(linked.sub(r"\1", part) if k%2 else listing.sub(block, part)
        for k,part in enumerate(parts))


def prepare()->Path:
    "Process the notebooks into _proc, named as pages, with a project file that lists them by floor."
    proc = proc_nbs(n_workers=2, force=True)
    menu = {}
    for path in sorted(proc.rglob("*.ipynb")):
        place = path.relative_to(proc).as_posix()
        folder = place.rpartition("/")[0]
        nb = json.loads(path.read_text())
        for cell in nb["cells"]:
            if cell["cell_type"]=="raw":
                cell["source"] = re.sub(r"(?m)^output-file:.*\n", "", "".join(cell["source"]))
            if cell["cell_type"]=="markdown": cell["source"] = relink("".join(cell["source"]), folder)
            for data in (o["data"] for o in cell.get("outputs",[]) if "text/markdown" in o.get("data",{})):
                data["text/markdown"] = as_written(relink("".join(data["text/markdown"]), folder))
        path.unlink()
        (proc/page_name(place)).write_text(json.dumps(nb))
        if folder: menu.setdefault(folder.partition("_")[2], []).append(page_name(place))
    from published import page  # takes seconds to import, and the README needs none of it
    (proc/"published.md").write_text(page())
    menu["run"].append("published.md")
    shutil.copy(Path(find_spec("ziamath").origin).parent/"fonts"/"STIXTwoMath-Regular.ttf", proc)
    shutil.copy(Path(__file__).parent/"site.css", proc)
    contents = ["index.ipynb", *({"section":floor, "contents":pages} for floor,pages in menu.items())]
    project = {
        "project": {"output-dir":str(config.doc_path), "resources":["*.ttf"]},
        "website": {"title":config.title, "description":config.description, "repo-url":config.git_url,
        "site-url":on_site,
                    "navbar":{"search":True,
                    "right":[{"icon":"github", "text":"Source", "href":config.git_url}]},
                    "sidebar":{"style":"floating", "contents":contents}, "page-navigation":True},
        "from":"markdown-smart", "theme":"cosmo", "css":"site.css", "toc":True, "max-width":"70rem",
    }
    (proc/"_smalldocs.yml").write_text(yaml.safe_dump(project, sort_keys=False))
    return proc


css_import = re.compile(  # a theme fetches its font so; the browser's own will do
    r"@import\s+(?:url\(\s*[\"']?(?:https?:)?//[^)]*\)|[\"'](?:https?:)?//[^\"']*[\"'])[^;]*;")


def stay_at_home(
    path:Path,  # a style sheet; written again without imports from other hosts
)->None:
    "Style sheets load nothing from elsewhere."
    path.write_text(css_import.sub("", path.read_text()))


def set_formulas(
    path:Path,  # a rendered page; written again with MathML in place of TeX
)->list[str]:   # a line for each formula that could not be converted
    "TeX to MathML, and off with the scripts that would fetch KaTeX from elsewhere."
    problems,latex = [],LatexToMathML()
    def one(m):
        display,tex = m[1]=="display",html.unescape(m[2])[2:-2]
        try: return latex.convert_with_local_state(tex, displaystyle=display)
        except LatexError as e: problems.append(f"{path.name}: formula {tex!r}: {e}")
        return m[0]
    text = re.sub(r'<span class="math (inline|display)">(.*?)</span>', one, path.read_text(), flags=re.S)
    path.write_text(re.sub(r'<(?:link|script)\b[^>]*cdn\.jsdelivr\.net/npm/katex[^>]*>(?:</script>)?\s*', "",
        text))
    return problems


class Page(HTMLParser):
    "What a page defines (`ids`), points to (`links`) and loads by itself (`loads`)."
    def __init__(self, text:str):
        super().__init__()
        self.ids,self.links,self.loads = {""},[],[]
        self.raw = []       # Markdown links that were left as text
        self.feed(text)
        prose = re.sub(r"<(pre|script|style)\b.*?</\1>", "", text, flags=re.S)
        self.raw += re.findall(r"\](?:</\w+>)*\([\w./-]+\.(?:html|ipynb|md)[^)\s]*\)", prose)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs[k] for k in ("id","name") if attrs.get(k)}
        for k in ("href","src"):
            if attrs.get(k):
                (self.loads if k=="src" or tag=="link" and attrs.get("rel")!="canonical"
                    else self.links).append(attrs[k])


def broken_links(
    site:Path,  # a folder of HTML pages
)->tuple[list[str],set[str]]:  # a line for each problem; the links that leave the site (not fetched)
    "Every internal link, anchor and picture has its target, and no page loads anything from another host."
    pages = {p:Page(p.read_text()) for p in sorted(site.rglob("*.html"))}
    problems,external = [],set()
    for path,page in pages.items():
        where = path.relative_to(site)
        problems += [f"{where}: {raw}: a link that is shown as text" for raw in page.raw]
        for href in page.links+page.loads:
            if href.startswith(("data:","mailto:","javascript:")): continue
            if re.match(r"(\w+:)?//", href):
                if href in page.loads:
                    problems.append(f"{where}: loads {href}: the page must show with no network")
                else: external.add(href)
                continue
            url,anchor = urldefrag(href)
            name,anchor = unquote(url.partition("?")[0]),unquote(anchor)
            target = (path.parent/name).resolve() if name else path
            if target.is_dir(): target /= "index.html"
            if not target.is_file(): problems.append(f"{where}: {href}: no such file")
            elif target in pages and anchor not in pages[target].ids:
                problems.append(f"{where}: {href}: no such anchor")
    for path in sorted(site.rglob("*.css")):
        for url in re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s;]+)", path.read_text()):
            problems.append(f"{path.relative_to(site)}: loads {url}: the page must show with no network")
    return problems,external


def site()->None:
    "Build the site into _docs; exit with 1 and name every broken link and unreadable formula."
    made = build(prepare(), quiet=True)
    # links are checked below, anchors and pictures too
    problems = [w for w in made.warnings if "broken link" not in w]
    for path in sorted(made.out.rglob("*.css")): stay_at_home(path)
    for path in sorted(made.out.rglob("*.html")): problems += set_formulas(path)
    more,external = broken_links(made.out)
    problems += more
    print(f"docs: links that leave the site, not fetched ({len(external)}; those to this repository's files "
        f"not listed):")
    print(*(f"  {u}" for u in sorted(external) if not u.startswith(on_git)), sep="\n")
    if problems: sys.exit("\n".join(["docs: not in order:", *problems]))
    print(f"docs: {len(made.pages)} pages in {made.out.name}, every link, anchor, picture and formula checked")


if __name__=="__main__": {"readme":readme, "site":site}[sys.argv[1]]()
