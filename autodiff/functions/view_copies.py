"""The functions that give views, with a copy for the result."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from autodiff import named_dtypes
from autodiff.dtypes import as_dtype
from autodiff.engine.values import Value
from autodiff.errors import OptionError
from autodiff.functions import diagonals, shaping, splitting
from autodiff.functions.arrays import array_of, constant
from autodiff.ops.shaping import copy

__all__ = [
    "alias_copy", "as_strided_copy", "diagonal_copy", "expand_copy", "narrow_copy", "permute_copy", "select_copy",
    "split_with_sizes_copy", "squeeze_copy", "t_copy", "transpose_copy", "unbind_copy", "unfold_copy", "unsqueeze_copy",
    "view_copy",
]

F = TypeVar("F", bound=Callable[..., Any])


def _copy(view: Value) -> Value:
    return copy(view, order="C")


def copying(view: F) -> F:
    """``view`` with results that have memory of their own, in which they lie row by row."""

    @functools.wraps(view)
    def copied(input: Any, *args: Any, **kwargs: Any) -> Any:
        result = view(input, *args, **kwargs)
        return tuple(map(_copy, result)) if isinstance(result, tuple) else _copy(result)

    name = view.__name__
    copied.__name__ = copied.__qualname__ = f"{name}_copy"
    copied.__doc__ = f"``{name}`` with memory of its own for the result, in which it lies row by row."
    return copied  # type: ignore[return-value]  # takes what the function takes




def alias_copy(input: Any) -> Value:
    """A copy of ``input``, row by row."""
    return _copy(input)


as_strided_copy = copying(splitting.as_strided)
diagonal_copy = copying(diagonals.diagonal)
expand_copy = copying(shaping.expand)
narrow_copy = copying(splitting.narrow)
permute_copy = copying(shaping.permute)
select_copy = copying(splitting.select)
split_with_sizes_copy = copying(splitting.split_with_sizes)
squeeze_copy = copying(shaping.squeeze)
t_copy = copying(shaping.t)
transpose_copy = copying(shaping.transpose)
unbind_copy = copying(splitting.unbind)
unfold_copy = copying(splitting.unfold)
unsqueeze_copy = copying(shaping.unsqueeze)


def view_copy(input: Any, *size: Any, dtype: Any = None, **named: Any) -> Value:
    """A copy in another shape, row by row; or of the same memory read in another dtype, outside the graph.

    Raises ShapeError where the entries do not fit the shape, or the memory the dtype.
    """
    if size and isinstance(size[0], (np.dtype, named_dtypes.dtype)):
        dtype, size = size[0], size[1:]
    if dtype is None:
        return _copy(shaping.reshape(input, *size, **named))
    if size or named:
        raise OptionError("view_copy takes a shape or a dtype, not both")
    return constant(array_of(shaping.read_as(array_of(input), as_dtype(dtype))).copy(), input)
