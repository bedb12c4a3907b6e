"""Pooling into a given number of windows: of lengths that differ by one, or at random places."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.values import wrap
from autodiff.errors import OptionError, ShapeError
from autodiff.kernels.resampling import Taps
from autodiff.ops.indexing import take_along_axis
from autodiff.ops.shaping import reshape
from autodiff.ops.windows import resample
from autodiff.random import numpy_generator
from autodiff.tensors.tensor import Tensor
from nn.functional import pooling
from nn.functional.arguments import several, with_batch

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
]

Sizes = tuple[int, ...]


def shares(size: int, output: int) -> Any:
    """Where window i of ``output`` reads an axis of length ``size``: from floor(i n / o) to ceil((i + 1) n / o).

    Shapes: (output, longest); a shorter window repeats its last position, which is False in the second array.
    """
    starts = np.arange(output) * size // output
    stops = -(-np.arange(1, output + 1) * size // output)
    steps = np.arange(int((stops - starts).max(initial=0)))
    positions = starts[:, None] + steps
    return np.minimum(positions, stops[:, None] - 1), positions < stops[:, None]


def averaging(size: int, output: int) -> Taps:
    """The mean over each of the ``shares`` of an axis."""
    positions, inside = shares(size, output)
    return Taps(np.ascontiguousarray(positions.T), np.ascontiguousarray((inside / inside.sum(1, keepdims=True)).T))


def _output(name: str, given: Any, size: Sizes) -> Sizes:
    """The output size, where None stands for the input's."""
    values = tuple(given) if isinstance(given, (tuple, list)) else (given,) * len(size)
    if len(values) != len(size):
        raise OptionError(f"{name} takes an output_size of one integer or {len(size)}, not {given!r}")
    return several([n if v is None else v for v, n in zip(values, size, strict=True)], len(size), "output_size")


