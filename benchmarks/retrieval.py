"Recall@{1,10,100,1000} of 60,000 points in the ball, 128 dimensions: time and memory, beside faiss IndexFlatIP on the same vectors."
import sys, torch
from common import peak_bytes, row, seconds
from hiernb.geometry.lorentz import query_key
from hiernb.geometry.poincare import expmap0
from hiernb.metric.retrieval import knn, recall_at_k

N,D,C,KS = 60_000,128,.1,(1,10,100,1000)

def points(n):
    "A tenth as many classes as points, as HIER's head leaves them: clipped at radius 2.3."
    g = torch.Generator().manual_seed(0); labels = torch.randint(n//10, (n,), generator=g)
    u = torch.randn(n//10, D, generator=g)[labels]+torch.randn(n, D, generator=g)
    return expmap0(2.3*torch.nn.functional.normalize(u)*torch.rand(n, 1, generator=g)**.1, C),labels

def by_faiss(embeddings, labels):
    "The list by float32 inner products; the query is taken off the front of it, wherever duplicates or rounding have put it."
    import faiss
    queries,keys = (v.numpy() for v in query_key(embeddings, C))
    index = faiss.IndexFlatIP(D+1); index.add(keys)
    hits = torch.from_numpy(labels.numpy()[index.search(queries, max(KS)+1)[1][:,1:]])==labels[:,None]
    return {k:float(hits[:,:k].any(1).double().mean()) for k in KS}

def published(embeddings, labels, n=20):
    "Seconds that distances in the Möbius form take for `n` queries, one at a time and once for each k, as published; sorted for each."
    def once():
        for q in embeddings[:n]:
            for k in KS:
                dot,q2,y2 = -(embeddings@q),q.square().sum(),embeddings.square().sum(1)
                moved = (-(1+2*C*dot+C*y2)[:,None]*q+(1-C*q2)*embeddings)/(1+2*C*dot+C*C*q2*y2+1e-5)[:,None]
                torch.atanh((C**.5*moved.norm(dim=1)).clamp(max=1-1e-5)).topk(k+1, largest=False)
    return seconds(once, 1)

def main(n=N):
    threads = torch.get_num_threads(); torch.set_num_threads(1); embeddings,labels = points(n); torch.set_num_threads(threads)
    def ours(): return recall_at_k(embeddings, labels, KS, geometry="poincare", c=C)
    def lists(): return knn(embeddings, None, max(KS), "poincare", C, exclude_self=True)
    def peer(): return by_faiss(embeddings, labels)
    memory = peak_bytes(ours),peak_bytes(peer)                             # in forked children, before torch has started threads here
    a,b = ours(),peer(); assert all(abs(a[k]-b[k])<1e-3 for k in KS), (a,b)
    what = f"Recall@1, 10, 100, 1000 of {n:,}×{D} in the ball"
    times = seconds(ours, 1),seconds(peer, 1)
    print(row(f"{what}, time", *times, "s", "faiss IndexFlatIP on the same vectors, float32 order"))
    print(row(f"{what}, memory above the inputs", *(m/2**20 for m in memory), "MB", "faiss IndexFlatIP, its list of neighbours"))
    print(row(f"{what}, time", times[0], published(embeddings, labels)*n/20, "s", "the published way, one query and one k at a time (20 queries, scaled up)"))
    print(row(f"k = 1000 lists of {n:,}×{D} in the ball, time", seconds(lists, 1), times[1], "s", "faiss IndexFlatIP on the same vectors"))

if __name__=="__main__": main(*map(int, sys.argv[1:]))
