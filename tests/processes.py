"""What tests/test_processes.py starts: the same work alone and in several gloo processes.
`python processes.py FOLDER`."""
import json,os,pickle,socket,sys,time,traceback
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

import torch
from torch import nn
from torch.distributed import group
from torch.distributed.launcher import LaunchConfig,elastic_launch

from hiernb.train.sampling import ClassBalancedSampler
from hiernb.train.checkpoint import require_same_run
from hiernb.data.base import Data,ImageSet
from hiernb.model.head import Head
from hiernb.loss.classification import NormFace,ProxyDR,Softmax
from hiernb.loss.corr import CORR
from hiernb.loss.hier import HIER
from hiernb.loss.metric import MultiSimilarity,OriginalProxyNCA,ProxyAnchor,ProxyNCA,SoftTriple,SupCon
from hiernb.loss.regularized import Regularized
from hiernb.train.manifest import Manifest,Part
from hiernb.metric.neighbors import pair_up
from hiernb.metric.first_match import first_ranks
from hiernb.metric.retrieval import recall_at_k
from hiernb.metric.sharded import sharded_knn,sharded_ranks
from hiernb.model.backbones import build
from hiernb.train.config import Options
from hiernb.train.distributed import (
    Synchronized, all_gather, any_rank, broadcast_state, connection_lost, destroy_process_group, gather,
    get_rank, get_world_size, init_process_group, on_every_rank, on_rank_zero, share, sync_batch_norm)
from hiernb.train.learner import Learner
from hiernb.train.loop import train
from hiernb.tree.taxonomy import Taxonomy

# 21 images: shares of 11 and 10, of 6, 5, 5 and 5; in 8 dimensions MDS is exact and takes no time
C,K,D,STEPS,c = 7,3,8,3,.1
tree = Taxonomy.from_paths([(str(i%3),str(i)) for i in range(C)])
losses = {"softmax":lambda: Softmax(C,D), "normface":lambda: NormFace(C,D),
    "normface-angular-dynamic":lambda: NormFace(C,D,"angular","dynamic"),
          "proxydr":lambda: ProxyDR(C,D),
          "proxydr-ema-dynamic":lambda: ProxyDR(C,D,proxies="ema",scale="dynamic"),
          "proxydr-mds":lambda: ProxyDR(C,D,proxies="mds",taxonomy=tree), "corr":lambda: CORR(C,D,tree),
          "proxy_anchor":lambda: ProxyAnchor(C,D),
          "proxy_nca":lambda: ProxyNCA(C,D), "original_proxy_nca":lambda: OriginalProxyNCA(C,D),
          "soft_triple":lambda: SoftTriple(C,D),
          "multi_similarity":MultiSimilarity, "multi_similarity-ball":lambda: MultiSimilarity(c=c),
          "supcon":SupCon, "supcon-ball":lambda: SupCon(c=c)}
generator = lambda seed: torch.Generator().manual_seed(seed)
images,labels = torch.randn(STEPS,C*K,3,8,8,generator=generator(0),dtype=torch.float64),torch.arange(C*K)//K

@contextmanager
def in_double():
    "Fabric rounds embeddings to the default precision."
    torch.set_default_dtype(torch.float64)
    try: yield
    finally: torch.set_default_dtype(torch.float32)

def model(norm=True):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        of = (nn.BatchNorm2d,nn.BatchNorm1d) if norm else (nn.Identity,nn.Identity)
        net = nn.Sequential(nn.Conv2d(3,8,3,stride=2,bias=False), of[0](8), nn.ReLU(), nn.Flatten(),
            nn.Linear(72,12,bias=False), of[1](12))
    return nn.Sequential(net, Head(12,D,c=c)).double().to(memory_format=torch.channels_last)

class LeftOver(nn.Module):
    "A network with a layer that it does not use, and whose first layer stands still in the first step."
    def __init__(self):
        super().__init__()
        self.net,self.left_over = model(norm=False),nn.Linear(3, 3).double()
        self.held = list(self.net[0][0].parameters())
    def forward(self, images): return self.net(images)

def with_hier(loss, **of):
    return Regularized(loss, HIER(16,D,c,topk=6,triplets_per_anchor=5,generator=generator(1),**of))

