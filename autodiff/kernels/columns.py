"""Softmax over the columns of stacks of matrices, in their own memory: of which attention is made."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.kernels.geometry import Array
from autodiff.kernels.sums import accumulate

# exp of what is not larger, and sums of it times what is not huge, are finite, and sums of it are not 0.
SMALL = 16.0


def is_small(x: Array) -> bool:
    """Whether ``exp_columns`` of x needs no maxima, which take longer than all of exp.

    >>> is_small(np.array([[16.0]])), is_small(np.array([[-17.0]])), is_small(np.array([[np.nan]]))
    (True, False, False)
    """
    return bool(np.maximum.reduce(x, axis=None) <= SMALL and np.minimum.reduce(x, axis=None) >= -SMALL)


def exp_columns(x: Array, small: bool = False) -> tuple[Array, Array]:
    """exp(x - maximum), written into x, and the sums, for each column: not yet divided by these.

    What is ``small``, and -inf here and there, is not shifted.

    >>> exp_columns(np.array([[0.0], [0.0]]))
    (array([[1.],
           [1.]]), array([[2.]]))
    """
    if not small:
        x -= np.maximum.reduce(x, axis=-2, keepdims=True)
    np.exp(x, out=x)
    return x, accumulate(x, -2, True)


def softmax_back(x: Array, sums: Array, g: Array) -> tuple[Any, Any]:
    """The probabilities p = x / sums, and p (g - sum of p g), the cotangent of what they are the softmax of.

    Both are written into x and g.
    """
    x /= sums
    g -= np.einsum("...kq,...kq->...q", x, g)[..., None, :]
    g *= x
    return x, g
