"""Kernels made for one shape and one processor, where llvmlite is installed; ``kernels/lanes.py`` chooses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff.kernels.llvm import convolution, elementwise, formulas, normalization, packed, recurrent

# A route takes the arguments of NumPy's function. It gives None where it has no kernel, or not yet.
ROUTES: dict[str, Callable[..., Any]] = {
    "convolve": convolution.convolve,
    "convolve_input": convolution.convolve_input,
    "convolve_weight": convolution.convolve_weight,
    "dot": packed.dot,
    "formula": formulas.formula,
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
