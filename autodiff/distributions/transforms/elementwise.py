"""Transforms of single numbers."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.distribution import Distribution
from autodiff.distributions.transforms.base import OfOneKind, Transform
from autodiff.distributions.utils import _sum_rightmost, broadcast_all
from autodiff.dtypes import finfo
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.functions.shaping import broadcast_shapes
from autodiff.ops.transcendental import softplus
from autodiff.tensors.creation import full_like
from autodiff.tensors.tensor import Tensor


class ExpTransform(OfOneKind):
    """exp(x)."""

    domain, codomain, bijective, sign = constraints.real, constraints.positive, True, 1

    def _call(self, x: Any) -> Value:
        return x.exp()

    def _inverse(self, y: Any) -> Value:
        return y.log()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Value:
        """The argument itself."""
        return x


class PowerTransform(Transform):
    """x to the power of ``exponent``, for x above 0."""

    domain, codomain, bijective = constraints.positive, constraints.positive, True

    def __init__(self, exponent: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        (self.exponent,) = broadcast_all(exponent)

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The same transform with that ``cache_size``."""
        return self if self._cache_size == cache_size else PowerTransform(self.exponent, cache_size)

    @property
    def sign(self) -> Any:
        """The sign of the exponent."""
        return self.exponent.sign()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PowerTransform) and _same(self.exponent, other.exponent)

    __hash__ = object.__hash__

    def _call(self, x: Any) -> Value:
        return x.pow(self.exponent)

    def _inverse(self, y: Any) -> Value:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Value:
        """log |exponent y / x|."""
        return (self.exponent * y / x).abs().log()

    def forward_shape(self, shape: Any) -> Any:
        """The shape of the value of an argument of ``shape``."""
        return broadcast_shapes(tuple(shape), tuple(self.exponent.shape))

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of the argument of a value of ``shape``."""
        return self.forward_shape(shape)


class SigmoidTransform(OfOneKind):
    """The sigmoid, kept from 0 and 1."""

    domain, codomain, bijective, sign = constraints.real, constraints.unit_interval, True, 1

    def _call(self, x: Any) -> Value:
        limits = finfo(x.dtype)
        return x.sigmoid().clamp(float(limits.tiny), 1 - float(limits.eps))

    def _inverse(self, y: Any) -> Value:
        limits = finfo(y.dtype)
        inside = y.clamp(float(limits.tiny), 1 - float(limits.eps))
        return inside.log() - (-inside).log1p()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Value:
        """log y (1 - y), from the argument."""
        return -apply(softplus, (-x,)) - apply(softplus, (x,))


class SoftplusTransform(OfOneKind):
    """log(1 + exp(x))."""

    domain, codomain, bijective, sign = constraints.real, constraints.positive, True, 1

    def _call(self, x: Any) -> Value:
        return apply(softplus, (x,))

    def _inverse(self, y: Any) -> Value:
        return (-(-y).expm1()).log() + y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Value:
        """log of the sigmoid."""
        return -apply(softplus, (-x,))


class TanhTransform(OfOneKind):
    """tanh(x); with ``cache_size=1`` the inverse at values near 1 and -1, which have rounded, is exact."""

    domain, codomain, bijective, sign = constraints.real, constraints.interval(-1.0, 1.0), True, 1

    def _call(self, x: Any) -> Value:
        return x.tanh()

    def _inverse(self, y: Any) -> Value:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Value:
        """log(1 - y²), from the argument, without cancellation."""
        return 2 * (math.log(2) - x - apply(softplus, (-2 * x,)))


class AbsTransform(OfOneKind):
    """|x|, whose inverse is taken to be above 0."""

    domain, codomain = constraints.real, constraints.positive

    def _call(self, x: Any) -> Value:
        return x.abs()

    def _inverse(self, y: Any) -> Value:
        return y


class AffineTransform(Transform):
    """loc + scale x; with ``event_dim`` the last axes make up one value."""

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.loc, self.scale, self._event_dim = loc, scale, event_dim

    @property
    def event_dim(self) -> int:
        """Of how many axes a value is made."""
        return self._event_dim

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:
        """Real numbers."""
        return constraints.independent(constraints.real, self._event_dim) if self._event_dim else constraints.real

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Any:
        """Real numbers."""
        return self.domain

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The same transform with that ``cache_size``."""
        if self._cache_size == cache_size:
            return self
        return AffineTransform(self.loc, self.scale, self._event_dim, cache_size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AffineTransform) and _same(self.loc, other.loc) and _same(self.scale, other.scale)

    __hash__ = object.__hash__

    @property
    def sign(self) -> Any:
        """The sign of the scale."""
        if isinstance(self.scale, Tensor):
            return self.scale.sign()
        return (self.scale > 0) - (self.scale < 0)

    def _call(self, x: Any) -> Value:
        return self.loc + self.scale * x

    def _inverse(self, y: Any) -> Value:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Value:
        """log |scale|, for each entry of a value."""
        scale = self.scale
        slopes = scale.abs().log() if isinstance(scale, Tensor) else full_like(x.detach(), math.log(abs(scale)))
        return _sum_rightmost(slopes.expand(broadcast_shapes(tuple(x.shape), tuple(slopes.shape))), self._event_dim)

    def forward_shape(self, shape: Any) -> Any:
        """The shape of the value of an argument of ``shape``."""
        parts = (tuple(p.shape) for p in (self.loc, self.scale) if isinstance(p, Tensor))
        return broadcast_shapes(tuple(shape), *parts)

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of the argument of a value of ``shape``."""
        return self.forward_shape(shape)


def _same(first: Any, second: Any) -> bool:
    """Whether two parameters are equal everywhere, or the same one."""
    if first is second:
        return True
    equal = first == second
    return bool(equal.all()) if isinstance(equal, Tensor) else bool(equal)


class CumulativeDistributionTransform(Transform):
    """The probability of draws of ``distribution`` up to x; its inverse turns uniform numbers into draws."""

    bijective, codomain, sign = True, constraints.unit_interval, 1

    def __init__(self, distribution: Distribution, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Any:
        """The support of the distribution."""
        return self.distribution.support

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The same transform with that ``cache_size``."""
        if self._cache_size == cache_size:
            return self
        return CumulativeDistributionTransform(self.distribution, cache_size)

    def _call(self, x: Any) -> Value:
        return self.distribution.cdf(x)

    def _inverse(self, y: Any) -> Value:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Value:
        """The logarithm of the density."""
        return self.distribution.log_prob(x)
