"""Primitives that tell the parts of a complex number apart.

A cotangent g of a complex z is that of dL = Re(g dz). So the rule g f'(z) of a function with a complex derivative is
right as it stands, and is the same as for real numbers: only what is here, which has none, has rules of its own. The
gradient that users see is the conjugate of g, as PyTorch's; ``backward`` and hooks convert it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.dtypes import to_complex
from autodiff.engine.primitive import Primitive
from autodiff.kernels.arrays import as_array
from autodiff.kernels.layout import by_first, note, pairs, row_major
from autodiff.ops.shaping import astype


def as_complex(x: Any) -> Any:
    """``x``, an array or a tensor of floats, as complex numbers with the imaginary part 0."""
    return astype(x, dtype=to_complex(x.dtype))


def _of_parts(x: Any, y: Any) -> Any:
    """x + i y, where infinite and NaN parts do not mix."""
    out = np.empty(np.broadcast_shapes(x.shape, y.shape), to_complex(x.dtype), like=as_array(x))
    out.real, out.imag = x, y
    note(out)
    return by_first(out, (x, y))


def _pairs(x: Any) -> Any:
    return pairs(as_array(x))  # of a 0-d array NumPy makes a scalar


def _joined(x: Any) -> Any:
    """The last axis, of two floats, as complex numbers in the same memory where it lies side by side there."""
    x = x if x.strides[-1] == x.itemsize else np.ascontiguousarray(x)
    return x.view(to_complex(x.dtype))[..., 0]


conj = Primitive("conj", np.conjugate, lambda g, out, x: conj(g))

real = Primitive("real", np.real, lambda g, out, x: as_complex(g), view=True)

imag = Primitive("imag", np.imag, lambda g, out, x: g * -1j, view=True)

complex_ = Primitive("complex", _of_parts, lambda g, out, x, y: real(g),
                                          lambda g, out, x, y: -imag(g), promotes=False)


def conjugate(x: Any) -> Any:
    """The conjugate of ``x``, an array or a tensor; of real numbers ``x`` itself, which costs nothing."""
    return conj(x) if x.dtype.kind == "c" else x


def real_part(x: Any) -> Any:
    """The real part of ``x``; of real numbers ``x`` itself."""
    return real(x) if x.dtype.kind == "c" else x


def adjoint(x: Any) -> Any:
    """The conjugate transposes of matrices (..., m, n); of real ones the transposes."""
    return conjugate(x).mT


def hermitian(x: Any) -> Any:
    """The Hermitian part, of which eigenvalues and Cholesky's factor are functions: rounding upsets neither."""
    return (x + adjoint(x)) / 2


def turning(g: Any, unit: Any) -> Any:
    """The cotangent of log z for that of z / |z|: only the part that turns, with d(z / |z|) = i u Im(dz / z)."""
    return real(g * unit * 1j) * -1j


def _unit_z(g: Any, out: Any, z: Any) -> Any:
    """``turning`` over z = u |z|, 0 at 0."""
    return np.where(z == 0, 0, turning(g, out) * conj(out) / np.abs(np.where(z == 0, 1, z)))


# Not np.sign itself, which is the forward of ``sign``: NumPy's name stands for one primitive.
unit = Primitive("unit", lambda z: np.sign(z), _unit_z, keeps="out z")

angle = Primitive("angle", lambda z: row_major(np.angle(z)), lambda g, out, z: g * -1j / z, keeps="z")

view_as_real = Primitive("view_as_real", _pairs, lambda g, out, x: conj(view_as_complex(g)), view=True)

view_as_complex = Primitive("view_as_complex", _joined, lambda g, out, x: view_as_real(conj(g)), view=True)
