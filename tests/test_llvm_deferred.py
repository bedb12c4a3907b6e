"""Cotangents that wait: the numbers, the errors and the memory of a walk in which none does."""

from __future__ import annotations

import gc
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import only_kernels

import autodiff
from autodiff.errors import NonFiniteError
from autodiff.kernels import blocks, lanes
from autodiff.kernels.llvm import library, trial
from autodiff.ops import deferred, long_arrays

SHAPE = (90, 101)


@pytest.fixture(autouse=True)
def _every_array_is_long(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(long_arrays, "MANY", 1 << 13)
    monkeypatch.setattr(blocks, "LONG", 1 << 13)
    lanes.routes()  # which the first call that could take a kernel asks for
    with only_kernels():
        yield


def _tensors(count: int, shape: tuple[int, ...] = SHAPE) -> list[Any]:
    numbers = np.random.default_rng(0).standard_normal((count, *shape)).astype(np.float32)
    return [autodiff.tensor(x, requires_grad=True) for x in numbers]


def _in_numpy(function: Callable[[], Any]) -> Any:
    lanes.set_enabled(False)
    try:
        return function()
    finally:
        lanes.set_enabled(True)


def _same(function: Callable[[], list[Any]]) -> None:
    """Both lanes give the same bits, and none of the arrays shares memory with another."""
    expected, found = _in_numpy(function), function()
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x, y)
    assert not any(np.shares_memory(x, y) for i, x in enumerate(found) for y in found[:i])


class Passes:
    """The steps and the results of each pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[int, int]] = []
        compute = deferred._compute

        def noted(ends: Any, order: Any) -> None:
            compute(ends, order)
            self.made.append((len(order), len(ends)))

        monkeypatch.setattr(deferred, "_compute", noted)


def _gradients(function: Callable[..., Any], count: int = 2) -> Callable[[], list[Any]]:
    def run() -> list[Any]:
        given = _tensors(count)
        function(*given).mean().backward()
        return [x.grad.numpy() for x in given]

    return run


def _grown(seed: int, x: Any, y: Any, z: Any) -> Any:
    """A function of random elementwise calls, and a few that are not, of what was made before."""
    random = np.random.default_rng(seed)
    made = [x, y, z]
    calls: list[Callable[[Any, Any], Any]] = [
        lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / (b * b + 1), lambda a, b: -a,
        lambda a, b: autodiff.square(a) * 0.5, lambda a, b: autodiff.relu(a), lambda a, b: a * 2.5, lambda a, b: a + 1,
        lambda a, b: a.T.reshape(SHAPE[::-1]).T * b, lambda a, b: a * b.mean(0), lambda a, b: a * b.mean(),
    ]  # fmt: skip
    for _ in range(random.integers(5, 40)):
        call = calls[random.integers(len(calls))]
        a, b = (made[-1 - min(len(made) - 1, int(random.exponential(2)))] for _ in range(2))
        out = call(a, b)
        made.append(out / (1 + autodiff.abs(out.detach()).max()))
    return made[-1] + made[len(made) // 2] * z + x * y


@pytest.mark.parametrize("seed", range(25))
def test_random_programs_have_numpys_bits(seed: int) -> None:
    """Whatever shares its cotangent with what, waits or does not wait."""
    _same(_gradients(lambda x, y, z: _grown(seed, x, y, z), 3))


def test_a_step_is_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradients of all leaves are made together, and nothing else is written."""
    passes = Passes(monkeypatch)
    _gradients(lambda x, y: autodiff.sigmoid(x * y) + autodiff.tanh(x) * autodiff.exp(-y * y))()
    assert passes.made == [(13, 2)]
    assert any(kind == "cotangents in one pass" for kind, _ in library._kernels)


