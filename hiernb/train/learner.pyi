# Made from learner.py by `make export`: edit the notebook.
from typing import Any
__all__ = ['check_representatives', 'Learner', 'seed_draws', 'own_seed', 'gather_batch', 'NotFinite']
import gc, math
from contextlib import nullcontext
from typing import Any
import torch
from fastcore.basics import patch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from ..geometry.errors import SettingError
from .sampling import as_rows
from .health import diagnose, summarize
from ..loss.sphere import directions, pairwise
from ..metric.space import step_change
from .config import Options
from .optim import load_optimizer_state, make_optimizers, parameter_groups, parameters_of
from hiernb.train.distributed import broadcast, broadcast_state, gather, get_rank, get_world_size, local_fabric, shares, sum_while_backward, sync_batch_norm

def check_representatives(loss: nn.Module) -> None:
    ...

class Learner:
    fabric: Any
    embed: Any
    summed: Any
    named: Any
    parameters: Any
    loss_buffers: Any
    buffers: Any
    saved_buffers: Any
    optimizers: Any
    whole: Any
    model: Any
    loss: Any
    options: Any
    precision: Any
    scaled: Any
    model_parameters: Any
    loss_parameters: Any
    averaged: Any
    last_distances: Any

    def __init__(self, model: nn.Module, loss: nn.Module, options: Options, accelerator: str='auto'):
        ...

    def refuse_batch_norm(self) -> None:
        ...

    def make_optimizers(self) -> list:
        ...

    @property
    def judged(self) -> tuple[nn.Module, nn.Module]:
        ...

    @property
    def embedder(self) -> nn.Module:
        ...

    def wrap(self, learning: list[bool], unused: bool=False) -> None:
        ...

    def sums_too_little(self) -> bool:
        ...

    def embed_rows(self, seed: int, images: Tensor, *sizes: Tensor) -> Tensor:
        ...

    def embed_batch(self, seed: int, images: Tensor, *sizes: Tensor) -> tuple[Tensor, list]:
        ...

    @torch.no_grad()
    def class_distances(self, embeddings: Tensor, eps: float=1e-06) -> Tensor:
        ...

    @torch.no_grad()
    def change_of_step(self, seed: int, total: int, images: Tensor, *sizes: Tensor) -> dict[str, float]:
        ...

    def loss_of_batch(self, seed: int, embeddings: Tensor, labels: Tensor, score: bool) -> tuple[Tensor, dict[str, Tensor]]:
        ...

    def backward(self, loss: Tensor, embeddings: Tensor, parts: list) -> None:
        ...

    def gradient(self, seed: int, total: int, images: Tensor, labels: Tensor, *sizes: Tensor, score: bool=True) -> tuple[dict[str, Tensor | float], Tensor]:
        ...

    def step(self, seed: int, total: int, names, images: Tensor, labels: Tensor, *sizes: Tensor, score: bool=True) -> dict[str, float]:
        ...

    def update_weights(self) -> None:
        ...

    def state(self) -> dict[str, Any]:
        ...

    def load(self, state: dict[str, Any]) -> None:
        ...

    def broadcast_weights(self) -> None:
        ...

def seed_draws(seed: int, device: torch.device) -> None:
    ...

def own_seed(seed: int) -> int:
    ...

def gather_batch(total: int, views: int, *tensors: Tensor) -> tuple[Tensor, ...]:
    ...

class NotFinite(ValueError):
    found: Any

    def __init__(self, found):
        ...
