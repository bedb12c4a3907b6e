"""Hooks of modules on the way back, against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff
import nn
from autodiff.errors import GraphError

X = np.arange(6.0).reshape(2, 3) / 6


def seen_by(lib: Any, change: bool) -> list[Any]:
    """What both kinds of backward hooks see of a layer in the middle, and the gradients after them."""
    model = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.Tanh(), lib.nn.Linear(4, 1)).double()
    with lib.no_grad():
        for i, p in enumerate(model.parameters()):
            p.copy_(lib.tensor(np.cos(np.arange(np.prod(p.shape)) + i).reshape(tuple(p.shape))))
    seen: list[Any] = []
    back = lambda module, given, taken: (seen.extend((*given, *taken)), (given[0] * 2,) if change else None)[1]
    before = lambda module, taken: (seen.extend(taken), (taken[0] + 1,) if change else None)[1]
    handles = [model[1].register_full_backward_hook(back), model[1].register_full_backward_pre_hook(before)]
    x = lib.tensor(X).requires_grad_()
    model(x).sum().backward()
    for handle in handles:
        handle.remove()
    count = len(seen)
    model(x).sum().backward()
    assert len(seen) == count
    return [g.detach().numpy() for g in (*seen, x.grad, *(p.grad for p in model.parameters()))]


@pytest.mark.parametrize("change", [False, True])
def test_backward_hooks_see_and_replace_gradients_as_in_pytorch(change: bool) -> None:
    """Pre-hooks come first; what a hook returns takes the gradient's place; removed, it is gone."""
    torch = pytest.importorskip("torch")
    for ours, theirs in zip(seen_by(autodiff_with_nn(), change), seen_by(torch, change), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def autodiff_with_nn() -> Any:
    assert autodiff.nn is nn
    return autodiff


def test_a_module_whose_input_needs_no_gradient_has_its_hook_called() -> None:
    """The first layer of a model gets None for its input."""
    layer, seen = nn.Linear(3, 2), []
    layer.register_full_backward_hook(lambda module, given, taken: seen.append((given, taken[0].shape)))
    layer(autodiff.ones(4, 3)).sum().backward()
    assert seen == [((None,), (4, 2))]
    assert layer.weight.grad is not None


def test_a_hook_cannot_replace_one_of_several_gradients() -> None:
    """Those that came first have gone on already, and the error says so."""
    layer = nn.Bilinear(2, 2, 1)
    layer.register_full_backward_hook(lambda module, given, taken: given)
    x, y = (autodiff.ones(3, 2).requires_grad_() for _ in range(2))
    with pytest.raises(GraphError, match="several gradients"):
        layer(x, y).sum().backward()
