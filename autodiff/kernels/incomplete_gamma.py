"""The distribution function of the gamma distribution and its derivatives by the concentration, by quadrature.

With y = log z and the density exp(a y - z) / gamma(a) of y, the n-th derivative by a of the probability below z is the
integral of the density times B_n, where B_1 is log - digamma(a) and B_n+1 = B_1 B_n + dB_n/da. Over the density at y
the integrand is free of large numbers: from below exp(-a u + z (1 - exp(-u))) at log z - u, and from above, since the
integral over all is 0, exp(-v) (1 + v/z)^(a-1) at log (z + v). Both fall at least as exp(-u) does, and the double
exponential rule has all digits with few points.

References: H. Takahasi, M. Mori (1974), "Double exponential formulas for numerical integration"; M. Figurnov, S.
Mohamed, A. Mnih (2018), "Implicit reparameterization gradients".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.kernels.gamma import gammaln, psi, zeta
from autodiff.kernels.layout import by_first
from autodiff.kernels.piecewise import Array


def _rule(low: float, high: float, count: int) -> tuple[Array, Array]:
    """The points and weights of the double exponential rule from 0 up."""
    steps, step = np.linspace(low, high, count, retstep=True)
    points = np.exp(steps - np.exp(-steps))
    return points, float(step) * points * (1 + np.exp(-steps))


_DOUBLE, _SINGLE = _rule(-3.6, 3.8, 66), _rule(-3.0, 3.3, 34)  # for the digits of float64, and of float32
_BLOCK = 1024  # entries at once: the points of so many stay in the cache


def bell(first: Any, others: list[Any], n: int) -> Any:
    """B_n of the derivatives of a logarithm, of which ``first`` is the first one and ``others`` are the next ones.

    Reference: L. Comtet (1974), "Advanced combinatorics", 3.3: the complete Bell polynomials.
    """
    slopes = [first, *others]
    found: list[Any] = [first * 0 + 1]
    for m in range(n):
        found.append(sum(math.comb(m, k) * found[m - k] * slopes[k] for k in range(m + 1)))
    return found[n]


def _polygammas(a: Array, n: int) -> list[Array]:
    """The derivatives of -digamma up to order n - 1."""
    return [(-1) ** k * math.factorial(k) * zeta(k + 1, a) for k in range(1, n)]


def _below(a: Array, y: Array, n: int, rule: Any) -> Any:
    points, weights = rule
    z = np.exp(y)
    width = np.where(z > 1, 1 / (a - z + np.sqrt(np.maximum(z, 1))), 1 / a)
    u = width * points
    weight = np.exp(-a * u - z * np.expm1(-u)) * weights
    return (weight * bell(y - psi(a) - u, _polygammas(a, n), n)).sum(-1) * width[:, 0]


def _above(a: Array, y: Array, n: int, rule: Any) -> Any:
    points, weights = rule
    z = np.exp(y)
    width = np.where(a > 1, 1 / (1 - a / z + 1 / np.sqrt(z)), 1.0)
    v = width * points
    grown = np.log1p(v / z)
    weight = np.exp((a - 1) * grown - v) * weights
    return (weight * bell(y - psi(a) + grown, _polygammas(a, n), n)).sum(-1) * (width / z)[:, 0]


def _by_blocks(function: Any, a: Array, y: Array, n: int, kind: np.dtype[Any]) -> Array:
    a, y = a[:, None], y[:, None]
    rule = _SINGLE if kind.itemsize < 8 else _DOUBLE
    parts = [function(a[i : i + _BLOCK], y[i : i + _BLOCK], n, rule) for i in range(0, len(a), _BLOCK)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _flat(a: Any, y: Any) -> tuple[Array, Array, tuple[int, ...], np.dtype[Any]]:
    a, y = np.asarray(a), np.asarray(y)
    kind = np.result_type(a, y)
    wide, high = np.broadcast_arrays(a.astype(np.float64), y.astype(np.float64))
    return wide.ravel(), high.ravel(), wide.shape, kind


def cdf_slope(a: Any, y: Any, n: int) -> Any:
    """The n-th derivative by a (n > 0) of the probability below exp(y), over the density at y."""
    a, y, shape, kind = _flat(a, y)
    out = np.empty_like(y)
    low = y <= np.log(a)
    with np.errstate(all="ignore"):
        out[low] = _by_blocks(_below, a[low], y[low], n, kind)
        out[~low] = -_by_blocks(_above, a[~low], y[~low], n, kind)
    return out.reshape(shape).astype(kind)


def _log_density(a: Array, z: Array) -> Array:
    """a log z - z - gammaln(a); for large a by Stirling's series, from the distance of z from a."""
    y = np.log(z)
    far = (z - a) / np.where(a > 0, a, 1.0)
    near = np.abs(far) < 0.4
    small = np.where(near, far, 0.0)
    series = np.zeros_like(small)
    for k in range(36, 1, -1):  # log1p(x) - x
        series = series * small + (-1) ** (k + 1) / k
    shape = np.where(near, series * small * small, np.log1p(far) - far)
    steps = 1 / (a * a)
    rest = (1 / 12 - steps * (1 / 360 - steps * (1 / 1260 - steps * (1 / 1680 - steps / 1188)))) / a
    large = a * shape + 0.5 * np.log(a) - 0.5 * math.log(2 * math.pi) - rest
    return np.where(a > 20, large, a * y - z - gammaln(a))


def _incomplete(a: Any, x: Any, upper: bool) -> Any:
    operands = a, x
    a, z, shape, kind = _flat(a, x)
    with np.errstate(all="ignore"):
        density, y = np.exp(_log_density(a, z)), np.log(z)
        low = z <= a
        out = np.where(low == upper, 1.0, 0.0)
        for where, part in ((low, _below), (~low, _above)):
            where = where & (z > 0) & (a > 0) & np.isfinite(z) & np.isfinite(a)
            mass = density[where] * _by_blocks(part, a[where], y[where], 0, kind)
            out[where] = mass if (part is _above) == upper else 1 - mass
    out[(a < 0) | (z < 0) | np.isnan(a) | np.isnan(z) | ((a == 0) & (z == 0)) | (np.isinf(a) & np.isinf(z))] = math.nan
    return by_first(out.reshape(shape).astype(kind), operands)


def gammainc(a: Any, x: Any) -> Any:
    """The probability below x of the gamma distribution of concentration a."""
    return _incomplete(a, x, False)


def gammaincc(a: Any, x: Any) -> Any:
    """The probability above x of the gamma distribution of concentration a."""
    return _incomplete(a, x, True)
