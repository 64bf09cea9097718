"""HIER's short way to Gumbel noise against the plain definition by autograd: loss and gradient, entry by
entry, in distribution."""
import pytest
import torch
import torch.nn.functional as F
from hiernb.geometry.poincare import dist as ball_dist
from hiernb.geometry.poincare import expmap0
from hiernb.loss import hier
from hiernb.loss.ancestors import in_large_blocks,loss_and_gradient

def plain(dist, triplets, tau, margin, generator):
    """The definition: two Gumbel numbers a triplet and proxy, straight-through arg max, hinges; value and
    gradient by autograd."""
    leaf = dist.clone().requires_grad_()
    i,j,k = leaf[triplets].unbind(1)
    def node(furthest):
        gumbel = -(-torch.rand(furthest.shape, generator=generator, dtype=furthest.dtype).log()).log()
        soft = (gumbel-furthest/tau).softmax(1)
        return F.one_hot(soft.argmax(1), soft.shape[1])+soft-soft.detach()
    m,n = node(torch.maximum(i,j)),node(torch.maximum(torch.maximum(i,j),k))
    at = lambda d,who: (d*who).sum(1)
    hinges = F.relu(at(i,m)-at(i,n)+margin)+F.relu(at(j,m)-at(j,n)+margin)+F.relu(at(k,n)-at(k,m)+margin)
    value = torch.where(m.argmax(1)==n.argmax(1), 0, hinges).mean()
    return value.detach(),torch.autograd.grad(value, leaf)[0]

def kolmogorov_smirnov(x, y):
    "Two-sample statistic times √(n/2): above 1.95 once in a thousand."
    both = torch.cat([x,y]).sort()[0]
    share = lambda z: torch.searchsorted(z.sort()[0], both, right=True)
    return (share(x)-share(y)).abs().max()/len(x)*(len(x)/2)**.5

def in_blocks(dist, triplets, tau, margin, generator):
    return loss_and_gradient(dist, triplets, tau, margin, "draw", generator)

def on_a_device(dist, triplets, tau, margin, generator):
    weights = dist.new_full((len(triplets),), 1/len(triplets))
    return in_large_blocks(dist, triplets.T.contiguous(), margin, weights, tau, "draw", generator, room=20_000)

@pytest.mark.parametrize("way", [in_blocks, on_a_device])
@pytest.mark.parametrize("tau", [.3,1.])
def test_drawn_gradient_is_that_of_the_definition(tau, way, draws=200, copies=40):
    generator = torch.Generator().manual_seed(0)
    dist = 3*torch.rand(9, 6, generator=generator, dtype=torch.float64)
    triplets = torch.stack([torch.randperm(9, generator=generator)[:3] for _ in range(3)]).repeat(copies,1)
    def repeated(draw):
        values,grads = zip(*(draw() for _ in range(draws)))
        return torch.cat([torch.stack(values)[:,None],torch.stack(grads).flatten(1)],1)
    a = repeated(lambda: way(dist, triplets, tau, .1, generator))
    b = repeated(lambda: plain(dist, triplets, tau, .1, generator))  # (draws, 1+9·6): loss, then gradient
    moving = a.std(0)+b.std(0)>1e-12
    assert moving[0]
    assert moving.sum()>20
    z = ((a.mean(0)-b.mean(0))/((a.var(0)+b.var(0))/draws).sqrt())[moving]
    assert z.abs().max()<4.5  # 55 tests, the largest above 4.5 once in 2,600
    atoms = lambda x: (x.T[moving]*1e9).round()  # some entries take a dozen values: the same but for rounding
    # 55 tests, each above 2.7 once in a million
    assert max(kolmogorov_smirnov(x,y) for x,y in zip(atoms(a),atoms(b)))<2.7


@pytest.mark.parametrize("radial_weight", [0., .7])
def test_a_device_differentiates_as_autograd_does(monkeypatch, radial_weight):
    "Both sets in one matrix, without noise, against the hinges of the same triplets by autograd."
    generator,tau,margins = torch.Generator().manual_seed(1),.3,(.1, .1, .1, .2)
    z = expmap0(torch.randn(14, 3, generator=generator, dtype=torch.float64), .1).requires_grad_()
    rho = expmap0(torch.randn(9, 3, generator=generator, dtype=torch.float64), .1).requires_grad_()
    seen = {}
    def without_noise(dist, members, margin, factors, tau, noise, generator):
        assert noise=="draw"
        seen.update(members=members, factors=factors.expand(len(members), -1))
        return in_large_blocks(dist, members, margin, factors, tau)
    monkeypatch.setattr(hier, "in_large_blocks", without_noise)
    found = hier.place(z.detach(), rho.detach(), torch.arange(7).repeat(2), .1, tau, .1, 5, 6, False, radial_weight, .2,
        generator)
    assert all(found.counts)
    points = torch.cat([z, rho, rho.new_zeros(1, 3)])
    d = ball_dist(points[:,None], rho, .1)[seen["members"]]                  # (M,T,P)
    def node(logits):
        soft = logits.softmax(1)
        return F.one_hot(logits.argmax(1), soft.shape[1])+soft-soft.detach()
    pair = torch.maximum(d[0], d[1])
    m,n = node(-pair/tau),node(-torch.maximum(pair, d[2])/tau)
    apart = m.argmax(1)!=n.argmax(1)
    value = 0.
    for k,(member,margin,factor) in enumerate(zip(d, margins, seen["factors"])):
        gap = (member*m).sum(1)-(member*n).sum(1)
        value = value+(F.relu((gap if k<2 else -gap)+margin)*apart*factor).sum()
    torch.testing.assert_close(found.loss, value.detach())
    for known,grad in zip((found.of_points, found.of_proxies), torch.autograd.grad(value, (z, rho))):
        torch.testing.assert_close(known, grad, rtol=1e-8, atol=1e-12)

@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_hier_compiles_to_one_graph(backend):
    "Without a graph break, with gradients; the counts of anchors stay on the device."
    torch._dynamo.reset()
    loss = hier.HIER(12, 3, topk=5, generator=torch.Generator().manual_seed(0))
    u,labels = torch.randn(14, 3, generator=torch.Generator().manual_seed(1)).requires_grad_(),torch.arange(7).repeat(2)
    compiled = torch.compile(lambda u: loss(loss.to_poincare(u), labels), backend=backend, fullgraph=True)
    values = torch.stack([compiled(u) for _ in range(30)])
    values.mean().backward()
    plain = torch.stack([loss(loss.to_poincare(u.detach()), labels).detach() for _ in range(30)])
    assert values.std()>0                                                    # each call draws anew
    spread = (values.detach().var()+plain.var()).div(30).sqrt()
    assert abs(values.mean()-plain.mean())<4.5*spread
    assert u.grad.any()
    assert loss.euclidean_proxies.grad.any()

def test_points_that_fit_no_ball_are_refused_on_a_device():
    loss,inside = hier.HIER(12, 3, topk=5),torch.zeros(4, 3)
    for points,labels,message in ((inside+9, torch.arange(4), "inside the ball"), (inside, torch.arange(4)-1, "labels"),
            (inside*torch.nan, torch.arange(4), "inside the ball")):
        with pytest.raises(ValueError, match=message): loss.forward_at_once(points, labels)
