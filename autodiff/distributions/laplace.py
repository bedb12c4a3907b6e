"""The Laplace distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions.location_scale import LocationScale
from autodiff.distributions.utils import open_uniform
from autodiff.engine.values import Value


class Laplace(LocationScale):
    """The distribution of density exp(-|x - loc| / scale) / (2 scale).

    >>> import autodiff
    >>> Laplace(0.0, 1.0).log_prob(autodiff.tensor(0.0)).exp()
    tensor(0.5000)
    """

    _standard_mean, _standard_variance, _standard_entropy = 0.0, 2.0, 1 + math.log(2)

    def _standard_draw(self, shape: Any) -> Value:
        return self._standard_icdf(open_uniform(shape, self.loc.dtype))

    def _standard_log_density(self, z: Any) -> Value:
        return -z.abs() - math.log(2)

    def _standard_cdf(self, z: Any) -> Value:
        return 0.5 - 0.5 * z.sign() * (-z.abs()).expm1()

    def _standard_icdf(self, p: Any) -> Value:
        term = p - 0.5
        return -term.sign() * (-2 * term.abs()).log1p()
