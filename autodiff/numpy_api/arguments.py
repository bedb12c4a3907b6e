"""The arguments of calls by NumPy's names, in the forms that our functions take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.functions.arrays import array_of, constant
from autodiff.functions.shaping import unsqueeze

Function = Callable[..., Any]


def plain(x: Any) -> Any:
    """The numbers of a Tensor, for questions that have no derivative; other values as they are."""
    return type(x)(map(plain, x)) if isinstance(x, (list, tuple)) else array_of(x)


def arrays_of(*given: Any) -> list[Any]:
    """The operands, those that are lists or numbers as arrays."""
    return [a if hasattr(a, "ndim") else np.asarray(a) for a in given]


def tensors_of(given: Any) -> list[Any]:
    """The parts to be joined, all as Tensors."""
    parts = arrays_of(*given)
    return [constant(x, *parts) if isinstance(x, np.ndarray) else x for x in parts]


def reduce(function: Function, a: Any, axis: Any, keepdims: Any) -> Any:
    """Call a reduction by PyTorch's name, ``function(a, dim, keepdim)``, with NumPy's ``axis``.

    Where ``axis`` is (), NumPy reduces nothing and PyTorch everything: nothing is a new axis of length one.
    """
    if isinstance(axis, tuple) and not axis:
        return function(unsqueeze(a, 0), 0, False)
    return function(a, axis, bool(keepdims))
