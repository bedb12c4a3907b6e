"""Pooling: the maximum, the mean or the p-norm of sliding windows of signals, images and volumes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.values import wrap
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.axes import shape_of
from autodiff.kernels.pooling import max_pool_indices
from autodiff.ops.indexing import put
from autodiff.ops.shaping import reshape
from autodiff.ops.windows import max_pool, sum_pool
from autodiff.tensors.tensor import Tensor
from nn.functional.arguments import Windows, several, windows_of, with_batch

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
]


def _over_planes(row: Any, x: Any, windows: Windows) -> Any:
    """Pool signals and images by ``row``; volumes slice by slice, and then along their depth.

    A maximum of maxima is one and a sum of sums too, and the first of equals is the first of the first.
    """
    shape = tuple(x.shape)
    output = windows.output_size(shape[2:])
    if len(shape) == 3:
        x = reshape(x, shape=(*shape[:2], 1, shape[2]))
    elif len(shape) == 5:
        x = reshape(x, shape=(shape[0], shape[1] * shape[2], *shape[3:]))
    out = apply(row, (x,), {"window": windows.plane})
    if windows.depth is not None:
        out = reshape(out, shape=(*shape[:3], math.prod(output[1:])))
        out = apply(row, (out,), {"window": windows.depth})
    return out if len(shape) == 4 else reshape(out, shape=(*shape[:2], *output))


def _winners(x: Any, windows: Windows) -> Any:
    """Where in the flattened signal, image or volume (N, C, *) the maximum of each window stands."""
    shape = x.shape
    planes = x.reshape(shape[0], -1, *(1, *shape[2:])[-2:])
    maxima = max_pool.forward(planes, window=windows.plane)
    indices = max_pool_indices(planes, maxima, windows.plane)
    output = windows.output_size(shape[2:])
    if windows.depth is not None:
        columns = maxima.reshape(*shape[:3], -1)
        deepest = max_pool.forward(columns, window=windows.depth)
        at = max_pool_indices(columns, deepest, windows.depth)
        flat = at.reshape(*shape[:2], -1)
        in_slice = np.take_along_axis(indices.reshape(*shape[:2], -1), flat, 2)
        indices = in_slice + flat // columns.shape[3] * (shape[3] * shape[4])
    return indices.reshape(*shape[:2], *output)


def _max_pool(axes: int, input: Any, options: tuple[Any, ...], return_indices: bool) -> Any:
    name = f"max_pool{axes}d"
    x, unbatched = with_batch(input, axes, name)
    windows = windows_of(name, tuple(x.shape), *options)
    result = _as_given(_over_planes(max_pool, x, windows), unbatched)
    if not return_indices:
        return result
    return result, _as_given(wrap(_winners(np.asarray(x.detach()), windows)), unbatched)


def _avg_pool(axes: int, input: Any, options: tuple[Any, ...], include_pad: bool, divisor: int | None) -> Tensor:
    name = f"avg_pool{axes}d"
    if divisor == 0:
        raise OptionError("divisor_override=0 is no divisor; give None for the number of entries")
    x, unbatched = with_batch(input, axes, name)
    kernel, stride, padding, ceil_mode = options
    windows = windows_of(name, tuple(x.shape), kernel, stride, padding, 1, ceil_mode)
    total = _over_planes(sum_pool, x, windows)
    if divisor is not None:
        return _as_given(total / divisor, unbatched)
    around, counts = several(padding, axes, "padding", 0), np.ones(())
    for axis in range(axes):
        counts = counts[..., None] * windows.counts(axis, axes, x.shape[2 + axis], around[axis], include_pad)
    area = int(counts.flat[0]) if counts.size else 1
    return _as_given(total / (area if (counts == area).all() else counts.astype(x.dtype)), unbatched)


def _lp_pool(axes: int, input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
    size = math.prod(several(kernel_size, axes, "kernel_size"))
    mean = _avg_pool(axes, input**norm_type, (kernel_size, stride, 0, ceil_mode), True, None)
    return (mean * size) ** (1 / norm_type)


def _as_given(out: Any, unbatched: bool) -> Tensor:
    return reshape(out, shape=out.shape[1:]) if unbatched else out


def _max_unpool(
    axes: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    name = f"max_unpool{axes}d"
    x, unbatched = with_batch(input, axes, name)
    kernel = several(kernel_size, axes, "kernel_size")
    steps = kernel if stride is None or stride == [] else several(stride, axes, "stride")
    around = several(padding, axes, "padding", 0)
    size = tuple((n - 1) * s - 2 * p + k for n, s, p, k in zip(x.shape[2:], steps, around, kernel, strict=True))
    if output_size is not None:
        given = shape_of((tuple(output_size)[-axes:],))
        if any(not n - s < g < n + s for g, n, s in zip(given, size, steps, strict=True)):
            raise ShapeError(f"{name}: output_size {given} is further from {size} than the stride {steps}")
        size = given
    where = np.asarray(indices).reshape(*x.shape[:2], -1)
    if where.size and not 0 <= where.min() <= where.max() < math.prod(size):
        raise ShapeError(f"{name}: an index of {where.max()} lies outside the output of size {size}")
    empty = np.zeros((*x.shape[:2], math.prod(size)), x.dtype)
    samples, channels = np.ogrid[: x.shape[0], : x.shape[1]]
    key = (samples[..., None], channels[..., None], where)
    out = apply(put, (empty, reshape(x, shape=where.shape)), {"key": key})
    return reshape(out, shape=(*x.shape[1 if unbatched else 0 : 2], *size))


def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window; its gradient goes to the first maximum.

    Shapes: input (N, C, H, W) or (C, H, W), result (N, C, oh, ow) or (C, oh, ow) with
    oh = (H - dilation * (kh - 1) - 1 + 2 padding) // stride + 1, and likewise ow; ``ceil_mode`` rounds up.

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
    return _max_pool(2, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices)


def max_pool2d_with_indices(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """``max_pool2d`` with ``return_indices``."""
    return _max_pool(2, input, (kernel_size, stride, padding, dilation, ceil_mode), True)


def max_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """``max_pool2d`` of signals, (N, C, L) or (C, L)."""
    return _max_pool(1, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices)


def max_pool1d_with_indices(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """``max_pool1d`` with ``return_indices``."""
    return _max_pool(1, input, (kernel_size, stride, padding, dilation, ceil_mode), True)


def max_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """``max_pool2d`` of volumes, (N, C, D, H, W) or (C, D, H, W)."""
    return _max_pool(3, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices)


def max_pool3d_with_indices(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """``max_pool3d`` with ``return_indices``."""
    return _max_pool(3, input, (kernel_size, stride, padding, dilation, ceil_mode), True)


def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window.

    Shapes: as ``max_pool2d``.

    ``stride`` is the kernel's size where it is not given, ``padding`` zeros around the input, at most half the kernel,
    which count as entries unless ``count_include_pad`` is False. ``divisor_override`` takes the place of the count.

    >>> import autodiff
    >>> avg_pool2d(autodiff.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    return _avg_pool(2, input, (kernel_size, stride, padding, ceil_mode), count_include_pad, divisor_override)


def avg_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """``avg_pool2d`` of signals, (N, C, L) or (C, L)."""
    return _avg_pool(1, input, (kernel_size, stride, padding, ceil_mode), count_include_pad, None)


def avg_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """``avg_pool2d`` of volumes, (N, C, D, H, W) or (C, D, H, W)."""
    return _avg_pool(3, input, (kernel_size, stride, padding, ceil_mode), count_include_pad, divisor_override)


def lp_pool2d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """(sum of x^p)^(1/p) over each window: with p = 1 the sum, for large p near the maximum.

    Shapes: as ``max_pool2d``, without padding.
    """
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool1d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """``lp_pool2d`` of signals, (N, C, L) or (C, L)."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """``lp_pool2d`` of volumes, (N, C, D, H, W) or (C, D, H, W)."""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


def max_unpool2d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Each maximum back where ``max_pool2d`` found it, and zeros elsewhere.

    Shapes: input and indices (N, C, oh, ow) or (C, oh, ow), result (N, C, H, W) or (C, H, W) with
    H = (oh - 1) * stride - 2 padding + kh, or of ``output_size``, which tells apart the sizes a stride makes the same.
    """
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool1d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """``max_unpool2d`` of signals."""
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """``max_unpool2d`` of volumes."""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)
