"""Transforms along two axes and more, by the names of ``torch.fft``.

Each is the transform along one axis after that along another; what is real is real along the last of ``dim``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff.engine.values import Value
from autodiff.fft.arguments import over
from autodiff.functions.axes import numpy_names

__all__ = [
    "fft2", "fftn", "hfft2", "hfftn", "ifft2", "ifftn", "ihfft2", "ihfftn", "irfft2", "irfftn", "rfft2", "rfftn",
]  # fmt: skip

Sizes = int | Sequence[int] | None
Dims = int | Sequence[int] | None


@numpy_names
def fftn(input: Any, s: Sizes = None, dim: Dims = None, norm: str | None = None) -> Value:
    """The discrete Fourier transform along several axes, complex.

    Args:
        input: real or complex; integers become floats, and halves singles.
        s: the number of points along each axis, to which the input is cut or continued by zeros; -1 leaves it as it is.
        dim: the axes; without it the last of as many as ``s`` has lengths, or all.
        norm: as in ``fft``; n is the number of points along all axes together.

    Raises:
        ShapeError: an axis stands twice, does not exist or has no point, or ``s`` does not fit ``dim``.
        OptionError: ``norm`` has another value.

    Reference: Cooley & Tukey 1965, "An algorithm for the machine calculation of complex Fourier series".

    >>> import autodiff
    >>> autodiff.fft.fftn(autodiff.ones(2, 2)).real
    tensor([[4., 0.],
            [0., 0.]])
    """
    plan, _ = over("fftn", input, s, dim, norm)
    return plan.to_complex(inverse=False)


@numpy_names
def fft2(input: Any, s: Sizes = None, dim: Dims = (-2, -1), norm: str | None = None) -> Value:
    """``fftn`` along two axes, unless ``dim`` says otherwise the last two; takes and raises what it does."""
    plan, _ = over("fft2", input, s, dim, norm)
    return plan.to_complex(inverse=False)


@numpy_names
def ifftn(input: Any, s: Sizes = None, dim: Dims = None, norm: str | None = None) -> Value:
    """The inverse of ``fftn``, complex; takes and raises what it does.

    >>> import autodiff
    >>> autodiff.fft.ifftn(autodiff.tensor([[4.0, 0.0], [0.0, 0.0]])).real
    tensor([[1., 1.],
            [1., 1.]])
    """
    plan, _ = over("ifftn", input, s, dim, norm)
    return plan.to_complex(inverse=True)


@numpy_names
def ifft2(input: Any, s: Sizes = None, dim: Dims = (-2, -1), norm: str | None = None) -> Value:
    """``ifftn`` along two axes, unless ``dim`` says otherwise the last two; takes and raises what it does."""
    plan, _ = over("ifft2", input, s, dim, norm)
    return plan.to_complex(inverse=True)


@numpy_names
def rfftn(input: Any, s: Sizes = None, dim: Dims = None, norm: str | None = None) -> Value:
    """The ``fftn`` of real numbers, along the last of ``dim`` up to the middle: (*, N) -> (*, n // 2 + 1).

    Raises:
        DtypeError: the input is complex.
        ShapeError, OptionError: as ``fftn`` does; or there is no axis.

    >>> import autodiff
    >>> autodiff.fft.rfftn(autodiff.ones(2, 3)).real
    tensor([[6., 0.],
            [0., 0.]])
    """
    plan, _ = over("rfftn", input, s, dim, norm)
    return plan.of_real(inverse=False)


@numpy_names
def rfft2(input: Any, s: Sizes = None, dim: Dims = (-2, -1), norm: str | None = None) -> Value:
    """``rfftn`` along two axes, unless ``dim`` says otherwise the last two; takes and raises what it does."""
    plan, _ = over("rfft2", input, s, dim, norm)
    return plan.of_real(inverse=False)


@numpy_names
def irfftn(input: Any, s: Sizes = None, dim: Dims = None, norm: str | None = None) -> Value:
    """The inverse of ``rfftn``, real: along the last of ``dim`` (*, N) -> (*, n), with n = 2 (N - 1) without ``s``.

    Raises:
        ShapeError, OptionError: as ``fftn`` does; or there is no axis.

    >>> import autodiff
    >>> spectrum = autodiff.fft.rfftn(autodiff.ones(2, 3))
    >>> autodiff.fft.irfftn(spectrum, s=(2, 3))
    tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """
    plan, given = over("irfftn", input, s, dim, norm)
    return plan.to_real(inverse=True, given=given)


@numpy_names
def irfft2(input: Any, s: Sizes = None, dim: Dims = (-2, -1), norm: str | None = None) -> Value:
    """``irfftn`` along two axes, unless ``dim`` says otherwise the last two; takes and raises what it does."""
    plan, given = over("irfft2", input, s, dim, norm)
    return plan.to_real(inverse=True, given=given)


@numpy_names
def hfftn(input: Any, s: Sizes = None, dim: Dims = None, norm: str | None = None) -> Value:
    """The ``fftn``, which is real, of a signal of which the input is half, along the last of ``dim``.

    The lengths are those of ``irfftn``. Raises as it does.

    >>> import autodiff
    >>> autodiff.fft.hfftn(autodiff.ones(2, 2))
    tensor([[4., 0.],
            [0., 0.]])
    """
    plan, given = over("hfftn", input, s, dim, norm)
    return plan.to_real(inverse=False, given=given)


@numpy_names
def hfft2(input: Any, s: Sizes = None, dim: Dims = (-2, -1), norm: str | None = None) -> Value:
    """``hfftn`` along two axes, unless ``dim`` says otherwise the last two; takes and raises what it does."""
    plan, given = over("hfft2", input, s, dim, norm)
    return plan.to_real(inverse=False, given=given)


@numpy_names
def ihfftn(input: Any, s: Sizes = None, dim: Dims = None, norm: str | None = None) -> Value:
    """The inverse of ``hfftn``: half of the ``ifftn`` of real numbers, along the last of ``dim``.

    Raises as ``rfftn`` does.

    >>> import autodiff
    >>> autodiff.fft.ihfftn(autodiff.tensor([[4.0, 0.0], [0.0, 0.0]])).real
    tensor([[1., 1.],
            [1., 1.]])
    """
    plan, _ = over("ihfftn", input, s, dim, norm)
    return plan.of_real(inverse=True)


@numpy_names
def ihfft2(input: Any, s: Sizes = None, dim: Dims = (-2, -1), norm: str | None = None) -> Value:
    """``ihfftn`` along two axes, unless ``dim`` says otherwise the last two; takes and raises what it does."""
    plan, _ = over("ihfft2", input, s, dim, norm)
    return plan.of_real(inverse=True)
