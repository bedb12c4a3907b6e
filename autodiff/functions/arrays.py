"""What functions without a derivative compute on: the arrays of tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.engine.apply import describe_operand
from autodiff.engine.values import TensorBase, wrap
from autodiff.errors import AutodiffError, AxisError, ShapeError


def array_of(x: Any) -> Any:
    """The numbers of a tensor without its history; anything else as it is."""
    return x._array if isinstance(x, TensorBase) else x


def constant(array: Any, *like: Any) -> Any:
    """``array`` as a tensor outside the graph where one of ``like`` is a tensor."""
    return wrap(np.asarray(array)) if any(isinstance(x, TensorBase) for x in like) else array


def on_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of arrays take tensors too: then every array in its result is a tensor outside the graph."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = (*args, *kwargs.values())
        try:
            result = function(*map(array_of, args), **{name: array_of(x) for name, x in kwargs.items()})
        except AutodiffError:
            raise
        except (ValueError, IndexError) as error:  # what NumPy says, with what was given
            shown = ", ".join(describe_operand(x) for x in map(array_of, given))
            kind = AxisError if isinstance(error, IndexError) else ShapeError
            raise kind(f"{function.__name__}({shown}): {error}") from None
        if isinstance(result, tuple):
            parts = [constant(part, *given) if isinstance(part, np.ndarray) else part for part in result]
            return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
        return constant(result, *given) if isinstance(result, (np.ndarray, np.generic)) else result

    return call
