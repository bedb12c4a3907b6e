"""Mixtures of components of one kind."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.categorical import Categorical
from autodiff.distributions.constraints import MixtureSameFamilyConstraint
from autodiff.distributions.distribution import Distribution
from autodiff.engine.modes import no_grad
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.reductions import log_softmax
from autodiff.tensors.sizes import Size


class MixtureSameFamily(Distribution):
    """A draw of the component that ``mixture_distribution`` chooses.

    Args:
        mixture_distribution: a ``Categorical`` of batch shape B.
        component_distribution: distributions of batch shape (*B, number of classes).
        validate_args: whether arguments are checked.

    >>> import autodiff
    >>> from autodiff.distributions import Normal
    >>> two = Normal(autodiff.tensor([-1.0, 1.0]), 0.5)
    >>> MixtureSameFamily(Categorical(probs=autodiff.ones(2)), two).mean
    tensor(0.)

    Raises:
        OptionError: these are no Categorical and no Distribution.
        ShapeError: their batches do not fit.
    """

    arg_constraints: Any = {}  # noqa: RUF012
    has_rsample = False

    def __init__(
        self, mixture_distribution: Any, component_distribution: Any, validate_args: bool | None = None
    ) -> None:
        self._mixture_distribution, self._component_distribution = mixture_distribution, component_distribution
        if not isinstance(mixture_distribution, Categorical) or not isinstance(component_distribution, Distribution):
            kinds = type(mixture_distribution).__name__, type(component_distribution).__name__
            raise OptionError(f"MixtureSameFamily takes a Categorical and a Distribution, not {' and '.join(kinds)}")
        given, batch = tuple(mixture_distribution.batch_shape), tuple(component_distribution.batch_shape)
        count = mixture_distribution._num_events
        fits = len(batch) > 0 and batch[-1] == count and all(
            a == b or 1 in (a, b) for a, b in zip(given[::-1], batch[-2::-1], strict=False)
        )
        if not fits:
            raise ShapeError(
                f"the components have batch_shape {batch}, the mixture has batch_shape {given} and {count} classes; "
                f"give components the batch of the mixture and the classes as last axis"
            )
        event = tuple(component_distribution.event_shape)
        self._event_ndims = len(event)
        super().__init__(batch[:-1], event, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with parameters expanded to ``batch_shape``."""
        new = super().expand(batch_shape, _instance)
        new._mixture_distribution = self._mixture_distribution.expand(batch_shape)
        new._component_distribution = self._component_distribution.expand(
            Size((*batch_shape, self._mixture_distribution._num_events))
        )
        return new

    @constraints.dependent_property
    def support(self) -> Any:
        """The support of the components."""
        return MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Any:
        """The distribution of the components' numbers."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Any:
        """The components."""
        return self._component_distribution

    def _pad(self, x: Any) -> Value:
        """Values with an axis for the components."""
        return x.unsqueeze(-1 - self._event_ndims)

    def _pad_mixture_dimensions(self, x: Any) -> Value:
        """Numbers of the components with axes for their events."""
        return x.reshape((*x.shape, *(1,) * self._event_ndims))

    def _weights(self) -> Value:
        return self._pad_mixture_dimensions(self._mixture_distribution.probs)

    @property
    def mean(self) -> Value:
        """The weighted mean of the components' means."""
        return (self._weights() * self._component_distribution.mean).sum(-1 - self._event_ndims)

    @property
    def variance(self) -> Value:
        """The weighted mean of the components' variances, and the variance of their means."""
        weights, axis, parts = self._weights(), -1 - self._event_ndims, self._component_distribution
        apart = (parts.mean - self.mean.unsqueeze(axis)).square()
        return (weights * parts.variance).sum(axis) + (weights * apart).sum(axis)

    def _cdf(self, value: Any) -> Value:
        return (self._component_distribution.cdf(self._pad(value)) * self._mixture_distribution.probs).sum(-1)

    def _log_prob(self, value: Any) -> Value:
        parts = self._component_distribution.log_prob(self._pad(value))
        return (parts + log_softmax(self._mixture_distribution.logits, -1)).logsumexp(-1)

    def sample(self, sample_shape: Any = ()) -> Value:
        """Draws outside the graph."""
        with no_grad():
            axis = len(sample_shape) + len(self._batch_shape)
            drawn = self._component_distribution.sample(sample_shape)
            chosen = self._mixture_distribution.sample(sample_shape)
            index = chosen.reshape((*chosen.shape, *(1,) * (self._event_ndims + 1)))
            shape = tuple(drawn.shape)
            return drawn.gather(axis, index.expand((*shape[:axis], 1, *shape[axis + 1 :]))).squeeze(axis)

    def __repr__(self) -> str:
        return f"MixtureSameFamily({self._mixture_distribution!r}, {self._component_distribution!r})"
