"""Blocks that change a setting, however they are left: by other threads, by tasks, by generators, out of order."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from helpers import leaf

import autodiff
import nn
from autodiff import detect_anomaly, enable_grad, inference_mode, no_grad, set_detect_anomaly, set_grad_enabled
from nn.utils import parametrize

State = tuple[bool, bool, bool]


def state() -> State:
    """All that blocks of the library change: recording, anomaly detection, cached parametrizations."""
    weight = parametrize.register_parametrization(nn.Linear(2, 2), "weight", nn.Identity())
    cached = weight.weight is weight.weight and _computed(weight)
    recording = (leaf(1.0) * 2).requires_grad
    assert recording == autodiff.is_grad_enabled()
    return recording, autodiff.is_anomaly_enabled(), cached


def _computed(layer: nn.Module) -> bool:
    calls: list[int] = []
    handle = layer.parametrizations.weight[0].register_forward_hook(lambda *_: calls.append(1))
    layer.weight, layer.weight  # noqa: B018  # read twice
    handle.remove()
    return not calls


USUAL: State = (True, False, False)

# Each manager, and what holds inside, where recording and nothing else held outside.
MANAGERS: dict[str, tuple[Callable[[], Any], State]] = {
    "no_grad": (no_grad, (False, False, False)),
    "inference_mode": (inference_mode, (False, False, False)),
    "detect_anomaly": (detect_anomaly, (True, True, False)),
    "set_grad_enabled": (lambda: set_grad_enabled(False), (False, False, False)),
    "set_detect_anomaly": (lambda: set_detect_anomaly(True), (True, True, False)),
    "cached": (parametrize.cached, (True, False, True)),
}
EACH = pytest.mark.parametrize(("make", "inside"), MANAGERS.values(), ids=MANAGERS)
# Those of which one object may be entered again while it is open, and which change nothing before.
BLOCKS = ["no_grad", "inference_mode", "detect_anomaly", "cached"]
EACH_BLOCK = pytest.mark.parametrize(("make", "inside"), [MANAGERS[name] for name in BLOCKS], ids=BLOCKS)


def begun(make: Callable[[], Any]) -> Iterator[None]:
    with make():
        yield
        yield


def _thrown(generator: Any) -> None:
    with pytest.raises(KeyError):
        generator.throw(KeyError())


class Thread:
    """A thread that does one thing after another, and keeps its context between them."""

    def __init__(self) -> None:
        self._asked, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._task: Any = None
        self._result: Any = None
        threading.Thread(target=contextvars.Context().run, args=(self._work,), daemon=True).start()

    def _work(self) -> None:
        while self._asked.acquire() and self._task is not None:
            try:
                self._result = self._task()
            except BaseException as error:  # raised again by whoever asked
                self._result = error
            self._done.release()

    def do(self, task: Callable[[], Any]) -> Any:
        self._task = task
        self._asked.release()
        assert self._done.acquire(timeout=20)
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result

    def __enter__(self) -> Thread:
        return self

    def __exit__(self, *exception: object) -> None:
        self._task = None
        self._asked.release()


def next_of(generator: Any) -> Callable[[], Any]:
    return lambda: next(generator, None)


@EACH
def test_a_generator_ends_in_another_thread(make: Any, inside: State) -> None:
    """Begun in one thread under a block and finished in another, it leaves neither with the block's setting."""
    with Thread() as one, Thread() as other:
        for finish in (list, lambda g: g.close(), _thrown):
            generator = begun(make)
            one.do(next_of(generator))
            assert (one.do(state), other.do(state)) == (inside, USUAL)
            other.do(lambda: finish(generator))  # noqa: B023
            assert (one.do(state), other.do(state)) == (USUAL, USUAL)


