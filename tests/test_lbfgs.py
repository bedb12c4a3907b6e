"""LBFGS: its way is PyTorch's, evaluation by evaluation, it goes on from a state dict, and it finds the bottom."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import as_arrays
from parity.harness import Near, same

import autodiff
import optim


def valley(lib: Any, options: dict[str, Any], steps: int) -> tuple[Any, Any, list[float], Any]:
    """LBFGS down a curved valley in five dimensions: where it comes, the losses of its steps and of all evaluations."""
    x = lib.tensor(np.array([-1.2, 1.0, 0.5])).requires_grad_()
    y = lib.tensor(np.array([[0.3, -2.0]])).requires_grad_()
    optimizer, calls = lib.optim.LBFGS([x, y], **options), []

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (100 * (x[1:] - x[:-1] ** 2) ** 2).sum() + ((1 - x[:-1]) ** 2).sum() + (y**2).sum() + (x[0] * y).sum()
        loss.backward()
        calls.append(loss.item())
        return loss

    losses = [optimizer.step(closure).item() for _ in range(steps)]
    return x.detach().numpy(), y.detach().numpy(), [*losses, *calls], optimizer


@pytest.mark.usefixtures("precise")
@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"line_search_fn": "strong_wolfe"}, 1),
        ({"line_search_fn": "strong_wolfe", "max_iter": 5, "history_size": 3}, 3),
        ({"line_search_fn": "strong_wolfe", "max_iter": 10, "max_eval": 7, "lr": 0.1}, 4),
        ({"lr": 1e-3}, 4),
        ({"lr": 0.01, "max_iter": 4, "history_size": 2}, 4),
        ({"lr": 0.01, "tolerance_grad": 50.0}, 3),
        ({"lr": 0.01, "tolerance_change": 0.5}, 3),
    ],
)
def test_lbfgs_goes_pytorchs_way(options: dict[str, Any], steps: int) -> None:
    """Every evaluation is at the point where PyTorch has it, with a line search and without."""
    same(lambda lib: valley(lib, options, steps)[:3], near=Near(1e-9))


def test_lbfgs_goes_on_from_a_state_dict(precise: Any) -> None:
    """Two steps, a copy through the state dict (ours or PyTorch's), and a third are three steps."""
    options = {"line_search_fn": "strong_wolfe", "max_iter": 3}
    whole = valley(autodiff, options, 3)
    for lib in (autodiff, precise):
        x, y, _, first = valley(lib, options, 2)
        params = [autodiff.tensor(value, requires_grad=True) for value in (x, y)]
        optimizer = optim.LBFGS(params)
        optimizer.load_state_dict(as_arrays(first.state_dict()) if lib is precise else first.state_dict())

        def closure(optimizer: Any = optimizer, params: Any = params) -> Any:
            optimizer.zero_grad()
            x, y = params
            loss = (100 * (x[1:] - x[:-1] ** 2) ** 2).sum() + ((1 - x[:-1]) ** 2).sum()
            loss = loss + (y**2).sum() + (x[0] * y).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        np.testing.assert_allclose(params[0].detach().numpy(), whole[0], rtol=1e-9)


def test_lbfgs_finds_the_bottom() -> None:
    """The valley's floor is found to all digits."""
    exactly = {"line_search_fn": "strong_wolfe", "max_iter": 100, "max_eval": 300, "tolerance_change": 1e-15}
    x, y, *_ = valley(autodiff, exactly, 2)
    again = valley(autodiff, exactly, 4)
    np.testing.assert_allclose(again[0], x, atol=1e-6)
    np.testing.assert_allclose(y, -x[0] / 2 * np.ones((1, 2)), atol=1e-6)
