"""Primitives of arithmetic: sums, products, powers, selections. Kinks follow one table, here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.errors import AutodiffError
from autodiff.kernels.arrays import as_array
from autodiff.kernels.layout import by_first, row_major, unusual
from autodiff.ops.arrays import detached

Number = (int, float, complex)


def _log_of_number(x: Any) -> Any:
    """log x, -inf of 0, NaN of a negative number that is not complex."""
    if isinstance(x, complex):
        return np.log(x)
    return math.log(x) if x > 0 else -math.inf if x == 0 else math.nan


def _power(x: Any, y: Any) -> Any:
    """x^y; the square by its own ufunc, which is faster."""
    try:
        if isinstance(y, Number):
            return np.square(x) if y == 2 and x.dtype.kind in "fc" else np.power(x, y)
        if isinstance(x, Number):
            return row_major(np.power(x, y))
        return by_first(np.power(x, y), (x, y)) if unusual else np.power(x, y)
    except (ValueError, OverflowError) as error:
        if _is_whole(x) and _is_whole(y) and np.any(np.less(y, 0)):
            raise TypeError("Integers to negative integer powers are not allowed; convert with .float()") from error
        raise


def _power_base(g: Any, out: Any, x: Any, y: Any) -> Any:
    if not isinstance(y, Number):
        c = g * (y * x ** (y - 1))
        return np.where((y == 0) & (c != c), 0, c)  # 0 times an infinity; elsewhere its slope by y is 1/x
    return g * (y * (x if y == 2 else x ** (y - 1))) if y else zero_vjp(g)


def _power_exponent(g: Any, out: Any, x: Any, y: Any) -> Any:
    if isinstance(x, Number):
        c = g * out * _log_of_number(x)
        return np.where(y >= 0, 0, c) if x == 0 else c  # 0**y is 0 for all y > 0
    return np.where((x == 0) & (y.real >= 0), 0, g * out * np.log(x))


_BITS = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}


def _power_of_two(x: Any, mantissa: Any) -> Any:
    """What a number was multiplied by to give its mantissa: a constant."""
    return np.where(x == 0, 1, mantissa / x)


def _gate(x: Any, mask: Any) -> Any:
    """``x`` where ``mask`` holds and 0 elsewhere, where ``x`` is inf or NaN too: 0 times its bits is 0.

    ``np.where`` says the same but is slow on a random mask.
    """
    if x.dtype.kind == "c":
        return np.where(mask, x, 0)
    return np.multiply(x.view(_BITS[x.itemsize]), mask).view(x.dtype)


gate = Primitive("gate", _gate, lambda g, out, x, mask: gate(g, mask=mask), selects=True)


def zero_vjp(g: Any, *_: Any, **params: Any) -> Any:
    """The VJP of a function that is constant, or changes only in steps: zeros like ``g``."""
    return gate(g, mask=as_array(False))


def _winner(g: Any, not_ahead: Any, tie: Any) -> Any:
    """``g`` to the one ahead, half to each of equals, and, as PyTorch's, all of it to both beside NaN."""
    return gate(g, mask=~as_array(not_ahead)) + gate(g * 0.5, mask=as_array(tie))


class _DivisionByZeroError(AutodiffError, ZeroDivisionError, RuntimeError):
    """Integers divided by 0; RuntimeError is what PyTorch raises."""


def _is_whole(x: Any) -> bool:
    return x.dtype.kind not in "fc" if hasattr(x, "dtype") else isinstance(x, int)


