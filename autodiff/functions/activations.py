"""Activations that are methods of tensors too."""

from __future__ import annotations

import math
from typing import Any

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import ShapeError
from autodiff.functions.arithmetic import where
from autodiff.ops import transcendental
from autodiff.ops.shaping import reshape


def prelu(input: Any, weight: Any) -> Value:
    """``leaky_relu`` with slopes that are learnt: one for all, or one for each channel (axis 1).

    Shapes: input (N, C, *) or any, weight (C,) or (1,) or ().

    Reference: He et al. 2015, "Delving deep into rectifiers".

    Raises ShapeError where the weight does not fit the channels.
    """
    shape, slopes = tuple(input.shape), math.prod(weight.shape)
    if slopes != 1:
        channels = shape[1] if len(shape) > 1 else 0
        if len(weight.shape) != 1 or slopes != channels:
            raise ShapeError(f"prelu of shape {shape} takes 1 slope or {channels}, not shape {tuple(weight.shape)}")
        weight = reshape(weight, shape=(slopes,) + (1,) * (len(shape) - 2))
    elif len(weight.shape) > 1:
        raise ShapeError(f"prelu takes one slope as () or (1,), not of shape {tuple(weight.shape)}")
    elif weight.shape:
        weight = reshape(weight, shape=())
    return where(input > 0, input, input * weight)


def hardshrink(input: Any, lambd: float = 0.5) -> Value:
    """x, but 0 where its size is at most ``lambd``."""
    return apply(transcendental.hardshrink, (input,), {"width": lambd})
