"""Primitives of sliding windows: convolution, pooling and resampling, and their adjoints (arithmetic: kernels/)."""

from __future__ import annotations

from typing import Any

from autodiff.engine.primitive import Primitive
from autodiff.kernels import convolution, pooling, resampling, volume
from autodiff.ops.arrays import detached


def _kernels(x: Any) -> Any:
    """The three kernels for images, or those for volumes."""
    return convolution if len(x.shape) == 4 else volume


def _conv(x: Any, w: Any, b: Any = None, *, geometry: Any) -> Any:
    return _kernels(x).convolve(x, w, geometry, b)


# Convolution and its gradients for input and kernel are linear in each of their two inputs, and each one's VJPs are the
# other two: three primitives give every order (Dumoulin & Visin 2016, "A guide to convolution arithmetic", section 4).
conv = Primitive(
    "conv2d", _conv,
    lambda g, out, x, w, b=None, *, geometry: conv_input(g, w, geometry=geometry, shape=x.shape),
    lambda g, out, x, w, b=None, *, geometry: conv_weight(g, x, geometry=geometry, shape=w.shape),
    lambda g, out, x, w, b=None, *, geometry: convolution.channel_sums(g),
    keeps=("w", "x", ""), promotes=False)

conv_input = Primitive(
    "conv2d_input", lambda x, w, geometry, shape: _kernels(x).convolve_input(x, w, geometry, shape),
    lambda g, out, x, w, geometry, shape: conv(g, w, geometry=geometry),
    lambda g, out, x, w, geometry, shape: conv_weight(x, g, geometry=geometry, shape=w.shape),
    keeps=("w", "x"), promotes=False)

conv_weight = Primitive(
    "conv2d_weight", lambda x, y, geometry, shape: _kernels(x).convolve_weight(x, y, geometry, shape),
    lambda g, out, x, y, geometry, shape: conv(y, g, geometry=geometry),
    lambda g, out, x, y, geometry, shape: conv_input(x, g, geometry=geometry, shape=y.shape),
    keeps=("y", "x"), promotes=False)

windows = Primitive(
    "windows", lambda x, window: pooling.windows(x, window),
    lambda g, out, x, window: fold(g, window=window, size=x.shape[2:]), view=True, selects=True)

fold = Primitive(
    "fold", lambda x, window, size: pooling.fold(x, window, size),
    lambda g, out, x, window, size: windows(g, window=window))

# The winners do not move with an infinitesimal change of x, so that scatter and gather are linear maps; they take x and
# the maxima as params, and recompute the winners rather than keep their indices.
max_pool = Primitive(
    "max_pool2d", lambda x, window: pooling.max_pool(x, window),
    lambda g, out, x, window: max_pool_scatter(g, source=detached(x), maxima=detached(out), window=window),
    keeps="out x", selects=True, real=True)

max_pool_scatter = Primitive(
    "max_pool2d_scatter",
    lambda x, source, maxima, window: pooling.max_pool_scatter(x, source, maxima, window),
    lambda g, out, x, source, maxima, window: max_pool_gather(g, source=source, maxima=maxima, window=window),
    real=True)

max_pool_gather = Primitive(
    "max_pool2d_gather",
    lambda x, source, maxima, window: pooling.max_pool_gather(x, source, maxima, window),
    lambda g, out, x, source, maxima, window: max_pool_scatter(g, source=source, maxima=maxima, window=window),
                            selects=True, real=True)

# Where in the flattened image the maximum of each window stands.
max_pool_indices = Primitive(
    "max_pool2d_indices", lambda x, window: pooling.max_pool_indices(x, pooling.max_pool(x, window), window), real=True)

sum_pool = Primitive(
    "sum_pool2d", lambda x, window: pooling.sum_pool(x, window),
    lambda g, out, x, window: sum_pool_adjoint(g, window=window, size=x.shape[2:]))

sum_pool_adjoint = Primitive(
    "sum_pool2d_adjoint", lambda x, window, size: pooling.sum_pool_adjoint(x, window, size),
    lambda g, out, x, window, size: sum_pool(g, window=window))


# Each entry of the result is a weighted sum of a few entries along one axis: interpolation, reflection, windows of
# different lengths.
resample = Primitive(
    "resample", lambda x, axis, taps: resampling.resample(x, axis, taps),
    lambda g, out, x, axis, taps: resample_adjoint(g, axis=axis, taps=taps, size=x.shape[axis]), selects=True)

resample_adjoint = Primitive(
    "resample_adjoint", lambda x, axis, taps, size: resampling.resample_adjoint(x, axis, taps, size),
    lambda g, out, x, axis, taps, size: resample(g, axis=axis, taps=taps))
