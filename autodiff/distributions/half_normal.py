"""The half-normal distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions.half import Half
from autodiff.distributions.normal import Normal
from autodiff.engine.values import Value


class HalfNormal(Half):
    """The absolute value of a normal variable of mean 0 and standard deviation ``scale``.

    >>> import autodiff
    >>> HalfNormal(1.0).mean
    tensor(0.7979)
    """

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(0, scale, validate_args=False), validate_args=validate_args)

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean."""
        return self.scale.square() * (1 - 2 / math.pi)
