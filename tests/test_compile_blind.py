"""Functions that look at the numbers of a tensor look at those of each replay: none reads an array past the notes."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from compiled import Way, replays, side_by_side

import autodiff
import nn
from autodiff.compiling.traced import Traced
from autodiff.errors import AutodiffWarning
from autodiff.kernels import lending

RNG = np.random.default_rng(0)


def uniform(*shape: int) -> Any:
    return RNG.random(shape, np.float32)


def counts(*shape: int) -> Any:
    return RNG.integers(1, 5, shape).astype(np.float32)


LARGE = nn.AdaptiveLogSoftmaxWithLoss(3, 9, [2, 5])
STEPS: dict[str, tuple[Any, Any]] = {
    "hard weights": (
        lambda x: nn.functional.gumbel_softmax(x, hard=True), lambda i: (uniform(4, 3),),
    ),
    "binomial draws": (lambda n, p: autodiff.binomial(n, p), lambda i: (counts(4), uniform(4))),
    "degrees of polynomials": (
        lambda x, n: autodiff.special.chebyshev_polynomial_t(x, n), lambda i: (uniform(3), np.roll([0.0, 1, 2], i)),
    ),
    "draws of a distribution": (lambda a: autodiff.distributions.Gamma(a, a).sample(), lambda i: (uniform(4) + 1,)),
    "drawn classes": (lambda p: autodiff.distributions.Categorical(p).sample((5,)), lambda i: (uniform(4),)),
    "tensors of arrays": (
        lambda x, y: autodiff.tensor(x.numpy()) * autodiff.as_tensor(y.numpy(), dtype=autodiff.float32),
        lambda i: (uniform(4), counts(4).astype(np.float64)),
    ),
    "a tensor of arrays in lists": (
        lambda x, y: autodiff.tensor([[x.numpy(), y.numpy()], [[0, 1, 2, 3], y.numpy()]], dtype=autodiff.float64) * 2,
        lambda i: (uniform(4), counts(4)),
    ),
    "a tensor of numbers": (lambda x: autodiff.tensor([x[0], 2.0, x[1].sum()]) * 2, lambda i: (uniform(4),)),
    "a tensor of a tensor": (lambda x: autodiff.tensor(x.detach()) * 2, lambda i: (uniform(4),)),
    "groups of classes": (
        lambda x, y: LARGE(x, y).loss.detach(), lambda i: (uniform(4, 3), np.roll([0, 3, 6, 8], i)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_the_numbers_are_those_of_the_call(name: str) -> None:
    """Each step is replayed, on other numbers in each of six calls."""
    step, data = STEPS[name]
    assert replays(side_by_side(lambda: Way(step, []), data))


def test_edges_are_those_of_the_call() -> None:
    """A histogram whose edges NumPy gives in a list runs as it stands, and says so: they are not baked in."""

    def step(x: Any, edges: Any) -> Any:
        return autodiff.histogramdd(x, [edges]).hist

    compiled = side_by_side(lambda: Way(step, []), lambda i: (uniform(9, 1), np.sort(uniform(4))))
    assert not compiled.programs
    assert "arrays in lists" in compiled.said[0]


def test_nothing_stays_of_notes_that_come_to_nothing() -> None:
    """A step that runs as it stands lets go of all that was noted, without a search for cycles."""
    w = autodiff.ones(3).requires_grad_()
    compiled, x = autodiff.compile(lambda x: autodiff.expm1(x * w)), autodiff.ones(3)
    compiled(x)
    gc.collect()
    gc.disable()
    try:
        with pytest.warns(AutodiffWarning, match="graph"):
            compiled(x)
        assert not any(type(loan()) is Traced for loans in lending.lent.values() for loan in loans.values())
    finally:
        gc.enable()
