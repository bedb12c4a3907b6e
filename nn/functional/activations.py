"""Activations: elementwise functions, and the softmax family over one axis."""

from __future__ import annotations

import math
from typing import Any

from autodiff.errors import OptionError
from autodiff.functions import reductions
from autodiff.functions.arithmetic import where
from autodiff.ops import transcendental as rows
from autodiff.recording import apply
from autodiff.tensor import Tensor

__all__ = [
    "gelu",
    "leaky_relu",
    "log_softmax",
    "logsigmoid",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]


def relu(input: Any, inplace: bool = False) -> Tensor:
    """max(x, 0), with gradient 0 at 0; ``inplace`` is taken and changes nothing but memory, which it does not need.

    >>> import autodiff
    >>> relu(autodiff.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return apply(rows.relu, (input,))


def sigmoid(input: Any) -> Tensor:
    """1 / (1 + exp(-x)), without overflow."""
    return apply(rows.sigmoid, (input,))


def tanh(input: Any) -> Tensor:
    """The hyperbolic tangent."""
    return apply(rows.tanh, (input,))


def softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """exp(x) over its sum along ``dim`` (Bridle 1990), shifted by the maximum so that nothing overflows."""
    return reductions.softmax(input, _given(dim, input), dtype=dtype)


def log_softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """log of ``softmax``, with all its digits where the softmax itself is 0 or 1."""
    return reductions.log_softmax(input, _given(dim, input), dtype=dtype)


def _given(dim: int | None, input: Any) -> int:
    if dim is None:
        raise OptionError(f"softmax of shape {tuple(input.shape)} needs to know its axis; give dim, as in dim=-1")
    return dim


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where it is positive, ``negative_slope`` * x elsewhere (Maas, Hannun & Ng 2013)."""
    return where(input > 0, input, input * negative_slope)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta, a smooth ``relu``; exact for every x, so that ``threshold`` only is taken.

    Reference: Dugas et al. 2001.
    """
    return apply(rows.softplus, (input,)) if beta == 1 else apply(rows.softplus, (input * beta,)) / beta


def logsigmoid(input: Any) -> Tensor:
    """log of ``sigmoid``: -softplus(-x), which cannot overflow."""
    return -apply(rows.softplus, (-input,))


def silu(input: Any, inplace: bool = False) -> Tensor:
    """x * sigmoid(x) (Elfwing, Uchibe & Doya 2018)."""
    return input * apply(rows.sigmoid, (input,))


def gelu(input: Any, approximate: str = "none") -> Tensor:
    """x * P(N <= x) for a standard normal N; ``approximate="tanh"`` is the one form there is so far.

    Law: x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))).

    Reference: Hendrycks & Gimpel 2016.
    """
    if approximate != "tanh":
        raise OptionError(f"gelu is there with approximate='tanh', not {approximate!r}")
    inner = (input + 0.044715 * input * input * input) * math.sqrt(2 / math.pi)
    return 0.5 * input * (1 + apply(rows.tanh, (inner,)))
