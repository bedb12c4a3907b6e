"""The processes of a program: which this is, how it waits for the others, and what it does when one of them fails."""

from __future__ import annotations

import atexit
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from autodiff.distributed.mpi import is_here, mpi
from autodiff.errors import DeviceError, DistributedError, OptionError

LEFT = 1  # the tag of a process's last message
GRACE = 3.0  # seconds in which what was begun with a process that has ended can still be completed
LAST_WORDS = 1.0  # seconds that others have to say what happened, before all are ended
PATIENCE = 1800.0  # seconds by default, as in PyTorch


class Group(NamedTuple):
    """All processes of the program.

    Attributes:
        work, control: the channels of collective operations and of last messages.
        timeout: the seconds that an operation may take.
        left: what the processes that have ended said, and when that was heard.
    """

    work: Any
    control: Any
    rank: int
    size: int
    timeout: float
    left: dict[int, tuple[str, float]]


_group: Group | None = None
_sent: list[Any] = []  # messages on their way, which must stay


def is_mpi_available() -> bool:
    """Whether mpi4py is installed."""
    return is_here()


def is_initialized() -> bool:
    """Whether this process has joined the others."""
    return _group is not None


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: float | timedelta | None = None,
    world_size: int = -1,
    rank: int = -1,
    **options: Any,
) -> None:
    """Join the other processes that the same command started.

    The backend is "mpi", which "gloo" means here, too. ``timeout``, seconds or a timedelta, is how long an operation
    may wait for the others, half an hour by default. The other arguments are accepted as in PyTorch: by MPI the
    processes know each other.

    If this process ends by an exception, the others end with an error that names it, and so does the whole program.

    Raises:
        DeviceError: mpi4py or MPI is missing, or the backend needs GPUs.
        OptionError: this process has joined already.
    """
    global _group
    if backend not in (None, "mpi", "gloo", "cpu:gloo"):
        raise DeviceError(f'init_process_group: the backend {backend!r} is not here; "mpi" is')
    if _group is not None:
        raise OptionError("init_process_group was called before; destroy_process_group() ends that group")
    world = mpi().COMM_WORLD
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else float(timeout or PATIENCE)
    first = not _sent and not _hooked
    _group = Group(world.Dup(), world.Dup(), world.rank, world.size, seconds, {})
    if first:
        _hooked.append(sys.excepthook)
        sys.excepthook = _failed
        atexit.register(_leave, "ended")


_hooked: list[Any] = []


def destroy_process_group(group: object = None) -> None:
    """Leave the others, who learn of it."""
    global _group
    _leave("left the group")
    _group = None


def this_group() -> Group:
    """The processes; raises DeviceError where this one has not joined them."""
    if _group is None:
        raise DeviceError(
            "this process is alone: call distributed.init_process_group() in a program that was started with "
            "python -m autodiff.distributed -n 2 FILE.py"
        )
    return _group


def get_rank(group: object = None) -> int:
    """The number of this process, from 0 on."""
    return this_group().rank


def get_world_size(group: object = None) -> int:
    """How many processes there are."""
    return this_group().size


def wait(request: Any, what: str) -> None:
    """Wait until an operation is complete.

    Raises:
        DistributedError: a process that takes part in it has failed or ended, or the time is over.
    """
    group, begun, turns = this_group(), time.monotonic(), 0
    while not request.Test():
        turns += 1
        time.sleep(0 if turns < 200 else min(turns * 2e-6, 0.002))
        if turns % 50 == 0:
            now = time.monotonic()
            _listen(group)
            for rank, (said, since) in group.left.items():
                if said.startswith("failed") or now - since > GRACE:
                    raise DistributedError(f"{what}: process {rank} {said}; process {group.rank} waited for it")
            if now - begun > group.timeout:
                raise DistributedError(
                    f"{what}: process {group.rank} waited {group.timeout:.0f} s for the others; is it called as often "
                    f"and in the same order by all of them?"
                )


class Work:
    """An operation that was begun, and may not be complete yet.

    Args:
        request: of MPI.
        what: the operation, as errors name it.
        array: the memory that MPI reads or writes meanwhile.
        finish: called once, when the operation is complete.
    """

    def __init__(
        self, request: Any, what: str, array: Any = None, finish: Callable[[], None] = lambda: None
    ) -> None:
        self._request, self._what, self._array, self._finish = request, what, array, finish
        self._status: Any = None if request is None else mpi().Status()

    @staticmethod
    def complete() -> Work:
        """That of an operation that is complete already."""
        return Work(None, "")

    def Test(self) -> bool:
        """``is_completed``, as ``wait`` asks for it."""
        return self.is_completed()

    def is_completed(self) -> bool:
        """Whether it is complete; does not wait."""
        if self._request is not None and self._request.Test(self._status):
            self._request = self._array = None
            self._finish()
        return self._request is None

    def wait(self, timeout: timedelta | None = None) -> bool:
        """Wait until it is complete, as long as the group allows; True.

        Raises DistributedError where the other process has failed or ended, or the time is over.
        """
        wait(self, self._what)
        return True

    def source_rank(self) -> int:
        """The process whose message was received."""
        return int(self._status.Get_source())


def _listen(group: Group) -> None:
    """Hear what processes said that have ended."""
    status = mpi().Status()
    while group.control.Iprobe(mpi().ANY_SOURCE, LEFT, status):
        said = group.control.recv(source=status.Get_source(), tag=LEFT)
        group.left[status.Get_source()] = said, time.monotonic()


def _leave(said: str) -> None:
    if _group is not None and not mpi().Is_finalized():
        for rank in range(_group.size):
            if rank != _group.rank:
                _sent.append(_group.control.isend(said, rank, LEFT))


def _failed(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
    """Show the error of this process, tell the others, and end them all."""
    if _group is None:
        _hooked[0](kind, error, traceback)
        return
    print(f"process {_group.rank} of {_group.size} failed:", file=sys.stderr)  # noqa: T201
    _hooked[0](kind, error, traceback)
    sys.stderr.flush()
    _leave(f"failed with {kind.__name__}: {' '.join(str(error).split()):.300}")
    end = time.monotonic() + LAST_WORDS
    while time.monotonic() < end:
        for message in _sent:
            message.Test()
        time.sleep(0.01)
    mpi().COMM_WORLD.Abort(1)
