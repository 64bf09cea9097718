"""How long a user waits for `hiernb --help`, beside Python itself and beside the library's heaviest import.
`python benchmarks/startup.py`"""
import statistics,subprocess,sys,time
from common import row

def seconds(*words:str)->float:
    "Median of seven processes, after one that warms the disk's cache."
    times = []
    for _ in range(8):
        start = time.perf_counter()
        subprocess.run([sys.executable,*words], check=True, capture_output=True)
        times.append(time.perf_counter()-start)
    return statistics.median(times[1:])

def main()->None:
    "The command line imports torch only when a command needs it."
    ours = seconds("-m","hiernb","--help")
    print(row("hiernb --help", ours, seconds("-c","import torch"), "s", "python -c 'import torch'"))
    print(row("hiernb --help", ours, seconds("-c","pass"), "s", "python -c pass"))

if __name__=="__main__": main()
