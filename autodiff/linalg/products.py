"""Products along given axes, and their inverses, by the names that only ``torch.linalg`` has."""

from __future__ import annotations

import math
from typing import Any

from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions import linear_algebra
from autodiff.functions.arithmetic import multiply, pow
from autodiff.functions.axes import also_called, numpy_names
from autodiff.functions.diagonals import diagonal as diagonal_
from autodiff.functions.index_keys import getitem
from autodiff.functions.joining import stack
from autodiff.functions.reductions import sum as sum_
from autodiff.functions.reductions import with_dtype
from autodiff.functions.shaping import clone, movedim, reshape, squeeze, unsqueeze
from autodiff.linalg.decompositions import inv, solve
from autodiff.ops.complex_numbers import conjugate

__all__ = ["cross", "diagonal", "multi_dot", "tensorinv", "tensorsolve", "vander", "vecdot"]


@numpy_names
def vecdot(x: Any, y: Any, *, dim: int = -1) -> Value:
    """The inner products along ``dim``, broadcast; of complex vectors those of the conjugates of ``x``."""
    return sum_(multiply(conjugate(x), y), dim)


@numpy_names
def cross(input: Any, other: Any, *, dim: int = -1) -> Value:
    """The vector products along ``dim``, of length 3, broadcast."""
    return linear_algebra.cross(input, other, dim)


def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Value:
    """The diagonals of (..., n, m)."""
    return diagonal_(A, offset, dim1, dim2)


def multi_dot(tensors: Any) -> Value:
    """The product of several matrices in the cheapest order; the first and the last may be vectors.

    Raises ShapeError for fewer than two matrices.
    """
    if len(tensors) < 2:
        raise ShapeError(f"multi_dot takes two tensors or more, not {len(tensors)}")
    row, column = tensors[0].ndim == 1, tensors[-1].ndim == 1
    first = unsqueeze(tensors[0], 0) if row else tensors[0]
    last = unsqueeze(tensors[-1], 1) if column else tensors[-1]
    product = linear_algebra.chain_matmul(first, *tensors[1:-1], last)
    product = squeeze(product, -1) if column else product
    return squeeze(product, 0) if row else product


def vander(x: Any, N: int | None = None) -> Value:
    """The powers 0 to N - 1 of each entry (n of them by default, at least two), along a new last axis.

    Raises OptionError for fewer than two powers.
    """
    x = with_dtype(x if x.ndim else unsqueeze(x, 0), None, whole="biu")
    count = x.shape[-1] if N is None else N
    if count < 2:
        raise OptionError(f"vander of shape {tuple(x.shape)} takes two powers or more, not N = {count}")
    return powers(x, count)


def powers(x: Any, count: int) -> Value:
    """The powers 0 to ``count`` - 1 of each entry, along a new last axis."""
    if not count:
        return clone(reshape(getitem(x, slice(0)), (*x.shape, 0)))
    return stack([pow(x, k) for k in range(count)], -1)


@also_called(input="A")
def tensorinv(A: Any, ind: int = 2) -> Value:
    """The inverse of the linear map that A is, from its axes behind ``ind`` to those before."""
    shape = tuple(A.shape)
    flat = inv(reshape(A, (math.prod(shape[:ind]), math.prod(shape[ind:]))))
    return reshape(flat, shape[ind:] + shape[:ind])


@also_called(input="A", other="B")
def tensorsolve(A: Any, B: Any, dims: Any = None) -> Value:
    """X with tensordot(A, X, X.ndim) = B; the axes ``dims`` of A are moved to its end first."""
    moved = A if dims is None else movedim(A, dims, tuple(range(A.ndim - len(dims), A.ndim)))
    unknown = tuple(moved.shape[B.ndim :])
    rows = math.prod(moved.shape[: B.ndim])
    return reshape(solve(reshape(moved, (rows, math.prod(unknown))), reshape(B, (-1,))), unknown)
