"""backward and grad: which gradients come where, what is freed, and what the errors say."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from helpers import here, leaf, line_of, memory

import autodiff
from autodiff import Tensor, grad, no_grad, ones, tensor
from autodiff.autograd import backward
from autodiff.errors import DtypeError, GraphError, ShapeError

C64 = {"dtype": autodiff.float64}


def test_gradients_add_up_over_backward_passes_and_uses() -> None:
    """A leaf used many times and walked to twice has the sum of all of it."""
    x = leaf(1.0, 2.0)
    for _ in range(2):
        (x * x + x * 3 + x + x).sum().backward()
    assert x.grad.tolist() == [14, 18]
    x.grad = None
    (x * 1).sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_the_graph_is_freed_by_default_and_says_so() -> None:
    """A second pass names the line of the freed operation and retain_graph; with retain_graph it adds up."""
    x = leaf(3.0)
    y = x * x
    made = here(-1)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [12]
    with pytest.raises(
        GraphError, match=rf"multiply, called at {made} \(y = x \* x\), was freed.*retain_graph=True"
    ):
        y.backward()
    assert x.grad.tolist() == [12]


def test_what_saved_nothing_can_be_walked_again() -> None:
    """As in PyTorch, a view made once may be used by the losses of many steps."""
    w = leaf(1.0, 2.0)
    column = (w + 0.0).reshape(2, 1)
    for step in range(3):
        (column * tensor([[1.0], [2.0]], **C64)).sum().backward()
        assert w.grad.tolist() == [1 + step, 2 * (1 + step)]


def test_orders_one_to_three_agree_with_closed_forms() -> None:
    """x**4 sin(x): the first three derivatives to the last digits."""
    x = tensor(1.3, requires_grad=True, **C64)
    y = x**4 * autodiff.sin(x)
    derivatives = []
    for _ in range(3):
        (y,) = grad(y, x, create_graph=True)
        derivatives.append(y.item())
    s, c, v = np.sin(1.3), np.cos(1.3), 1.3
    expected = [
        4 * v**3 * s + v**4 * c,
        12 * v**2 * s + 8 * v**3 * c - v**4 * s,
        24 * v * s + 36 * v**2 * c - 12 * v**3 * s - v**4 * c,
    ]
    np.testing.assert_allclose(derivatives, expected, rtol=1e-14)


def test_backward_with_create_graph_leaves_differentiable_gradients() -> None:
    """A gradient penalty: the gradient of a sum of squared gradients."""
    x = leaf(1.0, 2.0)
    (x**3).sum().backward(create_graph=True)
    penalty = (x.grad**2).sum()  # sum of 9 x^4
    x.grad = None
    penalty.backward()
    np.testing.assert_allclose(x.grad.numpy(), [36, 36 * 8], rtol=1e-14)


def test_grad_goes_to_any_tensor_and_leaves_grad_alone() -> None:
    """Inputs may be leaves or results; .grad is not touched, and what the walk did not need is not freed."""
    x = leaf(2.0)
    h = x * x
    y = h * h
    to_h, to_x = grad(y, [h, x], retain_graph=True)
    assert (to_h.tolist(), to_x.tolist(), x.grad, h._grad) == ([8], [32], None, None)
    grad(y, h)
    assert grad(h, x)[0].tolist() == [4]
    assert grad(x, x)[0].tolist() == [1]


def test_grad_of_an_unused_input() -> None:
    """It is an error that names the input, None with allow_unused, zeros with materialize_grads."""
    x, other = leaf(2.0), leaf(1.0, 2.0)
    y = x * 3
    with pytest.raises(GraphError, match=r"input 1, of shape \(2,\), was not used .*allow_unused=True"):
        grad(y, [x, other], retain_graph=True)
    assert grad(y, [x, other], retain_graph=True, allow_unused=True)[1] is None
    zeros = grad(y, [x, other], materialize_grads=True)[1]
    assert (zeros.tolist(), zeros.dtype) == ([0, 0], other.dtype)


def test_grad_outputs_weigh_the_outputs() -> None:
    """The gradient is that of the weighted sum of all outputs, which may share parts of the graph."""
    x = leaf(1.0, 2.0)
    h = x * x
    a, b = h + 1, h.sum()
    (g,) = grad([a, b], x, grad_outputs=[tensor([1.0, 10.0]), tensor(100.0)])
    assert g.tolist() == [202, 440]
    h = x * x
    (g,) = grad([h.sum(), h.sum()], x)
    assert g.tolist() == [4, 8]


def test_the_same_output_twice_counts_twice() -> None:
    """Cotangents of one tensor add up."""
    x = leaf(1.0)
    y = x * 2
    assert grad([y, y], x)[0].tolist() == [4]


def test_backward_to_chosen_inputs_reaches_no_others() -> None:
    """inputs= takes leaves and results; only they receive a gradient."""
    x, w = leaf(2.0), leaf(3.0)
    h = x * w
    (h * h).backward(inputs=[x, h])
    assert (x.grad.tolist(), w.grad, h.grad.tolist()) == ([36], None, [12])
    with pytest.raises(GraphError, match="no inputs"):
        (x * w).backward(inputs=[])


def test_several_outputs_are_walked_together() -> None:
    """backward over a list of outputs gives the gradient of their sum in one pass."""
    x = leaf(1.0, 2.0)
    h = x.exp()
    backward([h.sum(), (h * h).sum()])
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1, 2]) + 2 * np.exp([2, 4]), rtol=1e-14)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("make", [
    lambda a, b: a + b, lambda a, b: a.reshape(2) + b.reshape(2), lambda a, b: a + b + a,
    lambda a, b: (a - 0) + (b + 0),
    lambda a, b: autodiff.cat([a, b])[:2] + autodiff.cat([b, a])[:2],
])  # fmt: skip
def test_gradients_share_no_memory(make: Callable[[Tensor, Tensor], Tensor], create_graph: bool) -> None:
    """Neither two gradients nor a gradient and the seed are the same memory."""
    a, b, seed = leaf(1.0, 2.0), leaf(3.0, 4.0), tensor([1.0, 1.0], **C64)
    make(a, b).backward(seed, create_graph=create_graph)
    arrays = [memory(x) for x in (a.grad, b.grad, seed)]
    assert not any(np.shares_memory(x, y) for i, x in enumerate(arrays) for y in arrays[:i])


def test_requires_grad_taken_away_and_given_back_under_a_live_graph() -> None:
    """A leaf receives a gradient if it asks for one when the pass comes by."""
    x = leaf(1.0)
    y, z = x * 2, x * 3
    x.requires_grad = False
    y.backward()
    assert x.grad is None
    x.requires_grad_()
    z.backward()
    assert x.grad.tolist() == [3]


def test_a_leaf_that_is_gone_costs_nothing() -> None:
    """The walk goes on where the tensor of a leaf was dropped."""
    x = leaf(2.0)
    y = leaf(5.0) * x
    y.backward()
    assert x.grad.tolist() == [5]


def test_seeds_are_checked() -> None:
    """Many entries need a gradient, of the output's shape; one entry of any shape does not."""
    x = leaf(1.0, 2.0)
    with pytest.raises(GraphError, match=r"shape \(2,\) needs a gradient"):
        (x * 2).backward()
    with pytest.raises(ShapeError, match=r"shape \(2,\) has that shape, not \(3,\)"):
        (x * 2).backward(ones(3))
    (x[:1] * 2).reshape(1, 1).backward()
    (x * 2).backward(np.array([1, 2]))
    assert x.grad.tolist() == [4, 4]


