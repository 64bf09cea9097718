# Made from dynamic_scale.py by `make export`: edit the notebook.
from typing import Any
__all__ = ['scaled_residual', 'inflection', 'initial_scale', 'wrong_terms', 'DynamicScale']
import math
import numpy as np
import torch
from fastcore.basics import patch
from scipy.optimize import brentq
from torch import Tensor, nn
from ..geometry.errors import SettingError

def scaled_residual(model: str, distance: str, s: float, theta: float, log_wrong: float, slope: float) -> tuple[float, float, float]:
    ...

def inflection(model: str, distance: str, scale: float, theta: float, log_wrong: float, slope: float=0.0) -> tuple[float, float]:
    ...

def initial_scale(model: str, distance: str, n_classes: int) -> float:
    ...

@torch.no_grad()
def wrong_terms(logits: Tensor, labels: Tensor, log_prior: Tensor | None=None) -> tuple[Tensor, Tensor]:
    ...

class DynamicScale(nn.Module):
    steps: Any
    model: Any
    distance: Any
    lr: Any

    def __init__(self, model: str, distance: str, n_classes: int, lr: float=0.0001):
        ...

    def forward(self) -> Tensor:
        ...

    @torch.no_grad()
    def move(self, logits: Tensor, labels: Tensor, theta: Tensor, log_prior: Tensor | None=None) -> None:
        ...
