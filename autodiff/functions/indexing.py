"""Picking entries by index or mask, and filling what was picked, by PyTorch's names."""

from __future__ import annotations

import math
from typing import Any, Literal, overload

import numpy as np

from autodiff.engine.broadcasting import broadcasts_to
from autodiff.engine.values import TensorBase, Value, wrap
from autodiff.errors import AxisError, DtypeError, OptionError, ShapeError
from autodiff.functions.arrays import array_of, constant, one_dtype, tensors_only
from autodiff.functions.axes import axis_of, size_of
from autodiff.functions.index_keys import plain_key
from autodiff.functions.shaping import broadcast_shapes, contiguous, expand, in_order_of, ravel, reshape
from autodiff.kernels.arrays import as_array
from autodiff.kernels.layout import row_major
from autodiff.kernels.lending import lend
from autodiff.ops import comparison
from autodiff.ops.arithmetic import where
from autodiff.ops.indexing import index as pick
from autodiff.ops.indexing import put as overwrite
from autodiff.ops.indexing import scatter_add, take_along_axis
from autodiff.ops.shaping import cast

__all__ = [
    "argwhere", "gather", "index_add", "index_copy", "index_fill", "index_put", "index_select", "masked_fill",
    "masked_scatter", "masked_select", "nonzero", "one_hot", "put", "take", "take_along_dim", "unravel_index",
]


def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Value:
    """Picks along ``dim``: ``out[i][j] = input[index[i][j]][j]`` for dim 0, and so on for others.

    ``sparse_grad`` is taken as in PyTorch; gradients are dense.
    """
    axis, indices = positions_along(input, dim, index)
    picked = take_along_axis(at_least_vector(input), indices=indices, axis=axis)
    return picked if np.ndim(index) else reshape(picked, ())


def positions_along(input: Any, dim: int, index: Any) -> tuple[int, np.ndarray[Any, Any]]:
    """An axis, and ``index`` as an array of positions along it, with all axes of ``input`` (a number as a vector)."""
    shape = tuple(input.shape) or (1,)
    axis, indices = axis_of(dim, input.ndim), np.atleast_1d(integers(index))
    fits = indices.ndim == len(shape) and all(i == axis or n <= shape[i] for i, n in enumerate(indices.shape))
    if not fits and indices.size:
        raise ShapeError(f"an index of shape {indices.shape} does not fit an input of shape {shape} along dim {dim}")
    if indices.ndim != len(shape):  # an index of no entries, such as tensor([])
        indices = indices.reshape((0,) * len(shape))
    return axis, in_range(indices, shape[axis], dim)


def in_range(indices: np.ndarray[Any, Any], length: int, dim: int | None) -> np.ndarray[Any, Any]:
    """``indices``; raises AxisError where one is not from 0 to ``length`` - 1, as a negative one."""
    if indices.size and not 0 <= indices.min() <= indices.max() < length:
        wrong = indices[(indices < 0) | (indices >= length)].flat[0]
        where = "the flattened tensor" if dim is None else f"dim {dim}"
        raise AxisError(f"index {wrong} is out of range for {where} of size {length}; give one of 0 to {length - 1}")
    return indices


def integers(index: Any) -> np.ndarray[Any, Any]:
    """``index`` as an array of integers."""
    array = as_array(index)
    if array.dtype.kind not in "iu" and array.size:
        raise DtypeError(f"an index holds integers, not {array.dtype}; use .long()")
    return array.astype(np.int64, copy=False)


def at_least_vector(input: Any) -> Any:
    """A number as a vector of one entry."""
    return input if input.ndim else reshape(input, (1,))


def rows_at(input: Any, dim: int, index: Any) -> tuple[Any, ...]:
    """The key of the slices at ``index``, a vector or a number of positions from 0 up, along ``dim``."""
    positions, axis = np.atleast_1d(integers(index)), axis_of(dim, input.ndim)
    if positions.ndim > 1:
        raise ShapeError(f"slices along one axis are named by a vector of integers, not by shape {positions.shape}")
    return (slice(None),) * axis + (in_range(positions, input.shape[axis] if input.ndim else 1, dim),)


def slices_at(name: str, input: Any, dim: int, index: Any, source: Any) -> tuple[Any, Any]:
    """The key of the slices at ``index``, and ``source``, which has one slice for each: nothing is broadcast."""
    tensors_only(name, source)
    one_dtype(name, input, source)
    key, source = rows_at(input, dim, index), at_least_vector(source)
    shape, count = tuple(input.shape) or (1,), len(key[-1])
    if tuple(source.shape) != (*shape[: len(key) - 1], count, *shape[len(key) :]):
        raise ShapeError(
            f"{count} slices along dim {dim} of shape {tuple(input.shape)} do not have the shape {tuple(source.shape)}"
        )
    return key, source


