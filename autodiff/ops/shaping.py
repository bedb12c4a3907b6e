"""Primitives that move entries without changing them; each is linear, and its VJP is another of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, NamedTuple, TypeVar

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.errors import ShapeError
from autodiff.kernels.arrays import as_array
from autodiff.kernels.layout import addresses, channels_last, copied, is_stretched, note, ordered_like
from autodiff.kernels.lending import owner_of
from autodiff.ops.indexing import index, scatter_add

F = TypeVar("F", bound=Callable[..., Any])


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    order = [0] * len(axes)
    for i, a in enumerate(axes):
        order[a] = i
    return tuple(order)


def _part(i: int, g: Any, out: Any, *inputs: Any, axis: int, ends: tuple[int, ...]) -> Any:
    """The piece of ``g`` that belongs to input ``i``: the adjoint of concatenation is a split."""
    piece = slice(ends[i - 1] if i else 0, ends[i])
    return g[(slice(None),) * axis + (piece,)]


def _concatenate(*xs: Any, axis: int, ends: tuple[int, ...]) -> Any:
    out = np.concatenate(xs, axis)
    return out if out.flags.c_contiguous or all(map(channels_last, xs)) else out.copy()


def _astype(x: Any, dtype: np.dtype[Any]) -> Any:
    if x.dtype.kind == "c" and dtype.kind not in "cb":
        x = x.real  # NumPy would warn
    out = (x if x.flags.c_contiguous or not is_stretched(x) else copied(x)).astype(dtype)
    if dtype.kind == "c":
        note(out)
    return out


def _pad(x: Any, widths: tuple[tuple[int, int], ...], value: float) -> Any:
    if not widths:
        return x.copy()
    if type(x) is np.ndarray and min(map(min, widths)) >= 0:  # np.pad does the same in ten times the time
        out = np.full([b + n + a for (b, a), n in zip(widths, x.shape, strict=True)], value, x.dtype)
        out[_crop(widths, x.shape)] = x
    else:
        out = np.pad(x, widths, constant_values=value)
    if channels_last(x):
        return ordered_like(out, x)
    return out if out.flags.c_contiguous else out.copy()


def _crop(widths: tuple[tuple[int, int], ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(before, before + n) for (before, _), n in zip(widths, shape, strict=True))


def _diagonal(x: Any, offset: int, axis1: int, axis2: int) -> Any:
    view = np.diagonal(x, offset, axis1, axis2)
    if x.flags.writeable:  # NumPy's own is read-only
        view.flags.writeable = True
    return view


def _on_diagonal(y: Any, offset: int, axis1: int, axis2: int, shape: tuple[int, ...]) -> Any:
    total = np.zeros(shape, y.dtype, like=as_array(y))
    _diagonal(total, offset, axis1, axis2)[...] = y
    return total


def _slide(x: Any, axis: int, size: int, step: int) -> Any:
    count = (x.shape[axis] - size) // step + 1
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :], size)
    strides = (*x.strides[:axis], x.strides[axis] * step, *x.strides[axis + 1 :], x.strides[axis])
    return np.lib.stride_tricks.as_strided(x, shape, strides)


def _overlap_add(y: Any, axis: int, step: int, shape: tuple[int, ...]) -> Any:
    total, before = np.zeros(shape, y.dtype, like=as_array(y)), (slice(None),) * axis
    for i in range(y.shape[-1]):
        total[(*before, slice(i, i + step * y.shape[axis], step))] += y[..., i]
    return total


class Steps(NamedTuple):
    """Where ``as_strided`` finds its entries, and how the tensor that is looked into lies in memory; all in entries."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    start: int  # behind the first entry of that tensor
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@lru_cache(maxsize=4)
def places(steps: Steps) -> tuple[Any, Any]:
    """For each entry of the result its place in the flattened tensor, of several the first.

    Besides, where entries of the tensor share memory: for each of them the first, and how many there are; else None.

    Raises ShapeError where the result shows memory that is no entry of the tensor.
    """
    own = addresses(steps.shape, steps.strides).reshape(-1)
    wanted = addresses(steps.size, steps.stride) + steps.start
    memory, first, inverse, counts = np.unique(own, return_index=True, return_inverse=True, return_counts=True)
    found = np.searchsorted(memory, wanted)
    if (wanted.size and not (found < memory.size).all()) or (memory[found] != wanted).any():
        raise ShapeError(
            f"as_strided of size {steps.size} and stride {steps.stride} shows memory between or beyond the entries of "
            f"a tensor of shape {steps.shape} and stride {steps.strides}, whose gradient would be lost; take it of a "
            "contiguous() tensor"
        )
    return first[found], None if memory.size == own.size else (first[inverse], counts[inverse])


