"""The error function's family and Bessel's on whole arrays, to the precision of float64, in NumPy alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.kernels.arrays import as_array
from autodiff.kernels.piecewise import Array, in_dtype, in_pieces, of_floats, polynomial, rational
from autodiff.kernels.threads import tiles

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


def _near(x: Array) -> Any:
    return x * rational(_NEAR, x * x)


def _middle(x: Array) -> Any:
    return rational(_MIDDLE, x)


def _far(x: Array) -> Any:
    t = 1 / (x * x)
    return (1 / math.sqrt(math.pi) - t * rational(_FAR, t)) / x


def _scaled_complement(y: Array) -> Any:
    """exp(y^2) erfc(y) for y of at least 0.46875."""
    return in_pieces(y, (y <= 4, _middle), (~(y <= 4), _far))


def _gauss(y: Array, sign: float = -1.0) -> Any:
    """exp(sign y^2), with y split into 16ths and a rest so that the square has all its digits (Cody)."""
    head = np.trunc(y * 16) / 16
    return np.exp(sign * head * head) * np.exp(sign * (y - head) * (y + head))


def _complement(y: Array) -> Any:
    return np.where(y > 27, 0.0, _gauss(y) * _scaled_complement(y))


def _erf_double(x: Array) -> Any:
    y = np.abs(x)
    tail = lambda x: np.copysign(1 - np.exp(-x * x) * _middle(np.minimum(np.abs(x), 6)), x)
    return in_pieces(x, (y <= 0.46875, _near), (~(y <= 0.46875), tail))


def _erf_single(x: Array) -> Any:
    y = polynomial(_SINGLE, x * x)
    y *= x
    return np.tanh(y, out=y)


def erf(x: Any) -> Any:
    """The error function."""
    x = as_array(x)
    if x.dtype == np.float32:
        return in_dtype(_erf_single, x, x.dtype)
    return in_dtype(_erf_double, x, np.dtype(np.float64))


@of_floats
def erfc(x: Array) -> Any:
    """1 - erf(x), with all its digits where that is small."""
    below = lambda x: 2 - _complement(-x)
    return in_pieces(x, (np.abs(x) <= 0.46875, lambda x: 1 - _near(x)), (x < -0.46875, below),
                      (~(x <= 0.46875), _complement))  # fmt: skip


@of_floats
def erfcx(x: Array) -> Any:
    """exp(x^2) erfc(x), which neither overflows nor vanishes for x > 0."""
    below = lambda x: np.where(x < -27, math.inf, 2 * _gauss(x, 1.0) - _scaled_complement(-x))
    return in_pieces(x, (np.abs(x) <= 0.46875, lambda x: np.exp(x * x) * (1 - _near(x))), (x < -0.46875, below),
                      (~(x <= 0.46875), _scaled_complement))  # fmt: skip


def _half_gauss(x: Array) -> Any:
    """exp(-x^2 / 2), with the digits that the square would lose, as in ``_gauss``."""
    head = np.trunc(x * 16) / 16
    return np.where(np.abs(x) > 39, 0.0, np.exp(-0.5 * head * head) * np.exp(-0.5 * (x - head) * (x + head)))


@of_floats
def density(x: Array) -> Any:
    """The density of a normal variable."""
    return np.where(np.isinf(x), 0.0, _half_gauss(np.where(np.isinf(x), 0.0, x)) / math.sqrt(2 * math.pi))


def _lower_tail(x: Array) -> Any:
    """The probability that a normal variable is below ``x``, for x of at most -0.67."""
    return np.where(x < -39, 0.0, 0.5 * _half_gauss(x) * _scaled_complement(x / -math.sqrt(2)))


@of_floats
def ndtr(x: Array) -> Any:
    """The probability that a normal variable is below ``x``."""
    middle = lambda x: 0.5 + 0.5 * _near(x / math.sqrt(2))
    return in_pieces(x, (np.abs(x) <= 0.66, middle), (x < -0.66, _lower_tail),
                     (~(x <= 0.66), lambda x: 1 - _lower_tail(-x)))  # fmt: skip


@of_floats
def log_ndtr(x: Array) -> Any:
    """log of ``ndtr``, with all its digits on both sides."""
    far = lambda x: np.log(0.5 * _scaled_complement(x / -math.sqrt(2))) - 0.5 * x * x
    middle = lambda x: np.log1p(-(0.5 - 0.5 * _near(x / math.sqrt(2))))
    near = lambda x: np.log1p(-_lower_tail(-x))
    return in_pieces(x, (x < -0.66, far), (np.abs(x) <= 0.66, middle), (~(x <= 0.66), near))


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

    return of_floats(lambda x: in_pieces(x, (x < 1, forward), (~(x < 1), fraction)))(x)


def _quantile(q: Array, tail: Array) -> Any:
    """The normal quantile at 1/2 + q, of which ``tail`` is the smaller side."""
    r = np.sqrt(-np.log(tail))
    middle = q * rational(_QUANTILE, 0.180625 - q * q)
    out = np.copysign(np.where(r <= 5, rational(_QUANTILE_TAIL, r - 1.6), rational(_QUANTILE_END, r - 5)), q)
    out = np.where(tail == 0, np.copysign(math.inf, q), out)
    return np.where(np.abs(q) <= 0.425, middle, out)


def _mills(x: Array) -> Any:
    """The tail beyond x >= 0 of a normal variable over its density at x (Mills 1926)."""
    y = x / math.sqrt(2)
    near = lambda y: np.exp(y * y) * (1 - _near(y))
    return math.sqrt(math.pi / 2) * in_pieces(y, (y <= 0.46875, near), (~(y <= 0.46875), _scaled_complement))


def _ndtri(p: Array) -> Any:
    """The quantile, in the tails after a step of Newton's: slopes multiply its error by its size."""
    tail = np.minimum(p, 1 - p)
    x = _quantile(p - 0.5, tail)
    far = (tail < 0.15) & (tail >= 1e-300)
    if far.any():
        size = np.abs(x[far])
        x[far] = np.copysign(size + (_lower_tail(-size) / tail[far] - 1) * _mills(size), x[far])
    return x


