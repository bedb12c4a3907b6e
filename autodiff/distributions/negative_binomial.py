"""The negative binomial distribution."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.chances import Chances
from autodiff.distributions.draws import of_numpy
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where
from autodiff.ops.transcendental import softplus


class NegativeBinomial(Chances):
    """The number of successes of probability ``probs`` before the ``total_count``-th failure.

    >>> import autodiff
    >>> NegativeBinomial(3, 0.25).mean
    tensor(1.)
    """

    arg_constraints = {  # noqa: RUF012
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer

    def __init__(
        self, total_count: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        (self.total_count,) = self._given(probs, logits, total_count)
        self.total_count = self.total_count.to(self._param.dtype)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Value:
        """The most probable number."""
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0)

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean."""
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape: Any = ()) -> Value:
        """Whole numbers outside the graph: Poisson's, of a rate from the gamma distribution."""
        shape, kind = self._extended_shape(sample_shape), self._param.dtype
        rate = of_numpy("standard_gamma", shape, kind, self.total_count) * self.logits.detach().exp()
        return of_numpy("poisson", shape, kind, rate)

    def _log_prob(self, value: Any) -> Value:
        n = self.total_count
        tries = -n * apply(softplus, (self.logits,)) - value * apply(softplus, (-self.logits,))
        choices = (n + value).lgamma() - (value + 1).lgamma() - n.lgamma()
        return tries + where(n + value == 0, 0.0, choices)
