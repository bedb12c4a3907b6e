"""What all losses share: the reduction of many losses to one, and checks that targets fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.shaping import broadcast_tensors
from autodiff.kinds import described
from autodiff.ops.reductions import mean, sum_
from autodiff.ops.shaping import cast
from autodiff.tensors.warned import warn

_ALL = {"axis": None, "keepdims": False}


def reduced(loss: Any, reduction: str, count: Any = None) -> Value:
    """``loss`` as it is ("none"), its sum, or its mean: the sum over ``count``, by default the number of entries."""
    if reduction == "mean":
        return apply(mean, (loss,), _ALL) if count is None else apply(sum_, (loss,), _ALL) / count
    if reduction == "sum":
        return apply(sum_, (loss,), _ALL)
    check_reduction(reduction)
    return loss


def check_reduction(reduction: str) -> str:
    """``reduction``; raises OptionError for any other name."""
    if reduction not in ("mean", "sum", "none"):
        raise OptionError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")
    return reduction


def reduction_of(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction, which old programs name by two booleans."""
    if size_average is None and reduce is None:
        return reduction
    for name, value in (("size_average", size_average), ("reduce", reduce)):
        if not (value is None or isinstance(value, (bool, int))):
            raise OptionError(
                f"{name} is True or False, not {described(value)}; a loss is made first and then called with input and "
                "target, and how it reduces is named: MSELoss(reduction='sum')(input, target)"
            )
    return "none" if reduce is False else "sum" if size_average is False else "mean"


def warn_of_stretch(name: str, input: Any, target: Any) -> None:
    """Warn, as PyTorch does, where input and target stretch each other: (N, 1) and (N,) make (N, N), seldom on purpose.

    Raises ShapeError where they do not broadcast.
    """
    first, second = tuple(input.shape), tuple(target.shape)
    if first == second:
        return
    try:
        both = np.broadcast_shapes(first, second)
    except ValueError:
        raise misfit(name, first, second) from None
    if both not in (first, second):
        told = f"Using a target size {second} beside an input size {first}"  # programs filter by these words
        warn(f"{told}: {misfit(name, first, second)}; they are stretched to {both}")


def in_one_shape(name: str, input: Any, target: Any) -> tuple[Value, Value]:
    """Both, checked as by ``warn_of_stretch``; of two dtypes in one shape, so that one without axes decides, too."""
    if input.shape == target.shape:
        return input, target
    warn_of_stretch(name, input, target)
    if input.dtype == target.dtype:
        return input, target
    first, second = broadcast_tensors(input, target)
    return first, second


def as_numbers(input: Any, target: Any) -> tuple[Value, Value]:
    """Both, booleans beside numbers as numbers of that dtype: squares and rounded corners take a mask for a target."""
    if input.dtype is target.dtype or (input.dtype.kind == "b") == (target.dtype.kind == "b"):
        return input, target
    return (cast(input, target.dtype), target) if input.dtype.kind == "b" else (input, cast(target, input.dtype))


def same_shape(name: str, input: Any, target: Any) -> None:
    """Raise ShapeError where the shapes differ."""
    if tuple(input.shape) != tuple(target.shape):
        raise misfit(name, tuple(input.shape), tuple(target.shape))


def misfit(name: str, first: tuple[int, ...], second: tuple[int, ...]) -> ShapeError:
    """The error, to be raised, that says how a target of shape ``second`` fits an input of shape ``first``."""
    repair = "reshape or slice one of them"
    if [n for n in first if n != 1] == [n for n in second if n != 1]:
        repair = f"target.reshape({first}) or input.reshape({second}) makes them equal"
    return ShapeError(f"{name} takes a target of its input's shape {first}, not {second}; {repair}")


def weighted(loss: Any, weight: Any, reduction: str) -> Value:
    """``reduced``; with weights the mean is over their sum."""
    if weight is None:
        return reduced(loss, reduction)
    total = apply(sum_, (weight,), _ALL) if reduction == "mean" else None
    return reduced(loss * weight, reduction, total)


def as_input(loss: Any, input: Any) -> Any:
    """``loss`` in the dtype of a floating input, whatever that of the target, as some of PyTorch's losses have it."""
    return cast(loss, input.dtype) if input.dtype.kind == "f" and loss.dtype != input.dtype else loss


def check_weight(name: str, input: Any, weight: Any) -> None:
    """Raise ShapeError where there is a weight, but not one for each entry of the input."""
    if weight is not None and tuple(weight.shape) != tuple(input.shape):
        raise ShapeError(
            f"{name} takes a weight of its input's shape {tuple(input.shape)}, not {tuple(weight.shape)}; expand one"
        )
