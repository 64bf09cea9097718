"What the geometry packages refuse, and the words by which their errors say why."
import math

import pytest
import torch
from refusals import refusals, refuses

from hiernb.geometry.hyperbolicity import (
    based_delta, clean_distances, relative_delta, sampled_delta, suggested_curvature)
from hiernb.geometry.lorentz import from_lorentz, query_key, to_lorentz
from hiernb.geometry.poincare import (
    ToPoincare, check_ball, dist, einstein_midpoint, expmap0, from_klein, geodesic, mobius_add, pairwise_dist,
    rim_gap, to_klein)
from hiernb.geometry.threads import side_by_side

inside = torch.tensor([[.1,.2],[.3,-.4],[0.,.6]], dtype=torch.float64)
outside = torch.tensor([[.2,.1],[1.1,0.],[.5,.5]], dtype=torch.float64)
half = torch.tensor([.5])
sheet = to_lorentz(inside, 1.)
line = (torch.arange(5.)[:,None]-torch.arange(5.)).abs()

CURVATURE = {
    "zero": (lambda: check_ball(0, inside), "c must be positive and finite", "got 0"),
    "negative": (lambda: check_ball(-1., inside), "c must be positive and finite", "got -1.0"),
    "nan": (lambda: check_ball(math.nan, inside), "c must be positive and finite", "got nan"),
    "infinite": (lambda: check_ball(math.inf, inside), "c must be positive and finite", "got inf"),
    "dist": (lambda: dist(inside, inside, -1.), "c must be positive"),
    "pairwise_dist": (lambda: pairwise_dist(inside, inside, 0.), "c must be positive"),
    "expmap0": (lambda: expmap0(inside, -1), "c must be positive"),
    "to_lorentz": (lambda: to_lorentz(inside, 0), "c must be positive"),
    "query_key": (lambda: query_key(inside, -1.), "c must be positive"),
    "ToPoincare of c = 0": (lambda: ToPoincare(0), "c must be positive"),
    "ToPoincare of c < 0": (lambda: ToPoincare(-1), "c must be positive"),
}

@refusals(CURVATURE)
def test_a_curvature_that_is_none_is_refused(call, words):
    refuses(call, words)

OUTSIDE = {
    "rim_gap": (lambda: rim_gap(outside, 1., inside=True),
        "inside the ball", "1 of 3 do not, the largest √c‖x‖ is 1.1"),
    "nan": (lambda: rim_gap(outside*math.nan, 1., inside=True), "inside the ball", "3 of 3 do not"),
    "mobius_add": (lambda: mobius_add(inside, outside, 1.), "inside the ball"),
    "geodesic": (lambda: geodesic(outside, inside, half, 1.), "inside the ball"),
    "to_klein": (lambda: to_klein(outside, 1.), "inside the ball"),
    "from_klein": (lambda: from_klein(outside, 1.), "inside the ball"),
    "einstein_midpoint": (lambda: einstein_midpoint(outside, 1.), "inside the ball"),
    "to_lorentz": (lambda: to_lorentz(outside, 1.), "inside the ball"),
    "query_key": (lambda: query_key(outside, 1.), "inside the ball"),
}

@refusals(OUTSIDE)
def test_points_outside_the_ball_are_counted(call, words):
    refuses(call, words)

SHAPES = {
    "pairwise_dist of two dimensions": (lambda: pairwise_dist(inside, inside[:,:1], 1.), "(3, 2) and (3, 1)"),
    "pairwise_dist of one point": (lambda: pairwise_dist(inside, inside[0], 1.), "(B,D)", "(3, 2) and (2,)"),
    "pairwise_dist of no dimension": (lambda: pairwise_dist(inside[:,:0], inside[:,:0], 1.), "(3, 0)"),
    "midpoint of no points": (lambda: einstein_midpoint(inside[:0], 1.), "N at least 1", "shape (0, 2)"),
    "negative weights": (lambda: einstein_midpoint(inside, 1., -torch.ones(3)), "weights must be ≥ 0"),
    "weights all 0": (lambda: einstein_midpoint(inside, 1., torch.zeros(3)), "at least one above 0"),
}

@refusals(SHAPES)
def test_points_and_weights_of_a_wrong_form_are_refused(call, words):
    refuses(call, words)

def test_pairwise_distances_are_differentiable_once():
    x = inside.clone().requires_grad_()
    total = pairwise_dist(x, inside.flip(0), 1.).sum()
    refuses(lambda: torch.autograd.grad(total, x, create_graph=True), ["differentiable once"],
        NotImplementedError)

@pytest.mark.parametrize("c,clip_r", [(.1,0.), (.1,-1.), (.1,math.nan), (10.,3.)])
def test_a_clip_radius_that_reaches_the_rim_is_refused(c, clip_r):
    refuses(lambda: ToPoincare(c, clip_r), ["clip_r must be in", f"got {clip_r} with c={c}"])

SHEET = {
    "the lower sheet": -sheet,
    "time last": sheet.flip(-1),
    "another curvature": to_lorentz(inside/2, 2.),
    "nan": sheet*math.nan,
}

@pytest.mark.parametrize("points", SHEET.values(), ids=SHEET)
def test_points_off_the_hyperboloid_are_counted(points):
    refuses(lambda: from_lorentz(points, 1.), ["points must lie on the sheet", "3 of 3 do not"])

DISTANCES = {
    "not square": (lambda: clean_distances(line[:4]), "shape (4, 5)"),
    "empty": (lambda: clean_distances(line[:0,:0]), "n at least 1", "shape (0, 0)"),
    "nan": (lambda: clean_distances(line*math.nan), "finite"),
    "negative": (lambda: clean_distances(-line), "at least 0"),
    "a diagonal": (lambda: clean_distances(line+1), "to itself", "expected 0"),
    "not symmetric": (lambda: clean_distances(line.triu()), "symmetric"),
    "base": (lambda: based_delta(line, 12), "base must be one of the points 0..4", "got 12"),
    "size of a subset": (lambda: sampled_delta(line, 6), "size must be in 1..5"),
    "no repeats": (lambda: sampled_delta(line, 3, 0), "repeats at least 1"),
    "diameter 0": (lambda: relative_delta(1., 0.), "diameter must be positive"),
    "δ above its bound": (lambda: relative_delta(1.1, 2.), "0..diameter/2", "triangle"),
    "δ is nan": (lambda: relative_delta(math.nan, 2.), "0..diameter/2"),
    "relative δ above 1": (lambda: suggested_curvature(1.2), "must be in 0..1"),
    "relative δ is nan": (lambda: suggested_curvature(math.nan), "must be in 0..1"),
}

@refusals(DISTANCES)
def test_what_has_no_delta_is_refused(call, words):
    refuses(call, words)

def test_the_error_of_a_thread_arrives():
    refuses(lambda: side_by_side(lambda a: 1/a, [1,0]), ["division by zero"], ZeroDivisionError)
