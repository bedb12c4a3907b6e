"""Losses: how far predictions lie from their targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.ops import fused
from autodiff.ops.arithmetic import absolute, multiply
from autodiff.ops.indexing import take_along_axis
from autodiff.ops.reductions import mean, sum_
from autodiff.ops.shaping import reshape
from autodiff.ops.transcendental import softplus
from autodiff.recording import apply
from autodiff.tensor import Tensor

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "l1_loss",
    "mse_loss",
    "nll_loss",
]

_ALL = {"axis": None, "keepdims": False}


def reduced(loss: Any, reduction: str, count: Any = None) -> Tensor:
    """``loss`` as it is ("none"), its sum, or its mean: the sum over ``count``, by default the number of entries."""
    if reduction == "mean":
        return apply(mean, (loss,), _ALL) if count is None else apply(sum_, (loss,), _ALL) / count
    if reduction == "sum":
        return apply(sum_, (loss,), _ALL)
    check_reduction(reduction)
    return loss


def check_reduction(reduction: str) -> str:
    """``reduction``; raises OptionError where there is none of that name."""
    if reduction not in ("mean", "sum", "none"):
        raise OptionError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")
    return reduction


def reduction_of(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction, which old programs name by two booleans."""
    if size_average is None and reduce is None:
        return reduction
    return "none" if reduce is False else "sum" if size_average is False else "mean"


def _refuse_stretch(name: str, input: Any, target: Any) -> None:
    """Raise ShapeError where input and target would both be stretched: (N, 1) and (N,) make (N, N) in silence."""
    first, second = tuple(input.shape), tuple(target.shape)
    try:
        both = np.broadcast_shapes(first, second)
    except ValueError:
        both = ()
    if both not in (first, second):
        raise ShapeError(f"{name} takes a target of its input's shape {first}, not {second}; {_repair(first, second)}")


def _repair(first: tuple[int, ...], second: tuple[int, ...]) -> str:
    if [n for n in first if n != 1] == [n for n in second if n != 1]:
        return f"target.reshape({first}) or input.reshape({second}) makes them equal"
    return "reshape or slice one of them"


def _same_shape(name: str, input: Any, target: Any) -> None:
    first, second = tuple(input.shape), tuple(target.shape)
    if first != second:
        raise ShapeError(f"{name} takes a target of its input's shape {first}, not {second}; {_repair(first, second)}")


def mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Tensor:
    """The squared error, (input - target)^2.

    Shapes: input (*), target (*), result () or, for reduction "none", (*).

    Raises ShapeError where the shapes would stretch each other.

    >>> import autodiff
    >>> mse_loss(autodiff.tensor([1.0, 3.0]), autodiff.tensor([1.0, 1.0]))
    tensor(2.)
    """
    if input.shape != target.shape:
        _refuse_stretch("mse_loss", input, target)
    reduction = reduction_of(size_average, reduce, reduction)
    if reduction == "mean" and weight is None:
        return apply(fused.mse, (input, target))
    difference = input - target
    return _weighted(difference * difference, weight, reduction)


def l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Tensor:
    """The absolute error, abs(input - target), with gradient 0 where it is 0.

    Shapes: as ``mse_loss``.
    """
    if input.shape != target.shape:
        _refuse_stretch("l1_loss", input, target)
    return _weighted(apply(absolute, (input - target,)), weight, reduction_of(size_average, reduce, reduction))


def _weighted(loss: Any, weight: Any, reduction: str) -> Tensor:
    """``reduced``; with weights the mean is over their sum."""
    if weight is None:
        return reduced(loss, reduction)
    return reduced(loss * weight, reduction, np.broadcast_to(np.asarray(weight), loss.shape).sum().item())


