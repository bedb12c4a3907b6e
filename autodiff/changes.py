"""Which arrays were changed in place, when and where: how a backward pass finds out that what it kept is spoiled.

Nothing is paid when a value is recorded. A change writes down the number that the next node would have had; a node
that is older than a change of an array it keeps has been spoiled by it. Views share the entry of the array that owns
the memory.
"""

from __future__ import annotations

import weakref
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from autodiff.places import Place, place_of_user

__all__ = [
    "Change",
    "change_after",
    "changed",
    "last_change",
    "next_number",
    "owner_of",
    "rewritten",
]

next_number = count(1).__next__  # one clock for nodes and changes


class Change(NamedTuple):
    """The latest change of one piece of memory."""

    number: int
    place: Place
    owner: weakref.ref[np.ndarray[Any, Any]]


_changes: dict[int, Change] = {}
rewritten: dict[int, Change] = {}  # the changes among them that also gave the tensor a new history
_last = 0


def owner_of(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array that owns the memory ``array`` looks into."""
    below: Any = array.base
    while below is not None:
        if isinstance(below, np.ndarray):
            array = below
        below = getattr(below, "base", None)  # as_strided puts an object of its own between two arrays
    return array


def changed(*arrays: np.ndarray[Any, Any], history: bool = False) -> None:
    """Write down that ``arrays`` have just been changed in place; with ``history``, by a recorded operation."""
    global _last
    _last = number = next_number()
    place = place_of_user()
    for array in arrays:
        owner = owner_of(array)
        key = id(owner)
        known = _changes.get(key)
        if known is None:
            reference = weakref.ref(owner, partial(_forget, key))
        else:
            reference = known.owner
        _changes[key] = Change(number, place, reference)
        if history:
            rewritten[key] = _changes[key]


def _forget(key: int, _: object) -> None:
    """The memory is gone, and its address may come back."""
    _changes.pop(key, None)
    rewritten.pop(key, None)


def last_change() -> int:
    """The number of the latest change of any array."""
    return _last


def change_after(number: int, array: np.ndarray[Any, Any]) -> Change | None:
    """The latest change of the memory of ``array``, where it came after ``number``."""
    change = _changes.get(id(owner_of(array)))
    return change if change is not None and change.number > number else None
