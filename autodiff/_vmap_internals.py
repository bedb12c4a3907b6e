"""``torch._vmap_internals``, by which old programs import ``vmap``."""

from autodiff.func.mapping import vmap as vmap

_vmap = vmap
