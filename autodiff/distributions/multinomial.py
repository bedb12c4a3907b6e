"""The multinomial distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.binomial import Binomial
from autodiff.distributions.chances import ClassChances
from autodiff.distributions.draws import of_numpy
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import DtypeError
from autodiff.ops.transcendental import xlogy


class Multinomial(ClassChances):
    """How often each class comes in ``total_count`` draws; ``probs`` or ``logits`` are those of a ``Categorical``.

    >>> import autodiff
    >>> Multinomial(4, probs=autodiff.tensor([1.0, 3.0])).mean
    tensor([1., 3.])

    Raises:
        DtypeError: ``total_count`` is not one whole number.
    """

    total_count: int

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if not isinstance(total_count, int):
            raise DtypeError(f"the total_count of Multinomial is one int for the whole batch, not {total_count!r:.60}")
        self.total_count = total_count
        self._given_classes(probs, logits)
        super().__init__(self._param.shape[:-1], self._param.shape[-1:], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        """Vectors of counts."""
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.probs * self.total_count

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean, of each count."""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Value:
        """Counts outside the graph."""
        probs = self.probs.detach().double()
        shape = self._extended_shape(sample_shape)[:-1]
        return of_numpy("multinomial", shape, self._param.dtype, self.probs.new_tensor(self.total_count), probs)

    def _log_prob(self, value: Any) -> Value:
        return (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1) + apply(xlogy, (value, self.probs)).sum(-1)

    def entropy(self) -> Value:
        """The expected surprise, in nats."""
        n = self.total_count
        each = Binomial(n, probs=self.probs, validate_args=False)
        counts = each.enumerate_support(False)[1:]
        chances = each._log_prob(counts).exp()
        single = -(self.probs * self.logits).sum(-1)
        return n * single - math.lgamma(n + 1) + (chances * (counts + 1).lgamma()).sum((0, -1))
