"""Rearranging entries: windows to columns and back, channels to pixels and back."""

from __future__ import annotations

import math
from typing import Any

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.shaping import permute
from autodiff.ops import windows
from autodiff.ops.shaping import reshape

from .arguments import apart, as_tuple, check_output, in_format_of, window_of, with_batch

__all__ = ["channel_shuffle", "fold", "native_channel_shuffle", "pixel_shuffle", "pixel_unshuffle", "unfold"]


def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Value:
    """All windows of images as columns (im2col).

    Shapes: input (N, C, H, W) or (C, H, W), result (N, C * kh * kw, L) or (C * kh * kw, L) for L windows.

    Raises ShapeError where the windows do not fit.

    >>> import autodiff
    >>> unfold(autodiff.ones(1, 2, 4, 4), 3).shape
    autodiff.Size([1, 18, 4])
    """
    x, unbatched = with_batch(input, 2, "unfold")
    window = window_of(2, kernel_size, stride, padding, dilation)
    output = window.output_size(x.shape[2:])
    check_output(output, x, "unfold", f"its windows of size {window.kernel} are larger than the padded input")
    columns = apply(windows.windows, (x,), {"window": window})
    shape = (x.shape[0], x.shape[1] * math.prod(window.kernel), math.prod(output))
    return apart(reshape(columns, shape=shape[1:] if unbatched else shape), input)


def fold(
    input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Value:
    """Columns added up where ``unfold`` took them from: its adjoint (col2im).

    Shapes: input (N, C * kh * kw, L) or (C * kh * kw, L), result (N, C, *output_size) or (C, *output_size).

    Raises ShapeError where the columns do not fit the image.
    """
    window, size = window_of(2, kernel_size, stride, padding, dilation), as_tuple(output_size, 2, "output_size")
    output, area, shape = window.output_size(size), math.prod(window.kernel), tuple(input.shape)
    if len(shape) not in (2, 3) or shape[-1] != math.prod(output) or shape[-2] % area:
        raise ShapeError(
            f"fold to {size} with kernel {window.kernel} takes (N, C * {area}, {math.prod(output)}), not shape {shape}"
        )
    channels = shape[-2] // area
    columns = reshape(input, shape=(math.prod(shape[:-2]), channels, *window.kernel, *output))
    out = apply(windows.fold, (columns,), {"window": window, "size": size})
    return reshape(out, shape=(*shape[:-2], channels, *size))


def pixel_shuffle(input: Any, upscale_factor: int) -> Value:
    """Groups of r * r channels as blocks of r * r pixels.

    Shapes: input (*, C r^2, H, W), result (*, C, H r, W r).

    Reference: Shi et al. 2016, "Real-time single image and video super-resolution".

    Raises ShapeError where the channels do not divide.
    """
    r, shape = upscale_factor, tuple(input.shape)
    if len(shape) < 3 or r < 1 or shape[-3] % (r * r):
        raise ShapeError(f"pixel_shuffle by {r} takes inputs (*, C * {r * r}, H, W), not of shape {shape}")
    *lead, channels, height, width = shape
    x = reshape(input, shape=(math.prod(lead), channels // r**2, r, r, height, width))
    x = permute(x, 0, 1, 4, 2, 5, 3)
    x = reshape(x, shape=(*lead, channels // r**2, height * r, width * r))
    return apart(in_format_of(x, 2, input), input)


def pixel_unshuffle(input: Any, downscale_factor: int) -> Value:
    """The inverse of ``pixel_shuffle``.

    Shapes: input (*, C, H r, W r), result (*, C r^2, H, W).

    Raises ShapeError where the image does not divide.
    """
    r, shape = downscale_factor, tuple(input.shape)
    if len(shape) < 3 or r < 1 or shape[-1] % r or shape[-2] % r:
        raise ShapeError(f"pixel_unshuffle by {r} takes inputs (*, C, H * {r}, W * {r}), not of shape {shape}")
    *lead, channels, height, width = shape
    x = reshape(input, shape=(math.prod(lead), channels, height // r, r, width // r, r))
    x = permute(x, 0, 1, 3, 5, 2, 4)
    x = reshape(x, shape=(*lead, channels * r**2, height // r, width // r))
    return apart(in_format_of(x, 2, input), input)


def channel_shuffle(input: Any, groups: int) -> Value:
    """The channels of ``groups`` groups dealt out in turn.

    Shapes: input (N, C, *), result the same.

    Reference: Zhang et al. 2018, "ShuffleNet".

    Raises OptionError where ``groups`` does not divide the channels.
    """
    shape = tuple(input.shape)
    if len(shape) < 3:
        raise ShapeError(f"channel_shuffle takes inputs (N, C, *), not of shape {shape}")
    if groups < 1 or shape[1] % groups:
        raise OptionError(f"channel_shuffle: groups={groups} does not divide the {shape[1]} channels")
    x = reshape(input, shape=(shape[0], groups, shape[1] // groups, math.prod(shape[2:])))
    out = reshape(permute(x, 0, 2, 1, 3), shape=shape)
    return apart(in_format_of(out, 2, input) if len(shape) == 4 else out, input)


native_channel_shuffle = channel_shuffle
