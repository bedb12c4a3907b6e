"""Whether operations are recorded and checked: one context variable, so that threads and coroutines stay apart."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, NamedTuple, ParamSpec, TypeVar, overload

from autodiff.contexts import under

__all__ = [
    "detect_anomaly", "enable_grad", "inference_mode", "is_anomaly_enabled", "is_grad_enabled", "no_grad",
    "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")


class Mode(NamedTuple):
    """Whether operations are recorded, and whether their results are checked."""

    recording: bool = True
    anomaly: bool = False


PLAIN = Mode()  # the usual mode is always this object, so that `apply` can compare by identity
_MODES = {mode: mode for mode in (PLAIN, Mode(False, False), Mode(True, True), Mode(False, True))}
_mode: ContextVar[Mode] = ContextVar("autodiff_mode", default=PLAIN)
current = _mode.get  # bound once: every operation asks


class Switch:
    """A context manager and decorator that changes fields of the mode, and restores the old mode at the end."""

    def __init__(self, **changes: bool) -> None:
        self._changes = changes
        self._tokens: list[Token[Mode]] = []

    def __enter__(self) -> None:
        self._tokens.append(_mode.set(_MODES[current()._replace(**self._changes)]))

    def __exit__(self, *exception: object) -> None:
        _mode.reset(self._tokens.pop())

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """``function`` under the switch; the code of a generator or a coroutine runs under it, too."""
        return under(lambda: Switch(**self._changes), function)


class _SetNow(Switch):
    """A switch that changes the mode when it is made; a ``with`` block restores it at its end."""

    def __init__(self, **changes: bool) -> None:
        super().__init__(**changes)
        super().__enter__()

    def __enter__(self) -> None:
        """The mode has been changed already."""

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """``function`` under the switch; the mode outside of it is restored."""
        self.__exit__()
        return super().__call__(function)


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


@overload
def inference_mode(mode: bool = True) -> Switch: ...
@overload
def inference_mode(mode: Callable[P, R]) -> Callable[P, R]: ...
def inference_mode(mode: Any = True) -> Any:
    """``no_grad`` by PyTorch's name for programs that only evaluate; ``mode=False`` records."""
    return _applied(Switch(recording=False), mode) if callable(mode) else Switch(recording=not mode)


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
