"""Special functions and their slopes against arithmetic of 50 digits, at the points that are hard for a formula."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff import grad, special, tensor

mp = pytest.importorskip("mpmath")

TINY_TO_LARGE = [s * 10.0**k for k in range(-20, 3) for s in (1, -1)]
BETWEEN = [s * x for x in (0.3, 0.5, 1.2, 1.9, 4.4, 5.5, 7.9, 8.1, 12.3, 19, 29.9, 30.1, 45, 201, 700) for s in (1, -1)]
RIGHT = [x for x in TINY_TO_LARGE + BETWEEN if x > -9] + [0.46, 0.47, 0.99, 1.01, 1e6, 1e15]
LEFT = [x for x in TINY_TO_LARGE + BETWEEN if x < 5] + [-0.99, -1.01, -1e4, -1e8, -1e15]
GAMMA = [10.0**k for k in range(-20, 21)] + [
    0.3, 1 - 1e-10, 1 + 1e-10, 1 + 1e-5, 1.001, 0.999, 1.4616, 1.462, 2 - 1e-10, 2 + 1e-8, 2.001, 1.999, 2.5, 3.0, 3.5,
    5.6, 11.9, 12.0, 12.1, 20.2, -1e-10, -1e-3, -0.3, -0.7, -1.3, -5.25, -20.3,
]  # fmt: skip


def _bessel(n: int, order: int) -> Callable[[Any], Any]:
    """The derivatives of I_n (Abramowitz & Stegun 1964, 9.6.29)."""
    near = [(math.comb(order, j), abs(n - order + 2 * j)) for j in range(order + 1)]
    return lambda x: sum(times * mp.besseli(k, x) for times, k in near) / 2**order


def _scaled(n: int, order: int) -> Callable[[Any], Any]:
    """The derivatives of exp(-abs(x)) I_n(x), beside 0."""
    terms = [(math.comb(order, k), order - k, _bessel(n, k)) for k in range(order + 1)]
    return lambda x: mp.exp(-abs(x)) * sum(times * (-mp.sign(x)) ** j * slope(x) for times, j, slope in terms)


def _erfcx(order: int) -> Callable[[Any], Any]:
    """The derivatives of exp(x^2) erfc(x), from the equation y' = 2 x y - 2 / sqrt(pi)."""

    def of(x: Any) -> Any:
        with mp.workdps(150):
            y = mp.exp(x * x) * mp.erfc(x)
            slope = 2 * x * y - 2 / mp.sqrt(mp.pi)
            return (y, slope, 2 * y + 2 * x * slope)[order]

    return of


def _log_ndtr(order: int) -> Callable[[Any], Any]:
    def of(x: Any) -> Any:
        with mp.workdps(150):
            below = mp.erfc(-x / mp.sqrt(2)) / 2
            ratio = mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi) / below
            return (mp.log(below), ratio, -ratio * (x + ratio))[order]

    return of


CASES = {
    "i0": (special.i0, lambda n: _bessel(0, n), TINY_TO_LARGE + BETWEEN),
    "i1": (special.i1, lambda n: _bessel(1, n), TINY_TO_LARGE + BETWEEN),
    "i0e": (special.i0e, lambda n: _scaled(0, n), TINY_TO_LARGE + BETWEEN + [1e4, -1e6, 1e8]),
    "i1e": (special.i1e, lambda n: _scaled(1, n), TINY_TO_LARGE + BETWEEN + [1e4, -1e6, 1e8]),
    "digamma": (special.digamma, lambda n: lambda x: mp.polygamma(n, x), GAMMA),
    "polygamma2": (lambda x: special.polygamma(2, x), lambda n: lambda x: mp.polygamma(2 + n, x), GAMMA[17:]),
    "polygamma5": (lambda x: special.polygamma(5, x), lambda n: lambda x: mp.polygamma(5 + n, x), GAMMA[17:-8]),
    "erfcx": (special.erfcx, _erfcx, RIGHT),
    "log_ndtr": (special.log_ndtr, _log_ndtr, LEFT),
}  # fmt: skip


