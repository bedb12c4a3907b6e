"""The Weibull distribution."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.exponential import Exponential
from autodiff.distributions.transformed_distribution import TransformedDistribution
from autodiff.distributions.transforms import AffineTransform, PowerTransform
from autodiff.distributions.utils import broadcast_all, euler_constant
from autodiff.engine.values import Value


class Weibull(TransformedDistribution):
    """The distribution of distribution function 1 - exp(-(x / scale)^concentration).

    >>> import autodiff
    >>> Weibull(2.0, 1.0).mean
    tensor(2.)
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}  # noqa: RUF012
    support = constraints.positive

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(self.scale.new_ones(self.scale.shape), validate_args=validate_args)
        steps = [PowerTransform(self.concentration_reciprocal), AffineTransform(0, self.scale)]
        super().__init__(base, steps, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with parameters expanded to ``batch_shape``."""
        new = super().expand(batch_shape, _instance)
        new.concentration_reciprocal = self.concentration_reciprocal.expand(batch_shape)
        return new

    def _moment(self, n: int) -> Value:
        """The mean of (x / scale)^n."""
        return (1 + n * self.concentration_reciprocal).lgamma().exp()

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.scale * self._moment(1)

    @property
    def mode(self) -> Value:
        """Where the density is highest."""
        k = self.concentration
        return self.scale * ((k - 1) / k).pow(k.reciprocal())

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean."""
        return self.scale.square() * (self._moment(2) - self._moment(1).square())

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        k = self.concentration_reciprocal
        return euler_constant * (1 - k) + (self.scale * k).log() + 1
