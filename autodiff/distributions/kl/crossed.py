"""Divergences of distributions of numbers that differ in kind: the means under p of -log q, less the entropy of p.

Where p may draw what q excludes, the divergence is infinite. The means of log q are made of a few means under p: the
mean and the variance, the mean of the logarithm, and that of exponentials.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from autodiff.distributions.bernoulli import Bernoulli
from autodiff.distributions.beta import Beta
from autodiff.distributions.binomial import Binomial
from autodiff.distributions.continuous_bernoulli import ContinuousBernoulli
from autodiff.distributions.exponential import Exponential
from autodiff.distributions.gamma import Gamma
from autodiff.distributions.gumbel import Gumbel
from autodiff.distributions.kl.registry import register_kl
from autodiff.distributions.laplace import Laplace
from autodiff.distributions.normal import LOG_ROOT_TWO_PI, Normal
from autodiff.distributions.pareto import Pareto
from autodiff.distributions.poisson import Poisson
from autodiff.distributions.uniform import Uniform
from autodiff.distributions.utils import euler_constant
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where
from autodiff.functions.shaping import broadcast_shapes
from autodiff.ops.special import ndtr
from autodiff.ops.transcendental import xlogy
from autodiff.tensors.creation import full

Mean = Callable[[Any], Any]


def _entropy_of_uniform_log(low: Any, high: Any) -> Value:
    return (apply(xlogy, (high, high)) - apply(xlogy, (low, low))) / (high - low) - 1


# the mean of log x under p
LOG: dict[type, Mean] = {
    Beta: lambda p: p._expected_statistics[0],
    Exponential: lambda p: -euler_constant - p.rate.log(),
    Gamma: lambda p: p._expected_statistics[0],
    Pareto: lambda p: p.scale.log() + 1 / p.alpha,
    Uniform: lambda p: _entropy_of_uniform_log(p.low, p.high),
}

# the mean of exp(t x) under p
EXPONENTIAL: dict[type, Callable[[Any, Any], Any]] = {
    Exponential: lambda p, t: p.rate / (p.rate - t),
    Gamma: lambda p, t: (1 - t / p.rate).pow(-p.concentration),
    Gumbel: lambda p, t: (p.loc * t + (1 - p.scale * t).lgamma()).exp(),
    Normal: lambda p, t: (p.loc * t + (p.scale * t).square() / 2).exp(),
    Uniform: lambda p, t: (t * p.low).exp() * (t * (p.high - p.low)).expm1() / (t * (p.high - p.low)),
}


def _ends(d: Any) -> tuple[Any, Any]:
    """Between which numbers a distribution draws."""
    if isinstance(d, (Beta, ContinuousBernoulli)):
        return 0.0, 1.0
    if isinstance(d, (Exponential, Gamma)):
        return 0.0, math.inf
    if isinstance(d, Uniform):
        return d.low, d.high
    return (d.scale, math.inf) if isinstance(d, Pareto) else (-math.inf, math.inf)


# the mean of log q under p
def _to_normal(p: Any, q: Any) -> Value:
    square = (p.variance + (p.mean - q.loc).square()) / q.scale.square()
    return -0.5 * square - q.scale.log() - LOG_ROOT_TWO_PI


def _to_exponential(p: Any, q: Any) -> Value:
    return q.rate.log() - q.rate * p.mean


def _to_gamma(p: Any, q: Any) -> Value:
    known = q.concentration * q.rate.log() - q.concentration.lgamma()
    return known + (q.concentration - 1) * _mean_log(p) - q.rate * p.mean


def _to_gumbel(p: Any, q: Any) -> Value:
    mean = next(EXPONENTIAL[kind] for kind in EXPONENTIAL if isinstance(p, kind))
    return -q.scale.log() - (p.mean - q.loc) / q.scale - (q.loc / q.scale).exp() * mean(p, -1 / q.scale)


def _to_laplace(p: Any, q: Any) -> Value:
    """Of a normal p, by the mean of |x - loc|."""
    z = (p.loc - q.loc) / p.scale
    density = (-z.square() / 2).exp() * math.sqrt(2 / math.pi)
    return -(2 * q.scale).log() - p.scale * (density + z * (2 * apply(ndtr, (z,)) - 1)) / q.scale


def _to_pareto(p: Any, q: Any) -> Value:
    return q.alpha.log() + q.alpha * q.scale.log() - (q.alpha + 1) * _mean_log(p)


def _to_beta(p: Any, q: Any) -> Value:
    """Of a uniform p, mirrored for the mean of log(1 - x)."""
    mirrored = _entropy_of_uniform_log(1 - p.high, 1 - p.low)
    known = q._log_normalizer(q.concentration1, q.concentration0)
    return (q.concentration1 - 1) * _mean_log(p) + (q.concentration0 - 1) * mirrored - known


def _to_continuous_bernoulli(p: Any, q: Any) -> Value:
    return p.mean * q.logits + (-q.probs).log1p() + q._log_norm()


def _to_uniform(p: Any, q: Any) -> Value:
    return -q.entropy()


def _mean_log(p: Any) -> Value:
    return next(LOG[kind] for kind in LOG if isinstance(p, kind))(p)


LAWS: dict[type, tuple[Callable[[Any, Any], Any], tuple[type, ...]]] = {  # q: (mean of log q, the kinds of p)
    Normal: (_to_normal, (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Pareto, Uniform)),
    Exponential: (_to_exponential, (Beta, ContinuousBernoulli, Gamma, Pareto, Uniform)),
    Gamma: (_to_gamma, (Beta, Exponential, Pareto, Uniform)),
    Gumbel: (_to_gumbel, (Exponential, Gamma, Gumbel, Normal, Uniform)),
    Laplace: (_to_laplace, (Normal,)),
    Pareto: (_to_pareto, (Pareto, Uniform)),
    Beta: (_to_beta, (Uniform,)),
    ContinuousBernoulli: (_to_continuous_bernoulli, (Beta, ContinuousBernoulli, Uniform)),
    Uniform: (_to_uniform, (Beta, ContinuousBernoulli, Uniform)),
}


def _law(mean: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Value]:
    def divergence(p: Any, q: Any) -> Value:
        (low, high), (first, last) = _ends(p), _ends(q)
        inside = (low >= first) & (high <= last)
        known = -mean(p, q) - p.entropy()
        return known if inside is True else where(inside, known, math.inf)

    return divergence


def _excluded(p: Any, q: Any) -> Value:
    """Infinity: p may draw what q never draws."""
    shape = broadcast_shapes(tuple(p.batch_shape), tuple(q.batch_shape))
    return full(shape, math.inf, dtype=p.mean.dtype)


for _q, (_mean, _kinds) in LAWS.items():
    for _p in _kinds:
        register_kl(_p, _q)(_law(_mean))
for _q, _kinds in {
    Beta: (Exponential, Gamma, Gumbel, Laplace, Normal, Pareto),
    ContinuousBernoulli: (Exponential, Gamma, Gumbel, Laplace, Normal, Pareto),
    Uniform: (Exponential, Gamma, Gumbel, Laplace, Normal, Pareto),
    Pareto: (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Normal),
    Exponential: (Gumbel, Laplace, Normal),
    Gamma: (Gumbel, Laplace, Normal),
    Bernoulli: (Poisson,),
    Binomial: (Poisson,),
}.items():
    for _p in _kinds:
        register_kl(_p, _q)(_excluded)


@register_kl(Bernoulli, Poisson)
def _to_poisson(p: Any, q: Any) -> Value:
    return q.rate - apply(xlogy, (p.probs, q.rate)) - p.entropy()
