"""The affine map of a dense layer."""

from __future__ import annotations

import math
from typing import Any

from autodiff.engine.apply import apply
from autodiff.engine.broadcasting import broadcasts_to
from autodiff.engine.values import Value
from autodiff.errors import AutodiffError, ShapeError
from autodiff.functions.arrays import one_dtype
from autodiff.ops import linear_algebra
from autodiff.ops.linear_algebra import matmul
from autodiff.ops.shaping import reshape, transpose

__all__ = ["bilinear", "linear"]


def linear(input: Any, weight: Any, bias: Any = None) -> Value:
    """x W^T + b.

    Shapes: input (..., in), weight (out, in), bias (out,), or one that broadcasts to the result, (..., out); with a
    weight (in,) and without a bias the result is (...).

    Raises ShapeError where these do not fit.

    >>> import autodiff
    >>> linear(autodiff.ones(2, 3), autodiff.ones(1, 3))
    tensor([[3.],
            [3.]])
    """
    try:
        return apply(linear_algebra.linear, (input, weight) if bias is None else (input, weight, bias))
    except AutodiffError as error:
        if len(weight.shape) == 1 and bias is None and len(input.shape):
            return apply(matmul, (input, weight))
        if bias is not None and len(input.shape) == 1 and tuple(bias.shape) == (1, *weight.shape[:1]):
            return linear(input, weight, reshape(bias, shape=weight.shape[:1]))
        raise _explained(error, input, weight, bias) from None


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Value:
    """x1^T W[o] x2 + b[o] for each output o.

    Shapes: input1 (*, in1), input2 (*, in2), weight (out, in1, in2), bias (out,), result (*, out).

    Raises ShapeError where these do not fit.
    """
    first, second, third = tuple(input1.shape), tuple(input2.shape), tuple(weight.shape)
    if len(third) != 3 or not first or first[:-1] != second[:-1] or (first[-1], second[-1]) != third[1:]:
        raise ShapeError(
            f"bilinear takes inputs (*, in1) and (*, in2) and a weight (out, in1, in2), not shapes {first}, {second}, "
            f"{third}"
        )
    if bias is not None:
        one_dtype("bilinear", weight, bias)
    if bias is not None and tuple(bias.shape) != third[:1]:
        raise ShapeError(f"bilinear with {third[0]} outputs takes a bias {third[:1]}, not {tuple(bias.shape)}")
    lead, (out, in1, in2) = first[:-1], third
    matrix = reshape(apply(transpose, (weight,), {"axes": (1, 0, 2)}), shape=(in1, out * in2))
    x = reshape(input1, shape=(math.prod(lead), in1))
    left = reshape(apply(matmul, (x, matrix)), shape=(*lead, out, in2))
    result = reshape(apply(matmul, (left, reshape(input2, shape=(*lead, in2, 1)))), shape=(*lead, out))
    return result if bias is None else result + bias


def _explained(error: AutodiffError, input: Any, weight: Any, bias: Any) -> AutodiffError:
    """``error``, or one that names the layer's shapes where these do not fit."""
    given, matrix = tuple(input.shape), tuple(weight.shape)
    if len(matrix) != 2:
        return ShapeError(f"linear takes a weight (out, in), not one of shape {matrix}")
    if not given or given[-1] != matrix[1]:
        flat = given and math.prod(given[1:]) == matrix[1]
        repair = "; flatten(1) first gives that" if flat else ""
        return ShapeError(
            f"linear with a weight (out, in) of shape {matrix} takes inputs (..., {matrix[1]}), not of shape "
            f"{given}{repair}"
        )
    if bias is not None and not broadcasts_to(tuple(bias.shape), (*given[:-1], matrix[0])):
        return ShapeError(f"linear with {matrix[0]} outputs takes a bias ({matrix[0]},), not {tuple(bias.shape)}")
    return error
