"""Special functions of real numbers on whole arrays, to the precision of float64, in NumPy alone."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from autodiff.kernels.blocks import by_blocks
from autodiff.kernels.layout import copied
from autodiff.kernels.threads import tiles

Array = np.ndarray[Any, Any]

# The rational approximations of Cody 1969, "Rational Chebyshev approximations for the error function", highest power
# first: erf(x) / x in x^2 up to 0.46875, exp(x^2) erfc(x) in x up to 4, and the rest of its asymptotic series in
# 1 / x^2 beyond.
_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
     8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
_FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip

# For float32 a hyperbolic tangent will do, erf(x) = tanh(x p(x^2)), of which NumPy has a fast one: fitted by iterated
# least squares between 0 and the x from which on erf rounds to 1, its relative error is below 1e-7, and beyond p stays
# so large that the tangent rounds to 1 as well.
_SINGLE = (
    1.418527648e-7, -5.668485799e-6, 8.763739486e-5, -6.197847854e-4, -1.918305632e-4, 1.027690557e-1, 1.12837927432,
)  # fmt: skip

# The normal quantile of Wichura 1988, "Algorithm AS 241", PPND16, highest power first: by the distance from 1/2 in the
# middle, by the root of -log of the tail beyond.
_QUANTILE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
_QUANTILE_TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258,
     3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187, 1.0),
)  # fmt: skip
_QUANTILE_END = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580, 5.46378491116411436990, 6.65790464350110377720),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
)  # fmt: skip


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Any:
    """Horner's rule, in the memory of one array."""
    total = coefficients[0] * x
    for c in coefficients[1:-1]:
        total += c
        total *= x
    total += coefficients[-1]
    return total


def _rational(pair: Any, x: Array) -> Any:
    top = _polynomial(pair[0], x)
    top /= _polynomial(pair[1], x)
    return top


def _in_pieces(x: Array, *pieces: tuple[Any, Any]) -> Any:
    """For each (where, function) the function of the entries there, computed for them alone."""
    out = np.empty_like(x)
    for where, function in pieces:
        if where.all():
            return function(x)
        if where.any():
            out[where] = function(x[where])
    return out


def _of_floats(function: Any) -> Any:
    """``function`` of float64 arrays with axes, for arrays of any dtype and shape; floats keep theirs."""

    def call(x: Any) -> Any:
        x = np.asarray(x)
        return _in_dtype(function, x, np.dtype(np.float64))

    return call


def _in_dtype(function: Any, x: Array, dtype: np.dtype[Any]) -> Any:
    """``function`` of ``x``, computed in ``dtype``; floats keep theirs."""
    kept = x.dtype if x.dtype.kind == "f" else dtype
    x = x if x.flags.c_contiguous else copied(x)

    def call(block: Array) -> Any:
        with np.errstate(all="ignore"):
            return function(np.atleast_1d(block).astype(dtype)).astype(kept, copy=False)

    return by_blocks(call, x if x.dtype == kept else x.astype(kept)).reshape(x.shape)


def _near(x: Array) -> Any:
    return x * _rational(_NEAR, x * x)


def _middle(x: Array) -> Any:
    return _rational(_MIDDLE, x)


def _far(x: Array) -> Any:
    t = 1 / (x * x)
    return (1 / math.sqrt(math.pi) - t * _rational(_FAR, t)) / x


def _scaled_complement(y: Array) -> Any:
    """exp(y^2) erfc(y) for y of at least 0.46875."""
    return _in_pieces(y, (y <= 4, _middle), (~(y <= 4), _far))


def _gauss(y: Array, sign: float = -1.0) -> Any:
    """exp(sign y^2), with y split into 16ths and a rest so that the square has all its digits (Cody)."""
    head = np.trunc(y * 16) / 16
    return np.exp(sign * head * head) * np.exp(sign * (y - head) * (y + head))


def _complement(y: Array) -> Any:
    return np.where(y > 27, 0.0, _gauss(y) * _scaled_complement(y))


