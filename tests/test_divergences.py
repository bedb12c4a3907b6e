"""Divergences are PyTorch's for every pair of classes that it knows, infinite where it says so, with two orders."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from distributions_made import X, Y, covariance, triangle
from parity.harness import Near, agree, peer, weights

import autodiff
from autodiff import distributions, tensor
from autodiff.distributions import Gamma, Normal, kl_divergence, register_kl
from autodiff.distributions.distribution import Distribution
from autodiff.errors import AutodiffError, AutodiffWarning

Make = Callable[[Any, Any, Any], Any]
FIRST: dict[str, Make] = {  # one distribution of each class, of tensors x and y
    "Bernoulli": lambda d, x, y: d.Bernoulli(logits=3 * x),
    "Beta": lambda d, x, y: d.Beta(x.exp(), 2 * y.exp()),
    "Binomial": lambda d, x, y: d.Binomial(5, x.sigmoid()),
    "Categorical": lambda d, x, y: d.Categorical(logits=x),
    "Cauchy": lambda d, x, y: d.Cauchy(x, y.exp()),
    "ContinuousBernoulli": lambda d, x, y: d.ContinuousBernoulli(x.sigmoid()),
    "Dirichlet": lambda d, x, y: d.Dirichlet(y.exp()),
    "Exponential": lambda d, x, y: d.Exponential(x.exp()),
    "Gamma": lambda d, x, y: d.Gamma(2 * x.exp(), y.exp()),
    "Geometric": lambda d, x, y: d.Geometric(x.sigmoid()),
    "Gumbel": lambda d, x, y: d.Gumbel(x, y.exp()),
    "HalfNormal": lambda d, x, y: d.HalfNormal(x.exp()),
    "HalfCauchy": lambda d, x, y: d.HalfCauchy(x.exp()),
    "Independent": lambda d, x, y: d.Independent(d.Normal(x, y.exp()), 1),
    "Laplace": lambda d, x, y: d.Laplace(x, y.exp()),
    "LogNormal": lambda d, x, y: d.LogNormal(x, y.exp()),
    "LowRankMultivariateNormal": lambda d, x, y: d.LowRankMultivariateNormal(x, x.unsqueeze(-1), y.exp()),
    "MultivariateNormal": lambda d, x, y: d.MultivariateNormal(x, scale_tril=triangle(d, y)),
    "Normal": lambda d, x, y: d.Normal(x, y.exp()),
    "OneHotCategorical": lambda d, x, y: d.OneHotCategorical(logits=x),
    "Pareto": lambda d, x, y: d.Pareto(x.exp(), 3 * y.exp()),
    "Poisson": lambda d, x, y: d.Poisson(x.exp()),
    "TransformedDistribution": lambda d, x, y: d.TransformedDistribution(d.Normal(x, y.exp()), d.TanhTransform()),
    "Uniform": lambda d, x, y: d.Uniform(x.sigmoid() / 2, 1 - y.sigmoid() / 3),
}
SECOND: dict[str, Make] = {  # another, which does not exclude what the first may draw where that can be
    **FIRST,
    "Binomial": lambda d, x, y: d.Binomial(5, logits=x),
    "MultivariateNormal": lambda d, x, y: d.MultivariateNormal(x, covariance(d, y)),
    "Pareto": lambda d, x, y: d.Pareto((x - 4).exp(), 3 * y.exp()),
    "Uniform": lambda d, x, y: d.Uniform(x.sigmoid() / 4, 1.1 + y.exp()),
}
EXTRA: dict[str, tuple[Make, Make]] = {
    "Bernoulli sure": (lambda d, x, y: d.Bernoulli(x.round().clamp(0, 1)), SECOND["Bernoulli"]),
    "Categorical excluded": (
        lambda d, x, y: d.Categorical(x.new_tensor([[0.0, 0.5, 0.5], [0.5, 0.5, 0.0]])),
        lambda d, x, y: d.Categorical(x.new_tensor([[0.0, 0.25, 0.75], [0.0, 0.5, 0.5]]))),
    "Binomial more": (FIRST["Binomial"], lambda d, x, y: d.Binomial(4, y.sigmoid())),
    "Pareto excluded": (lambda d, x, y: d.Pareto((x - 4).exp(), y.exp()), FIRST["Pareto"]),
    "Uniform in Beta": (lambda d, x, y: d.Uniform(-0.5 * y.sigmoid(), 1 - x.sigmoid() / 3), SECOND["Beta"]),
    "Uniform out of Gamma": (lambda d, x, y: d.Uniform(-0.5, 1 - x.sigmoid() / 3), SECOND["Gamma"]),
    "Beta in Uniform": (FIRST["Beta"], lambda d, x, y: d.Uniform(-y.exp(), 1 + x.exp())),
    "ContinuousBernoulli in Uniform": (
        FIRST["ContinuousBernoulli"], lambda d, x, y: d.Uniform(-y.exp(), 1 + x.exp())),
    "Chi2": (lambda d, x, y: d.Chi2(x.exp()), lambda d, x, y: d.Chi2(y.exp())),
    "Chi2 and Gamma": (lambda d, x, y: d.Chi2(x.exp()), FIRST["Gamma"]),
    "broadcast": (FIRST["Normal"], lambda d, x, y: d.Normal(0.0, 1.0)),
}  # fmt: skip


def _pairs() -> list[tuple[str, str]]:
    if find_spec("torch") is None:
        return [(name, name) for name in FIRST]
    known = {(a.__name__, b.__name__) for a, b in peer("distributions.kl")._KL_REGISTRY}
    known.discard(("ExponentialFamily", "ExponentialFamily"))
    return sorted(known | {("HalfCauchy", "HalfCauchy"), ("LogNormal", "LogNormal")})


PAIRS = [pair for pair in _pairs() if all(hasattr(distributions, name) for name in pair)]


def _divergence(lib: Any, p: Make, q: Make) -> list[Any]:
    """The divergence, and two orders of gradients of its finite entries."""
    leaves = [lib.tensor(a, requires_grad=True) for a in (X, Y, X[::-1].copy() * 0.7, Y[::-1].copy() * 1.1)]
    first, second = p(lib.distributions, *leaves[:2]), q(lib.distributions, *leaves[2:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        value = lib.distributions.kl_divergence(first, second)
    found = [value.detach()]
    if value.requires_grad and value.isfinite().all():
        total = (value * lib.tensor(weights(value))).sum()
        slopes = lib.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
        found += [lib.zeros_like(x).detach() if g is None else g.detach() for g, x in zip(slopes, leaves, strict=True)]
        again = sum((g * lib.tensor(weights(g))).sum() for g in slopes if g is not None)
        if again.requires_grad:
            curved = lib.autograd.grad(again, leaves, allow_unused=True)
            found += [lib.zeros_like(x).detach() if g is None else g for g, x in zip(curved, leaves, strict=True)]
    return found


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_divergences_and_two_orders_of_gradients_are_those_of_torch(pair: tuple[str, str]) -> None:
    """Every pair of PyTorch's registry has its numbers here."""
    p, q = FIRST[pair[0]], SECOND[pair[1]]
    agree(_divergence(autodiff, p, q), _divergence(peer(), p, q), Near(1e-6, 1e-10), "-".join(pair))


