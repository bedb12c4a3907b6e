"""Probability distributions, as reinforcement learning and variational inference use them."""

from __future__ import annotations

import math
from typing import Any

from autodiff.creation import as_tensor
from autodiff.dtypes import get_default_dtype
from autodiff.errors import OptionError
from autodiff.functions.indexing import gather
from autodiff.functions.reductions import log_softmax, softmax
from autodiff.functions.shaping import broadcast_shapes, broadcast_tensors, expand, unsqueeze
from autodiff.modes import no_grad
from autodiff.sampling import multinomial, randn
from autodiff.tensor import Tensor

__all__ = ["Categorical", "Normal", "kl_divergence"]


class Categorical:
    """One of n classes, numbered from 0, with probabilities in the last axis.

    Args:
        probs: weights from 0 up, which are divided by their sum; or
        logits: logarithms of weights.

    >>> import autodiff
    >>> Categorical(probs=autodiff.tensor([1.0, 3.0])).log_prob(autodiff.tensor(1)).exp()
    tensor(0.7500)
    """

    probs: Tensor
    logits: Tensor

    def __init__(self, probs: Any = None, logits: Any = None) -> None:
        if (probs is None) == (logits is None):
            raise OptionError("Categorical takes either probs or logits")
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
            tiny = 2.0**-23 if probs.dtype.itemsize < 8 else 2.0**-52  # the logarithm of 0 would have no gradient
            self.logits = self.probs.clamp(tiny, 1 - tiny).log()
        else:
            self.logits = log_softmax(logits, -1)
            self.probs = softmax(logits, -1)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.probs.shape[:-1]

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Class numbers in the shape ``sample_shape`` + ``batch_shape``."""
        shape = (*sample_shape, *self.batch_shape)
        count = math.prod(sample_shape)
        with no_grad():
            drawn = multinomial(self.probs.reshape(-1, self.probs.shape[-1]), max(count, 1), True)
            return drawn.t()[:count].reshape(shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of the classes ``value``."""
        shape = broadcast_shapes(tuple(value.shape), self.batch_shape)
        logits = expand(self.logits, (*shape, self.logits.shape[-1]))
        return gather(logits, -1, unsqueeze(expand(value.long(), shape), -1)).squeeze(-1)

    def entropy(self) -> Tensor:
        """The expected surprise, in nats."""
        lowest = float(-3e38 if self.logits.dtype.itemsize < 8 else -1e308)  # 0 times -inf is 0 here
        return -(self.probs * self.logits.clamp(min=lowest)).sum(-1)


class Normal:
    """The normal distribution of mean ``loc`` and standard deviation ``scale``, broadcast.

    >>> import autodiff
    >>> Normal(0.0, 1.0).log_prob(autodiff.tensor(0.0))
    tensor(-0.9189)
    """

    def __init__(self, loc: Any, scale: Any) -> None:
        kind = next((x.dtype for x in (loc, scale) if isinstance(x, Tensor)), get_default_dtype())
        self.loc, self.scale = broadcast_tensors(as_tensor(loc, dtype=kind), as_tensor(scale, dtype=kind))
        if not (self.scale > 0).all():
            raise OptionError("the scale of Normal is above 0")

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.loc.shape

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self.loc

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.scale

    @property
    def variance(self) -> Tensor:
        """The square of the standard deviation."""
        return self.scale.square()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """A sample in the shape ``sample_shape`` + ``batch_shape`` through which gradients reach loc and scale.

        Reference: D. P. Kingma, M. Welling (2014), "Auto-encoding variational Bayes".
        """
        return self.loc + self.scale * randn((*sample_shape, *self.batch_shape), dtype=self.loc.dtype)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """A sample in the shape ``sample_shape`` + ``batch_shape``, outside the graph."""
        with no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value: Any) -> Tensor:
        """The logarithm of the density at ``value``."""
        return -((value - self.loc) ** 2) / (2 * self.variance) - self.scale.log() - math.log(math.sqrt(2 * math.pi))

    def entropy(self) -> Tensor:
        """The differential entropy, in nats."""
        return self.scale.log() + (0.5 + 0.5 * math.log(2 * math.pi))


def kl_divergence(p: Any, q: Any) -> Tensor:
    """The divergence of ``q`` from ``p``, two distributions of one kind (Kullback & Leibler 1951)."""
    if isinstance(p, Normal) and isinstance(q, Normal):
        ratio = (p.scale / q.scale) ** 2
        return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - ratio.log())
    if isinstance(p, Categorical) and isinstance(q, Categorical):
        return (p.probs * (p.logits - q.logits)).sum(-1)
    raise OptionError(f"kl_divergence takes two Normal or two Categorical, not {type(p).__name__}, {type(q).__name__}")
