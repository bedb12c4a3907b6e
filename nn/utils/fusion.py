"""Batch normalisation in evaluation, made part of the layer before it."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from autodiff.errors import OptionError
from autodiff.kinds import check_module, refusing

from ..module import Module
from ..parameter import Parameter
from .norms import output_axis

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]


@refusing
def fuse_conv_bn_weights(
    conv_w: Any, conv_b: Any, bn_rm: Any, bn_rv: Any, bn_eps: float, bn_w: Any, bn_b: Any, transpose: bool = False
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a convolution that includes the normalisation behind it.

    Law: with s = bn_w / sqrt(bn_rv + eps), the weight is s W, per output, and the bias (b - bn_rm) s + bn_b.

    Args:
        conv_w: the weight, (out, in, ...).
        conv_b: the bias, (out,), or None.
        bn_rm: the running mean, (out,).
        bn_rv: the running variance, (out,).
        bn_eps: added to the variance.
        bn_w: the weight of the normalisation, (out,), or None.
        bn_b: its bias, (out,), or None.
        transpose: the weight is (in, out, ...).
    """
    weight, mean, variance = (t.detach().numpy() for t in (conv_w, bn_rm, bn_rv))
    scale = (1 if bn_w is None else bn_w.detach().numpy()) / np.sqrt(variance + bn_eps)
    shape = [1] * weight.ndim
    shape[int(transpose)] = -1
    bias = (0 if conv_b is None else conv_b.detach().numpy()) - mean
    bias = bias * scale + (0 if bn_b is None else bn_b.detach().numpy())
    made = (weight * scale.reshape(shape), bias)
    one, two = (Parameter(array.astype(weight.dtype), conv_w.requires_grad) for array in made)
    return one, two


def fuse_linear_bn_weights(
    linear_w: Any, linear_b: Any, bn_rm: Any, bn_rv: Any, bn_eps: float, bn_w: Any, bn_b: Any
) -> tuple[Parameter, Parameter]:
    """``fuse_conv_bn_weights`` of a dense layer."""
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def _fused(layer: Module, bn: Any, transpose: bool) -> Any:
    for module in (layer, bn):
        check_module("fusing", module)
    if layer.training or bn.training or bn.running_mean is None:
        raise OptionError("fusing takes layers in eval(), with the running statistics of the normalisation")
    fused = copy.deepcopy(layer)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        layer.weight, layer.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused


def fuse_conv_bn_eval(conv: Module, bn: Module, transpose: bool = False) -> Any:
    """A copy of ``conv`` whose output is that of ``bn`` behind it; both are in evaluation.

    Raises OptionError where one of them is in training, or ``bn`` has no running statistics.
    """
    return _fused(conv, bn, transpose or bool(output_axis(conv)))


def fuse_linear_bn_eval(linear: Module, bn: Module) -> Any:
    """A copy of ``linear`` whose output is that of ``bn`` behind it; both are in evaluation.

    Raises OptionError where one of them is in training, or ``bn`` has no running statistics.
    """
    return _fused(linear, bn, False)
