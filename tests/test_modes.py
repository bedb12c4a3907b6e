"""The modes: no_grad and its like as decorators, contexts and statements; detect_anomaly."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers import here, leaf
from interrupts import interrupts

import autodiff
from autodiff import detect_anomaly, enable_grad, inference_mode, no_grad, set_grad_enabled
from autodiff.contexts import Block, Setting
from autodiff.errors import InPlaceError, NonFiniteError


def recording() -> bool:
    """Whether an operation is recorded now, which is what is_grad_enabled must say."""
    recorded = (leaf(1.0) * 2).requires_grad
    assert recorded == autodiff.is_grad_enabled()
    return recorded


def at_rest() -> bool:
    """Whether no block and no statement changes a mode."""
    return recording() and not autodiff.is_anomaly_enabled()


@no_grad
def bare() -> bool:
    return recording()


@no_grad()
def called() -> bool:
    return recording()


@inference_mode
def inferring() -> bool:
    return recording()


@set_grad_enabled(False)
def disabled() -> bool:
    return recording()


@no_grad()
@enable_grad()
def enabled() -> bool:
    return recording()


def test_modes_as_decorators() -> None:
    """With and without parentheses a function runs under its mode, and nothing else does."""
    assert recording()
    assert (bare(), called(), inferring(), disabled(), enabled()) == (False, False, False, False, True)
    assert recording()
    assert bare.__name__ == "bare"


def test_modes_as_contexts_nest_and_end_with_an_exception() -> None:
    """Each with-block puts back what it found, whatever happens inside."""
    with no_grad():
        assert not recording()
        with enable_grad():
            assert recording()
            with inference_mode():
                assert not recording()
            with inference_mode(False), set_grad_enabled(False):
                assert not recording()
            assert recording()
        with pytest.raises(KeyError), enable_grad():
            raise KeyError
        assert not recording()
    assert recording()
    switch = no_grad()
    with switch, switch:
        assert not recording()
    assert recording()


def test_set_grad_enabled_as_a_statement() -> None:
    """Called, it holds until it is called again."""
    try:
        set_grad_enabled(False)
        assert not recording()
    finally:
        set_grad_enabled(True)
    assert recording()


def test_generators_and_coroutines_run_under_their_own_mode() -> None:
    """A decorated generator switches only while its own code runs, takes what is sent in, and returns."""

    @no_grad()
    def steps() -> Any:
        received = yield recording()
        try:
            yield recording()
        except KeyError:
            yield received
        return recording()

    generator = steps()
    assert (next(generator), recording()) == (False, True)
    assert (generator.send(5), recording()) == (False, True)
    assert generator.throw(KeyError()) == 5
    with pytest.raises(StopIteration) as end:
        next(generator)
    assert (end.value.value, recording()) == (False, True)
    generator = steps()
    next(generator)
    generator.close()

    @no_grad
    async def coroutine() -> bool:
        await asyncio.sleep(0)
        return recording()

    async def main() -> list[bool]:
        async def other() -> bool:
            await asyncio.sleep(0)
            return recording()

        return await asyncio.gather(coroutine(), other(), coroutine())

    assert asyncio.run(main()) == [False, True, False]


def test_threads_have_modes_of_their_own() -> None:
    """A thread starts recording, whatever its maker does, and one decorated function serves several at once."""
    barrier, seen = threading.Barrier(2), []

    @no_grad()
    def inside() -> bool:
        barrier.wait()
        return recording()

    def work() -> None:
        seen.append(recording())
        seen.append(inside())
        seen.append(recording())

    with no_grad():
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(seen) == [False, False, True, True, True, True]


# --- detect_anomaly ---------------------------------------------------------------------------------------------------


def test_anomaly_in_the_forward_pass_names_operation_line_and_ranges() -> None:
    """The first result that is not finite stops the program."""
    x = leaf(0.0, 4.0)
    with detect_anomaly(), np.errstate(all="ignore"):
        y = x + 1
        called = rf"log, called at {here(+2)} "
        with pytest.raises(NonFiniteError, match=called + r".*1 of 2 not finite; its inputs.*\[0, 4\]"):
            autodiff.log(x) + y
        assert autodiff.is_anomaly_enabled()
    assert not autodiff.is_anomaly_enabled()
    with np.errstate(all="ignore"):
        assert not np.isfinite(autodiff.log(x).detach().numpy()).all()


def test_anomaly_in_the_backward_pass_names_the_forward_line_and_spares_the_weights() -> None:
    """The pole of sqrt is reported where sqrt was called; gradients and weights stay as they were."""
    w, scale = leaf(0.0, 4.0), leaf(1.0)
    with detect_anomaly():
        root = autodiff.sqrt(w)
        made = here(-1)
        with pytest.raises(
            NonFiniteError, match=rf"backward pass of sqrt, called at {made} \(root = .*not finite"
        ):
            (root * scale).sum().backward()
    assert (w.grad, scale.grad, w.tolist()) == (None, None, [0, 4])


def test_anomaly_finds_changes_behind_the_graphs_back() -> None:
    """An array that backward needs, written through NumPy, is found; one it does not need may be written."""
    array = np.array([1.0, 2.0])
    x, c = leaf(3.0, 4.0), autodiff.from_numpy(array)
    with detect_anomaly():
        y, z = (x * c).sum(), (x + c).sum()
        array[0] = 9
        z.backward()
        with pytest.raises(InPlaceError, match=r"multiply, called at .*changed behind the graph's back"):
            y.backward()
        (x * c).sum().backward()
    assert x.grad.tolist() == [10, 3]


@pytest.mark.parametrize("begin", [no_grad, inference_mode, detect_anomaly, lambda: set_grad_enabled(False)])
def test_an_interrupt_that_comes_before_the_end_of_a_block(begin: Callable[[], Any]) -> None:
    """Ctrl-C may come when ``__exit__`` has been called and has done nothing yet."""
    interrupts = []

    def interrupt(frame: Any, event: str, _: Any) -> None:
        if frame.f_code is Block.end.__code__:
            sys.settrace(None)
            interrupts.append(event)
            raise KeyboardInterrupt

    before = sys.gettrace()
    try:
        with begin():
            sys.settrace(interrupt)
    except KeyboardInterrupt:
        assert not at_rest(), "the interrupt came too late to be a test"
    finally:
        sys.settrace(before)
    assert interrupts == ["call"]
    assert at_rest()


def in_a_block() -> None:
    with no_grad():
        pass


def in_a_block_inside_another() -> None:
    with enable_grad(), no_grad():
        pass


def test_an_interrupt_that_comes_while_a_block_ends() -> None:
    """Wherever it comes, the block ends."""
    places = 0
    for places in interrupts(in_a_block, Block.end, Setting.take, everywhere=True):
        assert at_rest(), places
    assert places > 40


@pytest.mark.parametrize("run", [in_a_block, in_a_block_inside_another])
def test_an_interrupt_that_comes_while_a_block_begins(run: Callable[[], None]) -> None:
    """Wherever it comes, the block does not last."""
    places = 0
    for places in interrupts(run, Block.__enter__, Setting.put, Setting._stand, Setting.link, Setting._settle):
        assert at_rest(), places
    assert places > 10


def test_a_block_that_is_entered_by_hand_stays() -> None:
    no_grad().__enter__()
    try:
        assert not autodiff.is_grad_enabled()
    finally:
        set_grad_enabled(True)
    assert at_rest()
