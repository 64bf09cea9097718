"""Run every benchmark by itself, one after the other, and write what they print to benchmarks/RESULTS.md.
Leave the machine alone meanwhile."""
import os,pathlib,platform,subprocess,sys
from importlib.metadata import version

here = pathlib.Path(__file__).parent
packages = "torch numpy scipy scikit-bio biopython pytorch-metric-learning".split()

def processor()->str:
    "The processor's name, where the system tells it."
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    names = [line.split(":",
        1)[1].strip() for line in cpuinfo.read_text().splitlines()
        if line.startswith("model name")] if cpuinfo.exists() else []
    return names[0] if names else platform.processor()

def main()->None:
    "One section a script; a script that fails ends the run and leaves the old results."
    text = ["# Benchmarks", "",
            "Made by `make bench` (`python benchmarks/run.py`): every script here, each in a process of its "
            "own, on an otherwise idle machine.",
            "*Ours* and *peer* had the same input in the same run; the ratio is peer : ours, so above 1 ours "
            "is the faster or smaller one.", "",
            f"{os.cpu_count()} cores ({processor()}), Python {platform.python_version()}, "
            +", ".join(f"{p} {version(p)}" for p in packages)+".", ""]
    for script in sorted(here.glob("*.py")):
        if script.stem in ("run","common","device"): continue                  # the last needs a GPU
        print(f"{script.name} …", flush=True)
        rows = subprocess.run([sys.executable,script], capture_output=True, text=True, check=True,
            cwd=here.parent).stdout.strip()
        print(rows, flush=True)
        head = (
            [] if rows.lstrip().startswith("| what")
            else ["| what | ours | peer | ratio | peer is |","|---|---|---|---|---|"])
        text += [f"## {script.stem}", "", f"`python benchmarks/{script.name}`", "", *head, rows, ""]
    (here/"RESULTS.md").write_text("\n".join(text))

if __name__=="__main__": main()