def test_a_long_chain_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no kernel is long."""

    def function(x: Any, y: Any) -> Any:
        for _ in range(50):
            x = x * y - x
        return x

    passes = Passes(monkeypatch)
    _same(_gradients(function))
    assert len(passes.made) > 1
    assert max(steps for steps, _ in passes.made) <= 2 * deferred.MOST


def test_what_another_kind_of_call_takes_is_computed_first() -> None:
    """A branch that is not elementwise, beside one that is."""
    _same(_gradients(lambda x, y: (x * y + 1) * y + autodiff.cumsum(x * y, 0) * x))


def test_leaves_of_one_cotangent_have_gradients_of_their_own() -> None:
    """A sum hands the same numbers to both; so does a reshape that changes nothing."""
    _same(_gradients(lambda x, y: (x + y) * (x + y)))
    _same(_gradients(lambda x, y: ((x + y.reshape(SHAPE) + y) * 3.5) * x.detach()))


def test_other_shapes_and_dtypes() -> None:
    """Operands that were stretched, single numbers, and double precision, for which there is no kernel."""

    def run(dtype: Any = np.float32) -> list[Any]:
        x, row, one = (autodiff.tensor(z.detach().numpy().astype(dtype), requires_grad=True) for z in (
            *_tensors(1), *_tensors(1, (101,)), *_tensors(1, ())))  # fmt: skip
        ((x * row - one) * x * one).mean().backward()
        return [z.grad.numpy() for z in (x, row, one)]

    _same(run)
    _same(lambda: run(np.float64))


def test_hooks_and_inner_gradients_see_arrays() -> None:
    """A hook is called once, with the whole cotangent; so is what retains its gradient, or is asked for it."""

    def run() -> list[Any]:
        x, y = _tensors(2)
        seen: list[Any] = []
        a = x * y
        b = a * y
        c = b * x + a
        a.register_hook(lambda g: seen.append(g.numpy().copy()) or g * 2)
        b.retain_grad()
        (c * c).mean().backward()
        p, q = _tensors(2)
        r = p * q
        return [*seen, b.grad.numpy(), x.grad.numpy(), *(
            g.numpy() for g in autodiff.autograd.grad((r * q * p).mean(), (r, p)))]  # fmt: skip

    _same(run)


def test_a_hook_that_comes_while_the_walk_is_on_its_way_sees_an_array() -> None:
    """Also where its node's cotangent has waited already."""

    def run() -> list[Any]:
        x, y = _tensors(2)
        seen: list[Any] = []
        a, b = x * y, autodiff.cumsum(x, 0)
        b.register_hook(lambda g: a.register_hook(lambda g: seen.append(g.numpy().copy()) or g * 2) and None)
        c = b * 1.5  # is visited before a
        (a * y + c).mean().backward()
        return [*seen, x.grad.numpy(), y.grad.numpy()]

    assert len(run()) == 3
    _same(run)


def test_a_graph_that_is_kept_is_walked_again() -> None:
    """With the same result, and gradients that add up."""

    def run() -> list[Any]:
        x, y = _tensors(2)
        out = ((x * y - x) / (y * y + 2)).mean()
        out.backward(retain_graph=True)
        first = x.grad.numpy().copy()
        out.backward()
        return [first, x.grad.numpy(), y.grad.numpy()]

    _same(run)


def test_what_waits_reads_the_values_of_its_time() -> None:
    """A backward pass of the user's that overwrites a value after the node that saved it was visited."""

    def run() -> list[Any]:
        x, y = _tensors(2)
        factor = autodiff.tensor(_tensors(1)[0].detach().numpy().copy())

        class Overwriting(autodiff.autograd.Function):
            @staticmethod
            def forward(ctx: Any, z: Any) -> Any:
                return z.clone()

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                factor.zero_()
                return g * 2

        ((Overwriting.apply(x) * y) * factor).mean().backward()
        return [x.grad.numpy(), y.grad.numpy()]

    _same(run)


def test_zeros_of_a_selection_stay_zeros() -> None:
    """What was not selected stays out, also where an infinite slope is met by what waited."""

    def run() -> list[Any]:
        x, y = _tensors(2)
        with autodiff.no_grad():
            x[::7] = 0
        z = 1 / (x * 1.5) * y
        (autodiff.where(x > 0, z, y) * y).mean().backward()
        return [x.grad.numpy(), y.grad.numpy()]

    with np.errstate(all="ignore"):
        assert all(np.isfinite(g).all() for g in run())
        _same(run)


def test_a_true_infinity_is_told_as_ever() -> None:
    """An infinite slope that counts, and NaN that nobody asked not to have."""

    def run() -> list[Any]:
        x, y = _tensors(2)
        with autodiff.no_grad():
            x[3, 5], y[3, 5], y[4, 4] = 0, 0, np.inf
        (y / x * y - x * y * y).mean().backward()
        return [x.grad.numpy(), y.grad.numpy()]

    with np.errstate(all="ignore"):
        _same(run)


def test_anomalies_are_found_where_they_are_made() -> None:
    """Under ``detect_anomaly`` nothing waits."""

    def told() -> str:
        x, y = _tensors(2)
        with autodiff.no_grad():
            x[0, 0] = 0
        with autodiff.autograd.detect_anomaly(), pytest.raises(NonFiniteError) as caught:
            (autodiff.sqrt(autodiff.abs(x)) * y * y).mean().backward()
        return str(caught.value)

    assert told() == _in_numpy(told)


def test_what_is_to_be_overwritten_may_be_any_number() -> None:
    """The trial of a kernel says nothing of memory that nobody has written yet."""
    job = "a name", (), lambda *_: None, lambda kernel: True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        given = (np.full(SHAPE, 3e38, np.float32),)
        assert trial.passes(None, ("a name", ()), lambda *_: job, lambda *_: True, given, {})


def test_nothing_of_a_walk_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waited goes with its walk, and no garbage collection is needed for that."""
    left: list[Any] = []
    make = deferred.Deferred.__init__

    def noted(self: Any, *arguments: Any) -> None:
        make(self, *arguments)
        left.append(weakref.ref(self))

    monkeypatch.setattr(deferred.Deferred, "__init__", noted)
    gc.disable()
    try:
        _gradients(lambda x, y: (x * y - x) / (y * y + 2) + x)()
        assert left
        assert not [x for x in left if x() is not None]
    finally:
        gc.enable()
    assert not deferred.in_doubt
