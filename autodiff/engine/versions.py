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

from autodiff.engine.call_sites import Place, place_of_user

next_number = count(1).__next__  # one clock for nodes and changes


class Change(NamedTuple):
    """The latest change of one piece of memory."""

    number: int
    place: Place


_changes: dict[int, Change] = {}
_owners: dict[int, weakref.ref[np.ndarray[Any, Any]]] = {}  # kept for their callbacks, which forget the changes
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
    change = Change(number, place_of_user())
    for owner in arrays:
        if owner.base is not None:
            owner = owner_of(owner)
        key = id(owner)
        if key not in _changes:
            _owners[key] = weakref.ref(owner, partial(_forget, key))
        _changes[key] = change
        if history:
            rewritten[key] = change


def _forget(key: int, _: object) -> None:
    """The memory is gone, and its address may come back."""
    for known in (_changes, _owners, rewritten):
        known.pop(key, None)


def last_change() -> int:
    """The number of the latest change of any array."""
    return _last


def change_after(number: int, array: np.ndarray[Any, Any]) -> Change | None:
    """The latest change of the memory of ``array``, where it came after ``number``."""
    change = _changes.get(id(owner_of(array)))
    return change if change is not None and change.number > number else None
