"""LU factors: P L U is the matrix, solutions solve, gradients are PyTorch's and those of differences; reflections."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from parity.harness import flat, peer, plain

import autodiff
from autodiff import linalg
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.kernels import lu as kernels

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(5)
SHAPES = [(3, 3), (1, 1), (5, 3), (3, 5), (2, 4, 4), (2, 1, 3, 2), (70, 70), (100, 40), (40, 100), (2, 65, 66)]
EMPTY = [(0, 0), (3, 0), (0, 3), (0, 2, 2), (2, 0, 3)]


def numbers(dtype: Any, *shape: int) -> Array:
    array = RNG.normal(size=shape) + (1j * RNG.normal(size=shape) if np.dtype(dtype).kind == "c" else 0)
    return np.asarray(array).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("shape", SHAPES + EMPTY)
def test_the_factors_are_triangular_and_their_product_is_the_matrix(shape: tuple[int, ...], dtype: Any) -> None:
    """With pivots that keep L small, in panels and beyond, in the dtype of the matrix."""
    a = numbers(dtype, *shape)
    P, L, U = (x.numpy() for x in linalg.lu(autodiff.tensor(a)))
    k = min(shape[-2:])
    assert P.dtype == L.dtype == U.dtype == a.dtype
    assert (P.shape, L.shape, U.shape) == ((*shape[:-1], shape[-2]), (*shape[:-1], k), (*shape[:-2], k, shape[-1]))
    assert np.array_equal(L, np.tril(L, -1) + np.eye(shape[-2], k))
    assert np.array_equal(U, np.triu(U))
    assert np.abs(L).max(initial=0) <= (math.sqrt(2) if a.dtype.kind == "c" else 1) * (1 + 1e-6)
    scale = 50 * max(shape) * np.finfo(dtype).eps * np.abs(a).max(initial=0)
    np.testing.assert_allclose(P @ L @ U, a, rtol=0, atol=scale)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("shape", SHAPES + EMPTY)
def test_the_compact_factors_and_the_pivots_are_those_of_pytorch(shape: tuple[int, ...], dtype: Any) -> None:
    """LAPACK exchanges the same rows, of complex numbers by the sum of both parts, and counts from 1."""
    a = numbers(dtype, *shape)
    ours, theirs = linalg.lu_factor_ex(autodiff.tensor(a)), peer().linalg.lu_factor_ex(peer().tensor(a))
    for mine, wanted in zip(ours, theirs, strict=True):
        assert mine.numpy().dtype == wanted.numpy().dtype
        np.testing.assert_allclose(mine.numpy(), wanted.numpy(), rtol=1e-8, atol=1e-9)
    assert ours.LU.stride() == theirs.LU.stride() or 0 in shape or 1 in shape


def test_singular_matrices_have_factors_and_no_gradient() -> None:
    """``info`` says where U has its first zero; ``lu_factor`` refuses; of a stack, only the singular one is NaN."""
    a = np.stack([np.ones((3, 3)), np.diag([1.0, 2.0, 3.0]), np.zeros((3, 3))])
    x = autodiff.tensor(a, requires_grad=True)
    LU, _, info = linalg.lu_factor_ex(x)
    assert info.tolist() == [2, 0, 1]
    with pytest.raises(ShapeError, match="entry 2 of the diagonal of U is 0 in matrix 0"):
        linalg.lu_factor(x)
    with pytest.raises(ShapeError, match="lu_factor_ex"):
        linalg.lu_factor_ex(x, check_errors=True)
    LU.sum().backward()
    assert [bool(np.isnan(g).any()) for g in x.grad.numpy()] == [True, False, True]
    np.testing.assert_allclose(linalg.lu(x)[1].detach().numpy()[2], np.eye(3))


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 3)])
def test_gradients_are_those_of_central_differences(shape: tuple[int, ...], dtype: Any) -> None:
    """Of both parts of complex numbers, of first and second order, for tall, wide and square matrices."""
    z, direction = numbers(dtype, *shape), numbers(dtype, *shape)
    units = [1, 1j] if z.dtype.kind == "c" else [1]

    def value(a: Array, order: int) -> Any:
        x = autodiff.tensor(a, requires_grad=True)
        _, L, U = linalg.lu(x)
        total = real(((L * L).sum() + (U * U * 2).sum()) * (1 - 2j if len(units) > 1 else 1))
        if order:
            (g,) = autodiff.autograd.grad(total, x, create_graph=True)
            total = real((g.conj() * autodiff.tensor(direction)).sum())
        return x, total

    for order in range(2):
        x, total = value(z, order)
        (found,) = autodiff.autograd.grad(total, x)
        wanted = np.zeros_like(z)
        for place in np.ndindex(shape):
            for unit in units:
                step = np.zeros_like(z)
                step[place] = 1e-6 * unit
                wanted[place] += unit * (value(z + step, order)[1] - value(z - step, order)[1]).item() / 2e-6
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-5, atol=1e-6 * np.abs(wanted).max())


def real(x: Any) -> Any:
    return x.real if "complex" in str(x.dtype) else x


def two_orders(lib: Any, call: Any, *arrays: Array) -> list[Array]:
    """The results, and the gradients of two orders of a sum of their squares."""
    leaves = [lib.tensor(a, requires_grad=True) for a in arrays]
    outputs = [y for y in flat(call(lib, *leaves)) if y.requires_grad]
    found = [plain(y) for y in outputs]
    for _ in range(2):
        total = sum((y.abs() ** 2).sum() + real((y * y * y).sum()) for y in outputs)
        outputs = list(lib.autograd.grad(total, leaves, create_graph=True))
        found += [plain(y) for y in outputs]
    return found


SOLVED = [((3, 3), (3, 2)), ((2, 3, 3), (3, 2)), ((3, 3), (2, 3, 1)), ((2, 1, 3, 3), (4, 3, 2))]


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("shapes", SOLVED, ids=str)
def test_solutions_are_pytorchs_to_second_order(shapes: Any, dtype: Any) -> None:
    """On either side, of the matrix and its adjoint, with stacks that are broadcast; the factors are compared too."""
    a, b = numbers(dtype, *shapes[0]), numbers(dtype, *shapes[1])
    for left in (True, False):
        for adjoint in (False, True):

            def call(lib: Any, a: Any, b: Any, left: bool = left, adjoint: bool = adjoint) -> Any:
                LU, pivots = lib.linalg.lu_factor(a)
                return LU, lib.linalg.lu_solve(LU, pivots, b if left else b.mT, left=left, adjoint=adjoint)

            for mine, wanted in zip(two_orders(autodiff, call, a, b), two_orders(peer(), call, a, b), strict=True):
                np.testing.assert_allclose(mine, wanted, rtol=1e-9, atol=1e-10 * np.abs(wanted).max())


def test_the_factors_solve_what_the_matrix_would() -> None:
    """``lu_solve``, the old name and the method give what ``solve`` gives, in half precision what single leaves."""
    a, b = autodiff.tensor(numbers(np.float64, 4, 4)), autodiff.tensor(numbers(np.float64, 4, 2))
    wanted = linalg.solve(a, b).numpy()
    for found in (linalg.lu_solve(*linalg.lu_factor(a), b), autodiff.lu_solve(b, *a.lu()), b.lu_solve(*a.lu()),
                  autodiff.lu_solve(b, *autodiff.lu(a, get_infos=True)[:2])):
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-10)
    half = linalg.lu_solve(*linalg.lu_factor(a.half()), b.half())
    assert half.dtype == autodiff.float16
    np.testing.assert_allclose(half.numpy(), wanted, rtol=0.1, atol=0.1)


def test_mistakes_are_refused_by_name() -> None:
    """Shapes, pivots that are not the factors', and factors without pivots."""
    a = autodiff.tensor(numbers(np.float64, 3, 3))
    LU, pivots = linalg.lu_factor(a)
    for call, error, words in [
        (lambda: linalg.lu(a[0]), ShapeError, "takes matrices"),
        (lambda: linalg.lu(a, pivot=False), OptionError, "without pivots"),
        (lambda: linalg.lu_factor(a, pivot=False), OptionError, "without pivots"),
        (lambda: linalg.lu_solve(LU, pivots.long(), a), DtypeError, "int32"),
        (lambda: linalg.lu_solve(LU, pivots[:2], a), ShapeError, r"pivots \(3,\)"),
        (lambda: linalg.lu_solve(LU, pivots * 0, a), OptionError, "from 1 to 3"),
        (lambda: linalg.lu_solve(LU, pivots, a[:2]), ShapeError, "takes LU"),
        (lambda: linalg.householder_product(a, a), ShapeError, "tau"),
        (lambda: linalg.householder_product(a[:2], a[:2, 0]), ShapeError, "m >= n"),
        (lambda: linalg.householder_product(a, a[0].float()), DtypeError, "one dtype"),
        (lambda: autodiff.ormqr(a, a[0], a[:2]), ShapeError, "ormqr takes"),
        (lambda: autodiff.gradient(a, edge_order=3), OptionError, "edge_order 1 or 2"),
        (lambda: autodiff.gradient(a, spacing=[1, 2, 3]), OptionError, "each of 2 axes"),
        (lambda: autodiff.gradient(a[:1]), ShapeError, "needs 2 points"),
        (lambda: autodiff.gradient(a, spacing=[a[0, :2]], dim=0), ShapeError, "coordinates"),
    ]:
        with pytest.raises(error, match=words):
            call()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("shape", [(3, 3), (5, 2), (2, 4, 3), (2, 3, 0)])
