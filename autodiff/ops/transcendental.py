"""Rows of smooth functions, elementwise, and of relu, the least smooth of the activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.ops.arithmetic import gate, quotient
from autodiff.primitive import Primitive

__all__ = ["cos", "exp", "expm1", "log", "log1p", "relu", "sigmoid", "sin", "softplus", "sqrt", "tanh"]


# For each size of float: 1, and an x for which exp(x) + 1 is exp(x). As arrays, NumPy takes them in half the time.
_ONE_AND_LARGE = {
    np.dtype(f"f{size}"): (np.ones((), f"f{size}"), np.full((), large, f"f{size}"))
    for size, large in ((2, 10), (4, 30), (8, 40))
}


def _sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)) as e / (e + 1), e = exp(x), which keeps its digits far below 0 and cannot overflow above."""
    if x.dtype not in _ONE_AND_LARGE:
        x = x.astype(np.float64)
    one, large = _ONE_AND_LARGE[x.dtype]
    e = np.minimum(x, large)
    if type(e) is not np.ndarray:  # of a 0-d array NumPy makes a scalar
        e = np.asarray(e)
    np.exp(e, out=e)
    return np.divide(e, np.add(e, one), out=e)


def _softplus(x: Any) -> Any:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), which cannot overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


exp = Primitive("exp", np.exp, lambda g, out, x: g * out, keeps="out", floating=True)

expm1 = Primitive("expm1", np.expm1, lambda g, out, x: g * (out + 1), keeps="out", floating=True)

log = Primitive("log", np.log, lambda g, out, x: quotient(g, x), keeps="x", floating=True)

log1p = Primitive("log1p", np.log1p, lambda g, out, x: quotient(g, x + 1), keeps="x", floating=True)

sqrt = Primitive("sqrt", np.sqrt, lambda g, out, x: quotient(g, 2 * out), keeps="out", floating=True)

sin = Primitive("sin", np.sin, lambda g, out, x: g * np.cos(x), keeps="x", floating=True)

cos = Primitive("cos", np.cos, lambda g, out, x: -g * np.sin(x), keeps="x", floating=True)

tanh = Primitive("tanh", np.tanh, lambda g, out, x: g * (1 - out * out), keeps="out", floating=True)

sigmoid = Primitive("sigmoid", _sigmoid, lambda g, out, x: g * (out * (1 - out)), keeps="out", floating=True)

softplus = Primitive("softplus", _softplus, lambda g, out, x: g * sigmoid(x), keeps="x", floating=True)

relu = Primitive("relu", lambda x: np.maximum(x, 0), lambda g, out, x: gate(g, mask=np.asarray(out > 0)), keeps="out")
