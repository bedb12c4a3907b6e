"""The inverse gamma distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.gamma import Gamma
from autodiff.distributions.transformed_distribution import TransformedDistribution
from autodiff.distributions.transforms import PowerTransform
from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where


class InverseGamma(TransformedDistribution):
    """1 / x for a gamma variable x.

    >>> import autodiff
    >>> InverseGamma(3.0, 4.0).mean
    tensor(2.)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}  # noqa: RUF012
    support = constraints.positive
    has_rsample = True

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args=validate_args)
        super().__init__(base, PowerTransform(-base.rate.new_ones(())), validate_args=validate_args)

    @property
    def concentration(self) -> Any:
        """The concentration of the gamma variable."""
        return self.base_dist.concentration

    @property
    def rate(self) -> Any:
        """The rate of the gamma variable, which is the scale here."""
        return self.base_dist.rate

    @property
    def mean(self) -> Value:
        """The mean; infinite for a concentration up to 1."""
        known = self.concentration > 1
        return where(known, self.rate / (where(known, self.concentration, 2.0) - 1), math.inf)

    @property
    def mode(self) -> Value:
        """Where the density is highest."""
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean; infinite for a concentration up to 2."""
        known = self.concentration > 2
        a = where(known, self.concentration, 3.0)
        return where(known, self.rate.square() / ((a - 1).square() * (a - 2)), math.inf)

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()
