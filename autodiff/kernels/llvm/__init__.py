"""Kernels made for one shape and one processor, where llvmlite is installed; ``kernels/lanes.py`` chooses them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from autodiff.kernels.llvm import convolution, elementwise, formulas, library, normalization, packed, recurrent

# A route takes the arguments of NumPy's function, and gives a ``library.Job`` for a kernel, or None.
_ROUTES: dict[str, Callable[..., Any]] = {
    "convolve": convolution.convolve,
    "convolve_input": convolution.convolve_input,
    "convolve_weight": convolution.convolve_weight,
    "dot": packed.dot,
    "formula": formulas.formula,
    "once": formulas.once,
    "stretch": formulas.stretch,
    "moments": normalization.moments,
    "standardized": normalization.standardized,
    "products": normalization.products,
    "projected": normalization.projected,
    "cotangents_of_rows": normalization.cotangents_of_rows,
    "lstm": recurrent.lstm,
    "lstm_back": recurrent.lstm_back,
    **{name: formulas.of(name) for name in elementwise.BODIES},
}
# By name what ``lanes.routed`` calls: with NumPy's function, its arguments and its options.
ROUTES: dict[str, Callable[..., Any]] = {name: partial(library.computed, route) for name, route in _ROUTES.items()}
