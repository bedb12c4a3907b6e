"""``torch._dynamo``: what steers PyTorch's compiler. The flags of ``config`` can be set, and change nothing.

>>> import autodiff
>>> autodiff._dynamo.config.suppress_errors = True
>>> autodiff._dynamo.reset()
"""

from __future__ import annotations

from types import SimpleNamespace

from autodiff.compiler import allow_in_graph as allow_in_graph
from autodiff.compiler import disable as disable
from autodiff.compiler import is_compiling as is_compiling
from autodiff.compiler import reset as reset

config = SimpleNamespace(suppress_errors=False, verbose=False, cache_size_limit=8, recompile_limit=8,
                         capture_scalar_outputs=False, optimize_ddp=False)  # fmt: skip
