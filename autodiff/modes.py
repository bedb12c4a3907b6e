"""Whether operations are recorded and checked: one context variable, so that threads and coroutines stay apart."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from typing import Any, NamedTuple, ParamSpec, TypeVar, overload

__all__ = [
    "detect_anomaly",
    "enable_grad",
    "inference_mode",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]

P = ParamSpec("P")
R = TypeVar("R")


class Mode(NamedTuple):
    """What the record path asks of its surroundings."""

    recording: bool = True
    anomaly: bool = False


_mode: ContextVar[Mode] = ContextVar("autodiff_mode", default=Mode())
current = _mode.get  # bound once: every operation asks


class Switch(ContextDecorator):
    """A context manager and decorator that changes fields of the mode and puts the old mode back, whatever happens."""

    def __init__(self, **changes: bool) -> None:
        self._changes = changes
        self._tokens: list[Token[Mode]] = []

    def __enter__(self) -> None:
        self._tokens.append(_mode.set(current()._replace(**self._changes)))

    def __exit__(self, *exception: object) -> None:
        _mode.reset(self._tokens.pop())

    def _recreate_cm(self) -> Switch:
        return Switch(**self._changes)  # a decorated function may run in several threads at once


class _SetNow(Switch):
    """A switch thrown where it is made; used with ``with``, it is put back at the end."""

    def __init__(self, **changes: bool) -> None:
        super().__init__(**changes)
        super().__enter__()

    def __enter__(self) -> None:
        """Nothing is left to do."""


@overload
def no_grad() -> Switch: ...
@overload
def no_grad(function: Callable[P, R]) -> Callable[P, R]: ...
def no_grad(function: Any = None) -> Any:
    """Context manager and decorator under which nothing is recorded.

    >>> import autodiff
    >>> x = autodiff.tensor(3.0, requires_grad=True)
    >>> with autodiff.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """
    return _applied(Switch(recording=False), function)


@overload
def enable_grad() -> Switch: ...
@overload
def enable_grad(function: Callable[P, R]) -> Callable[P, R]: ...
def enable_grad(function: Any = None) -> Any:
    """Context manager and decorator under which operations are recorded, inside ``no_grad`` too."""
    return _applied(Switch(recording=True), function)


def inference_mode(mode: bool = True) -> Switch:
    """``no_grad`` by the name that programs which only evaluate use; ``mode=False`` records."""
    return Switch(recording=not mode)


def set_grad_enabled(mode: bool) -> Switch:
    """Turn recording on or off from here on; as a context manager, until its end."""
    return _SetNow(recording=mode)


def is_grad_enabled() -> bool:
    """Whether operations are recorded now."""
    return current().recording


def detect_anomaly(check_nan: bool = True) -> Switch:
    """Context manager under which the first result that is not finite stops the program.

    The error (``NonFiniteError``) names the operation, the file and line that called it, and the ranges of its inputs.
    Forward and backward are watched alike, and changes made to arrays behind the graph's back are found.
    """
    return Switch(anomaly=check_nan)


def set_detect_anomaly(mode: bool, check_nan: bool = True) -> Switch:
    """Turn anomaly detection on or off from here on; as a context manager, until its end."""
    return _SetNow(anomaly=mode and check_nan)


def is_anomaly_enabled() -> bool:
    """Whether results are checked for NaN and infinities now."""
    return current().anomaly


def _applied(switch: Switch, function: Callable[..., Any] | None) -> Any:
    return switch if function is None else switch(function)
