__version__:str
from .data.base import load as load
from .metric.audit import audit as audit
from .metric.inspect import inspect as inspect
from .model.backbones import build as build
from .tree.taxonomy import Taxonomy as Taxonomy
