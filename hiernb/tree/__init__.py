"Taxonomies, inferred trees and their comparison. What a user calls is named in `__init__.pyi` and loaded when it is first asked for."
import lazy_loader

__getattr__,__dir__,__all__ = lazy_loader.attach_stub(__name__, __file__)
