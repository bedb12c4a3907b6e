"""Halves: the absolute value of a variable that is symmetric about 0."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.transformed_distribution import TransformedDistribution
from autodiff.distributions.transforms import AbsTransform
from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where


class Half(TransformedDistribution):
    """The absolute value of ``base``, a variable that is symmetric about 0."""

    arg_constraints = {"scale": constraints.positive}  # noqa: RUF012
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, base: Any, validate_args: bool | None = None) -> None:
        super().__init__(base, AbsTransform(), validate_args=validate_args)

    @property
    def scale(self) -> Any:
        """The scale of the symmetric variable."""
        return self.base_dist.scale

    @property
    def mode(self) -> Value:
        """0, where the density is highest."""
        return self.scale.new_zeros(self.scale.shape)

    def _log_prob(self, value: Any) -> Value:
        return where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -math.inf)

    def _cdf(self, value: Any) -> Value:
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Any) -> Value:
        """The number below which a draw lies with the probability ``value``."""
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        return self.base_dist.entropy() - math.log(2)
