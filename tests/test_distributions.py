"""Distributions have PyTorch's numbers and gradients, and their samples the moments they promise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import Near, compare

import autodiff
from autodiff import manual_seed, tensor, zeros
from autodiff.distributions import Bernoulli, Categorical, Distribution, Normal, Uniform, kl_divergence
from autodiff.errors import AutodiffError

X, Y = np.array([[0.1, -0.5, 0.7], [1.0, 0.2, -1.3]]), np.array([[0.3, 0.2, -0.4], [0.5, -0.1, 0.9]])
BITS = [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]

Make = Callable[[Any, Any, Any], Any]
MAKE: dict[str, Make] = {  # a distribution of the tensors x and y
    "Bernoulli probs": lambda m, x, y: m.distributions.Bernoulli(x.sigmoid()),
    "Bernoulli logits": lambda m, x, y: m.distributions.Bernoulli(logits=8 * x),
    "Bernoulli number": lambda m, x, y: m.distributions.Bernoulli(0.3),
    "Bernoulli sure": lambda m, x, y: m.distributions.Bernoulli(m.tensor(BITS, dtype=m.float64)),
    "Uniform": lambda m, x, y: m.distributions.Uniform(x - 2, x + y.exp()),
    "Uniform numbers": lambda m, x, y: m.distributions.Uniform(-1.0, 2.0),
    "Uniform broadcast": lambda m, x, y: m.distributions.Uniform(-3.0, y),
    "Normal": lambda m, x, y: m.distributions.Normal(x, y.exp()),
}
VALUES: dict[str, Make] = {  # where its density is looked at
    "Bernoulli": lambda m, x, y: m.tensor(BITS, dtype=m.float64),
    "Uniform": lambda m, x, y: (x * 0 - 0.75).detach(),
    "Normal": lambda m, x, y: y,
}
FIELDS = ("mean", "variance", "stddev", "probs", "logits")

PAIRS: dict[str, Make] = {
    "Bernoulli": lambda m, x, y: (m.distributions.Bernoulli(logits=9 * x), m.distributions.Bernoulli(y.sigmoid())),
    "Bernoulli sure": lambda m, x, y: (
        m.distributions.Bernoulli(m.tensor(BITS, dtype=m.float64)), m.distributions.Bernoulli(logits=y)),
    "Bernoulli excluded": lambda m, x, y: (
        m.distributions.Bernoulli(m.tensor([0.0, 0.5, 1.0])), m.distributions.Bernoulli(m.tensor([0.0, 1.0, 0.0]))),
    "Uniform": lambda m, x, y: (m.distributions.Uniform(x, x + 1), m.distributions.Uniform(x - y.exp(), 3.0)),
    "Uniform excluded": lambda m, x, y: (m.distributions.Uniform(0.0, 2.0), m.distributions.Uniform(1.0, 3.0)),
    "Normal": lambda m, x, y: (m.distributions.Normal(x, y.exp()), m.distributions.Normal(y, 2.0)),
    "Categorical": lambda m, x, y: (
        m.distributions.Categorical(logits=x), m.distributions.Categorical(probs=y.exp())),
    "Categorical excluded": lambda m, x, y: (
        m.distributions.Categorical(m.tensor([[0.0, 0.5, 0.5], [0.5, 0.5, 0.0]])),
        m.distributions.Categorical(m.tensor([[0.0, 0.25, 0.75], [0.0, 0.5, 0.5]]))),
}  # fmt: skip


DENSITIES: dict[str, Make] = {
    "Normal log_prob": lambda m, x, y: m.distributions.Normal(x, y.exp()).log_prob(m.tensor(0.3)),
    "Normal numbers": lambda m, x, y: m.distributions.Normal(0.5, 2.0).log_prob(x) + y,
    "Normal entropy": lambda m, x, y: m.distributions.Normal(x, y.exp()).entropy(),
    "Normal moments": lambda m, x, y: _moments(m.distributions.Normal(x, y.exp())),
    "Normal divergence": lambda m, x, y: m.distributions.kl_divergence(
        m.distributions.Normal(x, y.exp()), m.distributions.Normal(y, 2.0)),
    "Categorical log_prob": lambda m, x, y: m.distributions.Categorical(x.exp()).log_prob(m.tensor([2, 0])),
    "Categorical logits": lambda m, x, y: m.distributions.Categorical(logits=x).log_prob(m.tensor(1)),
    "Categorical entropy": lambda m, x, y: m.distributions.Categorical(logits=x).entropy(),
    "Categorical zeros": lambda m, x, y: m.distributions.Categorical(m.tensor([0.0, 1.0])).entropy() + x,
    "Categorical divergence": lambda m, x, y: m.distributions.kl_divergence(
        m.distributions.Categorical(logits=x), m.distributions.Categorical(logits=y)),
}  # fmt: skip


def _moments(d: Any) -> Any:
    return d.mean * d.stddev + d.variance


def _numbers_of(d: Any, value: Any) -> list[Any]:
    """All that a distribution says without drawing."""
    return [getattr(d, name) for name in FIELDS if hasattr(d, name)] + [d.log_prob(value), d.entropy()]


def _agree(call: Make, near: Near) -> None:
    """What the call lists, and the gradients of its finite numbers, are PyTorch's."""
    finite = lambda out: np.isfinite(out.detach().numpy()).all()
    compare(lambda m, x, y: [out if finite(out) else out.detach() for out in call(m, x, y)], X, Y, near=near)


