"""What functions without a derivative compute on: the arrays of tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from autodiff.engine.values import TensorBase, wrap
from autodiff.engine.views import node_of
from autodiff.errors import AutodiffError, DtypeError
from autodiff.kernels.arrays import as_array
from autodiff.kernels.layout import complex_in_use
from autodiff.kernels.lending import lend
from autodiff.kinds import not_a_tensor, of_dtypes, refuse_complex, refused

F = TypeVar("F", bound=Callable[..., Any])


def array_of(x: Any) -> Any:
    """The numbers of a tensor without its history; anything else as it is."""
    return x._array if isinstance(x, TensorBase) else x


def lent(x: Any) -> Any:
    """``x`` for an operation that keeps it where PyTorch's does not: it is copied if it is overwritten."""
    return wrap(lend(x._array), node_of(x)) if isinstance(x, TensorBase) else x


def constant(array: Any, *like: Any) -> Any:
    """``array`` as a tensor outside the graph where one of ``like`` is a tensor."""
    return wrap(as_array(array)) if any(isinstance(x, TensorBase) for x in like) else array


def real_only(function: F) -> F:
    """Let a function that asks which number is larger refuse complex ones, which NumPy would order somehow."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if complex_in_use:
            refuse_complex(function.__name__, (*args, *kwargs.values()))
        return function(*args, **kwargs) if kwargs else function(*args)

    return call  # type: ignore[return-value]  # takes what the function takes


def one_dtype(name: str, input: Any, other: Any) -> None:
    """Raise DtypeError where ``input`` and ``other`` differ in dtype, which ``name`` does not convert."""
    if hasattr(other, "dtype") and other.dtype != input.dtype:
        raise DtypeError(
            f"{name} needs inputs of one dtype, not {input.dtype.name} {tuple(input.shape)} and {other.dtype.name} "
            f"{tuple(other.shape)}; convert one with .float(), .double() or .to(dtype)"
        )


def tensors_only(name: str, *given: Any) -> None:
    """Raise DtypeError where one of the operands ``given`` is no tensor and no array."""
    for x in given:
        if not isinstance(x, (TensorBase, np.ndarray, np.generic)):
            raise not_a_tensor(name, x, "tensors")


def on_arrays(function: F) -> F:
    """Let a function of arrays take tensors too: then every array in its result is a tensor outside the graph."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = (*args, *kwargs.values())
        try:
            result = function(*map(array_of, args), **{name: array_of(x) for name, x in kwargs.items()})
        except AutodiffError:
            raise
        except (ValueError, IndexError, TypeError) as error:
            if isinstance(error, TypeError) and not of_dtypes(error):
                raise
            raise refused(function.__name__, given, error) from error
        if isinstance(result, tuple):
            parts = [constant(part, *given) if isinstance(part, np.ndarray) else part for part in result]
            return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
        return constant(result, *given) if isinstance(result, (np.ndarray, np.generic)) else result

    return call  # type: ignore[return-value]  # takes what the function takes
