"""Faults that are planted in the compiler are found, and threads do not meet."""

from __future__ import annotations

import gc
import math
import threading
from functools import partial
from typing import Any

import numpy as np
import pytest
from compiled import Way, bits, side_by_side

import autodiff
import nn
import optim
from autodiff.compiling import capture, plan, replay, step
from autodiff.compiling.calls import Reading
from autodiff.compiling.traced import Traced
from autodiff.errors import AutodiffWarning, LinalgError, OptionError

RNG = np.random.default_rng(0)


def training() -> Way:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.05)

    def run(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Way(run, [*model.parameters(), *model.buffers()], optimizer)


def data(i: int) -> tuple[Any, ...]:
    return RNG.normal(size=(6, 3)).astype(np.float32), RNG.integers(0, 2, 6)


def found_at_once() -> bool:
    """Whether the comparison refuses the program; the step comes to the right bits all the same."""
    compiled = side_by_side(training, data)
    return not compiled.programs and "came to" in " ".join(compiled.said).replace("comes", "came")


def test_a_constant_that_is_baked(monkeypatch: pytest.MonkeyPatch) -> None:
    """An array whose calls are left out keeps the value of the run in which notes were taken."""
    monkeypatch.setattr(plan.Memory, "_is_constant", lambda self, call: call.part == "tanh" and not call.writes)
    assert found_at_once()


def test_a_number_that_is_baked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bias corrections that are not computed again."""
    monkeypatch.setattr(capture.Numbers, "refresh", lambda self: None)
    compiled = side_by_side(training, data)
    assert not compiled.programs


def test_a_buffer_that_is_used_again_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that is given away one call before its last use."""
    early = plan.Memory._place

    def place(self: Any, i: int, call: Any) -> None:
        self._last = {root: last - (last > i + 2) for root, last in self._last.items()}
        early(self, i, call)

    monkeypatch.setattr(plan.Memory, "_place", place)
    assert found_at_once()


def test_a_write_before_a_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statistics are written before labels are looked at: what was written is undone when the guard fails."""
    way = training()
    compiled = autodiff.compile(way.step)
    for _ in range(4):
        compiled(*map(autodiff.tensor, data(0)))
    before = [bits(x) for x in way.tensors]
    assert any(isinstance(call.function, Reading) for call, _ in compiled.programs[0].memory.pairs)
    x, _ = data(0)
    with pytest.raises(OptionError):
        compiled(autodiff.tensor(x), autodiff.tensor(np.array([0, 1, 0, 1, 5, 0])))
    assert [bits(x) for x in way.tensors[:4]] == before[:4]
    program = compiled.programs[0]
    monkeypatch.setattr(program, "_undone", [])
    with pytest.raises(replay.Changed):
        program.replay([x, np.array([0, 1, 0, 1, 5, 0])])
    assert [bits(x) for x in way.tensors] != before, "the test would not see a write that is left"


def test_a_value_that_goes_past_the_notes() -> None:
    """What reads an array without asking NumPy finds garbage, so that it cannot be right by chance."""
    weights = np.ones(3, np.float32)

    def run(x: Any) -> Any:
        return x * autodiff.tensor(np.array(x.detach().numpy()) * weights)  # a copy in C

    compiled, x = autodiff.compile(run), autodiff.tensor([1.0, 2.0, 3.0])
    with pytest.warns(AutodiffWarning, match="another result"):
        results = [compiled(x) for _ in range(4)]
    assert [r.tolist() for r in results] == [[1.0, 4.0, 9.0]] * 4


def test_a_product_that_numpy_takes_for_invalid() -> None:
    """OpenBLAS may compute with what lies behind a vector; the program goes on unless there is NaN in the product."""

    def dot(value: float, out: Any) -> None:
        out.fill(value)
        raise FloatingPointError

    first, second = np.zeros(2), np.zeros(2)
    replay.make([partial(dot, 1.0, first), partial(np.add, 1, 2, second)])
    assert first.tolist() == [1, 1]
    assert second.tolist() == [3, 3]
    with pytest.raises(FloatingPointError):
        replay.make([partial(dot, math.nan, first)])
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
        replay.make([partial(np.subtract, math.inf, math.inf, second)])


def test_two_threads_compile_at_once() -> None:
    """Each takes notes of its own step, and neither sees the other's arrays."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            way = training()
            compiled, plain = autodiff.compile(way.step), training()
            with autodiff.no_grad():
                for p, q in zip(plain.tensors, way.tensors, strict=True):
                    p.copy_(q)
            for _ in range(12):
                x, y = map(autodiff.tensor, data(0))
                assert bits(compiled(x, y)) == bits(plain.step(x, y))
            assert compiled.programs
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    assert not step.random.noting


def test_notes_are_forgotten() -> None:
    """A program keeps its own memory, and nothing of the run in which notes were taken."""
    before = [x for x in gc.get_objects() if type(x) is Traced]  # of failures that pytest keeps
    way = training()
    compiled = autodiff.compile(way.step)
    for _ in range(4):
        compiled(*map(autodiff.tensor, data(0)))
    assert compiled.programs
    gc.collect()
    assert len([x for x in gc.get_objects() if type(x) is Traced]) <= len(before)


def compared(step: Any, *sets: Any) -> Any:
    """A compiled step that came to the bits of the step for each set of arguments."""
    compiled = autodiff.compile(step)
    for given in sets:
        expected = step(*given)
        assert bits(compiled(*given)) == bits(expected)
    return compiled


def test_results_that_are_nan() -> None:
    """What goes past the notes is found where the results are NaN, too: garbage is a NaN of its own."""

    def step(x: Any) -> Any:
        x = x.detach().requires_grad_()
        (slope,) = autodiff.grad([autodiff.var((x[:4].sigmoid() * 3.0), 0)], [x], create_graph=True)
        return autodiff.grad([(slope * slope).sum()], [x])[0]

    base = np.array([-0.4, 0.2, -1.8, 1.5, 0.9, np.nan], np.float32)
    assert compared(step, *[(autodiff.tensor(np.roll(base, i)),) for i in range(8)]).programs


def test_layouts_of_what_is_like_another() -> None:
    """Ones like a tensor have its layout, also while notes are taken."""

    def step(x: Any) -> Any:
        h = (x - 1.0) ** 2
        return autodiff.ones_like(h) * h

    x = autodiff.tensor(RNG.normal(size=(3, 2, 2, 1))).permute(1, 2, 3, 0)
    assert compared(step, *[(x,)] * 5).programs


def test_an_error_in_a_replay_is_the_step_s_own() -> None:
    """A matrix that is singular in a later call raises what the step raises."""
    compiled = autodiff.compile(lambda a: autodiff.linalg.inv(a))
    for i in range(5):
        compiled(autodiff.tensor(np.eye(2) * (i + 1)))
    assert compiled.programs
    with pytest.raises(LinalgError):
        compiled(autodiff.tensor(np.zeros((2, 2))))


def test_parameters_that_are_arguments() -> None:
    """Another parameter of the same shape is another case."""
    first, second = (autodiff.tensor([float(i), 2.0], requires_grad=True) for i in range(2))

    def step(w: Any) -> Any:
        w.grad = None
        (w * w).sum().backward()
        return w.grad

    compared(step, *[(first,)] * 5, *[(second,)] * 5, (first,), (second,))
