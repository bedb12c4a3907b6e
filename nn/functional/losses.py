"""Losses: how far predictions lie from targets of the same shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.broadcasting import broadcasts_to
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.arithmetic import clamp, where
from autodiff.functions.arrays import array_of, real_only
from autodiff.kernels.arrays import as_array
from autodiff.ops import fused
from autodiff.ops.lengths import absolute
from autodiff.ops.shaping import in_single, reshape
from autodiff.ops.transcendental import exp, log, softplus, xlogy
from autodiff.tensors.tensor import Tensor

from .reduction import (
    as_input,
    as_numbers,
    check_weight,
    in_one_shape,
    reduced,
    reduction_of,
    same_shape,
    warn_of_stretch,
    weighted,
)

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "huber_loss", "kl_div", "l1_loss",
    "mse_loss", "poisson_nll_loss", "smooth_l1_loss",
]


@in_single
def _squares(input: Any, target: Any, weight: Any, reduction: str) -> Value:
    difference = input - target
    return weighted(difference * difference, weight, reduction)


def mse_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
    weight: Any = None,
) -> Value:
    """The squared error, (input - target)^2.

    Shapes: input (*), target (*), weight as input, result () or, for reduction "none", (*). With a weight the mean is
    over the sum of the weights.

    Warns, as PyTorch does, where the shapes stretch each other; raises ShapeError where they do not broadcast.

    >>> import autodiff
    >>> mse_loss(autodiff.tensor([1.0, 3.0]), autodiff.tensor([1.0, 1.0]))
    tensor(2.)
    """
    x, y = getattr(input, "_array", input), getattr(target, "_array", target)  # whose shapes are plain tuples
    if x.shape != y.shape or x.dtype is not y.dtype:
        input, target = as_numbers(*in_one_shape("mse_loss", input, target))
    if weight is not None:
        check_weight("mse_loss", input, weight)
    reduction = reduction_of(size_average, reduce, reduction)
    if reduction == "mean" and weight is None:
        return apply(fused.mse, (input, target))
    return _squares(input, target, weight, reduction)


@in_single
def l1_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
    weight: Any = None,
) -> Value:
    """The absolute error, abs(input - target), with gradient 0 where it is 0.

    Shapes: as ``mse_loss``.

    Raises:
        ShapeError: ``input`` and ``target`` do not broadcast.
        OptionError: there is no such ``reduction``.
    """
    input, target = in_one_shape("l1_loss", input, target)
    check_weight("l1_loss", input, weight)
    return weighted(apply(absolute, (input - target,)), weight, reduction_of(size_average, reduce, reduction))


@in_single
def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """-(y log x + (1 - y) log(1 - x)) for probabilities x, each logarithm no less than -100, so that it is finite.

    Shapes: input and target (*), weight broadcast to (*), result () or, for reduction "none", (*).

    Raises:
        ShapeError: the shapes differ.
        OptionError: an input is no probability.

    >>> import autodiff
    >>> binary_cross_entropy(autodiff.tensor([0.0, 0.5]), autodiff.tensor([1.0, 1.0]), reduction="none")
    tensor([100.0000,   0.6931])
    """
    same_shape("binary_cross_entropy", input, target)
    x = as_array(array_of(input))
    if not ((x >= 0) & (x <= 1)).all():
        raise OptionError(
            f"binary_cross_entropy takes probabilities from 0 to 1; the input goes from {x.min():.4g} to "
            f"{x.max():.4g}. Put a sigmoid before it, or use binary_cross_entropy_with_logits"
        )
    loss = apply(fused.binary_cross_entropy, (input, target))
    return reduced(loss if weight is None else loss * weight, reduction_of(size_average, reduce, reduction))


@in_single
def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", pos_weight: Any = None,
) -> Value:
    """``binary_cross_entropy`` of sigmoid(x), exact for logits x of any size.

    Shapes: input and target (*), weight and pos_weight broadcast to (*), result () or, for reduction "none", (*).

    Raises:
        ShapeError: ``input`` and ``target`` differ in shape, or a weight does not broadcast to it.
        OptionError: there is no such ``reduction``.

    Law: pos_weight y softplus(-x) + (1 - y) softplus(x); neither term cancels, so small losses keep their digits.

    >>> import autodiff
    >>> binary_cross_entropy_with_logits(autodiff.tensor([10000.0]), autodiff.tensor([0.0]))
    tensor(10000.)
    """
    same_shape("binary_cross_entropy_with_logits", input, target)
    if weight is not None and not broadcasts_to(tuple(weight.shape), tuple(input.shape)):
        raise ShapeError(
            f"binary_cross_entropy_with_logits of shape {tuple(input.shape)} takes a weight that broadcasts to it, not "
            f"{tuple(weight.shape)}"
        )
    if pos_weight is None:
        loss = apply(fused.binary_cross_entropy_with_logits, (input, target))
    else:
        positive, negative = apply(softplus, (-input,)), apply(softplus, (input,))
        loss = target * positive * pos_weight + (1 - target) * negative
    return reduced(loss if weight is None else loss * weight, reduction_of(size_average, reduce, reduction))


def _rounded_corner(distance: Any, width: float) -> Value:
    """d^2 / 2 up to ``width``, and from there on the line that continues it."""
    near = clamp(distance, max=width)
    return near * (distance - near * 0.5)


@in_single
def smooth_l1_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
    beta: float = 1.0,
) -> Value:
    """``l1_loss`` with its corner rounded: d^2 / (2 beta) where d = abs(input - target) < beta, d - beta / 2 elsewhere.

    Shapes: as ``mse_loss``.

    Reference: Girshick 2015, "Fast R-CNN".

    Raises OptionError for ``beta`` below 0.
    """
    if beta < 0:
        raise OptionError(f"smooth_l1_loss needs beta of at least 0, not {beta}")
    input, target = as_numbers(*in_one_shape("smooth_l1_loss", input, target))
    distance = apply(absolute, (input - target,))
    loss = _rounded_corner(distance, beta) / beta if beta else distance
    return reduced(loss, reduction_of(size_average, reduce, reduction))


@in_single
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Value:
    """``smooth_l1_loss`` times its beta, here ``delta``; in the dtype of the input.

    Shapes: as ``mse_loss``. The mean is over the number of entries, whatever their weights.

    Reference: Huber 1964, "Robust estimation of a location parameter".

    Raises OptionError for ``delta`` of 0 or below.
    """
    if delta <= 0:
        raise OptionError(f"huber_loss needs delta above 0, not {delta}")
    warn_of_stretch("huber_loss", input, target)
    check_weight("huber_loss", input, weight)
    input, target = as_numbers(input, target)
    loss = as_input(_rounded_corner(apply(absolute, (input - target,)), delta), input)
    return reduced(loss if weight is None else loss * weight, reduction)


@real_only
@in_single
def kl_div(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
    log_target: bool = False,
) -> Value:
    """The pointwise divergence y * (log y - x) of log-probabilities x from probabilities y: 0 where y is 0, NaN below.

    Shapes: input and target broadcast. ``reduction="batchmean"``, the sum over the length of the first axis, is the
    divergence as mathematics has it. With ``log_target`` the target is log y.

    Raises:
        ShapeError: ``input`` and ``target`` do not broadcast.
        OptionError: there is no such ``reduction``.

    Reference: Kullback & Leibler 1951, "On information and sufficiency".
    """
    warn_of_stretch("kl_div", input, target)
    if log_target:
        loss = apply(exp, (target,)) * (target - input)
    else:
        loss = apply(xlogy, (target, target)) - target * input
    reduction = reduction_of(size_average, reduce, reduction)
    if reduction == "batchmean":
        return reduced(loss, "sum") / (input.shape[0] if input.shape else 1)
    return reduced(loss, reduction)


@in_single
def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, size_average: bool | None = None,
    eps: float = 1e-08, reduce: bool | None = None, reduction: str = "mean",
) -> Value:
    """-log of the probability of counts y where the mean is exp(x), or x itself: exp(x) - y x, or x - y log(x + eps).

    Shapes: as ``mse_loss``. ``full`` adds log y! for y > 1, by Stirling's formula.

    Raises:
        ShapeError: ``input`` and ``target`` do not broadcast.
        OptionError: there is no such ``reduction``.
    """
    warn_of_stretch("poisson_nll_loss", input, target)
    if log_input:
        loss = apply(exp, (input,)) - target * input
    else:
        loss = input - target * apply(log, (input + eps,))
    if full:
        large = target > 1
        y = where(large, target, 1.0)
        loss = loss + where(large, y * apply(log, (y,)) - y + 0.5 * apply(log, (y * (2 * math.pi),)), 0.0)
    return reduced(loss, reduction_of(size_average, reduce, reduction))


@real_only
@in_single
def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-06, reduction: str = "mean"
) -> Value:
    """-log of the density of a normal with mean x and variance ``var`` at y: (log var + (x - y)^2 / var) / 2.

    Shapes: input (*), target (*), var (*) or (*) without its last axis or with one axis of length one, or a Python
    number. A variance below ``eps`` counts as ``eps`` and keeps its gradient. ``full`` adds log(2 pi) / 2.

    Raises:
        ShapeError: the variance has another shape.
        OptionError: it is below 0.

    Reference: Nix & Weigend 1994, "Estimating the mean and variance of the target probability distribution".
    """
    warn_of_stretch("gaussian_nll_loss", input, target)
    shape = tuple(input.shape)
    own = hasattr(var, "dtype") or input.dtype.kind not in "fc"  # a number is of the input's dtype, if that is floating
    plain = as_array(array_of(var)) if own else as_array(var, dtype=input.dtype)
    stretched = plain.ndim == len(shape) and [n for n, m in zip(plain.shape, shape, strict=True) if n != m] == [1]
    if isinstance(var, (Tensor, np.ndarray)) and plain.shape not in (shape, shape[:-1]) and not stretched:
        raise ShapeError(f"gaussian_nll_loss of shape {shape} takes a var of that shape, not {plain.shape}")
    if (plain < 0).any():
        raise OptionError(f"gaussian_nll_loss: a variance is {plain.min():.4g}; give its exp(), or its square")
    raised = (var if isinstance(var, Tensor) else plain) + np.maximum(eps - plain, 0)
    if plain.shape and plain.shape != shape and len(plain.shape) < len(shape):
        raised = reshape(raised, shape=(*plain.shape, 1))
    difference = input - target
    loss = 0.5 * (apply(log, (raised,)) + difference * difference / raised)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)
