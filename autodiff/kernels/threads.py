"""Threads that share the images of a batch, while BLAS is held at one thread."""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from autodiff.errors import OptionError

if TYPE_CHECKING:
    from queue import SimpleQueue


R = TypeVar("R")


class _Job:
    """A task for one range. Whoever takes it first does it: a helper thread, or the caller when it is free."""

    __slots__ = ("_done", "_error", "_result", "_taken", "_work")

    def __init__(self, task: Callable[[int, int], Any], start: int, stop: int) -> None:
        self._work = contextvars.copy_context().run, task, start, stop
        self._taken, self._done = threading.Lock(), threading.Lock()
        self._done.acquire()
        self._result: Any = None
        self._error: BaseException | None = None

    def take(self) -> bool:
        """Do the work, unless somebody else has taken it."""
        if not self._taken.acquire(blocking=False):
            return False
        run, task, start, stop = self._work
        try:
            self._result = run(task, start, stop)
        except BaseException as error:  # raised again in the thread that asked for the result
            self._error = error
        finally:
            self._done.release()
        return True

    def finish(self) -> None:
        """Return when the work is done."""
        if not self.take():
            self._done.acquire()

    def result(self) -> Any:
        """Return what the finished work returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._result


def _help(jobs: SimpleQueue[_Job | None]) -> None:
    """Do one job after another, until None comes: what a helper thread runs."""
    while job := jobs.get():
        job.take()
        del job  # whose arrays nobody should hold while it waits for the next


class _Pool:
    """The helper threads and the BLAS thread limit; made at first use, and again in a forked child.

    A job is handed over through a queue and a lock, which takes less time than ``concurrent.futures`` does.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.jobs: SimpleQueue[_Job | None]
        self.helpers = 0
        self.blas: list[Any] | None = None
        self.inside = 0
        self.before: list[int] = []

    def start(self, helpers: int) -> None:
        """Have at least so many helper threads, and know the BLAS libraries."""
        with self.lock:
            if self.blas is None:
                # Imported here because import time is a feature and most programs never come this far.
                from queue import SimpleQueue

                self.jobs, self.blas = SimpleQueue(), _find_blas()
            while self.helpers < helpers:
                self.helpers += 1
                name = f"autodiff_{self.helpers}"
                threading.Thread(target=_help, args=(self.jobs,), name=name, daemon=True).start()

    def stop(self) -> None:
        """Let the helpers end when they have done what there is."""
        with self.lock:
            for _ in range(self.helpers):
                self.jobs.put(None)
            self.helpers = 0

    @contextlib.contextmanager
    def one_blas_thread(self) -> Iterator[None]:
        """Hold BLAS at one thread until the last of possibly many concurrent users has left."""
        with self.lock:
            if self.inside == 0:
                self.before = [library.get_num_threads() for library in self.blas or ()]
                for library in self.blas or ():
                    library.set_num_threads(1)
            self.inside += 1
        try:
            yield
        finally:
            with self.lock:
                self.inside -= 1
                if self.inside == 0:
                    self.restore()

    def restore(self) -> None:
        """Give BLAS the number of threads back that it had before."""
        for library, count in zip(self.blas or (), self.before, strict=True):
            library.set_num_threads(count)


def _find_blas() -> list[Any]:
    """Find the loaded BLAS libraries through threadpoolctl, or none where it is not installed."""
    try:
        from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]
    except ImportError:
        return []
    # One controller is kept, since a fresh threadpool_limits searches all libraries anew.
    return [library for library in ThreadpoolController().lib_controllers if library.user_api == "blas"]


_pool = _Pool()


def _after_fork() -> None:
    """Forget the parent's threads, which do not exist in the child, and undo a limit held by one of them."""
    global _pool
    if _pool.inside:
        _pool.restore()
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


_wanted: int | None = None


def set_num_threads(number: int) -> None:
    """Let convolutions, and BLAS where threadpoolctl is installed, use ``number`` threads."""
    global _pool, _wanted
    if number < 1:
        raise OptionError(f"a number of threads is 1 or more, not {number}")
    _pool.stop()
    _wanted, _pool = number, _Pool()
    for library in _find_blas():
        library.set_num_threads(number)