def _erfinv(y: Array) -> Any:
    rest = 1 - np.abs(y)
    x = _quantile(y / 2, rest / 2) / math.sqrt(2)
    far = (rest < 0.3) & (rest > 0)
    if far.any():
        size = np.abs(x[far])
        step = (_complement(size) / rest[far] - 1) * (math.sqrt(math.pi) / 2) * _scaled_complement(size)
        x[far] = np.copysign(size + step, x[far])
    return x


# The x below which a normal variable lies with probability p, and the x whose erf is y.
ndtri, erfinv = of_floats(_ndtri), of_floats(_erfinv)


@of_floats
def ndtri_slope(p: Array) -> Any:
    """The derivative of ``ndtri``, from the tail, which p has: the square of a rounded quantile would lose digits."""
    tail = np.minimum(p, 1 - p)
    return np.where(tail == 0, math.inf, _mills(np.minimum(np.abs(_ndtri(p)), 40)) / np.where(tail == 0, 1, tail))


@of_floats
def erfinv_slope(y: Array) -> Any:
    """The derivative of ``erfinv``, in the same way."""
    rest = 1 - np.abs(y)
    slope = _mills(np.minimum(np.abs(_erfinv(y)), 9) * math.sqrt(2)) / (math.sqrt(2) * np.where(rest == 0, 1, rest))
    return np.where(rest == 0, math.inf, slope)


_NODES = 32
_TOGETHER = 256  # entries whose values at all nodes stay in the cache
_HANKEL = 30  # from this x on 22 terms of Hankel's series have all digits, and up to it the nodes are enough


def bessel(x: Any, n: int) -> Any:
    """I_n(x) / x^n of the modified Bessel function, an even function without zeros, for small n."""

    def of(x: Array) -> Any:
        half = np.exp(0.5 * np.abs(x))  # twice, because exp(|x|) overflows before the product does
        return np.where(np.isinf(x), math.inf, bessel_scaled(np.abs(x), n, 0) * half * half)

    return of_floats(of)(x)


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

    return of_floats(lambda y: in_pieces(y, (y <= _HANKEL, integral), (~(y <= _HANKEL), series)))(x)
