"""Training in several threads at once, interrupted, or in forked processes: exact, finite, without a wait for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff
import nn
import optim
from autodiff.engine import backward, versions
from autodiff.kernels import blas, lanes, threads
from autodiff.random import default_generator
from nn import functional as F

HERE = Path(__file__).parent
FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def images(count: int = 12) -> autodiff.Tensor:
    return autodiff.tensor(np.random.default_rng(count).standard_normal((count, 16, 28, 28)).astype(np.float32))


def convolve() -> float:
    """A convolution, forward and backward, that is large enough for helpers in either lane."""
    layer = nn.Conv2d(16, 16, 3, padding=1)
    x = images().requires_grad_()
    F.dropout(layer(x), 0.1).square().mean().backward()
    assert layer.weight.grad is not None
    return float(x.grad.abs().sum())


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """``work(i)`` in as many threads, whose errors are raised here."""
    errors: list[BaseException] = []

    def run(i: int) -> None:
        try:
            work(i)
        except BaseException as error:  # raised again below
            errors.append(error)

    started = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(120)
        assert not thread.is_alive()
    for error in errors:
        raise error


def helpers_alive() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("autodiff_")]


def helpers_left(expected: int) -> int:
    """How many helpers there are when as many as expected are left, or after 20 s; any of them may end."""
    end = time.monotonic() + 20
    while len(helpers_alive()) != expected and time.monotonic() < end:
        time.sleep(0.01)
    return len(helpers_alive())


# --- several threads --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("own_number")
def test_eight_threads_are_exact() -> None:
    """Each trains a net of its own as it would alone, and all add whole numbers to one shared gradient, exactly."""
    autodiff.set_num_threads(2)
    shared = autodiff.zeros(300000, requires_grad=True)
    rounds, count = 30, 8
    nets = [nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1)) for _ in range(count)]
    twins = [nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1)) for _ in range(count)]
    for net, twin in zip(nets, twins, strict=True):
        twin.load_state_dict(net.state_dict())

    def train(net: nn.Module, i: int) -> None:
        x = autodiff.tensor(np.random.default_rng(i).standard_normal((32, 6)).astype(np.float32))
        optimizer = optim.Adam(net.parameters(), lr=0.01)
        for _ in range(rounds):
            optimizer.zero_grad()
            net(x).square().mean().backward()
            optimizer.step()

    def work(i: int) -> None:
        for _ in range(rounds):
            (shared * (i + 1)).sum().backward()
        train(nets[i], i)
        for _ in range(rounds):
            (shared * -1).sum().backward()

    in_threads(count, work)
    expected = rounds * sum(range(1, count + 1)) - rounds * count
    np.testing.assert_array_equal(shared.grad.numpy(), expected)
    for i, (net, twin) in enumerate(zip(nets, twins, strict=True)):
        train(twin, i)
        for p, q in zip(net.parameters(), twin.parameters(), strict=True):
            np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


@pytest.mark.usefixtures("own_number")
def test_the_number_of_threads_changes_at_work() -> None:
    """After 200 changes while eight threads convolve there are as many helpers as the last number allows."""
    autodiff.set_num_threads(2)
    convolve()
    expected, stop = images(4).numpy().copy(), threading.Event()
    layer = nn.Conv2d(16, 16, 3, padding=1).requires_grad_(False)
    with lanes.settled():  # all calls are computed by one lane
        right = layer(autodiff.tensor(expected)).numpy()

    def work(i: int) -> None:
        if i == 8:
            try:
                for k in range(200):
                    autodiff.set_num_threads(1 + k % 4)
            finally:
                stop.set()
        while not stop.is_set():
            np.testing.assert_array_equal(layer(autodiff.tensor(expected)).numpy(), right)

    in_threads(9, work)
    autodiff.set_num_threads(2)
    assert sum(threads.parallel_map(lambda start, stop: stop - start, 8, True)) == 8  # a kernel may need no helper
    assert helpers_left(1) == 1
    autodiff.set_num_threads(1)
    assert helpers_left(0) == 0
    assert not blas._limit.holders
    assert not blas._limit.limited


@pytest.mark.usefixtures("own_number")
def test_no_more_helpers_than_asked_for() -> None:
    """A task that was cut into parts before the number of threads fell starts none beyond it."""
    autodiff.set_num_threads(3)
    threads._pool.start(6)
    assert len(threads._pool.helpers) == 2
    autodiff.set_num_threads(1)
    threads._pool.start(6)
    assert threads._pool.helpers == []


@pytest.mark.usefixtures("own_number")
def test_a_number_set_while_blas_is_held_holds_afterwards() -> None:
    """It is not overwritten by the number that BLAS had when it was first held."""
    libraries: list[Any] = []

    def inside() -> None:
        libraries.extend(blas._limit.libraries or ())
        autodiff.set_num_threads(1)
        assert [get() for get, _ in libraries] == [1] * len(libraries)

    autodiff.set_num_threads(2)
    blas.alone(inside)
    assert [get() for get, _ in libraries] == [1] * len(libraries)


def test_a_new_generator_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that draw first from a new generator draw different numbers."""
    make = np.random.PCG64

    def slowly(seed: int) -> Any:
        time.sleep(0.05)
        return make(seed)

    monkeypatch.setattr(np.random, "PCG64", slowly)
    generator, drawn = autodiff.Generator().manual_seed(0), []
    in_threads(4, lambda _: drawn.append(generator.numpy.random()))
    assert len(set(drawn)) == 4


