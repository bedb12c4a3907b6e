"""Draws follow their distribution: moments, distribution functions, log-probabilities, and gradients on average."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from distributions_made import MADE, X, Y

import autodiff
from autodiff import distributions, manual_seed, tensor

COUNT = 20000
HEAVY = {"Cauchy", "HalfCauchy", "StudentT heavy", "Pareto heavy", "InverseGamma", "GeneralizedPareto heavy"}
FEW_MOMENTS = HEAVY | {"Pareto", "StudentT", "FisherSnedecor", "LogNormal", "GeneralizedPareto"}
CLASS_NUMBERS = {"Categorical", "VonMises"}  # whose means are no means of numbers


def _made(name: str) -> Any:
    return MADE[name].make(distributions, tensor(X), tensor(Y))


def _has(d: Any, name: str) -> bool:
    try:
        getattr(d, name)
    except NotImplementedError:
        return False
    return True


@pytest.mark.parametrize("name", MADE)
def test_draws_have_the_moments_that_their_distribution_says(name: str) -> None:
    """Mean and variance of 20,000 draws, where they are finite, within five standard errors; all in the support."""
    manual_seed(3)
    d = _made(name)
    drawn = d.sample((COUNT,))
    assert d.support.check(drawn.double() if name.startswith("LKJ") else drawn).all()
    assert d.log_prob(drawn).isfinite().all()
    assert not drawn.requires_grad
    if name.partition(" ")[0] in CLASS_NUMBERS or not _has(d, "mean") or not _has(d, "variance"):
        return
    x = drawn.double().numpy()
    mean, variance = np.asarray(d.mean.double()), np.asarray(d.variance.double())
    apart = (x - x.mean(0)) ** 2
    errors = {"mean": x.std(0) / COUNT**0.5, "variance": apart.std(0) / COUNT**0.5}
    for what, wanted, found in (("mean", mean, x.mean(0)), ("variance", variance, apart.mean(0))):
        trusted = name not in (HEAVY if what == "mean" else FEW_MOMENTS)
        finite = np.isfinite(wanted) & np.isfinite(variance) & np.full(wanted.shape, trusted)
        assert (np.abs(found - wanted) <= 5 * errors[what] + 1e-6)[finite].all(), what


@pytest.mark.parametrize("name", MADE)
def test_the_distribution_function_of_draws_is_uniform(name: str) -> None:
    """Of continuous ones cdf(draws) has no distance from uniform numbers that chance does not give (Kolmogorov)."""
    manual_seed(4)
    d = _made(name)
    x = d.sample((COUNT,))
    try:
        p = d.cdf(x)
    except NotImplementedError:
        return
    ordered = np.sort(p.numpy(), axis=0).reshape(COUNT, -1)
    steps = np.arange(1, COUNT + 1)[:, None] / COUNT
    assert np.abs(ordered - steps).max() < 2.2 / COUNT**0.5
    try:
        again = d.icdf(p)
    except NotImplementedError:
        return
    inside = ((p > 1e-3) & (p < 1 - 1e-3)).numpy()
    np.testing.assert_allclose(again.numpy()[inside], x.numpy()[inside], rtol=1e-3, atol=1e-4)


def _slopes(out: Any, leaves: Any) -> list[Any]:
    found = autodiff.grad(out, leaves, allow_unused=True)
    return [np.zeros(leaf.shape) if g is None else g.numpy() for g, leaf in zip(found, leaves, strict=True)]


@pytest.mark.parametrize("name", [name for name in MADE if _made(name).has_rsample])
def test_gradients_through_draws_are_on_average_those_of_the_mean(name: str) -> None:
    """Over 20 batches of 1,000 draws, the gradients of their mean are those of ``mean``, to five standard errors."""
    manual_seed(5)
    leaves = [tensor(a, requires_grad=True) for a in (X, Y)]
    d = MADE[name].make(distributions, *leaves)
    if name in {*HEAVY, "ContinuousBernoulli half"} or not _has(d, "mean") or not d.mean.requires_grad:
        drawn = d.rsample((10,))
        parameters = name not in ("Beta numbers", "Normal numbers", "Uniform numbers")
        assert drawn.requires_grad == parameters
        return
    wanted = _slopes(d.mean.sum(), leaves)
    made = (MADE[name].make(distributions, *leaves) for _ in range(20))
    batches = [_slopes(d.rsample((1000,)).mean(0).sum(), leaves) for d in made]
    for k in range(2):
        found = np.stack([batch[k] for batch in batches])
        error = found.std(0) / 20**0.5
        assert (np.abs(found.mean(0) - wanted[k]) <= 6 * error + 2e-5).all(), (found.mean(0), wanted[k], error)


def test_correlations_have_the_spread_of_lewandowski_kurowicka_and_joe() -> None:
    """Each correlation of LKJ is a beta variable between -1 and 1, of variance 1 / (2 concentration + dim - 1)."""
    manual_seed(6)
    for dim, concentration in ((3, 1.0), (4, 2.0)):
        factor = distributions.LKJCholesky(dim, concentration).sample((COUNT,))
        correlations = (factor @ factor.mT).numpy()
        for i, j in zip(*np.tril_indices(dim, -1), strict=True):
            assert abs(correlations[:, i, j].var() * (2 * concentration + dim - 1) - 1) < 0.05


def test_straight_through_samples_pass_the_gradients_of_probabilities() -> None:
    """The value is one-hot, the gradient that of probs."""
    logits = tensor(X, requires_grad=True)
    d = distributions.OneHotCategoricalStraightThrough(logits=logits)
    x = d.rsample((7,))
    np.testing.assert_allclose(x.detach().sum(-1).numpy(), 1, rtol=1e-12)
    slope = autodiff.grad((x * tensor(Y)).sum(), logits, retain_graph=True)[0]
    np.testing.assert_allclose(slope.numpy(), 7 * autodiff.grad((d.probs * tensor(Y)).sum(), logits)[0].numpy())


def test_the_same_seed_draws_the_same() -> None:
    """Every distribution draws from the default generator."""
    for name in MADE:
        d = _made(name)
        drawn = []
        for _ in range(2):
            manual_seed(7)
            drawn.append(d.sample((3,)).numpy())
        assert np.array_equal(*drawn), name
