"""The Kumaraswamy distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.transformed_distribution import TransformedDistribution
from autodiff.distributions.transforms import AffineTransform, PowerTransform
from autodiff.distributions.uniform import Uniform
from autodiff.distributions.utils import broadcast_all, euler_constant
from autodiff.dtypes import finfo
from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where


class Kumaraswamy(TransformedDistribution):
    """The distribution of numbers from 0 to 1 of distribution function 1 - (1 - x^a)^b.

    Args:
        concentration1: a.
        concentration0: b.
        validate_args: whether arguments are checked.

    Reference: P. Kumaraswamy (1980), "A generalized probability density function for double-bounded random processes".

    >>> import autodiff
    >>> Kumaraswamy(1.0, 3.0).mean
    tensor(0.2500)
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}  # noqa: RUF012
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        limits = finfo(self.concentration1.dtype)
        low = self.concentration1.new_full((), float(limits.tiny)).expand(self.concentration1.shape)
        base = Uniform(low, 1 - float(limits.eps), validate_args=validate_args)  # 0 and 1 have no logarithm
        steps = [
            PowerTransform(self.concentration0.reciprocal()),
            AffineTransform(1.0, -1.0),
            PowerTransform(self.concentration1.reciprocal()),
        ]
        super().__init__(base, steps, validate_args=validate_args)

    def _moment(self, n: int) -> Value:
        """The mean of x^n: b B(1 + n/a, b)."""
        power, b = 1 + n / self.concentration1, self.concentration0
        return (power.lgamma() + (b + 1).lgamma() - (power + b).lgamma()).exp()

    @property
    def mean(self) -> Value:
        """The mean."""
        return self._moment(1)

    @property
    def mode(self) -> Value:
        """Where the density is highest; NaN if a or b is below 1."""
        a, b = self.concentration1, self.concentration0
        known = (a >= 1) & (b >= 1) & (a * b > 1)
        a, b = where(known, a, 2.0), where(known, b, 2.0)
        return where(known, ((a - 1) / (a * b - 1)).pow(a.reciprocal()), math.nan)

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean."""
        return self._moment(2) - self.mean.square()

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        a, b = self.concentration1, self.concentration0
        return (1 - 1 / b) + (1 - 1 / a) * ((b + 1).digamma() + euler_constant) - a.log() - b.log()
