"""The categorical distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints, draws
from autodiff.distributions.chances import ClassChances
from autodiff.dtypes import finfo
from autodiff.engine.values import Value
from autodiff.functions.indexing import gather
from autodiff.functions.shaping import broadcast_shapes
from autodiff.tensors.creation import arange


class Categorical(ClassChances):
    """One of n classes, numbered from 0, with probabilities in the last axis.

    Args:
        probs: weights from 0 up, which are divided by their sum; or
        logits: logarithms of weights.
        validate_args: whether arguments are checked.

    >>> import autodiff
    >>> Categorical(probs=autodiff.tensor([1.0, 3.0])).log_prob(autodiff.tensor(1)).exp()
    tensor(0.7500)
    """

    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._given_classes(probs, logits)
        super().__init__(self._param.shape[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        """The numbers of the classes."""
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Value:
        """NaN: the numbers of classes are names."""
        return self._param.new_full(self._batch_shape, math.nan)

    @property
    def mode(self) -> Value:
        """The likeliest class."""
        return self.probs.argmax(-1)

    @property
    def variance(self) -> Value:
        """NaN, as the mean."""
        return self.mean

    def sample(self, sample_shape: Any = ()) -> Value:
        """Class numbers outside the graph."""
        return draws.classes(self.probs, self._extended_shape(sample_shape))

    def _log_prob(self, value: Any) -> Value:
        shape = broadcast_shapes(tuple(value.shape), tuple(self._batch_shape))
        logits = self.logits.expand((*shape, self._num_events))
        return gather(logits, -1, value.long().expand(shape).unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Value:
        """The expected surprise, in nats."""
        logits = self.logits.clamp(min=float(finfo(self.logits.dtype).min))  # 0 times -inf is 0 here
        return -(self.probs * logits).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Value:
        """The numbers of all classes, along a new first axis."""
        return self._enumerated(arange(self._num_events), expand)
