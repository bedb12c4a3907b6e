"""Diagonals and triangles of matrices, by PyTorch's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.values import Value
from autodiff.errors import ShapeError
from autodiff.functions.axes import also_called, axis_of
from autodiff.functions.shaping import clone, contiguous, flatten
from autodiff.ops import shaping
from autodiff.ops.arithmetic import gate

__all__ = ["diag", "diag_embed", "diagflat", "diagonal", "tril", "triu"]


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Value:
    """The diagonal of the matrices in two axes, as the last axis; ``offset`` counts upwards from the main one.

    Raises ShapeError where ``dim1`` and ``dim2`` are one axis.
    """
    first, second = _two_axes(dim1, dim2, input.ndim)
    return shaping.diagonal(input, offset=offset, axis1=first, axis2=second)


@also_called(diagonal="offset")
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Value:
    """Square matrices in the axes ``dim1`` and ``dim2`` with the last axis on a diagonal, zeros elsewhere.

    Raises ShapeError where ``dim1`` and ``dim2`` are one axis.
    """
    first, second = _two_axes(dim1, dim2, input.ndim + 1)
    side = input.shape[-1] + abs(offset)
    shape = list(input.shape[:-1])
    for axis in sorted((first, second)):
        shape.insert(axis, side)
    return shaping.on_diagonal(input, offset=offset, axis1=first, axis2=second, shape=tuple(shape))


def _two_axes(dim1: int, dim2: int, ndim: int) -> tuple[int, int]:
    first, second = axis_of(dim1, ndim), axis_of(dim2, ndim)
    if first == second or ndim < 2:
        raise ShapeError(f"a diagonal lies in two axes, not in {dim1} and {dim2} of {ndim}")
    return first, second


def diag(input: Any, diagonal: int = 0) -> Value:
    """A vector as the diagonal of a square matrix; the diagonal of a matrix as a vector.

    Raises ShapeError for more than two axes.

    >>> import autodiff
    >>> autodiff.diag(autodiff.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise ShapeError(f"diag takes a vector or a matrix, not shape {tuple(input.shape)}; diagonal() takes more")
    return clone(shaping.diagonal(input, offset=diagonal, axis1=0, axis2=1))


def diagflat(input: Any, offset: int = 0) -> Value:
    """All entries on a diagonal of a square matrix."""
    return diag_embed(flatten(input), offset)


def tril(input: Any, diagonal: int = 0) -> Value:
    """The matrices in the last two axes with zeros above a diagonal.

    Raises ShapeError for what has fewer than two axes.
    """
    return gate(contiguous(input), mask=_below(input, diagonal))


def triu(input: Any, diagonal: int = 0) -> Value:
    """The matrices in the last two axes with zeros below a diagonal.

    Raises ShapeError for what has fewer than two axes.
    """
    return gate(contiguous(input), mask=~_below(input, diagonal - 1))


def _below(input: Any, diagonal: int) -> np.ndarray[Any, Any]:
    """Where the column of an entry is at most ``diagonal`` further than its row."""
    if input.ndim < 2:
        raise ShapeError(f"a triangle is that of matrices, not of shape {tuple(input.shape)}")
    rows, columns = tuple(input.shape)[-2:]
    return np.tri(rows, columns, diagonal, np.bool_)
