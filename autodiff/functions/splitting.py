"""Cutting tensors into pieces and turning them about, by PyTorch's names."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from autodiff.engine.values import Value
from autodiff.errors import AxisError, ShapeError
from autodiff.functions.arrays import array_of
from autodiff.functions.axes import also_called, axes_of, axis_of, length_of, numpy_names, shape_of, sizes_by_name
from autodiff.functions.index_keys import getitem
from autodiff.functions.joining import cat
from autodiff.functions.shaping import clone, flatten, reshape, transpose
from autodiff.kernels.lending import owner_of
from autodiff.ops import shaping
from autodiff.ops.indexing import index
from autodiff.ops.shaping import copy, slide

__all__ = [
    "as_strided", "chunk", "dsplit", "flip", "fliplr", "flipud", "hsplit", "narrow", "roll", "rot90", "select", "split",
    "split_with_sizes", "tensor_split", "unbind", "unsafe_chunk", "unsafe_split",
    "unsafe_split_with_sizes", "vsplit",
]

_cut_names = also_called(
    indices="indices_or_sections", sections="indices_or_sections", tensor_indices_or_sections="indices_or_sections",
    split_size_or_sections="indices_or_sections",
)  # fmt: skip


@numpy_names
@also_called(split_size="split_size_or_sections", input="tensor")
def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Value, ...]:
    """Pieces along ``dim`` of one size (the last may be shorter), or of the sizes given.

    Raises ShapeError where the sizes do not add up.
    """
    (axis, length), sizes = length_of(tensor, dim), split_size_or_sections
    if isinstance(sizes, Sequence):
        ends = list(accumulate(shape_of((sizes,))))
        if not ends or ends[-1] != length or min(sizes) < 0:
            raise ShapeError(f"split sizes {tuple(sizes)} do not add up to {length}, the length of dim {dim}")
    else:
        (size,) = shape_of((sizes,))
        if size <= 0 and (size or length):
            raise ShapeError(f"split needs a size above 0, not {size}")
        ends = [0] if not length else [min(start + size, length) for start in range(0, max(length, 1), size)]
    return _pieces(tensor, axis, ends)


def _pieces(input: Any, axis: int, ends: Sequence[int]) -> tuple[Value, ...]:
    """The slices that end at ``ends``, each beginning where the one before it ends."""
    return tuple(
        index(input, key=(slice(None),) * axis + (slice(start, end),))
        for start, end in zip([0, *ends], ends, strict=False)
    )


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Value, ...]:
    """At most ``chunks`` pieces of equal size along ``dim``, the last one shorter where it does not divide.

    Raises ShapeError for a number of pieces below 1.
    """
    if chunks <= 0:
        raise ShapeError(f"chunk needs a number of pieces above 0, not {chunks}")
    _, length = length_of(input, dim)
    return split(input, -(-length // chunks) if length else [0] * chunks, dim)


@also_called(tensor="input", split_size_or_sections="split_sizes")
def split_with_sizes(input: Any, split_sizes: Sequence[int], dim: int = 0) -> tuple[Value, ...]:
    """Pieces of ``split_sizes`` along ``dim``."""
    return split(input, list(split_sizes), dim)


unsafe_chunk, unsafe_split, unsafe_split_with_sizes = chunk, split, split_with_sizes


@_cut_names
def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Value, ...]:
    """So many pieces along ``dim``, the first ones longer by one where it does not divide, or cuts before the indices.

    Raises ShapeError for a number of pieces below 1.

    >>> import autodiff
    >>> [len(x) for x in autodiff.tensor_split(autodiff.arange(7), 3)]
    [3, 2, 2]
    """
    (axis, length), cuts = length_of(input, dim), indices_or_sections
    cuts = cuts.tolist() if hasattr(cuts, "tolist") else cuts
    if isinstance(cuts, Sequence):
        ends = [min(max(end + length if end < 0 else end, 0), length) for end in shape_of((cuts,))]
        return tuple(
            index(input, key=(slice(None),) * axis + (slice(start, max(start, end)),))
            for start, end in zip([0, *ends], [*ends, length], strict=True)
        )
    if cuts <= 0:
        raise ShapeError(f"tensor_split needs a number of pieces above 0, not {cuts}")
    return _pieces(input, axis, list(accumulate(length // cuts + (i < length % cuts) for i in range(cuts))))


@_cut_names
def hsplit(input: Any, indices_or_sections: Any) -> tuple[Value, ...]:
    """Pieces along axis 1, of a vector along its only axis.

    Raises ShapeError where there is no such axis, or it does not split into equal parts.
    """
    return _split_along(1 if input.ndim > 1 else 0, 1, input, indices_or_sections)


@_cut_names
def vsplit(input: Any, indices_or_sections: Any) -> tuple[Value, ...]:
    """Pieces along axis 0; raises ShapeError where there is no such axis, or it does not split into equal parts."""
    return _split_along(0, 2, input, indices_or_sections)


@_cut_names
def dsplit(input: Any, indices_or_sections: Any) -> tuple[Value, ...]:
    """Pieces along axis 2; raises ShapeError where there is no such axis, or it does not split into equal parts."""
    return _split_along(2, 3, input, indices_or_sections)


def _split_along(axis: int, ndim: int, input: Any, parts: Any) -> tuple[Value, ...]:
    if input.ndim < ndim:
        raise ShapeError(f"a split along axis {axis} needs {ndim} axes or more, not shape {tuple(input.shape)}")
    if isinstance(parts, int) and (parts <= 0 or input.shape[axis] % parts):
        raise ShapeError(f"{input.shape[axis]} entries along axis {axis} do not split into {parts} equal parts")
    return tensor_split(input, parts, axis)


def unbind(input: Any, dim: int = 0) -> tuple[Value, ...]:
    """The slices along ``dim``, without it."""
    return tuple(select(input, dim, i) for i in range(length_of(input, dim)[1]))


def select(input: Any, dim: int, index: int) -> Value:
    """The slice at ``index`` along ``dim``, without it; raises AxisError for an index that is not there."""
    axis, length = length_of(input, dim)
    if not -length <= index < length:
        raise AxisError(f"no slice {index} along dim {dim} of shape {tuple(input.shape)}")
    return getitem(input, (slice(None),) * axis + (index,))


def narrow(input: Any, dim: int, start: int, length: int) -> Value:
    """``length`` slices from ``start`` on along ``dim``; raises ShapeError where the piece leaves the axis."""
    axis, whole = length_of(input, dim)
    start = int(start) + (whole if start < 0 else 0)
    if not (start >= 0 and length >= 0 and start + length <= whole):
        raise ShapeError(f"narrow from {start}, {length} long, leaves dim {dim} of shape {tuple(input.shape)}")
    return getitem(input, (slice(None),) * axis + (slice(start, start + length),))


def unfold(input: Any, dimension: int, size: int, step: int) -> Value:
    """All slices of ``size`` along an axis, ``step`` apart: that axis counts them, a new last one runs within each.

    Raises ShapeError where a piece is longer than the axis.

    >>> import autodiff
    >>> autodiff.arange(5).unfold(0, 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    """
    axis = axis_of(dimension, input.ndim)
    x = input if input.ndim else reshape(input, (1,))
    if not 0 <= size <= x.shape[axis] or step <= 0:
        raise ShapeError(f"unfold of shape {tuple(input.shape)} along {dimension} by size {size} and step {step}")
    windows = slide(x, axis=axis, size=size, step=step)
    return windows if input.ndim else reshape(windows, (size,))


def flip(input: Any, *dims: Any, **named: Any) -> Value:
    """The entries in opposite order along ``dims``."""
    axes = axes_of(shape_of(sizes_by_name(dims, named, "dims") if named else dims), input.ndim)
    return clone(getitem(input, tuple(slice(None, None, -1 if i in axes else None) for i in range(input.ndim))))


def fliplr(input: Any) -> Value:
    """The columns in opposite order; raises ShapeError for fewer than two axes."""
    if input.ndim < 2:
        raise ShapeError(f"fliplr takes tensors of columns (n, m, *), not shape {tuple(input.shape)}")
    return flip(input, 1)


def flipud(input: Any) -> Value:
    """The rows in opposite order; raises ShapeError without an axis."""
    if not input.ndim:
        raise ShapeError("flipud takes tensors of rows (n, *), not one without axes")
    return flip(input, 0)


def rot90(input: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Value:
    """Turned by 90 degrees ``k`` times in the plane of two axes, from the first towards the second.

    Raises ShapeError unless ``dims`` are two axes.
    """
    axes = axes_of(dims, input.ndim)
    if len(axes) != 2:
        raise ShapeError(f"rot90 turns in the plane of two axes, not of {dims}")
    turns = k % 4
    turned = (input, flip(input, axes[1]), flip(input, axes), flip(input, axes[0]))[turns]
    return transpose(turned, *axes) if turns % 2 else turned if turns else copy(input, order="C")


@numpy_names
def roll(input: Any, shifts: Any, dims: Any = None, *, dim: Any = None) -> Value:
    """The entries moved by ``shifts`` along ``dims``, those that leave at one end come in at the other.

    Without ``dims`` the flattened tensor is rolled.

    Raises ShapeError unless there are as many shifts as ``dims``.
    """
    along = dim if dims is None else dims  # dim is what NumPy's axis becomes
    if along is None or along == ():
        return reshape(roll(flatten(input), shifts, 0), tuple(input.shape))
    steps, axes = (v if isinstance(v, Sequence) else (v,) for v in (shifts, along))
    if len(steps) != len(axes):
        raise ShapeError(f"roll needs as many shifts as dims, not {shifts} and {along}")
    result = input
    for step, d in zip(steps, axes, strict=True):
        axis, length = length_of(input, d)
        if length:
            cut = -step % length
            result = cat([narrow(result, axis, cut, length - cut), narrow(result, axis, 0, cut)], axis)
    return clone(input) if result is input else result


def as_strided(input: Any, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Value:
    """A view of the memory that ``input`` looks into: of shape ``size``, by steps of ``stride`` entries.

    It begins at entry ``storage_offset`` of the memory, or where ``input`` does.

    Raises:
        ShapeError: a step or the offset is below 0, the view leaves the memory, it shows what is no entry of an
            ``input`` that requires grad, or entries where ``input`` has none and no offset is given.

    >>> import autodiff
    >>> autodiff.arange(4).as_strided((3, 2), (1, 1))
    tensor([[0, 1],
            [1, 2],
            [2, 3]])
    """
    shape, steps, array = shape_of((size,)), shape_of((stride,)), array_of(input)
    before = storage_offset_of(array)
    offset = before if storage_offset is None else int(storage_offset)
    owner, reach = owner_of(array), sum((n - 1) * step for n, step in zip(shape, steps, strict=False))
    asked = f"as_strided of size {shape}, stride {steps} and storage_offset {offset}"
    if len(shape) != len(steps):
        raise ShapeError(f"{asked}: a step is wanted for each length")
    if offset < 0 or min((*shape, *steps), default=0) < 0:
        raise ShapeError(f"{asked}: none of them may be below 0")
    if not array.size and 0 not in shape and storage_offset is None:
        raise ShapeError(f"{asked}: where a tensor without entries begins is not known; give the storage_offset")
    if 0 in shape:
        offset = before  # nothing is shown, wherever
    elif offset + reach >= owner.nbytes // array.itemsize:
        raise ShapeError(f"{asked} leaves the memory, which has {owner.nbytes // array.itemsize} entries")
    own = tuple(n // array.itemsize for n in array.strides)
    where = shaping.Steps(shape, steps, offset - before, array.shape, own)
    if not (array.flags.c_contiguous and 0 <= offset - before <= array.size - 1 - reach):
        shaping.places(where) if getattr(input, "requires_grad", False) else None
    return shaping.as_strided(input, steps=where)


def storage_offset_of(array: Any) -> int:
    """How many entries of the memory it looks into come before the first of ``array``."""
    return int((array.ctypes.data - owner_of(array).ctypes.data) // array.itemsize)
