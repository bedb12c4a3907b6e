"""Primitives of smooth functions, elementwise, and of activations that are linear in pieces."""

from __future__ import annotations

import math
from functools import wraps
from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.kernels.arrays import as_array
from autodiff.kernels.blocks import LONG, by_blocks, shared, sloped
from autodiff.kernels.lanes import faster
from autodiff.kernels.layout import by_first, unusual
from autodiff.ops.arithmetic import gate
from autodiff.ops.arrays import are_arrays

LOG_2, LOG10_E = math.log(2), math.log10(math.e)
SOME = 1 << 11  # numbers from which on it pays to make zeros for a comparison
MANY = 1 << 17  # bytes from which on a kernel of the gradient of relu pays

# For each size of float: 1, and an x for which exp(x) + 1 is exp(x). NumPy takes them faster as arrays.
_ONE_AND_LARGE = {
    np.dtype(f"f{size}"): (np.ones((), f"f{size}"), np.full((), large, f"f{size}"))
    for size, large in ((2, 10), (4, 30), (8, 40))
}
_ZERO = {dtype: np.zeros((), dtype) for dtype in _ONE_AND_LARGE}


def _sigmoid(x: Any, out: Any = None) -> Any:
    """1 / (1 + exp(-x)) as e / (e + 1), e = exp(x), which keeps its digits far below 0 and cannot overflow above."""
    numbers = _ONE_AND_LARGE.get(x.dtype)
    if numbers is None:
        return 1 / (1 + np.exp(-x)) if x.dtype.kind == "c" else _sigmoid(x.astype(np.float64))
    one, large = numbers
    e = np.minimum(x, large, out=out)
    if not isinstance(e, np.ndarray):  # of a 0-d array NumPy makes a scalar
        e = as_array(e)
    np.exp(e, out=e)
    return np.divide(e, np.add(e, one), out=e)


def _relu(x: Any) -> Any:
    """max(x, 0); NumPy is faster beside an array, of zeros for a single sample or of one, than beside a number."""
    if x.size < SOME:
        return np.maximum(x, _ZERO.get(x.dtype, 0))
    return _relu_of_many(x) if x.nbytes >= LONG else np.maximum(x, np.zeros(x.shape[1:], x.dtype))


@faster("relu", opaque_from=1, elementwise=True)
def _relu_of_many(x: Any) -> Any:
    return np.maximum(x, np.zeros(x.shape[1:], x.dtype))


@faster("relu_back", opaque_from=1, elementwise=True)
def _relu_back(g: Any, out: Any) -> Any:
    return gate(g, mask=as_array(out != 0))


def _softplus(x: Any) -> Any:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), which cannot overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _inside(g: Any, x: Any) -> Any:
    """``g``, and NaN where ``x`` is no probability."""
    outside = as_array((x < 0) | (x > 1))
    return np.where(outside, math.nan, g) if outside.any() else g


def _logit(x: Any) -> Any:
    """log(x / (1 - x)); between 1/4 and 3/4 as log1p((2 x - 1) / (1 - x)), whose numerator is exact."""
    middle = np.abs(x - 0.5) < 0.25
    odds = np.where(middle, 2 * x - 1, x) / (1 - x)
    return np.where(middle, np.log1p(np.where(middle, odds, 0)), np.log(np.where(middle, 1, odds)))


def _floating(x: Any) -> Any:
    """The dtype of ``x``, or float64 for integers."""
    return x.dtype if x.dtype.kind in "fc" else np.dtype(np.float64)


def _hardswish_vjp(g: Any, out: Any, x: Any) -> Any:
    return gate(g, mask=~as_array(x <= -3)) * np.where(as_array(np.abs(x) < 3), x / 3 + 0.5, 1)


