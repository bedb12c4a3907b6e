"""A progress bar where tqdm is installed, and plain iteration where it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Progress(Protocol[T_co]):
    """The part of a bar that a loop uses."""

    def __iter__(self) -> Iterator[T_co]:
        """The items, one step of the bar each."""
        ...

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        """Show some text behind the bar."""
        ...


class _Plain(Generic[T]):
    """The items without a bar, where tqdm is not installed."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        """Do nothing: there is no bar."""


def progress(items: Iterable[T], label: str, **options: Any) -> Progress[T]:
    """The items behind a bar that disappears when they are done; without one where nobody looks, as in a log."""
    try:
        from tqdm import tqdm
    except ImportError:
        return _Plain(items)
    return tqdm(items, label, leave=False, dynamic_ncols=True, disable=None, **options)


def losses_of(step: Callable[[], float], steps: int, label: str) -> list[float]:
    """The loss of each of ``steps`` training steps; the bar shows the last one."""
    losses, bar = [], progress(range(steps), label)
    for _ in bar:
        losses.append(step())
        bar.set_postfix_str(f"loss {losses[-1]:.4f}", refresh=False)
    return losses
