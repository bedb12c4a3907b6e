"""The keys of ``x[...]``: PyTorch's and NumPy's kinds of them, and picking by one."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autodiff.engine.values import Value
from autodiff.errors import DtypeError
from autodiff.kernels.arrays import as_array
from autodiff.ops.indexing import index

_PICKS = (np.ndarray, bool)


def getitem(input: Any, key: Any) -> Value:
    """``input[key]``: numbers, slices, None, ``...``, masks, integer arrays and tensors, as NumPy and PyTorch index."""
    for stage in stages(plain_key(key)):
        input = index(input, key=stage)
    return input


def stages(key: Any) -> tuple[Any, ...]:
    """The keys that index, one after the other, as PyTorch does with ``key`` at once.

    PyTorch takes integers out first; to NumPy an integer beside an array is an array too, which moves the axes. A
    boolean beside them is a mask of a new axis.
    """
    if not isinstance(key, tuple) or not any(isinstance(k, _PICKS) for k in key) or not any(map(_is_whole, key)):
        return (key,)
    first: list[Any] = []
    for k in key:
        if isinstance(k, np.ndarray):
            first += [slice(None)] * (k.ndim if k.dtype == np.bool_ else 1)
        else:
            first.append(None if isinstance(k, bool) else k)
    second = (
        slice(None) if k is None or isinstance(k, slice) else np.array([k]) if isinstance(k, bool) else k
        for k in key
        if not _is_whole(k)
    )
    return tuple(first), tuple(second)


def _is_whole(k: Any) -> bool:
    return isinstance(k, (int, np.integer)) and not isinstance(k, bool)


def plain_key(key: Any) -> Any:
    """An index with its tensors and lists as arrays, and the ends of its slices as integers."""
    if key is None or key is ... or type(key) is int:
        return key
    if isinstance(key, tuple):
        return tuple([plain_key(k) for k in key])
    if isinstance(key, slice):
        ends = start, stop, step = key.start, key.stop, key.step
        if step is None and (start is None or type(start) is int) and (stop is None or type(stop) is int):
            return key
        return slice(*(n if n is None or isinstance(n, int) else operator.index(n) for n in ends))
    if isinstance(key, (list, range)):
        return as_array([plain_key(k) for k in key], dtype=None if len(key) else np.int64)
    if hasattr(key, "__primitive__"):
        array = as_array(key)
        if array.dtype.kind not in "biu":
            raise DtypeError(f"a tensor used as an index holds integers or booleans, not {array.dtype}")
        if array.dtype == np.uint8:  # an old kind of mask
            array = array.astype(np.bool_)
        return array if array.ndim or array.dtype == np.bool_ else int(array)
    return key
