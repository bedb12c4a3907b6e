"""``autograd.Function``: PyTorch's results, every order, clear errors; and ``autograd.grad`` and ``backward``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers import leaf, no_cycle
from parity.harness import peer, same

import autodiff
from autodiff import grad, tensor
from autodiff.autograd import Function, backward, gradcheck, gradgradcheck
from autodiff.autograd.function import once_differentiable
from autodiff.errors import AutodiffError, DtypeError, GraphError, InPlaceError, OptionError, ShapeError
from autodiff.testing import gradient_test
from autodiff.testing.domain import real

X, Y = np.array([0.5, -1.25, 2.0]), np.array([1.5, 0.75, -0.25])


class Product(Function):
    """Two outputs, three arguments, one of them a number."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any, k: float) -> Any:
        ctx.save_for_backward(x, y)
        ctx.k = k
        return x * y, (x + y) * k

    @staticmethod
    def backward(ctx: Any, g: Any, h: Any) -> Any:
        x, y = ctx.saved_tensors
        return g * y + h * ctx.k, g * x + h * ctx.k, None


class Exp(Function):
    """The form with setup_context, saving the output."""

    @staticmethod
    def forward(x: Any) -> Any:
        return np.exp(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.saved_tensors[0]


class TwoOfExp(Function):
    """Several outputs, one of which is saved."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(y)
        return y, y * y

    @staticmethod
    def backward(ctx: Any, g: Any, h: Any) -> Any:
        (y,) = ctx.saved_tensors
        return g * y + 2 * h * y * y


CALLS: dict[str, Callable[..., Any]] = {
    "several": lambda x, y: Product.apply(x, y, 2.0),
    "one of several": lambda x, y: Product.apply(x, y, 2.0)[0] * y,
    "setup_context": lambda x, y: Exp.apply(x * y),
    "saved output": lambda x, y: TwoOfExp.apply(x)[1] * y,
    "nested": lambda x, y: Exp.apply(Product.apply(Exp.apply(x), y, 0.5)[0]),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_function_has_gradients_of_every_order(name: str) -> None:
    """gradcheck and gradgradcheck pass, and no cycle is left of a call, walked, dropped or differentiated twice."""
    x, y = leaf(X), leaf(Y)
    assert gradcheck(CALLS[name], (x, y))
    assert gradgradcheck(CALLS[name], (x, y))
    with no_cycle():
        for create_graph in (False, True):
            outputs = CALLS[name](x, y)
            total = sum(out.sum() for out in outputs) if isinstance(outputs, tuple) else outputs.sum()
            found = grad(total, [x, y], create_graph=create_graph, allow_unused=True)
            del outputs, total, found
        CALLS[name](x, y)


def test_a_function_passes_a_gradient_test() -> None:
    """The property test takes apply like any function, in second order too."""
    gradient_test(real(-1, 1), order=2, max_examples=10)(lambda x: Exp.apply(x))()


def test_results_agree_with_the_same_function_in_pytorch() -> None:
    """needs_input_grad, non-differentiable outputs, unused outputs as zeros or None, numbers passing through."""

    def log(lib: Any) -> list[Any]:
        seen: list[Any] = []

        class Sorted(lib.autograd.Function):  # type: ignore[name-defined, misc]
            materialize = True

            @staticmethod
            def forward(ctx: Any, x: Any, k: Any, y: Any) -> Any:
                order = x.argmax(0)
                ctx.save_for_backward(x, None, y)
                ctx.mark_non_differentiable(order)
                ctx.set_materialize_grads(Sorted.materialize)
                return x * y * k, order, "text", x + y

            @staticmethod
            def backward(ctx: Any, *gs: Any) -> Any:
                _, none, y = ctx.saved_tensors
                seen.extend([ctx.needs_input_grad, none, *(g if g is None else g.tolist() for g in gs)])
                first = gs[0] * y if gs[0] is not None else None
                return first, None, None

        for Sorted.materialize in (True, False):
            x, y = lib.tensor(X, requires_grad=True), lib.tensor(Y)
            a, order, text, b = Sorted.apply(x, 2.0, y)
            seen.extend([a.requires_grad, order.requires_grad, order.tolist(), text, b.requires_grad])
            a.sum().backward()
            seen.append(x.grad.tolist())
        return seen

    same(log)


def test_an_input_changed_in_place_comes_back_with_the_new_history() -> None:
    """mark_dirty: the result is the input itself, the graph behind it is right; a leaf refuses."""

    class Double(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            x.mul_(2)
            ctx.mark_dirty(x)
            ctx.save_for_backward(x)
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    x = leaf(X)
    z = x * 1
    assert Double.apply(z) is z
    (g,) = grad((z * z).sum(), x)
    np.testing.assert_allclose(g.numpy(), 8 * X)
    with pytest.raises(InPlaceError, match="leaf that requires grad"):
        Double.apply(x)


def test_a_saved_tensor_that_was_changed_is_found() -> None:
    """A change in place of what save_for_backward kept is an error in backward, and a freed graph is too."""
    x, y = leaf(X), leaf(Y)
    out = Product.apply(x, y, 2.0)[0]
    with autodiff.no_grad():
        y.add_(1)
    with pytest.raises(InPlaceError, match="Product"):
        out.sum().backward()
    out = Exp.apply(x).sum()
    out.backward()
    with pytest.raises(GraphError, match="retain_graph"):
        out.backward()


def test_gradients_of_a_function_are_nobody_elses_memory() -> None:
    """A backward that returns what it saved, or its own gradient, leaves .grad that can be added to."""

    class Scale(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            ctx.save_for_backward(w)
            return (x * w).sum()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return ctx.saved_tensors[0], None

    x, w = leaf(X), tensor(Y)
    for _ in range(3):
        Scale.apply(x, w).backward()
    np.testing.assert_array_equal(w.numpy(), Y)
    np.testing.assert_allclose(x.grad.numpy(), 3 * Y)


def test_a_gradient_is_summed_and_converted_to_its_argument() -> None:
    """As in PyTorch, a gradient of the broadcast shape, or of another floating dtype, is taken and made to fit."""

    class Add(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x + y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, g.double()

    x = tensor(np.ones((2, 3), np.float32), requires_grad=True)
    y = tensor(np.ones(3, np.float32), requires_grad=True)
    Add.apply(x, y).sum().backward()
    assert (y.grad.dtype, y.grad.tolist()) == (np.float32, [2, 2, 2])


def returning(result: Any) -> Any:
    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return result

    return Wrong


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "too few": (tensor(X), GraphError, "returned 1 gradients; forward took 2 arguments"),
    "too many": ((tensor(X), None, tensor(X)), GraphError, "returned 3 gradients"),
    "a shape": ((tensor(np.ones(4)), None), ShapeError, r"returned a gradient of shape \(4,\) for argument 0, of"),
    "no tensor": (("x", None), DtypeError, "returned 'x' for argument 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_return_names_the_function_and_the_line(name: str) -> None:
    """The error of a bad gradient says which Function, which call, which argument."""
    result, kind, message = WRONG[name]
    out = returning(result).apply(leaf(X), leaf(Y)).sum()
    with pytest.raises(kind, match=rf"Wrong\.backward, of the call at {__file__}:\d+, {message}"):
        out.backward()


def test_trailing_nones_and_missing_gradients_are_allowed() -> None:
    """None means zero: .grad of that argument stays None."""
    x, y = leaf(X), leaf(Y)
    returning((tensor(X), None, None)).apply(x, y).sum().backward()
    assert y.grad is None
    np.testing.assert_allclose(x.grad.numpy(), X)


def test_once_differentiable_refuses_a_second_derivative() -> None:
    """First derivatives are right; the second is an error rather than a number that lacks a part."""

    class Sine(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            return tensor(g.detach().numpy() * np.cos(ctx.saved_tensors[0].detach().numpy()))

    x = leaf(X)
    (g,) = grad(Sine.apply(x).sum(), x)
    np.testing.assert_allclose(g.numpy(), np.cos(X))
    (g,) = grad((Sine.apply(x) * x).sum(), x, create_graph=True)
    with pytest.raises(GraphError, match=r"Sine is marked once_differentiable"):
        grad(g.sum(), x)


def test_misuse_of_a_function_is_named() -> None:
    """An instance that is called, a forward without a tensor, a missing backward."""
    with pytest.raises(GraphError, match=r"use Exp\.apply"):
        Exp()(leaf(X))

    class Nothing(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return "text"

    class Forward(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * 2

    with pytest.raises(DtypeError, match=r"Nothing\.forward returns a tensor or a tuple"):
        Nothing.apply(leaf(X))
    with pytest.raises(NotImplementedError, match="a Function defines backward"):
        Forward.apply(leaf(X)).sum().backward()
    with autodiff.no_grad():
        assert not Forward.apply(leaf(X)).requires_grad


GRAD_ERRORS: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "number of seeds": (lambda x: grad([x.sum(), x.sum()], x, [None]), GraphError, "1 for 2 outputs"),
    "shape of a seed": (lambda x: grad(x * 2, x, np.ones(2)), ShapeError, r"has that shape, not \(2,\)"),
    "no seed": (lambda x: grad(x * 2, x), GraphError, "needs a gradient of that shape"),
    "batched": (lambda x: grad(x * 2, x, np.ones(()), is_grads_batched=True), ShapeError, "one length above 0"),
    "contradiction": (
        lambda x: grad(x.sum(), x, allow_unused=False, materialize_grads=True), OptionError, "forbids them"),
    "input": (lambda x: grad(x.sum(), X), DtypeError, "inputs are tensors"),
    "output": (lambda x: grad(3.0, x), DtypeError, "outputs are tensors, not 3.0"),
    "no inputs": (lambda x: grad(x.sum(), []), GraphError, "there are no inputs"),
    "unused": (lambda x: grad(x.sum(), leaf(Y)), GraphError, "was not used"),
    "constant input": (lambda x: grad(x.sum(), tensor(Y)), GraphError, "does not require grad"),
    "backward seeds": (lambda x: backward([x.sum()], [None, None]), GraphError, "grad_tensors: 2 for 1 outputs"),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAD_ERRORS)
def test_grad_and_backward_say_what_is_wrong(name: str) -> None:
    """What PyTorch refuses is refused, as an error that is a RuntimeError, TypeError or ValueError as there."""
    call, kind, message = GRAD_ERRORS[name]
    with pytest.raises(kind, match=message) as caught:
        call(leaf(X))
    assert isinstance(caught.value, AutodiffError)


def test_seeds_are_tensors_arrays_or_left_out() -> None:
    """grad_outputs and grad_tensors: a bare array, a list with None, a Tensor with a history of its own."""
    x = leaf(X)
    np.testing.assert_allclose(grad(x * 2, x, Y)[0].numpy(), 2 * Y)
    np.testing.assert_allclose(grad([x * 2, x.sum()], [x], [Y, None])[0].numpy(), 2 * Y + 1)
    backward([x * 2, x.sum()], [tensor(Y), None])
    np.testing.assert_allclose(x.grad.numpy(), 2 * Y + 1)
    v = leaf(Y)
    (g,) = grad(x * x, x, v, create_graph=True)
    np.testing.assert_allclose(grad(g.sum(), v)[0].numpy(), 2 * X)


def test_a_batch_of_cotangents_gives_the_rows_of_a_jacobian() -> None:
    """One pass for each, the graph kept between them; unused inputs are None, second orders go on."""

    def program(lib: Any) -> list[Any]:
        x, y, unused = (lib.tensor(v).requires_grad_() for v in (X, Y, Y))
        out, seeds = (x * y).sin(), lib.eye(len(X), dtype=lib.float64)
        options = {"create_graph": True, "allow_unused": True}
        rows = lib.autograd.grad(out, [x, y, unused], seeds, is_grads_batched=True, **options)
        second = lib.autograd.grad(rows[0].sum(), y)
        pair = lib.autograd.grad([x * y, x.exp()], x, [seeds[:2], seeds[1:]], is_grads_batched=True)
        return [rows[0], rows[1], rows[2], second[0], pair[0]]

    for a, b in zip(program(autodiff), program(peer()), strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12)
    x = leaf(X)
    out = x * x
    grad(out, x, np.eye(len(X)), is_grads_batched=True)
    with pytest.raises(GraphError, match="freed"):
        grad(out, x, Y)
