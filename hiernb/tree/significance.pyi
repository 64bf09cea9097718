# Made from significance.py by `make export`: edit the notebook.
from typing import Any
__all__ = ['whole_number', 'random_order', 'measure', 'relabel_tips', 'is_symmetric', 'relabel', 'normalize', 'PermutationTest', 'count_classes', 'permutation_test', 'seed_values', 'bootstrap_interval', 't_interval', 'sign_flip_p', 'holm', 'paired_evidence', 'judge', 'evidence_text']
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from operator import index
import numpy as np
import pandas as pd
import scipy.stats
import torch
from fastcore.basics import patch
from skbio import TreeNode
from torch import Tensor
from .taxonomy import Taxonomy

def whole_number(value, name: str, least: int | None=None) -> int:
    ...

def random_order(n: int, generator: torch.Generator) -> Tensor:
    ...

def measure(smaller_is_better: bool=False, ceiling: float | Callable=float('nan')) -> Callable:
    ...

def relabel_tips(tree: TreeNode, order: np.ndarray) -> TreeNode:
    ...

def is_symmetric(x: np.ndarray | torch.Tensor) -> bool:
    ...

def relabel(x, order: np.ndarray):
    ...

def normalize(value: float | np.ndarray, chance: float | np.ndarray, ceiling: float | np.ndarray) -> np.ndarray:
    ...

@dataclass(frozen=True, repr=False)
class PermutationTest:
    value: float | tuple
    null: np.ndarray
    smaller_is_better: bool = False
    atol: float = 1e-10
    ceiling: float | tuple = float('nan')

    def like_value(self, x) -> float | tuple:
        ...

    @property
    def chance(self) -> float | tuple:
        ...

    @property
    def p_value(self) -> float | tuple:
        ...

    @property
    def interval(self) -> tuple:
        ...

    @property
    def normalized(self) -> float | tuple:
        ...

    def table(self) -> dict[str, np.ndarray]:
        ...

    def __repr__(self) -> str:
        ...

def count_classes(side) -> int:
    ...

def permutation_test(statistic: Callable, d, d_true, n_permutations: int=999, generator: torch.Generator | None=None, smaller_is_better: bool | None=None) -> PermutationTest:
    ...

def seed_values(values) -> np.ndarray:
    ...

def bootstrap_interval(values, n_resamples: int=9999, generator: torch.Generator | None=None, level: float=0.95) -> tuple[float, float]:
    ...

def t_interval(values, level: float=0.95) -> tuple[float, float]:
    ...

def sign_flip_p(differences) -> float:
    ...

def holm(p: list[float]) -> list[float]:
    ...

def paired_evidence(differences) -> dict[str, float]:
    ...

def judge(comparisons: dict, alpha: float=0.05) -> pd.DataFrame:
    ...

def evidence_text(row: pd.Series, decimals: int=3) -> str:
    ...
