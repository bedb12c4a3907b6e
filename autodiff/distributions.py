"""Probability distributions, as reinforcement learning and variational inference use them."""

from __future__ import annotations

import math
from typing import Any

from autodiff.dtypes import get_default_dtype
from autodiff.engine.apply import apply
from autodiff.engine.modes import no_grad
from autodiff.engine.values import Value
from autodiff.errors import OptionError
from autodiff.functions.arithmetic import where
from autodiff.functions.indexing import gather
from autodiff.functions.reductions import log_softmax, softmax
from autodiff.functions.shaping import broadcast_shapes, broadcast_tensors, expand, unsqueeze
from autodiff.functions.transcendental import logit
from autodiff.ops.transcendental import softplus
from autodiff.tensors.creation import as_tensor
from autodiff.tensors.sampling import bernoulli, multinomial, rand, randn
from autodiff.tensors.tensor import Tensor


def _floating(*parameters: Any) -> list[Value]:
    """Numbers and tensors broadcast, all in the dtype of the first tensor or else the default one."""
    kind = next((x.dtype for x in parameters if isinstance(x, Tensor)), get_default_dtype())
    return list(broadcast_tensors(*(as_tensor(x, dtype=kind) for x in parameters)))


def _inside(probs: Tensor) -> Value:
    """Probabilities kept from 0 and 1, whose logarithms would have no gradient."""
    tiny = 2.0**-23 if probs.dtype.itemsize < 8 else 2.0**-52
    return probs.clamp(tiny, 1 - tiny)


class Distribution:
    """What all have in common: a ``batch_shape``, and draws in the shape ``sample_shape`` + ``batch_shape``.

    Attributes:
        has_rsample: whether gradients pass through samples.
    """

    _batch_shape: tuple[int, ...] | None = None
    has_rsample = False

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        if self._batch_shape is None:
            raise NotImplementedError(f"{type(self).__name__} does not say its batch_shape")
        return self._batch_shape

    @property
    def mean(self) -> Value:
        """The mean."""
        raise NotImplementedError

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean."""
        raise NotImplementedError

    @property
    def stddev(self) -> Value:
        """The standard deviation."""
        return self.variance.sqrt()

    def rsample(self, sample_shape: Any = ()) -> Value:
        """A sample through which gradients reach the parameters.

        Reference: D. P. Kingma, M. Welling (2014), "Auto-encoding variational Bayes".
        """
        raise NotImplementedError(f"no gradient passes through a sample of {type(self).__name__}; take log_prob's")

    def sample(self, sample_shape: Any = ()) -> Value:
        """A sample outside the graph."""
        with no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value: Any) -> Value:
        """The logarithm of the probability, or of the density, of ``value``."""
        raise NotImplementedError

    def entropy(self) -> Value:
        """The expected surprise, in nats; of a density the differential entropy."""
        raise NotImplementedError


class Bernoulli(Distribution):
    """1 with probability ``probs`` and 0 otherwise.

    Args:
        probs: probabilities from 0 to 1; or
        logits: the logarithms of their odds.

    >>> import autodiff
    >>> Bernoulli(0.25).log_prob(autodiff.tensor([0.0, 1.0])).exp()
    tensor([0.7500, 0.2500])
    """

    probs: Tensor
    logits: Tensor

    def __init__(self, probs: Any = None, logits: Any = None) -> None:
        if (probs is None) == (logits is None):
            raise OptionError("Bernoulli takes either probs or logits")
        if probs is not None:
            (self.probs,) = _floating(probs)
            if not ((self.probs >= 0) & (self.probs <= 1)).all():
                raise OptionError(f"the probs of Bernoulli are from 0 to 1, unlike {probs!r:.60}")
            self.logits = logit(_inside(self.probs))
        else:
            (self.logits,) = _floating(logits)
            self.probs = self.logits.sigmoid()
        self._batch_shape = self.probs.shape

    @property
    def mean(self) -> Value:
        """The probability of 1."""
        return self.probs

    @property
    def variance(self) -> Value:
        """p (1 - p)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Value:
        """Zeros and ones in the shape ``sample_shape`` + ``batch_shape``."""
        return bernoulli(expand(self.probs.detach(), (*sample_shape, *self.batch_shape)))

    def log_prob(self, value: Tensor) -> Value:
        """The logarithm of the probability of the zeros and ones ``value``.

        Raises:
            OptionError: a value is neither 0 nor 1.
        """
        if not ((value == 0) | (value == 1)).all():
            raise OptionError("a value of Bernoulli is 0 or 1")
        return self._expected(value)

    def entropy(self) -> Value:
        """The expected surprise, in nats."""
        return -self._expected(self.probs)

    def _expected(self, p: Any) -> Value:
        """The mean of ``log_prob`` where 1 comes with probability ``p``; no term can overflow."""
        return -(p * apply(softplus, (-self.logits,)) + (1 - p) * apply(softplus, (self.logits,)))


