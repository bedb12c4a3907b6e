"""Arithmetic by PyTorch's names; an operation without arguments of its own is a row: its primitive and its words."""

from __future__ import annotations

import math
from typing import Any, overload

import numpy as np

from autodiff import return_types
from autodiff.dtypes import get_default_dtype, result_dtype
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError
from autodiff.functions.arrays import array_of, on_arrays, real_only
from autodiff.functions.axes import also_called
from autodiff.functions.indexing import nonzero
from autodiff.functions.public import as_function, of_base, of_one, of_two
from autodiff.kernels.arrays import as_array
from autodiff.ops import arithmetic as primitives
from autodiff.ops import lengths
from autodiff.ops.complex_numbers import unit
from autodiff.ops.shaping import astype, cast, copy

__all__ = [
    "abs", "absolute", "add", "addcdiv", "addcmul", "ceil", "clamp", "clamp_max", "clamp_min", "clip", "copysign",
    "deg2rad", "div", "divide", "fix", "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod", "frac", "frexp",
    "heaviside", "hypot", "ldexp", "lerp", "maximum", "minimum", "mul", "multiply", "nan_to_num", "neg", "negative",
    "nextafter", "positive", "pow", "rad2deg", "reciprocal", "remainder", "round", "rsub", "sgn", "sign", "signbit",
    "square", "sub", "subtract", "true_divide", "trunc", "where",
]

Number = (int, float, complex, np.generic)

absolute = abs = as_function(lengths.absolute, of_one, "The size of each entry, a real number; the gradient at 0 is 0.")
copysign = as_function(primitives.copysign, of_two, "The size of ``input`` with the sign of ``other``, broadcast.")
fmod = as_function(
    primitives.fmod, of_two, "The remainder of ``input / other``, broadcast, with the sign of ``input``.")
hypot = as_function(lengths.hypot, of_two, "The length ``(input**2 + other**2).sqrt()``, broadcast; 0 has gradient 0.")
maximum = as_function(
    primitives.maximum, of_two, "The greater of two entries, broadcast, and NaN of NaN; equals share the gradient.")
minimum = as_function(
    primitives.minimum, of_two, "The smaller of two entries, broadcast, and NaN of NaN; equals share the gradient.")
multiply = mul = as_function(primitives.multiply, of_two, "``input * other``, broadcast.")
negative = neg = as_function(primitives.negative, of_one, "``-input``.")
pow = as_function(primitives.power, of_base, "``input`` to the power of ``exponent``, broadcast.", "pow")
remainder = as_function(
    primitives.remainder, of_two, "The remainder of ``input / other``, broadcast, with the sign of ``other``.")
sign = as_function(primitives.sign, of_one, "-1, 0 or 1, as the entry is below, at or above 0; the gradient is 0.")
square = as_function(primitives.square, of_one, "``input**2``.")


def sgn(input: Any) -> Value:
    """-1, 0 or 1, of a complex number the number of length 1 in its direction; 0 of 0.

    The gradient of real numbers is 0.
    """
    return unit(input) if input.dtype.kind == "c" else primitives.sign(input)


def add(input: Any, other: Any, *, alpha: float = 1) -> Value:
    """``input + alpha * other``, broadcast.

    >>> import autodiff
    >>> autodiff.add(autodiff.tensor([1.0, 2.0]), 1, alpha=10)
    tensor([11., 12.])
    """
    return primitives.add(input, other if alpha == 1 else other * alpha)


def sub(input: Any, other: Any, *, alpha: float = 1) -> Value:
    """``input - alpha * other``, broadcast."""
    return primitives.subtract(input, _scaled(other, alpha))


subtract = sub


def rsub(input: Any, other: Any, *, alpha: float = 1) -> Value:
    """``other - alpha * input``, broadcast."""
    return primitives.subtract(other, _scaled(input, alpha))


def _scaled(x: Any, alpha: float) -> Any:
    """``alpha * x``; booleans as they are, for the subtraction to refuse."""
    return x if alpha == 1 or getattr(x, "dtype", None) == np.bool_ else x * alpha


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Value:
    """``input / other``, broadcast; with ``rounding_mode`` "floor" or "trunc" rounded down, or towards zero.

    Rounded, integers stay integers, and the gradient is 0.

    Raises OptionError for another ``rounding_mode``.

    >>> import autodiff
    >>> autodiff.div(autodiff.tensor([-7, 7]), 2, rounding_mode="trunc")
    tensor([-3,  3])
    """
    if rounding_mode is None:
        return primitives.divide(input, other)
    if rounding_mode not in ("floor", "trunc"):
        raise OptionError(f'rounding_mode is None, "floor" or "trunc", not {rounding_mode!r}')
    return (primitives.floor_divide if rounding_mode == "floor" else primitives.trunc_divide)(input, other)


