# Made from grid.py by `make export`: edit the notebook.
from typing import Any
__all__ = ['tables', 'libc', 'name_recipes', 'recipe_of', 'require_own_tables', 'Job', 'plan', 'cores', 'variables', 'end_with_parent', 'run_processes', 'stop', 'last_line', 'Runs']
import ctypes, os, signal, subprocess, sys, time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
import pandas as pd
from fastcore.basics import patch
from tqdm import tqdm
from ..train.progress import is_watched, say
from .collect import collect, epochs_done, split_name
from .recipe import Recipe, recipe_names
from .fitted import is_own, resolve_recipe
from .experiment import as_fitted_before, finished
from ..train.signals import signals_raise
from .table import baselines, table, write_table

def name_recipes(patterns: Sequence[str]) -> list[str]:
    ...

def recipe_of(name: str, settings: Sequence[str]) -> Recipe:
    ...
tables = ('table.csv', 'table.md', 'table.tex')

def require_own_tables(folder: str | Path) -> None:
    ...

@dataclass(frozen=True)
class Job:
    recipe: Recipe
    folder: Path
    command: list[str]

    @property
    def name(self) -> str:
        ...

    @property
    def log(self) -> Path:
        ...

    @property
    def finished(self) -> bool:
        ...

def plan(patterns: Sequence[str], seeds: Sequence[int], folder: str | Path, settings: Sequence[str]=(), accelerator: str='auto', baseline: str | None=None) -> list[Job]:
    ...

def cores() -> int:
    ...

def variables(place: int, jobs: int) -> dict[str, str]:
    ...
libc = ctypes.CDLL(None) if sys.platform == 'linux' else None

def end_with_parent(parent: int) -> None:
    ...

def run_processes(commands: Sequence[list[str]], logs: Sequence[Path], jobs: int, ended: Callable[[int, int], None], meanwhile: Callable[[], None], patience: float=60.0) -> None:
    ...

def stop(processes: list[subprocess.Popen], patience: float) -> None:
    ...

def last_line(path: Path) -> str:
    ...

@dataclass
class Runs:
    jobs: list[Job]
    at_a_time: int = 1
    failed: dict[str, str] = field(default_factory=dict)

    def run(self, progress: bool=True) -> None:
        ...

    def results(self, folder: str | Path, measures: Sequence[str] | None=None, baseline: str | None=None) -> tuple[pd.DataFrame, list[Path]]:
        ...
