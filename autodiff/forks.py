"""Locks that a fork waits for: a child would get one that another thread holds as a lock that nobody ever releases."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

PATIENCE = 5.0  # seconds that a fork waits for a lock; then the child gets a new one


def hold_over_forks(lock_of: Callable[[], Any]) -> None:
    """Let whoever forks hold ``lock_of()`` meanwhile, so that the child finds it free, and what it guards whole.

    The locks are taken in the reverse order of these calls. So a lock under which another one is taken comes later,
    as its module does that imports the other's.
    """
    taken: list[tuple[Any, bool]] = []

    def before() -> None:
        lock = lock_of()
        if lock is not None:
            taken.append((lock, lock.acquire(timeout=PATIENCE)))

    def in_parent() -> None:
        if taken:
            lock, held = taken.pop()
            if held:
                lock.release()

    def in_child() -> None:
        if taken:
            lock, held = taken.pop()
            if held:
                lock.release()
            elif hasattr(lock, "_at_fork_reinit"):  # as Python's own modules do with theirs
                lock._at_fork_reinit()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)
