"""The Poisson distribution."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.draws import of_numpy
from autodiff.distributions.exp_family import ExponentialFamily
from autodiff.distributions.utils import broadcast_all
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.ops.transcendental import xlogy


class Poisson(ExponentialFamily):
    """The distribution of how often something happens in a unit, if it happens ``rate`` times on average.

    >>> import autodiff
    >>> Poisson(2.0).log_prob(autodiff.tensor(0.0)).exp()
    tensor(0.1353)
    """

    arg_constraints = {"rate": constraints.nonnegative}  # noqa: RUF012
    support = constraints.nonnegative_integer

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.rate

    @property
    def mode(self) -> Value:
        """The most probable number."""
        return self.rate.floor()

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean."""
        return self.rate

    def sample(self, sample_shape: Any = ()) -> Value:
        """Whole numbers outside the graph."""
        return of_numpy("poisson", self._extended_shape(sample_shape), self.rate.dtype, self.rate)

    def _log_prob(self, value: Any) -> Value:
        return apply(xlogy, (value, self.rate)) - self.rate - (value + 1).lgamma()

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return (self.rate.log(),)

    def _log_normalizer(self, *natural_params: Any) -> Value:
        return natural_params[0].exp()

    @property
    def _expected_statistics(self) -> tuple[Any, ...]:
        return (self.rate,)
