"""``torch._vmap_internals``, by which old programs import ``vmap``."""

from autodiff.func.mapping import vmap as _vmap
from autodiff.func.mapping import vmap as vmap

__all__ = ["_vmap", "vmap"]
