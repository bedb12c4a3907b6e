"""The normal distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions.exp_family import ExponentialFamily
from autodiff.distributions.location_scale import LocationScale
from autodiff.distributions.utils import _standard_normal
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.ops.special import ndtr, ndtri

LOG_ROOT_TWO_PI = math.log(math.sqrt(2 * math.pi))


class Normal(LocationScale, ExponentialFamily):
    """The normal distribution of mean ``loc`` and standard deviation ``scale``, broadcast.

    >>> import autodiff
    >>> Normal(0.0, 1.0).log_prob(autodiff.tensor(0.0))
    tensor(-0.9189)
    """

    _standard_mean, _standard_variance, _standard_entropy = 0.0, 1.0, 0.5 + LOG_ROOT_TWO_PI

    def _standard_draw(self, shape: Any) -> Value:
        return _standard_normal(shape, self.loc.dtype)

    def _log_prob(self, value: Any) -> Value:
        return ((value - self.loc) / self.scale) ** 2 * -0.5 - self.scale.log() - LOG_ROOT_TWO_PI

    def _standard_cdf(self, z: Any) -> Value:
        return apply(ndtr, (z,))

    def _standard_icdf(self, p: Any) -> Value:
        return apply(ndtri, (p,))

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return self.loc / self.scale.square(), -0.5 / self.scale.square()

    def _log_normalizer(self, *natural_params: Any) -> Value:
        x, y = natural_params
        return -0.25 * x.square() / y + 0.5 * (-math.pi / y).log()
