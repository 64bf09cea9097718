"The geometry floor against the numbers of HIER's published code (tests/golden/hier.npz) and against mpmath."
import pathlib
import mpmath
import numpy as np
import pytest
import torch
from torch.testing import assert_close
from hiernb.geometry.lorentz import from_lorentz,query_key,to_lorentz
from hiernb.geometry.poincare import ToPoincare,dist,dist0,einstein_midpoint,logmap0,pairwise_dist,to_klein

GOLDEN = pathlib.Path(__file__).parent/"golden"

@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN/"hier.npz") as numbers:
        return {key: torch.from_numpy(numbers[key]) if numbers[key].ndim else numbers[key].item()
            for key in numbers}

@pytest.fixture(scope="module")
def exact(golden):
    "The distance matrix with 50 digits."
    with mpmath.workdps(50):
        c = mpmath.mpf(golden["meta_c"])
        xs,ys = ([[mpmath.mpf(v) for v in row] for row in golden[k].tolist()] for k in ("points_x",
            "points_y"))
        square = lambda v: sum(a*a for a in v)
        chord = lambda x,y: square([a-b for a,b in zip(x, y)])
        gaps = [[1-c*square(p) for p in points] for points in (xs,ys)]
        rows = [[float(mpmath.acosh(1+2*c*chord(x, y)/(g*h))/mpmath.sqrt(c))
            for y,h in zip(ys, gaps[1])] for x,g in zip(xs, gaps[0])]
    return torch.tensor(rows, dtype=torch.float64)

def head(golden): return ToPoincare(golden["meta_c"], golden["meta_clip_r"])

def test_head(golden):
    # its clip pads the norm with 1e-5
    assert_close(head(golden)(golden["to_poincare_in"]), golden["to_poincare_out"], rtol=0, atol=1e-5)
    assert_close(head(golden)(golden["hier_proxies_euclidean"]), golden["points_y"], rtol=0, atol=1e-5)

def test_gradient_of_the_head(golden):
    u = golden["to_poincare_in"].clone().requires_grad_()
    head(golden)(u).backward(golden["to_poincare_grad_out"])
    assert_close(u.grad, golden["to_poincare_grad_in"], rtol=0, atol=1e-5)

@pytest.mark.parametrize("dtype", [torch.float32,torch.float64])
def test_distances(golden, exact, dtype):
    x,y,c = golden["points_x"].to(dtype),golden["points_y"].to(dtype),golden["meta_c"]
    for found in (pairwise_dist(x, y, c),dist(x[:,None], y, c)):
        assert_close(found.double(), golden["dist_matrix"], rtol=0, atol=2e-3)
        assert_close(found.double(), exact, rtol=1e-6 if dtype==torch.float32 else 1e-12, atol=0)

def test_mpmath_disagrees_with_the_published_form(golden, exact):
    assert (golden["dist_matrix"]-exact).abs().max()>1e-5  # so 1e-6 to mpmath tells the two apart

def test_dist0(golden):
    assert_close(dist0(golden["points_x"], golden["meta_c"]), golden["dist0"], rtol=1e-6, atol=0)
    assert_close(2*logmap0(golden["points_x"], golden["meta_c"]).norm(dim=1), golden["dist0"], rtol=1e-6,
        atol=0)

def test_klein_and_midpoint(golden):
    assert_close(to_klein(golden["points_x"], golden["meta_c"]), golden["to_klein"], rtol=1e-6, atol=1e-9)
    assert_close(einstein_midpoint(golden["points_x"], golden["meta_c"]), golden["poincare_mean"], rtol=1e-6,
        atol=1e-9)

def test_inner_products_rank_as_the_distances(golden, exact):
    x,y,c = golden["points_x"],golden["points_y"],golden["meta_c"]
    scores = query_key(x, c)[0]@query_key(y, c)[1].mT
    assert torch.equal(scores.argsort(1, descending=True), exact.argsort(1))
    assert_close(from_lorentz(to_lorentz(x, c), c), x)
