"""Norms and distances by PyTorch's names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.engine.values import Value
from autodiff.errors import LinalgError, OptionError, ShapeError
from autodiff.functions.arithmetic import subtract, where
from autodiff.functions.arrays import array_of, constant, one_dtype
from autodiff.functions.axes import also_called, axis_of, numpy_names, reduced_axes
from autodiff.functions.complex_names import is_complex
from autodiff.functions.reductions import amax, amin, beside, over_parts, with_dtype
from autodiff.functions.reductions import sum as sum_
from autodiff.functions.shaping import contiguous, movedim, unsqueeze
from autodiff.kernels.precision import single
from autodiff.linalg.decompositions import inv, matrices, square, svdvals
from autodiff.ops import reductions
from autodiff.ops.indexing import index
from autodiff.ops.lengths import absolute


@also_called(input="x", axis="dim", keepdims="keepdim")
def vector_norm(x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    """(sum |x|^ord)^(1/ord) over ``dim``; with inf or -inf the largest or smallest size, with 0 how many are not 0.

    The gradient at the zero vector is 0. Raises OptionError for an ``ord`` that is no number.

    >>> import autodiff
    >>> autodiff.linalg.vector_norm(autodiff.tensor([3.0, 4.0]))
    tensor(5.)
    """
    x = with_dtype(x, dtype)
    axis = reduced_axes(dim, x.ndim)
    if ord == 2:
        return over_parts(reductions.norm, x, axis, keepdim)
    order: Any = ord
    if isinstance(order, str):
        raise OptionError(f"the norm of a vector is given by a number, not {ord!r}; 'fro' and 'nuc' are for matrices")
    x = absolute(x) if is_complex(x) else x
    if math.isinf(ord):
        return (amax if ord > 0 else amin)(absolute(x), axis, keepdim)
    if ord == 0:
        return reductions.zero_norm(x, axis=axis, keepdims=keepdim)
    if ord == 1:
        return sum_(absolute(x), axis, keepdim)
    return reductions.pnorm(x, p=float(ord), axis=axis, keepdims=keepdim)


@also_called(input="A", axis="dim", keepdims="keepdim")
def matrix_norm(A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Value:
    """The norm of matrices in the two axes ``dim``: "fro", "nuc", and 1, 2, inf or their negatives.

    Raises OptionError where there is no norm of that ``ord``.
    """
    A = with_dtype(A, dtype)
    rows, columns = (axis_of(d, A.ndim) for d in dim)
    if ord == "fro":
        return vector_norm(A, 2, (rows, columns), keepdim)
    if ord == "nuc" or ord in (2, -2):
        values = svdvals(movedim(A, (rows, columns), (-2, -1)))
        result = sum_(values, -1) if ord == "nuc" else _extreme(values, ord, -1)
    elif ord in (1, -1, math.inf, -math.inf):
        summed, sought = (rows, columns) if ord in (1, -1) else (columns, rows)
        result = _extreme(sum_(absolute(A), summed), ord, sought - (summed < sought))
    else:
        raise OptionError(f'a matrix norm is "fro", "nuc", 1, 2, inf or one of their negatives, not {ord!r}')
    for axis in sorted((rows, columns)) if keepdim else ():
        result = unsqueeze(result, axis)
    return result


def _extreme(x: Any, ord: float, axis: int) -> Value:
    """The largest entry along ``axis``, or the smallest where ``ord`` is negative; the largest of no sizes is 0."""
    if ord < 0:
        return amin(x, axis)
    return amax(x, axis) if x.shape[axis] else sum_(x, axis)


@also_called(input="A", axis="dim", keepdims="keepdim")
def norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    """A vector norm over one axis (or, without ``ord``, over any), a matrix norm over two.

    Raises:
        ShapeError: ``dim`` is missing or empty where it has to say which axes are meant.
        OptionError: there is no norm of that ``ord``.
    """
    if dim == ():
        raise ShapeError("norm takes one axis or two, not (); vector_norm takes any number")
    if ord is None or (dim is not None and not isinstance(dim, Sequence)):
        return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)
    if dim is None and A.ndim not in (1, 2):
        raise ShapeError(f"norm of order {ord} takes a vector or a matrix, not shape {tuple(A.shape)}; give dim")
    axes = tuple(range(A.ndim)) if dim is None else tuple(dim)
    if len(axes) == 1:
        return vector_norm(A, ord, axes, keepdim, dtype=dtype)
    return matrix_norm(A, ord, axes, keepdim, dtype=dtype)


@also_called(input="A", axis="dim", keepdims="keepdim")
def cond(A: Any, p: Any = None) -> Value:
    """The condition number, by the norm ``p``: how much a relative error may grow in solving; inf without inverse."""
    if not math.prod(matrices("cond", A).shape) and p not in ("fro", "nuc"):
        return constant(np.zeros(A.shape[:-2], A.dtype), A)
    if p is None or p in (2, -2):
        values = svdvals(A)
        largest, smallest = values[..., 0], values[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    try:
        return matrix_norm(A, p) * matrix_norm(inv(A), p)
    except (LinalgError, ShapeError):
        singular = np.linalg.slogdet(single(array_of(square("cond", A))))[0] == 0
        if not singular.any():
            raise
        regular = where(singular[..., None, None], np.eye(A.shape[-1], dtype=A.dtype), A)
        return where(singular, math.inf, cond(regular, p))


@numpy_names
def torch_norm(input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Value:
    """The norm of order ``p`` of all entries or over ``dim``; "fro" is 2, "nuc" the sum of the singular values.

    Raises:
        ShapeError: the nuclear norm of what is no matrix.
        OptionError: there is no norm of that order.
    """
    if p == "nuc":
        if dim is None and input.ndim != 2:
            raise ShapeError(f"the nuclear norm is that of a matrix, not of shape {tuple(input.shape)}; give dim")
        return matrix_norm(input, p, (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(input, 2 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)


def dist(input: Any, other: Any, p: float = 2) -> Value:
    """The norm of order ``p`` of the difference."""
    return vector_norm(subtract(input, other), p)


def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Value:
    """The distances of all rows of (..., n, k) from all rows of (..., m, k): (..., n, m).

    Raises ShapeError where the rows differ in length.
    """
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise ShapeError(f"cdist takes (..., n, k) and (..., m, k), not {tuple(x1.shape)} and {tuple(x2.shape)}")
    one_dtype("cdist", x1, x2)
    difference = subtract(unsqueeze(x1, -2), unsqueeze(x2, -3))
    distances = sum_(difference, -1) if not x1.shape[-1] else vector_norm(difference, p, -1)
    return beside(distances, x1, x2) if p == 0 else distances


def pdist(input: Any, p: float = 2.0) -> Value:
    """The distances of the rows of (n, k) from each other, each pair once: (n (n - 1) / 2,).

    Raises ShapeError for what is no matrix.
    """
    if input.ndim != 2:
        raise ShapeError(f"pdist takes rows (n, k), not shape {tuple(input.shape)}")
    first, second = np.triu_indices(input.shape[0], 1)
    distances = vector_norm(subtract(index(input, key=first), index(input, key=second)), p, -1)
    return distances if p else beside(distances, input)  # counts have no gradient


def renorm(input: Any, p: float, dim: int, maxnorm: float) -> Value:
    """``input`` with every slice along ``dim`` that has a norm above ``maxnorm`` shrunk to it.

    Raises ShapeError for fewer than two axes.
    """
    if input.ndim < 2:
        raise ShapeError(f"renorm takes slices of two axes or more, not shape {tuple(input.shape)}")
    axis = axis_of(dim, input.ndim)
    size = vector_norm(input, p, tuple(i for i in range(input.ndim) if i != axis), True)
    return contiguous(input) * where(size > maxnorm, maxnorm / (size + 1e-7), 1.0)
