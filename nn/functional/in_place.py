"""Activations and dropout that write into their input, by PyTorch's names with an underscore."""

from __future__ import annotations

from typing import Any

from autodiff.engine.values import Value

from .activations import celu, elu, hardtanh, leaky_relu, relu, rrelu, selu
from .activations import threshold as cut

__all__ = ["celu_", "elu_", "hardtanh_", "leaky_relu_", "relu_", "rrelu_", "selu_", "threshold_"]


def relu_(input: Any) -> Value:
    """``relu``, written into the input."""
    return relu(input, inplace=True)


def hardtanh_(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Value:
    """``hardtanh``, written into the input."""
    return hardtanh(input, min_val, max_val, inplace=True)


def elu_(input: Any, alpha: float = 1.0) -> Value:
    """``elu``, written into the input."""
    return elu(input, alpha, inplace=True)


def selu_(input: Any) -> Value:
    """``selu``, written into the input."""
    return selu(input, inplace=True)


def celu_(input: Any, alpha: float = 1.0) -> Value:
    """``celu``, written into the input."""
    return celu(input, alpha, inplace=True)


def leaky_relu_(input: Any, negative_slope: float = 0.01) -> Value:
    """``leaky_relu``, written into the input."""
    return leaky_relu(input, negative_slope, inplace=True)


def rrelu_(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Value:
    """``rrelu``, written into the input."""
    return rrelu(input, lower, upper, training, inplace=True)


def threshold_(input: Any, threshold: float, value: float) -> Value:
    """``threshold``, written into the input."""
    return cut(input, threshold, value, inplace=True)
