"""Type stubs, from the exported modules.

A room gives a class its methods one cell at a time with fastcore's `@patch`; type checkers follow no such
assignment. For each
module with such a class this writes a stub beside it, `taxonomy.pyi` beside `taxonomy.py`: the same
signatures, with the methods
inside their class. Modules without one are read as they are. `docs/build.py readme` runs it, so that `make
export` does.
"""
import ast
from copy import deepcopy
from pathlib import Path

HEADER = "# Made from {name}.py by `make export`: edit the notebook.\n"


def is_patch(node:ast.AST)->bool:
    "Tell whether a decorator is fastcore's `patch`."
    return (
        isinstance(node, ast.Name) and node.id=="patch" or isinstance(node, ast.Call) and is_patch(node.func))


def patched_class(
    node:ast.AST,  # a statement of a module
)->str|None:       # name of the class that gets a method, if the statement is a patch
    "Find the class that a patch extends."
    if not isinstance(node, ast.FunctionDef) or not any(map(is_patch, node.decorator_list)): return None
    return ast.unparse(node.args.args[0].annotation)


def as_method(
    node:ast.FunctionDef,  # a patch
)->ast.FunctionDef:
    "Write a patch as a method of its class: property, class method or plain."
    node = deepcopy(node)
    patch, = filter(is_patch, node.decorator_list)
    options = {k.arg for k in patch.keywords} if isinstance(patch, ast.Call) else set()
    unknown = options-{"as_prop","cls_method"}
    if unknown:
        raise ValueError(f"{node.name}: expected @patch with as_prop or cls_method, found {sorted(unknown)}")
    kind = [ast.Name(new)
        for old,new in dict(as_prop="property", cls_method="classmethod").items() if old in options]
    node.decorator_list = kind + [d for d in node.decorator_list if d is not patch]
    node.args.args[0].annotation = None
    return node


def without_body(node:ast.FunctionDef)->ast.FunctionDef:
    "Keep the signature of a function alone."
    node.body = [ast.Expr(ast.Constant(...))]
    return node


def attributes(
    node:ast.ClassDef,
)->list[str]:  # names assigned to `self` in its methods and declared nowhere in the class
    "Find the attributes that a class sets on itself."
    stored = [n for n in ast.walk(node) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)]
    names = dict.fromkeys(n.attr for n in stored if isinstance(n.value, ast.Name) and n.value.id=="self")
    targets = [t for n in node.body for t in (n.targets if isinstance(n,
        ast.Assign) else [getattr(n, "target", None)])]
    declared = {t.id for t in targets if isinstance(t, ast.Name)} | {getattr(n, "name",
        None) for n in node.body}
    return [name for name in names if name not in declared]


def stub_class(
    node:ast.ClassDef,
    methods:list[ast.FunctionDef],  # its patches
)->ast.ClassDef:
    """Write a class with its attributes, and with its patches as methods; an attribute without a declared
    type is `Any`."""
    node.body += map(as_method, methods)
    body = [ast.AnnAssign(ast.Name(name), ast.Name("Any"), None, 1) for name in attributes(node)]
    for item in node.body:
        if isinstance(item, ast.Expr): continue              # its docstring
        body.append(without_body(item) if isinstance(item, ast.FunctionDef) else item)
    node.body = body or [ast.Expr(ast.Constant(...))]
    return node


def origin(
    node:ast.ImportFrom,
    module:str,  # that holds the statement
)->str:          # the module that it names, in full
    "Resolve a relative import."
    return (
        ".".join([*module.split(".")[:-node.level], *filter(None, [node.module])]) if node.level
        else node.module)


def bindings(
    tree:ast.Module,
    module:str,            # its name
)->dict[str,ast.stmt]:     # name -> the statement that imports it, from anywhere
    "Find how another module gets each name of this one."
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names: found[alias.asname or alias.name.split(".")[0]] = ast.Import([alias])
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                found[alias.asname or alias.name] = ast.ImportFrom(origin(node,module), [alias], 0)
        elif hasattr(node, "name"): found[node.name] = ast.ImportFrom(module, [ast.alias(node.name)], 0)
    return found


def used_names(node:ast.FunctionDef)->set[str]:
    "Find the names in a signature."
    parts = [node.args, *filter(None, [node.returns])]
    return {n.id for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)}


def stub(
    tree:ast.Module,
    imports:list[ast.stmt],                   # what the patches of later rooms need
    patches:dict[str,list[ast.FunctionDef]],  # class -> methods
)->str:
    "Write the stub of one module."
    body = [ast.ImportFrom("typing", [ast.alias("Any")], 0), *imports]
    for node in tree.body:
        if patched_class(node) or isinstance(node, ast.Expr): continue
        if isinstance(node, ast.ImportFrom) and node.module=="__future__": continue
        if isinstance(node, ast.ClassDef): node = stub_class(node, patches.get(node.name, []))
        elif isinstance(node, ast.FunctionDef): node = without_body(node)
        body.append(node)
    return ast.unparse(ast.Module(body, [])) + "\n"


def stubs(
    root:Path,      # folder of the repository
)->dict[Path,str]:  # stub file -> its text
    "Write the stub of each module with a class that has patches, in its own room or in a later one."
    files = {".".join(f.relative_to(root).with_suffix("").parts):f
        for f in sorted((root/"hiernb").rglob("*.py"))}
    trees = {name:ast.parse(f.read_text(encoding="utf-8")) for name,f in files.items()}
    bound = {name:bindings(tree, name) for name,tree in trees.items()}
    patches,imports = {},{}                                  # by the module of the class
    for name,tree in trees.items():
        for node in tree.body:
            owner = patched_class(node)
            if owner is None: continue
            home = bound[name][owner].module
            patches.setdefault(home, {}).setdefault(owner, []).append(node)
            foreign = sorted(used_names(node) & set(bound[name]) - set(bound[home]))
            for used in foreign: imports.setdefault(home, {})[used] = bound[name][used]
    made = {}
    for home,methods in patches.items():
        text = stub(trees[home], list(imports.get(home, {}).values()), methods)
        made[files[home].with_suffix(".pyi")] = HEADER.format(name=files[home].stem) + text
    return made


def write_stubs(root:Path)->None:
    "Bring the stubs of a repository up to date, and remove those of modules that need none."
    made = stubs(root)
    # what a package hands on is written by hand
    kept = set(made) | set((root/"hiernb").rglob("__init__.pyi"))
    for file in set((root/"hiernb").rglob("*.pyi"))-kept: file.unlink()
    for file,text in made.items(): file.write_text(text, encoding="utf-8")
