"The rules of the house, each a function from a repository's folder to a list of what breaks it."
import ast
import json
import re
import subprocess
import sys
from configparser import ConfigParser
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

# number of the folder, package, number in the folder, module
room_name = re.compile(r"(\d\d)_(.+)/(\d\d)_(.+)")
silent = ("learn", "study")                             # packages of notebooks that export nothing
strangers = [{"loss", "metric"}, {"geometry", "tree"}]  # floors that do not import each other,
# but proxy_tree (a name that users call) measures its points in the ball; tree.minimax sees distances only
acquainted = {("tree.infer", "geometry.poincare")}
common = {"geometry.errors"}                             # knows nothing of any floor


@dataclass
class Cell:
    "A code cell: its source and what is known of it."
    source:str
    outputs:list

    @property
    def exported(self)->bool: return bool(re.search(r"^#\|\s*exports?\b", self.source, re.M))

    @property
    # without magics
    def tree(self)->ast.Module: return ast.parse(re.sub(r"(?m)^(\s*)[%!].*", r"\1pass", self.source))


@dataclass
class Room:
    "A notebook in nbs: a room that exports a module, or a study that exports nothing."
    path:Path
    opening:str  # the first cell
    cells:list[Cell]  # the code cells

    @property
    def name(self)->str:
        return self.path.stem if self.path.parent.name=="nbs" else f"{self.path.parent.name}/{self.path.stem}"

    @property
    def place(self)->tuple[int,int]:
        "The numbers of its folder and of itself; what has none comes last."
        match = room_name.fullmatch(self.name)
        return (int(match[1]), int(match[3])) if match else (100, 0)

    @property
    def package(self)->str: return room_name.fullmatch(self.name)[2] if room_name.fullmatch(self.name) else ""

    @property
    def modules(self)->list[str]:
        return [m for c in self.cells for m in re.findall(r"^#\|\s*default_exp\s+(\S+)", c.source, re.M)]


def read_rooms(root:Path)->list[Room]:
    "The notebooks of a repository in the order of their file names."
    rooms = []
    for path in sorted((root/"nbs").rglob("*.ipynb")):
        if any(part.startswith((".", "_")) for part in path.relative_to(root).parts): continue
        cells = json.loads(path.read_text())["cells"]
        rooms.append(Room(path, "".join(cells[0]["source"]),
            [Cell("".join(c["source"]), c["outputs"]) for c in cells if c["cell_type"]=="code"]))
    return rooms


def imports(tree:ast.AST, everywhere:bool=False)->list[ast.Import|ast.ImportFrom]:
    "The import statements of a cell: at its top level, or everywhere."
    return [n for n in (ast.walk(tree) if everywhere else tree.body) if isinstance(n,
        (ast.Import, ast.ImportFrom))]


def one_room_per_module(root:Path)->list[str]:
    """A room exports to the module that its folder and file name say; a module has one room; tutorials,
    studies and the index export nothing."""
    found,made = [],{}
    for room in read_rooms(root):
        match = room_name.fullmatch(room.name)
        if not match and room.name!="index":
            found.append(f"{room.name}: expected nbs/NN_package/NN_module.ipynb")
        expected = [f"{match[2]}.{match[4]}"] if match and match[2] not in silent else []
        if room.modules!=expected:
            found.append(f"{room.name}: exports to {room.modules}, its name says {expected}")
        if not room.modules and any(c.exported for c in room.cells):
            found.append(f"{room.name}: exports without a module")
        for module in room.modules: made.setdefault(module, []).append(room.name)
    found += [f"hiernb.{m}: made by {rooms}" for m,rooms in made.items() if len(rooms)>1]
    files = {".".join(p.relative_to(root/"hiernb").with_suffix("").parts)
        for p in (root/"hiernb").rglob("*.py")
             if p.name not in ("__init__.py", "__main__.py", "_modidx.py")}
    found += [f"hiernb.{m}: a module without a notebook" for m in sorted(files-set(made))]
    return found + [f"hiernb.{m}: not exported" for m in sorted(set(made)-files)]


def own_numbers(root:Path)->list[str]:
    "Every number belongs to one folder of nbs, and within a folder to one notebook."
    found,seen = [],{}
    for room in read_rooms(root):
        if not room.package: continue
        folder = room.path.parent.name
        for owner,number in ((folder, folder.split("_")[0]),
            (room.name, f"{folder}/{room.path.stem.split('_')[0]}")):
            if seen.setdefault(number, owner)!=owner:
                found.append(f"{owner}: its number {number} is also that of {seen[number]}")
    return found


def title_and_promise(root:Path)->list[str]:
    """The first cell is a title and a one-line promise: the site makes them its heading and would drop what
    else is there."""
    return [f"{r.name}: the first cell is to be `# Title` and `> promise`, found {r.opening[:60]!r}"
        for r in read_rooms(root)
            if not re.fullmatch(r"# [^#\s].*\n+> .+\n*", r.opening)]


