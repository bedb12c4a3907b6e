"""GradScaler beside PyTorch's on the CPU: scales, steps that are left out, states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
from autodiff import optim
from autodiff.amp import GradScaler
from autodiff.errors import OptionError


def training(lib: Any, device: str) -> list[Any]:
    """Some steps, two of them with gradients that are not finite; the weights and scales after each."""
    torch_like: Any = lib.amp.GradScaler
    scaler = torch_like(device, init_scale=1024.0, growth_interval=2)
    weight = lib.tensor([1.0, -2.0], dtype=lib.float64).requires_grad_()
    optimizer = lib.optim.SGD([weight], lr=0.1, momentum=0.5)
    seen: list[Any] = [scaler.is_enabled(), scaler.get_scale()]
    for factor in (1.0, 2.0, float("inf"), 1.0, float("nan"), 3.0, 1.0):
        optimizer.zero_grad()
        scaler.scale((weight**2 * factor).sum()).backward()
        if factor == 3.0:
            scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        seen += [weight.detach().numpy().copy(), scaler.get_scale(), scaler.state_dict()]
    other = torch_like(device)
    other.load_state_dict(scaler.state_dict())
    return [*seen, other.get_scale(), other.state_dict()]


@pytest.mark.filterwarnings("ignore:.*GradScaler is enabled, but CUDA is not available")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # of a step with gradients that are not finite
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_scales_and_steps_are_those_of_pytorch(device: str) -> None:
    """A step is left out where a gradient is not finite, and only where the scaler is enabled."""
    mine, theirs = training(autodiff, device), training(peer(), device)
    assert len(mine) == len(theirs)
    for a, b in zip(mine, theirs, strict=True):
        if isinstance(b, np.ndarray):
            np.testing.assert_allclose(a, b, rtol=1e-12)
        else:
            assert a == b


def test_calls_in_the_wrong_order_are_refused() -> None:
    """Twice without an update, an update of nothing, closures, gradients of float16, states of nothing."""
    weight = autodiff.ones(2, requires_grad=True)
    optimizer, scaler = optim.SGD([weight], lr=1.0), GradScaler("cpu")
    with pytest.raises(OptionError, match="comes behind"):
        scaler.update()
    scaler.scale(weight.sum()).backward()
    with pytest.raises(OptionError, match="no closure"):
        scaler.step(optimizer, closure=lambda: None)
    scaler.step(optimizer)
    for call in (scaler.step, scaler.unscale_):
        with pytest.raises(OptionError, match="since the last update"):
            call(optimizer)
    scaler.update(8.0)
    assert scaler.get_scale() == 8
    assert [x.item() for x in scaler.scale([autodiff.tensor(1.0), autodiff.tensor(2.0)])] == [8, 16]
    with pytest.raises(OptionError, match="empty"):
        scaler.load_state_dict({})
    half = autodiff.ones(2, dtype=autodiff.float16).requires_grad_()
    half.sum().backward()
    with pytest.raises(OptionError, match="float16"):
        GradScaler("cpu").unscale_(optim.SGD([half], lr=1.0))
