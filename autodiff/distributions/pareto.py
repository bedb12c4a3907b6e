"""The Pareto distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.exponential import Exponential
from autodiff.distributions.transformed_distribution import TransformedDistribution
from autodiff.distributions.transforms import AffineTransform, ExpTransform
from autodiff.distributions.utils import broadcast_all
from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where


class Pareto(TransformedDistribution):
    """The distribution of numbers from ``scale`` up of density proportional to x^-(alpha + 1).

    >>> import autodiff
    >>> Pareto(1.0, 3.0).mean
    tensor(1.5000)
    """

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}  # noqa: RUF012

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        base = Exponential(self.alpha, validate_args=validate_args)
        super().__init__(base, [ExpTransform(), AffineTransform(0, self.scale)], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """The numbers from scale up."""
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> Value:
        """The mean; infinite for ``alpha`` up to 1."""
        a = where(self.alpha > 1, self.alpha, 2.0)
        return where(self.alpha > 1, a * self.scale / (a - 1), math.inf)

    @property
    def mode(self) -> Value:
        """Where the density is highest."""
        return self.scale

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean; infinite for ``alpha`` up to 2."""
        a = where(self.alpha > 2, self.alpha, 3.0)
        return where(self.alpha > 2, self.scale.square() * a / ((a - 1).square() * (a - 2)), math.inf)

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        return (self.scale / self.alpha).log() + 1 + self.alpha.reciprocal()
