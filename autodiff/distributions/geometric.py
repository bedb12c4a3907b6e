"""The geometric distribution."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.chances import Chances
from autodiff.distributions.draws import of_numpy
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import OptionError
from autodiff.ops.transcendental import softplus


class Geometric(Chances):
    """The number of failures before the first success, which has probability ``probs``.

    >>> import autodiff
    >>> Geometric(0.25).log_prob(autodiff.tensor([0.0, 1.0])).exp()
    tensor([0.2500, 0.1875])
    """

    support = constraints.nonnegative_integer

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._given(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)
        if self._validate_args and probs is not None and not (self.probs > 0).all():
            raise OptionError("the probs of Geometric are above 0, or no success would come")

    @property
    def mean(self) -> Value:
        """The mean."""
        return 1 / self.probs - 1

    @property
    def mode(self) -> Value:
        """0, the most probable number."""
        return self.probs.new_zeros(self.probs.shape)

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean."""
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape: Any = ()) -> Value:
        """Whole numbers outside the graph: exponential ones, rounded down."""
        waits = of_numpy("standard_exponential", self._extended_shape(sample_shape), self.probs.dtype)
        return (waits / -(-self.probs.detach()).log1p()).floor()

    def _log_prob(self, value: Any) -> Value:
        return -value * apply(softplus, (self.logits,)) - apply(softplus, (-self.logits,))

    def entropy(self) -> Value:
        """The expected surprise, in nats: that of one try, over the probability of success."""
        p = self.probs
        return (p * apply(softplus, (-self.logits,)) + (1 - p) * apply(softplus, (self.logits,))) / p