def _divides(forward: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """``forward``, a division that leaves integers integers, which have no number for a division by 0."""

    @wraps(forward)
    def divide(x: Any, y: Any) -> Any:
        if _is_whole(x) and _is_whole(y) and not np.all(y):
            raise _DivisionByZeroError("integers are divided by 0; convert them with .float() for inf and NaN")
        return forward(x, y)

    return divide


@wraps(np.sign)
def _sign(x: Any) -> Any:
    return np.logical_or(x, False) if x.dtype.kind == "b" else np.sign(x)


add = Primitive("add", np.add, lambda g, out, x, y: g,
                               lambda g, out, x, y: g)

# As in PyTorch and NumPy booleans are not subtracted: ~ inverts a mask.
subtract = Primitive("subtract", np.subtract, lambda g, out, x, y: g,
                                              lambda g, out, x, y: -g, promotes="iufc")

multiply = Primitive("multiply", np.multiply, lambda g, out, x, y: g * y,
                                              lambda g, out, x, y: g * x, keeps=("y", "x"))

divide = Primitive("divide", np.divide, lambda g, out, x, y: g / y,
                                        lambda g, out, x, y: -g * (x / y) / y, keeps=("y", "x y"),
                   floating=True)

reciprocal = Primitive("reciprocal", lambda x: 1 / x, lambda g, out, x: -g * out * out, keeps="out", floating=True)

power = Primitive("power", _power, _power_base, _power_exponent, keeps=("x y", "out x y"),
                  counts=True)

maximum = Primitive("maximum", np.maximum, lambda g, out, x, y: _winner(g, x <= y, x == y),
                                           lambda g, out, x, y: _winner(g, y <= x, x == y), keeps="x y", selects=True,
                                           real=True)

minimum = Primitive("minimum", np.minimum, lambda g, out, x, y: _winner(g, x >= y, x == y),
                                           lambda g, out, x, y: _winner(g, y >= x, x == y), keeps="x y", selects=True,
                                           real=True)

negative = Primitive("negative", np.negative, lambda g, out, x: -g)

square = Primitive("square", np.square, lambda g, out, x: g * 2 * x, keeps="x", counts=True)

sign = Primitive("sign", _sign, zero_vjp, real=True)

nextafter = Primitive("nextafter", np.nextafter, lambda g, out, x, y: g, zero_vjp, floating=True, real=True)

floor = Primitive("floor", np.floor, zero_vjp, real=True)

ceil = Primitive("ceil", np.ceil, zero_vjp, real=True)

trunc = Primitive("trunc", np.trunc, zero_vjp, real=True)

round_ = Primitive("round", lambda x, decimals: np.round(x, decimals), zero_vjp, real=True)

floor_divide = Primitive("floor_divide", _divides(np.floor_divide), zero_vjp, zero_vjp, counts=True, real=True)

trunc_divide = Primitive("trunc_divide", _divides(lambda x, y: _trunc_divide(x, y)), zero_vjp, zero_vjp,
                         counts=True, real=True)

remainder = Primitive("remainder", _divides(np.remainder),
                      lambda g, out, x, y: g,
                      lambda g, out, x, y: -g * floor_divide(x, y), keeps=("", "x y"), counts=True, real=True)

fmod = Primitive("fmod", _divides(np.fmod),
                 lambda g, out, x, y: g,
                 lambda g, out, x, y: -g * trunc_divide(x, y), keeps=("", "x y"), counts=True, real=True)

copysign = Primitive("copysign", np.copysign, lambda g, out, x, y: g * (np.sign(x) * np.sign(out)),
                                              zero_vjp, keeps=("out x", ""), floating=True, real=True)

mantissa = Primitive("mantissa", lambda x: np.frexp(x)[0],
                     lambda g, out, x: g * _power_of_two(detached(x), detached(out)), keeps="out x", floating=True,
                     real=True, lends="x")

clip = Primitive("clip", lambda x, low, high: np.clip(x, low, high),
                 lambda g, out, x, low, high: gate(g, mask=as_array(_inside(x, low, high))), keeps="x", selects=True,
                 real=True)

def _where(x: Any, y: Any, condition: Any) -> Any:
    out = np.where(condition, x, y)
    return by_first(out, (condition, x, y)) if unusual else out


where = Primitive("where", _where,
                  lambda g, out, x, y, condition: gate(g, mask=condition),
                  lambda g, out, x, y, condition: gate(g, mask=~condition), selects=True)


def _trunc_divide(x: Any, y: Any) -> Any:
    """``x / y`` rounded towards zero, for integers without leaving them."""
    if np.result_type(x, y).kind == "f":
        out = np.trunc(np.divide(x, y))
        return by_first(out, (x, y)) if unusual else out
    whole = np.floor_divide(x, y)
    return whole + ((whole < 0) & (whole * y != x))


def _inside(x: Any, low: Any, high: Any) -> Any:
    """Where ``x`` is within the bounds that are given, the bounds included."""
    return (True if low is None else x >= low) & (True if high is None else x <= high)
