"""The exponential distribution."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.draws import of_numpy
from autodiff.distributions.exp_family import ExponentialFamily
from autodiff.distributions.utils import broadcast_all
from autodiff.engine.values import Value


class Exponential(ExponentialFamily):
    """The distribution of the time until something happens that happens ``rate`` times in a unit.

    >>> import autodiff
    >>> Exponential(2.0).mean
    tensor(0.5000)
    """

    arg_constraints = {"rate": constraints.positive}  # noqa: RUF012
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.rate.reciprocal()

    @property
    def mode(self) -> Value:
        """0, where the density is highest."""
        return self.rate.new_zeros(self.rate.shape)

    @property
    def stddev(self) -> Value:
        """The standard deviation, which is the mean."""
        return self.mean

    @property
    def variance(self) -> Value:
        """The square of the standard deviation."""
        return self.mean.square()

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the rate."""
        return of_numpy("standard_exponential", self._extended_shape(sample_shape), self.rate.dtype) / self.rate

    def _log_prob(self, value: Any) -> Value:
        return self.rate.log() - self.rate * value

    def _cdf(self, value: Any) -> Value:
        return -(-self.rate * value).expm1()

    def icdf(self, value: Any) -> Value:
        """The number below which a draw lies with the probability ``value``."""
        return -(-value).log1p() / self.rate

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return (-self.rate,)

    def _log_normalizer(self, *natural_params: Any) -> Value:
        return -(-natural_params[0]).log()

    @property
    def _expected_statistics(self) -> tuple[Any, ...]:
        return (self.mean,)
