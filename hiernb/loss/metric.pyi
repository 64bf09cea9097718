# Made from metric.py by `make export`: edit the notebook.
from typing import Any
__all__ = ['ball_curvature', 'similarity', 'check_pairs', 'soft_maximum', 'ProxyLoss', 'MarginProxyLoss', 'ProxyAnchor', 'ProxyNCA', 'OriginalProxyNCA', 'SoftTriple', 'MultiSimilarity', 'as_views', 'SupCon']
import torch
import torch.nn.functional as F
from fastcore.basics import patch
from torch import Tensor, nn
from ..geometry.errors import SettingError
from ..geometry.poincare import pairwise_dist, rim_gap
from .sphere import check_batch, check_classes_and_dim, check_number, directions, inner
from .proxies import starting_proxies

def ball_curvature(geometry: str | None, c: float | None, only_sphere: str='') -> float | None:
    ...

def similarity(x: Tensor, c: float | None) -> Tensor:
    ...

def check_pairs(embeddings: Tensor, labels: Tensor) -> Tensor:
    ...

def soft_maximum(x: Tensor, mask: Tensor, dim: int) -> Tensor:
    ...

class ProxyLoss(nn.Module):
    proxies: Any
    n_classes: Any
    dim: Any
    start: Any

    def __init__(self, n_classes: int, dim: int, geometry: str='sphere', c: float | None=None, generator: torch.Generator | None=None, start: str='sphere'):
        ...

    def extra_repr(self) -> str:
        ...

    def logits(self, embeddings: Tensor) -> Tensor:
        ...

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        ...

class MarginProxyLoss(ProxyLoss):
    alpha: Any
    margin: Any

    def __init__(self, n_classes: int, dim: int, geometry: str='sphere', c: float | None=None, alpha: float=32.0, margin: float=0.1, generator: torch.Generator | None=None, start: str='sphere'):
        ...

class ProxyAnchor(MarginProxyLoss):

    def from_cosines(self, cosines: Tensor, own: Tensor) -> Tensor:
        ...

class ProxyNCA(MarginProxyLoss):

    def from_cosines(self, cosines: Tensor, own: Tensor) -> Tensor:
        ...

class OriginalProxyNCA(ProxyLoss):

    def from_cosines(self, cosines: Tensor, own: Tensor) -> Tensor:
        ...

class SoftTriple(nn.Module):
    centers: Any
    n_classes: Any
    dim: Any
    start: Any
    scale: Any
    gamma: Any
    margin: Any

    def __init__(self, n_classes: int, dim: int, geometry: str='sphere', c: float | None=None, n_centers: int=10, scale: float=20.0, gamma: float=0.1, margin: float=0.01, generator: torch.Generator | None=None, start: str='sphere'):
        ...

    def extra_repr(self) -> str:
        ...

    @property
    def proxies(self) -> Tensor:
        ...

    def logits(self, embeddings: Tensor) -> Tensor:
        ...

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        ...

class MultiSimilarity(nn.Module):
    c: Any
    alpha: Any
    beta: Any
    base: Any

    def __init__(self, geometry: str | None=None, c: float | None=None, alpha: float | None=None, beta: float | None=None, base: float | None=None):
        ...

    def extra_repr(self) -> str:
        ...

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        ...

def as_views(labels: Tensor) -> Tensor:
    ...

class SupCon(nn.Module):
    c: Any
    tau: Any
    as_published: Any

    def __init__(self, geometry: str | None=None, c: float | None=None, tau: float=0.2, as_published: bool=False):
        ...

    def extra_repr(self) -> str:
        ...

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        ...
