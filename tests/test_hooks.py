"""Hooks of tensors, retained gradients, the nodes as PyTorch shows them; checkpoints."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import leaf, line_of, no_cycle
from parity.harness import same

import autodiff
from autodiff import grad, nn, tensor
from autodiff.engine.checks import saved_arrays
from autodiff.engine.tape import reachable
from autodiff.errors import DtypeError, GraphError, InPlaceError, OptionError, ShapeError
from autodiff.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential

X = np.array([1.0, 2.0, -3.0])


def story(lib: Any) -> list[Any]:
    """What hooks see and change, in the order in which it happens."""
    log: list[Any] = []
    x = lib.tensor(X, requires_grad=True)
    y = x * 2
    z = y * y
    first = z.register_hook(lambda g: log.append(("z", g.tolist())))
    y.register_hook(lambda g: log.append(("y before", g.tolist())))
    y.register_hook(lambda g: g * 10)
    y.retain_grad()
    y.register_hook(lambda g: log.append(("y after", g.tolist())))
    x.register_hook(lambda g: g.clamp(max=100.0))
    x.register_hook(lambda g: log.append(("x", g.tolist())))
    x.register_post_accumulate_grad_hook(lambda p: log.append(("done", p.grad.tolist())))
    log += [y.retains_grad, z.retains_grad, x.retains_grad]
    z.sum().backward(retain_graph=True)
    log += [y.grad.tolist(), x.grad.tolist()]
    first.remove()
    z.sum().backward(retain_graph=True)
    log += [y.grad.tolist(), x.grad.tolist()]
    log += [g.tolist() for g in lib.autograd.grad(z.sum(), [x], retain_graph=True)]
    (g,) = lib.autograd.grad(z.sum(), [x], create_graph=True)
    log += [g.tolist()]
    with x.register_hook(lambda g: g * 0) as _:
        z.sum().backward()
    log.append(x.grad.tolist())
    return log


def test_hooks_run_as_in_pytorch() -> None:
    """Order, replaced gradients, retained gradients, removal: the same story in both libraries."""
    same(story)


def test_a_hook_sees_the_recorded_gradient() -> None:
    """Under create_graph a hook gets and gives tensors of the graph: its factor counts in the second derivative."""
    x = leaf(X)
    y = x * x
    handle = y.register_hook(lambda g: g * g * 3)
    (g,) = grad((y * y).sum(), x, create_graph=True)  # 3 (2 y)^2 * 2 x = 24 x^5
    handle.remove()
    np.testing.assert_allclose(g.detach().numpy(), 24 * X**5)
    np.testing.assert_allclose(grad(g.sum(), x)[0].numpy(), 120 * X**4)


def test_what_a_hook_keeps_or_changes_spoils_nothing() -> None:
    """A gradient kept by a hook stays as it was; one changed in place by a hook changes for that tensor only."""
    x, y, kept = leaf(X), leaf(X), []
    x.register_hook(lambda g: kept.append(g))
    y.register_hook(lambda g: g.mul_(5))
    for _ in range(2):
        (x + y).sum().backward()
    assert [g.tolist() for g in kept] == [[1, 1, 1], [1, 1, 1]]
    assert (x.grad.tolist(), y.grad.tolist()) == ([2, 2, 2], [10, 10, 10])


def test_hooks_leave_no_cycle() -> None:
    """A graph with hooks and retained gradients goes away with its last tensor."""
    with no_cycle():
        x = leaf(X)
        y = x * 2
        y.retain_grad()
        y.register_hook(lambda g: g + 1)
        y.sum().backward()
        del x, y


def test_mistakes_with_hooks_are_named() -> None:
    """No graph, no leaf, a hook that returns something else than a gradient."""
    for name in ("register_hook", "retain_grad", "register_post_accumulate_grad_hook"):
        with pytest.raises(GraphError, match=f"{name}: a tensor of shape"):
            getattr(tensor(X), name)(*[print] * (name != "retain_grad"))
    with pytest.raises(GraphError, match="only a leaf accumulates its gradient"):
        (leaf(X) * 2).register_post_accumulate_grad_hook(print)
    for result, kind in ((tensor(X[:2]), ShapeError), (tensor(X).float(), DtypeError), ("x", DtypeError)):
        x = leaf(X)
        x.register_hook(lambda g, result=result: result)
        with pytest.raises(kind, match="the hook '<lambda>' of a tensor made at"):
            x.sum().backward()


def test_the_graph_can_be_walked_as_in_pytorch() -> None:
    """grad_fn, next_functions and name(): the node of each input, in pairs."""
    x = leaf(X)
    y = (x * 2).sin() + tensor(X)
    assert y.grad_fn.name() == "add"
    (sine, zero), nothing = y.grad_fn.next_functions
    assert (sine.name(), zero, nothing) == ("sin", 0, (None, 0))
    assert sine.next_functions[0][0].next_functions[0][0].name() == "leaf"


# --- checkpoints ------------------------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
W, IN = tensor(RNG.normal(size=(4, 4)), requires_grad=True), tensor(RNG.normal(size=(3, 4)), requires_grad=True)


def block(x: Any) -> Any:
    h = (x @ W).tanh() * 1
    h += 1
    h = h * nn.functional.dropout(h, 0.5)
    return {"a": (h @ W).sigmoid(), "b": h}


def kept_bytes(t: autodiff.Tensor) -> int:
    return sum({id(a): a.nbytes for node in reachable([t.grad_fn]) for a in saved_arrays(node)}.values())


def orders(f: Any) -> tuple[int, list[float], list[np.ndarray[Any, Any]]]:
    autodiff.manual_seed(3)
    out = f(IN)
    loss = (out["a"] * out["b"]).sum()
    size, numbers, results = kept_bytes(loss), autodiff.rand(2).tolist(), []
    for order in range(3):
        gradients = grad(loss, [IN, W], create_graph=order < 2)
        results += [g.detach().numpy() for g in gradients]
        loss = sum((g * g).sum() for g in gradients)
    return size, numbers, results


@pytest.mark.parametrize("depth", [1, 2])
def test_a_checkpoint_changes_nothing_but_memory(depth: int) -> None:
    """Gradients of three orders, random numbers in it and after it are the same bit for bit, the bytes a fraction."""

    def inside(x: Any, depth: int = depth) -> Any:
        return checkpoint(inside, x, depth - 1, use_reentrant=False) if depth else block(x)

    size, numbers, expected = orders(block)
    small, again, got = orders(inside)
    assert small < size / 3
    assert numbers == again
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_sequential_of_checkpoints() -> None:
    """checkpoint_sequential: the same output and gradients of the parameters, fewer bytes; wrong segments refused."""
    model = nn.Sequential(*(layer for _ in range(6) for layer in (nn.Linear(8, 8), nn.Tanh()))).double()
    x = tensor(RNG.normal(size=(16, 8)), requires_grad=True)
    sizes, results = [], []
    for f in (model, lambda x: checkpoint_sequential(model, 3, x)):
        model.zero_grad()
        x.grad = None
        out = f(x).square().sum()
        sizes.append(kept_bytes(out))
        out.backward()
        results.append([out.item(), x.grad.tolist(), *(p.grad.tolist() for p in model.parameters())])
    assert results[0] == results[1]
    assert sizes[1] < sizes[0] * 0.6
    with pytest.raises(OptionError, match="segments=13 for 12 functions"):
        checkpoint_sequential(model, 13, x)


def test_a_checkpoint_that_cannot_be_repeated_says_so() -> None:
    """Another computation, a parameter changed meanwhile, a freed graph: an error that names the line."""
    calls: list[int] = []

    def fickle(x: Any) -> Any:
        calls.append(1)
        return x.exp() if len(calls) == 1 else x.sin()

    with pytest.raises(CheckpointError, match=rf"checkpoint at {__file__}:\d+ made 1 operations.*'exp'.*was.*'sin'"):
        checkpoint(fickle, leaf(X)).sum().backward()
    b = leaf(X)
    out = checkpoint(lambda x: (x + b).exp(), leaf(X)).sum()
    with autodiff.no_grad():
        b.add_(1)
    with pytest.raises(InPlaceError, match="needs to compute again was changed in place"):
        out.backward()
    out = checkpoint(lambda x: x.exp(), leaf(X)).sum()
    out.backward()
    with pytest.raises(GraphError, match="retain_graph"):
        out.backward()
    with autodiff.no_grad():
        assert not checkpoint(lambda x: x.exp(), leaf(X)).requires_grad


def test_a_recorded_walk_names_the_line_that_asked_for_it_and_the_users_own_code_its_own() -> None:
    """A second derivative's operations stand at the call of grad(); those of a hook or a Function at their lines."""

    class Cube(autodiff.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 3 * ctx.saved_tensors[0] ** 2

    def slope(y: Any, x: Any) -> Any:
        return autodiff.grad(y, x, create_graph=True)[0]

    def hook(g: Any) -> Any:
        return g * 2

    def places(y: Any, x: Any) -> set[str]:
        return {node.where for node in reachable([slope(y, x).grad_fn]) if node.number > y.grad_fn.number}

    x = tensor(2.0, requires_grad=True)
    assert places(x.sin() * x, x) == {line_of(slope, 1)}
    assert places(Cube.apply(x), x) == {line_of(slope, 1), line_of(Cube.backward, 2)}  # the first for a copy
    y = x.sin()
    y.register_hook(hook)
    assert places(y * y, x) == {line_of(slope, 1), line_of(hook, 1)}


def recording_in_hooks(lib: Any, create_graph: bool) -> list[tuple[str, bool]]:
    """Whether operations are recorded in hooks of each kind, in passes that come to them in each way."""
    log: list[tuple[str, bool]] = []

    def note(kind: str) -> Any:
        return lambda *given: log.append((kind, lib.is_grad_enabled()))

    x, model = lib.tensor(X, requires_grad=True), lib.nn.Linear(3, 2).double()
    y = x * 2
    x.register_hook(note("leaf"))
    x.register_post_accumulate_grad_hook(note("accumulated"))
    y.register_hook(note("result"))
    model.register_full_backward_hook(note("module"))
    y.sum().backward(create_graph=create_graph)
    x.backward(lib.ones(3, dtype=lib.float64), create_graph=create_graph)
    with lib.no_grad():
        x.backward(lib.ones(3, dtype=lib.float64), create_graph=create_graph)
    model(x).sum().backward(create_graph=create_graph)
    lib.autograd.grad((x * 3).sum(), x, create_graph=create_graph)
    return log


@pytest.mark.filterwarnings("ignore:Using backward")  # PyTorch's, of create_graph=True
@pytest.mark.parametrize("create_graph", [False, True])
def test_hooks_record_if_the_pass_does(create_graph: bool) -> None:
    """As in PyTorch: a step in a hook after the accumulation needs no ``no_grad``."""
    same(recording_in_hooks, create_graph=create_graph)
    x = tensor(X, requires_grad=True)
    x.register_post_accumulate_grad_hook(lambda x: x.sub_(x.grad))
    (x * x).sum().backward()
    assert x.tolist() == (-X).tolist()
