"""Pooling: the maximum, the mean or the p-norm of sliding windows of signals, images and volumes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.arithmetic import where
from autodiff.functions.axes import shape_of
from autodiff.kernels.arrays import as_array
from autodiff.kernels.geometry import Sizes, Window
from autodiff.ops.indexing import put, take_along_axis
from autodiff.ops.shaping import in_single, reshape
from autodiff.ops.windows import max_pool, max_pool_indices, sum_pool

from .arguments import as_tuple, check_output, for_axes, in_format_of, window_of, with_batch, without_batch

__all__ = [
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d",
    "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices", "max_pool3d", "max_pool3d_with_indices",
    "max_unpool1d", "max_unpool2d", "max_unpool3d",
]


def max_pool_nd(
    axes: int, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Value:
    """The maximum of each window; its gradient goes to the first maximum.

    Shapes, for images: input (N, C, H, W) or (C, H, W), result (N, C, oh, ow) or (C, oh, ow) with
    oh = (H - dilation * (kh - 1) - 1 + 2 padding) // stride + 1, and likewise ow; ``ceil_mode`` rounds up. For signals
    H, W is L, and for volumes D, H, W.

    ``stride`` is the kernel's size where it is not given, ``padding`` entries of -inf around the input, at most half
    the kernel. With ``return_indices`` the result is a pair: also where in the flattened image each maximum stood.

    Raises:
        ShapeError: the windows do not fit.
        OptionError: an option has no such value.

    >>> import autodiff
    >>> max_pool2d(autodiff.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    name = f"max_pool{axes}d"
    x, unbatched = with_batch(input, axes, name)
    window = _pool_window(name, x, kernel_size, stride, padding, dilation, ceil_mode)
    result = without_batch(_over_planes(max_pool, x, window), unbatched)
    if return_indices:
        result = result, without_batch(_winners(x.detach(), window), unbatched)
    return in_format_of(result, axes, input) if axes > 1 or return_indices else result


def max_pool_nd_with_indices(
    axes: int, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> tuple[Value, Value]:
    """``max_pool`` with ``return_indices``."""
    pair: Any = max_pool_nd(axes, input, kernel_size, stride, padding, dilation, ceil_mode, True)
    return pair


max_pool1d = for_axes(1, max_pool_nd)
max_pool2d = for_axes(2, max_pool_nd)
max_pool3d = for_axes(3, max_pool_nd)
max_pool1d_with_indices = for_axes(1, max_pool_nd_with_indices)
max_pool2d_with_indices = for_axes(2, max_pool_nd_with_indices)
max_pool3d_with_indices = for_axes(3, max_pool_nd_with_indices)


def avg_pool_nd(
    axes: int, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Value:
    """The mean of each window.

    Shapes: as ``max_pool``.

    ``stride`` is the kernel's size where it is not given, ``padding`` zeros around the input, at most half the kernel,
    which count as entries unless ``count_include_pad`` is False. ``divisor_override`` takes the place of the count.

    Raises:
        ShapeError: the windows do not fit.
        OptionError: an option has no such value.

    >>> import autodiff
    >>> avg_pool2d(autodiff.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    name = f"avg_pool{axes}d"
    if divisor_override == 0:
        raise OptionError("divisor_override=0 is no divisor; give None for the number of entries")
    x, unbatched = with_batch(input, axes, name)
    window = _pool_window(name, x, kernel_size, stride, padding, 1, ceil_mode)
    divisor: Any = divisor_override
    if divisor is None and count_include_pad and not ceil_mode:
        divisor = math.prod(window.kernel)
    elif divisor is None:
        divisor = _counts(window, tuple(x.shape[2:]), count_include_pad, x.dtype)
    out = without_batch(_means(x, window, divisor), unbatched)
    return out if axes == 3 else in_format_of(out, axes, input)


@in_single
def _means(x: Any, window: Window, divisor: Any) -> Any:
    """The sums of the windows over the divisor; half precision may hold the mean, but not the sum."""
    return _over_planes(sum_pool, x, window) / divisor


def avg_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Value:
    """``avg_pool2d`` of signals, (N, C, L) or (C, L)."""
    return avg_pool_nd(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


avg_pool2d = for_axes(2, avg_pool_nd)
avg_pool3d = for_axes(3, avg_pool_nd)


@in_single
def _root_of_sums(
    input: Any, axes: int, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool
) -> Value:
    size = math.prod(as_tuple(kernel_size, axes, "kernel_size"))
    total = avg_pool_nd(axes, input**norm_type, kernel_size, stride, 0, ceil_mode) * size
    if norm_type == 1:
        return total
    return where(total == 0, 0.0, total ** (1 / norm_type))


def lp_pool_nd(
    axes: int, input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Value:
    """(sum of x^p)^(1/p) over each window: with p = 1 the sum, for large p near the maximum; 0 has the gradient 0.

    Shapes: as ``max_pool``, without padding.
    """
    return _root_of_sums(input, axes, norm_type, kernel_size, stride, ceil_mode)


lp_pool1d = for_axes(1, lp_pool_nd)
lp_pool2d = for_axes(2, lp_pool_nd)
lp_pool3d = for_axes(3, lp_pool_nd)


def max_unpool_nd(
    axes: int, input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Value:
    """Each maximum back where ``max_pool`` found it, and zeros elsewhere.

    Shapes, for images: input and indices (N, C, oh, ow) or (C, oh, ow), result (N, C, H, W) or (C, H, W) with
    H = (oh - 1) * stride - 2 padding + kh, or of ``output_size``, which tells apart the sizes a stride makes the same.

    Raises ShapeError where ``indices`` or ``output_size`` do not fit ``input``.
    """
    name = f"max_unpool{axes}d"
    x, unbatched = with_batch(input, axes, name)
    window = window_of(axes, kernel_size, _given(stride, kernel_size), padding)
    size = window.input_size(x.shape[2:])
    if output_size is not None:
        given = shape_of((tuple(output_size)[-axes:],))
        if any(not n - s < g < n + s for g, n, s in zip(given, size, window.stride, strict=True)):
            raise ShapeError(f"{name}: output_size {given} is further from {size} than the stride {window.stride}")
        size = given
    if tuple(indices.shape) != tuple(input.shape):
        raise ShapeError(f"{name} takes indices of the input's shape {tuple(input.shape)}, not {tuple(indices.shape)}")
    where = as_array(indices).reshape(*x.shape[:2], math.prod(x.shape[2:]))
    if where.size and not 0 <= where.min() <= where.max() < math.prod(size):
        raise ShapeError(f"{name}: an index of {where.max()} lies outside the output of size {size}")
    empty = np.zeros((*x.shape[:2], math.prod(size)), x.dtype)
    samples, channels = np.ogrid[: x.shape[0], : x.shape[1]]
    key = (samples[..., None], channels[..., None], where)
    out = apply(put, (empty, reshape(x, shape=where.shape)), {"key": key})
    out = reshape(out, shape=(*x.shape[1 if unbatched else 0 : 2], *size))
    return in_format_of(out, axes, input) if axes == 2 else out


max_unpool1d = for_axes(1, max_unpool_nd)
max_unpool2d = for_axes(2, max_unpool_nd)
max_unpool3d = for_axes(3, max_unpool_nd)


def _given(stride: Any, kernel_size: Any) -> Any:
    """The stride; without one the windows lie side by side."""
    return kernel_size if stride is None or stride in ([], ()) else stride


def _pool_window(
    name: str, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Window:
    """The windows over ``x`` (N, C, *), none of which is empty."""
    size = tuple(x.shape[2:])
    if not math.prod(size):
        raise ShapeError(f"{name} takes inputs with something on each axis, not of shape {tuple(x.shape)}")
    window = window_of(len(size), kernel_size, _given(stride, kernel_size), padding, dilation)
    kernel, _, pads, spread = window
    if any(2 * p > d * (k - 1) + 1 for (p, _), k, d in zip(pads, kernel, spread, strict=True)):
        raise OptionError(f"{name}: with padding {padding}, more than half the kernel {kernel_size}, a window is empty")
    window = window.ceil_padding(size) if ceil_mode else window
    why = f"its windows of size {kernel} are larger than the padded input"
    check_output(window.output_size(size), x, name, why)
    return window


def _planes(window: Window) -> tuple[Window, Window | None]:
    """The windows of each image (a signal is one of a single row), and for volumes those along the depth."""
    kernel, stride, pads, spread = window
    if len(kernel) == 1:
        return Window((1, *kernel), (1, *stride), ((0, 0), *pads), (1, *spread)), None
    if len(kernel) == 2:
        return window, None
    depth = Window((kernel[0], 1), (stride[0], 1), (pads[0], (0, 0)), (spread[0], 1))
    return Window(kernel[1:], stride[1:], pads[1:], spread[1:]), depth


def _as_planes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape (N, planes, height, width) of a signal (N, C, width), an image or a volume (N, C, depth, ...)."""
    size = (1, *shape[2:])[-2:]
    return (shape[0], math.prod(shape[1:-2]) if len(shape) > 3 else shape[1], *size)


def _over_planes(primitive: Any, x: Any, window: Window) -> Any:
    """Pool signals and images by ``primitive``; volumes slice by slice, and then along their depth.

    The maximum of maxima is the maximum of all, the first of equals included, and the sum of sums is the sum of all.
    """
    shape = tuple(x.shape)
    plane, depth = _planes(window)
    out = x if len(shape) == 4 else reshape(x, shape=_as_planes(shape))
    out = apply(primitive, (out,), {"window": plane})
    if depth is not None:
        out = reshape(out, shape=(*shape[:3], math.prod(out.shape[2:])))
        out = apply(primitive, (out,), {"window": depth})
    return out if len(shape) == 4 else reshape(out, shape=(*shape[:2], *window.output_size(shape[2:])))


def _winners(x: Any, window: Window) -> Any:
    """Where in the flattened signal, image or volume (N, C, *) the maximum of each window stands."""
    shape = tuple(x.shape)
    plane, depth = _planes(window)
    planes = x if len(shape) == 4 else reshape(x, shape=_as_planes(shape))
    indices = max_pool_indices(planes, window=plane)
    if depth is not None:
        maxima = max_pool(planes, window=plane)
        area = math.prod(maxima.shape[2:])
        flat = max_pool_indices(reshape(maxima, shape=(*shape[:3], area)), window=depth)
        flat = reshape(flat, shape=(*shape[:2], flat.shape[2] * area))
        of_slices = reshape(indices, shape=(*shape[:2], shape[2] * area))
        in_slice = take_along_axis(of_slices, indices=as_array(flat), axis=2)
        indices = in_slice + flat // area * (shape[3] * shape[4])
    return reshape(indices, shape=(*shape[:2], *window.output_size(shape[2:])))


def _counts(window: Window, size: Sizes, include_pad: bool, dtype: Any) -> Any:
    """How many entries of the input, or of input and padding, each window meets; one number where all meet as many."""
    kernel, stride, pads, _ = window
    counts: Any = np.ones(())
    for n, count, k, s, (around, _) in zip(size, window.output_size(size), kernel, stride, pads, strict=True):
        start = np.arange(count) * s - around
        stop = np.minimum(start + k, n + around)
        here = stop - start if include_pad else np.minimum(stop, n) - np.maximum(start, 0)
        counts = np.multiply.outer(counts, here)
    return int(counts.flat[0]) if counts.size and (counts == counts.flat[0]).all() else counts.astype(dtype)