def _derivatives(function: Callable[[Any], Any], points: Any, orders: int) -> list[Any]:
    x = tensor(points, requires_grad=True)
    values = [function(x)]
    for _ in range(orders):
        values.append(grad(values[-1], x, autodiff.ones_like(x), create_graph=True)[0])
    return [v.detach().numpy() for v in values]


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_values_and_two_slopes(name: str, dtype: Any) -> None:
    """Each is right to a few units in the last place (ten; a zero of a slope between the points costs no more)."""
    function, exact, given = CASES[name]
    points = np.array(given).astype(dtype)
    info = np.finfo(dtype)
    with mp.workdps(50):
        for order, found in enumerate(_derivatives(function, points, 2)):
            wanted = np.array([float(exact(order)(mp.mpf(float(x)))) for x in points])
            assert found.dtype == dtype
            inside = (np.abs(wanted) < info.max) & (np.abs(wanted) > info.tiny)
            np.testing.assert_allclose(found[inside].astype(np.float64), wanted[inside], rtol=10 * float(info.eps))
            assert (np.abs(found[np.abs(wanted) > info.max]) == np.inf).all()


def test_lgamma() -> None:
    """The zeros at 1 and 2 are exact, and all digits are right beside them."""
    points = np.array(GAMMA)
    with mp.workdps(50):
        log_gamma = lambda x: mp.re(mp.loggamma(x))
        wanted = np.array([float(log_gamma(mp.mpf(float(x)))) for x in points])
    np.testing.assert_allclose(special.gammaln(tensor(points)).numpy(), wanted, rtol=1e-15, atol=0)
    assert special.gammaln(tensor([1.0, 2.0])).tolist() == [0, 0]


def test_far_below_0_polygamma_is_periodic_but_for_a_small_rest() -> None:
    """Half way between poles the reflection's cotangent is 0: the slopes are pi^2 and 2 pi^4 less 1 / x and 2 / x^3."""
    x = -12345678.5
    found = [special.polygamma(n, tensor(np.array([x]))).item() for n in (1, 2, 3)]
    np.testing.assert_allclose(found, [math.pi**2 - 1 / (0.5 - x), -1 / (0.5 - x) ** 2, 2 * math.pi**4], rtol=1e-7)
    assert special.digamma(tensor(np.array([-1e6 - 0.25]))).item() == pytest.approx(
        math.log(1e6 + 1.25) - 0.5 / (1e6 + 1.25) + math.pi / math.tan(math.pi / 4), rel=1e-14
    )


def test_a_value_does_not_depend_on_the_length_of_the_array() -> None:
    """Each entry of an array has the bits that it has alone."""
    x = np.random.default_rng(0).uniform(-40, 40, 1001)
    for function in (special.i0, special.i1, special.i0e, special.i1e, special.gammaln, special.digamma, special.erfcx):
        together = function(tensor(x)).numpy()
        assert np.array_equal(together[::50], [function(tensor([v])).item() for v in x[::50]])


def test_ends_poles_and_nan() -> None:
    """Limits at infinity, poles and NaN, of values and slopes."""
    inf, nan = math.inf, math.nan
    expected = {
        special.i0: ([-inf, inf, nan, 0], [inf, inf, nan, 1], [-inf, inf, nan, 0]),
        special.i1: ([-inf, inf, nan, 0], [-inf, inf, nan, 0], [inf, inf, nan, 0.5]),
        special.i0e: ([-inf, inf, nan, 0], [0, 0, nan, 1], [0, 0, nan, 0]),
        special.i1e: ([-inf, inf, nan, 0], [0, 0, nan, 0], [0, 0, nan, 0.5]),
        special.gammaln: ([-inf, inf, nan, -1, 0], [inf, inf, nan, inf, inf], [nan, inf, nan, nan, -inf]),
        special.digamma: ([-1e20, inf, nan, -1, 0], [nan, inf, nan, nan, -inf], [inf, 0, nan, inf, inf]),
        special.erfcx: ([-inf, inf, nan, 0], [inf, 0, nan, 1], [-inf, 0, nan, -2 / math.sqrt(math.pi)]),
        special.log_ndtr: ([inf, nan], [0, nan], [0, nan]),
    }  # fmt: skip
    for function, (points, values, slopes) in expected.items():
        found = _derivatives(function, np.array(points, np.float64), 1)
        np.testing.assert_array_equal(found[0], values)
        np.testing.assert_allclose(found[1], slopes, rtol=1e-15)
    second = lambda x: special.polygamma(2, tensor(np.array(x))).tolist()
    assert second([-inf, -1e20, -3.0, 0.0]) == [-inf] * 4


