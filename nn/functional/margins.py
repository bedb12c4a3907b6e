"""Losses that ask for a margin: between classes, between pairs, between distances."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.arithmetic import clamp, minimum, where
from autodiff.functions.arrays import array_of, real_only
from autodiff.functions.reductions import mean
from autodiff.functions.reductions import sum as sum_over
from autodiff.kernels.arrays import as_array
from autodiff.ops.indexing import take_along_axis
from autodiff.ops.shaping import in_single, reshape
from autodiff.ops.transcendental import relu, softplus

from .distances import pairwise_distance
from .losses import binary_cross_entropy_with_logits
from .reduction import as_input, reduced, reduction_of, same_shape

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "soft_margin_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def _positive(x: Any) -> Value:
    """max(x, 0), with gradient 1 at 0, as PyTorch's losses of pairs have it; those of classes have 0 there."""
    return clamp(x, min=0.0)


def _classes(name: str, target: Any) -> Any:
    """The targets as an array of integers."""
    array = as_array(array_of(target))
    if array.dtype.kind not in "iu":
        raise DtypeError(f"{name} takes class indices, not targets of {array.dtype}; convert them with .long()")
    return array


@real_only
@in_single
def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """A distance x where the target is 1, max(0, margin - x) where it is -1.

    Shapes: input (*), target (*), result () or, for reduction "none", (*).

    Raises:
        ShapeError: ``input`` and ``target`` do not fit each other.
        OptionError: there is no such ``reduction``.
    """
    same_shape("hinge_embedding_loss", input, target)
    loss = where(target != 1, _positive(margin - input), 0.0) + where(target != -1, input, 0.0)
    return reduced(loss, reduction_of(size_average, reduce, reduction))


@in_single
def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Value:
    """max(0, margin - y * (x1 - x2)): y = 1 asks for the first to be greater, y = -1 for the second.

    Shapes: all (N,) or (), result () or, for reduction "none", as they.

    Raises ShapeError where the numbers of axes differ.
    """
    if not len(input1.shape) == len(input2.shape) == len(target.shape):
        shapes = tuple(input1.shape), tuple(input2.shape), tuple(target.shape)
        raise ShapeError(f"margin_ranking_loss takes three tensors of one shape, not {shapes}")
    return reduced(_positive(-target * (input1 - input2) + margin), reduction_of(size_average, reduce, reduction))


