# Made from images.py by `make export`: edit the notebook.
from typing import Any
__all__ = ['formats', 'most_pixels', 'drawings', 'vision_transformers', 'networks', 'halves', 'imagenet_mean', 'imagenet_std', 'eight_bits', 'flatten_alpha', 'open_image', 'png_bytes', 'check_png', 'unreadable', 'decode', 'original_size', 'verify_images', 'PixelCache', 'ImageFiles', 'Normalize', 'without_normalize', 'hier_transforms', 'inspecting_transforms']
import mmap
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from multiprocessing import Value
from pathlib import Path
import numpy as np
import pandas as pd
import torch
from fastcore.basics import patch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor, nn
from torch.utils.data import Dataset
from torchvision.transforms import v2
from tqdm import tqdm
from .base import unchanged
from ..geometry.errors import warn
from ..tree.taxonomy import what_it_is

def eight_bits(image: Image.Image) -> Image.Image:
    ...

def flatten_alpha(image: Image.Image, channels: int=3) -> Image.Image:
    ...
formats = ('BMP', 'GIF', 'JPEG', 'PNG', 'PPM', 'TIFF', 'WEBP')
most_pixels = 89478485

def open_image(path: str | Path) -> Image.Image:
    ...

def png_bytes(head: bytes) -> int:
    ...

def check_png(data: bytes, all: bool) -> None:
    ...

def unreadable(path: str | Path, error: Exception) -> OSError:
    ...
drawings = ('.svg', '.svgz', '.eps', '.ps', '.pdf', '.ai')

def decode(path: str | Path, channels: int=3) -> Tensor:
    ...

def original_size(path: str | Path) -> tuple[int, int]:
    ...

def verify_images(paths: Sequence[str | Path], channels: int=3) -> pd.DataFrame:
    ...

class PixelCache:
    used: Any
    images: Any
    channels: Any
    budget: Any
    bytes: Any
    table: Any

    def __init__(self, images: int, channels: int, megabytes: float):
        ...

    def __reduce__(self):
        ...

    def __len__(self):
        ...

    def put(self, i: int, pixels: Tensor, size: tuple[int, int]) -> None:
        ...

    def get(self, i: int) -> tuple[Tensor, tuple[int, int]] | None:
        ...

class ImageFiles(Dataset):
    cache: Any
    paths: Any
    labels: Any
    prepare: Any
    transform: Any
    channels: Any
    with_size: Any

    def __init__(self, paths: Sequence[str | Path], labels: Sequence[int] | Tensor, prepare: Callable[[Tensor], Tensor] | None, transform: Callable[[Tensor], Tensor], channels: int=3, with_size: bool=False, cache_megabytes: float=0):
        ...

    def __len__(self):
        ...

    def __getitem__(self, i: int):
        ...

    def pixels(self, i: int) -> tuple[Tensor, tuple[int, int]]:
        ...

    def in_bytes(self) -> tuple[Dataset, nn.Module] | None:
        ...

    @property
    def sizes(self) -> Tensor:
        ...

    def verify(self) -> pd.DataFrame:
        ...

class Normalize(nn.Module):
    mean: Any
    std: Any

    def __init__(self, mean: Sequence[float], std: Sequence[float]):
        ...

    def extra_repr(self) -> str:
        ...

    def forward(self, image: Tensor) -> Tensor:
        ...

def without_normalize(items: Dataset) -> tuple[Dataset, Normalize] | None:
    ...
vision_transformers = ('deit_s', 'dino_s', 'vit_s')
networks = ('resnet18', 'resnet50', 'inception_v3', 'efficientnet_lite0', *vision_transformers)
halves = ('vit_s', 'efficientnet_lite0')
imagenet_mean, imagenet_std = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

def hier_transforms(model: str, train: bool, size: int=224, side: int | None=None) -> tuple[nn.Module | None, nn.Module]:
    ...

def inspecting_transforms(train: bool, size: int | None=128, channels: int=3) -> tuple[nn.Module | None, nn.Module]:
    ...