def test_the_product_of_the_reflections_of_qr_is_q(shape: tuple[int, ...], dtype: Any) -> None:
    """``geqrf`` packs what ``householder_product`` unpacks, and ``ormqr`` multiplies with, on either side."""
    a = numbers(dtype, *shape)
    packed, tau = autodiff.geqrf(autodiff.tensor(a))
    q = autodiff.orgqr(packed, tau)
    near = {"rtol": 0, "atol": 200 * np.finfo(dtype).eps * np.abs(a).max(initial=1)}
    n = shape[-1]
    np.testing.assert_allclose((q @ packed[..., :n, :].triu()).numpy(), a, **near)
    np.testing.assert_allclose((q.mH @ q).numpy(), np.broadcast_to(np.eye(n), (*shape[:-2], n, n)), **near)
    wide = np.concatenate([np.triu(packed.numpy()[..., :n, :]), np.zeros_like(a[..., n:, :])], -2)
    np.testing.assert_allclose(autodiff.ormqr(packed, tau, autodiff.tensor(wide)).numpy(), a, **near)
    np.testing.assert_allclose(autodiff.ormqr(packed, tau, autodiff.tensor(a), transpose=True).numpy(), wide, **near)
    right = autodiff.ormqr(packed, tau, autodiff.tensor(a).mH, left=False)
    np.testing.assert_allclose(right.numpy(), np.conj(wide).mT, **near)


