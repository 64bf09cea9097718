# Made from trainer.py by `make export`: edit the notebook.
from typing import Any
from hiernb.train.logs import Logs
from hiernb.train.loop import Run
__all__ = ['embed', 'judging', 'settings_of', 'earlier_manifest', 'view_images', 'make_sampler', 'Trainer']
import json, time
from pathlib import Path
from typing import Any
import torch
from fastcore.basics import patch
from torch import Tensor, nn
from torch.utils.data import Dataset
from tqdm import tqdm
from ..geometry.errors import warn
from hiernb.train.sampling import ClassBalancedSampler, Seeded, Views, augmentation, batch_sizes, batches, epoch_seed, in_bytes, loading, on_device
from .checkpoint import checkpoints, describe, progress_of, save_progress
from ..data.base import Data, write_atomic
from .health import Terminable, Terminated, clip_radius, collapse, image_names, spread
from .logs import progress_bar
from .manifest import Manifest, read_manifest
from ..metric.retrieval import recall_at_k
from ..metric.sharded import sharded_ranks
from .config import Options, check_data_for_loss, curvature_of
from .optim import freeze, schedule_factor
from hiernb.train.distributed import all_gather, any_rank, check_batches, gather, get_rank, get_world_size, local_fabric, share, tensorfloat
from .learner import Learner, NotFinite

@torch.no_grad()
def embed(model: nn.Module, dataset: Dataset, batch_size: int=512, accelerator: str='auto', workers: int=0, progress: bool=False, tf32: bool=False) -> tuple[Tensor, Tensor]:
    ...

def judging(data: Data, loss: nn.Module, options: Options) -> tuple[str, str, str]:
    ...

def settings_of(model: nn.Module, loss: nn.Module, data: Data, images: Manifest, options: Options, precision: str) -> dict[str, Any]:
    ...

def earlier_manifest(folder: str | Path) -> Manifest | None:
    ...

def view_images(images: Dataset, options: Options) -> Seeded:
    ...

def make_sampler(data: Data, options: Options) -> ClassBalancedSampler | None:
    ...

class Trainer:
    c: Any
    learner: Any
    images: Any
    settings: Any
    sampler: Any
    history: Any
    saved: Any
    earlier: Any
    seeds: Any
    done: Any
    split: Any
    judged_split: Any
    select: Any
    data: Any
    folder: Any
    options: Any
    dataset: Any
    to_numbers: Any
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
    def last_judged(self) -> dict[str, float | None] | None:
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

    def read_best(self) -> dict[str, Any]:
        ...

    def fault_of_best(self) -> Exception | None:
        ...

    def best_in_progress(self) -> tuple[Path, dict[str, Any]] | None:
        ...

    def epoch_of_best_file(self) -> int:
        ...

    def restore_best(self, epochs: int) -> None:
        ...

    def check_epochs(self, epochs: int) -> None:
        ...

    def resume(self, epochs: int) -> None:
        ...

    def earlier_starts(self) -> list[dict[str, Any]]:
        ...

    def write_circumstances(self, earlier: list[dict[str, Any]]) -> None:
        ...

    def check_folder(self) -> None:
        ...

    def prepare(self, epochs: int, resume: bool) -> None:
        ...

    def start(self, epochs: int, resume: bool) -> None:
        ...

    def run_epoch(self, epochs: int, progress: bool, bar: tqdm, stop: Terminable, logs: Logs | None) -> None:
        ...

    def run_epochs(self, epochs: int, progress: bool) -> None:
        ...

    def complete(self, epochs: int, progress: bool) -> Run:
        ...

    def begin(self, number: int) -> tuple[list[list[int]], list[nn.Parameter]]:
        ...

    def save(self) -> None:
        ...

    def last_saved(self) -> str:
        ...

    def record_not_finite(self, found: dict[str, Any]) -> Path:
        ...

    def advance(self, part: list[int], batch: list[Tensor]) -> None:
        ...

    def after_step(self, stop: Terminable, last: bool) -> None:
        ...

    def epoch(self, bar: tqdm, stop: Terminable) -> None:
        ...

    def shown_numbers(self) -> dict[str, str]:
        ...

    def totals(self, prefix: str='train_') -> dict[str, float]:
        ...

    def recall_at_1(self, embeddings: Tensor, labels: Tensor, gallery: tuple[Tensor, Tensor] | None=None) -> float:
        ...

    def embed_split(self, split: str, progress: bool=False) -> tuple[Tensor, Tensor]:
        ...

    @torch.no_grad()
    def accuracy(self, embeddings: Tensor, labels: Tensor) -> float:
        ...

    def validate(self, progress: bool=False) -> dict[str, float]:
        ...

    def unjudged_row(self) -> dict[str, None]:
        ...

    def warn_of_collapse(self, found: dict[str, float]) -> None:
        ...