@EACH
def test_a_generator_is_garbage_in_another_thread(make: Any, inside: State) -> None:
    """One that nobody finishes ends its block wherever its last reference goes, in a cycle too."""
    with Thread() as one, Thread() as other:
        for cyclic in (False, True):
            held = [begun(make)]
            if cyclic:
                held.append(held)  # type: ignore[arg-type]
            one.do(next_of(held[0]))
            assert one.do(state) == inside
            other.do(held.pop if not cyclic else lambda: None)
            one._result = other._result = None
            del held
            other.do(gc.collect)
            assert (one.do(state), other.do(state)) == (USUAL, USUAL)


@EACH
def test_generators_end_in_any_order(make: Any, inside: State) -> None:
    """Blocks that overlap in one thread hold as long as the one or the other is open, and no longer."""
    for order in ((0, 1), (1, 0)):
        generators = [begun(make), begun(make)]
        for generator in generators:
            next(generator)
        for number, i in enumerate(order):
            assert state() == inside
            generators[i].close()
            assert state() == (USUAL if number else inside)
        generator = begun(make)
        next(generator)
        with enable_grad():
            generator.close()
            assert state() == USUAL
        assert state() == USUAL


@EACH
def test_an_async_generator_is_left_early(make: Any, inside: State) -> None:
    """After a break or a cancelled task the event loop closes it in a task of its own; the setting ends there, too."""

    async def numbers() -> Any:
        with make():
            yield 1
            await asyncio.sleep(60)
            yield 2

    async def breaking() -> None:
        async for _ in numbers():
            assert state() == inside
            break
        await asyncio.sleep(0.01)
        assert state() == USUAL

    async def waiting(seen: list[State]) -> None:
        try:
            async for _ in numbers():
                pass
        finally:
            seen.append(state())

    async def main() -> None:
        await breaking()
        seen: list[State] = []
        task = asyncio.create_task(waiting(seen))
        await asyncio.sleep(0.01)
        assert state() == USUAL
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert seen == [USUAL]
        with make():
            child = asyncio.create_task(asyncio.sleep(0.01, None))
            child_state = asyncio.create_task(_later(state))
        await child
        assert (state(), await child_state) == (USUAL, inside)

    asyncio.run(main())
    assert state() == USUAL


async def _later(function: Callable[[], Any]) -> Any:
    await asyncio.sleep(0.02)
    return function()


@EACH_BLOCK
def test_one_object_for_many(make: Any, inside: State) -> None:
    """One manager that is open in two threads and in generators, nested, too, ends for each what that one began."""
    shared = make()
    with Thread() as one, Thread() as other:
        one.do(shared.__enter__)
        other.do(shared.__enter__)
        one.do(lambda: shared.__exit__(None, None, None))
        assert (one.do(state), other.do(state)) == (USUAL, inside)
        other.do(lambda: shared.__exit__(None, None, None))
        assert other.do(state) == USUAL
        generator = begun(lambda: shared)
        one.do(next_of(generator))

        def finish_inside() -> list[State]:
            with shared, enable_grad(), shared:
                generator.close()
                return [state()]

        assert other.do(finish_inside) == [inside]
        assert (one.do(state), other.do(state)) == (USUAL, USUAL)
    first, second = begun(lambda: shared), begun(lambda: shared)
    next(first)
    with enable_grad(), detect_anomaly(False):
        next(second)
        first.close()
        assert state() == inside
        second.close()
    with pytest.raises(KeyError), shared, shared:
        raise KeyError
    assert state() == USUAL


@EACH
def test_decorated_code_is_its_own(make: Any, inside: State) -> None:
    """A decorated generator may take each step in another thread, and an async one or a coroutine in another task."""

    @make()
    def steps() -> Any:
        received = yield state()
        try:
            yield received, state()
        except KeyError:
            yield state()

    with Thread() as one, Thread() as other:
        generator = steps()
        assert (one.do(next_of(generator)), one.do(state)) == (inside, USUAL)
        assert other.do(lambda: generator.send(5)) == (5, inside)
        assert one.do(lambda: generator.throw(KeyError())) == inside
        assert (one.do(state), other.do(state)) == (USUAL, USUAL)


