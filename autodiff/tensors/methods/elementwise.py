"""Elementwise functions as methods: arithmetic, transcendental and special functions, comparisons."""

from __future__ import annotations

from autodiff.engine.values import TensorBase, Value
from autodiff.functions import arithmetic, comparison, transcendental
from autodiff.functions.public import as_function
from autodiff.kinds import refusing
from autodiff.special import functions as special


class ElementwiseMethods(TensorBase):
    """``x.exp()``, ``x.clamp(0, 1)``, ``x.erf()``, ``x.eq(y)``."""

    __slots__ = ()

    add = arithmetic.add
    sub = subtract = arithmetic.sub
    mul = multiply = as_function(arithmetic.multiply)
    div = divide = arithmetic.div
    true_divide = arithmetic.true_divide
    floor_divide = arithmetic.floor_divide
    pow = as_function(arithmetic.pow)
    float_power = refusing(arithmetic.float_power)
    remainder = as_function(arithmetic.remainder)
    fmod = as_function(arithmetic.fmod)
    neg = negative = as_function(arithmetic.negative)
    positive = arithmetic.positive
    abs = absolute = as_function(arithmetic.absolute)
    sign = as_function(arithmetic.sign)
    sgn = arithmetic.sgn
    signbit = arithmetic.signbit
    copysign = as_function(arithmetic.copysign)
    reciprocal = arithmetic.reciprocal
    square = as_function(arithmetic.square)
    addcmul = arithmetic.addcmul
    addcdiv = arithmetic.addcdiv
    lerp = arithmetic.lerp
    hypot = as_function(arithmetic.hypot)
    floor = arithmetic.floor
    ceil = arithmetic.ceil
    trunc = fix = arithmetic.trunc
    round = arithmetic.round
    frac = arithmetic.frac
    nan_to_num = arithmetic.nan_to_num
    maximum = as_function(arithmetic.maximum)
    minimum = as_function(arithmetic.minimum)
    fmax = arithmetic.fmax
    fmin = arithmetic.fmin
    clamp = clip = arithmetic.clamp
    clamp_min = arithmetic.clamp_min
    clamp_max = arithmetic.clamp_max
    deg2rad = arithmetic.deg2rad
    rad2deg = arithmetic.rad2deg
    ldexp = arithmetic.ldexp
    frexp = arithmetic.frexp
    heaviside = refusing(arithmetic.heaviside)
    nextafter = arithmetic.nextafter
    exp = as_function(transcendental.exp)
    exp2 = as_function(transcendental.exp2)
    expm1 = as_function(transcendental.expm1)
    log = as_function(transcendental.log)
    log1p = as_function(transcendental.log1p)
    log2 = as_function(transcendental.log2)
    log10 = as_function(transcendental.log10)
    logaddexp = as_function(transcendental.logaddexp)
    logaddexp2 = as_function(transcendental.logaddexp2)
    xlogy = as_function(transcendental.xlogy)
    sqrt = as_function(transcendental.sqrt)
    rsqrt = as_function(transcendental.rsqrt)
    sin = as_function(transcendental.sin)
    cos = as_function(transcendental.cos)
    tan = as_function(transcendental.tan)
    asin = arcsin = as_function(transcendental.asin)
    acos = arccos = as_function(transcendental.acos)
    atan = arctan = as_function(transcendental.atan)
    atan2 = arctan2 = as_function(transcendental.atan2)
    sinh = as_function(transcendental.sinh)
    cosh = as_function(transcendental.cosh)
    tanh = as_function(transcendental.tanh)
    asinh = arcsinh = as_function(transcendental.asinh)
    acosh = arccosh = as_function(transcendental.acosh)
    atanh = arctanh = as_function(transcendental.atanh)
    sinc = as_function(transcendental.sinc)
    sigmoid = as_function(transcendental.sigmoid)
    relu = as_function(transcendental.relu)
    logit = transcendental.logit

    erf = as_function(special.erf)
    erfc = as_function(special.erfc)
    erfinv = as_function(special.erfinv)
    lgamma = as_function(special.lgamma)
    digamma = as_function(special.digamma)
    i0 = special.i0
    mvlgamma = special.multigammaln

    eq = as_function(comparison.eq)
    ne = as_function(comparison.ne)
    lt = as_function(comparison.lt)
    le = as_function(comparison.le)
    gt = as_function(comparison.gt)
    ge = as_function(comparison.ge)
    isnan = as_function(comparison.isnan)
    isinf = as_function(comparison.isinf)
    isfinite = as_function(comparison.isfinite)
    logical_and = as_function(comparison.logical_and)
    logical_or = as_function(comparison.logical_or)
    logical_not = as_function(comparison.logical_not)
    logical_xor = as_function(comparison.logical_xor)
    bitwise_and = as_function(comparison.bitwise_and)
    bitwise_or = as_function(comparison.bitwise_or)
    bitwise_xor = as_function(comparison.bitwise_xor)
    bitwise_not = as_function(comparison.bitwise_not)
    isclose = refusing(comparison.isclose)
    allclose = refusing(comparison.allclose)
    equal = comparison.equal

    def polygamma(self, n: int) -> Value:
        """The ``n``-th derivative of ``digamma``."""
        return special.polygamma(n, self)