def index_select(input: Any, dim: int, index: Any) -> Value:
    """The slices at ``index``, a vector, along ``dim``.

    >>> import autodiff
    >>> autodiff.index_select(autodiff.tensor([[1, 2, 3]]), 1, autodiff.tensor([2, 0]))
    tensor([[3, 1]])
    """
    picked = pick(at_least_vector(input), key=rows_at(input, dim, index))
    return picked if input.ndim else reshape(picked, ())


def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Value:
    """``input`` with ``alpha`` times the slices of ``source`` added to its slices at ``index`` along ``dim``."""
    key, source = slices_at("index_add", input, dim, index, source)
    total = scatter_add(source if alpha == 1 else source * alpha, key=key, shape=tuple(input.shape) or (1,))
    return contiguous(input) + reshape(total, tuple(input.shape))


def index_copy(input: Any, dim: int, index: Any, source: Any) -> Value:
    """``input`` with its slices at ``index`` along ``dim`` taken from ``source``."""
    key, source = slices_at("index_copy", input, dim, index, source)
    copied = overwrite(at_least_vector(contiguous(input)), source, key=key)
    return reshape(copied, tuple(input.shape))


def index_fill(input: Any, dim: int, index: Any, value: Any) -> Value:
    """``input`` with ``value``, a number, in its slices at ``index`` along ``dim``.

    Raises ShapeError for an index of more than one axis.
    """
    given, length = integers(index), input.shape[axis_of(dim, input.ndim)] if input.ndim else 1
    if given.ndim > 1:
        raise ShapeError(f"index_fill takes a vector or a number of positions, not an index of shape {given.shape}")
    positions = np.unique(given)
    counted = np.where(positions < 0, positions + length, positions)  # PyTorch counts from the end here alone
    key = rows_at(input, dim, np.unique(counted))  # named twice, a slice is filled once
    filled = overwrite(at_least_vector(input), one_value(input, value), key=key)
    return reshape(filled, tuple(input.shape))


def shape_at(input: Any, key: Any) -> tuple[int, ...]:
    """The shape of ``input[key]``."""
    try:
        return tuple(np.empty(tuple(input.shape), bool)[key].shape)
    except IndexError as error:
        raise AxisError(f"indices of shape {tuple(input.shape)}: {error}") from error


def index_put(input: Any, indices: tuple[Any, ...], values: Any, accumulate: bool = False) -> Value:
    """``input`` with ``values`` put (or added, with ``accumulate``) at ``input[indices]``.

    Raises ShapeError where the values do not fit the indices.
    """
    key = plain_key(tuple(indices))
    tensors_only("index_put", values)
    is_mask = len(key) == 1 and isinstance(key[0], np.ndarray) and key[0].dtype == np.bool_
    if is_mask and not accumulate and math.prod(values.shape) == 1:
        values = cast(values, input.dtype)  # which fills a mask, as masked_fill does
    one_dtype("index_put", input, values)
    shape = tuple(values.shape)
    if shape[:1] == (1,) and not broadcasts_to(shape, shape_at(input, key)):  # which NumPy's assignment would take
        raise ShapeError(f"index_put: values of shape {shape} do not broadcast to {shape_at(input, key)}")
    if not accumulate:
        return overwrite(input, values, key=key)
    picked = shape_at(input, key)
    return input + scatter_add(expand(values, picked), key=key, shape=tuple(input.shape))


def take(input: Any, index: Any) -> Value:
    """The entries of the flattened ``input`` at ``index``, in its shape."""
    return pick(ravel(input), key=integers(index))


def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Value:
    """``input`` with ``source`` put (or added) at ``index`` of its flattened self."""
    tensors_only("put", source)
    positions = integers(index).reshape(-1)
    result = index_put(ravel(input), (positions,), reshape(source, (positions.size,)), accumulate)
    return in_order_of(reshape(result, tuple(input.shape)), input)


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Value:
    """``gather`` after both were stretched to one shape but for ``dim``; without it, from the flattened tensors.

    Raises ShapeError unless the indices have as many axes.
    """
    positions = integers(indices)
    if dim is None:
        return pick(ravel(input), key=in_range(positions.reshape(-1), math.prod(input.shape), None))
    axis, shape = axis_of(dim, input.ndim), tuple(input.shape)
    if positions.ndim != len(shape):
        raise ShapeError(f"take_along_dim needs indices of {len(shape)} axes, not of shape {positions.shape}")
    around = broadcast_shapes(_without(shape, axis), _without(positions.shape, axis))
    full = (*around[:axis], shape[axis], *around[axis + 1 :])
    wanted = (*around[:axis], positions.shape[axis], *around[axis + 1 :])
    return take_along_axis(expand(input, full), indices=lend(np.broadcast_to(positions, wanted)), axis=axis)


