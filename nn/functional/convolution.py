"""Convolution (cross-correlation, as the field calls it) of signals, images and volumes, and its transpose."""

from __future__ import annotations

import math
from typing import Any

from autodiff.engine.apply import apply
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.kernels.convolution import Geometry
from autodiff.kernels.volume import Volume
from autodiff.ops.shaping import reshape
from autodiff.ops.windows import conv, conv_input
from autodiff.tensors.tensor import Tensor
from nn.functional.arguments import check_output, several, with_batch

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]

Sizes = tuple[int, ...]


def conv2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """Slide kernels over images and take inner products.

    Shapes: input (N, C, H, W) or (C, H, W), weight (O, C / groups, kh, kw), bias (O,), result (N, O, oh, ow) or
    (O, oh, ow) with oh = (H - dilation * (kh - 1) - 1 + 2 padding) // stride + 1, and likewise ow.
    Law: out[n, o, i, j] = bias[o] + sum over c, a, b of input[n, c, i + a, j + b] * weight[o, c, a, b].

    ``padding`` counts zeros around the input; "valid" is 0, "same" as many as keep its size (stride 1 only). Input and
    output channels are in so many ``groups`` that do not mix.

    Raises:
        ShapeError: channels or sizes do not fit.
        OptionError: an option has no such value.

    Reference: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning".

    >>> import autodiff
    >>> conv2d(autodiff.ones(1, 1, 3, 3), autodiff.ones(1, 1, 2, 2)).shape
    (1, 1, 2, 2)
    """
    return _conv("conv2d", 2, input, weight, bias, (stride, padding, dilation, groups))


def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """Slide kernels over signals and take inner products: ``conv2d`` along one axis.

    Shapes: input (N, C, L) or (C, L), weight (O, C / groups, k), bias (O,), result (N, O, ol) or (O, ol).

    >>> import autodiff
    >>> signal, kernel = autodiff.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), autodiff.ones(1, 1, 3)
    >>> conv1d(signal, kernel, padding="same")
    tensor([[ 3.,  6.,  9., 12.,  9.]])
    """
    return _conv("conv1d", 1, input, weight, bias, (stride, padding, dilation, groups))


