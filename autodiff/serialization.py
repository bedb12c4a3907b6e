"""``torch.serialization``: ``save`` and ``load`` under another path.

Files of this library hold arrays and plain values, and need no list of classes that may be made. A pickle, which
``load(weights_only=False)`` opens, may make any.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from autodiff.io import load as load
from autodiff.io import save as save


def add_safe_globals(safe_globals: Sequence[Any]) -> None:
    """Nothing: there is no such list."""


def get_safe_globals() -> list[Any]:
    """No classes."""
    return []


def clear_safe_globals() -> None:
    """Nothing."""


@contextlib.contextmanager
def safe_globals(safe_globals: Sequence[Any]) -> Iterator[None]:
    """A block as any other."""
    yield


def default_restore_location(storage: Any, location: str) -> Any:
    """``storage``, on the CPU as everything."""
    return storage
