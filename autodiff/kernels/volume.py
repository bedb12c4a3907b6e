"""Cross-correlation of volumes and its two adjoints: for each slice of the kernel those of images.

The slice k of the kernel meets the slices S p + D k - P of the input, which with the batch make one batch of images.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import convolution
from .geometry import Geometry, overlap

__all__ = ["Volume", "convolve", "convolve_input", "convolve_weight"]

Array = np.ndarray[Any, Any]


class Volume(NamedTuple):
    """Where the windows of a convolution of volumes lie: along the depth, and in each slice (``plane``).

    >>> Volume(plane=Geometry(padding=((2, 2), (2, 2)))).output_size((4, 28, 28), (3, 5, 5))
    (2, 28, 28)
    """

    stride: int = 1
    padding: tuple[int, int] = (0, 0)
    dilation: int = 1
    plane: Geometry = Geometry()

    @property
    def groups(self) -> int:
        """Into how many parts that do not mix the channels are divided."""
        return self.plane.groups

    def output_size(self, size: tuple[int, int, int], kernel: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return (I - F + P) // S + 1 for the three axes, with F = dilation * (kernel - 1) + 1."""
        depth = (size[0] - self.dilation * (kernel[0] - 1) - 1 + sum(self.padding)) // self.stride + 1
        return (depth, *self.plane.output_size(size[1:], kernel[1:]))

    def slices(self, kernel: int, size: int, count: int) -> list[tuple[slice, slice]]:
        """List for each slice of the kernel which outputs meet which slices of the input."""
        return [overlap(k * self.dilation - self.padding[0], self.stride, size, count) for k in range(kernel)]


def _flat(x: Array) -> Array:
    """Make one batch of images of the slices x (D, N, C, H, W)."""
    return x.reshape(-1, *x.shape[2:])


def convolve(x: Array, w: Array, volume: Volume, bias: Array | None = None) -> Array:
    """Cross-correlate volumes; a bias (O,) is added to each output channel.

    Shapes: x (N, C, D, H, W), w (O, C / groups, kd, kh, kw), result (N, O, od, oh, ow).
    Law: without bias trilinear with ``convolve_input`` and ``convolve_weight``.
    """
    depth, *plane = volume.output_size(x.shape[2:], w.shape[2:])
    wide = np.float32 if x.dtype == np.float16 else x.dtype
    slices = np.ascontiguousarray(x.transpose(2, 0, 1, 3, 4), wide)
    out = np.zeros((depth, len(x), len(w), *plane), wide)
    for k, (to, position) in enumerate(volume.slices(w.shape[2], x.shape[2], depth)):
        part = slices[position]
        if len(part):
            kernel = np.ascontiguousarray(w[:, :, k], wide)
            out[to] += convolution.convolve(_flat(part), kernel, volume.plane).reshape(len(part), *out.shape[1:])
    if bias is not None:
        out += bias[:, None, None]
    return np.ascontiguousarray(out.transpose(1, 2, 0, 3, 4), x.dtype)


def convolve_input(g: Array, w: Array, volume: Volume, input_shape: tuple[int, ...]) -> Array:
    """Apply the adjoint of ``convolve`` in its input, which is the transposed convolution.

    Shapes: g (N, O, od, oh, ow), w (O, C / groups, kd, kh, kw), result ``input_shape`` = (N, C, D, H, W).
    """
    n, c, depth, height, width = input_shape
    wide = np.float32 if g.dtype == np.float16 else g.dtype
    slices = np.ascontiguousarray(g.transpose(2, 0, 1, 3, 4), wide)
    dx = np.zeros((depth, n, c, height, width), wide)
    for k, (to, position) in enumerate(volume.slices(w.shape[2], depth, len(slices))):
        part = _flat(slices[to])
        if len(part):
            kernel = np.ascontiguousarray(w[:, :, k], wide)
            shape = (len(part), c, height, width)
            back = convolution.convolve_input(part, kernel, volume.plane, shape)
            dx[position] += back.reshape(-1, n, c, height, width)
    return np.ascontiguousarray(dx.transpose(1, 2, 0, 3, 4), g.dtype)


def convolve_weight(g: Array, x: Array, volume: Volume, kernel_shape: tuple[int, ...]) -> Array:
    """Apply the adjoint of ``convolve`` in its kernel.

    Shapes: g (N, O, od, oh, ow), x (N, C, D, H, W), result ``kernel_shape`` = (O, C / groups, kd, kh, kw).
    """
    wide = np.float32 if g.dtype == np.float16 else g.dtype
    given, slices = (np.ascontiguousarray(a.transpose(2, 0, 1, 3, 4), wide) for a in (g, x))
    o, c, count, *plane = kernel_shape
    dw = np.zeros((o, c, count, *plane), wide)
    for k, (to, position) in enumerate(volume.slices(count, len(slices), len(given))):
        part = slices[position]
        if len(part):
            shape = (o, c, plane[0], plane[1])
            dw[:, :, k] = convolution.convolve_weight(_flat(given[to]), _flat(part), volume.plane, shape)
    return dw.astype(g.dtype, copy=False)
