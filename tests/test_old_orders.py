"""Numbers before tensors, as old programs have them, and results that ``normalize`` writes where they belong."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
from autodiff import nn, tensor
from autodiff.errors import AutodiffWarning, GraphError
from autodiff.functions.old_orders import OLD_ORDERS

RNG = np.random.default_rng(0)
M, V, B = RNG.uniform(1, 2, (3, 2, 2)), RNG.uniform(1, 2, (3, 2)), RNG.uniform(1, 2, (3, 1, 2, 2))
OPERANDS = {
    "add": V[:2], "sub": V[:2], "addcmul": V, "addcdiv": V, "addmm": M, "addmv": (V[0], M[0], V[1]),
    "addr": (M[0], V[0], V[1]), "addbmm": (M[0], B[0], B[1]), "baddbmm": B,
}  # fmt: skip


def forms(name: str) -> dict[str, Callable[[Any, list[Any]], Any]]:
    """Each way to call it in the old order, of a library and the operands."""
    numbers = (0.5, 3.0)[: len(OLD_ORDERS[name][1])]
    ways: dict[str, Callable[[Any, list[Any]], Any]] = {
        "method": lambda t, x: getattr(x[0], name)(*numbers, *x[1:]),
        "in place": lambda t, x: getattr(x[0].clone(), f"{name}_")(*numbers, *x[1:]),
        "function": lambda t, x: getattr(t, name)(x[0], *numbers, *x[1:]),
    }
    if len(numbers) == 2:
        ways["one number"] = lambda t, x: getattr(x[0], name)(0.5, *x[1:])
        ways["one number, in place"] = lambda t, x: getattr(x[0].clone(), f"{name}_")(0.5, *x[1:])
        ways["function"] = lambda t, x: getattr(t, name)(0.5, x[0], 3.0, *x[1:])
        ways["function, one number"] = lambda t, x: getattr(t, name)(0.5, x[0], *x[1:])
    return ways


CASES = [(name, form) for name in OLD_ORDERS for form in forms(name)]


@pytest.mark.parametrize(("name", "form"), CASES)
def test_old_orders_have_pytorchs_values_and_gradients(name: str, form: str) -> None:
    """With one warning that says what to write, as PyTorch has one."""
    torch, call = peer(), forms(name)[form]
    ours = [tensor(x, requires_grad=True) for x in OPERANDS[name]]
    theirs = [torch.tensor(x, requires_grad=True) for x in OPERANDS[name]]
    with pytest.warns(AutodiffWarning, match="old order; write (alpha|value|beta)=") as found:
        result = call(autodiff, ours)
    assert [w.filename for w in found] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = call(torch, theirs)
    np.testing.assert_allclose(result.detach().numpy(), wanted.detach().numpy(), rtol=1e-12)
    result.sum().backward()
    wanted.sum().backward()
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-12)


def test_what_is_no_old_order_is_refused_as_before() -> None:
    """Too many numbers, too few tensors, other functions."""
    x = autodiff.ones(2)
    calls: list[Callable[[], Any]] = [
        lambda: x.add(1.0, 2.0, x), lambda: x.add_(x, x), lambda: x.mul(2.0, x),
        lambda: autodiff.add(x, x, x), lambda: x.addcmul_(1.0, 2.0, x, x),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(TypeError):
            call()


def test_a_tensor_without_axes_is_a_number_there() -> None:
    """As a step length that a line search has found."""
    x, step = autodiff.ones(2), tensor(0.5)
    with pytest.warns(AutodiffWarning, match=r"alpha=0\.5"):
        assert x.add_(step, x).tolist() == [1.5, 1.5]
    with pytest.warns(AutodiffWarning, match="value=2"):
        assert tensor(1.0).addcmul(2.0, tensor(3.0), tensor(4.0)).item() == 25


def test_an_optimizer_of_its_time_runs() -> None:
    """The lines of Adam as they were written before 2020, by comparison with the optimizer of today."""
    start = np.array([1.0, -2.0, 3.0])
    p, m, v = tensor(start, requires_grad=True), tensor(np.zeros(3)), tensor(np.zeros(3))
    q = tensor(start, requires_grad=True)
    optimizer = autodiff.optim.Adam([q], lr=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AutodiffWarning)
        for step in range(1, 6):
            p.grad = None
            (p**4).sum().backward()
            grad = p.grad.data
            m.mul_(0.9).add_(1 - 0.9, grad)
            v.mul_(0.999).addcmul_(1 - 0.999, grad, grad)
            denominator = (v.sqrt() / (1 - 0.999**step) ** 0.5).add_(1e-8)
            p.data.addcdiv_(-0.1 / (1 - 0.9**step), m, denominator)
            optimizer.zero_grad()
            (q**4).sum().backward()
            optimizer.step()
    np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-10)


def test_normalize_writes_into_out() -> None:
    """As spectral normalisation has it, outside the graph."""
    x, u = tensor([3.0, 4.0]), autodiff.zeros(2)
    with autodiff.no_grad():
        assert nn.functional.normalize(x, dim=0, eps=1e-12, out=u) is u
    np.testing.assert_allclose(u.numpy(), [0.6, 0.8], rtol=1e-6)
    with pytest.raises(GraphError, match="normalize"):
        nn.functional.normalize(x.requires_grad_(), dim=0, out=u)
