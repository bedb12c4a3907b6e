"""Losses that own the last linear layer of a model, for outputs of many classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autodiff.errors import OptionError, ShapeError
from autodiff.functions.joining import cat
from autodiff.functions.reductions import log_softmax
from autodiff.kernels.arrays import as_array
from autodiff.tensors.tensor import Tensor

from .. import functional as F
from ..functional.classification import LinearCrossEntropyOptions
from ..functional.reduction import check_reduction
from ..module import Module
from .container import ModuleList, Sequential
from .dense import Linear

__all__ = ["AdaptiveLogSoftmaxWithLoss", "LinearCrossEntropyLoss"]


class AdaptiveOutput(NamedTuple):
    """The result of ``AdaptiveLogSoftmaxWithLoss``: log-probabilities of the targets, and minus their mean."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """The cross-entropy of very many classes, sorted by falling frequency: rare ones are grouped, and cost less.

    A head knows the first ``cutoffs[0]`` classes and one entry for each group; a group knows the classes between two
    cutoffs, through a layer that is ``div_value`` times narrower than that of the group before it.

    Shapes: input (N, in_features) or (in_features,), target (N,) or () of class indices; the output as the target.

    Raises:
        OptionError: the cutoffs are not whole numbers that rise from 1 to below ``n_classes``, or a target is no class.
        ShapeError: input and target do not fit.

    Reference: Grave et al. 2017, "Efficient softmax approximation for GPUs".

    >>> import autodiff
    >>> layer = AdaptiveLogSoftmaxWithLoss(4, 10, [2, 5])
    >>> layer(autodiff.ones(3, 4), autodiff.tensor([0, 3, 9])).output.shape
    autodiff.Size([3])
    """

    def __init__(
        self, in_features: int, n_classes: int, cutoffs: Sequence[int], div_value: float = 4.0, head_bias: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        edges = list(cutoffs)
        rises = all(int(a) == a and 0 < a < b for a, b in zip(edges, [*edges[1:], n_classes], strict=True))
        if not edges or not rises:
            raise OptionError(f"cutoffs are whole numbers that rise from 1 to below {n_classes}, not {edges}")
        self.in_features, self.n_classes, self.div_value, self.head_bias = in_features, n_classes, div_value, head_bias
        self.cutoffs = [*map(int, edges), n_classes]
        self.shortlist_size, self.n_clusters = self.cutoffs[0], len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i, (first, last) in enumerate(zip(self.cutoffs, self.cutoffs[1:], strict=False)):
            width = int(in_features // div_value ** (i + 1))
            narrow = Linear(in_features, width, False, device, dtype)
            self.tail.append(Sequential(narrow, Linear(width, last - first, False, device, dtype)))

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        for layer in (self.head, *(part for group in self.tail for part in group)):
            layer.reset_parameters()

    def forward(self, input: Any, target: Any) -> AdaptiveOutput:
        """The log-probability of each target, and the loss."""
        rows, classes = tuple(input.shape[:-1]), as_array(target.detach()).reshape(-1)
        if len(rows) > 1 or tuple(target.shape) != rows or input.shape[-1] != self.in_features:
            raise ShapeError(
                f"AdaptiveLogSoftmaxWithLoss takes input (N, {self.in_features}) and target (N,), not "
                f"{tuple(input.shape)} and {tuple(target.shape)}"
            )
        if classes.size and not 0 <= classes.min() <= classes.max() < self.n_classes:
            outside = f"{classes.min()} or {classes.max()}"
            raise OptionError(f"a target is a class from 0 to {self.n_classes - 1}, not {outside}")
        x = input.reshape(-1, self.in_features)
        group = np.searchsorted(self.cutoffs, classes, "right")
        column = np.where(group == 0, classes, self.shortlist_size + group - 1)
        found = log_softmax(self.head(x), 1)[np.arange(len(classes)), column]
        parts, order = [found[group == 0]], [np.flatnonzero(group == 0)]
        for i in range(1, self.n_clusters + 1):
            (at,) = np.nonzero(group == i)
            if at.size:
                within = log_softmax(self.tail[i - 1](x[at]), 1)
                parts.append(found[at] + within[np.arange(at.size), classes[at] - self.cutoffs[i - 1]])
                order.append(at)
        output = cat(parts)[np.argsort(np.concatenate(order))].reshape(rows)
        return AdaptiveOutput(output, -output.mean())

    def log_prob(self, input: Any) -> Tensor:
        """The log-probabilities of all classes: (N, n_classes)."""
        head = log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i, group in enumerate(self.tail):
            parts.append(log_softmax(group(input), 1) + head[:, self.shortlist_size + i, None])
        joined: Tensor = cat(parts, 1)
        return joined

    def predict(self, input: Any) -> Tensor:
        """The likeliest class of each row: (N,)."""
        found: Tensor = self.log_prob(input).argmax(1)
        return found


class LinearCrossEntropyLoss(Module):
    """A linear layer and the cross-entropy of what it gives.

    Shapes: input (N, in_features) or (in_features,), target (N, *out_features) of class indices, or (N, num_classes,
    *out_features) of probabilities.

    >>> import autodiff
    >>> LinearCrossEntropyLoss(5, 3)(autodiff.zeros(2, 5), autodiff.tensor([0, 2]))
    tensor(1.0986, grad_fn=<mean>)
    """

    def __init__(
        self, in_features: int, num_classes: int, *, out_features: tuple[int, ...] = (), bias: bool = False,
        device: Any = None, dtype: Any = None, reduction: str = "mean", weight: Tensor | None = None,
        ignore_index: int | None = None, label_smoothing: float = 0.0, options: LinearCrossEntropyOptions | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.in_features, self.num_classes, self.out_features = in_features, num_classes, tuple(out_features)
        self.reduction, self.ignore_index = check_reduction(reduction), ignore_index
        self.label_smoothing, self.options = label_smoothing, options
        self.register_buffer("weight", weight)
        self.linear = Linear(in_features, num_classes * math.prod(self.out_features), bias, device, dtype)

    def forward(self, input: Any, target: Any) -> Tensor:
        """``functional.linear_cross_entropy``."""
        own = self.linear.bias
        bias = None if own is None else own.reshape(self.num_classes, *self.out_features)
        weight = self.linear.weight.reshape(self.num_classes, *self.out_features, self.in_features)
        return F.linear_cross_entropy(
            input, weight, target, linear_bias=bias, weight=self.weight, reduction=self.reduction,
            ignore_index=self.ignore_index, label_smoothing=self.label_smoothing, options=self.options,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"in_features={self.in_features}, num_classes={self.num_classes}, out_features={self.out_features}, "
            f"bias={self.linear.bias is not None}, reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
