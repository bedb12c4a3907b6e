"""Transforms along one axis, by the names of ``torch.fft``.

All take ``norm``: which of a transform and its inverse is divided by the number of points n. "backward" (or None) is
the inverse; "forward" the transform itself; with "ortho" each is divided by the root of n, and keeps lengths.
"""

from __future__ import annotations

from typing import Any

from autodiff.engine.values import Value
from autodiff.fft.arguments import along
from autodiff.functions.axes import numpy_names

__all__ = ["fft", "hfft", "ifft", "ihfft", "irfft", "rfft"]


@numpy_names
def fft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Value:
    """The discrete Fourier transform along an axis: X_k is the sum of x_j exp(-2 pi i j k / n).

    Args:
        input: real or complex, (*, N, *); integers become floats, and halves singles.
        n: how many points are transformed: the input is cut, or continued by zeros, to so many.
        dim: the axis.
        norm: "backward", None or "forward" or "ortho" (above).

    Returns:
        Complex numbers (*, n, *), the frequencies from 0 up, behind the middle those below 0.

    Raises:
        ShapeError: there is no such axis, or no point.
        OptionError: ``norm`` has another value.

    Reference: Cooley & Tukey 1965, "An algorithm for the machine calculation of complex Fourier series".

    >>> import autodiff
    >>> autodiff.fft.fft(autodiff.tensor([1.0, 0.0, -1.0, 0.0]))
    tensor([0.+0.j, 2.+0.j, 0.+0.j, 2.+0.j])
    """
    return along("fft", input, n, dim, norm).to_complex(inverse=False)


@numpy_names
def ifft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Value:
    """The inverse of ``fft``: x_j is the mean of X_k exp(2 pi i j k / n). (*, N, *) -> (*, n, *), complex.

    Raises as ``fft`` does.

    >>> import autodiff
    >>> autodiff.fft.ifft(autodiff.tensor([0.0, 2.0, 0.0, 2.0])).real
    tensor([ 1.,  0., -1.,  0.])
    """
    return along("ifft", input, n, dim, norm).to_complex(inverse=True)


@numpy_names
def rfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Value:
    """The ``fft`` of real numbers up to the middle, (*, N, *) -> (*, n // 2 + 1, *); the rest would be its conjugate.

    Raises:
        DtypeError: the input is complex.
        ShapeError, OptionError: as ``fft`` does.

    >>> import autodiff
    >>> autodiff.fft.rfft(autodiff.tensor([1.0, 0.0, -1.0, 0.0]))
    tensor([0.+0.j, 2.+0.j, 0.+0.j])
    """
    return along("rfft", input, n, dim, norm).of_real(inverse=False)


@numpy_names
def irfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Value:
    """The inverse of ``rfft``: the real numbers (*, n, *) of which the input (*, N, *) is half of the spectrum.

    ``n`` tells an odd length from an even one; without it there are 2 (N - 1). Imaginary parts at frequency 0, and at
    the middle of an even spectrum, have no meaning and are ignored.

    Raises as ``fft`` does.

    >>> import autodiff
    >>> spectrum = autodiff.fft.rfft(autodiff.tensor([1.0, 2.0, 3.0]))
    >>> autodiff.fft.irfft(spectrum, n=3)
    tensor([1., 2., 3.])
    """
    return along("irfft", input, n, dim, norm).to_real(inverse=True, given=n is not None)


@numpy_names
def hfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Value:
    """The ``fft``, which is real, of a signal of which the input (*, N, *) is half, its rest being the conjugate.

    ``n`` is the length (*, n, *) of the result, as in ``irfft``. Raises as ``fft`` does.

    >>> import autodiff
    >>> autodiff.fft.hfft(autodiff.tensor([1.0, 2.0, 3.0]))
    tensor([ 8., -2.,  0., -2.])
    """
    return along("hfft", input, n, dim, norm).to_real(inverse=False, given=n is not None)


@numpy_names
def ihfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Value:
    """The inverse of ``hfft``: of real numbers (*, N, *) the first half (*, n // 2 + 1, *) of the ``ifft``.

    Raises as ``rfft`` does.

    >>> import autodiff
    >>> autodiff.fft.ihfft(autodiff.tensor([8.0, -2.0, 0.0, -2.0])).real
    tensor([1., 2., 3.])
    """
    return along("ihfft", input, n, dim, norm).of_real(inverse=True)
