# Made from corr.py by `make export`: edit the notebook.
from typing import Any
__all__ = ['CORR']
import torch
from fastcore.basics import patch
from torch import Tensor, nn
from ..geometry.errors import SettingError
from .sphere import check_batch, check_classes_and_dim, check_embeddings, directions, inner
from .proxies import register_proxies

class CORR(nn.Module):
    n_classes: Any
    dim: Any
    reduction: Any
    beta: Any

    def __init__(self, n_classes: int, dim: int, taxonomy, reduction: str='mean', generator: torch.Generator | None=None, beta: float=1.0):
        ...

    def logits(self, embeddings: Tensor) -> Tensor:
        ...

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        ...
