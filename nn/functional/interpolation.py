"""Resizing and sampling: values between the entries of signals, images and volumes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.shaping import clone, contiguous
from autodiff.kernels.resampling import Taps
from autodiff.ops.windows import resample

from .adaptive import averaging
from .arguments import as_tuple, in_format_of

__all__ = ["interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]

_AXES = {
    "nearest": (1, 2, 3), "nearest-exact": (1, 2, 3), "area": (1, 2, 3),
    "linear": (1,), "bilinear": (2,), "bicubic": (2,), "trilinear": (3,),
}
_CHANNELS_LAST = {  # of how many axes PyTorch's results have their channels last in memory where the input has
    "nearest": (2, 3), "nearest-exact": (2, 3), "area": (1, 2),
    "linear": (), "bilinear": (2,), "bicubic": (2,), "trilinear": (3,),
}  # fmt: skip
_ALIGNING = ("linear", "bilinear", "bicubic", "trilinear")


def interpolate(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Value:
    """The input resized, to ``size`` or by ``scale_factor``.

    Shapes: input (N, C, L), (N, C, H, W) or (N, C, D, H, W), result with the last axes of another length.

    Modes: "nearest" (the entry before, not the nearest one) and "nearest-exact"; "linear", "bilinear", "trilinear" (by
    the number of axes); "bicubic"; "area" (``adaptive_avg_pool``). With ``align_corners`` the outermost entries
    stay where they are, otherwise the outermost edges do. ``antialias`` ("bilinear", "bicubic") widens the
    kernel where the image shrinks.

    Images of uint8 are computed in float32 and rounded in the modes "bilinear" and "bicubic".

    Raises:
        ShapeError: the mode has no meaning for the axes of the input.
        DtypeError: other integers, in a mode that averages.
        OptionError: not one of size and scale_factor, or options that do not go together.

    Reference: Keys 1981, "Cubic convolution interpolation for digital image processing", for "bicubic" (a = -0.75).

    >>> import autodiff
    >>> interpolate(autodiff.tensor([[[1.0, 3.0]]]), size=4, mode="linear", align_corners=False)
    tensor([[[1.0000, 1.5000, 2.5000, 3.0000]]])
    """
    shape = tuple(input.shape)
    axes = len(shape) - 2
    if mode not in _AXES:
        raise OptionError(f"interpolate has the modes {', '.join(_AXES)}, not {mode!r}")
    if axes not in _AXES[mode]:
        raise ShapeError(f"interpolate with mode={mode!r} resizes {_AXES[mode]} axes behind (N, C), not shape {shape}")
    if align_corners is not None and mode not in _ALIGNING:
        raise OptionError(f"align_corners goes with the modes {', '.join(_ALIGNING)}, not with {mode!r}")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise OptionError(f"antialias goes with the modes bilinear and bicubic, not with {mode!r}")
    output, scales = _sizes(shape[2:], size, scale_factor, recompute_scale_factor)
    if input.dtype.kind in "iub" and not mode.startswith("nearest"):
        if input.dtype != np.uint8 or mode not in ("bilinear", "bicubic"):
            raise DtypeError(f"interpolate with mode={mode!r} averages, not entries of {input.dtype}; use .float()")
        return _of_bytes(input, output, scales, mode, bool(align_corners), antialias)
    out = input
    for axis, (length, count, scale) in enumerate(zip(shape[2:], output, scales, strict=True), 2):
        if length != count or scale not in (None, 1.0):
            taps = _taps(mode, length, count, scale, bool(align_corners), antialias)
            out = apply(resample, (out,), {"axis": axis, "taps": taps})
    out = clone(input) if out is input else out
    return in_format_of(out, axes, input) if axes in _CHANNELS_LAST[mode] else contiguous(out)


def _of_bytes(image: Any, output: Any, scales: Any, mode: str, align: bool, antialias: bool) -> Any:
    """An image (N, C, H, W) of bytes resized along the rows, rounded, and then along the columns, as in PyTorch."""
    out = image.float()
    for axis in (3, 2):
        taps = _taps(mode, image.shape[axis], output[axis - 2], scales[axis - 2], align, antialias)
        out = apply(resample, (out,), {"axis": axis, "taps": taps}).round().clamp(0, 255)
    return in_format_of(out.to(image.dtype), 2, image)


def _sizes(size: Any, wanted: Any, factor: Any, recompute: bool | None) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    """The output size, and for each axis the factor to compute with; None where the sizes determine it."""
    axes = len(size)
    if (wanted is None) == (factor is None):
        raise OptionError(f"interpolate takes size or scale_factor, one of them, not {wanted} and {factor}")
    if wanted is not None:
        if recompute:
            raise OptionError("recompute_scale_factor goes with scale_factor, not with size")
        return as_tuple(wanted, axes, "size"), (None,) * axes
    factors = tuple(factor) if isinstance(factor, (tuple, list)) else (factor,) * axes
    if len(factors) != axes:
        raise OptionError(f"scale_factor is a number or {axes}, not {factor!r}")
    output = tuple(math.floor(n * f) for n, f in zip(size, factors, strict=True))
    if min(output) < 1:
        raise ShapeError(f"interpolate of {tuple(size)} by {factors} would leave nothing: {output}")
    return output, (None,) * axes if recompute else factors


def _taps(mode: str, size: int, count: int, factor: float | None, align: bool, antialias: bool) -> Taps:
    """Where each of ``count`` entries comes from on an axis of length ``size``."""
    if mode == "area":
        return averaging(size, count)
    step = 1 / factor if factor else size / count
    places = np.arange(count)
    if mode.startswith("nearest"):
        small = np.float32(step)  # as PyTorch, since rounding may decide which entry is nearest
        near = np.floor((places + (0.5 if mode == "nearest-exact" else 0)) * small).astype(np.int64)
        return Taps(near.clip(max=size - 1)[None])
    if antialias:
        return _widened(mode, size, places, step if not align else (size - 1) / max(count - 1, 1))
    if align:
        at = places * ((size - 1) / (count - 1) if count > 1 else 0.0)
    else:
        at = (places + 0.5) * step - 0.5
    if mode != "bicubic":
        at = at.clip(min=0)
    first = np.floor(at).astype(np.int64)
    reach = np.arange(-1, 3) if mode == "bicubic" else np.arange(2)
    kernel = cubic if mode == "bicubic" else _tent
    positions = first + reach[:, None]
    return Taps(positions.clip(0, size - 1), kernel(at - positions))


def _widened(mode: str, size: int, places: Any, step: float) -> Taps:
    """The kernel stretched by ``step`` where that is above 1, cut at the edges and made to sum to 1."""
    wide = max(step, 1.0)
    centers = (places + 0.5) * step
    support = (2 if mode == "bicubic" else 1) * wide
    first = np.maximum((centers - support + 0.5).astype(np.int64), 0)
    last = np.minimum((centers + support + 0.5).astype(np.int64), size)
    positions = first + np.arange(int((last - first).max()))[:, None]
    offsets = (positions - centers + 0.5) / wide
    weights = np.where(positions < last, cubic(offsets, -0.5) if mode == "bicubic" else _tent(offsets), 0.0)
    return Taps(np.minimum(positions, last - 1), weights / weights.sum(0))


def _tent(x: Any) -> Any:
    return np.maximum(1 - np.abs(x), 0)


def cubic(x: Any, a: float = -0.75) -> Any:
    """Keys' kernel: two cubics that meet smoothly at 1 and end at 2; of arrays and of tensors."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def upsample(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Value:
    """An old name of ``interpolate``."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Value:
    """An old name of ``interpolate`` with mode "nearest"."""
    return interpolate(input, size, scale_factor)


def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Value:
    """An old name of ``interpolate`` with mode "bilinear" and aligned corners."""
    return interpolate(input, size, scale_factor, "bilinear", True)
