"""What functions without a derivative compute on: the arrays of tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from autodiff.engine.values import TensorBase, wrap
from autodiff.errors import AutodiffError, AxisError, DtypeError, ShapeError


def array_of(x: Any) -> Any:
    """The numbers of a tensor without its history; anything else as it is."""
    return x._array if isinstance(x, TensorBase) else x


def constant(array: Any, *like: Any) -> Any:
    """``array`` as a tensor outside the graph where one of ``like`` is a tensor."""
    return wrap(np.asarray(array)) if any(isinstance(x, TensorBase) for x in like) else array


def one_dtype(name: str, input: Any, other: Any) -> None:
    """Raise DtypeError where ``input`` and ``other`` differ in dtype, which ``name`` does not convert."""
    if hasattr(other, "dtype") and other.dtype != input.dtype:
        raise DtypeError(
            f"{name} needs inputs of one dtype, not {input.dtype} {tuple(input.shape)} and {other.dtype} "
            f"{tuple(other.shape)}; convert one with .float(), .double() or .to(dtype)"
        )


def no_tensor(name: str, error: AttributeError, given: Iterable[Any]) -> Exception:
    """The named error where ``error`` says that one of the things ``given`` is not what it should be, a tensor."""
    wrong = error.obj
    parts = [part for x in given for part in (x if isinstance(x, (list, tuple)) else (x,))]
    given_so = (part is wrong or (isinstance(part, np.generic) and part == wrong) for part in parts)
    if error.name is None or isinstance(wrong, TensorBase) or not any(given_so):  # a name that Python looked up
        return error
    return not_a_tensor(name, wrong)


def not_a_tensor(name: str, given: Any) -> DtypeError:
    """The error of something that stands in the place of a tensor."""
    return DtypeError(f"{name} takes tensors, not {given!r:.60}; use tensor(...) to make one")


def tensors_only(name: str, *given: Any) -> None:
    """Raise DtypeError where one of the operands ``given`` is no tensor and no array."""
    for x in given:
        if not isinstance(x, (TensorBase, np.ndarray, np.generic)):
            raise not_a_tensor(name, x)


def refused(name: str, given: Iterable[Any], error: Exception) -> Exception:
    """The named error for what NumPy refused, with the operands; ``error`` where it has a name already."""
    if isinstance(error, AutodiffError):
        return error
    kind = AxisError if isinstance(error, IndexError) else ShapeError
    operands = ", ".join(f"{x.dtype} {tuple(x.shape)}" if hasattr(x, "dtype") else f"{x!r:.40}" for x in given)
    return kind(f"{name}({operands}): {error}")


def on_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of arrays take tensors too: then every array in its result is a tensor outside the graph."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = (*args, *kwargs.values())
        try:
            result = function(*map(array_of, args), **{name: array_of(x) for name, x in kwargs.items()})
        except (ValueError, IndexError) as error:
            raise refused(function.__name__, given, error) from error
        if isinstance(result, tuple):
            parts = [constant(part, *given) if isinstance(part, np.ndarray) else part for part in result]
            return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
        return constant(result, *given) if isinstance(result, (np.ndarray, np.generic)) else result

    return call
