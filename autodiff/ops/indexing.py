"""Primitives that pick entries, and their adjoints, which add entries up where they were picked from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.dtypes import to_real
from autodiff.engine.hooks import as_gradient
from autodiff.engine.primitive import Primitive
from autodiff.kernels.arrays import as_array
from autodiff.kernels.layout import copied, order_of, ordered, ordered_like, row_major
from autodiff.kernels.precision import in_single
from autodiff.ops.arithmetic import gate


def _picks_once(key: Any) -> bool:
    """Whether an index cannot pick an entry twice: numbers, slices and masks, but no integer arrays."""
    parts = key if isinstance(key, tuple) else (key,)
    return all(not isinstance(k, np.ndarray) or k.dtype == np.bool_ for k in parts)


@in_single
def _scatter_add(x: Any, key: Any, shape: tuple[int, ...]) -> Any:
    total = np.zeros(shape, x.dtype, like=as_array(x))
    if _picks_once(key):
        total[key] = x
    elif isinstance(key, np.ndarray) and len(shape) > 1:  # whole rows, which NumPy adds faster entry by entry
        width = math.prod(shape[1:])
        np.add.at(total.reshape(-1), (key[..., None] * width + np.arange(width)).reshape(-1), x.reshape(-1))
    else:
        np.add.at(total, key, x)
    return total


def along(indices: Any, axis: int) -> tuple[Any, ...]:
    """The full index by which ``take_along_axis`` picks."""
    shape = indices.shape
    ranks = range(len(shape))  # np.ogrid makes the same, in five times the time
    grid = [np.arange(n).reshape([n if k == j else 1 for k in ranks]) for j, n in enumerate(shape)]
    grid[axis] = indices
    return tuple(grid)


def _index(x: Any, key: Any) -> Any:
    picked = x[key]
    if isinstance(picked, np.ndarray) and (picked.ndim or picked.base is not None):  # for ``compile`` a number is one
        if picked.ndim < 2 or picked.base is x or (picked.flags.c_contiguous and x.flags.c_contiguous):
            return picked
        return _laid_out(picked, x, key)
    return x[(*key, ...) if isinstance(key, tuple) else (key, ...)]  # one entry is a view too, not a number


def _laid_out(picked: Any, x: Any, key: Any) -> Any:
    """``picked`` in PyTorch's layout where arrays did the picking: NumPy leaves their axes in front in memory."""
    parts = key if isinstance(key, tuple) else (key,)
    arrays = [k for k in parts if isinstance(k, np.ndarray)]
    if any(isinstance(k, bool) for k in parts):
        return ordered(picked, order_of(picked.shape, (0,) * (picked.ndim - x.ndim) + x.strides))
    if not arrays:
        return picked  # a view
    known = sum(k.ndim if isinstance(k, np.ndarray) and k.dtype == np.bool_ else k is not None for k in parts)
    dotted = any(k is ... for k in parts)
    rest = x.ndim - known + dotted
    steps: list[int | None] = []  # of the axes of x and the new ones; None for those that arrays pick from
    axes = iter(x.strides)
    for k in parts if dotted else (*parts, ...):
        if k is ...:
            steps += [next(axes) for _ in range(rest)]
        elif isinstance(k, np.ndarray):
            steps += [None for _ in range(k.ndim if k.dtype == np.bool_ else 1) if next(axes) is not None]
        else:
            steps.append(0 if k is None else next(axes) * (k.step or 1))
    indices = [i for k in arrays for i in (k.nonzero() if k.dtype == np.bool_ else (k,))]
    shape = np.broadcast_shapes(*(i.shape for i in indices))
    first, count = steps.index(None), steps.count(None)
    before = first if steps[first : first + count].count(None) == count else 0
    kept = [step for step in steps if step is not None]
    after = len(kept) - before
    own = (*kept[:before], *(0 for _ in shape), *kept[before:])
    others = ((0,) * before + np.broadcast_to(i, shape).strides + (0,) * after for i in indices)
    return ordered(picked, order_of(picked.shape, own, *others))


