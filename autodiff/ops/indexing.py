"""Rows that pick entries, and their adjoints, which add entries up where they were picked from."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.primitive import Primitive

__all__ = ["index", "put", "scatter_add", "take_along_axis"]


def _picks_once(key: Any) -> bool:
    """Whether an index cannot pick an entry twice: numbers, slices and masks, but no integer arrays."""
    parts = key if isinstance(key, tuple) else (key,)
    return all(not isinstance(k, np.ndarray) or k.dtype == np.bool_ for k in parts)


def _scatter_add(x: Any, key: Any, shape: tuple[int, ...]) -> Any:
    total = np.zeros(shape, x.dtype)
    if _picks_once(key):
        total[key] = x
    else:
        np.add.at(total, key, x)
    return total


def _along(indices: Any, axis: int) -> tuple[Any, ...]:
    """The full index by which ``take_along_axis`` picks."""
    grid = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
    grid[axis] = indices
    return tuple(grid)


def _index(x: Any, key: Any) -> Any:
    picked = x[key]
    if isinstance(picked, np.ndarray):
        return picked
    return x[(*key, ...) if isinstance(key, tuple) else (key, ...)]  # one entry is a view too, not a number


index = Primitive("index", _index,
                  lambda g, out, x, key: scatter_add(g, key=key, shape=x.shape), view=True)

scatter_add = Primitive("scatter_add", _scatter_add,
                        lambda g, out, x, key, shape: index(g, key=key))

take_along_axis = Primitive("take_along_axis", lambda x, indices, axis: x[_along(indices, axis)],
                            lambda g, out, x, indices, axis:
                                scatter_add(g, key=_along(indices, axis), shape=x.shape))


def _put(x: Any, y: Any, key: Any) -> Any:
    out = x.copy()
    out[key] = y
    return out


put = Primitive("put", _put, lambda g, out, x, y, key: put(g, 0.0, key=key),
                             lambda g, out, x, y, key: index(g, key=key))