def unravel_index(indices: Any, shape: Any) -> tuple[Value, ...]:
    """For numbers of entries, counted row by row, their places along each axis of ``shape``.

    Raises AxisError where there is no such entry.

    >>> import autodiff
    >>> autodiff.unravel_index(autodiff.tensor([3, 5]), (2, 3))
    (tensor([1, 1]), tensor([0, 2]))
    """
    places = integers(indices)
    size = math.prod(size_of((shape,)))
    if places.size and not 0 <= places.min() <= places.max() < size:
        raise AxisError(f"unravel_index: there are entries from 0 to {size - 1} in shape {tuple(size_of((shape,)))}")
    return tuple(constant(p, indices) for p in np.unravel_index(places, size_of((shape,))))


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], 1, *shape[axis + 1 :])


def _mask(mask: Any) -> np.ndarray[Any, Any]:
    array = as_array(array_of(mask))
    if array.dtype != np.bool_:
        raise DtypeError(f"a mask holds booleans, not {array.dtype}; compare first, as in x > 0, or use .bool()")
    return array


def one_value(input: Any, value: Any) -> Any:
    """``value``, a number or a tensor of one, in the dtype of ``input``."""
    if hasattr(value, "shape"):
        if math.prod(value.shape) != 1 or len(value.shape):
            raise ShapeError(f"one value is wanted, a number or a 0-d tensor, not one of shape {tuple(value.shape)}")
        return value if value.dtype == input.dtype else cast(value, input.dtype)
    if not isinstance(value, (complex, float, int, np.generic)):
        raise DtypeError(f"one value is wanted, a number or a 0-d tensor, not {value!r:.60}")
    return wrap(as_array(value).astype(array_of(input).dtype))


def masked_fill(input: Any, mask: Any, value: Any) -> Value:
    """``value``, a number, where ``mask`` holds, and ``input`` elsewhere.

    Raises DtypeError for a mask that is not boolean.

    >>> import autodiff
    >>> autodiff.masked_fill(autodiff.tensor([1, 2, 3]), autodiff.tensor([True, False, True]), 0)
    tensor([0, 2, 0])
    """
    return where(one_value(input, value), contiguous(input), condition=row_major(_mask(mask)))


def masked_select(input: Any, mask: Any) -> Value:
    """The entries where ``mask`` holds, in one axis; raises DtypeError for a mask that is not boolean."""
    array = _mask(mask)
    shape = broadcast_shapes(tuple(input.shape), array.shape)
    picked = pick(expand(input, shape), key=np.broadcast_to(array, shape))
    return reshape(picked, (-1,)) if not shape else picked


def masked_scatter(input: Any, mask: Any, source: Any) -> Value:
    """``input`` where ``mask`` does not hold; where it does, the entries of ``source``, one after the other.

    Raises ShapeError where ``source`` has too few entries.
    """
    array = _mask(mask)
    tensors_only("masked_scatter", source)
    one_dtype("masked_scatter", input, source)
    shape = broadcast_shapes(tuple(input.shape), array.shape)
    key = np.broadcast_to(array, shape)
    count = int(key.sum())
    if math.prod(source.shape) < count:
        raise ShapeError(f"masked_scatter needs {count} entries, which a source of shape {tuple(source.shape)} lacks")
    first = pick(ravel(source), key=slice(count))
    return overwrite(contiguous(expand(input, shape)), first if shape else reshape(first, (count,)), key=key)


@overload
def nonzero(input: Any, *, as_tuple: Literal[False] = False) -> Value: ...
@overload
def nonzero(input: Any, *, as_tuple: Literal[True]) -> tuple[Value, ...]: ...
def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """Where the entries are not 0: one row of positions for each, or with ``as_tuple`` one vector for each axis.

    >>> import autodiff
    >>> autodiff.nonzero(autodiff.tensor([[0, 5], [7, 0]]))
    tensor([[0, 1],
            [1, 0]])
    """
    array = array_of(input)
    if as_tuple:
        return tuple(wrap(row_major(x)) for x in np.nonzero(np.atleast_1d(array)))
    return wrap(np.argwhere(array))


def argwhere(input: Any) -> Value:
    """Where the entries are not 0: one row of positions for each."""
    return nonzero(input)


def one_hot(input: Any, num_classes: int = -1) -> Value:
    """For each class number a row that is 1 there and 0 elsewhere; as many columns as needed, or ``num_classes``.

    Raises OptionError for a number that is no class.
    """
    classes = integers(input)
    needed = int(classes.max(initial=-1)) + 1
    count = needed if num_classes == -1 else num_classes
    if needed > count or count <= 0 or classes.min(initial=0) < 0:
        raise OptionError(f"one_hot of {count} classes takes numbers from 0 to {count - 1}, not {input!r:.60}")
    return comparison.one_hot(input if isinstance(input, TensorBase) else wrap(classes), count=count)