def conv3d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """Slide kernels through volumes and take inner products: ``conv2d`` along three axes.

    Shapes: input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, kd, kh, kw), bias (O,), result
    (N, O, od, oh, ow) or (O, od, oh, ow).
    """
    return _conv("conv3d", 3, input, weight, bias, (stride, padding, dilation, groups))


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """``conv_transpose2d`` along one axis.

    Shapes: input (N, C, L) or (C, L), weight (C, O / groups, k), bias (O,), result (N, O, ol) or (O, ol).
    """
    return _transposed("conv_transpose1d", 1, input, weight, bias, (stride, padding, output_padding, groups, dilation))


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Lay down a kernel at each entry, times the entry, and add up: the adjoint of ``conv2d``, which makes images grow.

    Shapes: input (N, C, H, W) or (C, H, W), weight (C, O / groups, kh, kw), bias (O,), result (N, O, oh, ow) or
    (O, oh, ow) with oh = (H - 1) * stride - 2 padding + dilation * (kh - 1) + 1 + output_padding, and likewise ow.
    Law: <conv2d(x, w), g> = <x, conv_transpose2d(g, w)>.

    ``padding`` is what ``conv2d`` would have added and is cut off here; ``output_padding`` tells apart the sizes from
    which a stride makes the same one.

    Raises:
        ShapeError: channels or sizes do not fit.
        OptionError: an option has no such value.

    Reference: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", section 4.

    >>> import autodiff
    >>> conv_transpose2d(autodiff.ones(1, 1, 2, 2), autodiff.ones(1, 1, 2, 2), stride=2).shape
    (1, 1, 4, 4)
    """
    return _transposed("conv_transpose2d", 2, input, weight, bias, (stride, padding, output_padding, groups, dilation))


def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """``conv_transpose2d`` along three axes.

    Shapes: input (N, C, D, H, W) or (C, D, H, W), weight (C, O / groups, kd, kh, kw), bias (O,), result
    (N, O, od, oh, ow) or (O, od, oh, ow).
    """
    return _transposed("conv_transpose3d", 3, input, weight, bias, (stride, padding, output_padding, groups, dilation))


def _check_ranks(name: str, input: Any, weight: Any, axes: int) -> None:
    if len(weight.shape) != axes + 2:
        raise ShapeError(
            f"{name} takes a weight of {axes + 2} axes (out, in / groups, size), not of shape {tuple(weight.shape)}"
        )
    if input.dtype != weight.dtype:
        raise DtypeError(
            f"{name} of an input of {input.dtype} with a weight of {weight.dtype}: convert one with .float(), "
            ".double() or .to(dtype)"
        )


def _geometry(stride: Sizes, pads: tuple[tuple[int, int], ...], dilation: Sizes, groups: int) -> Any:
    """The options, checked, as the kernels take them; of one axis are made two, the first of them of length one."""
    if len(stride) == 1:
        stride, dilation, pads = (1, *stride), (1, *dilation), ((0, 0), *pads)
    plane = Geometry(stride[-2:], pads[-2:], dilation[-2:], groups)  # type: ignore[arg-type]
    return plane if len(stride) == 2 else Volume(stride[0], pads[0], dilation[0], plane)


def pads_of(padding: Any, kernel: Sizes, stride: Sizes, dilation: Sizes) -> tuple[tuple[int, int], ...]:
    """Zeros (before, after) on each axis; where "same" needs an odd number, the odd one comes after."""
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "same":
        if set(stride) != {1}:
            raise OptionError(f"padding='same' needs stride 1, not {stride}; give the padding as numbers")
        return tuple(_halves(d * (k - 1)) for d, k in zip(dilation, kernel, strict=True))
    if isinstance(padding, str):
        raise OptionError(f"padding is 'same', 'valid' or numbers, not {padding!r}")
    return tuple((p, p) for p in several(padding, len(kernel), "padding", 0))


def _halves(total: int) -> tuple[int, int]:
    """``total`` in two parts that are equal, or the second greater by one."""
    return total // 2, total - total // 2


def _wide(x: Any) -> Any:
    """Signals (N, C, L) as images of one row (N, C, 1, L); images and volumes as they are."""
    return reshape(x, shape=(*x.shape[:2], 1, x.shape[2])) if len(x.shape) == 3 else x


def _as_given(out: Any, axes: int, unbatched: bool) -> Tensor:
    """The result with as many axes as the input had."""
    shape = tuple(out.shape)
    if axes == 1:
        shape = shape[:2] + shape[3:]
    if unbatched:
        shape = shape[1:]
    return out if shape == out.shape else reshape(out, shape=shape)


def _conv(name: str, axes: int, input: Any, weight: Any, bias: Any, options: tuple[Any, Any, Any, int]) -> Tensor:
    _check_ranks(name, input, weight, axes)
    x, unbatched = with_batch(input, axes, name)
    stride, padding, dilation, groups = options
    steps, spread = several(stride, axes, "stride"), several(dilation, axes, "dilation")
    (groups,) = several(groups, 1, "groups")
    channels, shape = x.shape[1], tuple(weight.shape)
    if channels != shape[1] * groups:
        raise ShapeError(
            f"{name} with a weight of shape {shape} and groups={groups} takes {shape[1] * groups} input channels, not "
            f"the {channels} of shape {tuple(x.shape)}"
        )
    if shape[0] % groups:
        raise ShapeError(f"{name} with groups={groups} needs that to divide its {shape[0]} output channels")
    _check_bias(name, bias, shape[0])
    geometry = _geometry(steps, pads_of(padding, shape[2:], steps, spread), spread, groups)
    x, w = _wide(x), _wide(weight)
    output = geometry.output_size(x.shape[2:], w.shape[2:])
    check_output(output, x, name, f"the kernel {shape[2:]}, dilation {spread}, exceeds the padded input")
    out = apply(conv, (x, w) if bias is None else (x, w, bias), {"geometry": geometry})
    return _as_given(out, axes, unbatched)


def _check_bias(name: str, bias: Any, channels: int) -> None:
    if bias is not None and tuple(bias.shape) != (channels,):
        raise ShapeError(f"{name} with {channels} output channels takes a bias ({channels},), not {tuple(bias.shape)}")


def _transposed(name: str, axes: int, input: Any, weight: Any, bias: Any, options: tuple[Any, ...]) -> Tensor:
    _check_ranks(name, input, weight, axes)
    x, unbatched = with_batch(input, axes, name)
    stride, padding, more, groups, dilation = options
    steps, spread = several(stride, axes, "stride"), several(dilation, axes, "dilation")
    around, after = several(padding, axes, "padding", 0), several(more, axes, "output_padding", 0)
    (groups,) = several(groups, 1, "groups")
    shape = tuple(weight.shape)
    if x.shape[1] != shape[0] or shape[0] % groups:
        raise ShapeError(
            f"{name} with a weight (in, out / groups, size) of shape {shape} and groups={groups} takes {shape[0]} "
            f"input channels, a multiple of the groups, not the {x.shape[1]} of shape {tuple(x.shape)}"
        )
    _check_bias(name, bias, shape[1] * groups)
    if any(a >= max(s, d) for a, s, d in zip(after, steps, spread, strict=True)):
        raise OptionError(f"{name}: output_padding {after} is less than the stride {steps} or dilation {spread}")
    size = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + 1 + a
        for n, s, p, d, k, a in zip(x.shape[2:], steps, around, spread, shape[2:], after, strict=True)
    )
    check_output(size, x, name, f"the padding {around} cuts off more than there is")
    # What the output has beyond the windows is padding that a convolution of it would leave out.
    pads = tuple((p, p - a) for p, a in zip(around, after, strict=True))
    lead = (1,) if axes == 1 else ()
    params = {
        "geometry": _geometry(steps, pads, spread, groups),
        "shape": (x.shape[0], shape[1] * groups, *lead, *size),
    }
    out = apply(conv_input, (_wide(x), _wide(weight)), params)
    if bias is not None:
        out = out + reshape(bias, shape=(math.prod(bias.shape),) + (1,) * max(axes, 2))
    return _as_given(out, axes, unbatched)