@real_only
@in_single
def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Value:
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1.

    Shapes: inputs (N, D) or (D,), target (N,) or (), result () or, for reduction "none", as the target.

    Raises ShapeError where the inputs do not fit the target.
    """
    first, second, wanted = tuple(input1.shape), tuple(input2.shape), tuple(target.shape)
    if len(first) not in (1, 2) or len(second) != len(first) or len(wanted) != len(first) - 1:
        raise ShapeError(
            f"cosine_embedding_loss takes inputs (N, D) and a target (N,), or (D,) and (), not {first}, {second}, "
            f"{wanted}"
        )
    squares = [sum_over(x * x, -1) + 1e-12 for x in (input1, input2)]
    cosine = sum_over(input1 * input2, -1) / (squares[0] * squares[1]) ** 0.5
    loss = where(target == 1, 1 - cosine, 0.0) + where(target == -1, _positive(cosine - margin), 0.0)
    return reduced(loss, reduction_of(size_average, reduce, reduction))


@in_single
def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Value:
    """The sum over the wrong classes j of max(0, margin - x[y] + x[j])^p, over the number of classes.

    Shapes: input (N, C), or (C,) or () for one sample; target (N,) or () of class indices; weight (C,) that of the
    target's class; result () or, for reduction "none", as the target.

    Raises:
        ShapeError: these do not fit.
        OptionError: ``p`` or a target is out of range.

    Reference: Crammer & Singer 2001, "On the algorithmic implementation of multiclass kernel-based vector machines".
    """
    if p not in (1, 2):
        raise OptionError(f"multi_margin_loss takes p = 1 or 2, not {p}")
    classes, shape = _classes("multi_margin_loss", target), tuple(input.shape)
    if len(shape) > 2 or classes.ndim > 1 or classes.size != (shape[0] if len(shape) == 2 else 1):
        raise ShapeError(f"multi_margin_loss takes (N, C) and (N,), or (C,) and (), not {shape} and {classes.shape}")
    count = shape[-1] if shape else 1
    if weight is not None and tuple(weight.shape) != (count,):
        raise ShapeError(f"multi_margin_loss of {count} classes takes a weight ({count},), not {tuple(weight.shape)}")
    x = reshape(input, shape=(classes.size, count))
    rows = classes.reshape(-1, 1)
    if classes.size and not 0 <= classes.min() <= classes.max() < count:
        raise OptionError(f"multi_margin_loss: the classes are 0 to {count - 1}, the targets {target}")
    short = relu(x - apply(take_along_axis, (x,), {"indices": rows, "axis": 1}) + margin)
    short = where(np.arange(count) == rows, 0.0, short if p == 1 else short * short)
    if weight is not None:
        short = short * reshape(weight[classes.reshape(-1)], shape=rows.shape)
    return reduced(reshape(mean(short, 1), shape=classes.shape), reduction_of(size_average, reduce, reduction))


@in_single
def multilabel_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Value:
    """The sum over target classes y and all others i of max(0, 1 - x[y] + x[i]), over the number of classes.

    Shapes: input (N, C) or (C,), target of the same shape: class indices, up to the first -1.

    Raises:
        ShapeError: ``input`` is not (N, C) or (C,), or ``target`` of another shape.
        DtypeError: the targets are no integers.
        OptionError: a target is no class, or there is no such ``reduction``.
    """
    same_shape("multilabel_margin_loss", input, target)
    classes, shape = _classes("multilabel_margin_loss", target), tuple(input.shape)
    if len(shape) not in (1, 2):
        raise ShapeError(f"multilabel_margin_loss takes inputs (N, C) or (C,), not of shape {shape}")
    if classes.size and not -1 <= classes.min() <= classes.max() < shape[-1]:
        raise OptionError(f"multilabel_margin_loss: the classes are 0 to {shape[-1] - 1}, or -1, the targets {target}")
    x, rows = (reshape(y, shape=(math.prod(shape[:-1]), shape[-1])) for y in (input, classes))
    counts = np.logical_and.accumulate(rows >= 0, axis=1)
    rows = np.where(counts, rows, 0)
    wanted = np.zeros(rows.shape, np.bool_)
    np.logical_or.at(wanted, (np.arange(len(rows))[:, None], rows), counts)
    picked = apply(take_along_axis, (x,), {"indices": rows, "axis": 1})
    short = relu(1 - reshape(picked, shape=(*rows.shape, 1)) + reshape(x, shape=(len(rows), 1, shape[-1])))
    short = where(counts[:, :, None] & ~wanted[:, None, :], short, 0.0)
    loss = sum_over(short, (1, 2)) / shape[-1]
    return reduced(reshape(loss, shape=shape[:-1]), reduction_of(size_average, reduce, reduction))


@in_single
def multilabel_soft_margin_loss(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """The mean over the classes of ``binary_cross_entropy_with_logits``.

    Shapes: input and target (*, C), weight (C,), result () or, for reduction "none", (*).

    Raises ShapeError where these do not fit.
    """
    same_shape("multilabel_soft_margin_loss", input, target)
    if not input.shape:
        raise ShapeError("multilabel_soft_margin_loss takes inputs (*, C), not a number")
    loss = binary_cross_entropy_with_logits(input, target, reduction="none")
    return reduced(mean(loss if weight is None else loss * weight, -1), reduction_of(size_average, reduce, reduction))


@in_single
def soft_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Value:
    """log(1 + exp(-y x)) for targets y of 1 and -1, without overflow; in the dtype of the input.

    Shapes: input and target (*), result () or, for reduction "none", (*).

    Raises:
        ShapeError: ``input`` and ``target`` do not fit each other.
        OptionError: there is no such ``reduction``.
    """
    same_shape("soft_margin_loss", input, target)
    loss = as_input(apply(softplus, (input * -target,)), input)
    return reduced(loss, reduction_of(size_average, reduce, reduction))


@in_single
def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2, eps: float = 1e-06,
    swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Value:
    """max(0, margin + d(anchor, positive) - d(anchor, negative)) for the distance of the p-norm.

    Shapes: inputs (N, D) or (D,), result () or, for reduction "none", (N,) or (). With ``swap`` the distance from
    positive to negative counts, where it is the smaller one.

    Reference: Balntas et al. 2016, "Learning local feature descriptors with triplets and shallow networks".
    """
    return triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=partial(pairwise_distance, p=p, eps=eps), margin=margin,
        swap=swap, reduction=reduction_of(size_average, reduce, reduction),
    )


@in_single
def triplet_margin_with_distance_loss(
    anchor: Any, positive: Any, negative: Any, *, distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0, swap: bool = False, reduction: str = "mean",
) -> Value:
    """``triplet_margin_loss`` for any distance, by default ``pairwise_distance``.

    Raises:
        ShapeError: the tensors differ in their numbers of axes.
        OptionError: ``margin`` is not above 0, or there is no such ``reduction``.
    """
    if margin <= 0:
        raise OptionError(f"a triplet loss needs a margin above 0, not {margin}")
    if not len(anchor.shape) == len(positive.shape) == len(negative.shape):
        shapes = tuple(anchor.shape), tuple(positive.shape), tuple(negative.shape)
        raise ShapeError(f"a triplet loss takes three tensors with as many axes, not of shapes {shapes}")
    distance = distance_function or pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(_positive(margin + near - far), reduction)
