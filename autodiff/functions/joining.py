"""Joining tensors and repeating them, by PyTorch's names."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from autodiff.dtypes import result_dtype
from autodiff.engine.values import Value, wrap
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.arrays import array_of, constant
from autodiff.functions.axes import axis_of, length_of, numpy_names, shape_of, sizes_by_name
from autodiff.functions.shaping import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_tensors,
    expand,
    listed,
    ravel,
    reshape,
    unsqueeze,
)
from autodiff.kernels.arrays import as_array
from autodiff.kinds import not_a_tensor
from autodiff.ops import shaping
from autodiff.ops.indexing import index
from autodiff.ops.shaping import cast

__all__ = [
    "block_diag", "cartesian_prod", "cat", "column_stack", "combinations", "concat", "concatenate", "dstack", "hstack",
    "meshgrid", "repeat_interleave", "row_stack", "stack", "tile", "vstack",
]


@numpy_names
def cat(tensors: Sequence[Any], dim: int = 0) -> Value:
    """The tensors one behind the other along ``dim``; all other lengths are equal.

    Raises ShapeError where other axes differ, or without a tensor.

    >>> import autodiff
    >>> autodiff.cat([autodiff.ones(1, 2), autodiff.zeros(1, 2)])
    tensor([[1., 1.],
            [0., 0.]])
    """
    parts = list(tensors)
    if not parts:
        raise ShapeError("cat needs at least one tensor")
    shapes = [tuple(x.shape) for x in parts]
    if () in shapes:
        raise ShapeError("cat joins along an axis, which a tensor of shape () does not have; stack() makes one")
    first = next((shape for shape in shapes if shape != (0,)), (0,))
    axis = axis_of(dim, len(first))
    if len(first) != 1 and (0,) in shapes:  # PyTorch's legacy: (0,) joins anything
        nothing = (*first[:axis], 0, *first[axis + 1 :])
        parts = [reshape(x, nothing) if shape == (0,) else x for x, shape in zip(parts, shapes, strict=True)]
        shapes = [nothing if shape == (0,) else shape for shape in shapes]
    around = len(first), first[:axis], first[axis + 1 :]
    if any((len(shape), shape[:axis], shape[axis + 1 :]) != around for shape in shapes):
        raise ShapeError(
            f"cat along dim {dim} needs shapes that are equal but there, not {', '.join(map(str, shapes))}"
        )
    return shaping.concatenate(*parts, axis=axis, ends=tuple(accumulate(shape[axis] for shape in shapes)))


concat = concatenate = cat


@numpy_names
def stack(tensors: Sequence[Any], dim: int = 0) -> Value:
    """The tensors, all of one shape, side by side along a new axis at ``dim``.

    Raises ShapeError where the shapes differ.
    """
    if len({tuple(x.shape) for x in tensors}) > 1:
        shapes = ", ".join(str(tuple(x.shape)) for x in tensors)
        raise ShapeError(f"stack needs tensors of one shape, not {shapes}")
    return cat([unsqueeze(x, dim) for x in tensors], axis_of(dim, tensors[0].ndim + 1) if tensors else 0)


def hstack(tensors: Sequence[Any]) -> Value:
    """The tensors side by side: along axis 1, vectors one behind the other.

    Raises ShapeError where there is no tensor, or they do not fit each other.
    """
    parts = _several(atleast_1d, tensors)
    return cat(parts, 0 if parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Value:
    """The tensors one below the other, a vector as a row.

    Raises ShapeError where there is no tensor, or they do not fit each other.
    """
    return cat(_several(atleast_2d, tensors), 0)


row_stack = vstack


def dstack(tensors: Sequence[Any]) -> Value:
    """The tensors one behind the other along axis 2.

    Raises ShapeError where there is no tensor, or they do not fit each other.
    """
    return cat(_several(atleast_3d, tensors), 2)


def column_stack(tensors: Sequence[Any]) -> Value:
    """The tensors side by side, a vector as a column.

    >>> import autodiff
    >>> autodiff.column_stack((autodiff.tensor([1, 2]), autodiff.tensor([3, 4])))
    tensor([[1, 3],
            [2, 4]])
    """
    return cat([reshape(x, (x.numel(), 1)) if x.ndim < 2 else x for x in tensors], 1)


def _several(widen: Any, tensors: Sequence[Any]) -> list[Any]:
    if not len(tensors):
        raise ShapeError("there is nothing to be stacked: give at least one tensor")
    for x in tensors:
        if isinstance(x, (list, tuple)):
            raise not_a_tensor("stacking", x, "a list of tensors")
    return [widen(x) for x in tensors]


def block_diag(*tensors: Any) -> Value:
    """The matrices along the diagonal of one matrix, zeros elsewhere; vectors are rows."""
    dtype = result_dtype(*map(array_of, tensors))  # in which a number without axes counts for its kind alone
    blocks, rows, before = [atleast_2d(x if x.dtype == dtype else cast(x, dtype)) for x in tensors], [], 0
    width = sum(x.shape[1] for x in blocks)
    for x in blocks:
        rows.append(shaping.pad(x, widths=((0, 0), (before, width - before - x.shape[1])), value=0))
        before += x.shape[1]
    return cat(rows)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Value, ...]:
    """Each vector along an axis of its own, stretched over those of the others.

    Shapes: (n1,), (n2,), ... give as many tensors of shape (n1, n2, ...); with ``indexing="xy"`` of (n2, n1, ...).

    Raises ShapeError for more than one axis, OptionError for another ``indexing``.

    >>> import autodiff
    >>> rows, columns = autodiff.meshgrid(autodiff.arange(2), autodiff.arange(3))
    >>> columns
    tensor([[0, 1, 2],
            [0, 1, 2]])
    """
    parts = list(listed(tensors))
    if indexing not in ("ij", "xy"):
        raise OptionError(f"meshgrid has the indexings 'ij' and 'xy', not {indexing!r}")
    for x in parts:
        if x.ndim > 1:
            raise ShapeError(f"meshgrid takes vectors and numbers, not shape {tuple(x.shape)}")
    swapped = indexing == "xy" and len(parts) > 1
    if swapped:
        parts[:2] = parts[1::-1]
    count = len(parts)
    axes = (reshape(x, (1,) * i + (-1,) + (1,) * (count - 1 - i)) for i, x in enumerate(parts))
    grids = list(broadcast_tensors(*axes))
    if swapped:
        grids[:2] = grids[1::-1]
    return tuple(grids)


def cartesian_prod(*tensors: Any) -> Value:
    """All choices of one entry of each vector: (n1 * n2 * ..., number of vectors); one vector as it is.

    Raises ShapeError for what is no vector.
    """
    parts = listed(tensors)
    for x in parts:
        if x.ndim != 1:
            raise ShapeError(f"cartesian_prod takes vectors, not a tensor of shape {tuple(x.shape)}")
    return parts[0] if len(parts) == 1 else stack([ravel(x) for x in meshgrid(*parts)], 1)


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Value:
    """All choices of ``r`` entries of a vector, in their order: (number of choices, r).

    Raises ShapeError for what is no vector, OptionError for a length below 0.
    """
    if input.ndim != 1:
        raise ShapeError(f"combinations takes a vector, not shape {tuple(input.shape)}")
    if r < 0:
        raise OptionError(f"combinations takes a number of entries from 0 up, not {r}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    if not r:
        return constant(np.zeros(0, input.dtype), input)
    return index(input, key=np.array(list(choose(range(len(input)), r)), np.int64).reshape(-1, r))


def repeat(input: Any, *repeats: Any, **named: Any) -> Value:
    """``input`` so many times along each axis; more repeats than axes put new ones in front.

    Raises ShapeError for fewer repeats than axes, or one below 0.
    """
    times = shape_of(sizes_by_name(repeats, named, "repeats") if named else repeats)
    lead = len(times) - input.ndim
    if lead < 0 or any(n < 0 for n in times):
        raise ShapeError(f"repeat of shape {tuple(input.shape)} needs a number from 0 up for each axis, not {times}")
    lengths = (1,) * lead + tuple(input.shape)
    spaced = reshape(input, tuple(n for length in lengths for n in (1, length)))
    full = expand(spaced, tuple(n for pair in zip(times, lengths, strict=True) for n in pair))
    return reshape(shaping.copy(full, order="C"), tuple(a * b for a, b in zip(times, lengths, strict=True)))


def tile(input: Any, *dims: Any, **named: Any) -> Value:
    """``input`` so many times along its last axes, once along those for which no number is given."""
    times = shape_of(sizes_by_name(dims, named, "dims") if named else dims)
    return repeat(input, (1,) * (input.ndim - len(times)) + times)


def repeat_interleave(input: Any, repeats: Any = None, dim: int | None = None, *, output_size: Any = None) -> Value:
    """Each entry along ``dim`` so many times in a row (of the flattened tensor where ``dim`` is missing).

    ``repeats`` is one number, or one for each entry; given alone it tells how often each of 0, 1, 2, ... comes.

    Raises ShapeError where the repeats do not fit the axis.

    >>> import autodiff
    >>> autodiff.repeat_interleave(autodiff.tensor([7, 8]), autodiff.tensor([1, 3]))
    tensor([7, 8, 8, 8])
    """
    if repeats is None:
        counts = as_array(input)
        return wrap(np.repeat(np.arange(len(counts)), counts))
    x, dim = (ravel(input), 0) if dim is None else (input, dim)
    axis, length = length_of(x, dim)
    counts = as_array(repeats)
    if counts.size not in (1, length) or counts.ndim > 1 or (counts < 0).any():
        raise ShapeError(f"repeat_interleave needs one number from 0 up, or {length}, not {repeats!r:.60}")
    positions = np.repeat(np.arange(length), counts)
    return index(x, key=(slice(None),) * axis + (positions,))
