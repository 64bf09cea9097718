"""Recall@{1,10,100,1000} and lists of 1,000 neighbors of points in the ball, 128 dimensions: time and
memory, beside faiss IndexFlatIP on the same vectors."""
import sys, time, torch
from functools import partial
from importlib import import_module
from common import peak_bytes, row
from hiernb.geometry.lorentz import query_key
from hiernb.geometry.poincare import expmap0
from hiernb.metric.retrieval import knn, recall_at_k

SIZES,D,C,KS,QUERIES = (20_000,60_000),128,.1,(1,10,100,1000),5

def points(n):
    "A tenth as many classes as points, as HIER's head leaves them: clipped at radius 2.3."
    g = torch.Generator().manual_seed(0)
    labels = torch.randint(n//10, (n,), generator=g)
    u = torch.randn(n//10, D, generator=g)[labels]+torch.randn(n, D, generator=g)
    return expmap0(2.3*torch.nn.functional.normalize(u)*torch.rand(n, 1, generator=g)**.1, C),labels

def by_faiss(embeddings, labels):
    """The list by float32 inner products; the query is taken off the front of it, wherever duplicates or
    rounding have put it."""
    import faiss
    queries,keys = (v.numpy() for v in query_key(embeddings, C))
    index = faiss.IndexFlatIP(D+1)
    index.add(keys)
    hits = torch.from_numpy(labels.numpy()[index.search(queries, max(KS)+1)[1][:,1:]])==labels[:,None]
    return {k:float(hits[:,:k].any(1).double().mean()) for k in KS}

def published(embeddings):
    """Distances in the Möbius form for one query after the other and once for each k, as published; sorted
    for each."""
    for q in embeddings[:QUERIES]:
        for k in KS:
            dot,q2,y2 = -(embeddings@q),q.square().sum(),embeddings.square().sum(1)
            moved = (-(1+2*C*dot+C*y2)[:,None]*q+(1-C*q2)*embeddings)/(1+2*C*dot+C*C*q2*y2+1e-5)[:,None]
            torch.atanh((C**.5*moved.norm(dim=1)).clamp(max=1-1e-5)).topk(k+1, largest=False)

def timed(f, *args):
    """What `f` gives, its wall time and the CPU time of all threads, in seconds; one call, for it takes that
    long."""
    start,work = time.perf_counter(),time.process_time()
    out = f(*args)
    return out,time.perf_counter()-start,time.process_time()-work

def ours(embeddings, labels): return recall_at_k(embeddings, labels, KS, geometry="poincare", c=C)
def lists(embeddings): return knn(embeddings, None, max(KS), "poincare", C, exclude_self=True)

def compare(n, memory):
    "Rows for n points."
    embeddings,labels = points(n)
    what = f"Recall@1, 10, 100, 1000 of {n:,}×{D} in the ball"
    peer_name = "faiss IndexFlatIP on the same vectors, float32 order"
    (a,*mine),(b,*theirs) = timed(ours, embeddings, labels),timed(by_faiss, embeddings, labels)
    assert all(abs(a[k]-b[k])<1e-3 for k in KS), (a,b)
    for of,x,y in zip(("time","CPU time"), mine, theirs):
        print(row(f"{what}, {of}", x, y, "s", peer_name), flush=True)
    if memory:
        print(row(f"{what}, memory above the inputs", *(m/1e6 for m in memory), "MB",
            "faiss IndexFlatIP, its list of neighbors"))
    old = timed(published, embeddings)[1]*n/QUERIES
    print(row(f"{what}, time", mine[0], old, "s",
        f"the published way, one query and one k at a time ({QUERIES} queries, scaled up)"), flush=True)
    for of,x,y in zip(("time","CPU time"), timed(lists, embeddings)[1:], theirs):
        print(row(f"k = 1000 lists of {n:,}×{D} in the ball, {of}", x, y, "s", peer_name), flush=True)

def main(*sizes):
    import_module("faiss")                                                 # so that this counts nowhere
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    embeddings,labels = points(sizes[0])
    torch.set_num_threads(threads)
    # in forked children, before torch has started threads here
    memory = [peak_bytes(partial(f, embeddings, labels)) for f in (ours,by_faiss)]
    for f in (ours,by_faiss): f(embeddings[:3000], labels[:3000])                        # warm up
    lists(embeddings[:3000])
    published(embeddings[:3000])
    for n in sizes: compare(n, memory if n==sizes[0] else None)

if __name__=="__main__": main(*map(int, sys.argv[1:] or SIZES))
