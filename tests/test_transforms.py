"""``autodiff.func`` and ``autodiff.autograd.functional``: PyTorch's numbers, trees, nesting, every order."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import Near, same

import autodiff
from autodiff import func, grad, nn, tensor
from autodiff.autograd import functional
from autodiff.errors import AutodiffError, DtypeError, GraphError, OptionError, ShapeError, StateDictError

X, Y = np.array([0.5, -1.25, 2.0]), np.array([[1.0, -0.5, 0.25], [0.75, 2.0, -1.5]])
NEAR = Near(1e-9, 1e-12)
V, W = np.array([1.0, 2.0, -0.5]), np.array([[0.5, 1.0, -1.0], [2.0, 0.25, 1.5]])


def vector(x: Any, y: Any) -> Any:
    return (y * x.sin()).exp().sum(0) * x


def number(x: Any, y: Any) -> Any:
    return (vector(x, y) * x).tanh().sum()


def two(x: Any, y: Any) -> Any:
    return {"a": vector(x, y), "b": (x * x).sum()}


CALLS: dict[str, Callable[[Any, Any, Any, Any, Any], Any]] = {
    "grad": lambda f, x, y, v, w: f.grad(number, argnums=1)(x, y),
    "grad of both": lambda f, x, y, v, w: f.grad(number, argnums=(0, 1))(x, y),
    "grad with aux": lambda f, x, y, v, w: f.grad(lambda x: (number(x, y), x * 2), has_aux=True)(x),
    "grad and value": lambda f, x, y, v, w: f.grad_and_value(number)(x, y),
    "grad of a grad": lambda f, x, y, v, w: f.grad(lambda x: f.grad(number)(x, y).sin().sum())(x),
    "third order": lambda f, x, y, v, w: f.grad(
        lambda x: f.grad(lambda x: (f.grad(number)(x, y) ** 2).sum())(x).exp().sum())(x),
    "vjp": lambda f, x, y, v, w: f.vjp(vector, x, y)[1](v),
    "vjp of a tree": lambda f, x, y, v, w: f.vjp(two, x, y)[1]({"a": v, "b": v[0]}),
    "vjp value": lambda f, x, y, v, w: f.vjp(two, x, y)[0],
    "jvp": lambda f, x, y, v, w: f.jvp(vector, (x, y), (v, w)),
    "jvp of a tree": lambda f, x, y, v, w: f.jvp(two, (x, y), (v, w)),
    "jvp of a jvp": lambda f, x, y, v, w: f.jvp(lambda x: f.jvp(vector, (x, y), (v, w))[1], (x,), (v,)),
    "grad of a jvp": lambda f, x, y, v, w: f.grad(lambda v: (f.jvp(vector, (x, y), (v, w))[1] ** 3).sum())(v),
    "grad of a jvp by the point": lambda f, x, y, v, w: f.grad(lambda x: f.jvp(vector, (x, y), (v, w))[1].sum())(x),
    "vmap of a jvp": lambda f, x, y, v, w: f.vmap(lambda t: f.jvp(vector, (x, y), (t, w))[1])(w),
    "jacrev of a jvp": lambda f, x, y, v, w: f.jacrev(lambda v: f.jvp(vector, (x, y), (v, w)))(v),
    "vjp of a jvp": lambda f, x, y, v, w: f.vjp(lambda x: f.jvp(vector, (x, y), (v, w))[1], x)[1](v),
    "jvp of a grad": lambda f, x, y, v, w: f.jvp(f.grad(number), (x, y), (v, w)),
    "jvp of a vmap": lambda f, x, y, v, w: f.jvp(f.vmap(lambda a: a.sin() * x), (y,), (w,)),
    "third": lambda f, x, y, v, w: f.jvp(
        lambda x: f.jvp(lambda x: f.jvp(vector, (x, y), (v, w))[1], (x,), (v,))[1], (x,), (v,)),
    "hessian of a jvp": lambda f, x, y, v, w: f.hessian(lambda x: f.jvp(number, (x, y), (v, w))[1])(x),
    "jacfwd of jacfwd": lambda f, x, y, v, w: f.jacfwd(f.jacfwd(vector))(x, y),
    "linearize": lambda f, x, y, v, w: f.linearize(vector, x, y)[1](v, w),
    "jacrev": lambda f, x, y, v, w: f.jacrev(vector, argnums=(0, 1))(x, y),
    "jacrev of a tree": lambda f, x, y, v, w: f.jacrev(two, argnums=1)(x, y),
    "jacfwd": lambda f, x, y, v, w: f.jacfwd(vector, argnums=(0, 1))(x, y),
    "jacfwd of a tree": lambda f, x, y, v, w: f.jacfwd(two, argnums=1)(x, y),
    "jacfwd of jacrev": lambda f, x, y, v, w: f.jacfwd(f.jacrev(vector))(x, y),
    "hessian": lambda f, x, y, v, w: f.hessian(number, argnums=(0, 1))(x, y),
    "hessian of a vector": lambda f, x, y, v, w: f.hessian(vector)(x, y),
    "vmap of grad": lambda f, x, y, v, w: f.vmap(f.grad(number), in_dims=(0, None))(w, y),
    "vmap out": lambda f, x, y, v, w: f.vmap(lambda a, b: (a * b, a.sum()), in_dims=(0, 1), out_dims=(1, 0))(y, w.T),
}  # fmt: skip

FUNCTIONAL: dict[str, Callable[[Any, Any, Any, Any, Any], Any]] = {
    "jacobian": lambda f, x, y, v, w: f.jacobian(vector, (x, y)),
    "jacobian of one": lambda f, x, y, v, w: f.jacobian(lambda x: x.exp(), x),
    "jacobian of several outputs": lambda f, x, y, v, w: f.jacobian(lambda x, y: (vector(x, y), number(x, y)), (x, y)),
    "hessian": lambda f, x, y, v, w: f.hessian(number, (x, y)),
    "hessian of one": lambda f, x, y, v, w: f.hessian(lambda x: x.exp().sum(), x),
    "vjp": lambda f, x, y, v, w: f.vjp(vector, (x, y), v),
    "vjp of a number": lambda f, x, y, v, w: f.vjp(number, (x, y)),
    "jvp": lambda f, x, y, v, w: f.jvp(vector, (x, y), (v, w)),
    "jvp of one number": lambda f, x, y, v, w: f.jvp(lambda a: a.exp() * 2, x[:1]),
    "vhp": lambda f, x, y, v, w: f.vhp(number, (x, y), (v, w)),
    "hvp": lambda f, x, y, v, w: f.hvp(number, (x, y), (v, w)),
    "hvp of one": lambda f, x, y, v, w: f.hvp(lambda x: (x**3).sum(), x, v),
}


def called(lib: Any, call: Callable[..., Any], transforms: Callable[[Any], Any]) -> Any:
    return call(transforms(lib), *(lib.tensor(a) for a in (X, Y, V, W)))


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore")  # what PyTorch says about its own transforms
def test_func_gives_what_it_gives_in_pytorch(name: str) -> None:
    """Values, shapes, dtypes and the order of the results are those of torch.func."""
    same(called, CALLS[name], lambda lib: lib.func, near=NEAR)


@pytest.mark.parametrize("name", FUNCTIONAL)
@pytest.mark.parametrize("create_graph", [False, True])
def test_functional_gives_what_it_gives_in_pytorch(name: str, create_graph: bool) -> None:
    """Values and structures are those of torch.autograd.functional; results are tracked where create_graph says so."""
    same(called, FUNCTIONAL[name], lambda lib: lib.autograd.functional, near=NEAR)
    x = tensor(X, requires_grad=True)
    assert functional.jacobian(lambda x: x.exp(), x, create_graph=create_graph).requires_grad == create_graph
    assert functional.hvp(lambda x: x.exp().sum(), x, tensor(V), create_graph)[1].requires_grad == create_graph


def test_functions_of_numpy_calls_are_differentiated_at_arrays_and_numbers() -> None:
    """np. functions of an array or a number: arrays come out of arrays, in the dtype of what went in."""

    def f(x: Any) -> Any:
        return np.sum(np.sin(x) * np.exp(x))

    slope = func.grad(f)(X)
    assert type(slope) is np.ndarray
    np.testing.assert_allclose(slope, np.exp(X) * (np.sin(X) + np.cos(X)), rtol=1e-14)
    assert func.grad(f)(np.float64(0.5)).dtype == np.float64
    assert func.grad(f)(0.5).dtype == autodiff.get_default_dtype()
    np.testing.assert_allclose(func.hessian(f)(X), np.diag(2 * np.exp(X) * np.cos(X)), rtol=1e-13, atol=1e-14)


def test_products_inside_products_leave_no_graph() -> None:
    """What PyTorch does not nest, too: linear maps of products, products of linear maps, and a map that is kept."""
    x, y, v, w = (tensor(a) for a in (X, Y, V, W))
    wanted = func.jvp(lambda x: func.jvp(vector, (x, y), (v, w))[1], (x,), (v,))
    for found in (
        func.jvp(lambda x: func.linearize(vector, x, y)[1](v, w), (x,), (v,)),
        (wanted[0], func.linearize(lambda x: func.jvp(vector, (x, y), (v, w))[1], x)[1](v)),
    ):
        for mine, right in zip(found, wanted, strict=True):
            assert not mine.requires_grad
            np.testing.assert_allclose(mine.numpy(), right.numpy(), rtol=1e-12)
    a = tensor(V, requires_grad=True)
    inner = func.jvp(lambda x: func.jvp(lambda t: a * t**3, (x,), (v,))[1], (x,), (v,))[1]
    (slope,) = grad(inner.sum(), a)
    np.testing.assert_allclose(slope.numpy(), 6 * X * V * V, rtol=1e-12)


def test_results_at_the_top_stand_outside_the_graph() -> None:
    """Where nothing outside is tracked, every result is a plain tensor, and .grad of nothing is touched."""
    x = tensor(X)
    products = func.vjp(vector, x, tensor(Y)), func.jvp(vector, (x, Y), (V, W)), func.hvp(number, (x, Y), (V, W))
    for result in (func.grad(number)(x, tensor(Y)), func.jacfwd(vector)(x, Y), func.hessian(number)(x, Y), *products):
        flat = autodiff.func.trees.leaves_of(result)
        assert not any(t.requires_grad for t in flat if isinstance(t, autodiff.Tensor))
    assert not x.requires_grad
    assert x.grad is None


def test_what_the_function_reaches_outside_stays_connected() -> None:
    """A tracked argument, and one in the closure, get gradients through a transform; under no_grad they do not."""
    a, x = tensor(X, requires_grad=True), tensor(V, requires_grad=True)
    slope = func.grad(lambda t: (a * t**3).sum())(x)
    ga, gx = grad(slope.sum(), [a, x])
    np.testing.assert_allclose(ga.numpy(), 3 * V**2)
    np.testing.assert_allclose(gx.numpy(), 6 * X * V)
    with autodiff.no_grad():
        assert not func.grad(lambda t: (a * t**3).sum())(x).requires_grad


def test_a_variable_is_not_confused_with_the_same_tensor_outside() -> None:
    """d/dx of x * (d/dy of x * y at y = x) is 2x: the inner derivative is by y alone."""
    outer = func.grad(lambda x: x * func.grad(lambda y: x * y)(x))
    assert outer(tensor(3.0)).item() == 6.0
    x = tensor(3.0, requires_grad=True)
    assert func.grad(lambda y: x * y)(x).item() == 3.0


Pair = namedtuple("Pair", "weight bias")


def test_trees_keep_their_structure() -> None:
    """Dicts, lists, tuples and named tuples of parameters come back as what they were."""
    parameters = {"layers": [Pair(tensor(X), tensor(1.0)), Pair(tensor(V), tensor(2.0))], "scale": (tensor(3.0),)}

    def f(p: Any) -> Any:
        return sum((q.weight * q.bias).sum() for q in p["layers"]) * p["scale"][0]

    g = func.grad(f)(parameters)
    assert isinstance(g["layers"][1], Pair)
    assert isinstance(g["scale"], tuple)
    np.testing.assert_allclose(g["layers"][1].weight.numpy(), np.full(3, 6.0))
    np.testing.assert_allclose(g["layers"][0].bias.numpy(), 3 * X.sum())
    value, (product,) = func.hvp(f, (parameters,), (parameters,))
    assert product["scale"][0].shape == value.shape == ()


def test_a_product_with_the_jacobian_does_not_see_the_branch_not_taken() -> None:
    """jvp through where beside a pole is finite, and at the pole it is what calculus says."""
    x, ones = tensor(np.array([0.0, 4.0])), tensor(np.ones(2))
    _, t = func.jvp(lambda x: autodiff.where(x > 0, x.sqrt(), x * 3), (x,), (ones,))
    np.testing.assert_allclose(t.numpy(), [3, 0.25])
    _, t = func.jvp(lambda x: x - x.sqrt(), (x,), (ones,))
    np.testing.assert_allclose(t.numpy(), [-np.inf, 0.75])


def test_two_orders_of_hvp_agree() -> None:
    """vhp, hvp and the Hessian itself give the same product."""
    value, (hx, hy) = func.hvp(number, (X, Y), (V, W))
    again, (vx, vy) = func.vhp(number, (X, Y), (V, W))
    (xx, xy), (yx, yy) = func.hessian(number, (0, 1))(X, Y)
    assert value.item() == again.item()
    for a, b, c in ((hx, vx, np.tensordot(xx, V, 1) + np.tensordot(xy, W, 2)),
                    (hy, vy, np.tensordot(yx, V, 1) + np.tensordot(yy, W, 2))):  # fmt: skip
        np.testing.assert_allclose(a, c, rtol=1e-12)
        np.testing.assert_allclose(b, c, rtol=1e-12)


def test_a_module_is_a_function_of_its_parameters() -> None:
    """functional_call puts other tensors in and the parameters back, ties included, and errors leave no trace."""
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3)).double()
    model[2].weight = model[0].weight
    before, x = dict(model.named_parameters()), tensor(Y)
    doubled = {name: (p * 2).detach() for name, p in before.items()}
    expected = (x @ (doubled["0.weight"]).T + doubled["0.bias"]).tanh() @ doubled["0.weight"].T + doubled["2.bias"]
    got = func.functional_call(model, doubled, (x,))
    np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-12)
    slopes = func.grad(lambda p: func.functional_call(model, p, x).square().sum())(before)
    model(x).square().sum().backward()
    for name, p in before.items():
        np.testing.assert_allclose(slopes[name].detach().numpy(), p.grad.numpy(), rtol=1e-12)
    with pytest.raises(AutodiffError):
        func.functional_call(model, {"0.weight": tensor(np.ones((2, 2)))}, x)
    with pytest.raises(StateDictError, match=r"there is no '3\.weight'; it has 0\.weight, 0\.bias"):
        func.functional_call(model, {"3.weight": x}, x)
    with pytest.raises(StateDictError, match=r"lacks 0\.bias"):
        func.functional_call(model, {"0.weight": before["0.weight"]}, x, strict=True)
    assert all(p is before[name] for name, p in model.named_parameters())
    assert model[0].weight is before["0.weight"]


MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "not a number": (lambda: func.grad(lambda x: x * 2)(tensor(X)), ShapeError, r"one number, not shapes \[\(3,\)\]"),
    "no tensor": (lambda: func.grad(lambda x: float(x.sum()))(tensor(X)), DtypeError, r"went through float\(\)"),
    "integers": (lambda: func.grad(lambda x: x.sum())(tensor([1, 2])), DtypeError, r"not int64; use \.float\(\)"),
    "no argument": (lambda: func.grad(number, argnums=2)(X, Y), OptionError, "2 positional arguments"),
    "cotangent": (lambda: func.vjp(vector, X, Y)[1](tensor(W)), ShapeError, r"cotangents have shapes \[\(2, 3\)\]"),
    "tangent": (lambda: func.jvp(vector, (X, Y), (W, W)), ShapeError, r"tangents have shapes"),
    "aux": (lambda: func.grad(number, has_aux=True)(X, Y), DtypeError, r"returns \(output, aux\)"),
    "batches": (lambda: func.vmap(lambda a, b: a)(tensor(X), tensor(Y)), ShapeError, r"batches of \[2, 3\] entries"),
    "axes": (lambda: func.vmap(lambda a: a, in_dims=(0, 0))(tensor(X)), OptionError, "2 axes for 1 argument"),
    "strict": (lambda: functional.jacobian(lambda x, y: x * 2, (tensor(X), tensor(V)), strict=True), GraphError,
               r"do not depend on input 1, of shape \(3,\)"),
    "v": (lambda: functional.vjp(vector, (tensor(X), tensor(Y))), ShapeError, "outputs of one entry"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named(name: str) -> None:
    """What was given and what is expected stand in the message."""
    call, kind, message = MISTAKES[name]
    with pytest.raises(kind, match=message):
        call()


def test_an_ensemble_of_stacked_modules() -> None:
    models = [nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)).eval() for _ in range(4)]
    parameters, buffers = func.stack_module_state(models)
    assert all(p.is_leaf and p.requires_grad and len(p) == 4 for p in parameters.values())
    assert not any(b.requires_grad for b in buffers.values())
    x = autodiff.rand(5, 2)
    outs = func.vmap(lambda state, x: func.functional_call(models[0], state, (x,)), (0, None))((parameters, buffers), x)
    assert outs.tolist() == [model(x).tolist() for model in models]
    for wrong in ([], [models[0], nn.Linear(2, 3)], [models[0], models[1].train()]):
        with pytest.raises(OptionError, match="of one class, at least one, all in training or none"):
            func.stack_module_state(wrong)
    with pytest.raises(OptionError, match="have the same names"):
        func.stack_module_state([nn.Sequential(nn.Linear(2, 3)), nn.Sequential(nn.ReLU())])
    for of_modules in (func.replace_all_batch_norm_modules_, lambda x: func.stack_module_state([x])):
        with pytest.raises(DtypeError, match="module"):
            of_modules(autodiff.ones(2))
    models[0].requires_grad_(False)
    with pytest.raises(OptionError, match=r"some of the tensors '0.weight' require grad"):
        func.stack_module_state([models[0], models[2]])


def test_batch_norms_without_running_statistics() -> None:
    model = func.replace_all_batch_norm_modules_(nn.Sequential(nn.BatchNorm1d(3), nn.InstanceNorm1d(3)))
    x = autodiff.rand(4, 3)
    assert np.allclose(model[0].eval()(x).detach().numpy(), nn.BatchNorm1d(3)(x).detach().numpy())
    assert dict(model[0].named_buffers()) == {}
