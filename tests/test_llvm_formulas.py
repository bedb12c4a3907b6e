"""Formulas as kernels: NumPy's bits, in place too, and NumPy wherever a formula is more than its calls say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import MACHINES, only_kernels, workers

import autodiff
import optim
from autodiff.kernels import lanes
from autodiff.kernels.lanes import routed
from autodiff.kernels.llvm import formulas, library

OPTIMIZERS: list[Callable[[Any], Any]] = [
    lambda p: optim.SGD(p, lr=0.1),
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-3),
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.3),
    lambda p: optim.Adam(p, lr=0.01, weight_decay=0.1),
    lambda p: optim.Adam(p, amsgrad=True),
    lambda p: optim.AdamW(p, lr=0.01),
    lambda p: optim.NAdam(p),
    lambda p: optim.RAdam(p),
    lambda p: optim.Adagrad(p),
    lambda p: optim.Adadelta(p),
    lambda p: optim.Adamax(p),
    lambda p: optim.RMSprop(p, momentum=0.9, centered=True),
]  # fmt: skip


def _trained(make: Callable[[Any], Any]) -> list[Any]:
    random = np.random.default_rng(0)
    x = autodiff.tensor(random.standard_normal((333, 301)).astype(np.float32), requires_grad=True)
    optimizer, found = make([x]), []
    for _ in range(7):
        x.grad = autodiff.tensor(random.standard_normal((333, 301)).astype(np.float32))
        optimizer.step()
        found.append(x.detach().numpy().copy())
    return found


@pytest.mark.parametrize("kind", MACHINES)
def test_optimizers_have_the_same_bits_in_both_lanes(kind: str) -> None:
    """Each law rounds where NumPy rounds, whatever the number of steps; those that can be taken are."""
    for make in OPTIMIZERS:
        lanes.set_enabled(False)
        try:
            expected = _trained(make)
        finally:
            lanes.set_enabled(True)
        with only_kernels(kind), workers(2):
            np.testing.assert_array_equal(_trained(make), expected)


def test_sgd_and_adam_are_taken() -> None:
    """The laws of most trainings are kernels, one for any learning rate."""
    with only_kernels():
        for rate in (0.1, 0.2, 0.3):
            _trained(lambda p, rate=rate: optim.SGD(p, lr=rate, momentum=0.9, weight_decay=rate))
            _trained(lambda p, rate=rate: optim.AdamW(p, lr=rate))
        assert sorted(kind for kind, _ in library._kernels) == ["the formula adam", "the formula sgd"]


def _applied(first: Any, law: Callable[..., Any], arguments: Any) -> Any:
    return law(*arguments)


def _refused(function: Callable[..., Any], *arguments: Any) -> None:
    with only_kernels():
        assert formulas.formula(None, function, arguments) is None


def test_what_is_no_formula_is_left_to_numpy() -> None:
    """A branch, a shape, another function, a sum, numbers among themselves, and arrays that share memory."""
    x, y = np.ones((2, formulas.LONG), np.float32)

    def change(x: Any, y: Any) -> None:
        np.add(x, y, x)

    _refused(lambda x: x if x > 0 else -x, x)
    _refused(lambda x: x * x.size, x)
    _refused(lambda x: np.exp(x), x)
    _refused(lambda x: np.add.reduce(x), x)
    _refused(lambda x, a: x * (1 - a), x, 0.3)
    _refused(lambda x: x, x)
    _refused(lambda x, y: x * y, x, y.astype(np.float64))
    _refused(lambda x, y: x * y, x, y[::2])
    _refused(change, x, x[::-1])
    whole = np.ones(formulas.LONG + 1, np.float32)
    _refused(change, whole[1:], whole[:-1])
    with only_kernels():
        assert routed("formula", _applied, x, change, (x, y)) is True
        assert (x == 2).all()


@pytest.mark.parametrize("extra", [0, 1, 15])
def test_any_size_and_numbers_that_are_none(extra: int) -> None:
    """Sizes that are no multiple of a vector; NaN and infinities as in NumPy."""
    random, size = np.random.default_rng(extra), formulas.LONG + extra
    x, y = random.standard_normal((2, size)).astype(np.float32)
    x[[0, 5, -1]], y[[1, 5, -2]] = np.nan, np.inf

    def law(x: Any, y: Any, rate: Any) -> Any:
        return np.sqrt(np.absolute(x)) / y - rate * x * y + -x * 2

    with only_kernels(), np.errstate(all="ignore"):
        np.testing.assert_array_equal(routed("formula", _applied, x, law, (x, y, 0.3)), law(x, y, 0.3))
