"""Convolution (cross-correlation, as the field calls it) of signals and images."""

from __future__ import annotations

from typing import Any

from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.kernels.convolution import Geometry
from autodiff.ops.shaping import reshape
from autodiff.ops.windows import conv
from autodiff.recording import apply
from autodiff.tensor import Tensor
from nn.functional.arguments import check_output, several, with_batch

__all__ = ["conv1d", "conv2d"]

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
    _check_ranks("conv2d", input, weight, 2)
    x, unbatched = with_batch(input, 2, "conv2d")
    return _conv("conv2d", x, weight, bias, _geometry(weight, stride, padding, dilation, groups), unbatched)


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
    _check_ranks("conv1d", input, weight, 1)
    x, unbatched = with_batch(input, 1, "conv1d")
    n, c, length = x.shape
    geometry = _geometry(weight, stride, padding, dilation, groups)
    wide = reshape(weight, shape=(*weight.shape[:2], 1, weight.shape[2]))
    out = _conv("conv1d", reshape(x, shape=(n, c, 1, length)), wide, bias, geometry, False)
    shape = out.shape
    return reshape(out, shape=shape[1:2] + shape[3:] if unbatched else shape[:2] + shape[3:])


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


def _geometry(weight: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Geometry:
    """The options, checked, for two axes; the first of them is of length one where the weight has one axis only."""
    kernel = tuple(weight.shape[2:])
    axes = len(kernel)
    steps, spread = several(stride, axes, "stride"), several(dilation, axes, "dilation")
    pads = _pads(padding, kernel, steps, spread)
    if axes == 1:
        steps, spread, pads = (1, *steps), (1, *spread), ((0, 0), *pads)
    return Geometry(steps, pads, spread, several(groups, 1, "groups")[0])  # type: ignore[arg-type]


def _pads(padding: Any, kernel: Sizes, stride: Sizes, dilation: Sizes) -> tuple[tuple[int, int], ...]:
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


def _conv(name: str, x: Any, weight: Any, bias: Any, geometry: Geometry, unbatched: bool) -> Tensor:
    channels, shape, groups = x.shape[1], tuple(weight.shape), geometry.groups
    if channels != shape[1] * groups:
        raise ShapeError(
            f"{name} with a weight of shape {shape} and groups={groups} takes {shape[1] * groups} input channels, not "
            f"the {channels} of shape {tuple(x.shape)}"
        )
    if shape[0] % groups:
        raise ShapeError(f"{name} with groups={groups} needs that to divide its {shape[0]} output channels")
    if bias is not None and tuple(bias.shape) != shape[:1]:
        raise ShapeError(f"{name} with {shape[0]} output channels takes a bias ({shape[0]},), not {tuple(bias.shape)}")
    output = geometry.output_size(x.shape[2:], shape[2:])
    check_output(output, x, name, f"the kernel {shape[2:]}, dilation {geometry.dilation}, exceeds the padded input")
    out = apply(conv, (x, weight) if bias is None else (x, weight, bias), {"geometry": geometry})
    return reshape(out, shape=out.shape[1:]) if unbatched else out
