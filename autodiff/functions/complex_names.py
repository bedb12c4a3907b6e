"""Complex numbers by PyTorch's names: their parts, conjugates, and angles. A real number is its own conjugate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.dtypes import get_default_dtype
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, ShapeError
from autodiff.functions.arithmetic import where
from autodiff.functions.arrays import array_of, lent, one_dtype
from autodiff.ops import comparison
from autodiff.ops import complex_numbers as primitives
from autodiff.ops.arithmetic import gate
from autodiff.ops.shaping import cast
from autodiff.ops.transcendental import cos, sin

__all__ = [
    "angle", "complex", "conj", "conj_physical", "imag", "is_complex", "is_conj", "is_floating_point", "is_neg",
    "isreal", "polar", "real", "resolve_conj", "resolve_neg", "view_as_complex", "view_as_real",
]  # fmt: skip


def real(input: Any) -> Value:
    """The real parts, a view; of a real tensor the tensor itself.

    >>> import autodiff
    >>> autodiff.real(autodiff.tensor([1 + 2j]))
    tensor([1.])
    """
    return primitives.real_part(input)


def imag(input: Any) -> Value:
    """The imaginary parts, a view; raises DtypeError for a real tensor."""
    if not is_complex(input):
        kind = input.dtype.name
        raise DtypeError(f"imag takes complex numbers, not {kind}: the imaginary part of a real number is 0")
    return primitives.imag(input)


def conj(input: Any) -> Value:
    """The conjugates, a copy (in PyTorch a view); of a real tensor the tensor itself.

    >>> import autodiff
    >>> autodiff.conj(autodiff.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    return primitives.conjugate(input)


conj_physical = conj


def resolve_conj(input: Any) -> Value:
    """The tensor itself: conjugates are computed when they are asked for."""
    return input


resolve_neg = resolve_conj


def angle(input: Any) -> Value:
    """The angle between a complex number and the positive axis, in radians; 0 at 0.

    Of real numbers it is pi where one is negative, 0 where it is not, NaN where it is NaN, and the gradient is 0.
    """
    if is_complex(input):
        return primitives.angle(input)
    x = input if input.dtype.kind == "f" else cast(input, get_default_dtype())
    missing = np.isnan(array_of(x))
    return where(x < 0, math.pi, gate(x, mask=missing))


def complex(real: Any, imag: Any) -> Value:
    """``real + i imag``, of two tensors of one floating dtype; complex64 for half precision, too.

    Raises DtypeError for parts that are not floats of one dtype.

    >>> import autodiff
    >>> autodiff.complex(autodiff.tensor([1.0]), autodiff.tensor([-2.0]))
    tensor([1.-2.j])
    """
    return primitives.complex_(*_floats("complex", real, imag))


def polar(abs: Any, angle: Any) -> Value:
    """The complex numbers of lengths ``abs`` at ``angle`` radians, of two tensors of one floating dtype.

    Raises DtypeError for lengths and angles that are not floats of one dtype.
    """
    abs, angle = map(lent, _floats("polar", abs, angle))
    return primitives.complex_(abs * cos(angle), abs * sin(angle))


def _floats(name: str, *parts: Any) -> tuple[Any, ...]:
    one_dtype(name, *parts)
    if parts[0].dtype.kind != "f":
        raise DtypeError(f"{name} takes floats, not {parts[0].dtype.name}; convert them with .float()")
    return parts


def view_as_real(input: Any) -> Value:
    """Complex numbers (*) as pairs of floats (*, 2) in the same memory; raises DtypeError for real numbers."""
    if not is_complex(input):
        raise DtypeError(f"view_as_real takes complex numbers, not {input.dtype.name}")
    return primitives.view_as_real(input)


def view_as_complex(input: Any) -> Value:
    """Pairs of floats (*, 2) as complex numbers (*) in the same memory.

    Raises:
        DtypeError: the entries are not float32 or float64.
        ShapeError: the last axis is not of 2, or its entries do not lie side by side.
    """
    array = array_of(input)
    if array.dtype.kind != "f" or array.dtype.itemsize < 4:
        raise DtypeError(f"view_as_complex takes pairs of float32 or float64, not {array.dtype}")
    whole = array.dtype.itemsize * 2
    if array.ndim == 0 or array.shape[-1] != 2:
        raise ShapeError(f"view_as_complex takes pairs, the shape (*, 2), not {tuple(array.shape)}")
    apart = array.strides[-1] != array.dtype.itemsize or any(s % whole for s in array.strides[:-1])
    if array.size and apart:
        raise ShapeError("view_as_complex takes pairs that lie side by side in memory; use contiguous() first")
    return primitives.view_as_complex(input)


def is_complex(input: Any) -> bool:
    """Whether the entries are complex."""
    return bool(input.dtype.kind == "c")


def isreal(input: Any) -> Value:
    """Where the imaginary part is 0.

    >>> import autodiff
    >>> autodiff.isreal(autodiff.tensor([1 + 2j, 3]))
    tensor([False,  True])
    """
    return primitives.imag(input) == 0 if is_complex(input) else comparison.eq(input, input) | True


def is_conj(input: Any) -> bool:
    """False: conjugates are computed when they are asked for, not marked."""
    return False


is_neg = is_conj


def is_floating_point(input: Any) -> bool:
    """Whether the entries are floats."""
    return bool(input.dtype.kind == "f")
