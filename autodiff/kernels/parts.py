"""Parts: which entries of a piece of memory a change wrote, told without keeping that memory alive."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
MOST = 100  # so many parts are told apart; then the whole counts as written
WORK: Any = 1000  # so many solutions NumPy tries, to see whether arrays overlap; then it says that they may


class Part:
    """Where the entries of an array lie, which NumPy reads as an array; and the change before, of other entries."""

    __slots__ = ("__array_interface__", "before", "count")

    def __init__(self, array: Array, before: Any, count: int) -> None:
        self.__array_interface__, self.before, self.count = array.__array_interface__, before, count


def part_of(owner: Array, array: Array, before: Any) -> Part | None:
    """The part of the memory of ``owner`` that ``array`` is; None where it is the whole, or one of too many.

    ``before`` is the change before, or None; a change has a ``part``.
    """
    count = 1 if before is None or before.part is None else before.part.count + 1
    return Part(array, before, count) if array.size < owner.size and count <= MOST else None


def last_that_meets(array: Array, change: Any, number: int) -> Any:
    """The latest of ``change`` and those before it that wrote an entry of ``array``, or may have.

    None if it is not later than ``number``.

    >>> from types import SimpleNamespace as Change
    >>> x = np.arange(6.0).reshape(2, 3)
    >>> column = Change(number=5, part=part_of(x, x[:, 1], None))
    >>> last_that_meets(x[:, ::2], column, 0), last_that_meets(x[1], column, 5)
    (None, None)
    >>> last_that_meets(x[1], column, 4) is column
    True
    """
    while change is not None and change.number > number:
        if (part := change.part) is None or np.may_share_memory(part, array, max_work=WORK):
            return change
        change = part.before
    return None
