"""Sampling images and volumes where a grid points: spatial transformers."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.arithmetic import where
from autodiff.functions.arrays import real_only
from autodiff.functions.reductions import beside
from autodiff.functions.shaping import contiguous, permute
from autodiff.kernels.arrays import as_array
from autodiff.ops.indexing import index
from autodiff.ops.linear_algebra import matmul
from autodiff.ops.shaping import reshape
from autodiff.tensors.tensor import Tensor

from .interpolation import cubic

__all__ = ["affine_grid", "grid_sample"]


def affine_grid(theta: Any, size: Any, align_corners: bool | None = None) -> Value:
    """The grid of points into which affine maps take the points of an image or volume, for ``grid_sample``.

    Shapes: theta (N, 2, 3) with size (N, C, H, W), result (N, H, W, 2); or (N, 3, 4), (N, C, D, H, W), (N, D, H, W, 3).

    Coordinates go from -1 to 1, x before y before z; with ``align_corners`` from the middle of the first entry to that
    of the last, otherwise from edge to edge.

    Reference: Jaderberg et al. 2015, "Spatial transformer networks".

    Raises ShapeError where ``theta`` does not fit the size.
    """
    lengths = tuple(size)[2:]
    axes = len(lengths)
    if axes not in (2, 3) or tuple(theta.shape) != (size[0], axes, axes + 1):
        raise ShapeError(
            f"affine_grid takes theta (N, 2, 3) for sizes (N, C, H, W), or (N, 3, 4) for volumes, not shape "
            f"{tuple(theta.shape)} for {tuple(size)}"
        )
    ends = [1.0 if align_corners else 1 - 1 / n for n in lengths]
    lines = [np.linspace(-e, e, n) if n > 1 else np.zeros(1) for e, n in zip(ends, lengths, strict=True)]
    points = np.stack([*np.meshgrid(*lines, indexing="ij")][::-1] + [np.ones(lengths)], -1)
    flat = points.reshape(-1, axes + 1).astype(theta.dtype)
    return reshape(apply(matmul, (flat, permute(theta, 0, 2, 1))), shape=(size[0], *lengths, axes))


@real_only
def grid_sample(
    input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Value:
    """The values of images or volumes at the points of ``grid``.

    Shapes: input (N, C, H, W), grid (N, oh, ow, 2), result (N, C, oh, ow); or (N, C, D, H, W), (N, od, oh, ow, 3),
    (N, C, od, oh, ow).

    Modes: "bilinear" (trilinear for volumes), "nearest", "bicubic" (images only). Outside the input are "zeros", the
    "border", or its "reflection". Coordinates: as ``affine_grid``.

    Raises:
        ShapeError: input and grid do not fit.
        OptionError: there is no such mode.
    """
    shape, points = tuple(input.shape), tuple(grid.shape)
    axes = len(shape) - 2
    if axes not in (2, 3) or len(points) != axes + 2 or points[0] != shape[0] or points[-1] != axes:
        raise ShapeError(f"grid_sample takes (N, C, H, W) and (N, oh, ow, 2), or volumes, not {shape} and {points}")
    if mode not in ("bilinear", "nearest", "bicubic") or (mode == "bicubic" and axes == 3):
        raise OptionError(f"grid_sample has the modes bilinear, nearest and, for images, bicubic, not {mode!r}")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise OptionError(f"padding_mode is 'zeros', 'border' or 'reflection', not {padding_mode!r}")
    sizes, align = shape[2:], bool(align_corners)
    places = [_unscaled(grid[..., axes - 1 - i], n, align) for i, n in enumerate(sizes)]
    if mode != "bicubic":
        places = [_inside(p, n, padding_mode, align, axes == 3) for p, n in zip(places, sizes, strict=True)]
    reads = [_reads(p, n, mode, padding_mode, align) for p, n in zip(places, sizes, strict=True)]
    samples = np.arange(shape[0]).reshape(-1, 1, *(1,) * axes)
    channels = np.arange(shape[1]).reshape(1, -1, *(1,) * axes)
    total: Any = None
    for corner in product(*reads):
        positions = [at[:, None] for at, _ in corner]
        known = np.logical_and.reduce([(p >= 0) & (p < n) for p, n in zip(positions, sizes, strict=True)])
        held = tuple(np.clip(p, 0, n - 1) for p, n in zip(positions, sizes, strict=True))
        value = apply(index, (input,), {"key": (samples, channels, *held)})
        if not known.all():
            value = where(known, value, 0.0)
        for _, weight in corner:
            if weight is not None:
                value = value * reshape(weight, shape=(points[0], 1, *points[1:-1]))
        total = value if total is None else total + value
    return contiguous(beside(total, grid) if mode == "nearest" else total)


def _unscaled(x: Any, size: int, align: bool) -> Any:
    """From -1 ... 1 to positions on an axis."""
    return (x + 1) * ((size - 1) / 2) if align else ((x + 1) * size - 1) * 0.5


def _inside(x: Any, size: int, padding_mode: str, align: bool, volume: bool = False) -> Any:
    """Positions outside the axis moved to its border, or mirrored into it.

    What is no position then, NaN, becomes the first of an image and the last of a volume, and without a border it is
    outside of a volume and NaN in an image, as in PyTorch.
    """
    if padding_mode == "zeros":
        finite = np.isfinite(as_array(x.detach()))
        return where(finite, x, -100.0) if volume and not finite.all() else x
    if padding_mode == "reflection":
        low, span = (0.0, size - 1.0) if align else (-0.5, float(size))
        if span == 0:
            return where(np.zeros(x.shape, bool), x, 0.0)
        turns = np.floor(np.abs(as_array(x.detach()) - low) / span)
        away = abs(x - low) - (turns * span).astype(x.dtype)
        x = where(turns % 2 == 0, away + low, span - away + low)
    numbers = as_array(x.detach())
    bounded = np.clip(np.where(np.isnan(numbers), numbers.dtype.type(size if volume else 0), numbers), 0.0, size - 1.0)
    return where((numbers > 0) & (numbers < size - 1), x, bounded)  # at the border itself the slope is 0, as in PyTorch


def _reads(x: Any, size: int, mode: str, padding_mode: str, align: bool) -> list[tuple[Any, Any]]:
    """The positions read on one axis, as integers, and their weights (None: 1)."""
    plain = as_array(x.detach())
    finite = np.isfinite(plain)
    plain = np.where(finite, plain, plain.dtype.type(-100))  # as PyTorch: read outside
    if mode == "nearest":
        return [(np.rint(plain).astype(np.int64), None)]
    first = np.floor(plain)
    if mode == "bilinear":
        ahead = x - first.astype(x.dtype)
        return [(first.astype(np.int64), 1 - ahead), (first.astype(np.int64) + 1, ahead)]
    reads = []
    for k in range(-1, 3):
        at: Any = first + k
        weight = cubic((x - first) - k)  # in this order, since k may be lost beside a large number
        weight = weight if finite.all() else where(finite, weight, x * np.nan)
        if padding_mode != "zeros":
            at = as_array(_inside(Tensor(at), size, padding_mode, align).detach())
        reads.append((np.rint(at).astype(np.int64), weight))
    return reads
