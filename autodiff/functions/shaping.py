"""Shapes and axes by PyTorch's names: reshaping, reordering, stretching."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, overload
from weakref import ref

import numpy as np

from autodiff.engine.broadcasting import unbroadcast
from autodiff.engine.values import Operand, Value, wrap
from autodiff.errors import ShapeError
from autodiff.functions.arrays import array_of
from autodiff.functions.axes import also_called, axes_of, axis_of, length_of, shape_of, sizes_by_name
from autodiff.kernels.layout import order_of
from autodiff.kernels.lending import owner_of
from autodiff.ops import reductions, shaping
from autodiff.ops.complex_numbers import conjugate

__all__ = [
    "adjoint", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_shapes", "broadcast_tensors", "broadcast_to",
    "clone", "flatten", "moveaxis", "movedim", "permute", "ravel", "reshape", "squeeze", "swapaxes", "swapdims", "t",
    "transpose", "unflatten", "unsqueeze",
]


def reshape(input: Any, *shape: Any, **named: Any) -> Value:
    """The same entries in ``shape``; one length may be -1 and is worked out.

    Raises ShapeError where the entries do not fit into ``shape``.

    >>> import autodiff
    >>> autodiff.reshape(autodiff.arange(6), (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    if named:
        shape = sizes_by_name(shape, named, "shape", "size")
    return shaping.reshape(input, shape=_whole(shape_of(shape), tuple(input.shape)))


def view(input: Any, *shape: Any) -> Value:
    """The same entries in ``shape``, in the same memory.

    Raises ShapeError where the memory does not allow it; ``reshape`` copies then.

    >>> import autodiff
    >>> x = autodiff.zeros(2, 2)
    >>> x.view(-1)[0] = 5
    >>> x
    tensor([[5., 0.],
            [0., 0.]])
    """
    whole, array = _whole(shape_of(shape), tuple(input.shape)), array_of(input)
    if not array.flags.c_contiguous and owner_of(array.reshape(whole)) is not owner_of(array):
        raise ShapeError(
            f"view of shape {whole}: the entries of this tensor, of shape {array.shape} and stride "
            f"{tuple(n // array.itemsize for n in array.strides)}, do not lie so in memory; use reshape(), which copies"
            " where it must, or contiguous().view()"
        )
    return shaping.reshape(input, shape=whole)


def read_as(input: Any, dtype: np.dtype[Any]) -> Value:
    """The same memory read in another dtype, outside the graph; a last axis of other length makes up for the size."""
    array = array_of(input)
    if dtype == array.dtype:
        return view(input, array.shape)
    try:
        result = wrap(array.view(dtype))
    except ValueError as error:
        raise ShapeError(f"view of {array.dtype} {array.shape} as {dtype}: {error}; use .to() to convert") from None
    if getattr(input, "requires_grad", False):
        result._base = (ref(input), shaping.reshape, {}, result._array)  # of which the graph does not know
    return result


def _whole(shape: tuple[int, ...], old: tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` with its -1 worked out; raises ShapeError where the size is not that of the ``old`` one."""
    size, known = math.prod(old), math.prod(n for n in shape if n != -1)
    if shape.count(-1) == 1 and known and size % known == 0:
        return tuple(size // known if n == -1 else n for n in shape)
    if -1 in shape or known != size:
        raise ShapeError(f"{size} entries of shape {old} do not fit into shape {shape}")
    return shape


def permute(input: Any, *dims: Any, **named: Any) -> Value:
    """The axes in the order ``dims``; raises ShapeError unless each axis comes once."""
    if named:
        dims = sizes_by_name(dims, named, "dims", "dim")
    axes = axes_of(shape_of(dims), input.ndim)
    if len(axes) != input.ndim:
        raise ShapeError(f"permute needs each of {input.ndim} axes once, not {dims}")
    return shaping.transpose(input, axes=axes)


def transpose(input: Any, dim0: int, dim1: int) -> Value:
    """The axes ``dim0`` and ``dim1`` swapped."""
    axes = list(range(input.ndim))
    first, second = axis_of(dim0, input.ndim), axis_of(dim1, input.ndim)
    if axes:
        axes[first], axes[second] = second, first
    return shaping.transpose(input, axes=tuple(axes))


@also_called(dim0="axis0", dim1="axis1")
def swapaxes(input: Any, axis0: int, axis1: int) -> Value:
    """``transpose``, by NumPy's name."""
    return transpose(input, axis0, axis1)


@also_called(axis0="dim0", axis1="dim1")
def swapdims(input: Any, dim0: int, dim1: int) -> Value:
    """``transpose``."""
    return transpose(input, dim0, dim1)


def matrix_transpose(input: Any) -> Value:
    """The last two axes swapped; a number as it is.

    Raises AxisError for a vector.
    """
    return transpose(input, -2, -1) if input.ndim else shaping.transpose(input, axes=())


def adjoint(input: Any) -> Value:
    """The last two axes swapped, and conjugated where they are complex; a number as it is but for that.

    Raises AxisError for a vector.
    """
    return conjugate(matrix_transpose(input))


def t(input: Any) -> Value:
    """A matrix transposed; a vector or a number as it is; raises ShapeError for more than two axes."""
    if input.ndim > 2:
        raise ShapeError(f"t() takes at most 2 dimensions, not shape {tuple(input.shape)}; transpose() takes more")
    return shaping.transpose(input, axes=tuple(reversed(range(input.ndim))))


def movedim(input: Any, source: Any, destination: Any) -> Value:
    """The axes at ``source`` moved to ``destination``, the others in their order.

    Raises ShapeError unless there are as many destinations as sources.
    """
    targets, sources = axes_of(destination, input.ndim), axes_of(source, input.ndim)
    if len(targets) != len(sources):
        raise ShapeError(f"movedim needs as many destinations as sources, not {source} and {destination}")
    moved = dict(zip(targets, sources, strict=True))
    rest = iter(a for a in range(input.ndim) if a not in moved.values())
    axes = tuple(moved[i] if i in moved else next(rest) for i in range(input.ndim))
    return shaping.transpose(input, axes=axes)


moveaxis = movedim


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Value:
    """The axes from ``start_dim`` to ``end_dim`` as one; the tensor itself where that is one axis already.

    Raises ShapeError where the axes are not in order.
    """
    first, last = axis_of(start_dim, input.ndim), axis_of(end_dim, input.ndim)
    shape = tuple(input.shape)
    if first > last:
        raise ShapeError(f"flatten from axis {start_dim} to {end_dim} of shape {shape}: the first is behind the last")
    if first == last and shape:
        return input
    return shaping.reshape(input, shape=shape[:first] + (math.prod(shape[first : last + 1]),) + shape[last + 1 :])


def ravel(input: Any) -> Value:
    """All entries in one axis, in memory one after the other: a view, or a copy where they do not lie so."""
    return shaping.reshape(contiguous(input), shape=(math.prod(input.shape),))


def unflatten(input: Any, dim: int, sizes: Any) -> Value:
    """The axis ``dim`` as several, of ``sizes``.

    Raises ShapeError where ``sizes`` do not multiply to the length of the axis.
    """
    (axis, length), shape = length_of(input, dim), tuple(input.shape)
    return reshape(input, shape[:axis] + _whole(shape_of((sizes,)), (length,)) + shape[axis + 1 :])


def squeeze(input: Any, dim: Any = None) -> Value:
    """Without the axes of length one, or those among ``dim``."""
    among = None if dim is None else axes_of(dim, input.ndim)
    kept = (n for i, n in enumerate(input.shape) if n != 1 or (among is not None and i not in among))
    return shaping.reshape(input, shape=tuple(kept))


def unsqueeze(input: Any, dim: int) -> Value:
    """With an axis of length one put in at ``dim``."""
    shape = [*input.shape]
    shape.insert(axis_of(dim, len(shape) + 1), 1)
    return shaping.reshape(input, shape=tuple(shape))


def expand(input: Any, *size: Any, **named: Any) -> Value:
    """``input`` stretched to ``size`` by NumPy's rule, where -1 keeps an axis as it is; nothing is copied.

    Raises ShapeError where the shape does not stretch.
    """
    shape = shape_of(sizes_by_name(size, named, "size") if named else size)
    lead = len(shape) - input.ndim
    if lead < 0 or -1 in shape[:lead]:
        raise ShapeError(f"shape {tuple(input.shape)} does not expand to {shape}")
    whole = tuple(input.shape[i - lead] if n == -1 else n for i, n in enumerate(shape))
    result = reductions.broadcast_to(input, shape=whole)
    if array_of(input).flags.writeable:  # as PyTorch's: entries of the result may be written, if not all at once
        array_of(result).flags.writeable = True
    return result


@also_called(size="shape")
def broadcast_to(input: Any, shape: Any) -> Value:
    """``input`` stretched to ``shape`` by NumPy's rule; nothing is copied."""
    return expand(input, shape)


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape to which all ``shapes`` stretch; an integer is a shape of one axis.

    Raises ShapeError where they do not fit each other.

    >>> broadcast_shapes((2, 1), 3)
    (2, 3)
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(f"shapes {', '.join(str(s) for s in shapes)} do not stretch to one") from None


def broadcast_tensors(*tensors: Any) -> tuple[Value, ...]:
    """The tensors stretched to one shape; those that have it are given back themselves."""
    parts = listed(tensors)
    shape = broadcast_shapes(*(tuple(x.shape) for x in parts))
    return tuple(x if tuple(x.shape) == shape else expand(x, shape) for x in parts)


def sum_to_size(input: Any, *size: Any, **named: Any) -> Value:
    """``input`` summed over the axes along which ``size`` would be stretched to its shape.

    Raises ShapeError where ``size`` does not stretch to the shape.
    """
    shape, given = shape_of(sizes_by_name(size, named, "size") if named else size), tuple(input.shape)
    lead = len(given) - len(shape)
    if lead < 0 or any(n not in (1, m) for n, m in zip(shape, given[lead:], strict=True)):
        raise ShapeError(f"shape {shape} does not stretch to {given}, which is to be summed to it")
    if shape == given:
        return input if shape else clone(input)
    return unbroadcast(input, shape)


@overload
def atleast_1d(tensors: Operand, /) -> Value: ...
@overload
def atleast_1d(*tensors: Any) -> tuple[Value, ...]: ...
def atleast_1d(*tensors: Any) -> Any:
    """With at least one axis; several tensors, or a sequence, as a tuple."""
    return _each(lambda x: x if x.ndim else reshape(x, (1,)), tensors)


@overload
def atleast_2d(tensors: Operand, /) -> Value: ...
@overload
def atleast_2d(*tensors: Any) -> tuple[Value, ...]: ...
def atleast_2d(*tensors: Any) -> Any:
    """With at least two axes, a vector as a row; several tensors, or a sequence, as a tuple."""
    return _each(lambda x: x if x.ndim > 1 else reshape(x, (1, x.numel())), tensors)


@overload
def atleast_3d(tensors: Operand, /) -> Value: ...
@overload
def atleast_3d(*tensors: Any) -> tuple[Value, ...]: ...
def atleast_3d(*tensors: Any) -> Any:
    """With at least three axes, a matrix as (m, n, 1) and a vector as (1, n, 1)."""
    return _each(lambda x: x if x.ndim > 2 else unsqueeze(atleast_2d(x), 2), tensors)


def _each(widen: Any, tensors: tuple[Any, ...]) -> Any:
    parts = listed(tensors)
    return widen(parts[0]) if parts is tensors and len(parts) == 1 else tuple(map(widen, parts))


def listed(tensors: tuple[Any, ...]) -> Sequence[Any]:
    """Tensors given one by one, or as one sequence."""
    return tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors


def clone(input: Any, *, memory_format: Any = None) -> Value:
    """A copy with memory of its own, in which the axes have the same order, and through which gradients pass."""
    return shaping.copy(input)


def in_order_of(input: Any, like: Any) -> Value:
    """``input``, or a copy, with its axes in the order in memory that those of ``like`` have."""
    array, wanted = array_of(input), array_of(like)
    if array.flags.c_contiguous and wanted.flags.c_contiguous:
        return input
    return shaping.copy(input, order=tuple(order_of(wanted.shape, wanted.strides)))


def contiguous(input: Any) -> Value:
    """In memory row by row: the tensor itself, or a copy."""
    return input if array_of(input).flags.c_contiguous else shaping.copy(input, order="C")
