"""The uniform distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.distribution import Distribution
from autodiff.distributions.utils import broadcast_all
from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where
from autodiff.tensors.sampling import rand


class Uniform(Distribution):
    """The uniform distribution from ``low`` up to ``high``, broadcast; at ``high``, never drawn, the density is 0.

    >>> import autodiff
    >>> Uniform(0.0, 4.0).log_prob(autodiff.tensor(1.0)).exp()
    tensor(0.2500)
    """

    has_rsample = True

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)

    @property
    def arg_constraints(self) -> dict[str, Any]:
        """Each is on its side of the other."""
        return {"low": constraints.less_than(self.high), "high": constraints.greater_than(self.low)}

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """The numbers from low to high."""
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> Value:
        """The middle."""
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Value:
        """NaN: the density is the same everywhere."""
        return math.nan * self.high

    @property
    def variance(self) -> Value:
        """A twelfth of the squared width."""
        return (self.high - self.low).square() / 12

    @property
    def stddev(self) -> Value:
        """The standard deviation."""
        return (self.high - self.low) / math.sqrt(12)

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach low and high."""
        return self.icdf(rand(self._extended_shape(sample_shape), dtype=self.low.dtype))

    def _log_prob(self, value: Any) -> Value:
        inside = (self.low <= value) & (value < self.high)
        return where(inside, -self.entropy(), -math.inf)

    def _cdf(self, value: Any) -> Value:
        return ((value - self.low) / (self.high - self.low)).clamp(0, 1)

    def icdf(self, value: Any) -> Value:
        """The number below which a draw lies with the probability ``value``."""
        return self.low + value * (self.high - self.low)

    def entropy(self) -> Value:
        """The logarithm of the width."""
        return (self.high - self.low).log()
