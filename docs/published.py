"""Arguments of the published training scripts beside the settings of our recipes, read from
docs/published.toml.

    python docs/published.py    print where the two no longer agree
"""
import math
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from hiernb.run.recipe import read_recipe

file = Path(__file__).with_suffix(".toml")
absent = "absent"          # what a recipe has where it has no such key


class Row(NamedTuple):
    "An argument of one run of a script."
    paper:str              # a table of the file
    script:str
    command:str            # which of the script's runs; empty where it has one
    flag:str
    given_by:str           # script, default or code
    published:Any          # its value; a list: a run for each
    recipe:str
    key:str                # the setting that answers to it; empty: none does
    ours:Any               # its value
    verdict:str            # same, differs because …, no setting: …; empty: it is not said


def papers()->dict[str,dict]:
    "What the file says: paper -> tables."
    return tomllib.loads(file.read_text(encoding="utf-8"))


def listed(value:Any)->list: return value if isinstance(value, list) else [value]


def concerns(entry:dict, script:str, command:str)->bool:
    "Whether an entry's patterns fit a run."
    fits = lambda name,patterns: any(fnmatchcase(name, pattern) for pattern in listed(patterns))
    return fits(script, entry.get("scripts", "*")) and fits(command, entry.get("commands", "*"))


def arguments(paper:dict, script:str, command:str)->dict[str,tuple[Any,str]]:
    "What a run is given: flag -> value, and who gives it."
    said = paper["scripts"][script]
    defaults = paper["defaults"] | paper.get("program_defaults", {}).get(said.get("program"), {})
    every = {} if said.get("alone") else paper["every"]
    passed = every | said["flags"] | paper.get("commands", {}).get(command, {})
    code = {flag:entry["value"] for flag,entry in paper["code"].items() if concerns(entry, script, command)}
    given = (("default",defaults), ("script",passed), ("code",code))
    return {flag:(value,given_by) for given_by,some in given for flag,value in some.items()}


def meant(flag:str, value:Any, given:dict, means:dict)->Any:
    "A published value in our terms: words translated, and what counts per process counted in all."
    processes = given.get("nproc_per_node", (1,))[0]
    if flag=="batch_size": return value*processes
    if flag=="lr" and "nproc_per_node" in given: return value*given["batch_size"][0]*processes/180
    return means.get(str(value).lower() if isinstance(value, bool) else str(value), value)


def setting(said:dict[str,Any], entry:dict)->Any:
    "The value of the keys of an entry in a recipe; ValueError where they do not agree."
    found = []
    for key in listed(entry["key"]):
        value = said.get(key, absent)
        if "item" in entry: value = (value or {}).get(entry["item"], entry.get("absent", absent))
        if "is" in entry: value = value==entry["is"]
        found.append(list(value) if isinstance(value, tuple) else "none" if value is None else value)
    there = [value for value in found if value not in (absent,"none")] or found[:1]
    if any(value!=there[0] for value in there):
        raise ValueError(f"{entry['key']} of a recipe are {found}: expected one value")
    return there[0]


def close(one:Any, two:Any)->bool:
    "Whether two values are one, numbers up to rounding, and true only true."
    if bool in (type(one),type(two)): return one is two
    numbers = isinstance(one, (int,float)) and isinstance(two, (int,float))
    return abs(one-two)<=1e-9*abs(two) if numbers else one==two


def verdict(paper:dict, flag:str, entry:dict, wanted:list, ours:Any, script:str, command:str)->str:
    "same, or the reason that the file gives for exactly this value of ours; empty if it gives none."
    if "because" in entry: return f"differs because {entry['because']}"
    if "without" in entry: return f"no setting: {entry['without']}"
    if any(close(value, ours) for value in wanted) and len(wanted)==1: return "same"
    if any(close(value, ours) for value in wanted): return "same as one of them"
    for reason in paper["differs"]:
        fits = flag in listed(reason["flag"]) and concerns(reason, script, command)
        values = [reason["ours"]] if ours==reason["ours"] else listed(reason["ours"])
        if fits and any(close(value, ours) for value in values): return f"differs because {reason['because']}"
    return ""


def runs(paper:dict)->Iterator[tuple[str,str,str]]:
    "Script, command and recipe of each run."
    for script,said in paper["scripts"].items():
        for command in paper.get("commands", {"":{}}):
            yield script,command,f"{said['recipe']}-{command}" if command else said["recipe"]