plans = {name:(model,make,{}) for name,make in losses.items()}  # name -> model, loss, options
plans |= {f"{name} with HIER":(model,lambda make=make: with_hier(make()),{}) for name,make in losses.items()}
plans |= {"micro-batches":(lambda: model(norm=False),lambda: with_hier(ProxyAnchor(C,D)),dict(micro_batch=4)),
          "manifold":(model,lambda: with_hier(MultiSimilarity(c=c), proxies="manifold"),{}),
          "left over":(LeftOver,lambda: with_hier(ProxyAnchor(C,D)),{}),
          "left over, micro-batches":(LeftOver,lambda: with_hier(ProxyAnchor(C,D)),dict(micro_batch=4)),
          "compiled in two":(lambda: model(norm=False),lambda: ProxyDR(C,D,proxies="ema"),dict(compile=True))}

def steps(make_model, make_loss, options):
    """Steps of `Learner` in float64: a mistake cannot pass for rounding, and no draw of HIER's can tip over.
    Losses, first gradients, end."""
    net,loss = make_model(),make_loss().double()
    values = []
    # no code need be made
    with patch.object(torch, "compile", lambda m, compiler=torch.compile: compiler(m, backend="eager")):
        learner = Learner(net, loss, Options(optimizer="adamw", lr=1e-2, clip_norm=1., **options), "cpu")
    learner.broadcast_weights()
    net.train()
    loss.train()
    for i in range(STEPS):
        for p in getattr(net, "held", ()): p.requires_grad_(i>0)
        values.append(learner.gradient(i, len(labels), share(images[i]), share(labels))[0]["loss"])
        if i==0: first = [p.grad.clone() for p in learner.parameters if p.grad is not None]
        learner.update_weights()
    return dict(loss=torch.stack(values), gradient=first,
        weights=[*net.state_dict().values(),*loss.state_dict().values()])

def embed(net, pictures):
    "Blocks of 16, as alone: so the embeddings have the bits that they have alone."
    with torch.no_grad(): parts = [net(block) for block in share(pictures.split(16))]
    return gather(torch.cat(parts) if parts else torch.empty(0))

def evaluation():
    net,pictures,of = model().float().eval(),torch.randn(83,3,8,8,generator=generator(3)),torch.arange(83)%9
    points = embed(net, pictures)
    mine = share(torch.arange(83))
    halves = [(points[some],of[some]) for some in (mine[:5],mine[5:])]
    rank = get_rank()
    ranks = sharded_ranks(points, of, halves, torch.arange(83), "poincare", c, all_gather, rank)
    lists = sharded_knn(points, halves, 4, torch.arange(83), "poincare", c, all_gather, rank)
    few = embed(net, pictures[:20])  # two blocks: of four processes, two have nothing to embed
    return dict(points=points, few=few, ranks=ranks, lists=lists.indices,
        recall=recall_at_k(points, of, (1,2,4), geometry="poincare", c=c))

def difference(ours, theirs):
    """Largest difference relative to the largest number of a tensor; inf for another shape or dtype, and for
    what is not finite."""
    if isinstance(theirs, (list,tuple)):
        return max([0.,*(difference(a,b) for a,b in zip(ours, theirs, strict=True))])
    if ours.shape!=theirs.shape or ours.dtype!=theirs.dtype or not (ours.isfinite().all()
        and theirs.isfinite().all()):
        return float("inf")
    return (
        float((ours.double()-theirs.double()).abs().max()/theirs.double().abs().max().clamp_min(1e-300))
        if ours.numel() else 0.)

def flat(tensors): return torch.cat([t.flatten().double() for t in tensors])

