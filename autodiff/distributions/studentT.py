"""Student's t distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.distribution import Distribution
from autodiff.distributions.draws import standard_gamma
from autodiff.distributions.utils import _standard_normal, broadcast_all
from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where


class StudentT(Distribution):
    """A normal variable over the root of a chi-squared one of ``df`` degrees of freedom, moved and stretched.

    >>> import autodiff
    >>> StudentT(3.0).variance
    tensor(3.)
    """

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012
    support = constraints.real
    has_rsample = True

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Value:
        """The mean; NaN for ``df`` up to 1."""
        return self.loc.masked_fill(self.df <= 1, math.nan)

    @property
    def mode(self) -> Value:
        """Where the density is highest."""
        return self.loc

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean; infinite for ``df`` up to 2, NaN up to 1."""
        finite = self.df > 2
        df = where(finite, self.df, 3.0)
        known = where(finite, self.scale.square() * df / (df - 2), math.inf)
        return known.masked_fill(self.df <= 1, math.nan)

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the parameters."""
        shape = self._extended_shape(sample_shape)
        noise = _standard_normal(shape, self.df.dtype)
        mean_square = standard_gamma(self.df / 2, shape) / (self.df / 2)
        return self.loc + self.scale * noise * mean_square.rsqrt()

    def _log_prob(self, value: Any) -> Value:
        z = (value - self.loc) / self.scale
        kernel = -0.5 * (self.df + 1) * (z.square() / self.df).log1p()
        half = self.df / 2
        return kernel - self.scale.log() - 0.5 * (self.df * math.pi).log() - half.lgamma() + (half + 0.5).lgamma()

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        half = self.df / 2
        beta = half.lgamma() + math.lgamma(0.5) - (half + 0.5).lgamma()
        rest = (half + 0.5) * ((half + 0.5).digamma() - half.digamma()) + 0.5 * self.df.log() + beta
        return self.scale.log() + rest