def rows(pattern:str="*")->Iterator[Row]:
    """Every argument of every run of the recipes that fit.
    ValueError for one that [PAPER.flags] does not explain."""
    for name,paper in papers().items():
        for script,command,recipe in runs(paper):
            if not fnmatchcase(recipe, pattern): continue
            said,given = read_recipe(recipe).flat(),arguments(paper, script, command)
            for flag,(value,given_by) in given.items():
                if flag not in paper["flags"]:
                    raise ValueError(f"{file.name}: [{name}.flags] does not say what {flag!r} means")
                entry = paper["flags"][flag]
                wanted = [meant(flag, v, given, entry.get("means", {})) for v in listed(value)]
                ours = entry.get("fixed", "") if "key" not in entry else setting(said, entry)
                key = ", ".join(listed(entry.get("key", entry.get("see", ""))))
                if "item" in entry: key += f": {entry['item']}"
                why = verdict(paper, flag, entry, wanted, ours, script, command)
                yield Row(name, script, command, flag, given_by, value, recipe, key, ours, why)


def problems(found:list[Row])->list[str]:
    "A line for each row that is neither the same nor explained, and for each explanation that no row needs."
    lines = [f"{row.recipe}: {row.key} is {row.ours!r}, and {row.flag} of {row.script} {row.command} is "
             f"{row.published!r} ({row.given_by}): say in {file.name} why it differs" for row in found
             if not row.verdict]
    for name,paper in papers().items():
        mine = [row for row in found if row.paper==name]
        unknown = set(paper["flags"])-{row.flag for row in mine}
        lines += [f"{file.name}: [{name}.flags] {flag!r} is no argument" for flag in sorted(unknown)]
        for reason in paper["differs"]:
            stale = set(listed(reason["flag"]))-{row.flag for row in mine if row.verdict
                ==f"differs because {reason['because']}"}
            lines += [f"{file.name}: [{name}.differs] {flag!r} no longer differs as it says"
                for flag in sorted(stale)]
    return lines


def told(value:Any)->str:
    "A value as the page shows it."
    if isinstance(value, list): return ", ".join(map(told, value))
    words = f"{value:g}" if isinstance(value, float) else str(value)
    return words.replace("|", "\\|") or "–"


def script_parts(script:str)->tuple[str,str]:
    "A script's name as network and data set; one of them is empty where the name has one part."
    name = (
        script.removeprefix("scripts/").removesuffix(".sh").removesuffix("_whole_models").removeprefix("train_"))
    network,_,data = name.replace("hier_", "").rpartition("/")
    return (data,"") if script.startswith("README") else (network,data)


def runs_told(some:list[Row], every:list[Row])->str:
    "Which runs some rows are of, in few words: all, networks, data sets, commands, or one by one."
    each = lambda part: list(dict.fromkeys((*script_parts(row.script),row.command) for row in part))
    mine,others = each(some),each(every)
    if len(mine)==len(others): return "all"
    axes = [list(dict.fromkeys(axis)) for axis in zip(*mine)]
    if math.prod(map(len, axes))!=len(mine): return ", ".join("-".join(filter(None, run)) for run in mine)
    there = [{run[0] for run in others}] + [{run[i] for run in others if run[0] in axes[0]} for i in (1,2)]
    return "; ".join(", ".join(filter(None, axis)) for axis,whole in zip(axes, there) if set(axis)!=whole)


def table(found:list[Row])->str:
    "A Markdown table, a line for each argument and each value of it, theirs or ours."
    lines = ["| argument | published | by | runs | ours | setting | |","|---|---|---|---|---|---|---|"]
    for flag in dict.fromkeys(row.flag for row in found):
        groups = {}
        for row in (row for row in found if row.flag==flag):
            shown = told(row.published),row.given_by,told(row.ours),row.key,row.verdict
            groups.setdefault(shown, []).append(row)
        for (published,given_by,ours,key,why),some in groups.items():
            cells = told(flag),published,given_by,runs_told(some, found),ours,key,why
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def page()->str:
    "The page as Markdown, its title and description in front."
    found = list(rows())
    parts = ["---\ntitle: Published scripts and our recipes\n"
             "description: Every argument of the published training scripts beside the setting of our recipe.\n---",
             "Made from `docs/published.toml`, which a test compares with the recipes. "
             "*by*: a script passes the argument, it is a default of the program, or its code fixes the "
             "value."]
    for name,paper in papers().items():
        mine = [row for row in found if row.paper==name]
        same = sum(row.verdict.startswith("same") for row in mine)
        differ = sum(row.verdict.startswith("differs") for row in mine)
        counts = f"{same} the same, {differ} different, {len(mine)-same-differ} without a setting"
        parts += [f"## {paper['title']}",
            f"{paper['repository']} at {paper['commit']}. {len(paper['scripts'])} scripts make {len(mine)} "
            f"arguments: {counts}.",
            table(mine), "Not verified: "+"; ".join(paper["unverified"])+"."]
    return "\n\n".join(parts)+"\n"


if __name__=="__main__": print(*problems(list(rows())), sep="\n")
