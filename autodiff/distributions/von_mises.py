"""The von Mises distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.distribution import Distribution
from autodiff.distributions.draws import of_numpy
from autodiff.distributions.utils import broadcast_all
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.ops.special import i0e, i1e


class VonMises(Distribution):
    """The distribution of angles of density proportional to exp(concentration cos(x - loc)).

    >>> import autodiff
    >>> VonMises(0.0, 1e-6).log_prob(autodiff.tensor(2.0)).exp()
    tensor(0.1592)
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}  # noqa: RUF012
    support = constraints.real
    has_rsample = False

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def _log_prob(self, value: Any) -> Value:
        k = self.concentration  # cos - 1, from half the angle, does not cancel
        scaled = -2 * k * ((value - self.loc) / 2).sin().square()
        return scaled - math.log(2 * math.pi) - apply(i0e, (k,)).log()

    def sample(self, sample_shape: Any = ()) -> Value:
        """Angles from -pi to pi outside the graph."""
        shape = self._extended_shape(sample_shape)
        return of_numpy("vonmises", shape, self.loc.dtype, self.loc, self.concentration)

    @property
    def mean(self) -> Value:
        """The direction of the mean."""
        return self.loc

    @property
    def mode(self) -> Value:
        """Where the density is highest."""
        return self.loc

    @property
    def variance(self) -> Value:
        """The circular variance: 1 less the length of the mean of the directions."""
        return 1 - apply(i1e, (self.concentration,)) / apply(i0e, (self.concentration,))
