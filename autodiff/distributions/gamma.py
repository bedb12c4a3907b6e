"""The gamma distribution."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.draws import standard_gamma
from autodiff.distributions.exp_family import ExponentialFamily
from autodiff.distributions.utils import broadcast_all
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.ops.gamma_distribution import gammainc
from autodiff.ops.transcendental import xlogy


class Gamma(ExponentialFamily):
    """The distribution of density proportional to x^(concentration - 1) exp(-rate x).

    >>> import autodiff
    >>> Gamma(1.0, 2.0).log_prob(autodiff.tensor(0.5)).exp()
    tensor(0.7358)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}  # noqa: RUF012
    support: Any = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0
    concentration: Any
    rate: Any

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.concentration / self.rate

    @property
    def mode(self) -> Value:
        """Where the density is highest."""
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean."""
        return self.concentration / self.rate.square()

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the parameters, to any order (Figurnov, Mohamed & Mnih 2018)."""
        return standard_gamma(self.concentration, self._extended_shape(sample_shape)) / self.rate

    def _log_prob(self, value: Any) -> Value:
        scaled = self.concentration * self.rate.log() - self.concentration.lgamma()
        return scaled + apply(xlogy, (self.concentration - 1, value)) - self.rate * value

    def _cdf(self, value: Any) -> Value:
        return apply(gammainc, (self.concentration, self.rate * value))

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, *natural_params: Any) -> Value:
        x, y = natural_params
        return (x + 1).lgamma() - (x + 1) * (-y).log()

    @property
    def _expected_statistics(self) -> tuple[Any, ...]:
        return self.concentration.digamma() - self.rate.log(), self.mean
