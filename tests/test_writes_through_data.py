"""Writes through ``.data``: where nothing that the backward pass needs lies they pass, as in PyTorch; elsewhere not."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers import leaf
from parity.harness import Near, compare

import autodiff
from autodiff import Tensor, no_grad
from autodiff.engine import versions
from autodiff.errors import InPlaceError
from autodiff.kernels.parts import MOST

NUMBERS = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
WRITES: dict[str, Callable[[Tensor], Any]] = {
    "an entry": lambda x: x.data.__setitem__((0, 2), 9.0),
    "a column": lambda x: x.data.__setitem__((slice(None), 2), 9.0),
    "the last of each": lambda x: x.data.__setitem__((..., -1), autodiff.ones(2, dtype=x.dtype)),
    "a view's entry": lambda x: x.data[1].__setitem__(2, 9.0),
    "a method of a view": lambda x: x.data[:, 2].mul_(2),
    "what fills": lambda x: x.data[:, 2:].zero_(),
    "data of a view": lambda x: x[:, 2].data.copy_(autodiff.ones(2, dtype=x.dtype)),
    "random numbers": lambda x: x.data[:, 2].uniform_(),
}


def made(x: Tensor) -> tuple[Tensor, Tensor]:
    """A tensor of the graph, and what needs its first two columns."""
    y = x * 1
    return y, (y[:, :2] * y[:, :2]).sum()


@pytest.mark.parametrize("name", WRITES)
def test_what_was_not_saved_may_be_written(name: str) -> None:
    """The gradient is that of what was computed: the entries lie between those that were saved."""
    x = leaf(NUMBERS)
    y, loss = made(x)
    for _ in range(3):
        WRITES[name](y)
    loss.backward()
    assert x.grad.tolist() == [[2, 4, 0], [8, 10, 0]]


@pytest.mark.parametrize("between", [lambda y: None, lambda y: y.data[:, 2].zero_(), lambda y: y.data[:, :2].zero_()])
@pytest.mark.parametrize("name", [
    "data[:, 1]", "data[0]", "data", "data[[0, 1], [0, 1]]", "no_grad()", "detach()[:, 2]",
])  # fmt: skip
def test_what_was_saved_may_not(name: str, between: Callable[[Tensor], Any]) -> None:
    """Before and after writes to other entries as well, and by an index of arrays; PyTorch would be wrong.

    Other ways of writing count for all of the memory, as in PyTorch.
    """
    y, loss = made(leaf(NUMBERS))
    between(y)
    if name == "no_grad()":
        with no_grad():
            y[:, 2] += 1
    else:
        exec(f"y.{name} += 1")
    between(y)
    with pytest.raises(InPlaceError, match=r"multiply.*was changed in place"):
        loss.backward()


def test_many_parts_count_as_the_whole() -> None:
    """What is remembered of one piece of memory has an end, and goes with it; a write of the whole begins anew."""
    y, loss = made(leaf(NUMBERS))
    for _ in range(MOST):
        y.data[:, 2] = 0
    loss.backward()
    y.data[:] = 0
    loss = (y[:, :2] * y[:, :2]).sum()
    for _ in range(MOST + 1):
        y.data[:, 2] = 0
    with pytest.raises(InPlaceError):
        loss.backward()
    key = id(y._array)
    assert key in versions._changes
    del y, loss
    gc.collect()
    assert key not in versions._changes


def test_stages_written_one_after_another() -> None:
    """As solvers of differential equations do it: each stage reads the ones before, and is written beside them."""

    def program(lib: Any, x: Any, w: Any) -> Any:
        class Assign(lib.autograd.Function):
            @staticmethod
            def forward(ctx: Any, scratch: Any, value: Any, index: Any) -> Any:
                ctx.index = index
                scratch.data[index] = value
                return scratch

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g, g[ctx.index], None

        k = Assign.apply(lib.empty(2, 5, dtype=x.dtype), (x * w[:2]).sin(), (..., 0))
        for i in range(4):
            stage = x + lib.sum(k[..., : i + 1] * (w[: i + 1] * 0.5), dim=-1)
            k = Assign.apply(k, (stage * stage).sin(), (..., i + 1))
        return k[..., -1], (k * w[0]).sum()

    compare(program, np.array([0.5, -1.5]), np.array([0.4, 0.3, -0.2, 0.7]), near=Near(1e-13))


REFUSED: dict[str, Callable[[Tensor], Any]] = {
    "all of it": lambda x: x.data.clamp_(0.0, 1.0),
    "filled": lambda x: x.data.zero_(),
    "an entry": lambda x: x.data.__setitem__((0, 0), 9.0),
    "copied": lambda x: x.data.copy_(autodiff.ones(2, 3, dtype=x.dtype)),
    "by an operator": lambda x: x.data.__imul__(2),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_that_data_can_be_assigned(name: str) -> None:
    """Of a leaf and of a result; the repair leaves the gradient of the values before."""
    for of in (leaf(NUMBERS), leaf(NUMBERS) * 1):
        loss = (of * of).sum()
        REFUSED[name](of)
        with pytest.raises(InPlaceError, match=r"through \.data at .*; assign x\.data = "):
            loss.backward()
    x = leaf(NUMBERS)
    loss = (x * x).sum()
    x.data = x.data.clamp(0.0, 1.0)
    loss.backward()
    assert x.grad.tolist() == (2 * np.array(NUMBERS)).tolist()
