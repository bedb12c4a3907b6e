"""Convolution (cross-correlation, as the field calls it) of signals, images and volumes, and its transpose."""

from __future__ import annotations

import math
from typing import Any

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.shaping import contiguous, permute
from autodiff.kernels.geometry import Geometry, Pads, Sizes
from autodiff.ops.shaping import reshape
from autodiff.ops.windows import conv, conv_input

from .arguments import as_tuple, check_output, for_axes, in_format_of, with_batch, without_batch

__all__ = ["conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def conv_nd(
    axes: int, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Value:
    """Slide kernels over signals, images or volumes and take inner products.

    Shapes, for images: input (N, C, H, W) or (C, H, W), weight (O, C / groups, kh, kw), bias (O,), result
    (N, O, oh, ow) or (O, oh, ow) with oh = (H - dilation * (kh - 1) - 1 + 2 padding) // stride + 1, and likewise ow.
    Law: out[n, o, i, j] = bias[o] + sum over c, a, b of input[n, c, i + a, j + b] * weight[o, c, a, b].

    ``padding`` counts zeros around the input; "valid" is 0, "same" as many as keep its size (stride 1 only). Input and
    output channels are in so many ``groups`` that do not mix.

    Raises:
        ShapeError: channels or sizes do not fit.
        OptionError: an option has no such value.

    Reference: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning".

    >>> import autodiff
    >>> conv2d(autodiff.ones(1, 1, 3, 3), autodiff.ones(1, 1, 2, 2)).shape
    autodiff.Size([1, 1, 2, 2])
    >>> conv1d(autodiff.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), autodiff.ones(1, 1, 3), padding="same")
    tensor([[ 3.,  6.,  9., 12.,  9.]])
    """
    name, shape = f"conv{axes}d", tuple(weight.shape)
    x, unbatched = _checked_input(name, axes, input, weight)
    given = x
    steps, spread = as_tuple(stride, axes, "stride"), as_tuple(dilation, axes, "dilation")
    (groups,), sizes = as_tuple(groups, 1, "groups"), tuple(x.shape)
    if sizes[1] != shape[1] * groups:
        first = f"; .permute(0, {axes + 1}, {', '.join(map(str, range(1, axes + 1)))}) of (N, *, C) puts channels first"
        raise ShapeError(
            f"{name} with a weight of shape {shape} and groups={groups} takes {shape[1] * groups} input channels, not "
            f"the {sizes[1]} of shape {sizes}{first if sizes[-1] == shape[1] * groups else ''}"
        )
    if shape[0] % groups:
        raise ShapeError(f"{name} with groups={groups} needs that to divide its {shape[0]} output channels")
    _check_bias(name, bias, shape[0], weight.dtype)
    geometry = Geometry(steps, pads_of(padding, shape[2:], steps, spread), spread, groups)
    output = geometry.output_size(sizes[2:], shape[2:])
    check_output(output, x, name, f"the kernel {shape[2:]}, dilation {spread}, exceeds the padded input")
    if not shape[1]:  # of no channels PyTorch makes none, though the sum of nothing is the bias
        weight, bias = weight[:0], None if bias is None else bias[:0]
    x, w, geometry = _as_images(x, weight, geometry)
    out = apply(conv, (x, w) if bias is None else (x, w, bias), {"geometry": geometry})
    return _as_given(out, axes, unbatched, given, weight)


conv1d = for_axes(1, conv_nd)
conv2d = for_axes(2, conv_nd)
conv3d = for_axes(3, conv_nd)


def conv_tbc(input: Any, weight: Any, bias: Any, pad: int = 0) -> Value:
    """``conv1d`` of signals (T, N, C) by a weight (K, C, O), with so many zeros at both ends; the result is (T', N, O).

    Raises ShapeError where these do not fit.

    >>> import autodiff
    >>> conv_tbc(autodiff.ones(4, 1, 2), autodiff.ones(3, 2, 5), autodiff.zeros(5)).shape
    autodiff.Size([2, 1, 5])
    """
    if input.ndim != 3 or weight.ndim != 3:
        given = f"{tuple(input.shape)} and {tuple(weight.shape)}"
        raise ShapeError(f"conv_tbc takes input (T, N, C) and weight (K, C, O), not {given}")
    result = conv1d(permute(input, (1, 2, 0)), permute(weight, (2, 1, 0)), bias, padding=pad)
    return contiguous(permute(result, (2, 0, 1)))


def conv_transpose_nd(
    axes: int, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Value:
    """Lay down a kernel at each entry, times the entry, and add up: the adjoint of ``conv``, which makes images grow.

    Shapes, for images: input (N, C, H, W) or (C, H, W), weight (C, O / groups, kh, kw), bias (O,), result
    (N, O, oh, ow) or (O, oh, ow) with oh = (H - 1) * stride - 2 padding + dilation * (kh - 1) + 1 + output_padding, and
    likewise ow.
    Law: <conv2d(x, w), g> = <x, conv_transpose2d(g, w)>.

    ``padding`` is what ``conv2d`` would have added and is cut off here; ``output_padding`` tells apart the sizes from
    which a stride makes the same one.

    Raises:
        ShapeError: channels or sizes do not fit.
        OptionError: an option has no such value.

    Reference: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", section 4.

    >>> import autodiff
    >>> conv_transpose2d(autodiff.ones(1, 1, 2, 2), autodiff.ones(1, 1, 2, 2), stride=2).shape
    autodiff.Size([1, 1, 4, 4])
    """
    name, shape = f"conv_transpose{axes}d", tuple(weight.shape)
    x, unbatched = _checked_input(name, axes, input, weight)
    given = x
    steps, spread = as_tuple(stride, axes, "stride"), as_tuple(dilation, axes, "dilation")
    around, after = as_tuple(padding, axes, "padding", 0), as_tuple(output_padding, axes, "output_padding", 0)
    (groups,) = as_tuple(groups, 1, "groups")
    if x.shape[1] != shape[0] or shape[0] % groups:
        raise ShapeError(
            f"{name} with a weight (in, out / groups, size) of shape {shape} and groups={groups} takes {shape[0]} "
            f"input channels, a multiple of the groups, not the {x.shape[1]} of shape {tuple(x.shape)}"
        )
    _check_bias(name, bias, shape[1] * groups, weight.dtype)
    if any(a >= max(s, d) for a, s, d in zip(after, steps, spread, strict=True)):
        raise OptionError(f"{name}: output_padding {after} is less than the stride {steps} or dilation {spread}")
    # What the output has beyond the windows is padding that a convolution of it would leave out.
    geometry = Geometry(steps, tuple((p, p - a) for p, a in zip(around, after, strict=True)), spread, groups)
    size = geometry.input_size(x.shape[2:], shape[2:])
    check_output(size, x, name, f"the padding {around} cuts off more than there is")
    images, w, geometry = _as_images(x, weight, geometry)
    whole = (x.shape[0], shape[1] * groups, *(1,) * (2 - axes), *size)
    out = apply(conv_input, (images, w), {"geometry": geometry, "shape": whole})
    if bias is not None:
        out = out + reshape(bias, shape=(math.prod(bias.shape),) + (1,) * max(axes, 2))
    return _as_given(out, axes, unbatched, given, weight)


conv_transpose1d = for_axes(1, conv_transpose_nd)
conv_transpose2d = for_axes(2, conv_transpose_nd)
conv_transpose3d = for_axes(3, conv_transpose_nd)


def _checked_input(name: str, axes: int, input: Any, weight: Any) -> tuple[Any, bool]:
    """``with_batch``; raises where input and weight differ in rank or dtype."""
    if len(weight.shape) != axes + 2:
        raise ShapeError(
            f"{name} takes a weight of {axes + 2} axes (out, in / groups, size), not of shape {tuple(weight.shape)}"
        )
    if input.dtype != weight.dtype:
        raise DtypeError(
            f"{name} of an input of {input.dtype.name} with a weight of {weight.dtype.name}: convert one with "
            ".float(), .double() or .to(dtype)"
        )
    return with_batch(input, axes, name)


def _check_bias(name: str, bias: Any, channels: int, dtype: Any) -> None:
    if bias is None:
        return
    if bias.dtype != dtype:
        raise DtypeError(f"{name} with a weight of {dtype} takes a bias of that dtype, not {bias.dtype.name}")
    if tuple(bias.shape) != (channels,):
        raise ShapeError(f"{name} with {channels} output channels takes a bias ({channels},), not {tuple(bias.shape)}")


def pads_of(padding: Any, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Pads:
    """Zeros (before, after) on each axis; where "same" needs an odd number, the odd one comes after."""
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "same":
        if set(stride) != {1}:
            raise OptionError(f"padding='same' needs stride 1, not {stride}; give the padding as numbers")
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    if isinstance(padding, str):
        raise OptionError(f"padding is 'same', 'valid' or numbers, not {padding!r}")
    return tuple([(p, p) for p in as_tuple(padding, len(kernel), "padding", 0)])


def _as_images(x: Any, w: Any, geometry: Geometry) -> tuple[Any, Any, Geometry]:
    """Signals and their kernels as images of one row; images and volumes as they are."""
    if len(x.shape) > 3:
        return x, w, geometry
    stride, padding, dilation, groups = geometry
    x, w = (reshape(y, shape=(*n[:2], 1, n[2])) for y, n in ((x, tuple(x.shape)), (w, tuple(w.shape))))
    return x, w, Geometry((1, *stride), ((0, 0), *padding), (1, *dilation), groups)


def _as_given(out: Any, axes: int, unbatched: bool, input: Any, weight: Any) -> Value:
    """The result with as many axes as the input had, and in its memory format, or in the weight's."""
    if axes == 1:
        samples, channels, _, length = out.shape
        out = reshape(out, shape=(samples, channels, length))
    return without_batch(out if axes == 3 else in_format_of(out, axes, input, weight), unbatched)