def _erf_double(x: Array) -> Any:
    y = np.abs(x)
    tail = lambda x: np.copysign(1 - np.exp(-x * x) * _middle(np.minimum(np.abs(x), 6)), x)
    return _in_pieces(x, (y <= 0.46875, _near), (~(y <= 0.46875), tail))


def _erf_single(x: Array) -> Any:
    y = _polynomial(_SINGLE, x * x)
    y *= x
    return np.tanh(y, out=y)


def erf(x: Any) -> Any:
    """The error function."""
    x = np.asarray(x)
    if x.dtype == np.float32:
        return _in_dtype(_erf_single, x, x.dtype)
    return _in_dtype(_erf_double, x, np.dtype(np.float64))


@_of_floats
def erfc(x: Array) -> Any:
    """1 - erf(x), with all its digits where that is small."""
    below = lambda x: 2 - _complement(-x)
    return _in_pieces(x, (np.abs(x) <= 0.46875, lambda x: 1 - _near(x)), (x < -0.46875, below),
                      (~(x <= 0.46875), _complement))  # fmt: skip


@_of_floats
def erfcx(x: Array) -> Any:
    """exp(x^2) erfc(x), which neither overflows nor vanishes for x > 0."""
    below = lambda x: np.where(x < -27, math.inf, 2 * _gauss(x, 1.0) - _scaled_complement(-x))
    return _in_pieces(x, (np.abs(x) <= 0.46875, lambda x: np.exp(x * x) * (1 - _near(x))), (x < -0.46875, below),
                      (~(x <= 0.46875), _scaled_complement))  # fmt: skip


_STEPS = 200  # of the continued fraction, enough for all digits from x = 1 on


def erfcx_integral(x: Any, n: int) -> Any:
    """exp(x^2) times the n-th repeated integral of erfc from x to infinity, for n >= 1.

    Above 1 by the ratios of neighbours, from the continued fraction of their recurrence, since the recurrence itself
    cancels there (Gautschi 1961, "Recursive computation of the repeated integrals of the error function"); below by the
    recurrence (Abramowitz & Stegun 1964, 7.2.5).
    """

    def forward(x: Array) -> Any:
        before, out = 2 / math.sqrt(math.pi), erfcx(x)
        for k in range(1, n + 1):
            before, out = out, (before - 2 * x * out) / (2 * k)
        return out

    def fraction(x: Array) -> Any:
        ratio, out = 1 / (x + np.sqrt(x * x + 2 * (n + _STEPS))), erfcx(x)
        for k in range(n + _STEPS, 1, -1):
            ratio = 0.5 / (x + k * ratio)  # of the integral k - 1 to the one before
            if k <= n + 1:
                out = out * ratio
        return out

    return _of_floats(lambda x: _in_pieces(x, (x < 1, forward), (~(x < 1), fraction)))(x)


def _quantile(q: Array, tail: Array) -> Any:
    """The normal quantile at 1/2 + q, of which ``tail`` is the smaller side."""
    r = np.sqrt(-np.log(tail))
    middle = q * _rational(_QUANTILE, 0.180625 - q * q)
    out = np.copysign(np.where(r <= 5, _rational(_QUANTILE_TAIL, r - 1.6), _rational(_QUANTILE_END, r - 5)), q)
    out = np.where(tail == 0, np.copysign(math.inf, q), out)
    return np.where(np.abs(q) <= 0.425, middle, out)


@_of_floats
def ndtri(p: Array) -> Any:
    """The x below which a normal variable lies with probability p."""
    return _quantile(p - 0.5, np.minimum(p, 1 - p))


@_of_floats
def erfinv(y: Array) -> Any:
    """The x whose erf is y."""
    return _quantile(y / 2, (1 - np.abs(y)) / 2) / math.sqrt(2)


# B_2k for k = 1, 2, ..., of Euler-Maclaurin's formula.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_SHIFT = 12  # from this x on eight terms of the asymptotic series have all digits


def _raised(x: Array, term: Any, goal: int = _SHIFT) -> tuple[Array, Array]:
    """``x`` moved up by whole steps to at least ``goal``, and the sum of ``term`` over the points passed."""
    points = x + np.arange(float(goal)).reshape(-1, *(1,) * x.ndim)
    below = points < goal
    return x + below.sum(0), np.add.reduce(np.where(below, term(points), 0.0), axis=0)


