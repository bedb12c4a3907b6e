"""The primitives: every derivative of the project, a file for each family.

Elementwise: arithmetic, transcendental, special; comparison, without derivatives. Along axes: reductions, scans. Moving
entries: shaping, indexing. Matrices: linear_algebra, decompositions. Layers: windows (convolution, pooling,
resampling), normalization, attention, recurrent, and what saves memory or digits (fused). Primitives with one rule for
all inputs: joint.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if not TYPE_CHECKING:  # to which any name would be a namespace

    def __getattr__(name: str) -> Any:
        """What PyTorch has in ``torch.ops``: operations by name, in a namespace (see ``autodiff.operators``)."""
        library = sys.modules.get("autodiff.library")  # where programs make operations, if they do
        if name == "aten" or (library is not None and library.is_namespace(name)):
            return importlib.import_module("autodiff.operators").Namespace(name)
        raise AttributeError(f"there are no operations {name}::...; custom_op makes one, and aten has the library's")