index = Primitive("index", _index,
                  lambda g, out, x, key: scatter_add(g, key=key, shape=x.shape), view=True, selects=True)

scatter_add = Primitive("scatter_add", _scatter_add,
                        lambda g, out, x, key, shape: index(g, key=key))

take_along_axis = Primitive("take_along_axis", lambda x, indices, axis: row_major(x[along(indices, axis)]),
                            lambda g, out, x, indices, axis:
                                scatter_add(g, key=along(indices, axis), shape=x.shape), selects=True)


def _put(x: Any, y: Any, key: Any) -> Any:
    out = copied(x) if type(x) is np.ndarray else np.array(x)  # of a number, as the walk may have it
    out[key] = y
    return out


def _overwrite(x: Any, y: Any, view: Any) -> Any:
    out = np.array(x, order="C")
    if out.dtype.kind == "c" or any(p.name == "view_as_complex" for p, _ in getattr(view, "steps", ())):
        _overwrite_parts(out, y, view)
    else:
        out.reshape(-1)[view(np.arange(out.size).reshape(out.shape))] = y
    return ordered_like(out, x)


def _overwrite_parts(out: Any, y: Any, view: Any) -> None:
    """Write ``y`` where a view shows complex numbers, or parts of them: numbers are places, a complex one two."""
    parts = out.reshape(-1).view(to_real(out.dtype))
    places = np.arange(parts.size, dtype=np.float64)
    places = view((places.view(np.complex128) if out.dtype.kind == "c" else places).reshape(out.shape))
    parts[places.real.astype(np.intp)] = np.real(y)
    if places.dtype.kind == "c":
        parts[places.imag.astype(np.intp)] = np.imag(y)


put = Primitive("put", _put, lambda g, out, x, y, key: put(g, 0.0, key=key),
                             lambda g, out, x, y, key: index(g, key=key), selects=True)


def _scatter_extreme(x: Any, y: Any, key: Any, largest: bool) -> Any:
    out = np.array(x)
    (np.maximum if largest else np.minimum).at(out, key, y)
    return out


def _winners(out: Any, x: Any, y: Any, key: Any) -> tuple[Any, Any, Any]:
    """Which entries of ``x`` and of ``y`` are the extreme, and how many of both there are for each entry of ``x``."""
    own, new = as_array(x == out), as_array(y == index(out, key=key))
    count = own.astype(out.dtype)
    np.add.at(count, key, new)
    return own, new, np.maximum(count, 1)


def _to_own(g: Any, out: Any, x: Any, y: Any, key: Any, largest: bool) -> Any:
    own, _, count = _winners(out, x, y, key)
    return gate(g / count, mask=own)


def _to_new(g: Any, out: Any, x: Any, y: Any, key: Any, largest: bool) -> Any:
    _, new, count = _winners(out, x, y, key)
    return gate(index(g / count, key=key), mask=new)


# The maximum (or minimum) of each entry of x and of all entries of y that go there; equal winners share evenly.
scatter_extreme = Primitive("scatter_extreme", _scatter_extreme, _to_own, _to_new, keeps="out x y", selects=True,
                            real=True)


def _to_rows(g: Any, out: Any, w: Any, indices: Any, share: Any, note: Any = None) -> Any:
    if note is not None:
        note(indices if share is None else indices[share[..., 0] != 0])
    return scatter_add(g if share is None else g * share, key=indices, shape=w.shape)


# Rows of a table w. ``share`` multiplies the cotangent of each row that was picked: 0 for padding, 1 over how often the
# index is there; None is 1. ``note`` is told which rows a pass reaches.
embedding = Primitive("embedding", lambda w, indices, share, note=None: w[indices], _to_rows, selects=True)

# x with y in place of what ``view``, a chain of primitives that only move entries, shows of it.
overwrite = Primitive("overwrite", _overwrite,
                      lambda g, out, x, y, view: overwrite(g, 0.0, view=view),
                      lambda g, out, x, y, view: as_gradient(view(as_gradient(g))), selects=True)