@pytest.mark.parametrize("name", MAKE)
def test_all_numbers_are_those_of_torch(name: str) -> None:
    """Moments, parameters, log-probabilities and entropies, and their gradients, are PyTorch's."""
    value = VALUES[name.split(maxsplit=1)[0]]
    _agree(lambda m, x, y: _numbers_of(MAKE[name](m, x, y), value(m, x, y)), Near(1e-6, 1e-12))


@pytest.mark.parametrize("name", PAIRS)
def test_divergences_are_those_of_torch(name: str) -> None:
    """The divergence of two of one kind and its gradients are PyTorch's, infinite where something is excluded."""
    _agree(lambda m, x, y: [m.distributions.kl_divergence(*PAIRS[name](m, x, y))], Near(1e-6, 1e-12))


@pytest.mark.parametrize("name", DENSITIES)
def test_densities_are_those_of_torch(name: str) -> None:
    """Values and gradients of log-probabilities, entropies and divergences are PyTorch's."""
    _agree(lambda m, x, y: [DENSITIES[name](m, x, y)], Near(1e-6))


DRAWN: dict[str, Callable[[], Distribution]] = {
    "Bernoulli": lambda: Bernoulli(tensor([0.3, 0.9])), "Bernoulli logits": lambda: Bernoulli(logits=-1.0),
    "Normal": lambda: Normal(2.0, zeros(2) + 3), "Uniform": lambda: Uniform(tensor([0.0, -4.0]), 5.0),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_samples_have_the_moments_of_their_distribution(name: str) -> None:
    """Of 20,000 samples the mean is within five standard errors of ``mean`` and the deviation near ``stddev``."""
    manual_seed(5)
    d = DRAWN[name]()
    drawn = d.sample((20000,))
    assert drawn.shape == (20000, *d.batch_shape)
    assert not drawn.requires_grad
    assert ((drawn.mean(0) - d.mean).abs() < 5 * d.stddev / math.sqrt(20000)).all()
    np.testing.assert_allclose(drawn.std(0).numpy(), d.stddev.numpy(), rtol=0.05)
    assert d.sample().shape == d.batch_shape
    assert d.sample((2, 3)).shape == (2, 3, *d.batch_shape)
    assert d.log_prob(drawn).isfinite().all()


def test_gradients_pass_through_rsample_where_there_are_any() -> None:
    """A uniform sample is low + u (high - low); a bit or a class has no derivative, and rsample says so."""
    low, high = tensor([0.0, 1.0], requires_grad=True), tensor([2.0, 3.0], requires_grad=True)
    x = Uniform(low, high).rsample((4,))
    x.sum().backward()
    u = (x.detach() - tensor([0.0, 1.0])) / 2
    np.testing.assert_allclose(high.grad.numpy(), u.sum(0).numpy(), rtol=1e-6)
    np.testing.assert_allclose(low.grad.numpy(), (1 - u).sum(0).numpy(), rtol=1e-6)
    assert Uniform.has_rsample
    assert Normal.has_rsample
    for discrete in (Bernoulli(0.5), Categorical(tensor([1.0, 1.0]))):
        assert not discrete.has_rsample
        with pytest.raises(NotImplementedError, match="log_prob"):
            discrete.rsample()


def test_classes_have_no_mean() -> None:
    """Mean and variance of class numbers are NaN in the shape of a sample, as in PyTorch."""
    d = Categorical(logits=zeros(2, 3))
    assert d.mean.shape == d.variance.shape == (2,)
    assert d.mean.isnan().all()


@pytest.mark.parametrize("mistake", [
    lambda: Bernoulli(), lambda: Bernoulli(0.5, 0.5), lambda: Bernoulli(tensor([0.5, 1.5])),
    lambda: Bernoulli(0.5).log_prob(tensor(0.5)), lambda: Uniform(1.0, 1.0), lambda: Uniform(zeros(2), -1.0),
    lambda: Uniform(0.0, 1.0).log_prob(tensor(1.5)),
])  # fmt: skip
def test_impossible_distributions_and_values_raise_named_errors(mistake: Callable[[], Any]) -> None:
    """Probabilities above 1, an empty interval, values that are never drawn."""
    with pytest.raises(AutodiffError):
        mistake()


def test_a_divergence_without_a_law_says_so() -> None:
    """Two kinds without a closed form are refused, as in PyTorch, with a way around."""
    with pytest.raises(NotImplementedError, match="Uniform from Bernoulli"):
        kl_divergence(Bernoulli(0.5), Uniform(0.0, 1.0))


@pytest.mark.parametrize("dtype", [autodiff.float32, autodiff.float64])
def test_parameters_keep_their_dtype(dtype: Any) -> None:
    """Samples and densities have the dtype of the parameters."""
    x = zeros(3, dtype=dtype) + 0.5
    for d in (Bernoulli(x), Uniform(x, 2.0), Normal(0.0, x)):
        drawn = d.sample()
        assert {drawn.dtype, d.log_prob(drawn).dtype, d.entropy().dtype, d.mean.dtype, d.variance.dtype} == {dtype}
