# Made from trainer.py by `make export`: edit the notebook.
from typing import Any
from hiernb.train.loop import Run
__all__ = ['embed', 'judging', 'settings_of', 'earlier_manifest', 'Trainer']
import json, time, warnings
from pathlib import Path
from typing import Any
import torch
from fastcore.basics import patch
from torch import Tensor, nn
from torch.utils.data import Dataset
from tqdm import tqdm
from .sampling import ClassBalancedSampler, Seeded, Views, augmentation, batch_sizes, batches, epoch_seed, loading
from .checkpoint import checkpoints, describe, progress_of, save_progress
from ..data.base import Data, write_atomic
from .health import Terminable, Terminated, clip_radius, collapse, image_names, spread
from .logs import progress_bar
from .manifest import Manifest, read_manifest
from ..metric.retrieval import recall_at_k
from ..metric.sharded import sharded_ranks
from .config import Options, check_data_for_loss, curvature_of
from .optim import freeze, schedule_factor
from .distributed import all_gather, any_rank, check_batches, gather, get_rank, get_world_size, local_fabric, share
from .learner import Learner, NotFinite

@torch.no_grad()
def embed(model: nn.Module, dataset: Dataset, batch_size: int=512, accelerator: str='auto', workers: int=0, progress: bool=False) -> tuple[Tensor, Tensor]:
    ...

def judging(data: Data, loss: nn.Module, options: Options) -> tuple[str, str, str]:
    ...

def settings_of(model: nn.Module, loss: nn.Module, data: Data, images: Manifest, options: Options, precision: str) -> dict[str, Any]:
    ...

def earlier_manifest(folder: str | Path) -> Manifest | None:
    ...

class Trainer:
    c: Any
    learner: Any
    images: Any
    settings: Any
    dataset: Any
    sampler: Any
    history: Any
    saved: Any
    earlier: Any
    seeds: Any
    done: Any
    split: Any
    asking: Any
    select: Any
    data: Any
    folder: Any
    options: Any
    sums: Any
    spent: Any

    def __init__(self, model: nn.Module, loss: nn.Module, data: Data, folder: str | Path, options: Options, accelerator: str='auto'):
        ...

    def check_learning(self) -> None:
        ...

    @property
    def judge(self) -> str:
        ...

    @property
    def steps(self) -> int:
        ...

    @property
    def best_epoch(self) -> int:
        ...

    def pace(self) -> float:
        ...

    def keep_best(self) -> None:
        ...

    def finish(self, stop: Terminable, progress: bool=False, judged: bool=True) -> None:
        ...

    def best(self) -> dict[str, Any]:
        ...

    def mend(self, epochs: int) -> None:
        ...

    def resume(self, epochs: int) -> None:
        ...

    def earlier_starts(self) -> list[dict[str, Any]]:
        ...

    def write_circumstances(self, earlier: list[dict[str, Any]]) -> None:
        ...

    def check_folder(self) -> None:
        ...

    def take_up(self, epochs: int, resume: bool) -> None:
        ...

    def start(self, epochs: int, resume: bool) -> None:
        ...

    def to_the_end(self, epochs: int, progress: bool) -> None:
        ...

    def complete(self, epochs: int, progress: bool) -> Run:
        ...

    def begin(self, number: int) -> tuple[list[list[int]], list[nn.Parameter]]:
        ...

    def save(self) -> None:
        ...

    def standing(self) -> str:
        ...

    def advance(self, part: list[int], batch: list[Tensor]) -> None:
        ...

    def epoch(self, bar: tqdm, stop: Terminable) -> None:
        ...

    def told(self) -> dict[str, str]:
        ...

    def totals(self, prefix: str='train_') -> dict[str, float]:
        ...

    def recall_at_1(self, embeddings: Tensor, labels: Tensor, gallery: tuple[Tensor, Tensor] | None=None) -> float:
        ...

    def look(self, split: str, progress: bool=False) -> tuple[Tensor, Tensor]:
        ...

    def validate(self, progress: bool=False) -> dict[str, float]:
        ...

    def leave_out(self) -> dict[str, None]:
        ...

    def warn(self, found: dict[str, float]) -> None:
        ...
