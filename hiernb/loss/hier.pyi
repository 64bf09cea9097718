# Made from hier.py by `make export`: edit the notebook.
from typing import Any
__all__ = ['mutual_neighbors', 'reciprocal_neighbors', 'draw_members', 'unrelated_points', 'eligible_anchors', 'triplets_of', 'draw_triplets', 'HIER', 'Placed', 'related_in_both', 'place', 'Attached', 'compiled_place', 'shapes_of_place']
import math
from typing import NamedTuple
import torch
import torch.nn.functional as F
from fastcore.basics import patch
from torch import Tensor, nn
from ..geometry.errors import SettingError
from ..geometry.poincare import ToPoincare, check_ball, clip_norm, dist0, expmap0, measure_all, near_share, pairwise_dist, pull_back, rim_gap
from .ancestors import ancestor_loss, in_large_blocks, with_center
from .sphere import check_batch, check_embeddings, check_kind_of_labels, check_number
from .gumbel import check_generator

def mutual_neighbors(similarity: Tensor, topk: int) -> Tensor:
    ...

def reciprocal_neighbors(similarity: Tensor, topk: int) -> Tensor:
    ...

def draw_members(among: Tensor, per_row: int, generator: torch.Generator | None=None) -> Tensor:
    ...

def unrelated_points(related: Tensor, as_published: bool) -> Tensor:
    ...

def eligible_anchors(related: Tensor, unrelated: Tensor) -> Tensor:
    ...

def triplets_of(anchors: Tensor, related: Tensor, unrelated: Tensor, per_anchor: int, generator: torch.Generator | None=None) -> Tensor:
    ...

def draw_triplets(related: Tensor, per_anchor: int, generator: torch.Generator | None=None, as_published: bool=False) -> Tensor:
    ...

class HIER(nn.Module):
    to_poincare: Any
    anchors: Any
    without_anchors: Any
    n_proxies: Any
    dim: Any
    c: Any
    tau: Any
    margin: Any
    topk: Any
    triplets_per_anchor: Any
    as_published: Any
    radial_weight: Any
    radial_margin: Any
    proxy_kind: Any
    euclidean_proxies: Any
    ball_proxies: Any

    def __init__(self, n_proxies: int, dim: int, c: float=0.1, clip_r: float=2.3, tau: float=0.1, margin: float=0.1, topk: int=30, triplets_per_anchor: int=50, as_published: bool=False, generator: torch.Generator | None=None, proxies: str='learned', spread: float=0.9, radial_weight: float=0.0, radial_margin: float=0.1):
        ...

    def extra_repr(self) -> str:
        ...

    def hold_proxies(self, kind: str, start: Tensor) -> None:
        ...

    @property
    def proxies(self) -> Tensor:
        ...

    def triplet_loss(self, dist_to_proxies: Tensor, triplets: Tensor, noise: tuple[Tensor, Tensor] | str | None=None, generator: torch.Generator | None=None) -> Tensor:
        ...

    def regularize(self, points: Tensor, proxies: Tensor, labels: Tensor | None, generator: torch.Generator | None) -> tuple[Tensor, int]:
        ...

    def forward_at_once(self, embeddings: Tensor, labels: Tensor, generator: torch.Generator | None=None) -> Tensor:
        ...

    def forward(self, embeddings: Tensor, labels: Tensor, generator: torch.Generator | None=None) -> Tensor:
        ...

class Placed(NamedTuple):
    loss: Tensor
    of_points: Tensor
    of_proxies: Tensor
    eligible: Tensor
    counts: list[int]

def related_in_both(dist: Tensor, labels: Tensor, topk: int, as_published: bool) -> tuple[Tensor, Tensor]:
    ...

def place(z: Tensor, proxies: Tensor, labels: Tensor, c: float, tau: float, margin: float, topk: int, per_anchor: int, as_published: bool, radial_weight: float, radial_margin: float, generator: torch.Generator | None=None) -> Placed:
    ...

class Attached(torch.autograd.Function):

    @staticmethod
    def forward(ctx, z, proxies, loss, of_points, of_proxies):
        ...

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        ...

@torch.library.custom_op('hiernb::place', mutates_args=(), tags=torch.Tag.nondeterministic_seeded)
def compiled_place(z: Tensor, proxies: Tensor, labels: Tensor, c: float, tau: float, margin: float, topk: int, per_anchor: int, as_published: bool, radial_weight: float, radial_margin: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    ...

@compiled_place.register_fake
def shapes_of_place(z, proxies, labels, *settings):
    ...
