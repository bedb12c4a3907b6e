"""Linear algebra of complex matrices: values, and gradients of two orders, are PyTorch's and those of differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import flat, peer, plain

import autodiff
from autodiff import linalg
from autodiff.errors import GraphError, ShapeError

Call = Callable[..., Any]
Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(11)
SQUARE = [(3, 3), (1, 1), (2, 3, 3), (2, 1, 2, 2), (0, 3, 3), (2, 0, 0)]
ANY = [*SQUARE, (4, 2), (2, 2, 4), (3, 0), (0, 2, 3)]


def complex_numbers(*shape: int) -> Array:
    return np.asarray(RNG.normal(size=shape) + 1j * RNG.normal(size=shape))


def well(shape: tuple[int, ...]) -> Array:
    """Matrices whose singular values and eigenvalues are well apart."""
    return complex_numbers(*shape) / 2 + np.eye(*shape[-2:]) * np.arange(1.0, shape[-1] + 1) * (2 + 1j)


def hermitian(x: Any) -> Any:
    return x + x.mH


def definite(lib: Any, x: Any) -> Any:
    return x @ x.mH + lib.eye(x.shape[-1], dtype=x.dtype)


def rebuilt(values: Any, vectors: Any) -> Any:
    """What a function of the eigenvalues makes of a Hermitian matrix."""
    return (vectors * values.sin().unsqueeze(-2)) @ vectors.mH


def of_singular(u: Any, s: Any, vh: Any) -> Any:
    return (u * s.sin().unsqueeze(-2)) @ vh


def of_eigenvectors(lib: Any, x: Any) -> Any:
    values, vectors = lib.linalg.eig(x)
    return (vectors * values.exp().unsqueeze(-2)) @ lib.linalg.inv(vectors)


def lengths(parts: Any) -> list[Any]:
    return [part.abs() ** 2 for part in parts]


OF_SQUARE: dict[str, Call] = {
    "det": lambda lib, x: lib.linalg.det(x),
    "sign": lambda lib, x: lib.linalg.slogdet(x)[0],
    "logabsdet": lambda lib, x: lib.linalg.slogdet(x)[1],
    "logdet": lambda lib, x: lib.logdet(x),
    "inv": lambda lib, x: lib.linalg.inv(x),
    "matrix_exp": lambda lib, x: lib.linalg.matrix_exp(x / 3),
    "matrix_power": lambda lib, x: lib.linalg.matrix_power(x, 3),
    "negative matrix_power": lambda lib, x: lib.linalg.matrix_power(x, -2),
    "cholesky": lambda lib, x: lib.linalg.cholesky(definite(lib, x)),
    "cholesky upper": lambda lib, x: lib.linalg.cholesky(definite(lib, x), upper=True),
    "cholesky_inverse": lambda lib, x: lib.cholesky_inverse(lib.linalg.cholesky(definite(lib, x))),
    "cholesky_solve": lambda lib, x: lib.cholesky_solve(x, lib.linalg.cholesky(definite(lib, x)).mH, upper=True),
    "eigvalsh": lambda lib, x: lib.linalg.eigvalsh(hermitian(x)),
    "eigh, lengths": lambda lib, x: lengths(lib.linalg.eigh(hermitian(x))),
    "eigh, rebuilt": lambda lib, x: rebuilt(*lib.linalg.eigh(hermitian(x))),
    "eig, lengths": lambda lib, x: lengths(lib.linalg.eig(x)),
    "eig, rebuilt": of_eigenvectors,
    "eigvals": lambda lib, x: lib.linalg.eigvals(x),
    "hermitian pinv": lambda lib, x: lib.linalg.pinv(hermitian(x), hermitian=True),
    "solve": lambda lib, x: lib.linalg.solve(x, x.mT[..., :1]),
    "solve from the right": lambda lib, x: lib.linalg.solve(x, x.mT, left=False),
    "solve_triangular": lambda lib, x: lib.linalg.solve_triangular(x, x, upper=True, unitriangular=True),
}
OF_ANY: dict[str, Call] = {
    "qr": lambda lib, x: lib.linalg.qr(x),
    "svd, lengths": lambda lib, x: lengths(lib.linalg.svd(x, full_matrices=False)),
    "svd, rebuilt": lambda lib, x: of_singular(*lib.linalg.svd(x, full_matrices=False)),
    "svdvals": lambda lib, x: lib.linalg.svdvals(x),
    "pinv": lambda lib, x: lib.linalg.pinv(x),
}
OF_FULL: dict[str, Call] = {
    "nuclear norm": lambda lib, x: lib.linalg.matrix_norm(x, "nuc"),
    "norm 2": lambda lib, x: lib.linalg.matrix_norm(x, 2),
    "norm -2": lambda lib, x: lib.linalg.matrix_norm(x, -2),
    "cond": lambda lib, x: lib.linalg.cond(x),
    "lstsq": lambda lib, x: lib.linalg.lstsq(x, x * x.conj())[:2],
    "cov": lambda lib, x: lib.cov(x),
    "corrcoef": lambda lib, x: lib.corrcoef(x),
}
CASES = [
    pytest.param(call, shape, id=f"{name}-{'x'.join(map(str, shape))}")
    for calls, shapes in ((OF_SQUARE, SQUARE), (OF_ANY, ANY), (OF_FULL, [(3, 3), (4, 2), (2, 4)]))
    for name, call in calls.items()
    for shape in shapes
]


def real_sum(lib: Any, outputs: Any, level: int) -> Any:
    """A real number that depends on both parts of all outputs that have a history."""
    total: Any = 0
    for y in flat(outputs):
        if y.requires_grad:
            weights = 1 + np.cos(np.arange(math.prod(y.shape)) * 1.3 + level).reshape(tuple(y.shape)) / 2
            for part in [y.real, y.imag * 2] if "complex" in str(y.dtype) else [y]:
                total = total + (part * lib.tensor(weights.astype(plain(part).dtype))).sum()
    return total


def two_orders(lib: Any, call: Call, array: Array) -> list[Array]:
    """The results of ``call``, and the gradients of first and second order of a sum of them; zeros where constant."""
    x = lib.tensor(array, requires_grad=True)
    outputs = call(lib, x)
    found = [plain(y) for y in flat(outputs)]
    for level in range(2):
        value = real_sum(lib, outputs, level)
        outputs = lib.autograd.grad(value, x, create_graph=True)[0] if getattr(value, "requires_grad", False) else x * 0
        found.append(plain(outputs))
    return found


def agree(ours: list[Array], theirs: list[Array], relative: float, single: bool = False) -> None:
    """Raise AssertionError where numbers, shapes or dtypes differ; of ``single`` precision dtypes are half as wide."""
    for mine, wanted in zip(ours, theirs, strict=True):
        assert mine.dtype.kind == wanted.dtype.kind
        assert mine.dtype.itemsize * (2 if single else 1) == wanted.dtype.itemsize
        assert mine.shape == wanted.shape
        scale = max(1.0, float(np.abs(wanted).max(initial=0.0)))
        np.testing.assert_allclose(mine, wanted, rtol=relative, atol=relative * scale)


@pytest.mark.parametrize(("call", "shape"), CASES)
def test_values_and_two_orders_of_gradients_are_those_of_pytorch(call: Call, shape: tuple[int, ...]) -> None:
    """In complex128 to ten digits, in complex64 with the dtypes and to what single precision leaves of them."""
    array = well(shape)
    theirs = two_orders(peer(), call, array)
    agree(two_orders(autodiff, call, array), theirs, 1e-10)
    agree(two_orders(autodiff, call, array.astype(np.complex64)), theirs, 1e-4, single=True)


PRODUCTS: dict[str, tuple[Call, list[tuple[int, ...]]]] = {
    "vdot": (lambda lib, x, y: lib.vdot(x, y), [(3,), (3,)]),
    "vecdot": (lambda lib, x, y: lib.linalg.vecdot(x, y, dim=0), [(3, 2), (3, 1)]),
    "inner": (lambda lib, x, y: lib.inner(x, y), [(2, 3), (4, 3)]),
    "tensordot": (lambda lib, x, y: lib.tensordot(x, y, 2), [(2, 3, 2), (3, 2, 2)]),
    "tensordot with an axis of 1": (lambda lib, x, y: lib.tensordot(x, y, [[0, 1], [2, 0]]), [(1, 3, 2), (1, 4, 3)]),
    "cross": (lambda lib, x, y: lib.linalg.cross(x, y), [(2, 3), (1, 3)]),
    "multi_dot": (lambda lib, x, y: lib.linalg.multi_dot([x, y, x]), [(2, 3), (3, 2)]),
    "kron": (lambda lib, x, y: lib.kron(x, y), [(2, 3), (2,)]),
    "vander": (lambda lib, x, y: lib.linalg.vander(x, N=4) * y, [(3,), (4,)]),
    "vander of a number": (lambda lib, x, y: lib.linalg.vander(x, N=3) * y, [(), (3,)]),
    "householder_product": (lambda lib, x, y: lib.linalg.householder_product(x, y), [(2, 4, 3), (2, 2)]),
    "ormqr": (lambda lib, x, y: lib.ormqr(x, y, x.sin()), [(3, 2), (2,)]),
    "ormqr, transposed": (lambda lib, x, y: lib.ormqr(x, y, x.sin(), transpose=True), [(3, 2), (2,)]),
    "ormqr from the right": (lambda lib, x, y: lib.ormqr(x, y, x.mT, left=False, transpose=True), [(2, 3, 2), (2, 2)]),
    "gradient": (lambda lib, x, y: [z * y for z in lib.gradient(x, edge_order=2)], [(3, 4), (4,)]),
    "solve": (lambda lib, x, y: lib.linalg.solve(x, y), [(3, 3), (3,)]),
    "lstsq": (lambda lib, x, y: lib.linalg.lstsq(x, y, driver="gels")[:2], [(4, 2), (4, 3)]),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_are_those_of_pytorch(name: str) -> None:
    """Both operands are parts of one leaf, so that their gradients are compared at once."""
    call, (first, second) = PRODUCTS[name]
    count = math.prod(first)

    def of_one(lib: Any, z: Any) -> Any:
        return call(lib, z[:count].reshape(first), z[count:].reshape(second))

    array = complex_numbers(count + math.prod(second))
    agree(two_orders(autodiff, of_one, array), two_orders(peer(), of_one, array), 1e-10)


BY_DIFFERENCES: dict[str, Call] = {
    name: {**OF_SQUARE, **OF_ANY}[name]
    for name in ("sign", "logabsdet", "cholesky", "eigh, rebuilt", "eig, lengths", "eig, rebuilt", "qr",
                 "svd, lengths", "svd, rebuilt", "pinv")
}


@pytest.mark.parametrize("name", BY_DIFFERENCES)
@pytest.mark.parametrize("of_real", [False, True])
def test_gradients_are_those_of_central_differences_of_both_parts(name: str, of_real: bool) -> None:
    """d/d Re z + i d/d Im z, of the function and of its gradient in a direction, without PyTorch; of real matrices."""
    z = well((3, 3)).real if of_real else well((3, 3))
    direction = complex_numbers(3, 3).real if of_real else complex_numbers(3, 3)

    def value(a: Array, order: int) -> Any:
        x = autodiff.tensor(a, requires_grad=True)
        total = real_sum(autodiff, BY_DIFFERENCES[name](autodiff, x), 0)
        if order:
            (g,) = autodiff.autograd.grad(total, x, create_graph=True)
            total = (g.conj() * autodiff.tensor(direction)).sum()
            total = total if of_real else total.real
        return x, total

    for order in range(1 if of_real and name == "sign" else 2):
        x, total = value(z, order)
        (found,) = autodiff.autograd.grad(total, x)
        wanted = np.zeros_like(z)
        for place in np.ndindex(z.shape):
            for unit in [1] if of_real else [1, 1j]:
                step = np.zeros_like(z)
                step[place] = 1e-5 * unit
                wanted[place] += unit * (value(z + step, order)[1] - value(z - step, order)[1]).item() / 2e-5
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-6, atol=1e-6 * np.abs(wanted).max())


TURN, WEIGHTS = np.linalg.qr(complex_numbers(3, 3))[0], complex_numbers(3, 3)
EQUAL = {"identity": [1, 1, 1], "two equal": [2, 2, 5], "all equal": [3, 3, 3], "rank 1": [0, 0, 5], "zero": [0, 0, 0]}
SMOOTH: dict[str, tuple[Call, Call]] = {
    "squares": (lambda x: (linalg.eigvalsh(x) ** 2).sum(), lambda x: (hermitian(x).abs() ** 2).sum() / 4),
    "exponentials": (lambda x: linalg.eigvalsh(x).exp().sum(),
                     lambda x: linalg.matrix_exp(hermitian(x) / 2).diagonal().sum().real),
    "singular squares": (lambda x: (linalg.svdvals(x) ** 2).sum(), lambda x: (x.abs() ** 2).sum()),
    "singular fourth powers": (lambda x: (linalg.svdvals(x) ** 4).sum(), lambda x: ((x.mH @ x).abs() ** 2).sum()),
}


@pytest.mark.parametrize("function", SMOOTH)
@pytest.mark.parametrize("values", EQUAL)
def test_smooth_functions_of_equal_values_have_two_derivatives(function: str, values: str) -> None:
    """They are those of a formula that knows no eigenvalues, although the vectors of equal ones are open."""
    a = (TURN * np.array(EQUAL[values])) @ TURN.conj().T
    found = []
    for call in SMOOTH[function]:
        x = autodiff.tensor((a + a.conj().T) / 2, requires_grad=True)
        (g,) = autodiff.autograd.grad(call(x), x, create_graph=True)
        (second,) = autodiff.autograd.grad((g.conj() * autodiff.tensor(WEIGHTS)).sum().real, x)
        found.append((g.detach().numpy(), second.numpy()))
    for mine, exact in zip(*found, strict=True):
        np.testing.assert_allclose(mine, exact, rtol=1e-9, atol=1e-9 * max(1, np.abs(exact).max()))


def test_one_of_equal_values_and_its_vectors_have_no_gradient() -> None:
    """They are NaN, as those of real matrices."""
    for call in (lambda x: linalg.eigvalsh(x)[0], lambda x: linalg.svdvals(x)[0], lambda x: linalg.eigvals(x)[0].real,
                 lambda x: (linalg.eigh(x)[1].abs() ** 2 * autodiff.tensor(WEIGHTS.real)).sum()):
        x = autodiff.tensor(np.eye(3, dtype=complex), requires_grad=True)
        call(x).backward()
        assert np.isnan(x.grad.numpy()).all()


def test_equal_eigenvalues_of_any_matrix_have_the_first_derivative_of_what_treats_them_alike() -> None:
    """The second one is NaN, and so is the first where there is no basis of eigenvectors."""
    mixed = well((3, 3))
    a = np.linalg.solve(mixed, np.diag([2, 2, 1j]) @ mixed)
    x = autodiff.tensor(a, requires_grad=True)
    (g,) = autodiff.autograd.grad((linalg.eigvals(x) ** 3).sum().real, x, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), np.conj(3 * (a @ a).T), rtol=1e-9, atol=1e-9)
    (second,) = autodiff.autograd.grad(g.abs().sum(), x)
    assert np.isnan(second.numpy()).all()
    defective = autodiff.tensor([[1.0, 1.0], [0.0, 1.0]], requires_grad=True)
    (linalg.eigvals(defective) ** 2).sum().real.backward()
    assert np.isnan(defective.grad.numpy()).all()


@pytest.mark.parametrize("call", [lambda lib, x: lib.linalg.eigh(hermitian(x))[1], lambda lib, x: lib.linalg.svd(x)[0],
                                  lambda lib, x: lib.linalg.svd(x)[2], lambda lib, x: lib.linalg.eig(x)[1]])
def test_what_depends_on_a_phase_is_refused(call: Call) -> None:
    """As by PyTorch, and in the backward pass, which names the line; products of both sides are not refused."""
    array = well((3, 3))
    with pytest.raises(GraphError, match="depends on that phase"):
        two_orders(autodiff, call, array)
    with pytest.raises(RuntimeError, match="phi"):
        two_orders(peer(), call, array)


def test_what_has_no_eigenvalues_is_refused() -> None:
    """Matrices that are not square, and numbers that are not finite."""
    with pytest.raises(ShapeError, match="square"):
        linalg.eig(autodiff.ones(2, 3))
    with pytest.raises(ShapeError, match="not finite"):
        linalg.eigvals(autodiff.tensor([[math.nan, 0.0], [0.0, 1.0]]))
    half = linalg.eigvals(autodiff.eye(2, dtype=autodiff.float16))
    assert half.dtype == autodiff.complex64


def test_numpys_eig_is_real_where_the_eigenvalues_are() -> None:
    """Called through NumPy it gives NumPy's dtypes; with a history."""
    for a in (np.array([[2.0, 1.0], [0.0, 1.0]]), np.array([[0.0, 1.0], [-1.0, 0.0]]), well((3, 3))):
        x = autodiff.tensor(a, requires_grad=True)
        for mine, wanted in zip(np.linalg.eig(x), np.linalg.eig(a), strict=True):
            assert mine.requires_grad
            assert mine.dtype == wanted.dtype
            np.testing.assert_allclose(np.abs(mine.detach().numpy()), np.abs(wanted), rtol=1e-10)
        assert np.linalg.eigvals(x).dtype == np.linalg.eigvals(a).dtype
        assert np.vdot(x, x).detach().numpy() == pytest.approx(np.vdot(a, a))


@pytest.mark.parametrize("shape", [(7, 5), (5, 7), (2, 6, 6)])
def test_a_low_rank_is_found_whole(shape: tuple[int, ...]) -> None:
    """The three factors of a matrix of rank 3 give it back, and their vectors are orthonormal, however it was drawn."""
    *stack, rows, columns = shape
    matrix = autodiff.tensor(complex_numbers(*stack, rows, 3) @ complex_numbers(*stack, 3, columns))
    for left, values, right in (autodiff.svd_lowrank(matrix, q=3), autodiff.pca_lowrank(matrix, q=3, center=False)):
        np.testing.assert_allclose(((left * values[..., None, :]) @ right.mH).numpy(), matrix.numpy(), atol=1e-10)
        for vectors in (left, right):
            np.testing.assert_allclose((vectors.mH @ vectors).numpy(), np.eye(3) + np.zeros((*stack, 1, 1)), atol=1e-10)
        np.testing.assert_allclose(values.numpy(), linalg.svdvals(matrix).numpy()[..., :3], rtol=1e-10)