divide = div


@also_called(dividend="input", divisor="other")
def true_divide(input: Any, other: Any) -> Value:
    """``input / other``, broadcast."""
    return primitives.divide(input, other)


def floor_divide(input: Any, other: Any) -> Value:
    """``input / other`` rounded down; the gradient is 0."""
    return primitives.floor_divide(input, other)


def reciprocal(input: Any) -> Value:
    """``1 / input``."""
    return primitives.reciprocal(input)


def positive(input: Any) -> Value:
    """The tensor itself; raises DtypeError for booleans."""
    if input.dtype.kind == "b":
        raise DtypeError("positive takes numbers, not booleans")
    return input


def float_power(input: Any, exponent: Any) -> Value:
    """``input`` to the power of ``exponent``, both in float64, or complex128."""
    return primitives.power(*map(_double, (input, exponent)))


def _double(x: Any) -> Any:
    """``x`` in double precision."""
    if not hasattr(x, "dtype"):
        return x if isinstance(x, complex) else float(x)
    return cast(x, np.dtype(np.complex128 if x.dtype.kind == "c" else np.float64))


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Value:
    """``input + value * tensor1 * tensor2``, broadcast."""
    return add(input, primitives.multiply(tensor1, tensor2), alpha=value)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Value:
    """``input + value * tensor1 / tensor2``, broadcast."""
    return add(input, primitives.divide(tensor1, tensor2), alpha=value)


def lerp(input: Any, end: Any, weight: Any) -> Value:
    """``input + weight * (end - input)``: from one to the other as ``weight`` goes from 0 to 1, where it is ``end``.

    As in PyTorch it is computed from the nearer of both, so that rounding leaves ``end`` as it is.
    """
    step, is_nearer = end - input, np.abs(array_of(weight)) < 0.5
    if isinstance(weight, Number):
        return input + weight * step if is_nearer else end - (1 - weight) * step  # type: ignore[operator]
    return where(is_nearer, input, end) - where(is_nearer, -weight, 1 - weight) * step


def deg2rad(input: Any) -> Value:
    """Degrees as radians."""
    return primitives.multiply(input, math.pi / 180)


def rad2deg(input: Any) -> Value:
    """Radians as degrees."""
    return primitives.multiply(input, 180 / math.pi)


def _stepwise(primitive: Any, input: Any, **params: Any) -> Any:
    """A ``primitive`` that rounds, and refuses complex numbers; integers are round already, and are copied."""
    return primitive(input, **params) if array_of(input).dtype.kind in "fc" else copy(input)


def floor(input: Any) -> Value:
    """The next whole number below; the gradient is 0."""
    return _stepwise(primitives.floor, input)


def ceil(input: Any) -> Value:
    """The next whole number above; the gradient is 0."""
    return _stepwise(primitives.ceil, input)


def trunc(input: Any) -> Value:
    """The next whole number towards zero; the gradient is 0."""
    return _stepwise(primitives.trunc, input)


fix = trunc


def round(input: Any, *, decimals: int = 0) -> Value:
    """The nearest number of ``decimals`` digits behind the point, halves to the even one; the gradient is 0.

    >>> import autodiff
    >>> autodiff.round(autodiff.tensor([1234.5678]), decimals=-2)
    tensor([1200.])
    """
    return _stepwise(primitives.round_, input, decimals=decimals)


@real_only
def frac(input: Any) -> Value:
    """The fractional part, ``input - trunc(input)``; the gradient is 1."""
    return primitives.subtract(input, trunc(input))


def nan_to_num(input: Any, nan: float | None = None, posinf: Any = None, neginf: Any = None) -> Value:
    """``input`` with 0 (or ``nan``) for NaN and the largest numbers (or those given) for infinities."""
    x = array_of(input)
    replaced = np.nan_to_num(x, True, 0.0 if nan is None else nan, posinf, neginf)
    return primitives.where(input, replaced, condition=np.isfinite(x))


def fmax(input: Any, other: Any) -> Value:
    """The greater of two entries, or the one that is a number; equals are taken from ``input``."""
    return where((input >= other) | (other != other), input, other)


