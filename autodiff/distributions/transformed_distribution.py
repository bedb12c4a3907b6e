"""Distributions of functions of a variable."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.distribution import Distribution
from autodiff.distributions.independent import Independent
from autodiff.distributions.transforms import ComposeTransform, Transform
from autodiff.distributions.utils import _sum_rightmost
from autodiff.engine.modes import no_grad
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.shaping import broadcast_shapes
from autodiff.tensors.sizes import Size


class TransformedDistribution(Distribution):
    """The distribution of ``transforms``, one after the other, of a variable distributed as ``base_distribution``.

    Law: the density is that of the base at the argument, over the absolute determinant of the Jacobian.

    >>> import autodiff
    >>> from autodiff.distributions import Normal, transforms
    >>> log_normal = TransformedDistribution(Normal(0.0, 1.0), [transforms.ExpTransform()])
    >>> log_normal.cdf(autodiff.tensor(1.0))
    tensor(0.5000)

    Raises:
        OptionError: a transform is none.
        ShapeError: a transform takes more axes than the base has.
    """

    arg_constraints: Any = {}  # noqa: RUF012

    def __init__(self, base_distribution: Any, transforms: Any, validate_args: bool | None = None) -> None:
        self.transforms = [transforms] if isinstance(transforms, Transform) else list(transforms)
        if not all(isinstance(t, Transform) for t in self.transforms):
            kinds = ", ".join(type(t).__name__ for t in self.transforms)
            raise OptionError(f"TransformedDistribution takes a Transform or a list of them, not ({kinds})")
        shape = tuple(base_distribution.batch_shape + base_distribution.event_shape)
        base_event = len(base_distribution.event_shape)
        whole = ComposeTransform(self.transforms)
        if len(shape) < whole.domain.event_dim:
            raise ShapeError(
                f"the base has shape {shape}, but the transforms take at least {whole.domain.event_dim} axes; make the "
                f"base a batch, or Independent"
            )
        forward = whole.forward_shape(shape)
        if shape != tuple(whole.inverse_shape(forward)):  # the transforms broadcast what they are given
            shape = tuple(broadcast_shapes(shape, tuple(whole.inverse_shape(forward))))
            base_distribution = base_distribution.expand(shape[: len(shape) - base_event])
        joined = whole.domain.event_dim - base_event
        self.base_dist: Any = Independent(base_distribution, joined) if joined > 0 else base_distribution
        event = whole.codomain.event_dim + max(base_event - whole.domain.event_dim, 0)
        cut = len(forward) - event
        super().__init__(forward[:cut], forward[cut:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with parameters expanded to ``batch_shape``."""
        new = super().expand(batch_shape, _instance)
        shape = (*batch_shape, *self._event_shape)
        for transform in reversed(self.transforms):
            shape = tuple(transform.inverse_shape(shape))
        new.base_dist = self.base_dist.expand(Size(shape[: len(shape) - len(self.base_dist.event_shape)]))
        return new

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:
        """The codomain of the last transform, or the support of the base if there is none."""
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        missing = len(self._event_shape) - support.event_dim
        return constraints.independent(support, missing) if missing > 0 else support

    @property
    def has_rsample(self) -> Any:
        """Whether gradients pass through samples: whether they do so of the base."""
        return self.base_dist.has_rsample

    def sample(self, sample_shape: Any = ()) -> Value:
        """Draws outside the graph."""
        with no_grad():
            return self._moved(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the parameters of the base and of the transforms."""
        return self._moved(self.base_dist.rsample(sample_shape))

    def _moved(self, x: Any) -> Value:
        for transform in self.transforms:
            x = transform(x)
        return x

    def _log_prob(self, value: Any) -> Value:
        axes = len(self._event_shape)
        total: Any = 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(value)
            axes += transform.domain.event_dim - transform.codomain.event_dim
            total = total - _sum_rightmost(transform.log_abs_det_jacobian(x, value), axes - transform.domain.event_dim)
            value = x
        return total + _sum_rightmost(self.base_dist.log_prob(value), axes - len(self.base_dist.event_shape))

    def _cdf(self, value: Any) -> Value:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        return self._mirrored(self.base_dist.cdf(value))

    def icdf(self, value: Any) -> Value:
        """The number below which a draw lies with the probability ``value``; the transforms must be monotonous."""
        return self._moved(self.base_dist.icdf(self._mirrored(value)))

    def _mirrored(self, probability: Any) -> Value:
        """The probability, or its complement where the transforms together fall."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        return probability if isinstance(sign, int) and sign == 1 else sign * (probability - 0.5) + 0.5