def get_num_threads() -> int:
    """The number of threads that ``set_num_threads`` asked for, or of cores this process may run on."""
    return workers()


def workers() -> int:
    """Return how many threads this process may keep busy: the cores it is allowed to run on, unless told otherwise."""
    if _wanted is not None:
        return _wanted
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_map(task: Callable[[int, int], R], count: int, parallel: bool, products: bool = True) -> list[R]:
    """Call ``task(start, stop)`` over disjoint ranges covering ``range(count)`` and return the results in order.

    With ``parallel`` false there is one range and no thread; otherwise the caller works on the first range while
    helper threads take the others, each in a copy of the caller's context (so ``np.errstate`` holds there too). A task
    without matrix ``products`` does not need BLAS to be held at one thread, and saves the time for that.

    >>> parallel_map(lambda start, stop: list(range(start, stop)), 3, parallel=False)
    [[0, 1, 2]]
    """
    parts = min(workers(), count) if parallel else 1
    if parts < 2:
        return [task(0, count)]
    bounds = [count * part // parts for part in range(parts + 1)]
    pool = _pool
    pool.start(parts - 1)
    with pool.one_blas_thread() if products else contextlib.nullcontext():
        others = [_Job(task, start, stop) for start, stop in itertools.pairwise(bounds[1:])]
        for job in others:
            pool.jobs.put(job)
        try:
            first = task(0, bounds[1])
        finally:
            # Even after an error here: nobody may still be writing into the caller's arrays when this returns.
            for job in others:
                job.finish()
        return [first, *(job.result() for job in others)]


def helped() -> bool:
    """Whether helper threads have been at work."""
    return _pool.helpers > 0


def one_blas_thread() -> contextlib.AbstractContextManager[None]:
    """A context in which BLAS has one thread."""
    _pool.start(0)
    return _pool.one_blas_thread()


def beside_helpers() -> contextlib.AbstractContextManager[None]:
    """A context in which BLAS has one thread if helper threads have been at work.

    After each product OpenBLAS's own threads wait for 0.1 s for another one, in a loop that never pauses, on the
    processor that a helper needs next.
    """
    return one_blas_thread() if _pool.helpers else contextlib.nullcontext()


class WorkQueue:
    """Slices of ``range(count)``, each of which goes to the thread that is free first.

    A helper that wakes late, or has to share its processor with another program, does fewer. Not for sums, which would
    come in another order each time.

    Args:
        count: of what.
        parallel: whether several threads take slices.

    >>> list(WorkQueue(5, parallel=False).tiles(3))
    [slice(0, 3, None), slice(3, 5, None)]
    """

    def __init__(self, count: int, parallel: bool) -> None:
        self._count, self._parallel = count, parallel
        self._turns = itertools.count()
        # How many belong into one tile at most, for each thread to have one; smaller tiles only cost time.
        self.most = -(-count // workers()) if parallel else count

    def tiles(self, size: int) -> Iterator[slice]:
        """Yield the slices that fall to the calling thread; all threads ask for the same size."""
        for turn in self._turns:
            first = turn * size
            if first >= self._count:
                return
            yield slice(first, min(first + size, self._count))

    def run(self, work: Callable[[], object], products: bool = True) -> None:
        """Call ``work``, which goes through ``tiles``, in every thread that takes part; ``products`` as above."""
        parallel_map(lambda start, stop: work(), self._count, self._parallel, products)


def tiles(start: int, stop: int, size: int) -> Iterator[slice]:
    """Cut ``range(start, stop)`` into slices of at most ``size``.

    >>> list(tiles(0, 5, 3))
    [slice(0, 3, None), slice(3, 5, None)]
    """
    for first in range(start, stop, size):
        yield slice(first, min(first + size, stop))


def tile_size(count: int, most: int) -> int:
    """Return the size of tiles, at most ``most`` and at least 1, that cuts ``count`` into parts of about one size.

    >>> tile_size(25, 11)
    9
    """
    return max(1, -(-count // max(1, -(-count // max(1, most)))))