def zeta(s: int, x: Any) -> Any:
    """Hurwitz's zeta function, the sum over k of (x + k)^-s, for whole s > 1; inf at 0, -1, -2, ...

    Above 0 by Euler-Maclaurin's formula; below by reflection, which holds for the derivatives of the cotangent.

    References: Johansson 2015, "Rigorous high-precision computation of the Hurwitz zeta function", eq. 5; Abramowitz &
    Stegun 1964, 6.4.7.
    """

    def positive(x: Array) -> Any:
        x, passed = _raised(x, lambda x: x ** float(-s), _SHIFT + 2 * s)
        total = x ** (1.0 - s) / (s - 1) + 0.5 * x ** float(-s) + passed
        rising = float(s)
        for k, b in enumerate(_BERNOULLI, 1):
            total = total + b / math.factorial(2 * k) * rising * x ** float(-s - 2 * k + 1)
            rising *= (s + 2 * k - 1) * (s + 2 * k)
        return total

    def mirrored(x: Array) -> Any:
        slopes = math.pi**s * _polynomial(_cotangent_slopes(s - 1), _cotangent(x))
        return np.where(x == np.floor(x), math.inf, slopes - (-1) ** s * positive(1 - x))

    return _of_floats(lambda x: _in_pieces(x, (x <= 0, mirrored), (~(x <= 0), positive)))(x)


def _cotangent(x: Array) -> Any:
    """cot(pi x), from the nearest of its poles or zeros, which are at whole and half numbers."""
    rest = x - np.rint(x)
    beside = np.copysign(0.5 - np.abs(rest), rest)
    return np.where(np.abs(rest) < 0.25, 1 / np.tan(math.pi * rest), np.tan(math.pi * beside))


@cache
def _cotangent_slopes(n: int) -> tuple[float, ...]:
    """The n-th derivative of cot, over (-1)^n n!, as a polynomial of cot, since cot' = -(1 + cot^2)."""
    polynomial = np.array([1.0, 0.0])
    for k in range(1, n + 1):
        polynomial = np.polymul(np.polyder(polynomial), [1.0, 0.0, 1.0]) / k
    return tuple(polynomial.tolist())


_STIRLING = tuple(b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, 1))[::-1]
_DIGAMMA = tuple(b / (2 * k) for k, b in enumerate(_BERNOULLI, 1))[::-1]
_GAMMALN = (*((-1) ** k * float(zeta(k, 2.0)) / k for k in range(30, 1, -1)), 1 - np.euler_gamma, 0.0)


def _gammaln_small(x: Array) -> Any:
    """From -1/2 to ``_SHIFT``: the power series at 2 (Abramowitz & Stegun 1964, 6.1.33) and steps from there.

    Every part keeps its relative precision, and between 1 and 3 there is one part: the zeros at 1 and 2 are exact.
    """
    whole = np.rint(x)
    rest = x - whole
    steps = np.arange(1.0, _SHIFT).reshape(-1, *(1,) * x.ndim)
    passed = np.multiply.reduce(np.where(steps <= whole - 2, x - steps, 1.0), axis=0)
    down = np.where(whole <= 1, np.log1p(rest), 0) + np.where(whole <= 0, np.log(np.abs(x)), 0)
    return _polynomial(_GAMMALN, rest) + np.log(passed) - down


def _gammaln_large(x: Array) -> Any:
    """Stirling's series (Abramowitz & Stegun 1964, 6.1.41)."""
    series = _polynomial(_STIRLING, 1 / (x * x)) / x
    return np.where(np.isinf(x), x, (x - 0.5) * np.log(x) - x + 0.5 * math.log(2 * math.pi) + series)


