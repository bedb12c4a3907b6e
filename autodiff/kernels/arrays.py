"""What may be an array, a number, or a tensor, as an array."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_array(x: Any, dtype: Any = None) -> np.ndarray[Any, Any]:
    """``np.asarray(x, dtype)``, which leaves an array of ``compile`` such an array.

    >>> as_array(2.0)
    array(2.)
    """
    if not isinstance(x, np.ndarray):
        if not hasattr(x, "__primitive__") or x._node is not None:  # a tensor with a history is no array
            return np.asarray(x, dtype)
        x = x._array
    array: np.ndarray[Any, Any] = x if dtype is None or x.dtype == dtype else x.astype(dtype)
    return array
