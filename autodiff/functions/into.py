"""``out=``: results that are written into a tensor that is there already."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from autodiff.dtypes import can_cast
from autodiff.engine import modes
from autodiff.engine.call_sites import file_and_line, place_of_user
from autodiff.engine.values import TensorBase
from autodiff.errors import AutodiffWarning, DtypeError, GraphError, OptionError
from autodiff.kinds import described

F = TypeVar("F", bound=Callable[..., Any])


def into(out: Any, result: Any, name: str) -> Any:
    """``out``, a tensor or a tuple of them, with the numbers of ``result``, which the function ``name`` gave.

    As in PyTorch ``out`` takes the shape of the result, with a warning unless it was empty, and keeps its dtype.

    Raises:
        GraphError: something is to have a gradient, which does not go through a tensor that is overwritten.
        DtypeError: ``out`` is no tensor, or the numbers do not fit its dtype.
        OptionError: there are not as many tensors as results.
    """
    if isinstance(result, (tuple, list)):
        if not isinstance(out, (tuple, list)) or len(out) != len(result):
            raise OptionError(f"{name} takes a tuple of {len(result)} tensors as out")
        parts = [into(o, r, name) for o, r in zip(out, result, strict=True)]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    target: Any = out
    if not isinstance(target, TensorBase):
        raise DtypeError(f"{name}: out is a tensor, not {described(out)}")
    if modes.current().recording and (result.requires_grad or target.requires_grad):  # type: ignore[attr-defined]
        raise GraphError(
            f"{name}: no gradient goes through out=; assign the result instead, or use `with no_grad():`"
        )
    if not can_cast(result.dtype, target._array.dtype):
        raise DtypeError(f"{name}: a result of {result.dtype} does not fit into an out of {target._array.dtype}")
    if target._array.shape != tuple(result.shape):
        if target._array.size:
            text = f"{name}: an out of shape {target._array.shape} takes the shape of the result, {tuple(result.shape)}"
            warnings.warn_explicit(text, AutodiffWarning, *file_and_line(place_of_user()))
        target.resize_(result.shape)  # type: ignore[attr-defined]
    return target.copy_(result)  # type: ignore[attr-defined]


def takes_out(function: F) -> F:
    """Let a function that makes a tensor write it into ``out``, whose dtype it has unless another is given."""
    has_dtype = "dtype" in inspect.getfullargspec(function).kwonlyargs

    @functools.wraps(function)
    def call(*args: Any, out: Any = None, **options: Any) -> Any:
        if out is None:
            return function(*args, **options) if options else function(*args)
        if has_dtype and isinstance(out, TensorBase):
            options.setdefault("dtype", out._array.dtype)
        return into(out, function(*args, **options), function.__name__)

    return call  # type: ignore[return-value]  # takes what the function takes, and out
