"""Training with metric losses: what stands still, what is the same after a stop, points on manifolds, half
precision, retrieval."""
import json

import geoopt
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hiernb.train.checkpoint import best_checkpoint,checkpoints,read_checkpoint
from hiernb.data.base import Data,ImageSet
from hiernb.geometry.poincare import pairwise_dist
from hiernb.loss.hier import HIER
from hiernb.loss.metric import MultiSimilarity,ProxyAnchor,SupCon
from hiernb.loss.regularized import Regularized
from hiernb.metric.retrieval import recall_at_k
from hiernb.model.backbones import build
from hiernb.train.config import Options
from hiernb.train.learner import Learner
from hiernb.train.loop import embed,train
from hiernb.tree.taxonomy import Taxonomy

pytestmark = pytest.mark.filterwarnings("ignore:.*clip radius")
classes,dim,c = 9,6,.1
draw = lambda seed=0: torch.Generator().manual_seed(seed)

@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the order of a sum depends on it
    yield
    torch.set_num_threads(threads)

class Interrupts(ImageSet):
    "Presses Ctrl-C when batch `at` is asked for."
    at = -1
    def __getitems__(self, indices):
        self.at -= 1
        if self.at==0: raise KeyboardInterrupt
        return super().__getitems__(indices)

def blobs(of, each, seed):
    "Images of classes: a blot where the class says, on noise."
    labels = torch.tensor(of).repeat_interleave(each)
    place = torch.stack([labels//3, labels%3], 1)*8+6
    grid = torch.arange(28)
    near = (grid[None,:,None]-place[:,:1,None])**2+(grid[None,None,:]-place[:,1:,None])**2
    noise = 40*torch.randn(len(labels),28,28,generator=draw(seed))
    return Interrupts((100+120*(-near/20).exp()+noise).clamp(0,255).to(torch.uint8)[:,None], labels, .5, .3)

def data(seed=0):
    "Six classes to learn, three others to validate."
    names = Taxonomy.from_paths([(str(i//3),str(i)) for i in range(classes)])
    return Data("blobs", dict(train=blobs(range(6),16,seed),val=blobs(range(6,9),8,seed+1)), names,
        names.names)

def pa_hier(): return (build("small_cnn",dim,1,head="poincare"),
    Regularized(ProxyAnchor(6,dim,generator=draw()),
    HIER(16,dim,c=c,topk=6,triplets_per_anchor=5,generator=draw(1))))

how = dict(batch_size=12, images_per_class=2, augment=dict(size=28,scale=(.5,1.)), views=2, optimizer="adamw",
    lr=1e-3, weight_decay=1e-2, clip_value=10.,
           lr_factors={"loss.loss":30,"loss.regularizer":50}, schedule=dict(name="step",every=2,factor=.5),
           warmup_epochs=1, accelerator="cpu", progress=False)

def same(a, b):
    if isinstance(a, torch.Tensor): return torch.equal(a, b)
    if isinstance(a, dict): return a.keys()==b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list,tuple)): return len(a)==len(b) and all(map(same, a, b))
    return a==b

def last(folder): return read_checkpoint(checkpoints(folder)[-1])

def ends_alike(make, tmp_path, at, **options):
    "A run that is stopped when batch `at` is asked for and goes on ends as one that never stopped."
    train(*make(), data(), tmp_path/"whole", epochs=4, **options)
    broken = data()
    broken.splits["train"].at = at
    with pytest.raises(KeyboardInterrupt): train(*make(), broken, tmp_path/"stopped", epochs=4, **options)
    torch.manual_seed(77)                                               # a new process would be anywhere
    run = train(*make(), data(), tmp_path/"stopped", epochs=4, **options)
    a,b = (last(tmp_path/name) for name in ("whole","stopped"))
    for part in ("model","loss","optimizers"): assert same(a[part], b[part]), part
    timing = ("seconds","images_per_second")
    def timeless(run): return [{k:v for k,v in row.items() if k not in timing} for row in run["history"]]
    assert timeless(a)==timeless(b)
    return run

@pytest.mark.parametrize("at", [5, 20])  # 8 batches an epoch: within warm-up, and after the rates fell
def test_a_stopped_run_with_hier_balanced_batches_and_views_ends_in_the_same_bits(tmp_path, at):
    run = ends_alike(pa_hier, tmp_path, at, **how)
    assert run.history.train_anchors_batch.gt(0).all()
    assert list(run.history)==["epoch","train_loss","train_accuracy","train_metric_loss","train_regularizer",
        "train_anchors_batch","train_anchors_proxies",
        "val_recall_at_1","val_variance","val_at_clip_radius","seconds","images_per_second"]
    settings = json.loads((tmp_path/"stopped"/"settings.json").read_text())
    assert settings["select"]=="recall_at_1"
    assert json.loads(settings["lr_factors"])=={"loss.loss":30,"loss.regularizer":50}

def test_a_batch_embedded_in_parts_learns_as_one_embedded_at_once(tmp_path):
    def frozen():
        model,loss = pa_hier()
        return build("small_cnn",dim,1,head="poincare",freeze=("batch_norm",)),loss
    runs = [train(*frozen(), data(), tmp_path/str(micro), epochs=2,
        **how|dict(micro_batch=micro)) for micro in (None,7)]
    a,b = (last(tmp_path/str(micro)) for micro in (None,7))
    start = frozen()[0].state_dict()
    for k,v in a["model"].items():
        moved = (v-start[k]).norm() if v.is_floating_point() else 0
        # Adam divides by small numbers: rounding is not lost
        if moved: assert (v-b["model"][k]).norm()<.02*moved, k
    assert torch.allclose(torch.tensor(runs[0].history.train_loss), torch.tensor(runs[1].history.train_loss),
        rtol=1e-4)
    with pytest.raises(ValueError, match="would normalize 'net.1' by parts"):
        train(*pa_hier(), data(), tmp_path/"no", **how|dict(micro_batch=7))

class BallProxies(nn.Module):
    "Softmax of minus hyperbolic distances to class points that live in the ball."
    def __init__(self):
        super().__init__()
        self.n_classes,self.dim,self.c = 6,dim,c
        start = geoopt.PoincareBall(c=c).expmap0(.3*torch.randn(6,dim,generator=draw(3)))
        self.points = geoopt.ManifoldParameter(start, manifold=geoopt.PoincareBall(c=c))
    def forward(self, embeddings, labels):
        return F.cross_entropy(-pairwise_dist(embeddings, self.points, self.c), labels)

def test_points_of_a_manifold_move_along_it_and_survive_a_stop(tmp_path):
    make = lambda: (build("small_cnn",dim,1,head="poincare"),BallProxies())
    run = ends_alike(make, tmp_path, 20, **how|dict(lr_factors={"loss.points":100}, weight_decay=.5))
    assert (c*run.loss.points.detach().pow(2).sum(1)<1).all()
    assert not torch.equal(run.loss.points, BallProxies().points)
    two = last(tmp_path/"whole")["optimizers"]
    assert len(two)==2
    assert len(two[1]["param_groups"][0]["params"])==1
    learner = Learner(*make(), Options(), "cpu")
    learner.scaled = True  # as 16-mixed on a GPU
    with pytest.raises(ValueError, match="use bf16-mixed"): learner.make_optimizers()

def test_the_warm_up_leaves_every_bit_of_the_backbone_where_it_was(tmp_path):
    model,loss = pa_hier()
    start = {k:v.clone()
        for k,v in (*model.state_dict().items(),*((f"loss {k}",v) for k,v in loss.state_dict().items()))}
    train(model, loss, data(), tmp_path, epochs=2, **how|dict(warmup_epochs=2))
    state = model.state_dict()|{f"loss {k}":v for k,v in loss.state_dict().items()}
    backbone = [k for k in start if k.startswith("net.")]
    assert any("running_mean" in k for k in backbone)
    for k in backbone: assert torch.equal(state[k], start[k]), k
    for k in ("head.linear.weight","loss loss.proxies","loss regularizer.euclidean_proxies"):
        assert not torch.equal(state[k], start[k]), k
    assert all(p.requires_grad for p in model.parameters())
    train(*pa_hier(), data(), tmp_path, epochs=3, **how|dict(warmup_epochs=2))
    state = last(tmp_path)["model"]
    for k in backbone: assert not torch.equal(state[k], start[k]), k  # and then it moves, all of it

@pytest.mark.parametrize("make",
    [lambda: Regularized(ProxyAnchor(6,dim,generator=draw()),HIER(16,dim,c=c,topk=6,generator=draw(1))),
    lambda: SupCon(c=c), lambda: MultiSimilarity(c=c)], ids=["pa_hier","supcon","multi_similarity"])
def test_losses_in_the_ball_see_float32_under_bfloat16(tmp_path, make):
    seen = []
    class Looks(type(make())):
        def forward(self, embeddings, labels):
            value = super().forward(embeddings, labels)
            seen.append((embeddings.dtype,value.dtype,float(c*embeddings.detach().pow(2).sum(1).max())))
            return value
    loss = make()
    loss.__class__ = Looks
    run = train(build("small_cnn",dim,1,head="poincare"), loss, data(), tmp_path, epochs=2,
        precision="bf16-mixed",
                **how|dict(lr_factors=None,clip_value=None,clip_norm=1.,images_per_class=1,batch_size=6))
    assert {s[:2] for s in seen}=={(torch.float32,torch.float32)}
    assert max(s[2] for s in seen)<1
    assert run.history.train_loss.notna().all()

def test_the_weights_of_the_epoch_that_finds_most_of_other_classes_come_back(tmp_path):
    run = train(*pa_hier(), data(), tmp_path, epochs=10, **how|dict(augment=None,views=1,warmup_epochs=0))
    h = run.history
    assert h.train_loss.iloc[-1]<.3*h.train_loss.iloc[0]
    assert h.val_recall_at_1.min()<h.val_recall_at_1.max()
    assert run.best_epoch==int(h.val_recall_at_1.idxmax())+1
    assert "val_accuracy" not in h
    assert h.train_accuracy.iloc[-1]>.6
    best = read_checkpoint(best_checkpoint(tmp_path))
    assert best["epoch"]==run.best_epoch
    assert same(best["model"], run.model.state_dict())
    points,labels = embed(run.model, data().splits["val"])
    assert recall_at_k(points, labels, 1, geometry="poincare", c=c)[1]==h.val_recall_at_1.max()
    assert (c*points.pow(2).sum(1)<1).all()

def test_pairs_alone_train_without_accuracy_and_options_tell_runs_apart(tmp_path):
    run = train(build("small_cnn",dim,1,head="sphere"), SupCon(), data(), tmp_path, epochs=1,
        **how|dict(lr_factors=None,images_per_class=1,batch_size=6))
    assert list(run.history)==["epoch","train_loss","val_recall_at_1","val_variance","seconds",
        "images_per_second"]
    for changed in (dict(views=3),dict(clip_value=1.),dict(augment=dict(size=28,scale=(.4,1.))),
        dict(warmup_epochs=0),dict(schedule=None)):
        with pytest.raises(ValueError, match=f"other settings: {next(iter(changed))} is"):
            train(build("small_cnn",dim,1,head="sphere"), SupCon(), data(), tmp_path, epochs=2,
                  **how|dict(lr_factors=None,images_per_class=1,batch_size=6)|changed)
    with pytest.raises(ValueError, match="no multiple of images_per_class=5"):
        train(*pa_hier(), data(), tmp_path, **how|dict(images_per_class=5))
    with pytest.raises(ValueError, match="did you mean 'batch_size'"):
        train(*pa_hier(), data(), tmp_path, batchsize=3)
