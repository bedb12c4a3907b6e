"""Stretches of elementwise calls of a compiled step as one kernel: the bits of the step, whatever the calls are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import only_kernels, workers

import autodiff
import optim
from autodiff.compiling.blocks import passed

F = autodiff.nn.functional


def _loss(x: Any, y: Any) -> Any:
    return (autodiff.sigmoid(x * y) + autodiff.tanh(x) * autodiff.exp(-y * y)).mean()


def _branches(x: Any, y: Any) -> Any:
    h = F.relu(x - y / 2) + F.gelu(y) * 0.3
    return (h * h - (x + y).abs().sqrt() * x.square() + h.sigmoid() * h).sum()


def _both(loss: Callable[..., Any], make: Callable[[Any], Any]) -> tuple[Any, list[Any], list[Any]]:
    """A compiled step, what it leaves after each of six calls with other data, and what the step alone leaves."""
    found, compiled = [], None
    for is_compiled in (True, False):
        random = np.random.default_rng(0)
        x, y = (autodiff.tensor(random.standard_normal((331, 301)).astype("f"), requires_grad=True) for _ in range(2))
        optimizer = make([x, y])

        def step(data: Any, x: Any = x, y: Any = y, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            value = loss(x * data, y)
            value.backward()
            optimizer.step()
            return value

        run, left = autodiff.compile(step) if is_compiled else step, []
        compiled = run if is_compiled else compiled
        for _ in range(6):
            value = run(autodiff.tensor(random.standard_normal((331, 301)).astype("f")))
            left.append([v.detach().numpy().copy() for v in (value, x, y, x.grad, y.grad)])
        found.append(left)
    return compiled, *found


@pytest.mark.parametrize("loss", [_loss, _branches])
@pytest.mark.parametrize("make", [
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-3), lambda p: optim.AdamW(p, lr=0.01),
    lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
])  # fmt: skip
@pytest.mark.parametrize("number", [1, 2])
def test_a_stretch_is_one_kernel_with_the_bits_of_the_step(loss: Any, make: Any, number: int) -> None:
    """Values, gradients and parameters, at sizes that are no multiple of a vector, with an optimizer's own numbers."""
    with only_kernels(), workers(number):
        compiled, *both = _both(loss, make)
        assert sum(getattr(made, "func", None) is passed for _, made in compiled.programs[-1].memory.pairs) >= 2
    for mine, theirs in zip(*both, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_nan_made_of_numbers_sends_a_call_another_way() -> None:
    """0 / 0 in the backward pass: the step itself finds that it is 0, for a mask stops it."""

    def step(x: Any, w: Any) -> Any:
        x = x.detach().requires_grad_()
        ((x * 2).log() * w * 1.5).sum().backward()
        return x.grad

    with only_kernels(), np.errstate(all="ignore"):
        compiled, random = autodiff.compile(step), np.random.default_rng(0)
        for turn in range(8):
            x, w = (random.uniform(0.5, 2, (256, 256)).astype("f") for _ in range(2))
            x[3, 5] = w[3, 5] = turn not in (5, 7)
            given = autodiff.tensor(x), autodiff.tensor(w)
            found = compiled(*given).numpy()
            assert np.isfinite(found).all()
            np.testing.assert_array_equal(found, step(*given).numpy())
        assert any(getattr(made, "func", None) is passed for _, made in compiled.programs[-1].memory.pairs)


def test_a_call_of_a_kernel_alone_writes_where_its_result_belongs() -> None:
    """A net's relu between two products: its kernel's result is not copied to the program's memory."""
    random = np.random.default_rng(0)
    w, v = (autodiff.tensor(random.standard_normal((256, 256)).astype("f"), requires_grad=True) for _ in range(2))

    def step(x: Any, w: Any = w, v: Any = v) -> Any:
        w.grad = v.grad = None
        loss = (F.relu(x @ w) @ v).sum()
        loss.backward()
        return loss

    data = [autodiff.tensor(random.standard_normal((300, 256)).astype("f")) for _ in range(5)]
    with only_kernels():
        compiled, found = autodiff.compile(step), []
        for run in (compiled, step):
            found.append([[y.detach().numpy().copy() for y in (run(x), w.grad, v.grad)] for x in data])
        calls = [(call, made) for call, made in compiled.programs[-1].memory.pairs if "relu" in repr(call.function)]
    assert len(calls) == 2
    assert all(getattr(made, "func", None) is passed for _, made in calls)
    for mine, theirs in zip(*found, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