def test_all_helpers_end_with_the_program() -> None:
    """At the end of the program no helper is left, and nothing is printed."""
    code = (
        "import atexit, threading\n"
        "atexit.register(lambda: print([t.name for t in threading.enumerate() if t.name.startswith('autodiff')]))\n"
        f"import sys; sys.path[:0] = {[str(HERE), str(HERE.parent)]!r}\n"
        "import autodiff, test_concurrency as t\n"
        "autodiff.set_num_threads(4); t.convolve(); print(len(t.helpers_alive()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert (run.stdout.split(), run.stderr, run.returncode) == (["3", "[]"], "", 0)


# --- interrupts -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timer")
@pytest.mark.usefixtures("own_number")
def test_training_goes_on_after_interrupts() -> None:
    """Wherever Ctrl-C comes, modes, locks, threads and numbers are as they should be, and training goes on."""
    autodiff.set_num_threads(2)
    convolve()
    threads_before = [get() for get, _ in blas._limit.libraries or ()]
    net = nn.Sequential(nn.Conv2d(16, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 26 * 26, 10))
    optimizer, x = optim.Adam(net.parameters(), lr=1e-3), images()
    random, interrupted = np.random.default_rng(0), 0

    def step() -> None:
        optimizer.zero_grad()
        net(x).square().mean().backward()
        with autodiff.no_grad():
            net(x[:2]).sum()
        optimizer.step()

    step()  # the first takes longer, above all with llvmlite
    start = time.perf_counter()
    step()
    length = time.perf_counter() - start

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(60):
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-4, 2 * length))
                    step()
                    step()
                finally:  # where the alarm may still ring: hence the outer try
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
            assert autodiff.is_grad_enabled()
            end = time.monotonic() + 5
            while blas._limit.holders and time.monotonic() < end:  # where llvmlite is, a thread that tries a new kernel
                time.sleep(0.001)
            assert not blas._limit.holders
    finally:
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 5
    for lock in (backward._delivering, versions._counting, blas._limit.lock, threads._pool.lock):
        done = threading.Event()
        in_threads(1, lambda _: (lock.acquire(timeout=5) and (lock.release(), done.set())))  # noqa: B023
        assert done.is_set()
    step()
    assert [get() for get, _ in blas._limit.libraries or ()] == threads_before
    assert all(np.isfinite(p.detach().numpy()).all() for p in net.parameters())
    assert {int(state["step"]) for state in optimizer.state.values()} != set()


# --- forks ------------------------------------------------------------------------------------------------------------


def forked(work: Callable[[], Any], patience: float = 60.0) -> int:
    """The exit code of a forked process that calls ``work``, 9 if it did not end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of every fork beside threads
        pid = os.fork()
    if not pid:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return 9


@FORKS
@pytest.mark.usefixtures("own_number")
def test_children_of_a_busy_process_compute() -> None:
    """Forked while four threads convolve and draw random numbers, a child runs forward and backward, and ends."""
    autodiff.set_num_threads(2)
    stop, codes = threading.Event(), []

    def work(i: int) -> None:
        if i == 4:
            try:
                codes.extend(forked(convolve) for _ in range(12))
            finally:
                stop.set()
        while not stop.is_set():
            convolve()

    in_threads(5, work)
    assert codes == [0] * 12


@FORKS
def test_a_child_gets_no_lock_that_another_thread_holds() -> None:
    """A fork waits until gradients have been delivered, numbers drawn, and so on; the child is left no lock."""
    default_generator.numpy.random()
    locks: list[Any] = [
        backward._delivering, versions._counting, blas._limit.lock, threads._pool.lock,
        default_generator.numpy.bit_generator.lock,
    ]  # fmt: skip
    for lock in locks:
        taken, release = threading.Event(), threading.Event()

        def hold(lock: Any = lock, taken: Any = taken, release: Any = release) -> None:
            with lock:
                taken.set()
                release.wait(20)

        holder = threading.Thread(target=hold)
        holder.start()
        assert taken.wait(20)
        threading.Timer(0.2, release.set).start()
        start = time.monotonic()
        assert forked(convolve) == 0
        assert time.monotonic() - start > 0.15
        holder.join()
        assert lock.acquire(blocking=False)
        lock.release()


@FORKS
def test_a_child_that_could_not_wait_is_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where products do not end in time, the child says so, once, and has BLAS's threads back."""
    monkeypatch.setattr(blas, "PATIENCE", 0.05)
    blas.alone(int)
    before = [get() for get, _ in blas._limit.libraries or ()]
    inside, release = threading.Event(), threading.Event()
    worker = threading.Thread(target=blas.alone, args=(lambda: (inside.set(), release.wait(20)),))
    worker.start()
    assert inside.wait(20)
    said: list[Any] = []
    monkeypatch.setattr(warnings, "warn", lambda *args, **_: said.append(args))

    def check() -> None:
        assert [kind for _, kind in said] == [RuntimeWarning]
        assert [get() for get, _ in blas._limit.libraries or ()] == before

    try:
        assert forked(check) == 0
    finally:
        release.set()
        worker.join()
    said.clear()
    assert forked(lambda: os._exit(len(said))) == 0


class Squares:
    """A dataset whose items come from a convolution."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, i: int) -> Any:
        convolve()
        return np.float32(i * i)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_of_a_loader_compute(method: str) -> None:
    """However a loader's processes are started, they convolve, forward and backward, after their parent did."""
    import multiprocessing

    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    convolve()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        loader = autodiff.data.DataLoader(
            Squares(), batch_size=4, num_workers=2, multiprocessing_context=method, timeout=120
        )
        found = [float(x) for batch in loader for x in batch]
    assert found == [float(i * i) for i in range(8)]