@pytest.mark.parametrize("name", EXTRA)
def test_divergences_at_the_border_are_those_of_torch(name: str) -> None:
    """Outcomes that are excluded, supports that reach too far, subclasses, broadcasting."""
    agree(_divergence(autodiff, *EXTRA[name]), _divergence(peer(), *EXTRA[name]), Near(1e-6, 1e-10), name)


@pytest.mark.parametrize("name", ["Beta", "Gamma", "Gumbel", "Laplace", "Normal", "Uniform"])
def test_a_divergence_is_the_mean_of_the_difference_of_log_probs(name: str) -> None:
    """Over 200,000 draws, to five standard errors."""
    autodiff.manual_seed(1)
    p, q = (make[name](distributions, tensor(X), tensor(Y - k / 5)) for k, make in enumerate((FIRST, SECOND)))
    x = p.sample((200000,))
    difference = p.log_prob(x) - q.log_prob(x)
    error = difference.std(0) / 200000**0.5
    assert ((difference.mean(0) - kl_divergence(p, q)).abs() < 5 * error + 1e-9).all()


class _Mine(Normal):
    pass


class _Other(Normal):
    pass


def test_a_law_of_ones_own_is_taken_for_its_classes() -> None:
    """register_kl adds a law; that of the nearest classes holds, p's first, with a warning where that is a choice."""
    register_kl(_Mine, Normal)(lambda p, q: tensor(1.0))
    mine, plain = _Mine(0.0, 1.0), Normal(0.0, 1.0)
    assert kl_divergence(mine, plain).item() == 1
    assert kl_divergence(mine, mine).item() == 1
    assert kl_divergence(plain, mine).item() == 0
    register_kl(Normal, _Other)(lambda p, q: tensor(2.0))
    with pytest.warns(AutodiffWarning, match="_Mine, Normal"):
        assert kl_divergence(mine, _Other(0.0, 1.0)).item() == 1
    with pytest.raises(AutodiffError, match="subclasses of Distribution"):
        register_kl(int, Normal)


class _Family(distributions.ExponentialFamily):
    """Exponential variables of which only the normalizer is known."""

    arg_constraints = {"rate": distributions.constraints.positive}  # noqa: RUF012
    _mean_carrier_measure = 0

    def __init__(self, rate: Any) -> None:
        self.rate = rate
        super().__init__(rate.shape)

    @property
    def _natural_params(self) -> Any:
        return (-self.rate,)

    def _log_normalizer(self, *natural_params: Any) -> Any:
        return -(-natural_params[0]).log()


def test_an_exponential_family_has_its_laws_from_its_normalizer() -> None:
    """Entropy and divergence of a family of one's own come from the gradient of the normalizer, and have gradients."""
    rates = tensor([0.5, 3.0], requires_grad=True), tensor([1.0, 0.2], requires_grad=True)
    mine, known = [_Family(r) for r in rates], [distributions.Exponential(r) for r in rates]
    for pair, wanted in ((kl_divergence(*mine), kl_divergence(*known)), (mine[0].entropy(), known[0].entropy())):
        np.testing.assert_allclose(pair.detach().numpy(), wanted.detach().numpy(), rtol=1e-6)
        slopes = [autodiff.grad(out.sum(), rates[0])[0].numpy() for out in (pair, wanted)]
        np.testing.assert_allclose(*slopes, rtol=1e-6)
    with pytest.raises(NotImplementedError, match="different exponential families"):
        kl_divergence(mine[0], Gamma(1.0, 1.0))


def test_what_has_no_law_is_refused() -> None:
    """Two transforms that differ, two numbers of joined axes, fewer tries: NotImplementedError, as in PyTorch."""
    d = distributions
    n = Normal(autodiff.zeros(2, 2), 1.0)
    for p, q in (
        (d.LogNormal(0.0, 1.0), d.TransformedDistribution(Normal(0.0, 1.0), d.TanhTransform())),
        (d.Independent(n, 1), d.Independent(n, 2)), (d.Binomial(3, 0.5), d.Binomial(4, 0.5)),
        (d.Poisson(1.0), Normal(0.0, 1.0)), (Distribution(), n),
    ):  # fmt: skip
        with pytest.raises(NotImplementedError):
            kl_divergence(p, q)
