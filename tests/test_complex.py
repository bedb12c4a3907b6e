"""Complex tensors as users meet them: made, converted, printed, written to, differentiated, trained."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import Near, peer, same

import autodiff
import nn
import optim
from autodiff.errors import DtypeError, GraphError
from autodiff.testing import failures, gradcheck
from nn import functional

Z = np.array([1 + 2j, 0.3 - 1j])
V = np.array([0.5 - 1j, 2 + 0.1j])
X = np.array([0.4, 1.3])
CLOSE = Near(1e-12, 1e-13)

MADE: dict[str, Callable[[Any], Any]] = {
    "list": lambda lib: lib.tensor([1 + 2j, 3]),
    "number": lambda lib: lib.tensor(1j),
    "dtype": lambda lib: (lib.zeros(2, dtype=lib.complex64), lib.eye(2, dtype=lib.cdouble)),
    "full": lambda lib: lib.full((2,), 1j),
    "to": lambda lib: (lib.tensor(X).to(lib.complex64), lib.tensor(X).cdouble(), lib.tensor([1]).cfloat()),
    "array": lambda lib: (lib.from_numpy(Z), lib.as_tensor(Z.astype(np.complex64))),
    "promotion": lambda lib: (lib.tensor([1.0]) * 1j, lib.tensor(X) * 1j, lib.tensor([1]) * 1j, lib.tensor(Z) * 2),
    "0-d": lambda lib: (lib.tensor([1.0]) + lib.tensor(1j, dtype=lib.complex128), lib.tensor(X) + lib.tensor(1j)),
    "types": lambda lib: [lib.promote_types(lib.complex64, t).itemsize for t in (lib.float64, lib.int64, lib.float32)],
    "casts": lambda lib: (lib.can_cast(lib.complex64, lib.float32), lib.can_cast(lib.float32, lib.complex64)),
    "to real": lambda lib: (lib.tensor(Z).float(), lib.tensor(Z).int(), lib.tensor([1j, 0]).bool()),
    "python": lambda lib: (complex(lib.tensor(1 + 2j)), lib.tensor(1 + 2j).item(), lib.tensor(Z).tolist()),
    "type": lambda lib: (lib.tensor([2j]).type(), lib.tensor(Z).element_size(), lib.tensor(Z).is_complex()),
    "equal": lambda lib: (lib.tensor(Z) == lib.tensor(Z), lib.tensor(Z) != 1, lib.equal(lib.tensor(Z), lib.tensor(Z))),
    "close": lambda lib: (lib.allclose(lib.tensor(Z), lib.tensor(Z + 1e-9)), lib.isnan(lib.tensor([complex("nan")]))),
    "where": lambda lib: lib.where(lib.tensor([True, False]), lib.tensor(Z), lib.tensor(X)),
    "cat": lambda lib: lib.cat([lib.tensor(Z), lib.tensor(X)]),
    "transposed": lambda lib: (lib.tensor(Z[None]).mH.resolve_conj(), lib.tensor(Z[None]).H.resolve_conj()),
    "repr": lambda lib: str(lib.tensor([[0.5 + 2.25j, -1 - 1j], [3, complex("nan")]])),
    "deep copy": lambda lib: __import__("copy").deepcopy(lib.tensor(Z)),
    "pickle": lambda lib: __import__("pickle").loads(__import__("pickle").dumps(lib.tensor(Z))),
}


@pytest.mark.filterwarnings("ignore:.*discards the imaginary part:UserWarning")
@pytest.mark.parametrize("name", MADE)
def test_complex_tensors_are_made_and_read_as_in_pytorch(name: str) -> None:
    same(MADE[name], near=CLOSE)


def _written(lib: Any, write: Callable[[Any, Any], Any]) -> Any:
    z = lib.tensor(Z)
    write(lib, z)
    return z


@pytest.mark.parametrize(
    "write",
    [
        lambda lib, z: z.real.mul_(3),
        lambda lib, z: z.imag.__setitem__(0, 7),
        lambda lib, z: setattr(z, "real", lib.tensor(X)),
        lambda lib, z: setattr(z, "imag", 2.5),
        lambda lib, z: z.__setitem__(0, 5j),
        lambda lib, z: z.add_(1j),
        lambda lib, z: lib.view_as_real(z).zero_(),
        lambda lib, z: z.fill_(3 + 1j),
        lambda lib, z: z.sgn_(),
    ],
)
def test_writes_reach_the_complex_tensor(write: Callable[[Any, Any], Any]) -> None:
    same(_written, write, near=CLOSE)


@pytest.mark.parametrize(
    "write",
    [
        lambda lib, z, y: z.real.mul_(y),
        lambda lib, z, y: z.imag.copy_(y * y),
        lambda lib, z, y: lib.view_as_real(z)[:, 1].mul_(y),
        lambda lib, z, y: lib.view_as_real(z).mul_(y[:, None]),
        lambda lib, z, y: z[1:].mul_(y[0] * 1j),
        lambda lib, z, y: lib.view_as_complex(lib.view_as_real(z)).mul_(1 + 2j),
        lambda lib, z, y: z.real[0].add_(y[1]),
    ],
)
def test_writes_into_parts_are_differentiated(write: Callable[[Any, Any, Any], Any]) -> None:
    def program(lib: Any) -> Any:
        leaf, y = lib.tensor(Z).requires_grad_(), lib.tensor(X).requires_grad_()
        z = leaf * (1 + 0.5j)
        write(lib, z, y)
        (z * z * lib.tensor(V)).imag.sum().backward()
        return z.detach(), leaf.grad.resolve_conj(), y.grad

    same(program, near=CLOSE)


def test_writes_through_complex_views_of_real_tensors_are_differentiated() -> None:
    def program(lib: Any) -> Any:
        leaf = lib.tensor(np.stack([X, X * 2])).requires_grad_()
        x = leaf * 3
        lib.view_as_complex(x).mul_(1 - 2j)
        (x**2).sum().backward()
        return x.detach(), leaf.grad

    same(program, near=CLOSE)


def test_a_real_tensor_does_not_become_complex_in_place() -> None:
    x = autodiff.tensor([1.0])
    for write in (lambda: x.add_(1j), lambda: x.mul_(autodiff.tensor([1j]))):
        with pytest.raises(DtypeError):
            write()
    with pytest.raises(DtypeError, match=r"imag takes complex numbers, not float32"):
        x.imag  # noqa: B018


DIFFERENTIATED: dict[str, Callable[[Any, Any], Any]] = {
    "length": lambda lib, z: (z.abs() ** 2).sum(),
    "both parts": lambda lib, z: (z.real * z.imag.exp()).sum(),
    "mixed": lambda lib, z: ((z * lib.tensor(X)).exp() * lib.tensor(V)).abs().sum(),
    "conjugate": lambda lib, z: (z.conj() * z * (1 + 2j)).imag.sum(),
    "angle": lambda lib, z: z.angle().sin().sum(),
    "norm": lambda lib, z: lib.linalg.vector_norm(z) ** 3 + lib.linalg.vector_norm(z, 3),
    "spread": lambda lib, z: lib.var(z) + lib.std(z * 2),
    "product": lambda lib, z: (lib.outer(z, z) @ lib.outer(z, z).mH).real.sum(),
}


def _gradients(lib: Any, loss: Callable[[Any, Any], Any]) -> list[Any]:
    z = lib.tensor(Z).requires_grad_()
    seen: list[Any] = []
    w = z * (1 + 1j)
    w.retain_grad()
    w.register_hook(lambda g: seen.append(g.resolve_conj().clone()))
    loss(lib, w).backward(create_graph=True)
    (second,) = lib.autograd.grad((z.grad * lib.tensor(V)).real.sum(), z)
    return [x.detach().resolve_conj().clone() for x in (z.grad, w.grad, *seen, second)]


@pytest.mark.parametrize("name", DIFFERENTIATED)
@pytest.mark.filterwarnings("ignore:.*create_graph:UserWarning")
def test_gradients_hooks_and_second_order_are_pytorchs(name: str) -> None:
    same(_gradients, DIFFERENTIATED[name], near=Near(1e-10, 1e-11))


def test_squares_of_lengths_are_smooth_at_zero() -> None:
    """In PyTorch the second derivatives are NaN."""
    z = autodiff.tensor(Z, requires_grad=True)
    w = (z - z.detach()) * 2
    (first,) = autodiff.grad(autodiff.linalg.vector_norm(w) ** 2 + (w.abs() ** 2).sum(), z, create_graph=True)
    (second,) = autodiff.grad(first, z, autodiff.tensor(V))
    np.testing.assert_array_equal(first.detach().numpy(), 0)
    np.testing.assert_allclose(second.numpy(), 16 * V)


def test_a_function_of_ones_own_sees_gradients_as_pytorchs() -> None:
    def square(lib: Any) -> Any:
        class Square(lib.autograd.Function):  # type: ignore[misc]
            @staticmethod
            def forward(ctx: Any, z: Any) -> Any:
                ctx.save_for_backward(z)
                return z * z

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g * (2 * ctx.saved_tensors[0]).conj()

        z = lib.tensor(Z).requires_grad_()
        return lib.autograd.grad(Square.apply(z), z, lib.tensor(V))[0].resolve_conj()

    same(square, near=CLOSE)


def test_a_complex_number_is_no_loss() -> None:
    z = autodiff.tensor(Z, requires_grad=True)
    with pytest.raises(GraphError, match="a complex number needs a gradient to start from"):
        z.sum().backward()


def holomorphic(lib: Any) -> Callable[[Any], Any]:
    return lambda z: z * z + z.exp()


def not_holomorphic(lib: Any) -> Callable[[Any], Any]:
    return lambda z: z * z * z.conj()


def loss(lib: Any) -> Callable[[Any], Any]:
    return lambda z: (z * z.conj()).real.sum() + (z * z).imag.sum()


TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "grad": lambda lib: lib.func.grad(loss(lib))(lib.tensor(Z)),
    "vjp": lambda lib: lib.func.vjp(not_holomorphic(lib), lib.tensor(Z))[1](lib.tensor(V)),
    "jvp": lambda lib: lib.func.jvp(holomorphic(lib), (lib.tensor(Z),), (lib.tensor(V),)),
    "jvp of both": lambda lib: lib.func.jvp(not_holomorphic(lib), (lib.tensor(Z),), (lib.tensor(V),)),
    "linearize": lambda lib: lib.func.linearize(holomorphic(lib), lib.tensor(Z))[1](lib.tensor(V)),
    "vmap": lambda lib: lib.func.vmap(lib.func.grad(lambda z: (z * z.conj()).real))(lib.tensor(Z)),
    "functional.vjp": lambda lib: lib.autograd.functional.vjp(not_holomorphic(lib), lib.tensor(Z), lib.tensor(V)),
    "functional.jvp": lambda lib: lib.autograd.functional.jvp(not_holomorphic(lib), lib.tensor(Z), lib.tensor(V)),
    "functional.hvp": lambda lib: lib.autograd.functional.hvp(loss(lib), lib.tensor(Z), lib.tensor(V)),
    "functional.vhp": lambda lib: lib.autograd.functional.vhp(loss(lib), lib.tensor(Z), lib.tensor(V)),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Attempted to insert")  # of PyTorch's own
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_take_complex_functions_as_pytorchs_do(name: str) -> None:
    peer()

    def resolved(lib: Any) -> Any:
        found = TRANSFORMS[name](lib)
        return [x.detach().resolve_conj() for x in (found if isinstance(found, tuple) else (found,))]

    same(resolved, near=Near(1e-10, 1e-12))


def test_jacobians_are_of_real_numbers() -> None:
    """As in PyTorch: one complex number for each entry does not say both Wirtinger derivatives."""
    z = autodiff.tensor(Z)
    for take in (autodiff.func.jacrev, autodiff.func.jacfwd, autodiff.func.hessian):
        with pytest.raises(DtypeError, match="Jacobians and Hessians are of real numbers"):
            take(lambda z: (z * z).real.sum())(z)
    with pytest.raises(DtypeError, match="Jacobians and Hessians are of real numbers"):
        autodiff.autograd.functional.jacobian(lambda x: x * 1j, autodiff.tensor(X))


OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.1}),
    ("NAdam", {"lr": 0.1}),
    ("RAdam", {"lr": 0.1}),
    ("Adamax", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.3}),
    ("Adadelta", {"lr": 1.0}),
    ("RMSprop", {"lr": 0.1, "centered": True, "momentum": 0.5}),
    ("Rprop", {"lr": 0.1}),
    ("ASGD", {"lr": 0.1}),
    ("LBFGS", {"lr": 1.0, "line_search_fn": "strong_wolfe"}),
]


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=[name for name, _ in OPTIMIZERS])
def test_optimizers_take_a_complex_parameter_as_pairs(name: str, options: dict[str, Any]) -> None:
    def trained(lib: Any) -> Any:
        z, target = lib.tensor(Z).requires_grad_(), lib.tensor(V)
        optimizer = getattr(optim if lib is autodiff else lib.optim, name)([z], **options)

        def closure() -> Any:
            optimizer.zero_grad()
            value = ((z - target).abs() ** 2).sum() + (z.real**4).sum() * 0.1
            value.backward()
            return value

        for _ in range(5):
            optimizer.step(closure)
        return z.detach()

    same(trained, near=Near(1e-7))


@pytest.mark.parametrize("name", ["Adafactor", "Muon"])
def test_some_optimizers_refuse_complex_parameters(name: str) -> None:
    with pytest.raises(DtypeError, match=f"{name} changes real parameters, not complex64"):
        getattr(optim, name)([autodiff.zeros(2, 2, dtype=autodiff.complex64, requires_grad=True)])


def test_complex_layers_are_trained_and_saved(tmp_path: Any) -> None:
    autodiff.manual_seed(0)
    model = nn.Linear(2, 1, dtype=autodiff.complex64)
    x = autodiff.randn(64, 2, dtype=autodiff.complex64)
    y = x @ autodiff.tensor([[1 + 1j], [-0.5j]])
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        error = ((model(x) - y).abs() ** 2).mean()
        error.backward()
        optimizer.step()
    assert error.item() < 1e-4
    autodiff.save(model.state_dict(), tmp_path / "weights")
    again = nn.Linear(2, 1, dtype=autodiff.complex64)
    again.load_state_dict(autodiff.load(tmp_path / "weights"))
    assert (again(x) == model(x)).all()
    assert abs(x.abs().mean().item() - np.sqrt(np.pi) / 2) < 0.1  # of complex numbers with variance 1


@pytest.mark.parametrize("name", ["relu", "sort", "max", "argmax", "floor", "sign", "erf", "median", "clamp_min"])
def test_what_has_no_meaning_for_complex_numbers_is_refused_by_name(name: str) -> None:
    z = autodiff.tensor(Z)
    with pytest.raises(DtypeError, match=r"takes real numbers, not complex128; take \.real, \.imag or \.abs\(\)"):
        getattr(autodiff, name)(z, 0.5) if name == "clamp_min" else getattr(autodiff, name)(z)
    with pytest.raises(DtypeError, match="less takes real numbers"):
        z < 1  # noqa: B015


def test_losses_that_square_or_compare_refuse_complex_numbers() -> None:
    """Without a conjugate their formulas would give complex losses, and cosines; ``l1_loss`` takes sizes, and stays."""
    z, x = autodiff.tensor(Z[None]), autodiff.ones(1, 2)
    for call in (
        lambda: functional.mse_loss(z, z),
        lambda: functional.cosine_similarity(z, z),
        lambda: functional.cosine_embedding_loss(z, z, autodiff.ones(1)),
        lambda: functional.hinge_embedding_loss(z, x),
        lambda: functional.kl_div(z, x),
        lambda: functional.gaussian_nll_loss(z, z, x),
    ):
        with pytest.raises(DtypeError, match=r"takes real numbers, not complex128"):
            call()
    assert functional.l1_loss(z, z * 2).item() == pytest.approx(np.abs(Z).mean())


def test_gradcheck_sees_both_wirtinger_derivatives() -> None:
    z = autodiff.tensor(Z, requires_grad=True)
    assert gradcheck(lambda z: z * z.conj() * z, z)
    with pytest.raises(failures.WrongGradient):
        gradcheck(lambda z: z * z.conj().detach(), z)
    with warnings.catch_warnings(action="error"):
        assert gradcheck(lambda x: (x * 1j).exp(), autodiff.tensor(X, requires_grad=True))


def test_memory_is_exchanged_by_dlpack() -> None:
    z = autodiff.tensor(Z)
    other = np.from_dlpack(z)
    other[0] = 7j
    assert z[0] == 7j
    torch = peer()
    theirs = torch.from_dlpack(z)
    autodiff.from_dlpack(theirs)[1] = 5
    assert z.tolist() == [7j, 5]
    with pytest.raises(GraphError, match=r"use \.detach\(\)\.numpy\(\)"):
        np.from_dlpack(autodiff.tensor(Z, requires_grad=True) * 2)
