"""All hyperbolic distances of 692×692 points in 128 dimensions, forward and backward: ours beside forms that
broadcast to (B,C,D), in one run."""
import importlib,pathlib,sys,warnings
from functools import partial
import numpy as np
import torch
from hiernb.geometry.poincare import dist,pairwise_dist,rim_gap
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from common import peak_bytes,row,seconds  # noqa: E402

C = .1   # curvature of HIER

def optional(name):
    "A peer that may be missing (HypLL: `pip install --no-deps hypll`)."
    with warnings.catch_warnings(action="ignore"):
        try: return importlib.import_module(name)
        except ImportError: return None

def points(n, dim, seed):
    """Points as HIER's head makes them, √c‖x‖ ≤ tanh(√c·2.3).
    By NumPy: torch's threads must not start before the forks of peak_bytes."""
    rng = np.random.default_rng(seed)
    v = rng.normal(size=(n,dim))
    return torch.from_numpy((v/np.linalg.norm(v, axis=1, keepdims=True)*rng.uniform(0, .62/C**.5,
        (n,1))).astype(np.float32))

def mobius(x, y, epsilon=1e-5):
    "As published: ‖-x⊕y‖ through an artanh, from the formula, with its padded denominator."
    x = -x[:,None]
    xy,x2,y2 = (x*y).sum(-1, keepdim=True),x.pow(2).sum(-1, keepdim=True),y.pow(2).sum(-1, keepdim=True)
    z = ((1+2*C*xy+C*y2)*x+(1-C*x2)*y)/(1+2*C*xy+C**2*x2*y2+epsilon)
    return 2/C**.5*torch.atanh((C**.5*z.norm(dim=-1)).clamp(-1+epsilon, 1-epsilon))

def half_angle(x, y):
    "Our formula, broadcast."
    return dist(x[:,None], y, C)

def chords(x, y):
    "Our formula on torch.cdist without products: (B,C) memory, exact, slower."
    chord = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    return 2/C**.5*torch.asinh(C**.5*chord/(rim_gap(x, C).sqrt()[:,None]*rim_gap(y, C).sqrt()))

def product(x, y):
    "A float32 product and nothing else: fast, and blind to close points."
    x2,y2 = x.pow(2).sum(1),y.pow(2).sum(1)
    q = (torch.addmm(x2[:,None]+y2, x, y.mT, alpha=-2).clamp_min(1e-12)*C/((1-C*x2)[:,None]*(1-C*y2))).sqrt()
    return 2/C**.5*torch.asinh(q)

def peers():
    "Name and form of everything that ours is compared with."
    found = {"Möbius form as published, broadcast": mobius,"our formula, broadcast": half_angle,
             "our formula on torch.cdist": chords,"float32 product": product}
    if geoopt := optional("geoopt"):
        found["geoopt 0.5, broadcast"] = lambda x,y: geoopt.PoincareBall(c=C).dist(x[:,None], y)
    hypll = optional("hypll.manifolds.poincare_ball.math.diffgeom")
    if hypll: found["HypLL 0.1, broadcast"] = lambda x,y: hypll.dist(x[:,None], y, torch.tensor(C))
    return found

def both_ways(form, x, y):
    "One forward and one backward pass."
    x,y = x.clone().requires_grad_(),y.clone().requires_grad_()
    form(x, y).sum().backward()

def worst_error(form, x, y, exact):
    "Largest relative error."
    return ((form(x, y).double()-exact).abs()/exact).max().item()

def main(size=692, dim=128):
    x,y = points(size, dim, 0),points(size, dim, 1)
    ours,others = (lambda x,y: pairwise_dist(x, y, C)),peers()
    peaks = {name: peak_bytes(partial(both_ways, form, x, y))/1e6
        for name,form in dict(ours=ours, **others).items()}
    what,our_time = f"{size}×{size}×{dim} forward and backward",seconds(partial(both_ways, ours, x, y), 9)
    for name,form in others.items():
        print(row(f"pairwise_dist {what}", our_time*1e3, seconds(partial(both_ways, form, x, y), 3)*1e3, "ms",
            name))
        print(row(f"pairwise_dist {what}, peak memory", peaks["ours"], peaks[name], "MB", name))
    step = torch.from_numpy(np.random.default_rng(2).normal(size=(size,dim)).astype(np.float32))
    near = x+1e-4*step/step.norm(dim=1, keepdim=True)  # each point has one 1e-4 away
    exact = dist(x.double()[:,None], near.double(), C)
    error = {name: worst_error(form, x, near, exact) for name,form in dict(ours=ours, **others).items()}
    for name in others:
        print(row("pairwise_dist, largest relative error, pairs 1e-4 apart among them", error["ours"],
            error[name], "", name))

if __name__=="__main__": main()
