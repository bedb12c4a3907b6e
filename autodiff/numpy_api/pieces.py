"""NumPy's functions for Tensors that choose among parts and put parts together."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.errors import ShapeError
from autodiff.functions import arithmetic, joining, shaping, splitting
from autodiff.functions.axes import axis_of
from autodiff.numpy_api.arguments import Function, arrays_of, plain, tensors_of
from autodiff.ops.indexing import index, put
from autodiff.ops.shaping import cast


def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """The first choice whose condition holds."""
    if len(condlist) != len(choicelist):
        raise ShapeError(f"np.select takes as many conditions as choices, not {len(condlist)} and {len(choicelist)}")
    chosen = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        chosen = arithmetic.where(plain(condition), choice, chosen)
    return chosen


def _piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """Each function of the entries where its condition holds, the last of one more where none does."""
    given = plain(condlist)
    if np.ndim(given) == 0 or (x.ndim and not isinstance(given[0], (list, np.ndarray))):  # NumPy's rule
        given = [given]
    conditions = list(np.asarray(given, bool))
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    if len(funclist) != len(conditions):
        raise ShapeError(f"np.piecewise: {len(funclist)} functions for {len(conditions)} conditions")
    out = x * 0
    for condition, function in zip(conditions, funclist, strict=True):
        if not callable(function):
            out = arithmetic.where(condition, out.dtype.type(function).item(), out)
        elif condition.any():
            key = tuple(np.nonzero(condition)) if x.ndim else ()
            (found,) = tensors_of((function(index(x, key=key) if x.ndim else x, *args, **kw),))
            out = put(out, cast(found, x.dtype), key=key)
    return out


def _choose(a: Any, choices: Any) -> Any:
    picks, parts = np.asarray(plain(a)), tensors_of(choices)
    if picks.size and not 0 <= picks.min() <= picks.max() < len(parts):
        raise ShapeError(f"np.choose among {len(parts)} takes numbers from 0 to {len(parts) - 1}")
    chosen = parts[0]
    for number, part in enumerate(parts):
        chosen = arithmetic.where(picks == number, part, chosen)
    return chosen


def _block(arrays: Any) -> Any:
    """Lists within lists: the innermost are joined along the last axis."""

    def depth(x: Any) -> int:
        return 1 + max(map(depth, x), default=0) if isinstance(x, list) else 0

    def axes(x: Any) -> int:
        return max(map(axes, x)) if isinstance(x, list) else int(np.ndim(plain(x)))

    deep, ndim = depth(arrays), max(depth(arrays), axes(arrays))

    def joined(x: Any, level: int) -> Any:
        if not isinstance(x, list):
            (part,) = tensors_of((x,))
            return shaping.reshape(part, (*(1,) * (ndim - part.ndim), *part.shape))
        return joining.cat([joined(part, level + 1) for part in x], level - deep)

    return joined(arrays, 0)


def _insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    if axis is None:
        arr, axis = shaping.ravel(arr), 0
    axis, obj = axis_of(axis, arr.ndim), plain(obj)
    arr, values = tensors_of((arr, values))
    values = cast(values, arr.dtype)
    if np.ndim(obj) == 0 and not isinstance(obj, slice):  # as NumPy: the first axis of the values goes along ``axis``
        values = shaping.reshape(values, (*(1,) * (arr.ndim - values.ndim), *values.shape))
        values = shaping.movedim(values, 0, axis)
    n = arr.shape[axis]
    count = np.insert(np.empty(arr.shape), obj, np.zeros(tuple(values.shape)), axis).shape[axis] - n
    wide = shaping.broadcast_to(values, (*arr.shape[:axis], count, *arr.shape[axis + 1 :]))
    order = np.insert(np.arange(n), obj, n + np.arange(count))
    return index(joining.cat([arr, wide], axis), key=(slice(None),) * axis + (order,))


def _delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    if axis is None:
        arr, axis = shaping.ravel(arr), 0
    axis = axis_of(axis, arr.ndim)
    kept = np.delete(np.arange(arr.shape[axis]), plain(obj))
    return index(arr, key=(slice(None),) * axis + (kept,))


def _compress(condition: Any, a: Any, axis: Any = None) -> Any:
    if axis is None:
        a, axis = shaping.ravel(a), 0
    return index(a, key=(slice(None),) * axis_of(axis, a.ndim) + (np.flatnonzero(plain(condition)),))


def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    axis, start = axis_of(axis, a.ndim), start + a.ndim if start < 0 else start
    return shaping.movedim(a, axis, start - (axis < start))


def _atleast_3d(*arys: Any) -> Any:
    made = []
    for x in arrays_of(*arys):
        shape = tuple(x.shape)
        wanted = {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}.get(len(shape), shape)
        made.append(shaping.reshape(x, wanted))
    return made[0] if len(made) == 1 else tuple(made)


PIECES: dict[Any, Function] = {
    np.select: _select,
    np.piecewise: _piecewise,
    np.choose: _choose,
    np.block: _block,
    np.insert: _insert,
    np.delete: _delete,
    np.compress: _compress,
    np.extract: lambda condition, arr: _compress(np.ravel(plain(condition)), arr),
    np.rollaxis: _rollaxis,
    np.atleast_3d: _atleast_3d,
}
if hasattr(np, "unstack"):  # since NumPy 2.1
    PIECES[np.unstack] = lambda x, /, *, axis=0: splitting.unbind(x, axis)
