# Made from recipe.py by `make export`: edit the notebook.
from typing import Any
__all__ = ['how', 'same', 'Book', 'read_book', 'books', 'readings', 'choose', 'cell_layers', 'cell_published', 'RecipeSource', 'is_file_name', 'from_file', 'from_book', 'sources_of', 'override', 'Recipe', 'settings_apart', 'absolute_data', 'build_recipe', 'as_published', 'read_recipe', 'recipe_names']
import difflib
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple
from fastcore.basics import patch
from ..data.base import require_text_path, sources, visible
from .schema import suggestion, read_toml, section_names, toml_value
from .merge import Layer, check_sections, complete, pile_up
from ..train.config import habits

class Book(NamedTuple):
    path: Path
    said: dict[str, Any]
    axes: dict[str, list[str]]

def read_book(path: Path) -> Book:
    ...

def books() -> dict[str, Path]:
    ...

def readings(text: str, axes: dict[str, list[str]], defaults: dict[str, str]) -> list[dict[str, str]]:
    ...

def choose(book: Book, text: str) -> dict[str, str]:
    ...

def cell_layers(book: Book, chosen: dict[str, str]) -> list[Layer]:
    ...

def cell_published(book: Book, chosen: dict[str, str]) -> dict[str, float]:
    ...

class RecipeSource(NamedTuple):
    name: str
    layers: list[Layer]
    published: dict
    base: str | Path | None

def is_file_name(name: object) -> bool:
    ...

def from_file(path: Path) -> RecipeSource:
    ...

def from_book(name: str) -> RecipeSource:
    ...

def sources_of(name: str | Path, chain: tuple=()) -> list[RecipeSource]:
    ...

def override(text: str) -> Layer:
    ...

@dataclass(frozen=True)
class Recipe:
    name: str
    seed: int
    sections: dict[str, dict[str, Any]]
    origins: dict[str, str] = field(default_factory=dict, compare=False)
    published: dict[str, float] = field(default_factory=dict, compare=False)

    def __repr__(self) -> str:
        ...

    def flat(self) -> dict[str, Any]:
        ...

    def to_toml(self, origins: bool=False) -> str:
        ...
how = ('data.root', 'data.cache_megabytes', *(f'training.{name}' for name in habits))
same = (*how, 'training.micro_batch', 'training.compile')

def settings_apart(there: Recipe, here: Recipe) -> list[str]:
    ...

def absolute_data(data: dict[str, Any]) -> dict[str, Any]:
    ...

def build_recipe(found: list[RecipeSource], top: list[Layer]) -> Recipe:
    ...

def as_published(found: list[RecipeSource], recipe: Recipe) -> bool:
    ...

def read_recipe(name_or_path: str | Path, overrides: Sequence[str]=()) -> Recipe:
    ...

def recipe_names(pattern: str='*') -> list[str]:
    ...