class Categorical(Distribution):
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
            self.logits = _inside(self.probs).log()
        else:
            self.logits = log_softmax(logits, -1)
            self.probs = softmax(logits, -1)
        self._batch_shape = self.probs.shape[:-1]

    @property
    def mean(self) -> Value:
        """NaN, as in PyTorch: the numbers of classes are names."""
        return self.probs.detach().sum(-1) * math.nan

    @property
    def variance(self) -> Value:
        """NaN, as the mean."""
        return self.mean

    def sample(self, sample_shape: Any = ()) -> Value:
        """Class numbers in the shape ``sample_shape`` + ``batch_shape``."""
        shape = (*sample_shape, *self.batch_shape)
        count = math.prod(sample_shape)
        with no_grad():
            drawn = multinomial(self.probs.reshape(-1, self.probs.shape[-1]), max(count, 1), True)
            return drawn.t()[:count].reshape(shape)

    def log_prob(self, value: Tensor) -> Value:
        """The logarithm of the probability of the classes ``value``."""
        shape = broadcast_shapes(tuple(value.shape), self.batch_shape)
        logits = expand(self.logits, (*shape, self.logits.shape[-1]))
        return gather(logits, -1, unsqueeze(expand(value.long(), shape), -1)).squeeze(-1)

    def entropy(self) -> Value:
        """The expected surprise, in nats."""
        lowest = float(-3e38 if self.logits.dtype.itemsize < 8 else -1e308)  # 0 times -inf is 0 here
        return -(self.probs * self.logits.clamp(min=lowest)).sum(-1)


class Normal(Distribution):
    """The normal distribution of mean ``loc`` and standard deviation ``scale``, broadcast.

    >>> import autodiff
    >>> Normal(0.0, 1.0).log_prob(autodiff.tensor(0.0))
    tensor(-0.9189)
    """

    has_rsample = True

    def __init__(self, loc: Any, scale: Any) -> None:
        self.loc, self.scale = _floating(loc, scale)
        if not (self.scale > 0).all():
            raise OptionError("the scale of Normal is above 0")
        self._batch_shape = self.loc.shape

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.loc

    @property
    def stddev(self) -> Value:
        """The standard deviation."""
        return self.scale

    @property
    def variance(self) -> Value:
        """The square of the standard deviation."""
        return self.scale.square()

    def rsample(self, sample_shape: Any = ()) -> Value:
        """A sample through which gradients reach loc and scale."""
        return self.loc + self.scale * randn((*sample_shape, *self.batch_shape), dtype=self.loc.dtype)

    def log_prob(self, value: Any) -> Value:
        """The logarithm of the density at ``value``."""
        return ((value - self.loc) / self.scale) ** 2 * -0.5 - self.scale.log() - math.log(math.sqrt(2 * math.pi))

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        return self.scale.log() + (0.5 + 0.5 * math.log(2 * math.pi))


class Uniform(Distribution):
    """The uniform distribution from ``low`` up to ``high``, broadcast.

    >>> import autodiff
    >>> Uniform(0.0, 4.0).log_prob(autodiff.tensor(1.0)).exp()
    tensor(0.2500)
    """

    has_rsample = True

    def __init__(self, low: Any, high: Any) -> None:
        self.low, self.high = _floating(low, high)
        if not (self.low < self.high).all():
            raise OptionError("the low of Uniform is below its high")
        self._batch_shape = self.low.shape

    @property
    def mean(self) -> Value:
        """The middle."""
        return (self.high + self.low) / 2

    @property
    def variance(self) -> Value:
        """A twelfth of the squared width."""
        return (self.high - self.low) ** 2 / 12

    def rsample(self, sample_shape: Any = ()) -> Value:
        """A sample through which gradients reach low and high."""
        noise = rand((*sample_shape, *self.batch_shape), dtype=self.low.dtype)
        return self.low + noise * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Value:
        """The logarithm of the density at ``value``; at ``high``, which is never drawn, -inf.

        Raises:
            OptionError: a value lies below ``low`` or above ``high``.
        """
        if not ((value >= self.low) & (value <= self.high)).all():
            raise OptionError("a value of Uniform lies between its low and its high")
        return where(value < self.high, -self.entropy(), -math.inf)

    def entropy(self) -> Value:
        """The logarithm of the width."""
        return (self.high - self.low).log()


def kl_divergence(p: Distribution, q: Distribution) -> Value:
    """The divergence of ``q`` from ``p``, two distributions of one kind (Kullback & Leibler 1951).

    Law: the mean over p of log p - log q, infinite where q excludes what p may draw.

    >>> kl_divergence(Uniform(0.0, 1.0), Uniform(0.0, 2.0))
    tensor(0.6931)
    """
    if isinstance(p, Normal) and isinstance(q, Normal):
        ratio = (p.scale / q.scale) ** 2
        return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - ratio.log())
    if isinstance(p, Categorical) and isinstance(q, Categorical):
        return _weighted(p.probs, p.logits - q.logits, q.probs).sum(-1)
    if isinstance(p, Bernoulli) and isinstance(q, Bernoulli):
        ones = apply(softplus, (-q.logits,)) - apply(softplus, (-p.logits,))
        zeros = apply(softplus, (q.logits,)) - apply(softplus, (p.logits,))
        return _weighted(p.probs, ones, q.probs) + _weighted(1 - p.probs, zeros, 1 - q.probs)
    if isinstance(p, Uniform) and isinstance(q, Uniform):
        return where((q.low <= p.low) & (q.high >= p.high), q.entropy() - p.entropy(), math.inf)
    given = f"{type(p).__name__}, {type(q).__name__}"
    raise OptionError(f"kl_divergence takes two Bernoulli, Categorical, Normal or Uniform, not {given}")


def _weighted(chance: Tensor, ratio: Tensor, other: Tensor) -> Value:
    """chance * ratio, but 0 for what is never drawn, and infinity for what only ``other`` never draws."""
    return where(chance == 0, 0.0, where(other == 0, math.inf, chance * ratio))
