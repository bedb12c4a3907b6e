"""``library``: operations of one's own, beside PyTorch's."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
from autodiff.errors import GraphError, OptionError
from autodiff.library import custom_op, register_autograd, register_fake, register_kernel


def sines(t: Any) -> list[Any]:
    """An operation of NumPy's with a backward pass, called in several ways."""
    schema = "(Tensor x, float scale, *, float shift=0.0) -> Tensor"
    own = t.library.custom_op(f"mine::sine{uuid.uuid4().hex}", mutates_args=(), schema=schema)

    @own
    def sine(x: Any, scale: float, *, shift: float = 0.0) -> Any:
        return t.from_numpy(np.sin(x.numpy() * scale + shift))

    def keep(ctx: Any, inputs: Any, keyword_only_inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.scale, ctx.shift = inputs[1], keyword_only_inputs["shift"]

    def slope(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * ctx.scale * (x * ctx.scale + ctx.shift).cos(), None

    sine.register_autograd(slope, setup_context=keep)
    x = t.tensor([0.5, 1.0], dtype=t.float64, requires_grad=True)
    y = sine(x, 2.0, shift=0.5) + sine(x, scale=1.0)
    y.sum().backward()
    with t.no_grad():
        untracked = sine(x, 2.0)
    return [y.tolist(), x.grad.tolist(), untracked.tolist(), untracked.requires_grad]


def several(t: Any) -> list[Any]:
    """A list of tensors goes in, two tensors come out."""
    schema = "(Tensor[] xs) -> (Tensor, Tensor)"
    own = t.library.custom_op(f"mine::join{uuid.uuid4().hex}", mutates_args=(), schema=schema)

    @own
    def join(xs: Any) -> Any:
        whole = np.concatenate([x.numpy() for x in xs])
        return t.from_numpy(whole), t.from_numpy(whole**2)

    def keep(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.lengths = [len(x) for x in inputs[0]]
        ctx.save_for_backward(*inputs[0])

    def slope(ctx: Any, g: Any, h: Any) -> Any:
        whole = g + 2 * h * t.cat(ctx.saved_tensors)
        return list(whole.split(ctx.lengths))

    join.register_autograd(slope, setup_context=keep)
    a, b = (t.tensor(x, dtype=t.float64, requires_grad=True) for x in ([1.0, 2.0], [3.0]))
    first, second = join([a, b])
    (first.sum() + (second * second).sum()).backward()
    return [first.tolist(), second.tolist(), a.grad.tolist(), b.grad.tolist()]


@pytest.mark.parametrize("program", [sines, several])
def test_numbers_and_gradients_are_pytorchs(program: Any) -> None:
    for ours, theirs in zip(program(autodiff), program(peer()), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-14)


def test_an_operation_without_a_backward_pass_says_so_in_backward() -> None:
    @custom_op("mine::double", mutates_args=())
    def double(x: autodiff.Tensor) -> autodiff.Tensor:
        return autodiff.from_numpy(x.numpy() * 2)

    y = double(autodiff.ones(2, requires_grad=True))
    assert y.requires_grad
    with pytest.raises(GraphError, match=r"mine::double has no backward pass; double\.register_autograd"):
        y.sum().backward()
    register_autograd("mine::double", lambda ctx, g: g * 2)
    x = autodiff.ones(2, requires_grad=True)
    double(x).sum().backward()
    assert x.grad.tolist() == [2, 2]
    register_autograd(double, lambda ctx, g: (g, g))
    with pytest.raises(GraphError, match="returned 2 gradients for 1"):
        double(x).sum().backward()


def test_an_operation_may_change_its_arguments_and_has_no_backward_pass_then() -> None:
    @custom_op("mine::clear", mutates_args={"x"})
    def clear(x: autodiff.Tensor) -> None:
        x.zero_()

    x = autodiff.ones(2)
    clear(x)
    assert x.tolist() == [0, 0]
    with pytest.raises(OptionError, match="mine::clear changes x"):
        clear.register_autograd(lambda ctx, g: g)


def test_kernels_of_the_cpu_take_the_place_of_the_function() -> None:
    @custom_op("mine::one", mutates_args=())
    def one(x: autodiff.Tensor) -> autodiff.Tensor:
        return x + 1

    @one.register_kernel("cuda")
    def _(x: Any) -> Any:
        raise AssertionError

    register_fake("mine::one", lambda x: x)
    assert one(autodiff.zeros(1)).item() == 1
    register_kernel("mine::one", "cpu", lambda x: x + 2)
    assert one(autodiff.zeros(1)).item() == 2


def test_names_that_do_not_fit_are_refused() -> None:
    with pytest.raises(OptionError, match="namespace::name"):
        custom_op("double", mutates_args=())
    with pytest.raises(OptionError, match="no such argument"):
        custom_op("mine::wrong", lambda x: x, mutates_args=("y",))
    with pytest.raises(OptionError, match="there is no operation 'mine::nowhere'"):
        register_autograd("mine::nowhere", lambda ctx, g: g)


def test_old_programs_find_vmap() -> None:
    from autodiff._vmap_internals import _vmap
    from autodiff.func import vmap

    assert _vmap is vmap
