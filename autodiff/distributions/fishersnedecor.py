"""The Fisher-Snedecor distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.distribution import Distribution
from autodiff.distributions.draws import standard_gamma
from autodiff.distributions.utils import broadcast_all
from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where


class FisherSnedecor(Distribution):
    """The quotient of two chi-squared variables, each over its degrees of freedom ``df1`` and ``df2``: F.

    >>> import autodiff
    >>> FisherSnedecor(1.0, 4.0).mean
    tensor(2.)
    """

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}  # noqa: RUF012
    support = constraints.positive
    has_rsample = True

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        super().__init__(self.df1.shape, validate_args=validate_args)

    @property
    def mean(self) -> Value:
        """The mean; NaN for ``df2`` up to 2."""
        known = self.df2 > 2
        d = where(known, self.df2, 3.0)
        return where(known, d / (d - 2), math.nan)

    @property
    def mode(self) -> Value:
        """Where the density is highest; NaN for ``df1`` up to 2."""
        known = self.df1 > 2
        d = where(known, self.df1, 3.0)
        return where(known, (d - 2) / d * self.df2 / (self.df2 + 2), math.nan)

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean; NaN for ``df2`` up to 4."""
        known = self.df2 > 4
        d = where(known, self.df2, 5.0)
        spread = 2 * d.square() * (self.df1 + d - 2) / (self.df1 * (d - 2).square() * (d - 4))
        return where(known, spread, math.nan)

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the parameters."""
        shape = self._extended_shape(sample_shape)
        above, below = (standard_gamma(d / 2, shape) / d for d in (self.df1, self.df2))
        return above / below

    def _log_prob(self, value: Any) -> Value:
        first, second, ratio = self.df1 / 2, self.df2 / 2, self.df1 / self.df2
        norm = (first + second).lgamma() - first.lgamma() - second.lgamma()
        return norm + first * ratio.log() + (first - 1) * value.log() - (first + second) * (ratio * value).log1p()