def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(y log x + (1 - y) log(1 - x)) for probabilities x, each logarithm no less than -100, so that it is finite.

    Shapes: input and target (*), weight broadcast to (*), result () or, for reduction "none", (*).

    Raises:
        ShapeError: the shapes differ.
        OptionError: an input is no probability.

    >>> import autodiff
    >>> binary_cross_entropy(autodiff.tensor([0.0, 0.5]), autodiff.tensor([1.0, 1.0]), reduction="none")
    tensor([100.0000,   0.6931])
    """
    _same_shape("binary_cross_entropy", input, target)
    x = input._array if isinstance(input, Tensor) else np.asarray(input)
    if not ((x >= 0) & (x <= 1)).all():
        raise OptionError(
            f"binary_cross_entropy takes probabilities from 0 to 1; the input goes from {x.min():.4g} to "
            f"{x.max():.4g}. Put a sigmoid before it, or use binary_cross_entropy_with_logits"
        )
    loss = apply(fused.binary_cross_entropy, (input, target))
    return reduced(loss if weight is None else loss * weight, reduction_of(size_average, reduce, reduction))


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Tensor:
    """``binary_cross_entropy`` of sigmoid(x), exact for logits x of any size.

    Shapes: input and target (*), weight and pos_weight broadcast to (*), result () or, for reduction "none", (*).
    Law: pos_weight y softplus(-x) + (1 - y) softplus(x); neither term cancels, so small losses keep their digits.

    >>> import autodiff
    >>> binary_cross_entropy_with_logits(autodiff.tensor([10000.0]), autodiff.tensor([0.0]))
    tensor(10000.)
    """
    _same_shape("binary_cross_entropy_with_logits", input, target)
    positive, negative = apply(softplus, (-input,)), apply(softplus, (input,))
    if pos_weight is not None:
        positive = positive * pos_weight
    loss = target * positive + (1 - target) * negative
    return reduced(loss if weight is None else loss * weight, reduction_of(size_average, reduce, reduction))


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
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
    if _floating("cross_entropy", input, target):
        return _of_probabilities(input, target, weight, reduction, label_smoothing)
    x, classes, kept = _classes("cross_entropy", input, target, ignore_index)
    scale = _class_weights(weight, x, classes, kept)
    loss = apply(fused.cross_entropy, (x,), {"target": classes, "weight": scale})
    if label_smoothing:
        spread = -_class_sum(apply(fused.log_softmax, (x,), {"axis": 1}), weight)
        spread = spread if kept is None else spread * kept.astype(x.dtype)
        loss = loss * (1 - label_smoothing) + spread * (label_smoothing / x.shape[1])
    return _over_targets(loss, input, reduction, scale)


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-x[target] for log-probabilities x; with ``log_softmax`` before it, ``cross_entropy``.

    Shapes, arguments and errors: as ``cross_entropy`` with class indices.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if _floating("nll_loss", input, target):
        raise DtypeError(f"nll_loss takes class indices, not targets of {target.dtype}; convert them with .long()")
    x, classes, kept = _classes("nll_loss", input, target, ignore_index)
    scale = _class_weights(weight, x, classes, kept)
    picked = apply(take_along_axis, (x,), {"indices": np.expand_dims(classes, 1), "axis": 1})
    loss = -reshape(picked, shape=classes.shape)
    return _over_targets(loss if scale is None else loss * scale, input, reduction, scale)


def _floating(name: str, input: Any, target: Any) -> bool:
    """Whether the targets are probabilities, which have the input's shape; checks that the input is floating."""
    if input.dtype.kind != "f":
        raise DtypeError(f"{name} takes floating inputs, not of {input.dtype}; convert them with .float()")
    if target.dtype.kind != "f":
        return False
    if tuple(target.shape) != tuple(input.shape):
        raise DtypeError(
            f"{name} of an input of shape {tuple(input.shape)} takes class indices (integers; .long() converts) or "
            f"probabilities of the input's shape, not {target.dtype} targets of shape {tuple(target.shape)}"
        )
    return True


def _classes(name: str, input: Any, target: Any, ignore_index: int) -> tuple[Any, Any, Any]:
    """Input (N, C, ...), target classes (N, ...) and which of them count (None: all), checked."""
    given = target._array if isinstance(target, Tensor) else np.asarray(target)
    shape = tuple(input.shape)
    if not shape or given.shape != shape[:1] * (len(shape) > 1) + shape[2:]:
        wanted = shape[:1] * (len(shape) > 1) + shape[2:]
        raise ShapeError(
            f"{name} of an input of shape {shape}, classes on axis {min(len(shape) - 1, 1)}, takes targets of shape "
            f"{wanted}, not {given.shape}"
        )
    x = reshape(input, shape=(1, *shape)) if len(shape) == 1 else input
    given = given.reshape(1) if len(shape) == 1 else given
    count = x.shape[1]
    if not given.size or (given.min() >= 0 and given.max() < count and not 0 <= ignore_index < count):
        return x, given, None
    kept = given != ignore_index
    if not kept.all():
        given = np.where(kept, given, 0)
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
    of_class = _checked_weight(weight, x)
    return of_class[classes] if kept is None else of_class[classes] * kept


def _checked_weight(weight: Any, x: Any) -> Any:
    array = weight._array if isinstance(weight, Tensor) else np.asarray(weight)
    if array.shape != (x.shape[1],):
        raise ShapeError(f"weights for {x.shape[1]} classes have the shape ({x.shape[1]},), not {array.shape}")
    return array.astype(x.dtype, copy=False)


def _class_sum(log_probabilities: Any, weight: Any) -> Tensor:
    """The sum over the classes, weighted."""
    x = log_probabilities
    if weight is not None:
        x = apply(multiply, (x, _checked_weight(weight, x).reshape(-1, *(1,) * (len(x.shape) - 2))))
    return apply(sum_, (x,), {"axis": (1,), "keepdims": False})


def _over_targets(loss: Any, input: Any, reduction: str, scale: Any) -> Tensor:
    """Reduce the losses of all targets; the mean is over their weights, NaN where all are ignored."""
    if reduction == "mean" and scale is not None:
        return reduced(loss, reduction, float(scale.sum()) or float("nan"))
    if reduction == "none" and len(input.shape) == 1:
        return reshape(loss, shape=())
    return reduced(loss, reduction)


def _of_probabilities(input: Any, target: Any, weight: Any, reduction: str, smoothing: float) -> Tensor:
    """The cross-entropy of two distributions, whose mean is over the samples."""
    single = len(input.shape) == 1
    x = reshape(input, shape=(1, *input.shape)) if single else input
    y = reshape(target, shape=(1, *target.shape)) if single else target
    if smoothing:
        y = y * (1 - smoothing) + smoothing / x.shape[1]
    loss = -_class_sum(apply(fused.log_softmax, (x,), {"axis": 1}) * y, weight)
    return _over_targets(loss, input, reduction, None)