def _sinc_slope(x: Any) -> Any:
    """The derivative (cos u - sin u / u) / x, u = pi x, of sinc; by its power series where that would cancel."""
    near = np.abs(x) < 0.5
    u = math.pi * np.where(near, x, 0)
    t = u * u
    series = 0.0 * t
    for k in range(12, 0, -1):
        series = series * t + (-1) ** k * 2 * k / math.factorial(2 * k + 1)
    return np.where(near, math.pi * u * series, (cos_pi(x) - sinc(x)) / np.where(near, 1, x))


def _sin_pi(x: Any) -> Any:
    """sin(pi x), from the nearest whole number: its zeros are exact, and pi x need not be a number."""
    if x.dtype.kind == "c":
        return np.sin(math.pi * x)
    whole = np.rint(x)
    return np.sin(math.pi * (x - whole)) * _alternating(whole)


def _cos_pi(x: Any) -> Any:
    if x.dtype.kind == "c":
        return np.cos(math.pi * x)
    whole = np.rint(x)
    return np.sin(math.pi * (0.5 - np.abs(x - whole))) * _alternating(whole)


def _alternating(whole: Any) -> Any:
    """(-1)^n."""
    return 1 - 2 * np.abs(np.fmod(whole, 2))


def _sinc(x: Any) -> Any:
    """NumPy's, also where pi x would overflow: there it rounds to 0."""
    if x.dtype.kind == "f":
        x = np.where(np.abs(x) > np.finfo(x.dtype).max / 4, x / 4, x)
    return np.sinc(x).astype(_floating(x), copy=False)


def _asinh_root(x: Any) -> Any:
    """sqrt(x^2 + 1)."""
    return np.sqrt(x * x + 1) if x.dtype.kind == "c" else np.hypot(x, 1)


def _acosh_root(x: Any) -> Any:
    """sqrt(x^2 - 1), which is x where the square would overflow; of a complex number the root with acosh's sign."""
    if x.dtype.kind == "c":
        return np.sqrt(x - 1) * np.sqrt(x + 1)
    far = as_array(x > 1e9)
    return np.where(far, x, np.sqrt(0 - complement(np.where(far, 1, x))))


def _entr(x: Any) -> Any:
    return np.where(x < 0, -math.inf, -_times_log(x, x, np.log))


@wraps(np.logaddexp)
def logaddexp_(x: Any, y: Any) -> Any:
    """log(exp(x) + exp(y)), of complex numbers too: that with the larger real part is taken out of the sum."""
    if np.result_type(x, y).kind != "c":
        return np.logaddexp(x, y)
    ahead = np.real(x) >= np.real(y)
    top, other = np.where(ahead, x, y), np.where(ahead, y, x)
    return top + np.log(1 + np.exp(other - top))


def _share(difference: Any) -> Any:
    return sigmoid(difference) if difference.dtype.kind == "c" else logistic(difference)


def _from_origin(g: Any, part: Any, x: Any, y: Any) -> Any:
    """``g * part / (x^2 + y^2)``, the slope of an angle; 0 at the origin, where there is none."""
    if are_arrays(g, x, y):
        try:
            with np.errstate(over="raise", under="raise"):
                square = x * x + y * y
                return g * part / np.where(square == 0, 1, square)
        except FloatingPointError:
            pass
    length = np.hypot(x, y)  # whose squares may overflow, or vanish
    length = np.where(length == 0, 1, length)
    return g * (part / length) / length


def _times_log(x: Any, y: Any, log: Any) -> Any:
    """``x log(y)``, which is 0 for x = 0 whatever y is, as long as it is a number."""
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.where((x == 0) & ~np.isnan(y), 0, x * (log(y) if isinstance(x, (int, float)) else _factor(log(y))))
    return by_first(out, (x, y)) if unusual else out


def _factor(x: Any) -> Any:
    """``x``, a NumPy scalar as a Python number: that leaves the dtype of the other factor alone."""
    return float(x) if isinstance(x, np.generic) else x


