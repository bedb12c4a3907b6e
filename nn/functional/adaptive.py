"""Pooling into a given number of windows: of lengths that differ by one, or at random places."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.arrays import real_only
from autodiff.functions.shaping import contiguous
from autodiff.kernels.arrays import as_array
from autodiff.kernels.geometry import Sizes
from autodiff.kernels.resampling import Taps
from autodiff.ops.comparison import argmax
from autodiff.ops.indexing import take_along_axis
from autodiff.ops.reductions import mean
from autodiff.ops.shaping import reshape
from autodiff.ops.windows import resample
from autodiff.random import numpy_generator

from .arguments import as_tuple, for_axes, in_format_of, with_batch, without_batch
from .pooling import avg_pool_nd, max_pool_nd

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d", "adaptive_max_pool3d_with_indices", "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices", "fractional_max_pool3d", "fractional_max_pool3d_with_indices",
]


def adaptive_avg_pool_nd(axes: int, input: Any, output_size: Any) -> Value:
    """The mean over as many windows as ``output_size`` says, whose lengths differ by at most one.

    Shapes, for images: input (N, C, H, W) or (C, H, W), result (N, C, oh, ow) or (C, oh, ow); a size of None is the
    input's.

    Raises:
        ShapeError: the input has other axes, or an axis of length 0.
        OptionError: ``output_size`` has not one number for each axis.

    Law: window i goes from floor(i H / oh) to ceil((i + 1) H / oh).

    >>> import autodiff
    >>> adaptive_avg_pool2d(autodiff.arange(6.0).reshape(1, 2, 3), 1)
    tensor([[[2.5000]]])
    """
    x, unbatched = with_batch(input, axes, f"adaptive_avg_pool{axes}d")
    output, kernel = _windows(f"adaptive_avg_pool{axes}d", output_size, tuple(x.shape[2:]))
    if kernel is not None:
        return _in_format(avg_pool_nd(axes, input, kernel), axes, input)
    if not math.prod(x.shape[2:]) and set(output) == {1}:
        return without_batch(apply(mean, (x,), {"axis": tuple(range(2, axes + 2)), "keepdims": True}), unbatched)
    _check_not_empty(f"adaptive_avg_pool{axes}d", x)
    for axis, (size, count) in enumerate(zip(x.shape[2:], output, strict=True), 2):
        if size != count:
            x = apply(resample, (x,), {"axis": axis, "taps": averaging(size, count)})
    return _in_format(without_batch(x, unbatched), axes, input)


adaptive_avg_pool1d = for_axes(1, adaptive_avg_pool_nd)
adaptive_avg_pool2d = for_axes(2, adaptive_avg_pool_nd)
adaptive_avg_pool3d = for_axes(3, adaptive_avg_pool_nd)


def adaptive_max_pool_nd(axes: int, input: Any, output_size: Any, return_indices: bool = False) -> Value:
    """The maximum over the windows of ``adaptive_avg_pool``; with ``return_indices`` also where it stood.

    Raises:
        ShapeError: the input has other axes, or an axis of length 0.
        OptionError: ``output_size`` has not one number for each axis.
    """
    x, unbatched = with_batch(input, axes, f"adaptive_max_pool{axes}d")
    output, kernel = _windows(f"adaptive_max_pool{axes}d", output_size, tuple(x.shape[2:]))
    if kernel is not None:
        out = max_pool_nd(axes, input, kernel, return_indices=return_indices)
        return _in_format(out, axes, input)
    _check_not_empty(f"adaptive_max_pool{axes}d", x)
    places = [shares(n, o)[0] for n, o in zip(x.shape[2:], output, strict=True)]
    return _in_format(_picked(x, places, output, unbatched, return_indices), axes, input)


def _in_format(out: Any, axes: int, input: Any) -> Any:
    """Signals and images with their channels last in memory where the input's are; volumes row by row."""
    if axes < 3:
        return in_format_of(out, axes, input)
    return tuple(map(contiguous, out)) if isinstance(out, tuple) else contiguous(out)


