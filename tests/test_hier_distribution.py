"""HIER's short way to Gumbel noise against the plain definition by autograd: loss and gradient, entry by
entry, in distribution."""
import pytest
import torch
import torch.nn.functional as F
from hiernb.loss.ancestors import loss_and_gradient

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

@pytest.mark.parametrize("tau", [.3,1.])
def test_drawn_gradient_is_that_of_the_definition(tau, draws=200, copies=40):
    generator = torch.Generator().manual_seed(0)
    dist = 3*torch.rand(9, 6, generator=generator, dtype=torch.float64)
    triplets = torch.stack([torch.randperm(9, generator=generator)[:3] for _ in range(3)]).repeat(copies,1)
    def repeated(draw):
        values,grads = zip(*(draw() for _ in range(draws)))
        return torch.cat([torch.stack(values)[:,None],torch.stack(grads).flatten(1)],1)
    a = repeated(lambda: loss_and_gradient(dist, triplets, tau, .1, "draw", generator))
    b = repeated(lambda: plain(dist, triplets, tau, .1, generator))  # (draws, 1+9·6): loss, then gradient
    moving = a.std(0)+b.std(0)>1e-12
    assert moving[0]
    assert moving.sum()>20
    z = ((a.mean(0)-b.mean(0))/((a.var(0)+b.var(0))/draws).sqrt())[moving]
    assert z.abs().max()<4.5  # 55 tests, the largest above 4.5 once in 2,600
    atoms = lambda x: (x.T[moving]*1e9).round()  # some entries take a dozen values: the same but for rounding
    # 55 tests, each above 2.7 once in a million
    assert max(kolmogorov_smirnov(x,y) for x,y in zip(atoms(a),atoms(b)))<2.7
