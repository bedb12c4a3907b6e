"""The half-Cauchy distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions.cauchy import Cauchy
from autodiff.distributions.half import Half
from autodiff.engine.values import Value


class HalfCauchy(Half):
    """The absolute value of a Cauchy variable about 0.

    >>> import autodiff
    >>> HalfCauchy(1.0).cdf(autodiff.tensor(1.0))
    tensor(0.5000)
    """

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Cauchy(0, scale, validate_args=False), validate_args=validate_args)

    @property
    def mean(self) -> Value:
        """Infinite."""
        return self.scale.new_full(self.scale.shape, math.inf)

    @property
    def variance(self) -> Value:
        """Infinite."""
        return self.base_dist.variance
