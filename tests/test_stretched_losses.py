"""Losses of an input and a target that stretch each other, which PyTorch computes with a warning."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
from autodiff.errors import AutodiffWarning, ShapeError
from nn import functional as F

NAMED = r"\(4, 1\), not \(4,\); target\.reshape\(\(4, 1\)\)"
STRETCHING = (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.kl_div, F.poisson_nll_loss)


@pytest.mark.parametrize("loss", STRETCHING, ids=lambda loss: loss.__name__)
def test_other_losses_stretch_both_arguments_and_say_so(loss: Any) -> None:
    """They give PyTorch's numbers, and the warning names both shapes and the repair."""
    torch = peer()
    x, y = np.random.default_rng(0).random((4, 1)), np.random.default_rng(1).random(4)
    given, theirs = autodiff.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    with pytest.warns(AutodiffWarning, match=NAMED + r".*stretched to \(4, 4\)"):
        found = loss(given, autodiff.tensor(y))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = getattr(torch.nn.functional, loss.__name__)(theirs, torch.tensor(y))
    found.backward()
    expected.backward()
    np.testing.assert_allclose(found.item(), expected.item(), rtol=1e-12)
    np.testing.assert_allclose(given.grad.numpy(), theirs.grad.numpy(), rtol=1e-12)
    with pytest.raises(ShapeError, match="reshape or slice"):
        loss(given, autodiff.zeros(3, 2, dtype=autodiff.float64))