def test_gradient_is_exact_for_parabolas_and_is_numpys() -> None:
    """At points that are not evenly spaced, with second order at the ends; ``np.gradient`` says the same of cubes."""
    t = np.array([0.0, 0.3, 1.0, 1.2, 3.0])
    x = autodiff.tensor(t)
    np.testing.assert_allclose(autodiff.gradient(x * x, spacing=[x], edge_order=2)[0].numpy(), 2 * t, atol=1e-12)
    for edge_order in (1, 2):
        wanted = np.gradient(t[:, None] ** 3 * t[:3], t, 0.5, edge_order=edge_order)
        found = autodiff.gradient((x**3).unsqueeze(1) * x[:3], spacing=[x, autodiff.tensor([0.0, 0.5, 1.0]).double()],
                                  edge_order=edge_order)
        for mine, theirs in zip(found, wanted, strict=True):
            np.testing.assert_allclose(mine.numpy(), theirs, atol=1e-12)
    two = autodiff.gradient(x[:2] ** 2, spacing=(x[:2],))  # as few points as there may be
    np.testing.assert_allclose(two[0].numpy(), np.gradient(t[:2] ** 2, t[:2]), atol=1e-12)


def test_panels_do_not_show() -> None:
    """The factors of a large matrix are those that one column after the other gives."""
    a = RNG.normal(size=(1, 75, 75))
    whole = a[0].mT.copy()[None]
    pivots = np.zeros((1, 75), np.int64)
    kernels._eliminate(whole, pivots)
    factors, found = kernels.factors(a)
    assert np.array_equal(found, pivots)
    np.testing.assert_allclose(factors, whole.mT, rtol=1e-9, atol=1e-10)
