"""The Gumbel distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions.location_scale import LocationScale
from autodiff.distributions.utils import euler_constant, open_uniform
from autodiff.engine.values import Value


class Gumbel(LocationScale):
    """The distribution of the largest of many numbers: its distribution function is exp(-exp(-(x - loc) / scale)).

    Reference: E. J. Gumbel (1958), "Statistics of extremes".

    >>> import autodiff
    >>> Gumbel(0.0, 1.0).cdf(autodiff.tensor(0.0))
    tensor(0.3679)
    """

    _standard_mean, _standard_variance, _standard_entropy = euler_constant, math.pi**2 / 6, 1 + euler_constant

    def _standard_draw(self, shape: Any) -> Value:
        return self._standard_icdf(open_uniform(shape, self.loc.dtype))

    def _standard_log_density(self, z: Any) -> Value:
        return -(z + (-z).exp())

    def _standard_cdf(self, z: Any) -> Value:
        return (-(-z).exp()).exp()

    def _standard_icdf(self, p: Any) -> Value:
        return -(-p.log()).log()