def nested(x: Tensor) -> Tensor:
    return np.sum(x.detach() * 2)


NO_GRAD: dict[str, tuple[Callable[[], Tensor], str]] = {
    "nobody asked": (lambda: ones(2).sum(), "none of the tensors it was made from does; set requires_grad=True"),
    "integers": (lambda: tensor([1, 2]).sum(), "its dtype is int64"),
    "cast to integers": (lambda: leaf(1.5).long(), "its dtype is int64"),
    "comparison": (lambda: leaf(1.5) > 1, "its dtype is bool"),
    "detach": (lambda: (leaf(1.0).detach() * 2).sum(), r"went through detach\(\) at %s "),
    "data": (lambda: leaf(1.0).data + 1, r"went through \.data at %s "),
    "nested function": (
        lambda: nested(leaf(1.0)),
        rf"went through detach\(\) at {re.escape(line_of(nested, 1))} ",
    ),
    "no_grad": (lambda: no_grad(lambda: leaf(1.0) * 2)() + 1, "was made under no_grad at %s "),
    "np.sum under no_grad": (lambda: no_grad(lambda: np.sum(leaf(1.0)))(), "was made under no_grad at %s "),
}


@pytest.mark.parametrize("name", NO_GRAD)
def test_an_error_says_why_there_is_no_gradient(name: str) -> None:
    """The four reasons, with the user's file and line where there is one, in backward and in grad."""
    make, reason = NO_GRAD[name]
    reason = reason.replace("%s", re.escape(line_of(make)))
    with pytest.raises(GraphError, match=rf"does not require grad: .*{reason}"):
        make().backward()
    with pytest.raises(GraphError, match=rf"does not require grad: .*{reason}"):
        grad(leaf(1.0).sum(), make())


def test_only_floating_leaves_can_require_grad() -> None:
    """Integers and booleans say so, and results cannot stop requiring grad."""
    for x in (tensor([1]), tensor([True])):
        with pytest.raises(DtypeError, match="only a floating or complex tensor can require grad"):
            x.requires_grad = True
    with pytest.raises(GraphError, match="only a leaf"):
        (leaf(1.0) * 2).requires_grad = False


def test_nodes_know_the_line_that_asked_for_them() -> None:
    """Operators, methods, functions and NumPy's spellings all name the user's line."""
    x = leaf(1.0, 2.0)
    for make in (lambda: x * 2, lambda: x.sum(), lambda: autodiff.softmax(x, 0), lambda: np.sum(x), lambda: np.sin(x),
                 lambda: np.ones(2) * x, lambda: x[0], lambda: next(iter(x)), lambda: -x, lambda: x.std()):  # fmt: skip
        assert make().grad_fn.where in [line_of(make), line_of(make, 1)]


def test_inputs_may_come_from_any_iterable() -> None:
    """Parameters are a generator: grad and backward take it, and refuse what is no tensor."""
    x, y = tensor(2.0, requires_grad=True), tensor(3.0, requires_grad=True)
    assert [g.item() for g in grad(x * y, (t for t in (x, y)))] == [3.0, 2.0]
    (x * y).backward(inputs=(t for t in [x]))
    assert x.grad is not None
    assert (x.grad.item(), y.grad) == (3.0, None)
    with pytest.raises(DtypeError, match="inputs are tensors, not 3"):
        (x * y).backward(inputs=[3])
