"""The beta distribution."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints, draws
from autodiff.distributions.dirichlet import Dirichlet
from autodiff.distributions.exp_family import ExponentialFamily
from autodiff.distributions.utils import broadcast_all
from autodiff.engine.values import Value
from autodiff.functions.joining import stack


class Beta(ExponentialFamily):
    """The distribution of x of density proportional to x^(concentration1 - 1) (1 - x)^(concentration0 - 1).

    x and 1 - x have a Dirichlet distribution, which gives all laws.

    >>> import autodiff
    >>> Beta(1.0, 3.0).mean
    tensor(0.2500)
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}  # noqa: RUF012
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        super().__init__(self.concentration1.shape, validate_args=validate_args)

    @property
    def _dirichlet(self) -> Dirichlet:
        return Dirichlet(stack([self.concentration1, self.concentration0], -1), validate_args=False)

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Value:
        """Where the density is highest."""
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean."""
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.square() * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the parameters."""
        shape = (*self._extended_shape(sample_shape), 2)
        return draws.dirichlet(self._dirichlet.concentration, shape)[..., 0]

    def _log_prob(self, value: Any) -> Value:
        return self._dirichlet._log_prob(stack([value, 1 - value], -1))

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        return self._dirichlet.entropy()

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return self.concentration1, self.concentration0

    def _log_normalizer(self, *natural_params: Any) -> Value:
        x, y = natural_params
        return x.lgamma() + y.lgamma() - (x + y).lgamma()

    @property
    def _expected_statistics(self) -> tuple[Any, ...]:
        whole = (self.concentration1 + self.concentration0).digamma()
        return self.concentration1.digamma() - whole, self.concentration0.digamma() - whole
