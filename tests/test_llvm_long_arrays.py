"""Arithmetic of long arrays by kernels: NumPy's bits, NumPy's warnings, gradients of any order."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import only_kernels

import autodiff
from autodiff.kernels import blocks, lanes
from autodiff.kernels.llvm import library
from autodiff.ops import long_arrays

RULES: dict[str, Callable[..., Any]] = {
    "sum": lambda x, y: x + y,
    "difference": lambda x, y: x - y,
    "product": lambda x, y: x * y,
    "quotient": lambda x, y: x / y,
    "negative": lambda x, y: -x * y,
    "square": lambda x, y: autodiff.square(x) + y,
    "exp": lambda x, y: autodiff.exp(x * 0.5) * y,
    "by a number": lambda x, y: 3.5 * x + y * 2 - 0.1,
    "by a row": lambda x, y: x * y[0] + y[:, :1],
    "turned": lambda x, y: x.T * y.T,
    "with itself": lambda x, y: x * x * y,
}


@pytest.fixture(autouse=True)
def _every_array_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_arrays, "MANY", 1 << 13)
    monkeypatch.setattr(blocks, "LONG", 1 << 13)
    lanes.routes()  # which the first call that could take a kernel asks for


def _numbers(rule: Callable[..., Any]) -> list[Any]:
    """The result, and two orders of gradients, of a mean, whose cotangent is one number, and of another function."""
    found = []
    for whole in (lambda z: z.mean(), lambda z: (z * z).sum()):
        x, y = (autodiff.tensor(z, requires_grad=True) for z in _inputs())
        first = autodiff.autograd.grad(whole(out := rule(x, y)), (x, y), create_graph=True)
        second = autodiff.autograd.grad(sum((c * c).sum() for c in (out, *first)), (x, y))
        found += [c.detach().numpy() for c in (out, *first, *second)]
    return found


def _inputs() -> Any:
    return np.random.default_rng(0).standard_normal((2, 90, 101)).astype(np.float32) + np.float32(3)


@pytest.mark.parametrize("name", RULES)
def test_rules_of_long_arrays_have_numpys_bits(name: str) -> None:
    """Each call rounds as NumPy's does; exp is another function, and a sum of its own."""
    lanes.set_enabled(False)
    try:
        expected = _numbers(RULES[name])
    finally:
        lanes.set_enabled(True)
    with only_kernels():
        found = _numbers(RULES[name])
        assert any(kind.startswith("the formula") for kind, _ in library._kernels)
    for a, b in zip(found, expected, strict=True):
        if name == "exp":
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4)
        else:
            np.testing.assert_array_equal(a, b)


def _said(function: Callable[..., Any], *numbers: float) -> list[str]:
    """What NumPy says of a function of long arrays, which have these numbers in one place."""
    arrays = [autodiff.tensor(z) for z in _inputs()]
    for z, number in zip(arrays, numbers, strict=False):
        z.numpy()[50, 50] = number
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*arrays)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("function", "numbers", "said"),
    [
        (lambda x, y: x * y, (1e30, 1e30), "overflow encountered in multiply"),
        (lambda x, y: x * y, (np.inf, 0), "invalid value encountered in multiply"),
        (lambda x, y: x - y, (np.inf, np.inf), "invalid value encountered in subtract"),
        (lambda x, y: x / y, (1, 0), "divide by zero encountered in divide"),
        (lambda x, y: autodiff.exp(x), (1000, 1), "overflow encountered in exp"),
        (lambda x, y: x * y, (np.inf, 1), ""),
        (lambda x, y: x + y, (np.nan, 1), ""),
    ],
)  # fmt: skip
def test_warnings_are_numpys(function: Callable[..., Any], numbers: Any, said: str) -> None:
    """Of what becomes infinite, or none, and of nothing that was so before."""
    with only_kernels():
        _said(function, 1, 1)
        assert _said(function, *numbers) == [said] * bool(said)


def test_a_selection_leaves_out_what_is_infinite() -> None:
    """The walk hears of a NaN that a kernel makes, and looks what it comes from: 0 times an infinite slope is 0."""

    def slope() -> Any:
        x = autodiff.tensor(_inputs()[0])
        x.numpy()[0, 0] = 0
        x.requires_grad_()
        autodiff.where(x > 0, 1 / x, x * 2).sum().backward()
        return x.grad.numpy()

    with np.errstate(divide="ignore"):
        lanes.set_enabled(False)
        try:
            expected = slope()
        finally:
            lanes.set_enabled(True)
        with only_kernels():
            found = slope()
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, expected)


def test_a_compiled_step_has_the_bits_of_the_step() -> None:
    """A stretch rounds as the rules of a step do."""

    def step(x: Any, y: Any) -> Any:
        x = x.detach().requires_grad_()
        (x * y - x / y).mean().backward()
        return x.grad

    with only_kernels():
        x, y = map(autodiff.tensor, _inputs())
        run = autodiff.compile(step)
        for _ in range(5):
            np.testing.assert_array_equal(run(x, y).numpy(), step(x, y).numpy())
        assert len(run.programs) == 1