def together(alone):
    "In each process: everything again, and how far it is from the numbers of one process."
    rank,size = get_rank(),get_world_size()
    found = {}
    with in_double():
        for i,(name,expected) in enumerate(alone["steps"].items()):
            # of each loss, with HIER or without
            if size>2 and (i<2*len(losses) and i%len(losses)%2!=i//len(losses) or "in two" in name): continue
            ours = steps(*plans[name])
            mine = flat(ours["weights"])
            found[name] = {k:difference(ours[k],
                expected[k]) for k in expected}|dict(among=difference(all_gather(mine)[0], mine))
    ours,theirs = evaluation(),alone["evaluation"]
    same = {k:ours[k]==v if isinstance(v, dict) else torch.equal(ours[k], v) for k,v in theirs.items()}
    sampler = lambda **of: list(ClassBalancedSampler(torch.arange(60)%12, 4, 2, seed=5, **of))
    whole,mine = sampler(),sampler(rank=rank, world_size=size)
    parts = all_gather(torch.tensor(mine))
    same["shares"] = mine==[share(batch) for batch in whole]
    same["sampler"] = (
        parts.transpose(0,1).flatten(1).tolist()==whole and all(len(set(batch))==8 for batch in whole))
    same["any_rank"] = any_rank(rank==size-1) is True and any_rank(False) is False
    net = model()
    sync_batch_norm(net)
    same["norms"] = sum(isinstance(m, Synchronized) for m in net.modules())==2
    with torch.no_grad(): net[0][0].weight.add_(rank)
    broadcast_state(net)
    same["broadcast"] = torch.equal(net[0][0].weight, model()[0][0].weight)
    same["pickle"] = difference([*pickle.loads(pickle.dumps(net)).state_dict().values()],
        [*net.state_dict().values()])==0
    try:
        sharded_knn(torch.eye(4), [(torch.eye(4),torch.arange(4))], 1, all_gather=all_gather)
        same["rank forgotten"] = False
    except ValueError as e: same["rank forgotten"] = "each its own" in str(e)
    return dict(differences=found, same=same)

def patient():
    "Process 0 works for longer than an exchange may take. Where, and with how many threads."
    # torch.distributed.set_timeout is newer than 2.6
    worked,backend = [],group.WORLD._get_backend(torch.device("cpu"))
    backend._set_default_timeout(timedelta(seconds=.3))
    on_rank_zero(lambda: (time.sleep(1), worked.append(torch.get_num_threads())))
    backend._set_default_timeout(timedelta(minutes=3))
    return worked

def disagreement(work):
    "What is said where processes do not agree; empty if they do."
    try: work()
    except (ValueError,OSError) as e: return str(e)
    return ""

def disagreements(folder):
    "The last process was started with something else: what each of them is told before anything is trained."
    rank,size = get_rank(),get_world_size()
    odd = rank==size-1
    two = Taxonomy.from_paths([("a",),("b",)])
    pixels = torch.arange(16*28*28).remainder(251).to(torch.uint8).view(16,1,28,28)
    def start(epochs=1, lr=.1, more=0, turn=0, home="disagreement", **options):
        items = ImageSet(pixels+more, (torch.arange(16)+turn)%2, .5, .3)
        data = Data("toy", dict(train=items,val=items), two, two.names)
        net,loss = build("small_cnn", 4, 1, generator=generator(0)),NormFace(2, 4)
        train(net, loss, data, Path(folder,home), epochs=epochs, lr=lr, batch_size=8,
            progress=False, accelerator="cpu", **options)
    def files(content):
        require_same_run(dict(images=content),
            Manifest("toy", two.names, two.paths, {},
            dict(train=Part([0], ["a/1.png"], [content], [[1,1,1]]))))
    def another_folder():
        old = Path(folder,f"finished-{size}")
        results = {"settings.json":'{"model type":"","loss type":""}', "log.csv":"epoch\n1\n", "test.csv":"", "report.html":""}
        if rank==0:
            old.mkdir()
            for name,text in results.items(): (old/name).write_text(text)
        any_rank(False)
        said = disagreement(lambda: start(home=f"odd-{size}" if odd else old, resume=False))
        return said if all((old/name).is_file() for name in results) else f"{said}, and results of the old run are gone"
    def reads():
        if odd: raise FileNotFoundError("no folder here")
    return dict(epochs=disagreement(lambda: start(epochs=1+odd)),
        lr=disagreement(lambda: start(lr=.2 if odd else .1)),
                pixels=disagreement(lambda: start(more=int(odd))),
                labels=disagreement(lambda: start(turn=int(odd))),
                folder=another_folder(),
                files=disagreement(lambda: files("other" if odd else "same")),
                reading=disagreement(lambda: on_every_rank(reads)))

def lost():
    "The last process dies without a word: the others must not wait for it for ever, and know what it was."
    rank,size = get_rank(),get_world_size()
    if rank==size-1: os._exit(0)
    try: all_gather(torch.tensor(1))
    except RuntimeError as e: return connection_lost(e)
    return False

def child(rank, size, port, alone, folder, pipe):
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(size), LOCAL_RANK=str(rank), LOCAL_WORLD_SIZE=str(size),
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    try:
        init_process_group("cpu", minutes=3)
        pipe.send(together(alone)|dict(worked=patient(),disagreements=disagreements(folder)))
        pipe.send(lost())
        destroy_process_group()
    except BaseException: pipe.send(dict(error=traceback.format_exc()))

def launch(size, alone, folder):
    """`together` in `size` processes forked from this one, which has imported everything and started no
    thread: what they have found."""
    with socket.socket() as s:
        s.bind(("127.0.0.1",0))
        port = s.getsockname()[1]
    context = get_context("fork")
    pipes = [context.Pipe(False) for _ in range(size)]
    children = [context.Process(target=child, args=(rank,size,port,alone,folder,there))
        for rank,(_,there) in enumerate(pipes)]
    for process in children: process.start()
    def hear(here, process):
        while not here.poll(.05) and process.is_alive(): pass
        return here.recv() if here.poll() else None
    answers = [hear(here, process) for (here,_),process in zip(pipes, children)]
    # the last one is the one that dies
    orphans = [hear(here, process) for (here,_),process in zip(pipes[:-1], children)]
    for process in children:
        process.join(60)
        process.kill()
    return dict(answers=answers, orphans=orphans)

class Noise(torch.utils.data.Dataset):
    """Images in double precision; those for training move at random each time.
    45 of them leave 13 for the last of three batches."""
    def __init__(self, n, seed, step):
        self.step,self.labels = step,torch.arange(n)%5
        level = torch.randn(5,1,28,28,generator=generator(0),dtype=torch.float64)[self.labels]
        self.images = level+torch.randn(n,1,28,28,generator=generator(seed),dtype=torch.float64)
    def __len__(self): return len(self.labels)
    def __getitem__(self, i):
        return self.images[i]+self.step*torch.randn((),dtype=torch.float64),int(self.labels[i])

def runs(folder, end):
    """Runs of hiernb.train.loop to an end: shuffled with moving-average proxies, class-balanced with HIER and
    views. In float64."""
    five = Taxonomy.from_paths([(str(i%2),str(i)) for i in range(5)])
    data = Data("noise", dict(train=Noise(45,1,.1),val=Noise(23,2,0.)), five, five.names)
    plans = dict(ema=(dict(batch_size=16,weight_decay=.01,clip_norm=1.,
        schedule=dict(name="step",every=2,factor=.5),step_change=True),
                      lambda: ProxyDR(5,D,proxies="ema",scale="dynamic")),
                 hier=(dict(batch_size=15,images_per_class=3,warmup_epochs=1,clip_value=.1,
                 augment=dict(size=28),views=2,ema_decay=.9,
                            replacement=True,eps=1e-4,model_gradient_scale=.5),
                       lambda: with_hier(MultiSimilarity(c=c))))
    made = {}
    for name,(options,loss) in plans.items():
        with in_double(): done = train(build("small_cnn",D,1,head="poincare",c=c).double(), loss().double(),
            data, Path(folder,name), end, progress=False,
                                       accelerator="cpu", optimizer="adamw", lr=1e-3, tensorboard=False,
                                       **options)
        made[name] = dict(history=done.history.drop(columns=["seconds","images_per_second"]).to_dict("list"),
            best=done.best_epoch,
                          weights=[*done.model.state_dict().values(),*done.loss.state_dict().values()])
    return made

def launched(folder, end, alone):
    "What each process that torchrun's agent starts does: train, and say how far it is from one process."
    made = runs(folder, end)
    found = {}
    for name,ours in made.items():
        mine,theirs = flat(ours["weights"]),alone[name]
        found[name] = dict(history=ours["history"], best=ours["best"],
            among=difference(all_gather(mine)[0], mine))
        if end==len(theirs["history"]["epoch"]):
            found[name]["weights"] = difference(ours["weights"], theirs["weights"])
    destroy_process_group()
    return dict(size=int(os.environ["WORLD_SIZE"]), runs=found)

def agent(processes, *given):
    """`launched` in processes that the agent behind torchrun starts, forked so that they need not import
    everything again."""
    config = LaunchConfig(1, 1, processes, run_id=str(processes), rdzv_backend="c10d",
        rdzv_endpoint="localhost:0", start_method="fork",
                          monitor_interval=.1, max_restarts=0)
    return [answer for _,answer in sorted(elastic_launch(config, launched)(*given).items())]

def main(folder):
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    with in_double(): alone = dict(steps={name:steps(*plan) for name,plan in plans.items()})
    alone["evaluation"] = evaluation()
    points,of = alone["evaluation"]["points"],torch.arange(83)%9
    assert torch.equal(alone["evaluation"]["ranks"],
        first_ranks(pair_up(points,None,"poincare",c),of,of,True))
    found = {size:launch(size, alone, folder) for size in (2,4)}
    torch.use_deterministic_algorithms(False)
    one = runs(Path(folder,"one"), 3)  # without a stop
    found["begun"] = agent(2, Path(folder,"many"), 1, one)
    found["ended"] = agent(4, Path(folder,"many"), 3, one)
    found["alone"] = {name:dict(history=made["history"], best=made["best"]) for name,made in one.items()}
    Path(folder,"found.json").write_text(json.dumps(found))

if __name__=="__main__": main(*sys.argv[1:])
