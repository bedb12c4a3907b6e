"""Whether operations are recorded and checked: one setting, so that threads and coroutines stay apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeVar, overload

from autodiff.contexts import Block, Changes, Setting, Statement

__all__ = [
    "detect_anomaly", "enable_grad", "inference_mode", "is_anomaly_enabled", "is_grad_enabled", "no_grad",
    "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")


class Mode(NamedTuple):
    """Whether operations are recorded, whether their results are checked, and who takes notes of them.

    ``notes`` is called after each operation, tracked or not, with its primitive, inputs, result and params.
    ``capture`` is what ``compile`` takes its notes with.
    """

    recording: bool = True
    anomaly: bool = False
    notes: Callable[[Any, tuple[Any, ...], Any, dict[str, Any]], None] | None = None
    capture: Any = None


PLAIN = Mode()
SETTING = Setting("autodiff_mode", PLAIN)
RECORDING, NOT_RECORDING = Changes(recording=True), Changes(recording=False)
layer = SETTING.top  # bound once: every operation asks for ``layer().value``
Switch = Block[Mode]


def current() -> Mode:
    """The mode of this thread or task."""
    return layer().value


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
    return Block(SETTING, NOT_RECORDING) if function is None else no_grad()(function)


@overload
def enable_grad() -> Switch: ...
@overload
def enable_grad(function: Callable[P, R]) -> Callable[P, R]: ...
def enable_grad(function: Any = None) -> Any:
    """Context manager and decorator under which operations are recorded, inside ``no_grad`` too."""
    return Block(SETTING, RECORDING) if function is None else enable_grad()(function)


@overload
def inference_mode(mode: bool = True) -> Switch: ...
@overload
def inference_mode(mode: Callable[P, R]) -> Callable[P, R]: ...
def inference_mode(mode: Any = True) -> Any:
    """``no_grad`` by PyTorch's name for programs that only evaluate; ``mode=False`` records."""
    return no_grad(mode) if callable(mode) else Block(SETTING, NOT_RECORDING if mode else RECORDING)


def set_grad_enabled(mode: bool) -> Switch:
    """Turn recording on or off from here on; as a context manager, until its end."""
    return Statement(SETTING, RECORDING if mode else NOT_RECORDING)


def is_grad_enabled() -> bool:
    """Whether operations are recorded now."""
    return current().recording


def detect_anomaly(check_nan: bool = True) -> Switch:
    """Context manager under which the first result that is not finite stops the program.

    The error (``NonFiniteError``) names the operation, the file and line that called it, and the ranges of its inputs.
    Forward and backward are watched alike, and changes made to arrays behind the graph's back are found.
    """
    return Block(SETTING, anomaly=check_nan)


def set_detect_anomaly(mode: bool, check_nan: bool = True) -> Switch:
    """Turn anomaly detection on or off from here on; as a context manager, until its end."""
    return Statement(SETTING, anomaly=mode and check_nan)


def is_anomaly_enabled() -> bool:
    """Whether results are checked for NaN and infinities now."""
    return current().anomaly
