# Made from audit.py by `make export`: edit the notebook.
from typing import Any
__all__ = ['radial', 'ceiling_of', 'effect', 'questions', 'answers', 'verdict', 'Audit', 'check_audit', 'check_sizes', 'row', 'radius_rows', 'radii_inside', 'proxy_tests', 'depth_rows', 'rank_rows', 'audit']
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
import numpy as np
import pandas as pd
import torch
from fastcore.basics import patch
from torch import Tensor
from ..geometry.poincare import check_ball, dist0, rim_gap
from .lca import equalize_radii, meet, meeting_costs, radii, ranking_agreement
from .audit_controls import by_specificity, class_nulls, label_nulls, midpoint_tests, place_on_hyperboloid, proxy_nulls, radius_test
from .neighbors import check_labels, check_matrix
from .audit_sample import Sample, draw_sample, meeting_places, proxy_measures
from ..tree.significance import PermutationTest, holm, normalize, random_order
from ..tree.labels import match_labels, plain_labels
from ..tree.taxonomy import Taxonomy
radial = ('LCA radius by taxonomy depth, ρ', 'LCA of same class farther out')

def ceiling_of(measure: str) -> float:
    ...

def effect(measure: str, test: PermutationTest) -> float:
    ...

def questions(tests: dict) -> dict:
    ...

def answers(tests: dict, alpha: float, weak: float=0.2) -> dict[str, tuple[str, str]]:
    ...

def verdict(tests: dict, alpha: float, at_rim: float, rho: float | None, proxies: str, missing: list[str], looked: tuple[int, int] | None=None) -> str:
    ...

@dataclass(frozen=True, repr=False)
class Audit:
    table: pd.DataFrame
    verdict: str
    tests: dict

    def __repr__(self) -> str:
        ...

    def _repr_html_(self) -> str:
        ...

def check_audit(embeddings: Tensor, proxies: Tensor | None, labels: Tensor | Sequence | None, c: float, taxonomy: Taxonomy | None, class_names: Sequence[str] | None=None, order: str | None=None) -> tuple[Tensor, Tensor | None, Tensor | None, Taxonomy | None]:
    ...

def check_sizes(n_permutations: int, alpha: float, n_points: int, n_triplets: int, clip_r: float | None) -> None:
    ...

def row(measure: str, value: float, control: str='', test: PermutationTest | None=None, tested: bool=True, points: int=0) -> dict:
    ...

def radius_rows(what: str, r: Tensor, rim: float) -> list[dict]:
    ...

def radii_inside(given: list[Tensor], c: float, clip_r: float | None) -> tuple[Tensor, list[Tensor]]:
    ...

def proxy_tests(proxies: Tensor, radius: Tensor, s: Sample, n: int, generator: torch.Generator) -> tuple[dict, list[dict]]:
    ...

def depth_rows(costs: Tensor, radius: np.ndarray, s: Sample) -> list[dict]:
    ...

def rank_rows(x: Tensor, c: float, n_points: int, generator: torch.Generator, n_anchors: int=200, k: int=10) -> tuple[float | None, list[dict]]:
    ...

def audit(embeddings: Tensor, proxies: Tensor | None=None, labels: Tensor | Sequence | None=None, c: float=0.1, taxonomy: Taxonomy | None=None, generator: torch.Generator | None=None, clip_r: float | None=None, n_permutations: int=199, alpha: float=0.05, n_points: int | None=None, n_triplets: int=1000, budget: int=2 ** 22, class_names: Sequence[str] | None=None, order: str | None=None) -> Audit:
    ...
