"""The Bernoulli distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.chances import Chances
from autodiff.distributions.exp_family import ExponentialFamily
from autodiff.engine.apply import apply
from autodiff.engine.modes import no_grad
from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where
from autodiff.ops.transcendental import softplus
from autodiff.tensors.creation import arange
from autodiff.tensors.sampling import bernoulli


class Bernoulli(Chances, ExponentialFamily):
    """1 with probability ``probs`` and 0 otherwise.

    Args:
        probs: probabilities from 0 to 1; or
        logits: the logarithms of their odds.
        validate_args: whether arguments are checked.

    >>> import autodiff
    >>> Bernoulli(0.25).log_prob(autodiff.tensor([0.0, 1.0])).exp()
    tensor([0.7500, 0.2500])
    """

    support = constraints.boolean
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._given(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Value:
        """The probability of 1."""
        return self.probs

    @property
    def mode(self) -> Value:
        """The likelier of 0 and 1; NaN where they are equally likely."""
        likelier = (self.probs >= 0.5).to(self.probs.dtype)
        return where(self.probs == 0.5, math.nan, likelier)

    @property
    def variance(self) -> Value:
        """p (1 - p)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Value:
        """Zeros and ones outside the graph."""
        with no_grad():
            return bernoulli(self.probs.detach().expand(self._extended_shape(sample_shape)))

    def _log_prob(self, value: Any) -> Value:
        return self._expected(value)

    def entropy(self) -> Value:
        """The expected surprise, in nats."""
        return -self._expected(self.probs)

    def _expected(self, p: Any) -> Value:
        """The mean of ``log_prob`` where 1 comes with probability ``p``; no term can overflow."""
        return -(p * apply(softplus, (-self.logits,)) + (1 - p) * apply(softplus, (self.logits,)))

    def enumerate_support(self, expand: bool = True) -> Value:
        """0 and 1, along a new first axis."""
        return self._enumerated(arange(2, dtype=self._param.dtype), expand)

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return (self.logits,)

    def _log_normalizer(self, *natural_params: Any) -> Value:
        return apply(softplus, natural_params)
