"""Discrete Fourier transforms: of complex numbers, of real ones, and the one that gives real ones.

A transform is a symmetric matrix, so that its transpose, which a cotangent takes, is the same transform: same sign of
the exponent, same factor. A real signal has a spectrum whose second half is the conjugate of the first, and half of it
is kept. What stands for two frequencies there counts twice in the signal, and in the transpose of what leaves it out.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.kernels.layout import note
from autodiff.ops.shaping import astype

Axes = tuple[int, ...]
Norm = Literal["backward", "ortho", "forward"] | None


def _laid_out(x: Any, axes: Axes) -> tuple[Any, list[int]]:
    """``x`` with ``axes`` behind the others, the slowest of these first, row by row; and the way back.

    A transform runs along memory. Its result lies so, as PyTorch's does.
    """
    order = [*_slowest_first(x, [a for a in range(x.ndim) if a not in axes]), *axes]
    return np.ascontiguousarray(x.transpose(order)), [order.index(a) for a in range(x.ndim)]


def _slowest_first(x: Any, axes: Any) -> list[int]:
    return sorted(axes, key=lambda a: -x.strides[a])


def _divided(x: Any, n: int, inverse: bool, norm: Norm) -> tuple[Norm, int]:
    """The norm to ask NumPy for, and by what to multiply what it gives.

    A result that is not divided, NumPy multiplies by the integer 1, which is no float32: it computes in long double
    then, ten times as slow. So single precision is divided by ``n``, and multiplied again.
    """
    if x.dtype.char not in "fF" or norm == "ortho" or (norm == "forward") is not inverse:
        return norm, 1
    return ("backward" if inverse else "forward"), n


def _of_complex(x: Any, axes: Axes, inverse: bool, norm: Norm) -> Any:
    y, back = _laid_out(x, tuple(_slowest_first(x, axes)))
    norm, times = _divided(x, math.prod(y.shape[-len(axes) :]), inverse, norm)
    out = (np.fft.ifftn if inverse else np.fft.fftn)(y, axes=range(-len(axes), 0), norm=norm)
    return _given_back(out, times, back)


def _of_real(x: Any, axes: Axes, inverse: bool, norm: Norm) -> Any:
    if inverse and len(axes) > 1:
        return _of_complex(_of_real(x, axes[-1:], inverse, norm), axes[:-1], inverse, norm)
    y, back = _laid_out(x, (*_slowest_first(x, axes[:-1]), axes[-1]))
    norm, times = _divided(x, math.prod(y.shape[-len(axes) :]), inverse, norm)
    out = np.fft.ihfft(y, norm=norm) if inverse else np.fft.rfftn(y, axes=range(-len(axes), 0), norm=norm)
    return _given_back(out, times, back)


def _to_real(x: Any, axes: Axes, n: int, inverse: bool, norm: Norm) -> Any:
    y, back = _laid_out(_of_complex(x, axes[:-1], inverse, norm) if len(axes) > 1 else x, axes[-1:])
    norm, times = _divided(x, n, inverse, norm)
    return _given_back((np.fft.irfft if inverse else np.fft.hfft)(y, n, norm=norm), times, back)


def _given_back(x: Any, times: int, back: list[int]) -> Any:
    """``x`` multiplied, its axes where they were."""
    if times != 1:
        x *= times
    note(out := x.transpose(back))
    return out


def _per_frequency(between: float, n: int, axis: int, g: Any) -> Any:
    """What the first half of ``n`` frequencies along ``axis`` of ``g`` is multiplied by: 1 where it has no conjugate.

    That is at 0, and at n / 2 where ``n`` is even; ``between`` elsewhere.
    """
    factors = np.full((n // 2 + 1, *(1,) * (g.ndim - 1 - axis)), between, np.float32)  # exact in every precision
    factors[0] = 1
    if n % 2 == 0:
        factors[-1] = 1
    return factors


def _of_real_x(g: Any, out: Any, x: Any, axes: Axes, **how: Any) -> Any:
    n = x.shape[axes[-1]]
    return fft_to_real(g * _per_frequency(0.5, n, axes[-1], g), axes=axes, n=n, **how)


def _to_real_x(g: Any, out: Any, x: Any, axes: Axes, n: int, **how: Any) -> Any:
    return fft_of_real(g, axes=axes, **how) * _per_frequency(2, n, axes[-1], g)


def _fft_x(g: Any, out: Any, x: Any, **how: Any) -> Any:
    found = fft(g, **how)
    return found if x.dtype.kind == "c" else astype(found, dtype=x.dtype)


fft = Primitive("fft", _of_complex, _fft_x)

# The first half along the last of the axes.
fft_of_real = Primitive("fft_of_real", _of_real, _of_real_x)

# Of such a half, whose entries without a conjugate count by their real parts, to ``n`` real numbers.
fft_to_real = Primitive("fft_to_real", _to_real, _to_real_x)
