# Made from taxonomy.py by `make export`: edit the notebook.
from typing import Any
import difflib
import math
import os
import re
import stat
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise, zip_longest
from pathlib import Path
import numpy as np
from fastcore.basics import patch
from skbio import TreeNode
from ..geometry.errors import warn
from .formats import check_path_sizes, nfc, node_paths, read_newick, read_pairs, read_table, read_text, write_newick
__all__ = ['numberings', 'unique_names', 'check_paths', 'check_unique', 'check_class_names', 'Taxonomy', 'Nodes', 'span', 'renamed', 'check_level_columns', 'counts_rows', 'known_columns', 'class_columns', 'path_mark', 'row_path', 'order_column', 'label_order', 'table_paths', 'sibling_names', 'newick_paths', 'what_it_is', 'list_folder', 'name_paths']

def unique_names(paths: Sequence[tuple[str, ...]]) -> list[str]:
    ...

def check_paths(paths: Sequence[tuple[str, ...]]) -> None:
    ...

def check_unique(items: Sequence, what: str) -> None:
    ...

def check_class_names(names: Sequence[str], paths: Sequence[tuple[str, ...]]) -> None:
    ...

class Taxonomy:
    support: Any
    ordered: Any
    paths: list[tuple[str, ...]]
    names: list[str]

    def __init__(self, paths: Sequence[tuple[str, ...]], names: Sequence[str], support: Mapping[tuple[str, ...], float] | None=None, ordered: bool | None=None):
        ...

    def __eq__(self, other):
        ...

    def __hash__(self):
        ...

    @classmethod
    def from_paths(cls, paths: Iterable[Sequence[str] | str], names: Sequence[str] | None=None) -> Taxonomy:
        ...

    @property
    def n_classes(self) -> int:
        ...

    @property
    def depth(self) -> int:
        ...

    def level_labels(self, level: int) -> np.ndarray:
        ...

    def level_names(self, level: int) -> list[str]:
        ...

    @property
    def level_sizes(self) -> list[int]:
        ...

    def __repr__(self) -> str:
        ...

    def lca_depth(self) -> np.ndarray:
        ...

    def path_distance(self) -> np.ndarray:
        ...

    def similarity(self, beta: float=1.0) -> np.ndarray:
        ...

    def check_names(self, class_names: Sequence[str]) -> None:
        ...

    def select(self, names: Sequence[str]) -> Taxonomy:
        ...

    def to_tree(self) -> TreeNode:
        ...

    @classmethod
    def from_csv(cls, file: str | Path, separator: str | None=None, delimiter: str | None=None) -> Taxonomy:
        ...

    @classmethod
    def builtin(cls, name: str) -> Taxonomy:
        ...

    def to_newick(self) -> str:
        ...

    @classmethod
    def from_newick(cls, source: str | Path) -> Taxonomy:
        ...

    @classmethod
    def from_folder(cls, folder: str | Path, extensions: Sequence[str]=('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif', '.tiff', '.webp')) -> Taxonomy:
        ...

    @classmethod
    def from_file(cls, source: str | Path, separator: str | None=None, delimiter: str | None=None) -> Taxonomy:
        ...

    @classmethod
    def from_parents(cls, parents: Mapping | Iterable | str | Path, classes: Sequence[str] | None=None, names: Mapping | Iterable | str | Path | None=None) -> Taxonomy:
        ...

@dataclass
class Nodes:
    parents: list[int]
    names: list[str]
    children: list[list[int]]
    classes: list[int]

def span(paths: Sequence[tuple[str, ...]]) -> Nodes:
    ...

def renamed(paths: Sequence[tuple[str, ...]], names: Sequence[str]) -> list[tuple[str, ...]]:
    ...

def check_level_columns(file: str | Path, header: Sequence[str], rows: Sequence[list[str]], columns: Sequence[int], named: bool) -> None:
    ...
numberings = ('', '#', 'id', 'index', 'label', 'no', 'no.', 'nr', 'nr.', 'number', 'unnamed: 0')

def counts_rows(rows: Sequence[list[str]], column: int) -> bool:
    ...

def known_columns(file: str | Path, header: Sequence[str], rows: Sequence[list[str]]) -> dict[str, int]:
    ...

def class_columns(file: str | Path, header: Sequence[str], rows: Sequence[list[str]]) -> tuple[dict[str, int], list[int], list[int]]:
    ...

def path_mark(file: str | Path, column: str, cells: Sequence[str], separator: str | None) -> str:
    ...

def row_path(where: str, row: Sequence[str], path: int | None, leaf: int | None, levels: Sequence[int], mark: str | None) -> tuple[str, ...]:
    ...

def order_column(header: Sequence[str], idle: Sequence[int]) -> int | None:
    ...

def label_order(file: str | Path, header: Sequence[str], rows: Sequence[tuple[int, list[str]]], idle: Sequence[int]) -> list[int]:
    ...

def table_paths(file: str | Path, header: Sequence[str], rows: Sequence[tuple[int, list[str]]], columns: tuple[dict, list[int], list[int]], separator: str | None) -> list[tuple[str, ...]]:
    ...

def sibling_names(parents: Sequence[int], names: Sequence[str], selves: set[int]) -> list[str]:
    ...

def newick_paths(text: str) -> tuple[list[tuple[str, ...]], dict[tuple[str, ...], float]]:
    ...

def what_it_is(path: str | Path) -> str:
    ...

def list_folder(folder: str | Path) -> tuple[list[str], list[str]]:
    ...

def name_paths(paths: Mapping[str, tuple[str, ...]], names: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    ...
