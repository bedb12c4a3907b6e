"""NumPy's Fourier transforms for Tensors: ours of that name, called with NumPy's arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.fft import frequencies, one_axis, several_axes
from autodiff.numpy_api.arguments import Function


def _along(function: Function) -> Function:
    return lambda a, n=None, axis=-1, norm=None: function(a, n, axis, norm)


def _over(function: Function, default: tuple[int, ...] | None = None) -> Function:
    return lambda a, s=None, axes=default, norm=None: function(a, s, axes, norm)


TRANSFORMS: dict[Any, Function] = {
    np.fft.fft: _along(one_axis.fft),
    np.fft.ifft: _along(one_axis.ifft),
    np.fft.rfft: _along(one_axis.rfft),
    np.fft.irfft: _along(one_axis.irfft),
    np.fft.hfft: _along(one_axis.hfft),
    np.fft.ihfft: _along(one_axis.ihfft),
    np.fft.fftn: _over(several_axes.fftn),
    np.fft.ifftn: _over(several_axes.ifftn),
    np.fft.rfftn: _over(several_axes.rfftn),
    np.fft.irfftn: _over(several_axes.irfftn),
    np.fft.fft2: _over(several_axes.fftn, (-2, -1)),
    np.fft.ifft2: _over(several_axes.ifftn, (-2, -1)),
    np.fft.rfft2: _over(several_axes.rfftn, (-2, -1)),
    np.fft.irfft2: _over(several_axes.irfftn, (-2, -1)),
    np.fft.fftshift: lambda x, axes=None: frequencies.fftshift(x, axes),
    np.fft.ifftshift: lambda x, axes=None: frequencies.ifftshift(x, axes),
}
