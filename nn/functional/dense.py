"""The affine map of a dense layer."""

from __future__ import annotations

import math
from typing import Any

from autodiff.errors import AutodiffError, ShapeError
from autodiff.ops.linear_algebra import linear as linear_row
from autodiff.recording import apply
from autodiff.tensor import Tensor

__all__ = ["linear"]


def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """x W^T + b.

    Shapes: input (..., in), weight (out, in), bias (out,), result (..., out).

    Raises ShapeError where these do not fit.

    >>> import autodiff
    >>> linear(autodiff.ones(2, 3), autodiff.ones(1, 3))
    tensor([[3.],
            [3.]])
    """
    try:
        return apply(linear_row, (input, weight) if bias is None else (input, weight, bias))
    except AutodiffError as error:
        raise _explained(error, input, weight, bias) from None


def _explained(error: AutodiffError, input: Any, weight: Any, bias: Any) -> AutodiffError:
    """The error with the layer's own reason, where that is what went wrong."""
    given, matrix = tuple(input.shape), tuple(weight.shape)
    if len(matrix) != 2:
        return ShapeError(f"linear takes a weight (out, in), not one of shape {matrix}")
    if not given or given[-1] != matrix[1]:
        repair = ""
        if given and given[-1] != matrix[1] and math.prod(given[1:]) == matrix[1]:
            repair = "; flatten(1) first gives that"
        return ShapeError(
            f"linear with a weight (out, in) of shape {matrix} takes inputs (..., {matrix[1]}), not of shape "
            f"{given}{repair}"
        )
    if bias is not None and tuple(bias.shape) != matrix[:1]:
        return ShapeError(f"linear with {matrix[0]} outputs takes a bias ({matrix[0]},), not {tuple(bias.shape)}")
    return error
