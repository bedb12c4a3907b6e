"""Softmax over the columns of stacks of matrices, in their own memory: of which attention is made."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.kernels.geometry import Array
from autodiff.kernels.sums import accumulate


def exp_columns(x: Array) -> tuple[Array, Array]:
    """exp(x - maximum), written into x, and the sums, for each column: not yet divided by these.

    >>> exp_columns(np.array([[0.0], [0.0]]))
    (array([[1.],
           [1.]]), array([[2.]]))
    """
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
