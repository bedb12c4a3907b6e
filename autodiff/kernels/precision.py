"""Half precision, which loses small terms of a sum and overflows at 65504."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])


def in_single(function: F) -> F:
    """Let ``function`` of arrays compute in single precision where the first of them is of half."""

    @wraps(function)
    def call(first: Any, *others: Any, **params: Any) -> Any:
        if first.dtype.char != "e":
            return function(first, *others, **params)
        return function(single(first), *map(single, others), **params).astype(np.float16)

    return call  # type: ignore[return-value]  # the wrapper takes what the function takes


def single(x: Any) -> Any:
    """An array of half precision in single; anything else as it is."""
    return x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype.char == "e" else x
