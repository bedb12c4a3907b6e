"""Cross-correlation of volumes and its two adjoints: for each slice of the kernel those of images.

The slice k of the kernel meets the slices S p + D k - P of the input, which with the batch make one batch of images.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from . import convolution
from .geometry import Array, Geometry, Overlap, Sizes
from .precision import in_single


def _plane(geometry: Geometry) -> Geometry:
    """Where the windows lie in each slice."""
    stride, padding, dilation, groups = geometry
    return Geometry(stride[1:], padding[1:], dilation[1:], groups)


def _slices(geometry: Geometry, kernel: Sizes, size: Sizes) -> Iterator[tuple[int, Overlap]]:
    """For each slice of the kernel: its number, and which slices of the output meet which of the input of ``size``."""
    return enumerate(geometry.window(kernel).taps(size)[0])


def _depth_first(x: Array) -> Array:
    """Lay out the volumes x (N, C, D, H, W) as slices (D, N, C, H, W)."""
    return np.ascontiguousarray(x.transpose(2, 0, 1, 3, 4))


def _depth_third(slices: Array) -> Array:
    """Undo ``_depth_first``."""
    return np.ascontiguousarray(slices.transpose(1, 2, 0, 3, 4))


def _flat(x: Array) -> Array:
    """Make one batch of images of the slices x (D, N, C, H, W)."""
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


@in_single
def convolve(x: Array, w: Array, geometry: Geometry, bias: Array | None = None) -> Array:
    """Cross-correlate volumes; a bias (O,) is added to each output channel.

    Shapes: x (N, C, D, H, W), w (O, C / groups, kd, kh, kw), result (N, O, od, oh, ow).
    Law: without bias trilinear with ``convolve_input`` and ``convolve_weight``.
    """
    depth, *size = geometry.output_size(x.shape[2:], w.shape[2:])
    slices, out = _depth_first(x), np.zeros((depth, len(x), len(w), *size), x.dtype)
    for k, (to, position) in _slices(geometry, w.shape[2:], x.shape[2:]):
        part = slices[position]
        if len(part):
            kernel = np.ascontiguousarray(w[:, :, k])
            out[to] += convolution.convolve(_flat(part), kernel, _plane(geometry)).reshape(len(part), *out.shape[1:])
    if bias is not None:
        out += bias[:, None, None]
    return _depth_third(out)


@in_single
def convolve_input(g: Array, w: Array, geometry: Geometry, input_shape: Sizes) -> Array:
    """Apply the adjoint of ``convolve`` in its input, which is the transposed convolution.

    Shapes: g (N, O, od, oh, ow), w (O, C / groups, kd, kh, kw), result ``input_shape`` = (N, C, D, H, W).
    """
    n, c, depth, *size = input_shape
    slices, dx = _depth_first(g), np.zeros((depth, n, c, *size), g.dtype)
    for k, (to, position) in _slices(geometry, w.shape[2:], input_shape[2:]):
        part = _flat(slices[to])
        if len(part):
            kernel = np.ascontiguousarray(w[:, :, k])
            back = convolution.convolve_input(part, kernel, _plane(geometry), (len(part), c, *size))
            dx[position] += back.reshape(len(slices[to]), n, c, *size)
    return _depth_third(dx)


@in_single
def convolve_weight(g: Array, x: Array, geometry: Geometry, kernel_shape: Sizes) -> Array:
    """Apply the adjoint of ``convolve`` in its kernel.

    Shapes: g (N, O, od, oh, ow), x (N, C, D, H, W), result ``kernel_shape`` = (O, C / groups, kd, kh, kw).
    """
    given, slices, dw = _depth_first(g), _depth_first(x), np.zeros(kernel_shape, g.dtype)
    o, c, _, *size = kernel_shape
    for k, (to, position) in _slices(geometry, kernel_shape[2:], x.shape[2:]):
        part = slices[position]
        if len(part):
            dw[:, :, k] = convolution.convolve_weight(_flat(given[to]), _flat(part), _plane(geometry), (o, c, *size))
    return dw
