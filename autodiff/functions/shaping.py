"""Shapes and axes by PyTorch's names: reshaping, joining, cutting, padding, picking."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff.errors import ShapeError
from autodiff.functions.axes import axes_of, axis_of, length_of, numpy_names, shape_of
from autodiff.functions.keys import getitem
from autodiff.ops import reductions, shaping
from autodiff.ops.indexing import index, take_along_axis

if TYPE_CHECKING:
    from autodiff.tensor import Tensor

__all__ = [
    "broadcast_to",
    "cat",
    "chunk",
    "clone",
    "concat",
    "concatenate",
    "expand",
    "flatten",
    "flip",
    "gather",
    "movedim",
    "narrow",
    "permute",
    "ravel",
    "reshape",
    "select",
    "split",
    "squeeze",
    "stack",
    "t",
    "transpose",
    "unbind",
    "unflatten",
    "unsqueeze",
]


def reshape(input: Any, *shape: Any) -> Tensor:
    """The same entries in ``shape``; one length may be -1 and is worked out.

    >>> import autodiff
    >>> autodiff.reshape(autodiff.arange(6), (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    return shaping.reshape(input, shape=_whole(shape_of(shape), tuple(input.shape)))


def _whole(shape: tuple[int, ...], old: tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` with its -1 worked out; raises ShapeError where the size is not that of the ``old`` one."""
    size, known = math.prod(old), math.prod(n for n in shape if n != -1)
    if shape.count(-1) == 1 and known and size % known == 0:
        return tuple(size // known if n == -1 else n for n in shape)
    if -1 in shape or known != size:
        raise ShapeError(f"{size} entries of shape {old} do not fit into shape {shape}")
    return shape


def permute(input: Any, *dims: Any) -> Tensor:
    """The axes in the order ``dims``."""
    axes = axes_of(shape_of(dims), input.ndim) or ()
    if len(axes) != input.ndim:
        raise ShapeError(f"permute needs each of {input.ndim} axes once, not {dims}")
    return shaping.transpose(input, axes=axes)


def transpose(input: Any, dim0: int, dim1: int) -> Tensor:
    """The axes ``dim0`` and ``dim1`` swapped."""
    axes = list(range(input.ndim))
    first, second = axis_of(dim0, input.ndim), axis_of(dim1, input.ndim)
    if axes:
        axes[first], axes[second] = second, first
    return shaping.transpose(input, axes=tuple(axes))


def t(input: Any) -> Tensor:
    """A matrix transposed; a vector or a number as it is."""
    if input.ndim > 2:
        raise ShapeError(f"t() takes at most 2 dimensions, not shape {tuple(input.shape)}; transpose() takes more")
    return shaping.transpose(input, axes=tuple(reversed(range(input.ndim))))


def movedim(input: Any, source: Any, destination: Any) -> Tensor:
    """The axes at ``source`` moved to ``destination``, the others in their order."""
    targets, sources = axes_of(destination, input.ndim) or (), axes_of(source, input.ndim) or ()
    if len(targets) != len(sources):
        raise ShapeError(f"movedim needs as many destinations as sources, not {source} and {destination}")
    moved = dict(zip(targets, sources, strict=True))
    rest = iter(a for a in range(input.ndim) if a not in moved.values())
    axes = tuple(moved[i] if i in moved else next(rest) for i in range(input.ndim))
    return shaping.transpose(input, axes=axes)


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from ``start_dim`` to ``end_dim`` as one."""
    first, last = axis_of(start_dim, input.ndim), axis_of(end_dim, input.ndim)
    shape = tuple(input.shape)
    if first > last:
        raise ShapeError(f"flatten from axis {start_dim} to {end_dim} of shape {shape}: the first is behind the last")
    return shaping.reshape(input, shape=shape[:first] + (math.prod(shape[first : last + 1]),) + shape[last + 1 :])


def ravel(input: Any) -> Tensor:
    """All entries in one axis."""
    return flatten(input)


def unflatten(input: Any, dim: int, sizes: Any) -> Tensor:
    """The axis ``dim`` as several, of ``sizes``."""
    (axis, length), shape = length_of(input, dim), tuple(input.shape)
    return reshape(input, shape[:axis] + _whole(shape_of((sizes,)), (length,)) + shape[axis + 1 :])


def squeeze(input: Any, dim: Any = None) -> Tensor:
    """Without the axes of length one, or those among ``dim``."""
    among = () if dim == () else axes_of(dim, input.ndim)
    kept = (n for i, n in enumerate(input.shape) if n != 1 or (among is not None and i not in among))
    return shaping.reshape(input, shape=tuple(kept))


def unsqueeze(input: Any, dim: int) -> Tensor:
    """With an axis of length one put in at ``dim``."""
    axis = axis_of(dim, input.ndim + 1)
    return shaping.reshape(input, shape=(*input.shape[:axis], 1, *input.shape[axis:]))


def broadcast_to(input: Any, shape: Any) -> Tensor:
    """``input`` stretched to ``shape`` by NumPy's rule; nothing is copied."""
    return reductions.broadcast_to(input, shape=shape_of((shape,)))


def expand(input: Any, *sizes: Any) -> Tensor:
    """``input`` stretched to ``sizes``, where -1 keeps an axis as it is."""
    shape = shape_of(sizes)
    lead = len(shape) - input.ndim
    if lead < 0 or -1 in shape[:lead]:
        raise ShapeError(f"shape {tuple(input.shape)} does not expand to {shape}")
    return broadcast_to(input, tuple(input.shape[i - lead] if n == -1 else n for i, n in enumerate(shape)))


@numpy_names
def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """The tensors one behind the other along ``dim``; all other lengths are equal.

    >>> import autodiff
    >>> autodiff.cat([autodiff.ones(1, 2), autodiff.zeros(1, 2)])
    tensor([[1., 1.],
            [0., 0.]])
    """
    parts = [x for x in tensors if tuple(x.shape) != (0,)] or list(tensors)[:1]  # PyTorch's legacy: (0,) joins anything
    if not parts:
        raise ShapeError("cat needs at least one tensor")
    axis = axis_of(dim, parts[0].ndim)
    for x in parts:
        if x.ndim != parts[0].ndim or any(
            a != b for i, (a, b) in enumerate(zip(x.shape, parts[0].shape, strict=True)) if i != axis
        ):
            shapes = ", ".join(str(tuple(part.shape)) for part in parts)
            raise ShapeError(f"cat along dim {dim} needs shapes that are equal but there, not {shapes}")
    return shaping.concatenate(*parts, axis=axis, ends=tuple(accumulate(x.shape[axis] for x in parts)))


concat = concatenate = cat


@numpy_names
def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """The tensors, all of one shape, side by side along a new axis at ``dim``."""
    if len({tuple(x.shape) for x in tensors}) > 1:
        shapes = ", ".join(str(tuple(x.shape)) for x in tensors)
        raise ShapeError(f"stack needs tensors of one shape, not {shapes}")
    return cat([unsqueeze(x, dim) for x in tensors], axis_of(dim, tensors[0].ndim + 1) if tensors else 0)


@numpy_names
def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces along ``dim`` of one size (the last may be shorter), or of the sizes given."""
    (axis, length), sizes = length_of(tensor, dim), split_size_or_sections
    if isinstance(sizes, Sequence):
        ends = list(accumulate(shape_of((sizes,))))
        if not ends or ends[-1] != length or min(sizes) < 0:
            raise ShapeError(f"split sizes {tuple(sizes)} do not add up to {length}, the length of dim {dim}")
    else:
        (size,) = shape_of((sizes,))
        if size <= 0:
            raise ShapeError(f"split needs a size above 0, not {size}")
        ends = [min(start + size, length) for start in range(0, max(length, 1), size)]
    return tuple(
        index(tensor, key=(slice(None),) * axis + (slice(start, end),))
        for start, end in zip([0, *ends], ends, strict=False)
    )


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most ``chunks`` pieces of equal size along ``dim``, the last one shorter where it does not divide."""
    if chunks <= 0:
        raise ShapeError(f"chunk needs a number of pieces above 0, not {chunks}")
    _, length = length_of(input, dim)
    return split(input, -(-length // chunks) if length else [0] * chunks, dim)


def unbind(input: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along ``dim``, without it."""
    return tuple(select(input, dim, i) for i in range(length_of(input, dim)[1]))


def select(input: Any, dim: int, index: int) -> Tensor:
    """The slice at ``index`` along ``dim``, without it."""
    return getitem(input, (slice(None),) * length_of(input, dim)[0] + (index,))


def narrow(input: Any, dim: int, start: int, length: int) -> Tensor:
    """``length`` slices from ``start`` on along ``dim``."""
    axis, whole = length_of(input, dim)
    start = int(start) + (whole if start < 0 else 0)
    if not (start >= 0 and length >= 0 and start + length <= whole):
        raise ShapeError(f"narrow from {start}, {length} long, leaves dim {dim} of shape {tuple(input.shape)}")
    return getitem(input, (slice(None),) * axis + (slice(start, start + length),))


def flip(input: Any, *dims: Any) -> Tensor:
    """The entries in opposite order along ``dims``."""
    axes = axes_of(shape_of(dims), input.ndim) or ()
    return getitem(input, tuple(slice(None, None, -1 if i in axes else None) for i in range(input.ndim)))


def gather(input: Any, dim: int, index: Any) -> Tensor:
    """Picks along ``dim``: ``out[i][j] = input[index[i][j]][j]`` for dim 0, and so on for others."""
    axis = axis_of(dim, input.ndim)
    indices = np.asarray(index)
    shape = tuple(input.shape)
    fits = indices.ndim == len(shape) and all(i == axis or n <= shape[i] for i, n in enumerate(indices.shape))
    if not fits:
        raise ShapeError(f"gather: an index of shape {indices.shape} does not fit an input of shape {shape}")
    return take_along_axis(input, indices=indices, axis=axis)


def clone(input: Any) -> Tensor:
    """A copy with memory of its own, through which gradients pass."""
    return shaping.copy(input)
