"""First matches of 2,000 queries among 1,000,000 gallery points of 128 dimensions, in two processes that hold
half of them each; memory-mapped files."""
import os,socket,sys,tempfile,threading,time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from common import _rss,row
from hiernb.metric.sharded import sharded_ranks
from hiernb.train.distributed import all_gather,destroy_process_group,get_rank,init_process_group,share

N,D,Q,FILES,KS = 1_000_000,128,2_000,8,(1,10,100,1000)

def points(folder, n, i):
    "A file of points; a hundredth as many classes as there are points in all files."
    g = torch.Generator().manual_seed(i+1)
    labels = torch.randint(n//100, (n//FILES,), generator=g)
    centers = torch.randn(n//100, D, generator=torch.Generator().manual_seed(0))
    np.save(folder/f"points{i}.npy", (centers[labels]+2*torch.randn(n//FILES, D, generator=g)).numpy())
    np.save(folder/f"labels{i}.npy", labels.numpy())

def shards(folder, numbers):
    return [tuple(np.load(folder/f"{what}{i}.npy", mmap_mode="r") for what in ("points",
        "labels")) for i in numbers]

def ask(folder, processes, rank, port, pipe):
    """Ranks, seconds and the peak of memory above the start, looked at every 10 ms, in one of some processes;
    pages of mapped files do not count."""
    torch.set_num_threads(2//processes)
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(processes), LOCAL_RANK=str(rank),
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    init_process_group("cpu")
    mine = shards(folder, share(range(FILES)))
    (gallery,labels),*_ = shards(folder, [0])
    queries,of = torch.from_numpy(np.array(gallery[:Q])),torch.from_numpy(np.array(labels[:Q]))
    before,most,done = _rss("RssAnon"),[0],threading.Event()
    def look():
        while not done.wait(.01): most[0] = max(most[0], _rss("RssAnon")-before)
    watch = threading.Thread(target=look)
    watch.start()
    start = time.perf_counter()
    ranks = sharded_ranks(queries, of, mine, torch.arange(len(queries)), all_gather=all_gather, rank=get_rank())
    seconds = time.perf_counter()-start
    done.set()
    watch.join()
    destroy_process_group()
    pipe.send((ranks.tolist(),seconds,most[0]))

def run(folder, processes):
    "The slowest process's seconds, the largest one's memory, and ranks on which all agree."
    with socket.socket() as s:
        s.bind(("127.0.0.1",0))
        port = s.getsockname()[1]
    context = get_context("spawn")
    pipes = [context.Pipe(False) for _ in range(processes)]
    children = [context.Process(target=ask, args=(folder,processes,rank,port,there))
        for rank,(_,there) in enumerate(pipes)]
    for process,(_,there) in zip(children, pipes):
        process.start()
        there.close()
    answers = [here.recv() for here,_ in pipes]
    for process in children: process.join()
    assert all(ranks==answers[0][0] for ranks,*_ in answers)
    return torch.tensor(answers[0][0]),max(s for _,s,_ in answers),max(m for *_,m in answers)

def by_faiss(folder):
    """Lists of 1000 by float32 inner products of unit vectors, two threads, everything in memory; the query
    is taken off the front."""
    import faiss
    faiss.omp_set_num_threads(2)
    unit = lambda x: x/np.linalg.norm(x, axis=1, keepdims=True)
    files = shards(folder, range(FILES))
    labels = np.concatenate([l for _,l in files])
    index = faiss.IndexFlatIP(D)
    for gallery,_ in files: index.add(unit(gallery))
    start = time.perf_counter()
    found = index.search(unit(files[0][0][:Q]), max(KS)+1)[1][:,1:]
    seconds = time.perf_counter()-start
    hits = labels[found]==labels[:Q,None]
    return {k:hits[:,:k].any(1).mean() for k in KS},seconds

def main(n=N):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i in range(FILES): points(folder, n, i)
        ranks,two,memory = run(folder, 2)
        same,one,_ = run(folder, 1)
        recall,faiss = by_faiss(folder)
    assert torch.equal(ranks,
        same) and all(abs(float((ranks<=k).double().mean())-recall[k])<2e-3 for k in KS), recall
    what = (
        f"Recall@1, 10, 100, 1000 of {Q:,} queries in {n:,}×{D} on the sphere, in two processes of one thread")
    print(row(f"{what}, time", two, one, "s", "one process of two threads, the same ranks"))
    print(row(f"{what}, time", two, faiss, "s", "faiss IndexFlatIP, lists of 1000, two threads"))
    print(row(f"{what}, memory of each beside its mapped files", memory/1e6, n*D*4/1e6, "MB",
        "the gallery in float32"))

if __name__=="__main__": main(*map(int, sys.argv[1:]))
