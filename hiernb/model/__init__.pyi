from .backbones import Embedder as Embedder
from .backbones import build as build
from .head import Head as Head
