"""Draws of gamma and beta variables move with their parameters as their distribution functions say, to any order."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

import autodiff
from autodiff import manual_seed, tensor
from autodiff.distributions import Beta, Chi2, Dirichlet, Gamma, StudentT
from autodiff.engine.apply import apply
from autodiff.ops.gamma_distribution import gamma_cdf_slope, gamma_draw, log_gamma_draw


def _quantile(p: Any, a: Any, start: Any) -> Any:
    return mpmath.findroot(lambda x: mpmath.gammainc(a, 0, x, regularized=True) - p, start)


@pytest.mark.parametrize(("a", "x"), [(0.3, 0.02), (0.3, 1.5), (2.0, 0.7), (2.0, 5.0), (40.0, 44.0)])
def test_three_orders_of_derivatives_of_a_draw_are_those_of_its_quantile(a: float, x: float) -> None:
    """A draw keeps the probability below it: it is a quantile, whose derivatives by the concentration it has."""
    with mpmath.workdps(40):
        p = mpmath.gammainc(a, 0, x, regularized=True)
        wanted = [float(mpmath.diff(lambda b: _quantile(p, b, x), a, n, h=mpmath.mpf(10) ** -9)) for n in (1, 2, 3)]
    concentration = tensor(a, dtype=autodiff.float64, requires_grad=True)
    for draw in (
        apply(gamma_draw, (concentration, tensor(x, dtype=autodiff.float64))),
        apply(log_gamma_draw, (concentration, tensor(x, dtype=autodiff.float64).log())).exp(),
    ):
        found, value = [], draw
        for _ in range(3):
            (value,) = autodiff.grad(value, concentration, create_graph=True)
            found.append(value.item())
        np.testing.assert_allclose(found, wanted, rtol=1e-7)


@pytest.mark.parametrize("a", [1e-3, 0.05, 0.8, 1.0, 7.0, 150.0, 1e5])
def test_the_slope_has_all_its_digits_for_small_and_large_concentrations(a: float) -> None:
    """On both sides of the middle, and far out, it is mpmath's to twelve digits."""
    spread = 1 / np.sqrt(a) if a >= 1 else 1.0
    ys = np.log(a) + spread * np.array([-3.0, -1.0, -0.05, 0.05, 1.0, 2.5])
    found = gamma_cdf_slope(np.full(ys.shape, a), ys, n=1)
    with mpmath.workdps(40):
        for y, slope in zip(ys, found, strict=True):
            assert abs(slope / _slope(mpmath.mpf(a), mpmath.exp(mpmath.mpf(y))) - 1) < 1e-11


def _slope(a: Any, x: Any) -> Any:
    change = mpmath.diff(lambda c: mpmath.gammainc(c, 0, x, regularized=True), a, h=mpmath.mpf(10) ** -12)
    return change / mpmath.exp(a * mpmath.log(x) - x - mpmath.loggamma(a))


def _mean_gradient(make: Any, value: float, moment: Any) -> tuple[float, float]:
    """The gradient of the mean of a moment over many draws, and its standard error."""
    x = tensor(np.full(40000, value), requires_grad=True)
    manual_seed(2)
    moment(make(x).rsample()).sum().backward()
    slopes = x.grad.numpy()
    return slopes.mean(), slopes.std() / 200


MOMENTS = {  # the derivative of a moment by a parameter, known in closed form
    "Gamma, mean": (lambda a: Gamma(a, 2.0), 0.4, lambda x: x, 0.5),
    "Gamma, square": (lambda a: Gamma(a, 1.0), 3.0, lambda x: x**2, 7.0),  # of a (a + 1)
    "Gamma, rate": (lambda b: Gamma(3.0, b), 2.0, lambda x: x, -0.75),
    "Chi2": (Chi2, 5.0, lambda x: x, 1.0),
    "Beta, first": (lambda a: Beta(a, 3.0), 1.5, lambda x: x, 3 / 4.5**2),
    "Beta, second": (lambda b: Beta(0.3, b), 0.7, lambda x: x, -0.3),
    "StudentT, degrees": (StudentT, 8.0, lambda x: x**2, -2 / 36),
    "Dirichlet": (lambda a: Dirichlet(autodiff.stack([a, 2 * a.detach(), a.detach()], -1)), 0.9,
                  lambda x: x[..., 0], 3 / (16 * 0.9)),
}  # fmt: skip


@pytest.mark.parametrize("name", MOMENTS)
def test_gradients_through_draws_are_on_average_those_of_moments(name: str) -> None:
    """The mean of the gradients of 40,000 draws is within five standard errors of the derivative of the moment."""
    make, value, moment, wanted = MOMENTS[name]
    mean, error = _mean_gradient(make, value, moment)
    assert abs(mean - wanted) < 5 * error, f"{mean} +- {error}, not {wanted}"
    assert error < 0.1 * abs(wanted) + 0.05


@pytest.mark.parametrize("dtype", [autodiff.float32, autodiff.float64])
def test_draws_of_tiny_concentrations_are_finite_and_so_are_their_gradients(dtype: Any) -> None:
    """Where a gamma variable is too small for a number, shares of it still add up to 1, and gradients are numbers."""
    manual_seed(0)
    a = tensor(np.full((200, 3), 1e-3), dtype=dtype, requires_grad=True)
    shares = Dirichlet(a).rsample()
    assert shares.isfinite().all()
    np.testing.assert_allclose(shares.sum(-1).detach().numpy(), 1, rtol=1e-6)
    (shares * tensor([1.0, 2.0, 3.0], dtype=dtype)).sum().backward()
    assert a.grad.isfinite().all()
    b = tensor(np.full(200, 1e-2), dtype=dtype, requires_grad=True)
    drawn = Gamma(b, 1.0).rsample()
    assert (drawn > 0).all()
    drawn.sum().backward()
    assert b.grad.isfinite().all()
