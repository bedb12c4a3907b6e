"""Calls with their numbers first, as programs of before PyTorch 1.5 have them: ``x.add_(-rate, slope)``."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from numbers import Number
from typing import Any, TypeVar

import numpy as np

from autodiff.engine.call_sites import file_and_line, place_of_user
from autodiff.errors import AutodiffWarning

F = TypeVar("F", bound=Callable[..., Any])

_SCALED = ("alpha",)
_PRODUCT = ("value",)
_MIXED = ("beta", "alpha")
OLD_ORDERS: dict[str, tuple[int, tuple[str, ...]]] = {  # how many tensors, and what the numbers are, in their order
    "add": (2, _SCALED), "sub": (2, _SCALED), "addcmul": (3, _PRODUCT), "addcdiv": (3, _PRODUCT),
    "addmm": (3, _MIXED), "addmv": (3, _MIXED), "addr": (3, _MIXED), "addbmm": (3, _MIXED), "baddbmm": (3, _MIXED),
}  # fmt: skip


def retried(call: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What the call gives in today's order, with a warning; NotImplemented where its order is not the old one."""
    ordered = _in_order(name, args)
    if ordered is None:
        return NotImplemented
    result = call(*ordered[0], **ordered[1], **kwargs)
    words = ", ".join(f"{word}={number}" for word, number in ordered[1].items())
    text = f"{name}: numbers before tensors are an old order; write {words} behind them"
    warnings.warn_explicit(text, AutodiffWarning, *file_and_line(place_of_user()))
    return result


def _in_order(name: str, args: tuple[Any, ...]) -> tuple[list[Any], dict[str, Any]] | None:
    """The tensors of such a call, and its numbers by their names; None where it is none."""
    if name not in OLD_ORDERS:
        return None
    count, names = OLD_ORDERS[name]
    front, tensors = args[: 1 - count], args[1 - count :]  # the input and the numbers, and what is multiplied
    place = next((i for i, x in enumerate(front) if not _is_number(x)), 2)
    given = [x for i, x in enumerate(front) if i != place]
    plain = all(_is_number(x) or getattr(x, "shape", None) == () for x in given)
    if not (plain and place < 2 <= len(front) <= 1 + len(names)) or any(map(_is_number, tensors)):
        return None
    numbers = [x.item() if hasattr(x, "item") else x for x in given]
    return [front[place], *tensors], dict(zip(names, numbers, strict=False))


def _is_number(x: Any) -> bool:
    return isinstance(x, (Number, np.number))


def numbers_first(function: F) -> F:
    """``function``, which takes the old order, too."""
    name = function.__name__

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs) if kwargs else function(*args)
        except Exception:
            result = retried(function, name, args, kwargs)
            if result is NotImplemented:
                raise
            return result

    return call  # type: ignore[return-value]  # takes what the function takes, and more