def _as_strided(x: Any, steps: Steps) -> Any:
    if x.shape != steps.shape or x.strides != tuple(n * x.itemsize for n in steps.strides):
        return x.reshape(-1)[places(steps)[0]]  # laid out otherwise than when the view was made: a copy
    x = as_array(x)  # a cotangent may be a number
    owner = owner_of(x)
    memory = owner.transpose(sorted(range(owner.ndim), key=lambda a: -owner.strides[a]))  # as it lies there
    start = x.ctypes.data - owner.ctypes.data + steps.start * x.itemsize
    return np.ndarray(steps.size, x.dtype, memory, start, tuple(n * x.itemsize for n in steps.stride))


def _as_strided_x(g: Any, out: Any, x: Any, steps: Steps) -> Any:
    """What comes to one place of memory; entries that share it share the sum evenly."""
    key, shared = places(steps)
    total = scatter_add(g, key=key, shape=(math.prod(x.shape),))
    if shared is not None:
        first, count = shared
        total = index(total, key=first) / count.astype(g.dtype)
    return total.reshape(x.shape)


reshape = Primitive("reshape", lambda x, shape: x.reshape(shape),
                    lambda g, out, x, shape: g.reshape(x.shape), view=True)

transpose = Primitive("transpose", lambda x, axes: x.transpose(axes),
                      lambda g, out, x, axes: transpose(g, axes=_inverse(axes)), view=True)

as_strided = Primitive("as_strided", _as_strided, _as_strided_x, view=True)

concatenate = Primitive("concatenate", _concatenate, each=_part)

pad = Primitive("pad", _pad, lambda g, out, x, widths, value: index(g, key=_crop(widths, x.shape)), selects=True)

diagonal = Primitive("diagonal", _diagonal,
                     lambda g, out, x, offset, axis1, axis2:
                         on_diagonal(g, offset=offset, axis1=axis1, axis2=axis2, shape=x.shape), view=True,
                     selects=True)

on_diagonal = Primitive("on_diagonal", _on_diagonal,
                        lambda g, out, y, offset, axis1, axis2, shape:
                            diagonal(g, offset=offset, axis1=axis1, axis2=axis2))

slide = Primitive("slide", _slide,
                  lambda g, out, x, axis, size, step: overlap_add(g, axis=axis, step=step, shape=x.shape), view=True,
                  selects=True)

overlap_add = Primitive("overlap_add", _overlap_add,
                        lambda g, out, y, axis, step, shape:
                            index(slide(g, axis=axis, size=y.shape[-1], step=step),
                                  key=(slice(None),) * axis + (slice(y.shape[axis]),)))

copy = Primitive("copy", copied, lambda g, out, x, order="K": g)

astype = Primitive("astype", _astype,
                   lambda g, out, x, dtype: astype(g, dtype=x.dtype))

to_whole = Primitive("to_whole", _astype)


def cast(x: Any, dtype: np.dtype[Any]) -> Any:
    """``x`` in another dtype: recorded where that is floating; integers and booleans carry no gradient."""
    return (astype if dtype.kind in "fc" else to_whole)(x, dtype=dtype)


def in_single(function: F) -> F:
    """Let ``function`` of arrays or tensors compute in single precision where all that it is given are of half.

    It works for forwards, VJPs and compositions: half precision loses small terms of a sum, overflows at 65504, and has
    nothing below 6e-8.
    """

    @wraps(function)
    def call(*args: Any, **params: Any) -> Any:
        if args and args[0].dtype.char != "e":
            return function(*args, **params)
        given = (*args, *params.values())
        if {x.dtype.char for x in given if _has_numbers(x) and x.dtype.kind == "f"} != {"e"}:
            return function(*args, **params)
        result = function(*map(_as_single, args), **{name: _as_single(x) for name, x in params.items()})
        return tuple(map(_as_half, result)) if isinstance(result, tuple) else _as_half(result)

    return call  # type: ignore[return-value]  # takes what the function takes


def _has_numbers(x: Any) -> bool:
    """Whether ``x`` is an array or a tensor, and not the node that a VJP gets for what is not kept."""
    return isinstance(x, (np.ndarray, np.generic)) or hasattr(type(x), "__primitive__")


def _as_single(x: Any) -> Any:
    return astype(x, dtype=np.dtype(np.float32)) if _has_numbers(x) and x.dtype.char == "e" else x


def _as_half(x: Any) -> Any:
    return astype(x, dtype=np.dtype(np.float16)) if _has_numbers(x) and x.dtype.char == "f" else x