@_of_floats
def gammaln(x: Array) -> Any:
    """log of the absolute value of the gamma function, by reflection far below 0; inf at 0, -1, -2, ... and at -inf."""

    def mirrored(x: Array) -> Any:
        falls = np.log(np.abs(np.sin(math.pi * (x - np.rint(x))))) + gammaln(1 - x)
        return np.where(x == np.floor(x), math.inf, math.log(math.pi) - falls)

    small = (x > -0.5) & (x < _SHIFT)
    return _in_pieces(x, (small, _gammaln_small), (x <= -0.5, mirrored), (~(x < _SHIFT), _gammaln_large))


def _psi_positive(x: Array) -> Any:
    """The asymptotic series (Abramowitz & Stegun 1964, 6.3.18)."""
    x, passed = _raised(x, np.reciprocal)
    square = 1 / (x * x)
    return np.log(x) - 0.5 / x - square * _polynomial(_DIGAMMA, square) - passed


# The zero of digamma above 0, in two parts, and Taylor's series there, of which the derivatives are zetas.
_ZERO = (1.4616321449683622, 9.549995429965697e-17)
_PSI = (*((-1) ** k * float(zeta(k, _ZERO[0])) for k in range(32, 1, -1)), 0.0)


def _psi_near_zero(x: Array) -> Any:
    return _polynomial(_PSI, x - _ZERO[0] - _ZERO[1])


@_of_floats
def psi(x: Array) -> Any:
    """The logarithmic derivative of the gamma function, by reflection below 0; -inf at 0, NaN at -1, -2, ..."""
    mirrored = lambda x: _psi_positive(1 - x) - math.pi * _cotangent(x)
    near = np.abs(x - _ZERO[0]) < 0.4
    out = _in_pieces(x, (near, _psi_near_zero), (x <= 0, mirrored), (~(near | (x <= 0)), _psi_positive))
    return np.where((x <= 0) & (x == np.rint(x)), np.where(x == 0, np.copysign(math.inf, -x), math.nan), out)


_NODES = 32
_TOGETHER = 256  # entries whose values at all nodes stay in the cache
_HANKEL = 30  # from this x on 22 terms of Hankel's series have all digits, and up to it the nodes are enough


def bessel(x: Any, n: int) -> Any:
    """I_n(x) / x^n of the modified Bessel function, an even function without zeros, for small n."""

    def of(x: Array) -> Any:
        half = np.exp(0.5 * np.abs(x))  # twice, because exp(|x|) overflows before the product does
        return np.where(np.isinf(x), math.inf, bessel_scaled(np.abs(x), n, 0) * half * half)

    return _of_floats(of)(x)


def bessel_scaled(x: Any, n: int, k: int) -> Any:
    """The k-th derivative, times (-1)^k, of exp(-x) I_n(x) / x^n for x >= 0, the modified Bessel function, for small n.

    An integral over a period of what is nowhere negative (Abramowitz & Stegun 1964, 9.6.18), by the trapezoidal rule,
    which converges geometrically (Trefethen & Weideman 2014); for large x, where that would need more nodes, Hankel's
    series (Abramowitz & Stegun 1964, 9.7.1).
    """

    def series(y: Array) -> Any:
        power = 1 / (math.sqrt(2 * math.pi) * y ** (n + k + 0.5))
        factor, total = 1.0, np.zeros_like(y)
        for j in range(23):
            total += factor * math.prod(n + j + 0.5 + i for i in range(k)) * power
            factor *= -(4.0 * n * n - (2 * j + 1) ** 2) / (8 * (j + 1))
            power /= y
        return total

    def integral(y: Array) -> Any:
        half = (np.arange(_NODES) + 0.5) * (math.pi / (2 * _NODES))
        fall, out = 2 * np.sin(half) ** 2, np.empty_like(y)  # 1 - cos of the angle
        weight = np.sin(2 * half) ** (2 * n) * fall**k / (_NODES * math.prod(range(1, 2 * n, 2)))
        for part in tiles(0, len(y), _TOGETHER):
            values = np.exp(np.multiply.outer(y[part], -fall))
            out[part] = np.add.reduce(np.multiply(values, weight, out=values), axis=-1)  # in BLAS its order would vary
        return out

    return _of_floats(lambda y: _in_pieces(y, (y <= _HANKEL, integral), (~(y <= _HANKEL), series)))(x)