def adaptive_max_pool_nd_with_indices(
    axes: int, input: Any, output_size: Any, return_indices: bool = False
) -> tuple[Value, Value]:
    """``adaptive_max_pool`` with ``return_indices``."""
    pair: Any = adaptive_max_pool_nd(axes, input, output_size, True)
    return pair


adaptive_max_pool1d = real_only(for_axes(1, adaptive_max_pool_nd))
adaptive_max_pool2d = real_only(for_axes(2, adaptive_max_pool_nd))
adaptive_max_pool3d = real_only(for_axes(3, adaptive_max_pool_nd))
adaptive_max_pool1d_with_indices = real_only(for_axes(1, adaptive_max_pool_nd_with_indices))
adaptive_max_pool2d_with_indices = real_only(for_axes(2, adaptive_max_pool_nd_with_indices))
adaptive_max_pool3d_with_indices = real_only(for_axes(3, adaptive_max_pool_nd_with_indices))


def fractional_max_pool_nd(
    axes: int, input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
    return_indices: bool = False, _random_samples: Any = None,
) -> Value:
    """The maximum of windows at random places, as many as ``output_size`` or the input's size times ``output_ratio``.

    Shapes, for images: input (N, C, H, W) or (C, H, W), result (N, C, oh, ow) or (C, oh, ow), ``_random_samples``
    (N, C, 2).

    Raises:
        OptionError: both or none of ``output_size`` and ``output_ratio`` are given.
        ShapeError: the input has other axes, or the windows do not fit into it.

    Reference: Graham 2014, "Fractional max-pooling".
    """
    name = f"fractional_max_pool{axes}d"
    x, unbatched = with_batch(input, axes, name)
    size, kernel = tuple(x.shape[2:]), as_tuple(kernel_size, axes, "kernel_size")
    if (output_size is None) == (output_ratio is None):
        raise OptionError(f"{name} takes output_size or output_ratio, one of them")
    if output_size is None:
        ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * axes
        output_size = [int(n * r) for n, r in zip(size, ratios, strict=True)]
    output = as_tuple(output_size, axes, "output_size")
    if any(o + k - 1 > n for o, k, n in zip(output, kernel, size, strict=True)):
        raise ShapeError(f"{name}: {output} windows of size {kernel} do not fit into {size}")
    wanted = (*x.shape[:2], axes)
    random = _random_samples is None or not math.prod(wanted)
    samples = numpy_generator(None).random(wanted) if random else as_array(_random_samples)
    if samples.size != math.prod(wanted):
        raise ShapeError(f"{name}: _random_samples has the shape {wanted}, not {samples.shape}")
    chances = np.moveaxis(samples.reshape(wanted), -1, 0)
    # PyTorch reads the chances of images from the last axis on, and those of volumes from the first.
    order = chances[::-1] if axes == 2 else chances
    places = [_at_random(*each) for each in zip(order, size, output, kernel, strict=True)]
    return _picked(x, places, output, unbatched, return_indices)


def fractional_max_pool_nd_with_indices(
    axes: int, input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
    return_indices: bool = False, _random_samples: Any = None,
) -> tuple[Value, Value]:
    """``fractional_max_pool`` with ``return_indices``."""
    pair: Any = fractional_max_pool_nd(axes, input, kernel_size, output_size, output_ratio, True, _random_samples)
    return pair


fractional_max_pool2d = for_axes(2, fractional_max_pool_nd)
fractional_max_pool3d = for_axes(3, fractional_max_pool_nd)
fractional_max_pool2d_with_indices = for_axes(2, fractional_max_pool_nd_with_indices)
fractional_max_pool3d_with_indices = for_axes(3, fractional_max_pool_nd_with_indices)


