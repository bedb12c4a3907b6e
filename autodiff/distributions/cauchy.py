"""The Cauchy distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions.location_scale import LocationScale
from autodiff.distributions.utils import open_uniform
from autodiff.engine.values import Value


class Cauchy(LocationScale):
    """The distribution of the quotient of two normal numbers, moved by ``loc`` and stretched by ``scale``; no mean.

    >>> import autodiff
    >>> Cauchy(0.0, 1.0).cdf(autodiff.tensor(1.0))
    tensor(0.7500)
    """

    _standard_entropy = math.log(4 * math.pi)

    def _standard_draw(self, shape: Any) -> Value:
        return self._standard_icdf(open_uniform(shape, self.loc.dtype))

    def _standard_log_density(self, z: Any) -> Value:
        return -z.square().log1p() - math.log(math.pi)

    def _standard_cdf(self, z: Any) -> Value:
        return z.atan() / math.pi + 0.5

    def _standard_icdf(self, p: Any) -> Value:
        return (math.pi * (p - 0.5)).tan()

    @property
    def mean(self) -> Value:
        """NaN: the integral does not converge."""
        return self.loc.new_full(self.loc.shape, math.nan)

    @property
    def variance(self) -> Value:
        """Infinite."""
        return self.loc.new_full(self.loc.shape, math.inf)

    @property
    def stddev(self) -> Value:
        """Infinite."""
        return self.variance
