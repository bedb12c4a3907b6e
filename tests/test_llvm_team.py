"""A kernel's work that threads share: each part is done once, whoever does it, and nobody waits for nobody."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from interrupts import interrupts

import autodiff
from autodiff.kernels import threads
from autodiff.kernels.llvm import library, team
from autodiff.kernels.llvm.builder import Argument, Code


@cache
def adding() -> library.Kernel:
    """A kernel that adds 1 to numbers, by way of its own memory, and their number to a sum."""
    machine = library.host()
    k = Code(machine, [Argument(1, written=True), Argument(0, machine.lanes, written=True, sums=True)])
    own = k.room(1)
    with k.loop(k.start, k.stop) as turn:
        place, one = k.at(k.arrays[0], (turn.index, 4)), k.constant(1)
        k.store(k.binary("fadd", k.load(place, last=1), one), own, last=1)
        k.store(k.load(own, last=1), place, last=1)
        k.store(k.binary("fadd", k.load(k.arrays[1]), one), k.arrays[1])
    return library.Kernel(library.compiled(k.text(), machine), k)


@pytest.fixture(params=[1, 2, 4])
def number(request: pytest.FixtureRequest) -> Iterator[int]:
    """So many threads share the work."""
    before = autodiff.get_num_threads()
    autodiff.set_num_threads(request.param)
    yield request.param
    autodiff.set_num_threads(before)


def check(size: int, parts: int) -> None:
    kernel = adding()
    x, sums = np.zeros(size, np.float32), np.zeros((parts, kernel.machine.lanes), np.float32)
    for _ in range(20):
        kernel(x, sums, stop=size, parts=parts)
    assert (x == 20).all()
    bounds = [min(size, -(-size // parts) * k) for k in range(parts + 1)]
    np.testing.assert_array_equal(sums[:, 0], 20 * np.diff(bounds))


@pytest.mark.usefixtures("number")
@pytest.mark.parametrize(("size", "parts"), [(0, 1), (1, 1), (1, 3), (7, 2), (1000, 1), (1000, 3), (100_003, 16)])
def test_each_part_is_done_once(size: int, parts: int) -> None:
    """All numbers are reached once by each call, and each part has sums of its own."""
    check(size, parts)


@pytest.mark.usefixtures("number")
def test_callers_do_not_disturb_each_other() -> None:
    """Several threads that call kernels at once each get their own work done."""
    done: list[int] = []

    def call() -> None:
        for k in range(30):
            check(2000, 1 + k % 5)
        done.append(1)

    callers = [threading.Thread(target=call) for _ in range(5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(done) == 5


def test_a_helper_that_waits_for_kernels_takes_another_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """However patient it is, it comes when NumPy's work is to be shared."""
    monkeypatch.setattr(team, "PATIENCE", 1 << 40)
    monkeypatch.setattr(threads, "workers", lambda: 2)
    both = threading.Barrier(2)

    def task(start: int, stop: int) -> int:
        return both.wait(timeout=20)

    helpers = library._team()
    for _ in range(10):
        end = time.monotonic() + 20
        while not helpers._awake:  # the helper may be about to take what woke it before
            check(10, 2)
            assert time.monotonic() < end
        assert sorted(threads.parallel_map(task, 2, True)) == [0, 1]
    threads._pool.call()


def test_a_program_ends_while_helpers_wait() -> None:
    """At the end of a program its helpers end too."""
    code = (
        "import autodiff, numpy as np\nfrom test_llvm_team import check, team\n"
        "autodiff.set_num_threads(3)\ncheck(100, 5)\nprint('done')"
    )
    path = os.pathsep.join(map(os.path.abspath, (".", "tests")))
    environment = os.environ | {"PYTHONPATH": path}
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 60, "env": environment}
    made = subprocess.run([sys.executable, "-c", code], check=False, **options)
    assert (made.returncode, made.stdout.strip(), made.stderr) == (0, "done", "")


def test_an_interrupt_leaves_the_helpers_to_the_next() -> None:
    """Wherever it comes, the next kernel is shared again, and its parts are done once."""
    before, places, kernel = autodiff.get_num_threads(), 0, adding()
    autodiff.set_num_threads(2)
    try:
        x, sums = np.zeros(64, np.float32), np.zeros((4, kernel.machine.lanes), np.float32)
        for places in interrupts(lambda: kernel(x, sums, stop=64, parts=4), team.Team.run):
            assert not library._team()._callers, places
        x[:] = 0
        kernel(x, sums, stop=64, parts=4)
        assert (x == 1).all()
    finally:
        autodiff.set_num_threads(before)
    assert places > 3
