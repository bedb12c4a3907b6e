"""Losses of classification: cross-entropies of class indices or probabilities."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, GraphError, OptionError, ShapeError
from autodiff.functions.arithmetic import where
from autodiff.functions.arrays import array_of
from autodiff.kernels.arrays import as_array
from autodiff.ops import fused
from autodiff.ops.arithmetic import multiply
from autodiff.ops.indexing import take_along_axis
from autodiff.ops.reductions import sum_
from autodiff.ops.shaping import cast, in_single, reshape

from .dense import linear
from .reduction import reduced, reduction_of

__all__ = ["LinearCrossEntropyOptions", "cross_entropy", "linear_cross_entropy", "nll_loss"]


@in_single
def cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None, ignore_index: int = -100,
    reduce: bool | None = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Value:
    """-log softmax(x)[target] for logits x: how unlikely the target class is.

    Shapes: input (C,), (N, C) or (N, C, *); target (), (N,) or (N, *) of class indices, or probabilities of the input's
    shape; weight (C,); result () or, for reduction "none", the target's shape without its classes.

    ``weight`` is that of each class; the mean is over the weights of the targets. A target ``ignore_index`` costs
    nothing and does not count. ``label_smoothing`` is how much of the target's probability goes to all classes alike
    (Szegedy et al. 2016).

    Raises:
        ShapeError: the shapes do not fit.
        DtypeError: the targets are floating but no probabilities of the input's shape.
        OptionError: a target is no class.

    Reference: Bishop 2006, "Pattern recognition and machine learning", section 4.3.4.

    >>> import autodiff
    >>> cross_entropy(autodiff.tensor([[0.0, 0.0]]), autodiff.tensor([1]))
    tensor(0.6931)
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if not 0 <= label_smoothing <= 1:
        raise OptionError(f"label_smoothing lies between 0 and 1, not at {label_smoothing}")
    if _are_probabilities("cross_entropy", input, target):
        return _of_probabilities(input, target, weight, reduction, label_smoothing)
    x, classes, kept = _classes("cross_entropy", input, target, ignore_index)
    scale = _class_weights(weight, x, classes, kept)
    loss = apply(fused.cross_entropy, (x,), {"target": classes, "weight": scale})
    if label_smoothing:
        spread = -_class_sum(apply(fused.log_softmax, (x,), {"axis": 1}), weight)
        spread = spread if kept is None else spread * kept.astype(x.dtype)
        loss = loss * (1 - label_smoothing) + spread * (label_smoothing / max(x.shape[1], 1))
    return _over_targets(loss, input, reduction, scale)


class LinearCrossEntropyOptions(NamedTuple):
    """How PyTorch computes ``linear_cross_entropy`` piece by piece; here it changes nothing."""

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None


