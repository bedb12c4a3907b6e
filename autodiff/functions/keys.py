"""What stands in the brackets of ``x[...]``, of PyTorch's kinds and NumPy's alike."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff.errors import DtypeError
from autodiff.ops.indexing import index

if TYPE_CHECKING:
    from autodiff.tensor import Tensor

__all__ = ["getitem", "plain_key"]


def getitem(input: Any, key: Any) -> Tensor:
    """``input[key]``: numbers, slices, None, ``...``, masks, integer arrays and tensors, as NumPy and PyTorch index."""
    return index(input, key=plain_key(key))


def plain_key(key: Any) -> Any:
    """An index with its tensors and lists as arrays, and the ends of its slices as integers."""
    if isinstance(key, tuple):
        return tuple(map(plain_key, key))
    if isinstance(key, slice):
        ends = (key.start, key.stop, key.step)
        return slice(*(n if n is None or isinstance(n, int) else operator.index(n) for n in ends))
    if isinstance(key, (list, range)):
        return np.asarray(key, dtype=None if len(key) else np.int64)
    if hasattr(key, "__primitive__"):
        array = np.asarray(key)
        if array.dtype.kind not in "biu":
            raise DtypeError(f"a tensor used as an index holds integers or booleans, not {array.dtype}")
        return array if array.ndim or array.dtype == np.bool_ else int(array)
    return key
