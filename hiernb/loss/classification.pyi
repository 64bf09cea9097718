# Made from classification.py by `make export`: edit the notebook.
from typing import Any
__all__ = ['normface_logits', 'proxydr_logits', 'check_options', 'log_prior', 'linear_start', 'Softmax', 'DirectionLoss', 'NormFace', 'ProxyDR']
import torch
import torch.nn.functional as F
from fastcore.basics import patch
from torch import Tensor, nn
from ..geometry.errors import SettingError
from hiernb.loss.sphere import angle, check_batch, check_classes_and_dim, check_embeddings, chord, directions, from_cosines, inner, pairwise
from .proxies import check_taxonomy, ema_update, own_generator, register_proxies
from .dynamic_scale import DynamicScale

def normface_logits(embeddings: Tensor, proxies: Tensor, scale: float | Tensor, distance: str='euclidean') -> Tensor:
    ...

def proxydr_logits(embeddings: Tensor, proxies: Tensor, scale: float | Tensor, distance: str='euclidean', eps: float=1e-06) -> Tensor:
    ...

def check_options(n_classes: int, dim: int, distance: str, scale: float | str, proxies: str, ema_alpha: float) -> None:
    ...

def log_prior(class_prior: Tensor | None, n_classes: int) -> Tensor | None:
    ...

def linear_start(n_classes: int, dim: int, start: str, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    ...

class Softmax(nn.Module):
    class_names: Any
    class_prior: Any
    n_classes: Any
    dim: Any
    start: Any
    proxies: Any
    bias: Any

    def __init__(self, n_classes: int, dim: int, distance: str='euclidean', scale: float | str=10.0, proxies: str='learned', taxonomy=None, ema_alpha: float=0.01, class_prior: Tensor | None=None, generator: torch.Generator | None=None, start: str='torch'):
        ...

    def logits(self, embeddings: Tensor) -> Tensor:
        ...

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        ...

class DirectionLoss(nn.Module):
    class_prior: Any
    dynamic: Any
    n_classes: Any
    dim: Any
    distance: Any
    ema_alpha: Any
    beta: Any
    fixed_scale: Any

    def __init__(self, n_classes: int, dim: int, distance: str='euclidean', scale: float | str=10.0, proxies: str='learned', taxonomy=None, ema_alpha: float=0.01, class_prior: Tensor | None=None, generator: torch.Generator | None=None, beta: float=1.0):
        ...

    @property
    def scale(self) -> float | Tensor:
        ...

    def logits(self, embeddings: Tensor) -> Tensor:
        ...

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        ...

class NormFace(DirectionLoss):
    distance_logits = staticmethod(normface_logits)

class ProxyDR(DirectionLoss):
    distance_logits = staticmethod(proxydr_logits)
