"""Programs silence PyTorch's warnings by their first words and classes; ours are silenced by the same lines."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
from parity.harness import peer

import autodiff

WARNED: dict[str, tuple[str, type[Warning], Callable[[Any], Any]]] = {
    "softmax": (
        "Implicit dimension choice for softmax", UserWarning, lambda t: t.nn.functional.softmax(t.ones(2, 2))
    ),
    "log_softmax": (
        "Implicit dimension choice for log_softmax", UserWarning, lambda t: t.nn.LogSoftmax()(t.ones(2, 2))
    ),
    "a stretched target": (
        "Using a target size", UserWarning, lambda t: t.nn.functional.mse_loss(t.ones(2, 1), t.ones(2))
    ),
    "a schedule first": ("Detected call of `lr_scheduler.step", UserWarning, lambda t: schedule(t).step()),
    "an epoch": ("The epoch parameter in `scheduler.step", UserWarning, lambda t: schedule(t, first=True).step(3)),
    "an old name": (".*clip_grad_norm", FutureWarning, lambda t: t.nn.utils.clip_grad_norm([], 1.0)),
}  # fmt: skip


def schedule(t: Any, first: bool = False) -> Any:
    optimizer = t.optim.SGD([t.ones(1)], lr=0.1)
    made = t.optim.lr_scheduler.StepLR(optimizer, 1)
    if first:
        optimizer.step()
    return made


@pytest.mark.parametrize("of", [autodiff, peer])
@pytest.mark.parametrize("name", WARNED)
def test_the_filter_is_needed_and_is_enough(name: str, of: Any) -> None:
    """With any other warning an error."""
    message, category, program = WARNED[name]
    t = of() if of is peer else of
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(category):
            program(t)
        warnings.filterwarnings("ignore", message=message, category=category)
        program(t)
