"""A progress bar where tqdm is installed, and plain iteration where it is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["Progress", "progress"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Progress(Protocol[T_co]):
    """What a loop needs of its bar."""

    def __iter__(self) -> Iterator[T_co]:
        """The items, one step of the bar each."""
        ...

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        """Show some text behind the bar."""
        ...


class _Plain(Generic[T]):
    """tqdm without tqdm: the lines that the program prints itself have to do."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        """Nothing to show it behind."""


def progress(items: Iterable[T], label: str, **options: Any) -> Progress[T]:
    """The items behind a bar that disappears when they are done."""
    try:
        from tqdm import tqdm
    except ImportError:
        return _Plain(items)
    return tqdm(items, label, leave=False, dynamic_ncols=True, **options)
