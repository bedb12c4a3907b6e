"""Elementwise functions as methods: arithmetic, transcendental and special functions, comparisons."""

from __future__ import annotations

from autodiff.engine.values import TensorBase, Value
from autodiff.functions import arithmetic, comparison, transcendental
from autodiff.special import functions as special
from autodiff.tensors.methods.wrappers import method


class ElementwiseMethods(TensorBase):
    """``x.exp()``, ``x.clamp(0, 1)``, ``x.erf()``, ``x.eq(y)``."""

    __slots__ = ()

    add = arithmetic.add
    sub = subtract = arithmetic.sub
    mul = multiply = method(arithmetic.multiply)
    div = divide = arithmetic.div
    true_divide = arithmetic.true_divide
    floor_divide = arithmetic.floor_divide
    pow = method(arithmetic.pow)
    float_power = arithmetic.float_power
    remainder = method(arithmetic.remainder)
    fmod = method(arithmetic.fmod)
    neg = negative = method(arithmetic.negative)
    positive = arithmetic.positive
    abs = absolute = method(arithmetic.absolute)
    sign = sgn = method(arithmetic.sign)
    signbit = arithmetic.signbit
    copysign = method(arithmetic.copysign)
    reciprocal = arithmetic.reciprocal
    square = method(arithmetic.square)
    addcmul = arithmetic.addcmul
    addcdiv = arithmetic.addcdiv
    lerp = arithmetic.lerp
    hypot = method(arithmetic.hypot)
    floor = arithmetic.floor
    ceil = arithmetic.ceil
    trunc = fix = arithmetic.trunc
    round = arithmetic.round
    frac = arithmetic.frac
    nan_to_num = arithmetic.nan_to_num
    maximum = method(arithmetic.maximum)
    minimum = method(arithmetic.minimum)
    fmax = arithmetic.fmax
    fmin = arithmetic.fmin
    clamp = clip = arithmetic.clamp
    clamp_min = arithmetic.clamp_min
    clamp_max = arithmetic.clamp_max
    deg2rad = arithmetic.deg2rad
    rad2deg = arithmetic.rad2deg
    ldexp = arithmetic.ldexp
    frexp = arithmetic.frexp
    heaviside = arithmetic.heaviside
    nextafter = arithmetic.nextafter
    exp = method(transcendental.exp)
    exp2 = method(transcendental.exp2)
    expm1 = method(transcendental.expm1)
    log = method(transcendental.log)
    log1p = method(transcendental.log1p)
    log2 = method(transcendental.log2)
    log10 = method(transcendental.log10)
    logaddexp = method(transcendental.logaddexp)
    logaddexp2 = method(transcendental.logaddexp2)
    xlogy = method(transcendental.xlogy)
    sqrt = method(transcendental.sqrt)
    rsqrt = method(transcendental.rsqrt)
    sin = method(transcendental.sin)
    cos = method(transcendental.cos)
    tan = method(transcendental.tan)
    asin = arcsin = method(transcendental.asin)
    acos = arccos = method(transcendental.acos)
    atan = arctan = method(transcendental.atan)
    atan2 = arctan2 = method(transcendental.atan2)
    sinh = method(transcendental.sinh)
    cosh = method(transcendental.cosh)
    tanh = method(transcendental.tanh)
    asinh = arcsinh = method(transcendental.asinh)
    acosh = arccosh = method(transcendental.acosh)
    atanh = arctanh = method(transcendental.atanh)
    sinc = method(transcendental.sinc)
    sigmoid = method(transcendental.sigmoid)
    relu = method(transcendental.relu)
    logit = transcendental.logit

    erf = method(special.erf)
    erfc = method(special.erfc)
    erfinv = method(special.erfinv)
    lgamma = method(special.lgamma)
    digamma = method(special.digamma)
    i0 = special.i0
    mvlgamma = special.multigammaln

    eq = method(comparison.eq)
    ne = method(comparison.ne)
    lt = method(comparison.lt)
    le = method(comparison.le)
    gt = method(comparison.gt)
    ge = method(comparison.ge)
    isnan = method(comparison.isnan)
    isinf = method(comparison.isinf)
    isfinite = method(comparison.isfinite)
    logical_and = method(comparison.logical_and)
    logical_or = method(comparison.logical_or)
    logical_not = method(comparison.logical_not)
    logical_xor = method(comparison.logical_xor)
    bitwise_and = method(comparison.bitwise_and)
    bitwise_or = method(comparison.bitwise_or)
    bitwise_xor = method(comparison.bitwise_xor)
    bitwise_not = method(comparison.bitwise_not)
    isclose = comparison.isclose
    allclose = comparison.allclose
    equal = comparison.equal

    def polygamma(self, n: int) -> Value:
        """The ``n``-th derivative of ``digamma``."""
        return special.polygamma(n, self)