@EACH_BLOCK
def test_decorated_async_code(make: Any, inside: State) -> None:
    """The code of an async generator or a coroutine runs under the block; what its caller does between does not."""
    ended: list[State] = []

    @make()
    async def numbers() -> Any:
        try:
            received = yield state()
            await asyncio.sleep(0)
            try:
                yield received, state()
            except KeyError:
                yield state()
        finally:
            ended.append(state())

    @make()
    async def slowly() -> State:
        await asyncio.sleep(0)
        return state()

    async def main() -> None:
        generator = numbers()
        assert (await generator.asend(None), state()) == (inside, USUAL)
        assert (await generator.asend(5), state()) == ((5, inside), USUAL)
        assert (await generator.athrow(KeyError()), state()) == (inside, USUAL)
        assert [x async for x in generator] == []
        async for _ in numbers():
            break
        await asyncio.sleep(0.01)
        assert ended == [inside, inside]
        assert await asyncio.gather(slowly(), _later(state), slowly()) == [inside, USUAL, inside]

    asyncio.run(main())
    coroutine = slowly()
    coroutine.send(None)
    assert state() == USUAL
    with Thread() as other:
        assert other.do(lambda: _result_of(coroutine)) == inside


def _result_of(coroutine: Any) -> Any:
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    return end.value.value


def test_statements_hold_until_the_block_around_them_ends() -> None:
    """Also where a generator's block lies over them; thousands of them leave nothing behind."""
    with no_grad():
        set_grad_enabled(True)
        set_detect_anomaly(True)
        assert state() == (True, True, False)
        generator = begun(no_grad)
        next(generator)
    assert state() == (False, False, False)
    generator.close()
    assert state() == USUAL

    def many() -> int:
        for _ in range(3000):
            set_grad_enabled(False)
            set_detect_anomaly(False)
            with set_grad_enabled(True):
                assert autodiff.is_grad_enabled()
            assert not autodiff.is_grad_enabled()
        set_grad_enabled(True)
        return len(gc.get_objects())

    with Thread() as one:
        one.do(many)
        before = one.do(many)
        assert one.do(many) < before + 500
        assert one.do(state) == USUAL


def test_a_block_that_hid_another_lets_its_end_through() -> None:
    """Of two blocks that change the same, the upper one ends first, below a third, and then the lower one."""
    blocks = [begun(make) for make in (no_grad, no_grad, detect_anomaly)]
    for block in blocks:
        next(block)
    lower, upper, top = blocks
    upper.close()
    assert state() == (False, True, False)
    lower.close()
    assert state() == (True, True, False)
    top.close()
    assert state() == USUAL


def test_layers_that_ended_elsewhere_are_forgotten() -> None:
    """A thread that begins generators which others finish does not carry more and more."""

    def begin() -> Any:
        generator = begun(no_grad)
        next(generator)
        return generator

    with Thread() as one:
        one.do(lambda: set_detect_anomaly(True))
        sizes = []
        for _ in range(2):
            for _ in range(500):
                one.do(begin).close()
            gc.collect()
            sizes.append(len(gc.get_objects()))
            assert one.do(state) == (True, True, False)
        assert sizes[1] < sizes[0] + 100


def test_a_module_called_in_a_copied_context_leaves_the_other_thread_alone() -> None:
    """Two threads of one context each have their own calls of modules, so that lines and scopes are their own."""
    inside, go_on = threading.Event(), threading.Event()

    class Slow(nn.Module):
        def forward(self, x: Any) -> Any:
            inside.set()
            assert go_on.wait(20)
            return x * 2

    model, results = Slow(), []
    nn.Identity()(leaf(1.0))  # this thread has called a module

    def call() -> None:
        results.append(model(leaf(1.0)))

    worker = threading.Thread(target=contextvars.copy_context().run, args=(call,))
    worker.start()
    assert inside.wait(20)
    outside = leaf(1.0) * 3
    go_on.set()
    worker.join()
    assert outside._node.scope is None
    assert results[0]._node.scope[1] is Slow
