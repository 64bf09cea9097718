"Study hierarchy in metric learning. The names of a first notebook; everything else is in the packages."
import lazy_loader

__version__ = "0.1.0"
__getattr__,__dir__,__all__ = lazy_loader.attach_stub(__name__, __file__)
