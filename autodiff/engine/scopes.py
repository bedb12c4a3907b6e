"""Which modules are being called: what lets a drawn graph show its operations inside the modules they belong to.

An operation that is recorded only takes the innermost call at hand, which is linked to the one around it. Each thread
has its own; a context variable finds it in a quarter of the time that ``threading.local`` takes.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from autodiff.engine.call_sites import Place

__all__ = ["NOBODY", "Calls", "Scope", "asked_at", "begin", "calls"]

# One call of a module, its class, and the call it was made from. The module itself is not kept alive: it may hold the
# graph in turn, and would then be in a cycle with it.
Scope = tuple[weakref.ref[Any], type[Any], "Scope | None"]


class Calls:
    """The calls of modules that go on in one thread.

    Attributes:
        now: the innermost, None outside of all.
        place: where the user's code asked for all that happens now; None where the user's code is inside.
    """

    __slots__ = ("now", "place")

    now: Scope | None
    place: Place | None

    def __init__(self) -> None:
        self.now = self.place = None


NOBODY = Calls()  # of all threads that have not called a module; nobody writes to it
_calls: ContextVar[Calls] = ContextVar("autodiff_calls", default=NOBODY)
calls = _calls.get  # bound once: every operation asks


def begin() -> Calls:
    """The calls of a thread that has not called a module before."""
    own = Calls()
    _calls.set(own)
    return own


@contextmanager
def asked_at(place: Place | None) -> Iterator[None]:
    """What is recorded in the block was asked for at ``place``; where that is None, the user's code is in the block."""
    here = calls()
    if here is NOBODY:
        here = begin()
    before, here.place = here.place, place
    try:
        yield
    finally:
        here.place = before