def shares(size: int, output: int) -> Any:
    """Where window i of ``output`` reads an axis of length ``size``: from floor(i n / o) to ceil((i + 1) n / o).

    Shapes: (output, longest); a shorter window repeats its last position, which is False in the second array.
    """
    starts = np.arange(output) * size // output
    stops = -(-np.arange(1, output + 1) * size // output)
    steps = np.arange(int((stops - starts).max(initial=1)))
    positions = starts[:, None] + steps
    return np.minimum(positions, stops[:, None] - 1), positions < stops[:, None]


def averaging(size: int, output: int) -> Taps:
    """The mean over each of the ``shares`` of an axis."""
    positions, inside = shares(size, output)
    return Taps(np.ascontiguousarray(positions.T), np.ascontiguousarray((inside / inside.sum(1, keepdims=True)).T))


def _windows(name: str, given: Any, size: Sizes) -> tuple[Sizes, Sizes | None]:
    """The number of windows on each axis, where None is the input's length, and their size where all are of one."""
    values = tuple(given) if isinstance(given, (tuple, list)) else (given,) * len(size)
    if len(values) != len(size):
        raise OptionError(f"{name} takes an output_size of one integer or {len(size)}, not {given!r}")
    output = as_tuple([n if v is None else v for v, n in zip(values, size, strict=True)], len(size), "output_size", 0)
    even = all(n and o and n % o == 0 for n, o in zip(size, output, strict=True))
    return output, tuple(n // o for n, o in zip(size, output, strict=True)) if even else None


def _check_not_empty(name: str, x: Any) -> None:
    """Raise ShapeError where there is nothing on an axis that windows lie on."""
    if not math.prod(x.shape[2:]):
        raise ShapeError(f"{name} takes inputs with something on each axis, not of shape {tuple(x.shape)}")


def _picked(x: Any, places: list[Any], output: Sizes, unbatched: bool, return_indices: bool) -> Any:
    """The maximum over the windows that read the positions ``places`` (..., output, kernel) of each axis."""
    size, axes = tuple(x.shape[2:]), len(output)
    flat: Any = 0
    for axis, place in enumerate(places):
        lead, (count, kernel) = place.shape[:-2], place.shape[-2:]
        spread = [1] * (2 * axes)
        spread[axis], spread[axes + axis] = count, kernel
        flat = flat * size[axis] + place.reshape(*lead, *spread)
    windows = flat.reshape(*flat.shape[: flat.ndim - 2 * axes], math.prod(output), math.prod(flat.shape[-axes:]))
    x = reshape(x, shape=(*x.shape[:2], math.prod(size)))
    windows = np.broadcast_to(windows, (*x.shape[:2], *windows.shape[-2:]))
    flat = windows.reshape(*x.shape[:2], math.prod(windows.shape[2:]))
    values = reshape(apply(take_along_axis, (x.detach(),), {"indices": flat, "axis": 2}), shape=windows.shape)
    winners = apply(argmax, (values,), {"axis": -1, "keepdims": True})
    indices = apply(take_along_axis, (windows,), {"indices": as_array(winners), "axis": 3})
    indices = reshape(indices, shape=(*x.shape[:2], math.prod(output)))
    shape = (*x.shape[1 if unbatched else 0 : 2], *output)
    result = reshape(apply(take_along_axis, (x,), {"indices": as_array(indices), "axis": 2}), shape=shape)
    return (result, reshape(indices, shape=shape)) if return_indices else result


def _at_random(chance: Any, size: int, output: int, kernel: int) -> Any:
    """Windows about (size - kernel) / (output - 1) apart, whose exact places ``chance`` decides (Graham 2014)."""
    if output > 1:
        alpha = (size - kernel) / (output - 1)
        starts = ((np.arange(output) + chance[..., None]) * alpha).astype(np.int64)
        starts -= (chance * alpha).astype(np.int64)[..., None]
    else:
        starts = np.zeros((*chance.shape, 1), np.int64)
    starts[..., -1] = size - kernel
    return starts[..., None] + np.arange(kernel)