def _evenly(size: Sizes, output: Sizes) -> Sizes | None:
    """The size of the windows where all are of one."""
    return None if any(n % o or not n for n, o in zip(size, output, strict=True)) else tuple(
        n // o for n, o in zip(size, output, strict=True))


def _adaptive_avg(axes: int, input: Any, output_size: Any) -> Tensor:
    name = f"adaptive_avg_pool{axes}d"
    x, unbatched = with_batch(input, axes, name)
    output = _output(name, output_size, tuple(x.shape[2:]))
    kernel = _evenly(x.shape[2:], output)
    if kernel is not None:
        return _AVG[axes](input, kernel)
    for axis, (size, count) in enumerate(zip(x.shape[2:], output, strict=True), 2):
        if size != count:
            x = apply(resample, (x,), {"axis": axis, "taps": averaging(size, count)})
    return reshape(x, shape=x.shape[1:]) if unbatched else x


_AVG = {1: pooling.avg_pool1d, 2: pooling.avg_pool2d, 3: pooling.avg_pool3d}
_MAX = {1: pooling.max_pool1d, 2: pooling.max_pool2d, 3: pooling.max_pool3d}


def _adaptive_max(axes: int, input: Any, output_size: Any, return_indices: bool) -> Any:
    name = f"adaptive_max_pool{axes}d"
    x, unbatched = with_batch(input, axes, name)
    output = _output(name, output_size, tuple(x.shape[2:]))
    kernel = _evenly(x.shape[2:], output)
    if kernel is not None:
        return _MAX[axes](input, kernel, return_indices=return_indices)
    places = [shares(n, o)[0] for n, o in zip(x.shape[2:], output, strict=True)]
    return _picked(x, places, output, unbatched, return_indices)


def _picked(x: Any, places: list[Any], output: Sizes, unbatched: bool, return_indices: bool) -> Any:
    """The maximum over the windows that read the positions ``places`` (..., output, kernel) of each axis."""
    size, axes = tuple(x.shape[2:]), len(output)
    flat: Any = 0
    for axis, place in enumerate(places):
        lead, (count, kernel) = place.shape[:-2], place.shape[-2:]
        spread = [1] * (2 * axes)
        spread[axis], spread[axes + axis] = count, kernel
        flat = flat * size[axis] + place.reshape(*lead, *spread)
    windows = flat.reshape(*flat.shape[: flat.ndim - 2 * axes], math.prod(output), -1)
    x = reshape(x, shape=(*x.shape[:2], math.prod(size)))
    plain = np.asarray(x.detach())
    windows = np.broadcast_to(windows, (*plain.shape[:2], *windows.shape[-2:]))
    values = np.take_along_axis(plain, windows.reshape(*plain.shape[:2], -1), 2).reshape(windows.shape)
    indices = np.take_along_axis(windows, values.argmax(-1)[..., None], 3)[..., 0]
    shape = (*x.shape[1 if unbatched else 0 : 2], *output)
    result = reshape(apply(take_along_axis, (x,), {"indices": indices, "axis": 2}), shape=shape)
    return (result, wrap(indices.reshape(shape))) if return_indices else result


def _fractional(
    axes: int, input: Any, kernel_size: Any, output_size: Any, output_ratio: Any, return_indices: bool, samples: Any
) -> Any:
    name = f"fractional_max_pool{axes}d"
    x, unbatched = with_batch(input, axes, name)
    size, kernel = tuple(x.shape[2:]), several(kernel_size, axes, "kernel_size")
    if (output_size is None) == (output_ratio is None):
        raise OptionError(f"{name} takes output_size or output_ratio, one of them")
    if output_size is None:
        ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * axes
        output_size = [int(n * r) for n, r in zip(size, ratios, strict=True)]
    output = several(output_size, axes, "output_size")
    if any(o + k - 1 > n for o, k, n in zip(output, kernel, size, strict=True)):
        raise ShapeError(f"{name}: {output} windows of size {kernel} do not fit into {size}")
    if samples is None:
        samples = numpy_generator(None).random((*x.shape[:2], axes))
    chances = np.asarray(samples).reshape(*x.shape[:2], axes)
    # PyTorch reads the chances of images from the last axis on, and those of volumes from the first.
    order = range(axes)[::-1] if axes == 2 else range(axes)
    places = [
        _at_random(chances[..., chance], n, o, k)
        for chance, n, o, k in zip(order, size, output, kernel, strict=True)
    ]
    return _picked(x, places, output, unbatched, return_indices)


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


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """The mean over so many windows as ``output_size`` says, whose lengths differ by one where they have to.

    Shapes: input (N, C, H, W) or (C, H, W), result (N, C, oh, ow) or (C, oh, ow); a size of None is the input's.
    Law: window i goes from floor(i H / oh) to ceil((i + 1) H / oh).

    >>> import autodiff
    >>> adaptive_avg_pool2d(autodiff.arange(6.0).reshape(1, 2, 3), 1)
    tensor([[[2.5000]]])
    """
    return _adaptive_avg(2, input, output_size)


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    """``adaptive_avg_pool2d`` of signals."""
    return _adaptive_avg(1, input, output_size)


def adaptive_avg_pool3d(input: Any, output_size: Any) -> Tensor:
    """``adaptive_avg_pool2d`` of volumes."""
    return _adaptive_avg(3, input, output_size)


def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The maximum over the windows of ``adaptive_avg_pool2d``; with ``return_indices`` also where it stood."""
    return _adaptive_max(2, input, output_size, return_indices)


def adaptive_max_pool2d_with_indices(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """``adaptive_max_pool2d`` with ``return_indices``."""
    return _adaptive_max(2, input, output_size, True)


def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """``adaptive_max_pool2d`` of signals."""
    return _adaptive_max(1, input, output_size, return_indices)


def adaptive_max_pool1d_with_indices(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """``adaptive_max_pool1d`` with ``return_indices``."""
    return _adaptive_max(1, input, output_size, True)


def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """``adaptive_max_pool2d`` of volumes."""
    return _adaptive_max(3, input, output_size, return_indices)


def adaptive_max_pool3d_with_indices(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """``adaptive_max_pool3d`` with ``return_indices``."""
    return _adaptive_max(3, input, output_size, True)


def fractional_max_pool2d(
    input: Any,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:
    """The maximum of windows at random places, as many as ``output_size`` or the input's size times ``output_ratio``.

    Shapes: input (N, C, H, W) or (C, H, W), result (N, C, oh, ow) or (C, oh, ow), ``_random_samples`` (N, C, 2).

    Reference: Graham 2014, "Fractional max-pooling".
    """
    return _fractional(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool2d_with_indices(
    input: Any,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:
    """``fractional_max_pool2d`` with ``return_indices``."""
    return _fractional(2, input, kernel_size, output_size, output_ratio, True, _random_samples)


def fractional_max_pool3d(
    input: Any,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:
    """``fractional_max_pool2d`` of volumes."""
    return _fractional(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool3d_with_indices(
    input: Any,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:
    """``fractional_max_pool3d`` with ``return_indices``."""
    return _fractional(3, input, kernel_size, output_size, output_ratio, True, _random_samples)
