"""``saved_tensors_hooks``: what operations keep is packed, and comes back; gradients are those without hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
import nn
from autodiff.autograd.graph import disable_saved_tensors_hooks, saved_tensors_hooks
from autodiff.errors import DtypeError, GraphError, InPlaceError
from nn import functional as F


class Both(autodiff.autograd.Function):
    """Two outputs, which share one call."""

    @staticmethod
    def forward(ctx: Any, u: Any) -> Any:
        ctx.save_for_backward(u)
        return u**3, u**2

    @staticmethod
    def backward(ctx: Any, g: Any, h: Any) -> Any:
        (u,) = ctx.saved_tensors
        return g * 3 * u**2 + h * 2 * u


def written(x: Any) -> Any:
    y = x.clone()
    y[0] = x[1] * x[2]
    y *= x
    return y


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "products": lambda x: x @ x * x.exp(),
    "views": lambda x: autodiff.cat(x.sin().chunk(3, 1)[::-1], 1)[:, [0, 2]].t(),
    "written in place": written,
    "a Function": lambda x: Both.apply(x)[0],
    "a Function, both outputs": lambda x: Both.apply(x.sin())[0] * Both.apply(x.sin())[1],
    "layers": lambda x: F.layer_norm(F.softmax(F.linear(x, x), 1), (3,)).relu(),
    "a convolution": lambda x: F.conv2d(x.reshape(1, 1, 3, 3), x.reshape(1, 1, 3, 3)[..., :2, :2]).max(),
    "a checkpoint": lambda x: autodiff.utils.checkpoint.checkpoint(lambda y: y.exp() * y, x).sin(),
}  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_gradients_of_any_order_are_those_without_hooks(program: str) -> None:
    """Bit for bit, where packing goes through a copy of the numbers."""
    found = []
    for hooks in (False, True):
        packed: list[np.ndarray[Any, Any]] = []
        x = autodiff.tensor(np.random.default_rng(0).random((3, 3)), requires_grad=True)
        pack = lambda t, packed=packed: packed.append(t.numpy().copy()) or len(packed) - 1
        unpack = lambda i, packed=packed: autodiff.from_numpy(packed[i])
        if hooks:
            with saved_tensors_hooks(pack, unpack):
                y = PROGRAMS[program](x)
            assert packed or program == "a checkpoint"
        else:
            y = PROGRAMS[program](x)
        (first,) = autodiff.grad((y * y).sum(), x, create_graph=True)
        found.append([first.detach(), autodiff.grad((first * first).sum(), x)[0]])
    for plain, hooked in zip(*found, strict=True):
        assert plain.numpy().tobytes() == hooked.numpy().tobytes()


def squared(t: Any, make: Any) -> list[Any]:
    """What happens to the tensors of x * x: each is packed once, and unpacked once, in the backward pass."""
    said: list[Any] = []
    x = t.tensor([1.0, 2.0], dtype=t.float64, requires_grad=True)
    pack = lambda y: said.append(("pack", y.detach().numpy().round(4).tolist())) or y.detach()
    unpack = lambda y: said.append(("unpack", y.numpy().round(4).tolist())) or y
    with make(pack, unpack):
        y = x.exp()
        with t.no_grad():
            x.sin()
    x.cos()
    said.append("backward")
    y.sum().backward()
    return [*said, x.grad.tolist()]


def test_hooks_are_called_when_pytorch_calls_them() -> None:
    torch = peer()
    ours = squared(autodiff, saved_tensors_hooks)
    theirs = squared(torch, torch.autograd.graph.saved_tensors_hooks)
    assert ours[:3] == theirs[:3]
    np.testing.assert_allclose(ours[3], theirs[3], rtol=1e-6)


def test_the_innermost_hooks_count() -> None:
    said: list[str] = []
    note = lambda name: lambda x: said.append(name) or x
    x = autodiff.ones(2, requires_grad=True)
    with saved_tensors_hooks(note("outer"), note("out")):
        with saved_tensors_hooks(note("inner"), note("in")):
            y = x.exp()
        z = x.sin()
    (y + z).sum().backward()
    assert sorted(said) == ["in", "inner", "out", "outer"]


def test_a_graph_is_freed_once_and_packed_values_with_it() -> None:
    x = autodiff.ones(2, requires_grad=True)
    with saved_tensors_hooks(lambda t: t.numpy().copy(), autodiff.from_numpy):
        y = x.exp().sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == (2 * autodiff.ones(2).exp()).tolist()
    with pytest.raises(GraphError, match="freed"):
        y.backward()


def test_changes_in_place_are_found_where_the_memory_is_shared() -> None:
    """A copy that was packed is not concerned."""
    for pack, is_shared in ((lambda t: t, True), (lambda t: t.clone(), False)):
        x = autodiff.ones(2, requires_grad=True)
        with saved_tensors_hooks(pack, lambda t: t):
            y = x.exp()
            z = y.sum()
        with autodiff.no_grad():
            y.mul_(2)
        if is_shared:
            with pytest.raises(InPlaceError):
                z.backward()
        else:
            z.backward()
            assert x.grad.tolist() == autodiff.ones(2).exp().tolist()


@pytest.mark.parametrize("wrong", [lambda t: 3, lambda t: t.double(), lambda t: t[:1]])
def test_what_is_unpacked_is_what_was_packed(wrong: Any) -> None:
    x = autodiff.ones(2, requires_grad=True)
    with saved_tensors_hooks(lambda t: t, wrong):
        y = x.exp().sum()
    with pytest.raises(DtypeError, match="unpack_hook"):
        y.backward()


def test_hooks_can_be_refused() -> None:
    hooks = saved_tensors_hooks(lambda t: t, lambda t: t)
    with disable_saved_tensors_hooks("not in here"), pytest.raises(GraphError, match="not in here"), hooks:
        pass


def test_anomaly_detection_and_layers_go_with_them() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Dropout(0.5), nn.LSTM(3, 2))
    with autodiff.autograd.detect_anomaly(), saved_tensors_hooks(lambda t: t.numpy().copy(), autodiff.from_numpy):
        model(autodiff.ones(4, 2))[0].sum().backward()
    assert all(p.grad is not None for p in model.parameters())