def downward_imports(root:Path)->list[str]:
    """Exported cells import by name, from smaller numbers of their own folder and from folders with smaller
    numbers, and not from a stranger's floor."""
    found,rooms = [],read_rooms(root)
    number = {m:r.place for r in rooms for m in r.modules}  # module -> numbers of its folder and of its room

    def sources(target:str, names:list[str])->list[str]:  # the modules of this house that an import statement reaches
        if target in number: return [target]
        inside = [f"{target}.{n}".strip(".") for n in names]
        if all(n in number for n in inside): return inside
        return [m for m in number if m.startswith(target+".")]  # a package hands on what its rooms export

    for room in rooms:
        for cell in (c for c in room.cells if c.exported):
            for node in imports(cell.tree, everywhere=True):
                names = [a.name for a in node.names if a.name!="__version__"]
                if not names: continue
                if "*" in names: found.append(f"{room.name}: star import: {ast.unparse(node)}")
                if isinstance(node, ast.ImportFrom):
                    if node.level: found.append(f"{room.name}: relative import: {ast.unparse(node)}")
                    reached = [(node.module or "", names)]
                else: reached = [(n, []) for n in names]
                for full,names in reached:
                    if full.split(".")[0]!="hiernb": continue
                    modules = sources(full.removeprefix("hiernb").strip("."), names)
                    if not modules:
                        found.append(f"{room.name}: no room makes what this imports: {ast.unparse(node)}")
                    for module in modules:
                        if number[module]>=room.place:
                            found.append(f"{room.name}: imports {module}, whose room is not below it")
                        floors = {m.split(".")[0] for m in (module, *room.modules)}
                        known = all((m, module) in acquainted for m in room.modules)
                        if floors in strangers and not known and module not in common:
                            found.append(f"{room.name}: imports {module}: these floors are strangers")
    return found


def declared_imports(root:Path)->list[str]:
    """What a room imports comes with Python, with this library or with the `requirements` of settings.ini, so
    that `pip install .` is enough."""
    parser = ConfigParser(delimiters=["="], interpolation=None)
    parser.read(root/"settings.ini")
    plain = lambda name: re.sub(r"[-_.]+", "-", name).lower()
    declared = {plain(re.match(r"[\w.-]+", r)[0]) for r in parser["DEFAULT"].get("requirements", "").split()}
    found,comes_with = [],packages_distributions()
    for room in read_rooms(root):
        for node in (n for c in room.cells if c.exported for n in imports(c.tree)):
            for full in [node.module or ""] if isinstance(node,
                ast.ImportFrom) else [a.name for a in node.names]:
                top = full.split(".")[0]
                if top in sys.stdlib_module_names or top=="hiernb": continue
                if not declared & {plain(d) for d in comes_with.get(top, [])}:
                    found.append(f"{room.name}: imports {top}, which is not among the requirements in "
                        f"settings.ini")
    return found


def imports_stand_alone(root:Path)->list[str]:
    """No other code in a cell with imports; a test cell has none inside a function either.
    The doc build runs each cell that holds one."""
    found = []
    for room in read_rooms(root):
        for cell in room.cells:
            alone = len(imports(cell.tree))==len(cell.tree.body)
            if not alone and imports(cell.tree, everywhere=not cell.exported):
                found.append(f"{room.name}: import mixed with other code: {cell.source[:60]!r}")
    return found


def every_cell_counts(root:Path)->list[str]:
    "No `eval: false`, no stored error, no exported cell too long to be read in one look."
    found = []
    for room in read_rooms(root):
        for cell in room.cells:
            lines = len(cell.source.splitlines())
            if re.search(r"#\|\s*eval:\s*false", cell.source):
                found.append(f"{room.name}: `eval: false` tests nothing")
            if any(o["output_type"]=="error" for o in cell.outputs):
                found.append(f"{room.name}: a stored error: {cell.source[:60]!r}")
            if cell.exported and lines>65: found.append(f"{room.name}: an exported cell of {lines} lines")
    return found


def small_notebooks(root:Path, limit:int=400_000)->list[str]:
    "No notebook is larger than `limit` bytes."
    sizes = [(r.name, r.path.stat().st_size) for r in read_rooms(root)]
    return [f"{name}: {size/1000:.0f} kB, at most {limit/1000:.0f}" for name,size in sizes if size>limit]


def only_the_project(root:Path)->list[str]:
    "No tracked text names a path of one machine or a package registry's address."
    path = r"(?<![\w./-])/(?:home|root|work|tmp|Users)/"
    index = r"--(?:extra-)?index-" + r"url|--find-" + r"links|--registry[ =]"
    bad = re.compile(f"{path}|{index}")
    found = []
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True,
        check=True).stdout
    for name in filter(None, listed.split("\0")):
        if not (root/name).is_file() or Path(name).suffix in (".npz", ".png", ".gz"): continue
        for n,line in enumerate((root/name).read_text(errors="replace").splitlines(), 1):
            if len(line)<10_000 and (m := bad.search(line)): found.append(f"{name}:{n}: {m[0]}")
    return found


rules = [
    one_room_per_module, own_numbers, title_and_promise, downward_imports, declared_imports,
    imports_stand_alone, every_cell_counts,
    small_notebooks, only_the_project]
