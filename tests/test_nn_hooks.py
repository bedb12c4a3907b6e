"""Hooks of modules on the way back, against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import line_of
from parity.harness import Near, same

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
    return [*seen, x.grad, *(p.grad for p in model.parameters())]


@pytest.mark.parametrize("change", [False, True])
def test_backward_hooks_see_and_replace_gradients_as_in_pytorch(change: bool) -> None:
    """Pre-hooks come first; what a hook returns takes the gradient's place; removed, it is gone."""
    same(seen_by, change, near=Near(1e-9))


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


def test_operations_name_the_innermost_line_of_the_user() -> None:
    """For the library's modules it is the call of the outermost one; a user's module or hook has a line of its own."""

    class Twice(nn.Module):
        def forward(self, x: Any) -> Any:
            return x * 2

    def call(x: Any) -> Any:
        return net(x)

    def hook(module: Any, args: Any, output: Any) -> Any:
        return output + 1

    net, x = nn.Sequential(nn.Sequential(nn.Sigmoid()), Twice()), autodiff.ones(3, requires_grad=True)
    twice = call(x).grad_fn
    assert twice.where == line_of(Twice.forward, 1)
    assert twice.edges[0].where == line_of(call, 1)
    net[0][0].register_forward_hook(hook)
    added = call(x).grad_fn.edges[0]
    assert added.where == line_of(hook, 1)
    assert added.edges[0].where == line_of(call, 1)
