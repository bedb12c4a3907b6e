"""Steps that users write, each compiled and as it stands, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled_training import Training, batch, compare

import autodiff
from nn import functional as F


def test_a_function_with_a_backward_of_its_own_is_written_down() -> None:
    class Square(autodiff.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 2 * g * x

    def make(is_compiled: bool) -> Any:
        training = Training()
        training.extra = lambda out: Square.apply(out).mean()
        return training, training.step, batch, lambda: None

    assert compare(make).programs


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "weighted classes": lambda out, y: F.cross_entropy(out, y, weight=out.detach()[0].exp()),
    "ignored": lambda out, y: F.nll_loss(out.log_softmax(1), y, ignore_index=1),
    "alignment": lambda out, y: F.ctc_loss(
        out.log_softmax(-1)[:, None], (y[:1] % 2 + 1)[None], autodiff.tensor([4]), autodiff.tensor([1])
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_whose_numbers_depend_on_targets_are_written_down(name: str) -> None:
    def make(is_compiled: bool) -> Any:
        training = Training()

        def step(x: Any, y: Any) -> Any:
            training.optimizer.zero_grad()
            loss = LOSSES[name](training.model(x), y)
            loss.backward()
            training.optimizer.step()
            return loss

        return training, step, batch, lambda: None

    assert compare(make).programs


def test_one_number_as_a_view_is_written_into() -> None:
    def step(x: Any) -> Any:
        total = x.sum()
        total[()].clamp_(-0.5, 1.0)
        x[1].mul_(3)
        x[..., 0].add_(total)
        return total + x.sum()

    compiled = autodiff.compile(step)
    for i in range(6):
        given = [autodiff.tensor([1.0, -2.0, 4.0]) * i for _ in range(2)]
        assert compiled(given[0]).item() == step(given[1]).item()
        assert given[0].tolist() == given[1].tolist()
    assert compiled.programs, compiled.summary()


def test_a_copy_that_lies_otherwise_is_made() -> None:
    """Products of vectors go by how these lie in memory: backwards, or every other number."""
    for way in (slice(None, None, -1), slice(None, None, 2)):

        def step(x: Any, way: slice = way) -> Any:
            return autodiff.dot(x[way].clone(), x[way].clone())

        compiled, draw = autodiff.compile(step), np.random.default_rng(0)
        for _ in range(40):
            x = autodiff.tensor(draw.standard_normal(9))
            assert compiled(x).item() == step(x).item()


def test_a_tensor_that_is_all_of_another() -> None:
    """A view of all of its base, which both are in reach."""
    base = autodiff.eye(3)
    whole = base.expand(3, 3)
    compiled = autodiff.compile(lambda x: (x @ base + whole).sum())
    for i in range(5):
        x = autodiff.ones(2, 3) * i
        assert compiled(x[:1]).item() == 3 * float(x[:1].sum()) + 3
    assert compiled.programs, compiled.summary()
