"""Memory layout: the order in which the axes of a result lie in memory, as PyTorch has it, and entries that overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def side_by_side(arrays: list[Array]) -> list[Array]:
    """New arrays like these, one directly behind the other; each counts as the owner of its memory."""
    raw = bytearray(sum(x.nbytes for x in arrays) + 64)
    starts, made = [-np.frombuffer(raw, np.uint8).__array_interface__["data"][0] % 64], []
    for x in arrays:
        made.append(np.ndarray(x.shape, x.dtype, raw, starts[-1]))
        starts.append(starts[-1] + x.nbytes)
    return made


def row_major(x: Any) -> Any:
    """``x``, or a copy of it, in memory row by row."""
    return x if x.flags.c_contiguous else x.copy()


def strided(x: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """A view of the memory of ``x`` from its first entry on, of another shape and other strides."""
    if type(x) is np.ndarray:
        return np.ndarray(shape, x.dtype, x, 0, strides)
    return x.__once__(np.lib.stride_tricks.as_strided, (x, shape, strides), {})  # an array of ``compile``


def taken(x: Any, index: Any) -> Any:
    """The entries of ``x`` that an index names, of the shape of the index."""
    return x.take(index) if type(index) is np.ndarray else index.__once__(np.take, (x, index), {})


def channels_last(x: Any, ndims: tuple[int, ...] = (4, 5)) -> bool:
    """Whether ``x`` (N, C, H, W) or (N, C, D, H, W) lies in memory with its channels last, and not row by row."""
    if x.ndim not in ndims or x.flags.c_contiguous or not (x.size and x.strides[1]):
        return False
    least = 0
    for axis in (1, *range(x.ndim - 1, 1, -1), 0):
        step = x.strides[axis]
        if step < least or (axis == 0 and least == x.strides[1]):  # PyTorch's rule, for one channel too
            return False
        least = step * x.shape[axis]
    return True


def ordered_like(out: Any, x: Any) -> Any:
    """``out``, or a copy of it, with its axes in the order in memory that those of ``x`` have."""
    return row_major(out) if x.flags.c_contiguous else ordered(out, order_of(x.shape, x.strides))


def laid_out(out: Any, x: Any) -> Any:
    """``out``, or a copy of it, in the layout of ``x``, or row by row if that has gaps."""
    return ordered_like(out, x) if ordered_like(x, x) is x else row_major(out)


def pairs(x: Any) -> Any:
    """Complex numbers as an axis of two floats behind the others, in the same memory; other numbers as they are."""
    return x[..., None].view(x.real.dtype) if x.dtype.kind == "c" else x


def copied(x: Array, order: Any = "K") -> Array:
    """A copy of ``x``, its axes in an order in memory.

    "K" is that of ``x``, "C" row by row, "F" each matrix column by column, and "L" the channels last; or the axes, from
    the slowest to the fastest.
    """
    if order in ("F", "L") and x.ndim > 1:
        out: Array = x.mT.copy().mT if order == "F" else np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1)
        note(out)
        return out
    if order == "C" or x.ndim < 2 or (order == "K" and x.flags.c_contiguous):
        return x.copy()
    axes = order_of(x.shape, x.strides) if order == "K" else order
    return x.transpose(axes).copy().transpose(np.argsort(axes))


def ordered(x: Array, order: list[int]) -> Array:
    """``x``, or a copy of it, with its axes in that order in memory, the slowest first."""
    turned = x.transpose(order)
    return x if turned.flags.c_contiguous else turned.copy().transpose(np.argsort(order))


unusual: list[bool] = []  # not empty from when on there are tensors that do not lie in memory row by row
complex_in_use: list[bool] = []  # from when on there are complex ones; many programs turn an array, few have these


def note(x: Array) -> None:
    """Note it if ``x`` is complex, or does not lie in memory row by row."""
    if not (unusual or x.flags.c_contiguous):
        unusual.append(True)
    if x.dtype.kind == "c" and not complex_in_use:
        complex_in_use.append(True)


def by_first(out: Any, arrays: Sequence[Any]) -> Any:
    """The result ``out`` of an elementwise operation in PyTorch's layout: the first operand decides on its axes.

    NumPy lays a result out row by row if one operand, whichever, lies so.
    """
    if out.ndim < 2:
        return out
    for a in arrays:  # the usual case: what NumPy makes of them lies row by row
        if isinstance(a, np.ndarray) and not a.flags.c_contiguous:
            break
    else:
        return out
    for a in arrays:  # other cases without the general rule
        if type(a) is np.ndarray or isinstance(a, np.ndarray):
            if a.shape != out.shape:
                break
            if a.flags.c_contiguous:
                return out
            if a.flags.f_contiguous:
                return out if out.flags.f_contiguous else out.copy("F")
            if any(a.strides):  # one number that is stretched does not decide
                break
    operands = [a for a in arrays if isinstance(a, np.ndarray)]
    lead, strides = out.ndim, []
    for a in operands:
        own = (0 if n == 1 else step for n, step in zip(a.shape, a.strides, strict=True))
        strides.append((0,) * (lead - a.ndim) + tuple(own))
    return ordered(out, order_of(out.shape, *strides))


def order_of(shape: Sequence[int], *strides: Sequence[int]) -> list[int]:
    """The axes from the slowest to the fastest of a result of operands with such strides.

    It is the rule of PyTorch's TensorIterator: axes are sorted by their strides, of the first operand that decides; a
    stride of 0 does not.
    """
    order = list(range(len(shape)))[::-1]
    for i in range(1, len(order)):
        place = i
        for j in range(i - 1, -1, -1):
            swaps = _compare(order[j], order[place], shape, strides)
            if swaps < 0:
                break
            if swaps:
                order[j], order[place], place = order[place], order[j], j
    return order[::-1]


def _compare(a: int, b: int, shape: Sequence[int], strides: Sequence[Sequence[int]]) -> int:
    for steps in strides:
        first, second = abs(steps[a]), abs(steps[b])
        if first and second and first != second:
            return 1 if first > second else -1
        if first and second and shape[a] > shape[b]:
            return 1
    return 0


def addresses(shape: Sequence[int], strides: Sequence[int]) -> Array:
    """For each entry how far in memory it lies behind the first."""
    grids = np.ogrid[tuple(slice(n) for n in shape)] if len(shape) else []
    return sum((grid * step for grid, step in zip(grids, strides, strict=True)), np.zeros(tuple(shape), np.int64))


def is_stretched(x: Array) -> bool:
    """Whether entries along some axis are one and the same."""
    return 0 in x.strides and x.size > 0 and any(n > 1 and not s for n, s in zip(x.shape, x.strides, strict=True))


def overlaps(x: Array) -> bool:
    """Whether two entries of ``x`` lie at one place of memory."""
    reach = x.itemsize
    for step, n in sorted((abs(s), n) for s, n in zip(x.strides, x.shape, strict=True) if n > 1):
        if step < reach:
            return x.size > 0 and len(np.unique(addresses(x.shape, x.strides))) < math.prod(x.shape)
        reach += step * (n - 1)
    return False
