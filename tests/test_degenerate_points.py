"""Points where a formula divides 0 by 0: the derivatives are right where the function is smooth, and NaN elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff import func, grad, linalg
from nn import functional

Call = Callable[..., Any]
ROWS = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
COINCIDENT = np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 3.0]])


def squared(n: Any) -> Any:
    return (n**2).sum()


def with_itself(operation: Call, n: Any) -> Any:
    return operation(n, n)


def curvature(function: Call, at: Any) -> np.ndarray[Any, Any]:
    """The Hessian, as a matrix; the gradient, which must be a number everywhere, is checked on the way."""
    x = autodiff.tensor(np.array(at, dtype=float))
    assert np.isfinite(func.grad(function)(x).numpy()).all()
    return func.hessian(function)(x).numpy().reshape(x.numel(), x.numel())


SQUARES: dict[str, tuple[Call, Call]] = {  # a length squared, and the same without the root
    "**": (lambda x: squared(x.norm(dim=1)), lambda x: (x * x).sum()),
    "pow": (lambda x: x.norm(dim=-1).pow(2).sum(), lambda x: (x * x).sum()),
    "square": (lambda x: x.norm(dim=1).square().sum(), lambda x: (x * x).sum()),
    "product with itself": (lambda x: with_itself(np.multiply, x.norm(dim=1)).sum(), lambda x: (x * x).sum()),
    "dot": (lambda x: with_itself(np.matmul, x.norm(dim=1)), lambda x: (x * x).sum()),
    "np.square": (lambda x: np.square(np.linalg.norm(x, axis=1)).sum(), lambda x: (x * x).sum()),
    "tensor exponent": (lambda x: (x.norm(dim=1) ** autodiff.tensor(2.0)).sum(), lambda x: (x * x).sum()),
    "keepdim": (lambda x: squared(x.norm(dim=1, keepdim=True)), lambda x: (x * x).sum()),
    "columns": (lambda x: squared((x * np.array([1.0, 0.0])).norm(dim=0)), lambda x: (x[:, 0] ** 2).sum()),
    "whole": (lambda x: (x * 0.5 - x * 0.5 + x[0]).norm() ** 2, lambda x: 3 * (x[0] ** 2).sum()),
    "vector_norm": (lambda x: squared(linalg.vector_norm(x, dim=1)), lambda x: (x * x).sum()),
    "matrix_norm": (lambda x: squared(linalg.matrix_norm(x.reshape(3, 1, 2))), lambda x: (x * x).sum()),
    "hypot": (lambda x: squared(autodiff.hypot(x[:, 0], x[:, 1])), lambda x: (x * x).sum()),
    "abs": (lambda x: squared(x.abs()), lambda x: (x * x).sum()),
    "std": (lambda x: squared(x.std(dim=1)), lambda x: x.var(dim=1).sum()),
    "std with weights": (lambda x: (x.std(1) ** 2 * autodiff.arange(3)).sum(),
                         lambda x: (x.var(1) * autodiff.arange(3)).sum()),
    "mse_loss": (lambda x: functional.mse_loss(x.norm(dim=1), autodiff.zeros(3)), lambda x: (x * x).sum() / 3),
    "huber_loss": (lambda x: functional.huber_loss(x[::2], autodiff.zeros(2, 2)), lambda x: (x[::2] ** 2).sum() / 8),
    "smooth_l1_loss": (lambda x: functional.smooth_l1_loss(x[::2], autodiff.zeros(2, 2)),
                       lambda x: (x[::2] ** 2).sum() / 8),
    "through an index": (lambda x: (x.norm(dim=1)[autodiff.tensor([0, 0, 1])] ** 2).sum(),
                         lambda x: 2 * (x[0] ** 2).sum() + (x[1] ** 2).sum()),
    "bell": (lambda x: (-x.norm(dim=1) ** 2).exp().sum(), lambda x: (-(x * x).sum(1)).exp().sum()),
    "cosine": (lambda x: x.norm(dim=1).cos().sum(), lambda x: (1 - (x * x).sum(1) / 2)[::2].sum() + x[1].norm().cos()),
    "fourth power": (lambda x: (x.norm(dim=1) ** 4).sum(), lambda x: ((x * x).sum(1) ** 2).sum()),
    "weighted": (lambda x: (x.norm(dim=1) ** 2 * x.sum()).sum(), lambda x: (x * x).sum() * x.sum()),
    "normalize": (lambda x: squared(functional.normalize(x, dim=1, eps=0.5)[::2]), lambda x: 4 * (x[::2] ** 2).sum()),
    "cosine_similarity": (lambda x: functional.cosine_similarity(x, x + 1, eps=0.5)[::2].sum(),
                          lambda x: (x[::2] * (x[::2] + 1) * 2).sum() * 0 + _similarity(x[::2])),
}


def _similarity(x: Any) -> Any:
    """The cosine of x and x + 1 where the norm of x counts as 1/2."""
    return ((x * (x + 1)).sum(1) * 2 / ((x + 1) ** 2).sum(1) ** 0.5).sum()


@pytest.mark.parametrize("name", SQUARES)
def test_a_smooth_function_of_a_length_has_its_second_derivative_at_0(name: str) -> None:
    """g / n has the limit dg/dn, which no numbers tell, but the graph of g does; rows beside it do not see it."""
    mine, exact = SQUARES[name]
    at = autodiff.tensor(ROWS)
    np.testing.assert_allclose(func.grad(mine)(at).numpy(), func.grad(exact)(at).numpy(), rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(curvature(mine, ROWS), curvature(exact, ROWS), rtol=1e-13, atol=1e-14)


DISTANCES: dict[str, tuple[Call, Call]] = {
    "cdist": (lambda x: autodiff.cdist(x, x), lambda x: ((x[:, None] - x) ** 2).sum(-1)),
    "pdist": (functional.pdist, lambda x: ((x[[0, 0, 1]] - x[[1, 2, 2]]) ** 2).sum(-1)),
    "pairwise_distance": (lambda x: functional.pairwise_distance(x[:2], x[1:], eps=0.0),
                          lambda x: ((x[:2] - x[1:]) ** 2).sum(-1)),
    "dist": (lambda x: autodiff.dist(x[0], x[1]), lambda x: ((x[0] - x[1]) ** 2).sum()),
}


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("of", [lambda s: s.sum(), lambda s: (-s).exp().sum(), lambda s: (-s).exp().sum() ** 2])
def test_kernels_of_distances_are_smooth_at_coincident_points(name: str, of: Call) -> None:
    """exp(-d^2), a Gaussian kernel, is smooth where a point meets itself."""
    distance, exact = DISTANCES[name]
    mine, wanted = (curvature(f, COINCIDENT) for f in (lambda x: of(distance(x) ** 2), lambda x: of(exact(x))))
    np.testing.assert_allclose(mine, wanted, rtol=1e-13, atol=1e-13)


KINKS: dict[str, Call] = {
    "norm": lambda x: x.norm(),
    "norm and its square": lambda x: x.norm() + x.norm() ** 2,
    "two norms": lambda x: x.norm() * (2 * x).norm(),
    "sum of norms squared": lambda x: x.norm(dim=1).sum() ** 2,
    "times 0 that varies": lambda x: x.norm() * x.sum(),
    "3-norm": lambda x: linalg.vector_norm(x, 3),
    "3-norm squared": lambda x: linalg.vector_norm(x, 3) ** 2,
    "1.5-norm squared": lambda x: linalg.vector_norm(x, 1.5) ** 2,
    "two absolutes": lambda x: (x.abs() * (2 * x).abs()).sum(),
    "sum of absolutes squared": lambda x: x.abs().sum() ** 2,
    "std": lambda x: x.std(),
    "hypot": lambda x: autodiff.hypot(x[0, 0], x[0, 1]),
    "norm of squares": lambda x: (x * x).norm(),  # here a cotangent is 0 by its value, not for want of selection
    "norm of an outer product": lambda x: autodiff.outer(x[0], x[0]).norm(),
    "hypot of squares": lambda x: autodiff.hypot(x[0, 0] ** 2, x[0, 1] ** 2),
}


@pytest.mark.parametrize("power", [1.2, 1.6, autodiff.tensor(1.5, dtype=autodiff.float64)])
def test_a_slope_of_0_stays_where_the_second_derivative_is_infinite(power: Any) -> None:
    """Under ``create_graph``, too."""
    x = autodiff.tensor(np.array([0.0, -0.0, 1.0]), requires_grad=True)
    (slope,) = autodiff.grad((x.abs() ** power).sum(), x, create_graph=True)
    assert slope[:2].tolist() == [0, 0]
    assert not np.isfinite(autodiff.grad(slope.sum(), x)[0].numpy()[:2]).any()


@pytest.mark.parametrize("name", KINKS)
def test_where_a_function_of_lengths_has_no_second_derivative_it_is_nan(name: str) -> None:
    """A cotangent that is 0 by accident, or by another length, has no limit by this one."""
    assert np.isnan(curvature(KINKS[name], np.zeros((2, 2)))).any()


@pytest.mark.parametrize("function", [
    lambda x: (x * x.abs()).sum(), lambda x: functional.softsign(x).sum(), lambda x: x.abs().sum(),
    lambda x: autodiff.renorm(x.reshape(1, -1), 2, 0, 1.0).sum(),
])  # fmt: skip
def test_the_kink_of_a_slope_is_0_as_that_of_abs_is(function: Call) -> None:
    """Between two slopes of opposite sign; and a length that does not count, as of a short vector, has no say."""
    np.testing.assert_array_equal(curvature(function, np.zeros(3)), np.zeros((3, 3)))


def test_the_std_of_one_entry_is_0_and_smooth() -> None:
    """Of one entry there is no deviation, wherever it is; without the division by N - 1 = 0."""
    found = curvature(lambda x: x.std(0, correction=0).sum() + (x**3).sum(), [[1.0, 2.0]])
    np.testing.assert_array_equal(found, np.diag([6.0, 12.0]))


def test_third_derivatives_at_0() -> None:
    """Of the square of a length it is 0; of a norm none is made up."""

    def derivative(function: Call, order: int) -> float:
        x = autodiff.tensor(np.zeros(2), requires_grad=True)
        y = function(x)
        for _ in range(order):
            (slope,) = grad(y, x, create_graph=True)
            y = slope[0] + 0 * x.sum()
        return float(y)

    assert derivative(lambda x: x.norm() ** 2, 3) == 0
    assert derivative(lambda x: (x.abs() ** 4).sum(), 3) == 0
    for function in (lambda x: x.norm(), lambda x: x.norm() ** 3, lambda x: linalg.vector_norm(x, 3)):
        assert np.isnan(derivative(function, 3))


MASKS: dict[str, Any] = {
    "none": None, "causal": "causal", "booleans": np.tri(6, 8, 1, dtype=bool),
    "-inf": np.where(np.tri(6, 8, 1, dtype=bool), 0.5, -np.inf),
    "a query that sees nothing": np.tri(6, 8, -1, dtype=bool),
}  # fmt: skip


@pytest.mark.parametrize("size", [1, 3, 10, 30, 100])
@pytest.mark.parametrize("mask", MASKS)
def test_attention_that_is_sure_of_one_key_has_the_gradient_of_its_parts(mask: str, size: float) -> None:
    """In single precision it is as near to that in double as softmax between two products is."""
    rng = np.random.default_rng(1)
    given = [rng.normal(size=(2, n, 16)).astype(np.float32) * s for n, s in ((6, size), (8, size), (8, 1))]
    g, chosen = rng.normal(size=(2, 6, 16)).astype(np.float32), MASKS[mask]
    seen = np.tri(6, 8, dtype=bool) if mask == "causal" else chosen
    blind = seen is not None and seen.dtype == bool and not seen.any(-1).all()
    bias = 0.0 if seen is None else np.where(seen, 0, -np.inf) if seen.dtype == bool else seen

    def whole(q: Any, k: Any, v: Any) -> Any:
        asked = None if chosen is None or mask == "causal" else autodiff.tensor(chosen).to(
            autodiff.bool if chosen.dtype == bool else q.dtype)
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=asked, is_causal=mask == "causal")

    def parts(q: Any, k: Any, v: Any) -> Any:
        added = np.asarray(np.where(seen.any(-1, keepdims=True), bias, 0) if blind else bias, q.dtype)
        out = (q * 0.25 @ k.mT + added).softmax(-1) @ v
        return out * seen.any(-1, keepdims=True).astype(q.dtype) if blind else out

    def slopes(function: Call, dtype: Any) -> list[np.ndarray[Any, Any]]:
        inputs = [autodiff.tensor(x.astype(dtype), requires_grad=True) for x in given]
        return [c.numpy() for c in grad(function(*inputs), inputs, autodiff.tensor(g.astype(dtype)))]

    exact = slopes(parts, np.float64)
    for mine, composed, right in zip(slopes(whole, np.float32), slopes(parts, np.float32), exact, strict=True):
        worst = np.abs(composed - right).max()
        assert np.abs(mine - right).max() <= 2 * worst + 2e-7 * np.abs(right).max()


def test_the_determinant_of_one_number_has_no_second_derivative() -> None:
    """By its formula for larger matrices rounding would leave one."""
    for number in (0.877, 0.0, -3.1):
        x = autodiff.tensor([[number]], dtype=autodiff.float64, requires_grad=True)
        (g,) = autodiff.grad(autodiff.det(x) * 3, x, create_graph=True)
        assert g.tolist() == [[3]]
        assert not g.requires_grad
