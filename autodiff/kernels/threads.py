"""Threads that share the images of a batch, while BLAS is held at one thread."""

from __future__ import annotations

import atexit
import contextvars
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from operator import index
from typing import TYPE_CHECKING, Any, TypeVar

from autodiff.errors import OptionError
from autodiff.forks import PATIENCE, hold_over_forks
from autodiff.kinds import described

from .blas import alone, are_deterministic_algorithms_enabled, set_blas_threads

if TYPE_CHECKING:
    from queue import SimpleQueue


R = TypeVar("R")

DIVISIONS = 8  # of a batch, under use_deterministic_algorithms, whatever the number of threads

class _Job:
    """A task for one range. Whoever takes it first does it: a helper thread, or the caller when it is free."""

    __slots__ = ("_done", "_error", "_result", "_taker", "_work")

    def __init__(self, task: Callable[[int, int], Any], start: int, stop: int) -> None:
        self._work = contextvars.copy_context().run, task, start, stop
        self._taker: dict[str, int] = {}  # the thread, which an interrupt may keep from anything but being found here
        self._done = threading.Lock()
        self._done.acquire()
        self._result: Any = None
        self._error: BaseException | None = None

    def _is_taken(self) -> bool:
        """Whether another thread has it; if none has, this one has it from now on."""
        me = threading.get_ident()
        return self._taker.setdefault("thread", me) != me

    def take(self) -> None:
        """Do the work, unless somebody else has taken it."""
        if self._is_taken():
            return
        run, task, start, stop = self._work
        try:
            self._result = run(task, start, stop)
        except BaseException as error:  # raised again in the thread that asked for the result
            self._error = error
        finally:
            self._done.release()

    def wait(self) -> None:
        """Return when no other thread is at work on it, nor will be."""
        if self._is_taken():
            with self._done:
                pass

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
        if _pool.wait is not None:
            _pool.wait(jobs)


class _Pool:
    """The helper threads: started when they are first needed, and never more than ``workers`` says now.

    A job is handed over through a queue and a lock, which takes less time than ``concurrent.futures`` does.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.jobs: SimpleQueue[_Job | None] | None = None
        self.helpers: list[threading.Thread] = []
        self.leaving: list[threading.Thread] = []  # as many of all as have been told to end, or have ended
        # What a helper does between jobs, and what calls it to the next one.
        self.wait: Callable[[SimpleQueue[_Job | None]], None] | None = None
        self.call: Callable[[], None] = lambda: None

    def start(self, helpers: int) -> SimpleQueue[_Job | None]:
        """Have so many helper threads, if so many are still allowed; return the queue they take their jobs from."""
        with self.lock:
            if self.jobs is None:
                # Imported here because import time is a feature and most programs never come this far.
                from queue import SimpleQueue

                self.jobs = SimpleQueue()
                atexit.register(self.close)
            while len(self.helpers) < min(helpers, workers() - 1):
                name = f"autodiff_{len(self.helpers) + 1}"
                helper = threading.Thread(target=_help, args=(self.jobs,), name=name, daemon=True)
                helper.start()
                self.helpers.append(helper)
            return self.jobs

    def shrink(self, helpers: int) -> None:
        """Let the helpers beyond so many end when they have done what there is."""
        with self.lock:
            self.leaving = [helper for helper in self.leaving if helper.is_alive()]
            while len(self.helpers) > helpers and self.jobs is not None:
                self.leaving.append(self.helpers.pop())
                self.jobs.put(None)

    def close(self) -> None:
        """Let all helpers end, at the end of the program."""
        self.shrink(0)
        for helper in self.leaving:
            helper.join(PATIENCE)


_pool = _Pool()


def _in_child() -> None:
    """Forget the parent's helpers, which do not exist in the child."""
    _pool.jobs, _pool.helpers, _pool.leaving = None, [], []


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
hold_over_forks(lambda: _pool.lock)



def lend_helpers(wait: Callable[[SimpleQueue[Any]], None], call: Callable[[], None]) -> None:
    """Let a helper that has no job call ``wait(jobs)``, which returns soon after ``call()``."""
    _pool.wait, _pool.call = wait, call


def wake_helpers(number: int, of: int) -> None:
    """Let ``number`` of so many helpers, which are started if need be, come to wait as ``lend_helpers`` says."""
    if number > 0:
        jobs = _pool.start(of)
        for _ in range(number - jobs.qsize()):
            jobs.put(_NOTHING)


_NOTHING = _Job(lambda start, stop: None, 0, 0)
_NOTHING._taker["thread"] = 0  # which is none's
_wanted: int | None = None


def set_num_threads(number: int) -> None:
    """Let convolutions, and BLAS where threadpoolctl is installed, use ``number`` threads.

    Raises OptionError for a number below 1.
    """
    global _wanted
    try:
        number = index(number)
    except TypeError:
        raise OptionError(f"a number of threads is 1 or more, not {described(number)}") from None
    if not 1 <= number < 1 << 31:  # what BLAS takes
        raise OptionError(f"a number of threads is 1 or more, not {described(number)}")
    with _pool.lock:
        _wanted = number
        _pool.shrink(number - 1)
        set_blas_threads(number)


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
    return alone(_shared, task, count, parts) if products else _shared(task, count, parts)


def _shared(task: Callable[[int, int], R], count: int, parts: int) -> list[R]:
    bounds = [count * part // parts for part in range(parts + 1)]
    jobs = _pool.start(parts - 1)
    others = [_Job(task, start, stop) for start, stop in itertools.pairwise(bounds[1:])]
    try:
        for job in others:
            jobs.put(job)
        _pool.call()
        first = task(0, bounds[1])
        for job in others:
            job.take()
            job.wait()
    finally:
        # Even after an error here: nobody may still be writing into the caller's arrays when this returns.
        for job in others:
            job.wait()
    return [first, *(job.result() for job in others)]


def shares_sums() -> bool:
    """Whether threads may each make a part of a sum, which changes its last bits with their number."""
    return workers() > 1 and not are_deterministic_algorithms_enabled()


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
        self.most = count
        if parallel:  # as many in one tile at most as leave one for each thread; smaller tiles only cost time
            self.most = -(-count // (DIVISIONS if are_deterministic_algorithms_enabled() else workers()))

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
