"""Batches seen as one value."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.distribution import Distribution
from autodiff.distributions.utils import _sum_rightmost
from autodiff.engine.values import Value
from autodiff.errors import ShapeError
from autodiff.tensors.sizes import Size


class Independent(Distribution):
    """The last axes of the batch of a distribution as axes of one value, whose log-probability is the sum over them.

    >>> import autodiff
    >>> from autodiff.distributions import Normal
    >>> d = Independent(Normal(autodiff.zeros(2, 3), 1.0), 1)
    >>> d.batch_shape, d.event_shape
    (autodiff.Size([2]), autodiff.Size([3]))

    Raises:
        ShapeError: the batch has fewer axes than that.
    """

    arg_constraints: Any = {}  # noqa: RUF012

    def __init__(
        self, base_distribution: Any, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ) -> None:
        batch, event = tuple(base_distribution.batch_shape), tuple(base_distribution.event_shape)
        if reinterpreted_batch_ndims > len(batch):
            raise ShapeError(
                f"Independent takes {reinterpreted_batch_ndims} axes from a batch, but the batch_shape {batch} of this "
                f"{type(base_distribution).__name__} has {len(batch)}"
            )
        cut = len(batch) - reinterpreted_batch_ndims
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, reinterpreted_batch_ndims
        super().__init__(batch[:cut], (*batch[cut:], *event), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with parameters expanded to ``batch_shape``."""
        new = super().expand(batch_shape, _instance)
        joined = tuple(self._event_shape)[: self.reinterpreted_batch_ndims]
        new.base_dist = self.base_dist.expand(Size((*batch_shape, *joined)))
        return new

    @property
    def has_rsample(self) -> Any:
        """Whether gradients pass through samples."""
        return self.base_dist.has_rsample

    @property
    def has_enumerate_support(self) -> Any:
        """Whether all values can be listed: if nothing is joined, and the base can."""
        return self.base_dist.has_enumerate_support if self.reinterpreted_batch_ndims == 0 else False

    @constraints.dependent_property
    def support(self) -> Any:
        """The support of the base, asked of all joined entries."""
        support, count = self.base_dist.support, self.reinterpreted_batch_ndims
        return constraints.independent(support, count) if count else support

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.base_dist.mean

    @property
    def mode(self) -> Value:
        """Where the density is highest."""
        return self.base_dist.mode

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean, of each entry."""
        return self.base_dist.variance

    def sample(self, sample_shape: Any = ()) -> Value:
        """Draws outside the graph."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the parameters."""
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Any) -> Value:
        """The sum of the log-probabilities of the joined entries."""
        return _sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Value:
        """The sum of the entropies of the joined entries."""
        return _sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Value:
        """All values that may be drawn, along a new first axis, if nothing is joined."""
        if self.reinterpreted_batch_ndims > 0:
            raise NotImplementedError("the values of joined axes are too many to list")
        return self.base_dist.enumerate_support(expand)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist!r}, {self.reinterpreted_batch_ndims})"
