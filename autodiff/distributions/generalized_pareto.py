"""The generalized Pareto distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.distribution import Distribution
from autodiff.distributions.utils import broadcast_all
from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where
from autodiff.tensors.sampling import rand


class GeneralizedPareto(Distribution):
    """The distribution of what exceeds a high threshold: P(x > loc + scale z) = (1 + k z)^(-1/k), k = concentration.

    Concentration 0 is the exponential distribution; below 0 the numbers end at loc - scale / concentration.

    Reference: J. Pickands (1975), "Statistical inference using extreme order statistics".

    >>> import autodiff
    >>> GeneralizedPareto(0.0, 1.0, 0.5).mean
    tensor(2.)
    """

    arg_constraints = {  # noqa: RUF012
        "loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real,
    }  # fmt: skip
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """The numbers from loc up, as far as there are any."""
        end = self.loc - self.scale / where(self.concentration < 0, self.concentration, -1.0)
        return constraints.interval(self.loc, where(self.concentration < 0, end, math.inf))

    def _curved(self) -> tuple[Value, Value]:
        """Whether the concentration differs from 0, and a concentration that does."""
        curved = self.concentration.abs() > 1e-12
        return curved, where(curved, self.concentration, 1.0)

    def log_survival_function(self, value: Any) -> Value:
        """The logarithm of the probability of draws above ``value``."""
        z = (value - self.loc) / self.scale
        curved, k = self._curved()
        return where(curved, -where(curved, k * z, 0.0).log1p() / k, -z)

    def _log_prob(self, value: Any) -> Value:
        return (1 + self.concentration) * self.log_survival_function(value) - self.scale.log()

    def _cdf(self, value: Any) -> Value:
        return -self.log_survival_function(value).expm1()

    def log_cdf(self, value: Any) -> Value:
        """The logarithm of the probability of draws up to ``value``."""
        return (-self.log_survival_function(value).exp()).log1p()

    def icdf(self, value: Any) -> Value:
        """The number below which a draw lies with the probability ``value``."""
        above = (-value).log1p()
        curved, k = self._curved()
        return self.loc + self.scale * where(curved, (-k * above).expm1() / k, -above)

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the parameters."""
        return self.icdf(rand(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    @property
    def mean(self) -> Value:
        """The mean; NaN for a concentration from 1 up."""
        known = self.concentration < 1
        k = where(known, self.concentration, 0.0)
        return where(known, self.loc + self.scale / (1 - k), math.nan)

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean; NaN for a concentration from 1/2 up."""
        known = self.concentration < 0.5
        k = where(known, self.concentration, 0.0)
        return where(known, self.scale.square() / ((1 - k).square() * (1 - 2 * k)), math.nan)

    @property
    def mode(self) -> Value:
        """Where the density is highest."""
        return self.loc

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        return self.scale.log() + self.concentration + 1