def linear_cross_entropy(
    input: Any, linear_weight: Any, target: Any, *, linear_bias: Any = None, weight: Any = None,
    reduction: str = "mean", ignore_index: int | None = None, label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Value:
    """``cross_entropy`` of the logits ``linear(input, linear_weight, linear_bias)``.

    Shapes: input (in,) or (N, in), linear_weight (C, in) or (C, *, in), linear_bias (C,) or (C, *); the logits are
    (C,), (N, C) or (N, C, *), and the target is one of them for ``cross_entropy``.

    Raises ShapeError for a weight with fewer axes, and for another bias.

    >>> import autodiff
    >>> linear_cross_entropy(autodiff.zeros(2, 5), autodiff.ones(3, 5), autodiff.tensor([0, 2]))
    tensor(1.0986)
    """
    if len(linear_weight.shape) < 2:
        raise ShapeError(f"linear_weight has two axes (C, in) or more, not shape {tuple(linear_weight.shape)}")
    many = tuple(linear_weight.shape[:-1])
    if linear_bias is not None and tuple(linear_bias.shape) != many:
        raise ShapeError(f"linear_bias has shape {many}, not {tuple(linear_bias.shape)}")
    bias = None if linear_bias is None else reshape(linear_bias, shape=(-1,))
    logits = linear(input, reshape(linear_weight, shape=(math.prod(many), linear_weight.shape[-1])), bias)
    logits = reshape(logits, shape=(*input.shape[:-1], *many)) if len(many) > 1 else logits
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(
        logits, target, weight, ignore_index=ignored, reduction=reduction, label_smoothing=label_smoothing
    )


@in_single
def nll_loss(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None, ignore_index: int = -100,
    reduce: bool | None = None, reduction: str = "mean",
) -> Value:
    """-x[target] for log-probabilities x; with ``log_softmax`` before it, ``cross_entropy``.

    Shapes, arguments and errors: as ``cross_entropy`` with class indices.

    Raises:
        DtypeError: ``input`` is not floating, or the targets are no integers.
        ShapeError: targets or weights do not fit ``input``.
        OptionError: a target is no class, or there is no such ``reduction``.
        GraphError: ``weight`` requires grad.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if target.dtype.kind == "f" and input.dtype.kind == "f":
        repair = "cross_entropy takes probabilities" if target.shape == input.shape else "convert them with .long()"
        raise DtypeError(f"nll_loss takes class indices, not targets of {target.dtype.name}; {repair}")
    _are_probabilities("nll_loss", input, target)
    x, classes, kept = _classes("nll_loss", input, target, ignore_index)
    scale = _class_weights(weight, x, classes, kept)
    picked = apply(take_along_axis, (x,), {"indices": np.expand_dims(classes, 1), "axis": 1})
    picked = reshape(picked, shape=classes.shape)
    loss = -picked if scale is None else 0.0 - picked * scale  # 0, not -0, for what does not count
    return _over_targets(loss, input, reduction, scale)


def _are_probabilities(name: str, input: Any, target: Any) -> bool:
    """Whether the targets are probabilities, which have the input's shape; checks that the input is floating."""
    if input.dtype.kind != "f":
        repair = "convert them with .float()"
        if target.dtype.kind == "f" and len(target.shape) > len(input.shape):
            repair = "are input and target swapped? The logits come first"
        raise DtypeError(f"{name} takes floating inputs, not of {input.dtype.name}; {repair}")
    if target.dtype.kind != "f":
        return False
    if tuple(target.shape) != tuple(input.shape):
        raise DtypeError(
            f"{name} of an input of shape {tuple(input.shape)} takes class indices (integers; .long() converts) or "
            f"probabilities of the input's shape, not {target.dtype.name} targets of shape {tuple(target.shape)}"
        )
    return True


def _classes(name: str, input: Any, target: Any, ignore_index: int) -> tuple[Any, Any, Any]:
    """Input (N, C, ...), target classes (N, ...) and which of them count (None: all), checked."""
    given, shape = as_array(array_of(target)), tuple(input.shape)
    wanted = shape[:1] * (len(shape) > 1) + shape[2:]
    if given.dtype.kind == "b":
        raise DtypeError(f"{name} takes class indices, not targets of {given.dtype.name}; convert them with .long()")
    if len(shape) == 1 and given.shape == (1,):
        given = given.reshape(())
    if not shape or given.shape != wanted:
        repair = ""
        if given.shape == shape:
            repair = f"; of one-hot rows, .argmax({min(len(shape) - 1, 1)}) gives the classes"
        elif given.size == int(np.prod(wanted)):
            repair = f"; target.reshape({wanted}) has that shape"
        raise ShapeError(
            f"{name} of an input of shape {shape}, classes on axis {min(len(shape) - 1, 1)}, takes targets of shape "
            f"{wanted}, not {given.shape}{repair}"
        )
    x = reshape(input, shape=(1, *shape)) if len(shape) == 1 else input
    given = given.reshape(1) if len(shape) == 1 else given
    count = x.shape[1]
    if not given.size or (given.min() >= 0 and given.max() < count and not 0 <= ignore_index < count):
        return x, given, None
    kept = given != ignore_index
    if not kept.all():
        given = np.where(kept, given, 0)
        x = where(np.expand_dims(kept, 1), x, 0.0)  # what is ignored may be NaN, which times 0 would still be
    if given.min() < 0 or given.max() >= count:
        wrong = given.min() if given.min() < 0 else given.max()
        raise OptionError(
            f"{name}: the target {wrong} is no class; an input of shape {shape} has the classes 0 to {count - 1} "
            f"(ignore_index is {ignore_index})"
        )
    return x, given, kept


def _class_weights(weight: Any, x: Any, classes: Any, kept: Any) -> Any:
    """The weight of each target (None: all 1), 0 where it does not count."""
    if weight is None:
        return None if kept is None else kept.astype(x.dtype)
    if getattr(weight, "requires_grad", False):
        raise GraphError("the weights of classes have no gradient beside class indices; detach() them")
    of_class = _checked_weight(weight, x)
    return of_class[classes] if kept is None else of_class[classes] * kept


def _checked_weight(weight: Any, x: Any) -> Any:
    array = as_array(array_of(weight))
    if array.shape != (x.shape[1],):
        raise ShapeError(f"weights for {x.shape[1]} classes have the shape ({x.shape[1]},), not {array.shape}")
    return array.astype(x.dtype, copy=False)


def _class_sum(log_probabilities: Any, weight: Any) -> Value:
    """The sum over the classes, weighted."""
    x = log_probabilities
    if weight is not None:
        _checked_weight(weight, x)
        each = reshape(cast(weight, x.dtype), shape=(x.shape[1], *(1,) * (len(x.shape) - 2)))
        x = apply(multiply, (x, each))
    return apply(sum_, (x,), {"axis": (1,), "keepdims": False})


def _over_targets(loss: Any, input: Any, reduction: str, scale: Any) -> Value:
    """Reduce the losses of all targets; the mean is over their weights, NaN where all are ignored."""
    if reduction == "mean" and scale is not None:
        total = scale.sum()
        return reduced(loss, reduction, total.astype(loss.dtype) if total else float("nan"))
    if reduction == "none" and len(input.shape) == 1:
        return reshape(loss, shape=())
    return reduced(loss, reduction)


def _of_probabilities(input: Any, target: Any, weight: Any, reduction: str, smoothing: float) -> Value:
    """The cross-entropy of two distributions, whose mean is over the samples."""
    single = len(input.shape) == 1
    x = reshape(input, shape=(1, *input.shape)) if single else input
    y = reshape(target, shape=(1, *target.shape)) if single else target
    if smoothing:
        y = y * (1 - smoothing) + smoothing / max(x.shape[1], 1)
    loss = -_class_sum(apply(fused.log_softmax, (x,), {"axis": 1}) * y, weight)
    if reduction == "mean" and not x.shape[1]:  # no classes: PyTorch counts no samples
        return reduced(loss, reduction, float("nan"))
    return _over_targets(loss, input, reduction, None)
