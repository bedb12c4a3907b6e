"""Elementwise functions as methods."""

from __future__ import annotations

from autodiff.functions import arithmetic, transcendental
from autodiff.tensors.methods.rows import method


class ArithmeticMethods:
    """``x.exp()``, ``x.clamp(0, 1)``."""

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