def test_the_slope_at_0_of_every_order() -> None:
    """I_0 and I_1 are smooth at 0: their derivatives are 1, 0, 1/2, 0, 3/8 and 0, 1/2, 0, 3/8, 0."""
    np.testing.assert_allclose(np.ravel(_derivatives(special.i0, np.zeros(1), 4)), [1, 0, 0.5, 0, 0.375], rtol=1e-15)
    np.testing.assert_allclose(np.ravel(_derivatives(special.i1, np.zeros(1), 4)), [0, 0.5, 0, 0.375, 0], rtol=1e-15)
    assert autodiff.i0(tensor(0.0)).item() == 1


def test_the_slope_at_0_of_waves_of_every_order() -> None:
    """J_0 and J_1 are smooth at 0, and nothing cancels in their derivatives: 1, 0, -1/2, 0, 3/8 and 0, 1/2, 0, -3/8."""
    for x in (0.0, 1e-12, -1e-300):
        zero, one = (np.ravel(_derivatives(f, np.array([x]), 4)) for f in (special.bessel_j0, special.bessel_j1))
        np.testing.assert_allclose(zero, [1, -x / 2, -0.5, x * 3 / 8, 0.375], rtol=1e-14)
        np.testing.assert_allclose(one, [x / 2, 0.5, -x * 3 / 8, -0.375, x * 5 / 16], rtol=1e-14)


def test_functions_of_the_second_kind_near_0() -> None:
    """Down to the least number; their derivatives overflow and are no NaN."""
    tiny = np.array([5e-324, 1e-300, 1e-160, 1e-20])
    log = np.log(tiny[:3]) - math.log(2) + np.euler_gamma
    np.testing.assert_allclose(special.bessel_y0(tensor(tiny[:3])).numpy(), 2 / math.pi * log, rtol=1e-15)
    np.testing.assert_allclose(special.modified_bessel_k0(tensor(tiny[:3])).numpy(), -log, rtol=1e-15)
    for name in ("bessel_y0", "bessel_y1", "modified_bessel_k0", "scaled_modified_bessel_k1"):
        assert not np.isnan(_derivatives(getattr(special, name), tiny, 3)).any()


ALONG = np.concatenate([np.linspace(0.05, 30, 60), [2.0, 25.0, 1e2, 1e3]])
EXACT_BESSEL: dict[str, Any] = {
    "bessel_j0": lambda x: mp.besselj(0, x),
    "bessel_j1": lambda x: mp.besselj(1, x),
    "bessel_y0": lambda x: mp.bessely(0, x),
    "bessel_y1": lambda x: mp.bessely(1, x),
    "scaled_modified_bessel_k0": lambda x: mp.exp(x) * mp.besselk(0, x),
    "scaled_modified_bessel_k1": lambda x: mp.exp(x) * mp.besselk(1, x),
}


@pytest.mark.parametrize("name", EXACT_BESSEL)
def test_bessel_functions_over_all_their_pieces(name: str) -> None:
    """To 1e-14 of the size of their waves, where PyTorch's are off by 1e-7 from x = 5 on."""
    found = getattr(special, name)(tensor(ALONG)).numpy()
    with mp.workdps(25):
        wanted = np.array([float(EXACT_BESSEL[name](mp.mpf(float(x)))) for x in ALONG])
    assert (np.abs(found - wanted) <= 1e-14 * np.maximum(np.abs(wanted), 1)).all()
