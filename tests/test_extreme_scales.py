"""Lengths of numbers whose squares leave the dtype's range, and derivatives where a length is 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
from autodiff import func, linalg
from autodiff.errors import ShapeError
from nn import functional

Call = Callable[[Any], Any]
NUMBERS = np.random.default_rng(0).normal(size=(4, 5))
MANY = np.random.default_rng(1).normal(size=(80, 60))
SCALES = (1e20, 1e30, 1e-20, 1e-25, 1e-37)

LENGTHS: dict[str, Call] = {  # as large as their argument; the gradient does not depend on its scale
    "std": lambda x: x.std(),
    "std, rows": lambda x: x.std(-1),
    "std, columns": lambda x: x.std(0, keepdim=True),
    "std_mean": lambda x: autodiff.std_mean(x, 1)[0],
    "norm": lambda x: x.norm(),
    "norm, kept": lambda x: linalg.vector_norm(x, keepdim=True),
    "norm, rows": lambda x: x.norm(dim=-1),
    "norm, rows kept": lambda x: x.norm(dim=1, keepdim=True),
    "norm, columns": lambda x: x.norm(dim=0),
    "norm, both": lambda x: linalg.vector_norm(x, dim=(0, 1)),
    "norm, transposed": lambda x: x.mT.norm(dim=1),
    "matrix_norm": linalg.matrix_norm,
    "dist": lambda x: autodiff.dist(x, -x),
    "pdist": functional.pdist,
}


def _found(call: Call, array: Any) -> tuple[Any, Any]:
    x = autodiff.tensor(array).requires_grad_()
    y = call(x)
    y.sum().backward()
    return y.detach().numpy(), x.grad.numpy()


@pytest.mark.parametrize("numbers", [NUMBERS, MANY], ids=["few", "many"])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", LENGTHS)
def test_a_length_is_right_where_its_square_is_out_of_range(name: str, scale: float, numbers: Any) -> None:
    """In single precision what double precision gives, rounded; without a warning."""
    single = (numbers * scale).astype(np.float32)
    found, wanted = (_found(LENGTHS[name], single.astype(t)) for t in (np.float32, np.float64))
    for mine, exact in zip(found, wanted, strict=True):
        assert mine.dtype == np.float32
        np.testing.assert_allclose(mine / np.abs(exact).max(), exact / np.abs(exact).max(), rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("scale", SCALES)
def test_a_standard_deviation_is_pytorch_s_at_any_scale(scale: float) -> None:
    """PyTorch adds up in double precision."""
    single = (NUMBERS * scale).astype(np.float32)
    x = peer().tensor(single).requires_grad_()
    y = x.std(1)
    y.sum().backward()
    for mine, wanted in zip(_found(lambda t: t.std(1), single), (y.detach(), x.grad), strict=True):
        np.testing.assert_allclose(mine, wanted.numpy(), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e20, 1e30])
def test_directions_of_large_vectors_are_right(scale: float) -> None:
    """A unit vector and a cosine do not depend on the length."""
    x, y = (autodiff.tensor((NUMBERS[i : i + 2] * scale).astype(np.float32)) for i in (0, 2))
    small_x, small_y = (autodiff.tensor(NUMBERS[i : i + 2]) for i in (0, 2))
    wanted = functional.normalize(small_x), functional.cosine_similarity(small_x, small_y)
    for mine, exact in zip((functional.normalize(x), functional.cosine_similarity(x, y)), wanted, strict=True):
        np.testing.assert_allclose(mine.numpy(), exact.numpy(), rtol=1e-5)


@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize("shape", [(3,), (5000,), (80, 60)])
def test_infinite_and_missing_numbers_stay(shape: tuple[int, ...], value: float) -> None:
    """The length of a vector with inf is inf, with NaN it is NaN; other rows do not see it."""
    array = np.ones(shape, np.float32)
    array.reshape(-1)[0] = value
    np.testing.assert_equal(autodiff.tensor(array).norm().item(), value)
    rows = autodiff.tensor(array.reshape(-1, shape[-1])).norm(dim=1).numpy()
    np.testing.assert_equal(rows[0], value)
    assert np.isfinite(rows[1:]).all()


ZERO = np.zeros(3)
CORNERS: dict[str, Call] = {  # at 0 they have the gradient 0, by convention or in truth
    "norm": lambda x: x.norm(),
    "norm of rows": lambda x: x.reshape(1, 3).norm(dim=1).sum(),
    "std": lambda x: x.std(),
    "hypot": lambda x: autodiff.hypot(x[0], x[1]),
    "norm 1.5": lambda x: linalg.vector_norm(x, 1.5),
}


@pytest.mark.parametrize("name", CORNERS)
def test_a_length_of_0_has_the_gradient_0_and_no_second_derivative(name: str) -> None:
    """The slope jumps there. Functions of a length that are smooth stand in ``test_degenerate_points``."""
    x = autodiff.tensor(ZERO)
    np.testing.assert_array_equal(func.grad(CORNERS[name])(x).numpy(), ZERO)
    curvature = func.hessian(CORNERS[name])(x).numpy()
    assert np.isnan(np.diag(curvature)).any() or np.isinf(np.diag(curvature)).any()


def test_a_length_that_does_not_count_leaves_second_derivatives_right() -> None:
    """Below its bound the norm of ``normalize`` is constant: the function is linear there."""
    x = autodiff.tensor(ZERO)
    curvature = func.hessian(lambda x: (functional.normalize(x, dim=0, eps=0.5) ** 2).sum())
    np.testing.assert_allclose(curvature(x).numpy(), 8 * np.eye(3))


def test_a_power_below_2_has_no_second_derivative_at_an_entry_that_is_0() -> None:
    """One above 2 has: it is 0."""
    x = autodiff.tensor(np.array([0.0, 1.0, 2.0]))
    steep, flat = (func.hessian(lambda x, p=p: linalg.vector_norm(x, p))(x).numpy() for p in (1.5, 3))
    assert not np.isfinite(steep[0, 0])
    np.testing.assert_array_equal(flat[0], ZERO)
    assert np.isfinite(steep[1:, 1:]).all()


@pytest.mark.parametrize("call", [
    linalg.svd, linalg.svdvals, linalg.pinv, linalg.matrix_rank, linalg.cond, lambda x: linalg.matrix_norm(x, "nuc"),
    lambda x: linalg.lstsq(x, x), lambda x: linalg.svd(x[:2]),
])  # fmt: skip
def test_matrices_that_are_not_finite_are_refused(call: Call) -> None:
    """Of this one LAPACK's search for singular values has no end."""
    x = autodiff.tensor(np.array([[-np.inf, 0.1, 0.213], [-0.122, 2.231, -0.232], [-0.468, -0.015, 3.554]]))
    with pytest.raises(ShapeError, match="not finite"):
        call(x)
