"""BLAS at one thread, where its own threads would compete with helpers, or the last bits depend on how many it has."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from threading import RLock
from time import monotonic, sleep
from typing import Any, ParamSpec, TypeVar, cast

from autodiff.forks import PATIENCE, hold_over_forks

P = ParamSpec("P")
R = TypeVar("R")

ALWAYS = object()  # who holds BLAS under use_deterministic_algorithms
_inside: ContextVar[bool] = ContextVar("autodiff_one_blas_thread", default=False)


class _Limit:
    """Who wants BLAS at one thread, and how many it had before.

    An interrupt may come anywhere. ``holders`` is changed by single steps of a set, so it is right after each, and the
    next who comes or goes sets right what was not finished: ``limited`` says that the numbers before are known, and
    perhaps not yet put back; ``single`` that all libraries have one thread.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self.holders: set[object] = set()
        self.libraries: list[tuple[Callable[[], int], Callable[[int], None]]] | None = None
        self.before: list[int] = []
        self.limited = self.single = self.busy = False

    def enter(self, holder: object) -> None:
        """Have one thread until ``holder`` is gone from ``holders``."""
        with self.lock:
            if self.libraries is None:
                self.libraries = _find_libraries()
            self.holders.add(holder)
            if not self.limited:
                self.before = [get() for get, _ in self.libraries]
                self.limited = True
            if not self.single:
                for _, set_number in self.libraries:
                    set_number(1)
                self.single = True

    def relax(self) -> None:
        """Give BLAS its threads back if nobody holds it any more."""
        with self.lock:
            if self.limited and not self.holders:
                self.single = False
                for (_, set_number), count in zip(self.libraries or (), self.before, strict=True):
                    set_number(count)
                self.limited = False

    def set_number(self, number: int) -> None:
        """Have ``number`` threads, or have them as soon as nobody holds BLAS."""
        with self.lock:
            if not self.limited:
                self.libraries = _find_libraries()
                for _, set_number in self.libraries:
                    set_number(number)
            self.before = [number for _ in self.libraries or ()]
            self.relax()

    def wait(self) -> None:
        """Before a fork, with the lock held, let products end: what OpenBLAS is at does not go on in the child."""
        end = monotonic() + PATIENCE
        while (busy := bool(self.holders - {ALWAYS}) and not _inside.get()) and monotonic() < end:
            sleep(0.0005)
        self.busy = busy

    def in_child(self) -> None:
        """Forget the threads of the parent, which do not exist here."""
        self.holders &= {ALWAYS}
        self.relax()
        if self.busy:
            warnings.warn(
                "this process was forked while threads of its parent multiplied matrices, which may leave BLAS locked; "
                'start processes by "spawn" or "forkserver", or before the threads',
                RuntimeWarning,
                stacklevel=2,
            )


def _find_libraries() -> list[tuple[Callable[[], int], Callable[[int], None]]]:
    """What reads and what sets the threads of each loaded BLAS library; none where threadpoolctl is not installed."""
    # Kept, since a fresh threadpool_limits searches all libraries anew. ``set_num_threads`` of newer ones does nothing
    # in any thread but the one that called it first, for OpenBLAS; here a lock keeps threads apart.
    return [
        (library.get_num_threads, getattr(library, "_real_set_num_threads", library.set_num_threads))
        for library in _controllers()
    ]


def _controllers() -> list[Any]:
    """Threadpoolctl's hold on each loaded BLAS library; none where it is not installed."""
    try:
        # Imported here because import time is a feature and small programs never come this far.
        from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]
    except ImportError:
        return []
    return [library for library in ThreadpoolController().lib_controllers if library.user_api == "blas"]


def blas_facts() -> list[str]:
    """Each loaded BLAS library in words: its name, version, the processor it was made for, and its threads."""
    return [
        f"{info['internal_api']} {info.get('version')}, {info.get('architecture', 'any processor')}, "
        f"threads: {info['num_threads']} ({info.get('threading_layer', 'unknown')})"
        for info in (library.info() for library in _controllers())
    ]


_limit = _Limit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=lambda: _limit.wait(), after_in_child=lambda: _limit.in_child())
hold_over_forks(lambda: _limit.lock)


def alone(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """``function(*args)`` while BLAS has one thread, for all who are at work.

    >>> alone(sum, [1, 2])
    3
    """
    if _inside.get():
        return function(*args, **kwargs)
    for x in args:
        if hasattr(x, "__once__"):  # an array of ``compile``
            return cast(R, x.__once__(partial(alone, function), args, kwargs))
    holder = object()
    try:
        _limit.enter(holder)
        _inside.set(True)
        return function(*args, **kwargs)
    finally:
        try:  # an interrupt may come at the end of each, and no other is left out
            _limit.holders.discard(holder)
        finally:
            try:
                _inside.set(False)
            finally:
                _limit.relax()


def is_held() -> bool:
    """Whether this thread holds BLAS at one thread just now."""
    return _inside.get()


def set_blas_threads(number: int) -> None:
    """Let BLAS use ``number`` threads, where threadpoolctl is installed."""
    _limit.set_number(number)


_warn_only = False


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Have the same bits for every number of threads: BLAS keeps one, and no sum is shared among several.

    Without it the same program has the same bits with the same number of threads (docs/threads.md).

    Args:
        mode: whether to.
        warn_only: kept for ``is_deterministic_algorithms_warn_only_enabled``; no operation has to be refused.
    """
    global _warn_only
    _warn_only = mode and warn_only
    if mode:
        _limit.enter(ALWAYS)
    else:
        _limit.holders.discard(ALWAYS)
        _limit.relax()


def are_deterministic_algorithms_enabled() -> bool:
    """Whether ``use_deterministic_algorithms`` is on."""
    return ALWAYS in _limit.holders


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether it was turned on with ``warn_only``."""
    return _warn_only
