"Study class hierarchies in metric learning. This package exports what a first notebook needs; the rest is in its subpackages."
import lazy_loader

__version__ = "0.1.0"
__getattr__,__dir__,__all__ = lazy_loader.attach_stub(__name__, __file__)
