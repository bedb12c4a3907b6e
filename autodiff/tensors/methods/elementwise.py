"""Elementwise functions as methods: arithmetic, transcendental and special functions, comparisons."""

from __future__ import annotations

from autodiff.engine.values import TensorBase, Value
from autodiff.functions import activations, arithmetic, comparison, transcendental
from autodiff.functions.old_orders import numbers_first
from autodiff.kinds import refusing
from autodiff.special import functions as special


class ElementwiseMethods(TensorBase):
    """``x.exp()``, ``x.clamp(0, 1)``, ``x.erf()``, ``x.eq(y)``."""

    __slots__ = ()

    add = numbers_first(arithmetic.add)
    sub = subtract = numbers_first(arithmetic.sub)
    mul = multiply = arithmetic.multiply
    div = divide = arithmetic.div
    true_divide = arithmetic.true_divide
    floor_divide = arithmetic.floor_divide
    pow = arithmetic.pow
    float_power = refusing(arithmetic.float_power)
    remainder = arithmetic.remainder
    fmod = arithmetic.fmod
    neg = negative = arithmetic.negative
    positive = arithmetic.positive
    abs = absolute = arithmetic.absolute
    sign = arithmetic.sign
    sgn = arithmetic.sgn
    signbit = arithmetic.signbit
    copysign = arithmetic.copysign
    reciprocal = arithmetic.reciprocal
    square = arithmetic.square
    addcmul = numbers_first(arithmetic.addcmul)
    addcdiv = numbers_first(arithmetic.addcdiv)
    lerp = arithmetic.lerp
    hypot = arithmetic.hypot
    floor = arithmetic.floor
    ceil = arithmetic.ceil
    trunc = fix = arithmetic.trunc
    round = arithmetic.round
    frac = arithmetic.frac
    nan_to_num = arithmetic.nan_to_num
    maximum = arithmetic.maximum
    minimum = arithmetic.minimum
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
    exp = transcendental.exp
    exp2 = transcendental.exp2
    expm1 = transcendental.expm1
    log = transcendental.log
    log1p = transcendental.log1p
    log2 = transcendental.log2
    log10 = transcendental.log10
    logaddexp = transcendental.logaddexp
    logaddexp2 = transcendental.logaddexp2
    xlogy = transcendental.xlogy
    sqrt = transcendental.sqrt
    rsqrt = transcendental.rsqrt
    sin = transcendental.sin
    cos = transcendental.cos
    tan = transcendental.tan
    asin = arcsin = transcendental.asin
    acos = arccos = transcendental.acos
    atan = arctan = transcendental.atan
    atan2 = arctan2 = transcendental.atan2
    sinh = transcendental.sinh
    cosh = transcendental.cosh
    tanh = transcendental.tanh
    asinh = arcsinh = transcendental.asinh
    acosh = arccosh = transcendental.acosh
    atanh = arctanh = transcendental.atanh
    sinc = transcendental.sinc
    sigmoid = transcendental.sigmoid
    relu = transcendental.relu
    logit = transcendental.logit
    prelu = refusing(activations.prelu)
    hardshrink = refusing(activations.hardshrink)

    erf = special.erf
    erfc = special.erfc
    erfinv = special.erfinv
    lgamma = special.lgamma
    digamma = special.digamma
    i0 = special.i0
    igamma = special.gammainc
    igammac = special.gammaincc
    mvlgamma = special.multigammaln

    eq = comparison.eq
    ne = not_equal = comparison.ne
    lt = less = comparison.lt
    le = less_equal = comparison.le
    gt = greater = comparison.gt
    ge = greater_equal = comparison.ge
    isposinf = comparison.isposinf
    isneginf = comparison.isneginf
    isnan = comparison.isnan
    isinf = comparison.isinf
    isfinite = comparison.isfinite
    logical_and = comparison.logical_and
    logical_or = comparison.logical_or
    logical_not = comparison.logical_not
    logical_xor = comparison.logical_xor
    bitwise_and = comparison.bitwise_and
    bitwise_or = comparison.bitwise_or
    bitwise_xor = comparison.bitwise_xor
    bitwise_not = comparison.bitwise_not
    bitwise_left_shift = comparison.bitwise_left_shift
    bitwise_right_shift = comparison.bitwise_right_shift
    gcd = comparison.gcd
    lcm = comparison.lcm
    is_nonzero = comparison.is_nonzero
    is_same_size = comparison.is_same_size
    is_signed = comparison.is_signed
    isclose = refusing(comparison.isclose)
    allclose = refusing(comparison.allclose)
    equal = comparison.equal

    def polygamma(self, n: int) -> Value:
        """The ``n``-th derivative of ``digamma``."""
        return special.polygamma(n, self)
