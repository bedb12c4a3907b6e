"""The log-normal distribution."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.normal import Normal
from autodiff.distributions.transformed_distribution import TransformedDistribution
from autodiff.distributions.transforms import ExpTransform
from autodiff.engine.values import Value


class LogNormal(TransformedDistribution):
    """exp of a normal variable of mean ``loc`` and standard deviation ``scale``.

    >>> import autodiff
    >>> LogNormal(0.0, 1.0).cdf(autodiff.tensor(1.0))
    tensor(0.5000)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012
    support = constraints.positive
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    @property
    def loc(self) -> Any:
        """The mean of the logarithm."""
        return self.base_dist.loc

    @property
    def scale(self) -> Any:
        """The standard deviation of the logarithm."""
        return self.base_dist.scale

    @property
    def mean(self) -> Value:
        """The mean."""
        return (self.loc + self.scale.square() / 2).exp()

    @property
    def mode(self) -> Value:
        """Where the density is highest."""
        return (self.loc - self.scale.square()).exp()

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean."""
        square = self.scale.square()
        return square.expm1() * (2 * self.loc + square).exp()

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        return self.base_dist.entropy() + self.loc