_sin, _cos, _sinh, _cosh = map(shared, (np.sin, np.cos, np.sinh, np.cosh))  # which are each other's slopes

exp = Primitive("exp", shared(np.exp, "exp"), lambda g, out, x: g * out, keeps="out", floating=True)

# The slope is not out + 1, which has no digits far below 0.
expm1 = Primitive("expm1", shared(np.expm1), lambda g, out, x: g * np.exp(x), keeps="x", floating=True,
                  lends="x")

log = Primitive("log", shared(np.log), lambda g, out, x: g / x, keeps="x", floating=True)

log1p = Primitive("log1p", shared(np.log1p), lambda g, out, x: g / (x + 1), keeps="x", floating=True)

sqrt = Primitive("sqrt", np.sqrt, lambda g, out, x: g / (2 * out), keeps="out", floating=True)

cube_root = Primitive("cube_root", np.cbrt, lambda g, out, x: g / (3 * out * out), keeps="out", floating=True,
                      real=True)

exp2 = Primitive("exp2", shared(np.exp2), lambda g, out, x: g * out * LOG_2, keeps="out", floating=True)

log2 = Primitive("log2", shared(np.log2), lambda g, out, x: g * (1 / LOG_2) / x, keeps="x", floating=True)

log10 = Primitive("log10", shared(np.log10), lambda g, out, x: g * LOG10_E / x, keeps="x",
                  floating=True)

rsqrt = Primitive("rsqrt", lambda x: 1 / np.sqrt(x), lambda g, out, x: g * -0.5 * out**3, keeps="out",
                  floating=True)

logaddexp = Primitive("logaddexp", logaddexp_, lambda g, out, x, y: g * _share(x - y),
                                               lambda g, out, x, y: g * _share(y - x), keeps="x y", floating=True)

logaddexp2 = Primitive("logaddexp2", np.logaddexp2, lambda g, out, x, y: g * logistic((x - y) * LOG_2),
                                                    lambda g, out, x, y: g * logistic((y - x) * LOG_2),
                       keeps="x y", floating=True, real=True)

xlogy = Primitive("xlogy", lambda x, y: _times_log(x, y, np.log),
                  lambda g, out, x, y: np.where((x == 0) & (y <= 0), 0, g * _factor(np.log(y))),
                  lambda g, out, x, y: g * x / y, keeps="x y", floating=True, real=True)

xlog1py = Primitive("xlog1py", lambda x, y: _times_log(x, y, np.log1p),
                    lambda g, out, x, y: np.where((x == 0) & (y <= -1), 0, g * _factor(np.log1p(y))),
                    lambda g, out, x, y: g * x / (y + 1), keeps="x y", floating=True, real=True)

# Below 0, where it is -inf, the logarithm makes the slope NaN.
entr = Primitive("entr", _entr, lambda g, out, x: -g * (np.log(x) + 1), keeps="x", floating=True, real=True)

sin = Primitive("sin", _sin, lambda g, out, x: g * _cos(x), keeps="x", floating=True)

cos = Primitive("cos", _cos, lambda g, out, x: -g * _sin(x), keeps="x", floating=True)

tan = Primitive("tan", shared(np.tan), lambda g, out, x: g * (1 + out * out), keeps="out", floating=True)

# 1 - x^2, as a product because that keeps its digits near 1; the product's own slope would lose them near 0.
complement = Primitive("complement", lambda x: (1 - x) * (1 + x), lambda g, out, x: g * -2 * x, keeps="x",
                       floating=True)

asin = Primitive("asin", shared(np.arcsin), lambda g, out, x: g / np.sqrt(complement(x)), keeps="x",
                 floating=True)

acos = Primitive("acos", shared(np.arccos), lambda g, out, x: -g / np.sqrt(complement(x)), keeps="x",
                 floating=True)

atan = Primitive("atan", shared(np.arctan), lambda g, out, x: g / (1 + x * x), keeps="x", floating=True)

