"""Location and scale: each law of a family z, moved and stretched, from the law of z itself."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.distribution import Distribution
from autodiff.distributions.utils import broadcast_all
from autodiff.engine.values import Value


class LocationScale(Distribution):
    """loc + scale * z for a standard variable z without parameters.

    A subclass gives the density, the distribution function and its inverse, the entropy, mean, mode, variance and
    draws of z.
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012
    support = constraints.real
    has_rsample = True
    _standard_mean: float
    _standard_mode = 0.0
    _standard_variance: float
    _standard_entropy: float
    loc: Any
    scale: Any

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def _standard_draw(self, shape: Any) -> Value:
        raise NotImplementedError

    def _standard_log_density(self, z: Any) -> Value:
        raise NotImplementedError

    def _standard_cdf(self, z: Any) -> Value:
        raise NotImplementedError

    def _standard_icdf(self, p: Any) -> Value:
        raise NotImplementedError

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.loc + self.scale * self._standard_mean if self._standard_mean else self.loc

    @property
    def mode(self) -> Value:
        """Where the density is highest."""
        return self.loc + self.scale * self._standard_mode if self._standard_mode else self.loc

    @property
    def stddev(self) -> Value:
        """The standard deviation."""
        return self.scale * math.sqrt(self._standard_variance) if self._standard_variance != 1 else self.scale

    @property
    def variance(self) -> Value:
        """The square of the standard deviation."""
        return self.scale.square() * self._standard_variance

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach loc and scale."""
        return self.loc + self.scale * self._standard_draw(self._extended_shape(sample_shape))

    def _log_prob(self, value: Any) -> Value:
        return self._standard_log_density((value - self.loc) / self.scale) - self.scale.log()

    def _cdf(self, value: Any) -> Value:
        return self._standard_cdf((value - self.loc) / self.scale)

    def icdf(self, value: Any) -> Value:
        """The number below which a draw lies with the probability ``value``."""
        return self.loc + self.scale * self._standard_icdf(value)

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        return self.scale.log() + self._standard_entropy
