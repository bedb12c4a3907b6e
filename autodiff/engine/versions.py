"""Versions: which arrays were changed in place, when and where, so that a walk finds saved values that are out of date.

Recording an operation costs nothing. A change takes a number from the clock that numbers the nodes: what an older node
saved of that memory is out of date. Views share the entry of the array that owns the memory.
"""

from __future__ import annotations

import weakref
from functools import partial
from itertools import count
from threading import RLock
from typing import Any

import numpy as np

from autodiff.engine.call_sites import Place, place_of_user
from autodiff.forks import hold_over_forks
from autodiff.kernels.lending import owner_of
from autodiff.kernels.parts import Part, last_that_meets, part_of

next_number = count(1).__next__  # one clock for nodes and changes


BY_DATA = " through .data"  # by which something was changed


class Change:
    """The latest change of one piece of memory."""

    __slots__ = ("by", "number", "part", "place")

    def __init__(self, place: Place, by: str) -> None:
        self.number, self.place, self.by = 0, place, by
        self.part: Part | None = None  # what of the memory was written, where that is told

    @property
    def repair(self) -> str:
        """What to do instead."""
        data = "assign x.data = ..., which leaves the backward pass what it needs, " if self.by == BY_DATA else ""
        return f"{data}change a clone() of it, or after backward()"


_changes: dict[int, Change] = {}
_owners: dict[int, weakref.ref[np.ndarray[Any, Any]]] = {}  # kept for their callbacks, which delete the entries
rewritten: dict[int, Change] = {}  # those by recorded operations, as in x += y: views of the memory are re-recorded
_last = 0
_counting = RLock()
hold_over_forks(lambda: _counting)


def changed(*arrays: np.ndarray[Any, Any], history: bool = False, by: str = "", apart: bool = False) -> None:
    """Record that ``arrays`` have just been changed in place ``by`` this; with ``history``, by a recorded operation.

    The change of a view counts for all of the memory; ``apart``, that of one array only for what it shows.
    """
    change = Change(place_of_user(2), by)
    changes = {}
    for array in arrays:
        owner = array if array.base is None else owner_of(array)
        changes[key := id(owner)] = change
        if key not in _changes:
            _owners[key] = weakref.ref(owner, partial(_forget, key))
    if apart:
        change.part = part_of(owner, array, _changes.get(key))
    changed_again(changes, change, history)


def changed_again(changes: dict[int, Change], change: Change, history: bool = False) -> None:
    """Record ``change`` of now, which stands in ``changes`` under the ids of arrays that have been changed before."""
    global _last
    with _counting:  # or a number that another thread took earlier would be the last
        _last = change.number = next_number()
    _changes.update(changes)
    if history:
        rewritten.update(changes)


def _forget(key: int, _: object) -> None:
    """Delete the entries of freed memory: another array may get its address."""
    for known in (_changes, _owners, rewritten):
        known.pop(key, None)


def last_change() -> int:
    """The number of the latest change of any array."""
    return _last


def change_after(number: int, array: np.ndarray[Any, Any]) -> Change | None:
    """The latest change of what ``array`` shows; None if it is not later than ``number``."""
    change: Change | None = _changes.get(id(array if array.base is None else owner_of(array)))
    return last_that_meets(array, change, number) if change is not None and array.size else None
