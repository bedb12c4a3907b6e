"""Ctrl-C at each place where Python looks for it: BLAS, helper threads and blocks are as they should be."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from interrupts import interrupts

import autodiff
from autodiff.kernels import blas, lanes, threads


@pytest.mark.usefixtures("own_number")
def test_blas_is_given_back_wherever_an_interrupt_comes() -> None:
    """BLAS has one thread for whoever holds it, and nobody holds it for ever."""
    autodiff.set_num_threads(2)
    numbers: Callable[[], list[int]] = lambda: [get() for get, _ in blas._limit.libraries or ()]
    run: Callable[[], list[int]] = lambda: blas.alone(numbers)
    run()
    before, places = numbers(), 0
    for places in interrupts(run, blas.alone, blas._Limit.enter, blas._Limit.relax):
        assert not blas._limit.holders, places
        assert not blas.is_held(), places
        assert run() == [1] * len(before), places
        assert numbers() == before, places
    assert places > 10


@pytest.mark.usefixtures("own_number")
def test_no_thread_is_at_work_after_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it comes, whoever shared the work has ended it, and begins no more of it."""
    autodiff.set_num_threads(3)
    started: list[int] = []
    at_work: set[int] = set()

    def task(start: int, stop: int) -> None:
        started.append(start)
        at_work.add(start)
        time.sleep(0.001)
        at_work.discard(start)

    places, job = 0, threads._Job
    run = lambda: threads.parallel_map(task, 3, parallel=True)
    for places in interrupts(run, threads._shared, job.take, job.wait, job._is_taken, blas.alone):
        assert not at_work, places
        number = len(started)
        time.sleep(0.003)
        assert len(started) == number, places
        assert not blas._limit.holders, places
    assert places > 20
    started.clear()
    run()
    assert sorted(started) == [0, 1, 2]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timer")
@pytest.mark.usefixtures("own_number")
def test_an_interrupt_waits_for_who_is_at_work() -> None:
    """It comes while the caller waits for a helper."""
    autodiff.set_num_threads(2)
    ended: list[int] = []

    def task(start: int, stop: int) -> None:
        while start == 0 and not begun.wait(0.001):  # or the caller would do both
            pass
        begun.set()
        time.sleep(0.3 if start else 0)
        ended.append(start)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before, begun = signal.signal(signal.SIGALRM, interrupt), threading.Event()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            threads.parallel_map(task, 2, parallel=True)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert ended == [0, 1]


def test_an_interrupt_ends_a_block_in_which_kernels_are_waited_for() -> None:
    """Wherever it comes, later calls do not wait for kernels."""

    def block() -> None:
        with lanes.settled():
            assert lanes.is_hurried()

    places = 0
    for places in interrupts(block, lanes.settled.__wrapped__):  # type: ignore[attr-defined]
        assert not lanes._hurried, places
    assert places > 1
