"""Equal eigenvalues and singular values: smooth functions have their derivatives, all else is NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff import func, linalg

Call = Callable[..., Any]
RNG = np.random.default_rng(3)
TURN = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
WEIGHTS = RNG.normal(size=(3, 3))


def turned(*values: float) -> np.ndarray[Any, Any]:
    a: np.ndarray[Any, Any] = (TURN * np.array(values)) @ TURN.T
    return (a + a.T) / 2


MATRICES = {
    "identity": np.eye(3), "two equal": np.diag([2.0, 2.0, 5.0]), "two equal but for rounding": turned(2, 2, 5),
    "all equal but for rounding": turned(3, 3, 3), "rank 1": turned(0, 0, 5), "rank 2": turned(1, 0, 2),
    "zero": np.zeros((3, 3)), "a stack": np.stack([np.eye(3), turned(2, 2, 5), turned(1, 2, 4)]),
}  # fmt: skip


def symmetric(x: Any) -> Any:
    return (x + x.mT) / 2


def trace(x: Any) -> Any:
    return (x * np.eye(x.shape[-1])).sum()


def compare(mine: Call, exact: Call, at: np.ndarray[Any, Any]) -> None:
    """Gradient and Hessian of ``mine`` are those of ``exact``, which knows no eigenvalues."""
    x = autodiff.tensor(at)
    size = x.numel()
    for order in (func.grad, func.hessian):
        found, wanted = (order(f)(x).numpy().reshape(-1, size) for f in (mine, exact))
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max(initial=1.0))


OF_EIGENVALUES: dict[str, tuple[Call, Call]] = {
    "sum": (lambda x: linalg.eigvalsh(x).sum(), lambda x: trace(x)),
    "squares": (lambda x: (linalg.eigvalsh(x) ** 2).sum(), lambda x: (symmetric(x) ** 2).sum()),
    "squares by eigh": (lambda x: (linalg.eigh(x)[0] ** 2).sum(), lambda x: (symmetric(x) ** 2).sum()),
    "exponentials": (lambda x: linalg.eigvalsh(x).exp().sum(), lambda x: trace(linalg.matrix_exp(symmetric(x)))),
    "a product of sums": (lambda x: (linalg.eigvalsh(x) ** 2).sum() * x.sum(),
                          lambda x: (symmetric(x) ** 2).sum() * x.sum()),
    "a sum squared": (lambda x: (linalg.eigvalsh(x) ** 2).sum() ** 2, lambda x: (symmetric(x) ** 2).sum() ** 2),
    "weights that vary": (lambda x: (linalg.eigvalsh(x) ** 2 * x.sum()).sum(),
                          lambda x: (symmetric(x) ** 2).sum() * x.sum()),
}


@pytest.mark.parametrize("at", MATRICES)
@pytest.mark.parametrize("name", OF_EIGENVALUES)
def test_symmetric_functions_of_eigenvalues_are_smooth(name: str, at: str) -> None:
    """The second derivative has the limit of (g_i - g_j) / (w_i - w_j) among equal ones."""
    compare(*OF_EIGENVALUES[name], MATRICES[at])


OF_SINGULAR: dict[str, tuple[Call, Call]] = {
    "squares": (lambda x: (linalg.svdvals(x) ** 2).sum(), lambda x: (x * x).sum()),
    "fourth powers": (lambda x: (linalg.svdvals(x) ** 4).sum(), lambda x: ((x.mT @ x) ** 2).sum()),
    "a sum squared": (lambda x: (linalg.svdvals(x) ** 2).sum() ** 2, lambda x: (x * x).sum() ** 2),
    "cosh": (lambda x: (1 + linalg.svdvals(x) ** 2).log().sum(),
             lambda x: linalg.slogdet(x.mT @ x + np.eye(x.shape[-1]))[1].sum()),
}


@pytest.mark.parametrize("columns", [3, 2])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("at", MATRICES)
@pytest.mark.parametrize("name", OF_SINGULAR)
def test_even_functions_of_singular_values_are_smooth(name: str, at: str, flip: bool, columns: int) -> None:
    """Where they are 0, too, and the matrix is not square."""
    mine, exact = OF_SINGULAR[name]
    compare((lambda x: mine(x.mT)) if flip else mine, exact, MATRICES[at][..., :columns])


def test_the_nuclear_norm_is_smooth_at_equal_values_above_0() -> None:
    """Its second derivative there is not that of a sum of constants: the vectors turn."""
    a = TURN @ np.diag([2.0, 2.0, 2.0])

    def exact(x: Any) -> Any:
        return linalg.matrix_norm(x, "nuc")

    x, step = autodiff.tensor(a), 1e-4 * RNG.normal(size=(3, 3))
    slope = func.grad(exact)
    curved = (func.hessian(exact)(x).numpy().reshape(9, 9) @ step.ravel()).reshape(3, 3)
    near = [slope(autodiff.tensor(a + sign * step)).numpy() for sign in (1, -1)]
    np.testing.assert_allclose(slope(x).numpy(), TURN, atol=1e-13)
    np.testing.assert_allclose(curved, (near[0] - near[1]) / 2, atol=1e-9)


def rebuilt(power: int) -> Call:
    def function(x: Any) -> Any:
        values, vectors = linalg.eigh(x)
        return (((vectors * values**power) @ vectors.mT) * WEIGHTS).sum()

    return function


def product(x: Any) -> Any:
    u, s, vh = linalg.svd(x)
    return ((u * s) @ vh).sum()


OPEN: dict[str, tuple[Call, str]] = {
    "one of two": (lambda x: linalg.eigvalsh(x)[0], "two equal"),
    "a gap": (lambda x: linalg.eigvalsh(x)[1] - linalg.eigvalsh(x)[0], "two equal but for rounding"),
    "a vector": (lambda x: linalg.eigh(x)[1][0, 0], "two equal"),
    "a turned vector": (lambda x: linalg.eigh(x)[1][0, 0], "two equal but for rounding"),
    "a function of the matrix": (rebuilt(1), "two equal"),
    "a function of 0": (rebuilt(1), "zero"),
    "the polar factor": (lambda x: (linalg.svd(x)[0] @ linalg.svd(x)[2]).sum(), "identity"),
    "u s v": (product, "two equal but for rounding"),
    "u s v of 0": (product, "zero"),
    "a null vector": (lambda x: linalg.svd(x)[0][0, -1], "rank 1"),
    "q and r of rank 1": (lambda x: linalg.qr(x)[0].sum(), "rank 1"),
    "log of the determinant 0": (lambda x: linalg.slogdet(x)[1], "zero"),
}


@pytest.mark.parametrize("name", OPEN)
def test_what_depends_on_the_basis_or_may_is_nan(name: str) -> None:
    """So is its second derivative."""
    function, at = OPEN[name]
    x = autodiff.tensor(MATRICES[at])
    assert np.isnan(func.grad(function)(x).numpy()).all()
    assert np.isnan(func.hessian(function)(x).numpy()).all()


@pytest.mark.parametrize("function", [
    lambda x: (linalg.eigvalsh(x) * linalg.eigvalsh(x)).sum(),
    lambda x: (linalg.svdvals(x) * linalg.svdvals(x)).sum(),
    lambda x: linalg.eigh(x)[1][0, -1] ** 2,
])  # fmt: skip
def test_a_second_derivative_that_is_not_known_is_nan(function: Call) -> None:
    """The gradient is right; what it says of equal values comes from another node, or from their vectors."""
    x = autodiff.tensor(MATRICES["rank 1"])
    assert np.isfinite(func.grad(function)(x).numpy()).all()
    assert np.isnan(func.hessian(function)(x).numpy()).any()


def test_the_vector_of_a_single_value_has_its_gradient_beside_equal_ones() -> None:
    """As in the analysis of principal components with fewer samples than features."""
    matrix = MATRICES["rank 1"]
    top = TURN[:, 2]
    found = func.grad(lambda x: (WEIGHTS[0] @ linalg.eigh(x)[1][:, -1]) ** 2)(autodiff.tensor(matrix)).numpy()
    others = np.eye(3) - np.outer(top, top)
    half = 2 * (WEIGHTS[0] @ top) * np.outer(others @ WEIGHTS[0], top) / 5
    np.testing.assert_allclose(found, (half + half.T) / 2, atol=1e-13)


def test_one_degenerate_matrix_of_a_stack_does_not_spoil_the_others() -> None:
    """NaN is for each matrix by itself."""
    stack = autodiff.tensor(np.stack([np.zeros((3, 3)), turned(1, 2, 4)]))
    for function in (lambda x: linalg.eigh(x)[1].sum(), lambda x: linalg.svd(x)[0].sum(),
                     lambda x: linalg.qr(x)[0].sum(), lambda x: linalg.slogdet(x)[1].sum()):  # fmt: skip
        found = func.grad(function)(stack).numpy()
        assert np.isnan(found[0]).all()
        assert np.isfinite(found[1]).all()


@pytest.mark.parametrize("rank", range(5))
def test_the_determinant_of_a_singular_matrix_has_both_derivatives(rank: int) -> None:
    """They are minors: of rank n - 1 the gradient, of rank n - 2 the second derivative is not 0."""
    left, right = RNG.normal(size=(2, 4, 4))
    matrix = left[:, :rank] @ right[:rank]
    rows = [[j for j in range(4) if j != i] for i in range(4)]
    minors = [[(-1) ** (i + j) * np.linalg.det(matrix[np.ix_(rows[i], rows[j])]) for j in range(4)] for i in range(4)]
    x = autodiff.tensor(matrix)
    np.testing.assert_allclose(func.grad(linalg.det)(x).numpy(), minors, atol=1e-12)
    curved, step = func.hessian(linalg.det)(x).numpy(), np.zeros((4, 4))
    step[0, 0] = 1  # det is linear in an entry
    wanted = func.grad(linalg.det)(autodiff.tensor(matrix + step)).numpy() - minors
    np.testing.assert_allclose(curved[0, 0], wanted, atol=1e-11)
