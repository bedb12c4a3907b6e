"""Divergences of two distributions of one kind."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions.bernoulli import Bernoulli
from autodiff.distributions.beta import Beta
from autodiff.distributions.binomial import Binomial
from autodiff.distributions.categorical import Categorical
from autodiff.distributions.cauchy import Cauchy
from autodiff.distributions.dirichlet import Dirichlet
from autodiff.distributions.exp_family import ExponentialFamily, bregman_divergence
from autodiff.distributions.exponential import Exponential
from autodiff.distributions.gamma import Gamma
from autodiff.distributions.geometric import Geometric
from autodiff.distributions.independent import Independent
from autodiff.distributions.kl.registry import kl_divergence, register_kl
from autodiff.distributions.laplace import Laplace
from autodiff.distributions.multivariate_normal import NormalVectors
from autodiff.distributions.normal import Normal
from autodiff.distributions.one_hot_categorical import OneHotCategorical
from autodiff.distributions.poisson import Poisson
from autodiff.distributions.transformed_distribution import TransformedDistribution
from autodiff.distributions.utils import _sum_rightmost
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where
from autodiff.ops.transcendental import softplus


@register_kl(ExponentialFamily, ExponentialFamily)
def _one_family(p: Any, q: Any) -> Value:
    if type(p) is not type(q):
        raise NotImplementedError(
            f"{type(p).__name__} and {type(q).__name__} are different exponential families, and no other law is known"
        )
    return bregman_divergence(p, q)


for family in (Beta, Dirichlet, Exponential, Gamma, Poisson):
    register_kl(family, family)(bregman_divergence)


@register_kl(Normal, Normal)
def _normals(p: Any, q: Any) -> Value:
    ratio = (p.scale / q.scale).square()
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).square() - 1 - ratio.log())


@register_kl(Laplace, Laplace)
def _laplaces(p: Any, q: Any) -> Value:
    apart = (p.loc - q.loc).abs()
    ratio = p.scale / q.scale
    return ratio * (-apart / p.scale).exp() + apart / q.scale - ratio.log() - 1


@register_kl(Cauchy, Cauchy)
def _cauchys(p: Any, q: Any) -> Value:
    # F. Chyzak, F. Nielsen (2019), "A closed-form formula for the KL divergence between Cauchy distributions"
    return ((p.scale + q.scale).square() + (p.loc - q.loc).square()).log() - (4 * p.scale * q.scale).log()


@register_kl(Bernoulli, Bernoulli)
def _two_outcomes(p: Any, q: Any) -> Value:
    ones = apply(softplus, (-q.logits,)) - apply(softplus, (-p.logits,))
    zeros = apply(softplus, (q.logits,)) - apply(softplus, (p.logits,))
    return _weighted(p.probs, ones, q.probs) + _weighted(1 - p.probs, zeros, 1 - q.probs)


@register_kl(Categorical, Categorical)
def _classes(p: Any, q: Any) -> Value:
    return _weighted(p.probs, p.logits - q.logits, q.probs).sum(-1)


register_kl(OneHotCategorical, OneHotCategorical)(_classes)


def _weighted(chance: Any, ratio: Any, other: Any) -> Value:
    """chance * ratio, but 0 for what is never drawn, and infinity for what only ``other`` never draws."""
    return where(chance == 0, 0.0, where(other == 0, math.inf, chance * ratio))


@register_kl(Binomial, Binomial)
def _binomials(p: Any, q: Any) -> Value:
    if (p.total_count < q.total_count).any():
        raise NotImplementedError("no divergence of a Binomial of more draws from one of fewer is known in closed form")
    return where(p.total_count > q.total_count, math.inf, p.total_count * _two_outcomes(p, q))


@register_kl(Geometric, Geometric)
def _geometrics(p: Any, q: Any) -> Value:
    """That of one try, times the mean number of tries."""
    return _two_outcomes(p, q) / p.probs


@register_kl(Independent, Independent)
def _independents(p: Any, q: Any) -> Value:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("the two Independent join different numbers of axes")
    return _sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Value:
    """A bijection changes no divergence."""
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("the divergence of two differently transformed distributions is not known")
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(NormalVectors, NormalVectors)
def _normal_vectors(p: Any, q: Any) -> Value:
    """The trace of the covariance of p over that of q is the sum of squares of the columns of a root."""
    columns = q._squares(p._root().movedim(-1, 0)).sum(0)
    return 0.5 * (q._log_determinant() - p._log_determinant() + columns + q._squares(p.loc - q.loc) - p.event_shape[0])
