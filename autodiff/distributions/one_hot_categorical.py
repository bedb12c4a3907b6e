"""Classes as one-hot vectors."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.categorical import Categorical
from autodiff.distributions.chances import ClassChances
from autodiff.engine.values import Value
from autodiff.functions.indexing import one_hot
from autodiff.tensors.creation import eye


class OneHotCategorical(ClassChances):
    """One of n classes as a vector of a 1 and zeros, with probabilities in the last axis.

    >>> import autodiff
    >>> OneHotCategorical(probs=autodiff.tensor([1.0, 3.0])).log_prob(autodiff.tensor([0.0, 1.0])).exp()
    tensor(0.7500)
    """

    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._given_classes(probs, logits)
        super().__init__(self._param.shape[:-1], self._param.shape[-1:], validate_args=validate_args)

    @property
    def _categorical(self) -> Categorical:
        return Categorical(logits=self.logits, validate_args=False)

    @property
    def mean(self) -> Value:
        """The probabilities."""
        return self.probs

    @property
    def mode(self) -> Value:
        """The likeliest class."""
        return one_hot(self.probs.argmax(-1), self._num_events).to(self._param.dtype)

    @property
    def variance(self) -> Value:
        """p (1 - p) for each class."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Value:
        """One-hot vectors outside the graph."""
        drawn = Categorical(probs=self.probs.detach(), validate_args=False).sample(sample_shape)
        return one_hot(drawn, self._num_events).to(self._param.dtype)

    def _log_prob(self, value: Any) -> Value:
        return self._categorical._log_prob(value.argmax(-1))

    def entropy(self) -> Value:
        """The expected surprise, in nats."""
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Value:
        """The one-hot vectors of all classes, along a new first axis."""
        return self._enumerated(eye(self._num_events, dtype=self._param.dtype), expand)


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """``OneHotCategorical`` whose samples pass gradients on to the probabilities as if they were these.

    Reference: Y. Bengio, N. Léonard, A. Courville (2013), "Estimating or propagating gradients through stochastic
    neurons for conditional computation".

    >>> import autodiff
    >>> p = autodiff.tensor([0.25, 0.75], requires_grad=True)
    >>> OneHotCategoricalStraightThrough(logits=p.log()).rsample().requires_grad
    True
    """

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> Value:
        """One-hot vectors with the gradients of the probabilities (which are not those of their distribution)."""
        return self.sample(sample_shape) + (self.probs - self.probs.detach())