def fmin(input: Any, other: Any) -> Value:
    """The smaller of two entries, or the one that is a number; equals are taken from ``input``."""
    return where((input <= other) | (other != other), input, other)


def ldexp(input: Any, other: Any) -> Value:
    """``input * 2**other``, in the dtype of ``input`` where ``other`` is whole."""
    result = primitives.multiply(input, primitives.power(2.0, other))
    whole = input.dtype.kind == "f" and getattr(other, "dtype", input.dtype).kind in "biu"
    return cast(result, input.dtype) if whole and result.dtype != input.dtype else result


def frexp(input: Any) -> return_types.frexp:
    """``input`` as a mantissa, at least 1/2 and below 1 in size, and an exponent of 2."""
    return return_types.frexp(primitives.mantissa(input), _exponent(input))


@on_arrays
def _exponent(input: Any) -> Any:
    return np.frexp(input)[1]


@on_arrays
@real_only
def heaviside(input: Any, values: Any) -> Value:
    """0 below zero, 1 above, ``values`` at zero; without a gradient."""
    return np.heaviside(input, values).astype(input.dtype)


def nextafter(input: Any, other: Any) -> Value:
    """The next number that the dtype has from ``input`` towards ``other``; it moves with ``input`` alone."""
    return primitives.nextafter(input, other)


@on_arrays
@real_only
def signbit(input: Any) -> Value:
    """Whether the sign is minus, that of -0.0 too."""
    return np.signbit(input) if input.dtype.kind == "f" else input < 0


def clamp(input: Any, min: Any = None, max: Any = None) -> Value:
    """``input`` held between ``min`` and ``max``, either of which may be missing.

    With numbers the gradient is 1 inside and at a bound, 0 outside; a bound that is a tensor gets the rest. Where the
    entry or a bound is NaN, so is the result, which has no gradient there.

    Raises DtypeError without a bound.

    >>> import autodiff
    >>> autodiff.clamp(autodiff.tensor([-2.0, 0.5, 2.0]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise DtypeError("clamp needs min, max or both")
    min, max = (bound.item() if isinstance(bound, np.generic) else bound for bound in (min, max))
    if isinstance(min, (int, float, type(None))) and isinstance(max, (int, float, type(None))):
        if input.dtype.kind not in "fc" and (isinstance(min, float) or isinstance(max, float)):
            input = astype(input, dtype=get_default_dtype())
        return primitives.clip(input, low=min, high=max)
    if min is not None:
        input = _held(input, min, input < min, input >= min)
    return input if max is None else _held(input, max, input > max, input <= max)


def _held(x: Any, bound: Any, is_beyond: Any, is_within: Any) -> Any:
    """``bound`` where ``x`` is beyond it, ``x`` where it is within, and NaN where it is neither."""
    out = where(is_beyond, bound, x)
    return where(is_beyond | is_within, out, math.nan) if out.dtype.kind == "f" else out


clip = clamp


def clamp_min(input: Any, min: Any) -> Value:
    """``input`` held at or above ``min``."""
    return clamp(input, min=min)


def clamp_max(input: Any, max: Any) -> Value:
    """``input`` held at or below ``max``."""
    return clamp(input, max=max)


@overload
def where(condition: Any) -> tuple[Value, ...]: ...
@overload
def where(condition: Any, input: Any, other: Any) -> Value: ...
def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """``input`` where ``condition`` holds and ``other`` elsewhere, broadcast; the side not taken gets no gradient.

    Of ``condition`` alone it gives the positions where it holds, ``nonzero(condition, as_tuple=True)``.

    Raises DtypeError for a condition that is not boolean.

    >>> import autodiff
    >>> x = autodiff.tensor([0.0, 4.0], requires_grad=True)
    >>> autodiff.where(x > 0, x.sqrt(), 0.0).sum().backward()
    >>> x.grad
    tensor([0.0000, 0.2500])
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    mask = as_array(array_of(condition))
    if mask.dtype != np.bool_:
        raise DtypeError(f"where needs a condition of booleans, not of {mask.dtype.name}; compare first, as in x > 0")
    if isinstance(input, Number) and isinstance(other, Number):
        input = as_array(input, result_dtype(input, other))
    record = getattr(condition, "__primitive__", None)  # a tensor chooses between arrays and numbers too
    if record is not None:
        return record(primitives.where, (input, other), {"condition": mask})
    return primitives.where(input, other, condition=mask)