atan2 = Primitive("atan2", np.arctan2, lambda g, out, x, y: _from_origin(g, y, x, y),
                                       lambda g, out, x, y: _from_origin(-g, x, x, y), keeps="x y", floating=True,
                                       real=True)

sinh = Primitive("sinh", _sinh, lambda g, out, x: g * _cosh(x), keeps="x", floating=True)

cosh = Primitive("cosh", _cosh, lambda g, out, x: g * _sinh(x), keeps="x", floating=True)

asinh = Primitive("asinh", shared(np.arcsinh), lambda g, out, x: g / _asinh_root(x), keeps="x", floating=True)

acosh = Primitive("acosh", shared(np.arccosh), lambda g, out, x: g / _acosh_root(x), keeps="x",
                  floating=True)

atanh = Primitive("atanh", shared(np.arctanh), lambda g, out, x: g / complement(x), keeps="x",
                  floating=True)

sin_pi = Primitive("sin_pi", _sin_pi, lambda g, out, x: g * math.pi * cos_pi(x), keeps="x", floating=True)

cos_pi = Primitive("cos_pi", _cos_pi, lambda g, out, x: g * -math.pi * sin_pi(x), keeps="x", floating=True)

sinc = Primitive("sinc", _sinc, lambda g, out, x: g * _sinc_slope(x), keeps="x", floating=True)

tanh = Primitive("tanh", shared(np.tanh, "tanh"), sloped("tanh_back", lambda out: 1 - out * out), keeps="out",
                 floating=True)

sigmoid = Primitive("sigmoid", shared(_sigmoid, "sigmoid"), sloped("sigmoid_back", lambda out: out * (1 - out)),
                    keeps="out", floating=True)

logit = Primitive("logit", _logit, lambda g, out, x: _inside(g, x) / x + g / (1 - x), keeps="x",
                  floating=True, real=True)

softplus = Primitive("softplus", lambda x: by_blocks(_softplus, x),
                     lambda g, out, x: g * logistic(x), keeps="x", floating=True, real=True)

def _hardtanh(x: Any, low: Any, high: Any) -> Any:
    out = np.clip(x, low, high)
    return out if x.dtype.kind == "f" else out.astype(x.dtype)


# The slope of softplus: sigmoid, but its own slope has all digits where sigmoid rounds to 1 (and costs more).
logistic = Primitive("logistic", shared(_sigmoid, "sigmoid"), lambda g, out, x: g * (logistic(x) * logistic(-x)),
                     keeps="x", floating=True, real=True)

softsign = Primitive("softsign", lambda x: x / (1 + np.abs(x)), lambda g, out, x: g / np.square(1 + np.abs(x)),
                     keeps="x", floating=True, real=True)

# Piecewise linear functions. What they do with NaN, and at their kinks, is what PyTorch does: relu lets it pass.
relu = Primitive("relu", _relu,
                 lambda g, out, x: _relu_back(g, out) if g.nbytes >= MANY else gate(g, mask=as_array(out != 0)),
                 keeps="out", selects=True, real=True)

hardtanh = Primitive("hardtanh", _hardtanh,
                     lambda g, out, x, low, high: gate(g, mask=as_array((x > low) & (x < high))), keeps="x",
                     selects=True, real=True)

hardswish = Primitive("hardswish", lambda x: x * np.clip(x / 6 + 0.5, 0, 1), _hardswish_vjp, keeps="x",
                      floating=True, real=True)

hardshrink = Primitive("hardshrink", lambda x, width: np.where(np.abs(x) <= width, 0, x),
                       lambda g, out, x, width: gate(g, mask=as_array(np.abs(x) > width)), keeps="x", selects=True,
                       real=True)

softshrink = Primitive("softshrink", lambda x, width: x - np.clip(x, -width, width),
                       lambda g, out, x, width: gate(g, mask=as_array(np.abs(x) > width)), keeps="x", selects=True,
                       real=True)
