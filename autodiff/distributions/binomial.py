"""The binomial distribution."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.chances import Chances
from autodiff.distributions.draws import of_numpy
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.ops.transcendental import softplus
from autodiff.tensors.creation import arange


class Binomial(Chances):
    """The number of successes of probability ``probs`` in ``total_count`` tries.

    >>> import autodiff
    >>> Binomial(2, 0.5).log_prob(autodiff.tensor([0.0, 1.0, 2.0])).exp()
    tensor([0.2500, 0.5000, 0.2500])
    """

    arg_constraints = {"total_count": constraints.nonnegative_integer, **Chances.arg_constraints}  # noqa: RUF012
    has_enumerate_support = True

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        (self.total_count,) = self._given(probs, logits, total_count)
        self.total_count = self.total_count.to(self._param.dtype)
        super().__init__(self._param.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        """The whole numbers up to the number of tries."""
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.total_count * self.probs

    @property
    def mode(self) -> Value:
        """The most probable number."""
        return ((self.total_count + 1) * self.probs).floor().minimum(self.total_count)

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean."""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Value:
        """Whole numbers outside the graph."""
        shape = self._extended_shape(sample_shape)
        return of_numpy("binomial", shape, self._param.dtype, self.total_count, self.probs)

    def _log_prob(self, value: Any) -> Value:
        n = self.total_count
        choices = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        return choices - value * apply(softplus, (-self.logits,)) - (n - value) * apply(softplus, (self.logits,))

    def entropy(self) -> Value:
        """The expected surprise, in nats, summed over all values; of one number of tries for the whole batch."""
        count = int(self.total_count.max())
        if not (self.total_count == count).all():
            raise NotImplementedError("the entropy of Binomial takes one total_count for the whole batch")
        log_prob = self._log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Value:
        """The whole numbers up to the number of tries, along a new first axis."""
        count = int(self.total_count.max())
        if not (self.total_count == count).all():
            raise NotImplementedError("Binomial lists its values for one total_count for the whole batch")
        return self._enumerated(arange(count + 1, dtype=self._param.dtype), expand)
