"""Distributions of every class, made by either library of tensors x and y (2, 3), and values they may draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

X, Y = np.array([[0.1, -0.5, 0.7], [1.0, 0.2, -1.3]]), np.array([[0.3, 0.2, -0.4], [0.5, -0.1, 0.9]])


class Made(NamedTuple):
    make: Callable[[Any, Any, Any], Any]  # of the module of distributions, x and y
    value: Any  # a list of values


REAL = [[0.3, -1.2, 2.0], [0.1, 0.7, -0.4]]
POSITIVE = [[0.3, 1.2, 2.0], [0.1, 0.7, 3.4]]
UNIT = [[0.3, 0.9, 0.5], [0.05, 0.7, 0.4]]
COUNTS = [[0.0, 3.0, 1.0], [2.0, 1.0, 5.0]]
BITS = [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]
SHARES = [[0.3, 0.2, 0.5], [0.05, 0.7, 0.25]]
ONE_HOT = [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
SQUARE = [[2.0, 0.5, 0.1], [0.5, 1.0, -0.2], [0.1, -0.2, 1.5]]
FACTOR = [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]]


def triangle(d: Any, y: Any) -> Any:
    """Lower triangular matrices (2, 3, 3) with a positive diagonal."""
    rows = y.unsqueeze(-1) * y.unsqueeze(-2)
    return d.transforms.LowerCholeskyTransform()(rows)


def covariance(d: Any, y: Any) -> Any:
    factor = triangle(d, y)
    return factor @ factor.mT


MADE: dict[str, Made] = {
    "Bernoulli": Made(lambda d, x, y: d.Bernoulli(x.sigmoid()), BITS),
    "Bernoulli logits": Made(lambda d, x, y: d.Bernoulli(logits=8 * x), BITS),
    "Bernoulli number": Made(lambda d, x, y: d.Bernoulli(0.3), BITS),
    "Beta": Made(lambda d, x, y: d.Beta(x.exp(), y.exp()), UNIT),
    "Beta numbers": Made(lambda d, x, y: d.Beta(2.0, 0.5), UNIT),
    "Binomial": Made(lambda d, x, y: d.Binomial(5, x.sigmoid()), COUNTS),
    "Binomial logits": Made(lambda d, x, y: d.Binomial(y.detach() * 0 + 5, logits=2 * x), COUNTS),
    "Categorical": Made(lambda d, x, y: d.Categorical(x.exp()), [2, 0]),
    "Categorical logits": Made(lambda d, x, y: d.Categorical(logits=x * y), [2, 1]),
    "Categorical broadcast": Made(lambda d, x, y: d.Categorical(logits=x[0]), [[2, 1], [0, 0]]),
    "Cauchy": Made(lambda d, x, y: d.Cauchy(x, y.exp()), REAL),
    "Chi2": Made(lambda d, x, y: d.Chi2(y.exp()), POSITIVE),
    "ContinuousBernoulli": Made(lambda d, x, y: d.ContinuousBernoulli(x.sigmoid()), UNIT),
    "ContinuousBernoulli half": Made(lambda d, x, y: d.ContinuousBernoulli(0.5 + 0.0005 * x), UNIT),
    "ContinuousBernoulli logits": Made(lambda d, x, y: d.ContinuousBernoulli(logits=3 * x), UNIT),
    "Dirichlet": Made(lambda d, x, y: d.Dirichlet(y.exp()), SHARES),
    "Dirichlet low": Made(lambda d, x, y: d.Dirichlet((y - 2).exp()), SHARES),
    "Exponential": Made(lambda d, x, y: d.Exponential(y.exp()), POSITIVE),
    "Gamma": Made(lambda d, x, y: d.Gamma(x.exp() * 2, y.exp()), POSITIVE),
    "Gamma numbers": Made(lambda d, x, y: d.Gamma(2.0, y.exp()), POSITIVE),
    "Geometric": Made(lambda d, x, y: d.Geometric(x.sigmoid()), COUNTS),
    "Geometric logits": Made(lambda d, x, y: d.Geometric(logits=x), COUNTS),
    "Gumbel": Made(lambda d, x, y: d.Gumbel(x, y.exp()), REAL),
    "HalfCauchy": Made(lambda d, x, y: d.HalfCauchy(y.exp()), POSITIVE),
    "HalfNormal": Made(lambda d, x, y: d.HalfNormal(y.exp()), POSITIVE),
    "Independent": Made(lambda d, x, y: d.Independent(d.Normal(x, y.exp()), 1), REAL),
    "Independent Bernoulli": Made(lambda d, x, y: d.Independent(d.Bernoulli(logits=x), 2), BITS),
    "Laplace": Made(lambda d, x, y: d.Laplace(x, y.exp()), REAL),
    "LogNormal": Made(lambda d, x, y: d.LogNormal(x, y.exp()), POSITIVE),
    "MixtureSameFamily": Made(
        lambda d, x, y: d.MixtureSameFamily(d.Categorical(logits=x), d.Normal(x, y.exp())), [0.3, -0.5]),
    "MixtureSameFamily vectors": Made(
        lambda d, x, y: d.MixtureSameFamily(
            d.Categorical(logits=x[:, 0]), d.Independent(d.Normal(x, y.exp()), 1)), [0.3, -0.5, 1.0]),
    "Multinomial": Made(lambda d, x, y: d.Multinomial(5, x.exp()), [[1.0, 2.0, 2.0], [0.0, 5.0, 0.0]]),
    "Multinomial logits": Made(lambda d, x, y: d.Multinomial(5, logits=x), [[1.0, 2.0, 2.0], [0.0, 5.0, 0.0]]),
    "MultivariateNormal": Made(lambda d, x, y: d.MultivariateNormal(x, scale_tril=triangle(d, y)), REAL),
    "MultivariateNormal covariance": Made(lambda d, x, y: d.MultivariateNormal(x, covariance(d, y)), REAL),
    "MultivariateNormal precision": Made(
        lambda d, x, y: d.MultivariateNormal(x, precision_matrix=covariance(d, y)), REAL),
    "MultivariateNormal one": Made(lambda d, x, y: d.MultivariateNormal(x[0], covariance(d, y)[0]), REAL),
    "NegativeBinomial": Made(lambda d, x, y: d.NegativeBinomial(y.exp() * 4, x.sigmoid()), COUNTS),
    "NegativeBinomial logits": Made(lambda d, x, y: d.NegativeBinomial(5, logits=x), COUNTS),
    "Normal": Made(lambda d, x, y: d.Normal(x, y.exp()), REAL),
    "Normal numbers": Made(lambda d, x, y: d.Normal(0.5, 2), REAL),
    "OneHotCategorical": Made(lambda d, x, y: d.OneHotCategorical(x.exp()), ONE_HOT),
    "OneHotCategoricalStraightThrough": Made(
        lambda d, x, y: d.OneHotCategoricalStraightThrough(logits=x), ONE_HOT),
    "Pareto": Made(lambda d, x, y: d.Pareto((x - 5).exp(), 3 * y.exp()), POSITIVE),
    "Pareto heavy": Made(lambda d, x, y: d.Pareto((x - 5).exp(), y.exp()), POSITIVE),
    "Poisson": Made(lambda d, x, y: d.Poisson(x.exp()), COUNTS),
    "StudentT": Made(lambda d, x, y: d.StudentT(3 * y.exp(), x, y.exp()), REAL),
    "StudentT heavy": Made(lambda d, x, y: d.StudentT(y.exp()), REAL),
    "TransformedDistribution": Made(
        lambda d, x, y: d.TransformedDistribution(
            d.Normal(x, y.exp()), [d.AffineTransform(0.5, -2.0), d.SigmoidTransform()]), UNIT),
    "TransformedDistribution vectors": Made(
        lambda d, x, y: d.TransformedDistribution(d.Normal(x[:, :2], y[:, :2].exp()), d.StickBreakingTransform()),
        SHARES),
    "Uniform": Made(lambda d, x, y: d.Uniform(x - 2, x + y.exp()), [[-0.9, -1.0, 0.8], [0.5, 0.1, -1.3]]),
    "Uniform numbers": Made(lambda d, x, y: d.Uniform(-2.0, 4.0), REAL),
    "FisherSnedecor": Made(lambda d, x, y: d.FisherSnedecor(4 * x.exp(), 5 * y.exp()), POSITIVE),
    "GeneralizedPareto": Made(
        lambda d, x, y: d.GeneralizedPareto(x.float() - 3, y.float().exp(), 0.3 * y.float()), POSITIVE),
    "GeneralizedPareto heavy": Made(
        lambda d, x, y: d.GeneralizedPareto(x.float() - 3, y.float().exp(), x.float().exp()), POSITIVE),
    "GeneralizedPareto exponential": Made(
        lambda d, x, y: d.GeneralizedPareto(x.float() - 3, y.float().exp(), 0.0), POSITIVE),
    "InverseGamma": Made(lambda d, x, y: d.InverseGamma(2 * x.exp(), y.exp()), POSITIVE),
    "Kumaraswamy": Made(lambda d, x, y: d.Kumaraswamy(1.4 * x.exp(), 1.3 * y.exp()), UNIT),
    "LKJCholesky": Made(lambda d, x, y: d.LKJCholesky(3, x[0, :2].exp()), FACTOR),
    "LogisticNormal": Made(lambda d, x, y: d.LogisticNormal(x[:, :2], y[:, :2].exp()), SHARES),
    "LowRankMultivariateNormal": Made(
        lambda d, x, y: d.LowRankMultivariateNormal(x, y.unsqueeze(-1) * x.unsqueeze(-1).exp(), y.exp()), REAL),
    "LowRankMultivariateNormal one": Made(
        lambda d, x, y: d.LowRankMultivariateNormal(x, y[0].unsqueeze(-1), x[0].exp()), REAL),
    "RelaxedBernoulli": Made(lambda d, x, y: d.RelaxedBernoulli(y[0, 0].exp(), x.sigmoid()), UNIT),
    "RelaxedBernoulli logits": Made(lambda d, x, y: d.RelaxedBernoulli(y[0, 0].exp(), logits=x), UNIT),
    "RelaxedOneHotCategorical": Made(lambda d, x, y: d.RelaxedOneHotCategorical(y[0, 0].exp(), x.exp()), SHARES),
    "RelaxedOneHotCategorical logits": Made(
        lambda d, x, y: d.RelaxedOneHotCategorical(y[0, 0].exp(), logits=x), SHARES),
    "VonMises": Made(lambda d, x, y: d.VonMises(x, 2 * y.exp()), REAL),
    "Weibull": Made(lambda d, x, y: d.Weibull(x.exp(), 2 * y.exp()), POSITIVE),
    "Wishart": Made(lambda d, x, y: d.Wishart(9 + y[:, 0].exp(), scale_tril=triangle(d, x)), SQUARE),
    "Wishart covariance": Made(lambda d, x, y: d.Wishart(y[:, 0].detach() * 0 + 15.0, covariance(d, x)), SQUARE),
    "Wishart precision": Made(
        lambda d, x, y: d.Wishart(12 + y[0, 0].exp(), precision_matrix=covariance(d, x)[0]), SQUARE),
}  # fmt: skip
