"""``torch.nn.grad``: the gradients of convolutions, by their inputs and by their weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff.engine.backward import grad
from autodiff.tensors.creation import zeros
from autodiff.tensors.tensor import Tensor

from . import functional as F


def _by_input(convolution: Callable[..., Any], size: Any, weight: Any, gradient: Any, options: tuple[Any, ...]) -> Any:
    x = zeros(tuple(size), dtype=weight.dtype, requires_grad=True)
    return grad(convolution(x, weight.detach(), None, *options), x, gradient)[0]


def _by_weight(convolution: Callable[..., Any], input: Any, size: Any, gradient: Any, options: tuple[Any, ...]) -> Any:
    weight = zeros(tuple(size), dtype=input.dtype, requires_grad=True)
    return grad(convolution(input.detach(), weight, None, *options), weight, gradient)[0]


def conv1d_input(
    input_size: Any, weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of ``functional.conv1d`` by an input of ``input_size``, for one by its output."""
    return _by_input(F.conv1d, input_size, weight, grad_output, (stride, padding, dilation, groups))


def conv1d_weight(
    input: Tensor, weight_size: Any, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of ``functional.conv1d`` by a weight of ``weight_size``, for one by its output."""
    return _by_weight(F.conv1d, input, weight_size, grad_output, (stride, padding, dilation, groups))


def conv2d_input(
    input_size: Any, weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of ``functional.conv2d`` by an input of ``input_size``, for one by its output."""
    return _by_input(F.conv2d, input_size, weight, grad_output, (stride, padding, dilation, groups))


def conv2d_weight(
    input: Tensor, weight_size: Any, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of ``functional.conv2d`` by a weight of ``weight_size``, for one by its output."""
    return _by_weight(F.conv2d, input, weight_size, grad_output, (stride, padding, dilation, groups))


def conv3d_input(
    input_size: Any, weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of ``functional.conv3d`` by an input of ``input_size``, for one by its output."""
    return _by_input(F.conv3d, input_size, weight, grad_output, (stride, padding, dilation, groups))


def conv3d_weight(
    input: Tensor, weight_size: Any, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of ``functional.conv3d`` by a weight of ``weight_size``, for one by its output."""
    return _by_weight(F.conv3d, input, weight_size, grad_output, (stride, padding, dilation, groups))
