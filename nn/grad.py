"""``torch.nn.grad``: the gradients of convolutions, by their inputs and by their weights."""

from __future__ import annotations

from typing import Any

from autodiff.engine.backward import grad
from autodiff.tensors.creation import zeros
from autodiff.tensors.tensor import Tensor

from . import functional as F
from .functional.arguments import for_axes


def conv_nd_input(
    axes: int, input_size: Any, weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:
    """The gradient of a convolution by an input of ``input_size``, for one by its output."""
    x = zeros(tuple(input_size), dtype=weight.dtype, requires_grad=True)
    out = CONVOLUTIONS[axes](x, weight.detach(), None, stride, padding, dilation, groups)
    return grad(out, x, grad_output)[0]


def conv_nd_weight(
    axes: int, input: Tensor, weight_size: Any, grad_output: Tensor, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:
    """The gradient of a convolution by a weight of ``weight_size``, for one by its output."""
    weight = zeros(tuple(weight_size), dtype=input.dtype, requires_grad=True)
    out = CONVOLUTIONS[axes](input.detach(), weight, None, stride, padding, dilation, groups)
    return grad(out, weight, grad_output)[0]


CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}

conv1d_input, conv1d_weight = for_axes(1, conv_nd_input), for_axes(1, conv_nd_weight)
conv2d_input, conv2d_weight = for_axes(2, conv_nd_input), for_axes(2, conv_nd_weight)
conv3d_input, conv3d_weight = for_axes(3, conv_nd_input), for_axes(3, conv_nd_weight)
