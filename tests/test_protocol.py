"""The options of the published protocols: eps, starts, class prior, beta, replacement, model gradient, step
change."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hiernb.train.sampling import ClassBalancedSampler
from hiernb.data.base import Data,ImageSet
from hiernb.geometry.poincare import ToPoincare
from hiernb.loss.classification import NormFace,ProxyDR,Softmax
from hiernb.loss.corr import CORR
from hiernb.loss.sphere import pairwise
from hiernb.loss.hier import HIER
from hiernb.loss.metric import OriginalProxyNCA,ProxyAnchor,ProxyNCA,SoftTriple,SupCon
from hiernb.loss.proxies import target_distance
from hiernb.loss.regularized import Regularized
from hiernb.model.backbones import build
from hiernb.train.optim import make_optimizers,parameter_groups
from hiernb.train.config import Options
from hiernb.run.recipe import read_recipe
from hiernb.run.experiment import make_loss
from hiernb.train.learner import Learner
from hiernb.train.trainer import Trainer
from hiernb.train.loop import train
from hiernb.tree.taxonomy import Taxonomy
from pytorch_metric_learning import losses as pml
from torch import nn
from torch.testing import assert_close

four = Taxonomy.from_paths([("a","b"),("a","c"),("d","e"),("d","f")])
def draw(seed=0): return torch.Generator().manual_seed(seed)

# --- eps ---
@pytest.mark.parametrize("eps", [1e-8,1e-4,1e-2])
@pytest.mark.parametrize("kind", ["adam","adamw"])
def test_eps_is_that_of_adams_formula(kind, eps):
    "Three steps against Adam written out in NumPy."
    p = nn.Parameter(torch.tensor([1.,-2.,.5], dtype=torch.float64))
    optimizer, = make_optimizers(parameter_groups({"loss.p":p}, .1), kind, .01, eps=eps)
    w,m,v = p.detach().numpy().copy(),np.zeros(3),np.zeros(3)
    for step,g in enumerate(np.array([[1e-5,-3e-4,2.],[2e-5,1e-4,-1.],[1e-6,0.,.5]]), 1):
        p.grad = torch.tensor(g)
        optimizer.step()
        if kind=="adam": g = g+.01*w
        else: w = w*(1-.1*.01)
        m,v = .9*m+.1*g,.999*v+.001*g**2
        w = w-.1*(m/(1-.9**step))/(np.sqrt(v/(1-.999**step))+eps)
    assert_close(p.detach().numpy(), w, rtol=1e-9, atol=0)

def test_eps_reaches_points_of_manifolds():
    hier = HIER(8, 4, topk=3, proxies="manifold", generator=draw())
    groups = parameter_groups({"loss.a":nn.Parameter(torch.ones(2)),"loss.b":hier.ball_proxies}, .1)
    assert [group["eps"] for o in make_optimizers(groups, eps=1e-3) for group in o.param_groups]==[1e-3,1e-3]

def test_eps_is_a_setting_of_the_run():
    learner = Learner(nn.Linear(2, 4), ProxyAnchor(3, 4), Options(eps=1e-4), "cpu")
    assert learner.optimizers[0].param_groups[0]["eps"]==1e-4
    assert Options(eps=1e-4).plain()["eps"]==1e-4!=Options().plain()["eps"]

# --- starts ---
def test_softmax_starts_as_a_linear_layer_or_as_published():
    ours,published = (Softmax(50, 128, generator=draw(), start=start) for start in ("torch","published"))
    assert abs(ours.proxies.std()/nn.Linear(128, 50).weight.std()-1)<.05
    assert ours.proxies.abs().max()<=128**-.5
    assert abs(published.proxies.std()-1)<.03
    assert published.proxies.abs().max()>3
    assert not published.bias.any()

@pytest.mark.parametrize("Loss", [ProxyAnchor,ProxyNCA,OriginalProxyNCA])
def test_class_proxies_start_as_kaiming_draws_them(Loss):
    "torch's initializer with fan-out, from the same state of a generator."
    expected = nn.init.kaiming_normal_(torch.empty(30, 64), mode="fan_out", generator=draw())
    assert_close(Loss(30, 64, generator=draw(), start="published").proxies.detach(), expected)
    assert_close(Loss(30, 64, generator=draw()).proxies.detach(), F.normalize(expected, dim=1))

def test_centers_of_softtriple_start_as_in_the_library_that_hier_uses():
    theirs = pml.SoftTripleLoss(40, 64, centers_per_class=5).fc                    # (D,C·K)
    ours = SoftTriple(40, 64, n_centers=5, generator=draw(), start="published").centers
    assert abs(ours.std()/theirs.std()-1)<.03
    assert abs(ours.mean())<.002
    assert_close(SoftTriple(40, 64, n_centers=5, generator=draw()).centers.norm(dim=2), torch.ones(40, 5))

@pytest.mark.parametrize("Loss", [ProxyAnchor,ProxyNCA,SoftTriple])
def test_start_changes_no_value_of_a_loss_of_directions(Loss):
    x,y = torch.randn(6, 8, generator=draw(1)),torch.tensor([0,0,1,1,2,2])
    one,other = (Loss(3, 8, generator=draw(), start=start)(x, y) for start in ("sphere","published"))
    assert_close(one, other, rtol=1e-5, atol=1e-6)

@pytest.mark.parametrize(("make","says"), [
    (lambda: Softmax(3, 4, start="sphere"), "start must be 'torch' or 'published', got 'sphere'"),
    (lambda: ProxyAnchor(3, 4, start="torch"), "start must be 'sphere' or 'published', got 'torch'"),
    (lambda: SoftTriple(3, 4, start="x"), "start must be 'sphere' or 'published'"),
    (lambda: NormFace(4, 8, beta=2.), "beta=2.0 belongs to proxies='mds', got proxies='learned'"),
    (lambda: ProxyDR(4, 8, proxies="ema", beta=.5), "got proxies='ema'"),
    (lambda: CORR(4, 8, four, beta=0.), "beta must be positive"),
    (lambda: make_optimizers([], eps=0.), "eps must be positive and finite, got 0.0"),
    (lambda: Options(eps=float("inf")), "eps must be positive and finite, got inf"),
    (lambda: Options(eps=float("nan")), "eps must be positive and finite, got nan"),
    (lambda: Options(model_gradient_scale=-1.), "model_gradient_scale must be positive and finite, got -1.0"),
    (lambda: Options(replacement=True), "needs images_per_class"),
    (lambda: Learner(nn.Linear(2, 4), SupCon(), Options(step_change=True), "cpu"), "SupCon has none"),
])
def test_bad_input_is_named(make, says):
    with pytest.raises(ValueError) as error: make()
    assert says in str(error.value)

# --- beta of MDS ---
@pytest.mark.parametrize("beta", [.5,1.,4.])
def test_beta_reaches_the_proxies(beta):
    far = four.path_distance().max()
    for loss in (ProxyDR(4, 16, proxies="mds", taxonomy=four, beta=beta),
                 NormFace(4, 16, "angular", proxies="mds", taxonomy=four, beta=beta),
                 CORR(4, 16, four, beta=beta)):
        distance = getattr(loss, "distance", "euclidean")
        found = pairwise(loss.proxies, loss.proxies, distance).double()
        assert_close(found, target_distance(four.path_distance(), distance, beta), atol=2e-3, rtol=0)
        limit = 2**.5 if distance=="euclidean" else np.pi/2
        assert_close(found.max().item(), limit*far/(beta+far), atol=2e-3, rtol=0)

# --- class prior ---
def images(labels):
    drawn = torch.randint(256, (len(labels),1,28,28), dtype=torch.uint8, generator=draw(len(labels)))
    return ImageSet(drawn, torch.as_tensor(labels), .5, .3)

def data_of(train):
    splits = dict(train=images(train), val=images([0,1,2,3]*2), test=images([0,1,2,3]*2))
    return Data("toy", splits, four, four.names)

@pytest.mark.parametrize("name", ["normface","proxydr-ema","softmax"])
def test_class_prior_is_the_shares_of_the_training_split(name):
    data = data_of([0]*5+[1]*3+[2]+[3])
    recipe = read_recipe(f"fashion_mnist/{name}", ["loss.class_prior=train"])
    assert_close(make_loss(recipe, data, draw()).log_prior, torch.tensor([.5,.3,.1,.1]).log())
    assert make_loss(read_recipe(f"fashion_mnist/{name}"), data, draw()).log_prior is None

def test_class_prior_names_a_class_without_training_images():
    recipe = read_recipe("fashion_mnist/normface", ["loss.class_prior=train"])
    says = "class_prior: 1 classes of toy have no training image and no share, first 'e'"
    with pytest.raises(ValueError, match=says): make_loss(recipe, data_of([0,1,3,3]), draw())

@pytest.mark.parametrize("said", ["loss.class_prior=val","loss.class_prior=[1,2]","loss.class_prior=3"])
def test_class_prior_is_train_or_nothing(said):
    with pytest.raises(ValueError, match="class_prior must be"): read_recipe("fashion_mnist/normface", [said])

# --- replacement ---
def test_replacement_lets_classes_of_one_image_take_part():
    labels = torch.tensor([0,1,1,2,2,2,2,2,2,2])
    with pytest.raises(ValueError, match="class 0 has 1 images.*or draw with replacement=True"):
        ClassBalancedSampler(labels, 2, 3)
    sampler,seen = ClassBalancedSampler(labels, 2, 3, replacement=True),[]
    for epoch in range(300):
        sampler.set_epoch(epoch)
        seen += list(sampler)
    for batch in seen:
        drawn = labels[batch].view(2, 3)                                           # class after class
        assert (drawn==drawn[:,:1]).all()
        assert drawn[0,0]!=drawn[1,0]
    count = torch.tensor(sum(seen, [])).bincount(minlength=10).double()
    assert count[0]>0
    assert_close(count[3:]/count[3:].sum(), torch.full((7,), 1/7, dtype=torch.float64), atol=.03, rtol=0)
    pairs = [{i for i in batch if labels[i]==1} for batch in seen if 1 in labels[batch]]
    assert abs(np.mean([len(pair)==1 for pair in pairs])-.25)<.08  # three draws of two images

def test_replacement_does_not_depend_on_the_number_of_processes():
    labels = torch.arange(9)%4
    make = lambda **ranks: list(ClassBalancedSampler(labels, 4, 2, replacement=True, **ranks))
    parts = [make(rank=rank, world_size=2) for rank in (0,1)]
    assert [a+b for a,b in zip(*parts)]==make()

def small(dropout=0., *more):
    layers = nn.Linear(784, 16),nn.BatchNorm1d(16),nn.GELU(),nn.Dropout(dropout),nn.Linear(16, 8)
    return nn.Sequential(nn.Flatten(), *layers, *more)

def quick(model, loss, data, folder, epochs, **options):
    always = dict(progress=False, accelerator="cpu", batch_size=8, tensorboard=False)
    return train(model, loss, data, folder, epochs, **always, **options)

def test_replacement_trains_with_a_class_of_one_image(tmp_path):
    data = data_of([0]+[1]*6+[2]*6+[3]*6)
    done = quick(small(), ProxyAnchor(4, 8), data, tmp_path, 1, images_per_class=2, replacement=True)
    assert np.isfinite(done.history.train_loss).all()

# --- model gradient ---
batch = torch.randn(8, 1, 28, 28, generator=draw()),torch.arange(4).repeat(2)

def twin(make):
    "The same random start each time."
    torch.manual_seed(3)
    return make()

def test_model_gradient_scale_is_what_ddp_makes_of_a_gathered_batch():
    "Oracle: two processes send the whole loss back through their own half; the mean of their gradients."
    x,y = batch
    model = twin(lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 8), ToPoincare(.1)))
    loss = ProxyAnchor(4, 8, generator=draw())
    Learner(model, loss, Options(model_gradient_scale=.5), "cpu").gradient(0, 8, x, y)
    weights,proxies = list(model.parameters()),loss.proxies.grad.clone()
    found = [p.grad.clone() for p in weights]
    means = [torch.zeros_like(p) for p in weights]
    for rank in (0,1):
        mine = torch.zeros(8, 1)
        mine[4*rank:4*rank+4] = 1
        z = model(x)
        gathered = mine*z+(1-mine)*z.detach()                                    # the other half has no graph
        for mean,g in zip(means, torch.autograd.grad(loss(gathered, y), weights)): mean += g/2
    for ours,mean in zip(found, means): assert_close(ours, mean, rtol=1e-4, atol=1e-7)
    assert_close(proxies, torch.autograd.grad(loss(model(x), y), loss.proxies)[0], rtol=1e-4, atol=1e-7)

def test_clipping_comes_after_the_scale():
    def gradients(**options):
        learner = Learner(twin(small), ProxyAnchor(4, 8, generator=draw()), Options(**options), "cpu")
        learner.step(0, 8, list, *batch)
        return learner.model[1].weight.grad,learner.loss.proxies.grad
    (whole,proxies),(half,same) = gradients(),gradients(model_gradient_scale=.5)
    assert_close(half, whole/2)
    assert_close(same, proxies)
    limit = whole.abs().max().item()*.6
    assert torch.equal(gradients(model_gradient_scale=.5, clip_value=limit)[0], half)
    assert not torch.equal(gradients(clip_value=limit)[0], whole)

# --- what a step changes ---
def pa_hier():
    hier = HIER(16, 8, topk=6, triplets_per_anchor=5, generator=draw(1))
    return Regularized(ProxyAnchor(4, 8, generator=draw()), hier)

several = dict(proxydr=lambda: ProxyDR(4, 8, generator=draw()),
               softmax=lambda: Softmax(4, 8, generator=draw()),
               ema=lambda: ProxyDR(4, 8, "angular", proxies="ema", generator=draw()),
               softtriple=lambda: SoftTriple(4, 8, generator=draw()), hier=pa_hier)

@pytest.mark.parametrize("loss", several.values(), ids=several)
def test_step_change_is_logged_and_changes_nothing(loss, tmp_path):
    ball,logged = [ToPoincare(.1)]*(loss is pa_hier),("train_convergence","train_divergence")
    def run(name, **options):
        model = twin(lambda: small(.3, *ball))
        data = data_of([0,1,2,3]*10)
        return quick(model, loss(), data, tmp_path/name, 2, lr=1e-3, select="accuracy", **options)
    plain,asked = run("plain"),run("asked", step_change=True)
    for one,other in ((plain.model,asked.model),(plain.loss,asked.loss)):
        for before,after in zip(one.state_dict().values(), other.state_dict().values()):
            assert torch.equal(before, after)
    assert set(asked.history)-set(plain.history)==set(logged)
    assert set(logged)<=set((tmp_path/"asked"/"log.csv").read_text().splitlines()[0].split(","))
    for column in logged: assert (abs(asked.history[column]-1)<.5).all()

@pytest.mark.parametrize("micro_batch", [None,3])
def test_step_change_is_that_of_the_embeddings_before_and_after(micro_batch):
    "Angles before and after one step, by loops."
    options = Options(step_change=True, lr=1e-2, micro_batch=micro_batch)
    model = twin(lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 8)))
    learner = Learner(model, ProxyDR(4, 8, "angular", generator=draw()), options, "cpu")
    @torch.no_grad()
    def angles():
        x,p = (F.normalize(v.double(), dim=1) for v in (model(batch[0]),learner.loss.proxies))
        return (x@p.T).acos().numpy()
    before = angles()
    sums = learner.step(0, 8, list, *batch)
    after,own,others = angles(),[],[]
    for i in range(8):
        for c in range(4):
            ratios = own if batch[1][i]==c else others
            ratios.append(np.log(after[i,c]/before[i,c]))
    assert_close(sums["convergence"]/8, float(np.exp(np.mean(own))), rtol=1e-4, atol=0)
    assert_close(sums["divergence"]/8, float(np.exp(np.mean(others))), rtol=1e-4, atol=0)

@pytest.mark.parametrize(("asked","scored","embedded"), [(False,True,1),(True,False,1),(True,True,2)])
def test_step_change_costs_nothing_unasked(asked, scored, embedded):
    calls = []
    class Counting(nn.Linear):
        def forward(self, x):
            calls.append(1)
            return super().forward(x.flatten(1))
    learner = Learner(Counting(784, 8), ProxyAnchor(4, 8), Options(step_change=asked), "cpu")
    learner.step(0, 8, list, *batch, score=scored)
    assert len(calls)==embedded

def test_a_recipe_that_cannot_measure_a_step_is_refused():
    with pytest.raises(ValueError, match="step_change=True measures distances to class representatives"):
        read_recipe("hier/cub-resnet50-contrastive", ["training.step_change=true"])

def test_replacement_and_step_change_are_settings_of_a_run(tmp_path):
    def settings(**options):
        options = Options(batch_size=8, images_per_class=2, **options)
        return Trainer(small(), ProxyAnchor(4, 8), data_of([0,1,2,3]*4), tmp_path, options, "cpu").settings
    changed,plain = settings(replacement=True, step_change=True, eps=1e-4),settings()
    assert {k for k,v in changed.items() if plain[k]!=v}=={"replacement","step_change","eps"}

# --- networks ---
def test_inception_trains_with_the_dropout_of_the_paper_before_its_last_layer():
    "Half of the features are zero while training, the rest doubled; nothing is dropped in evaluation."
    model = build("inception_v3", 8, generator=draw())
    seen = []
    model.head.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach()))
    images = torch.rand(2, 3, 75, 75, generator=draw())
    model.train()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d): part.eval()
    model(images)
    model.eval()
    model(images)
    trained,evaluated = seen
    alive = evaluated!=0                                                           # after the last rectifier
    assert abs((trained[alive]==0).double().mean()-.5)<.05
    kept = trained!=0
    assert_close(trained[kept], 2*evaluated[kept], rtol=1e-4, atol=1e-6)

def test_deit_answers_with_its_class_token():
    "timm's own head of the class token, in both modes; the mean with the distillation token is another."
    model = build("deit_s", 8, generator=draw())
    images = torch.rand(2, 3, 32, 32, generator=draw())
    for mode in (True,False):
        model.train(mode)
        with torch.no_grad(): tokens,answer = model.net.forward_features(images),model(images)
        assert_close(answer, model.head(tokens[:,0]))
        assert not torch.allclose(answer, model.head(tokens[:,:2].mean(1)), atol=1e-3)

@pytest.mark.parametrize("name", ["dino_s","vit_s"])
def test_other_transformers_answer_with_their_class_token_too(name):
    model = build(name, 8, generator=draw()).eval()
    images = torch.rand(1, 3, 32, 32, generator=draw())
    with torch.no_grad(): assert_close(model(images), model.head(model.net.forward_features(images)[:,0]))
