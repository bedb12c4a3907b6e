"""Parameters and values are checked as PyTorch checks them, and a mistake is named with the value that makes it."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from distributions_made import MADE, X, Y
from parity.harness import peer

import autodiff
from autodiff import distributions, tensor, zeros
from autodiff.distributions import Categorical, Distribution, Gamma, Normal, Uniform
from autodiff.distributions.utils import broadcast_all, lazy_property, tril_matrix_to_vec, vec_to_tril_matrix
from autodiff.errors import AutodiffError

Mistake = Callable[[Any, Any], Any]  # of the module of distributions and a maker of tensors
MISTAKES: dict[str, Mistake] = {
    "scale": lambda d, t: d.Normal(t([0.0, 1.0]), t([1.0, -2.0])),
    "scale 0": lambda d, t: d.Laplace(0.0, 0.0),
    "NaN": lambda d, t: d.Cauchy(t([float("nan")]), 1.0),
    "probs": lambda d, t: d.Bernoulli(t([0.5, 1.5])),
    "both": lambda d, t: d.Bernoulli(0.5, 0.5),
    "neither": lambda d, t: d.Binomial(3),
    "simplex": lambda d, t: d.Categorical(t([-1.0, 2.0])),
    "no axis": lambda d, t: d.Categorical(t(0.5)),
    "no axis of shares": lambda d, t: d.Dirichlet(t(0.5)),
    "no vector": lambda d, t: d.MultivariateNormal(t(0.5), t([[1.0]])),
    "no matrix": lambda d, t: d.MultivariateNormal(t([0.5]), t([1.0])),
    "two matrices": lambda d, t: d.MultivariateNormal(t([0.5]), t([[1.0]]), t([[1.0]])),
    "not definite": lambda d, t: d.MultivariateNormal(t([0.5, 1.0]), t([[1.0, 2.0], [2.0, 1.0]])),
    "not triangular": lambda d, t: d.MultivariateNormal(t([0.5, 1.0]), scale_tril=t([[1.0, 2.0], [2.0, 1.0]])),
    "low rank": lambda d, t: d.LowRankMultivariateNormal(t([0.5, 1.0]), t([[1.0]]), t([1.0, 1.0])),
    "degrees": lambda d, t: d.Wishart(t(0.5), t([[1.0, 0.0], [0.0, 1.0]])),
    "geometric": lambda d, t: d.Geometric(0.0),
    "half open": lambda d, t: d.NegativeBinomial(3.0, t(1.0)),
    "tries": lambda d, t: d.Binomial(t(2.5), t(0.5)),
    "interval": lambda d, t: d.Uniform(t([0.0, 2.0]), 1.0),
    "correlations": lambda d, t: d.LKJCholesky(1, 1.0),
    "batch": lambda d, t: d.Independent(d.Normal(t([0.0]), 1.0), 2),
    "components": lambda d, t: d.MixtureSameFamily(d.Categorical(t([0.5, 0.5])), d.Normal(t([0.0] * 3), 1.0)),
    "mixture": lambda d, t: d.MixtureSameFamily(d.Normal(0.0, 1.0), d.Normal(t([0.0]), 1.0)),
    "list": lambda d, t: d.Normal([0.0], 1.0),
    "value below 0": lambda d, t: d.Exponential(1.0).log_prob(t([0.5, -1.0])),
    "value between": lambda d, t: d.Poisson(1.0).log_prob(t(0.5)),
    "value NaN": lambda d, t: d.Normal(0.0, 1.0).log_prob(t(float("nan"))),
    "value of no class": lambda d, t: d.Categorical(t([0.5, 0.5])).log_prob(t(2.0)),
    "value outside": lambda d, t: d.Uniform(0.0, 1.0).cdf(t(1.5)),
    "value of two classes": lambda d, t: d.OneHotCategorical(t([0.5, 0.5])).log_prob(t([1.0, 1.0])),
    "value of another sum": lambda d, t: d.Dirichlet(t([0.5, 0.5])).log_prob(t([0.6, 0.6])),
    "value of another batch": lambda d, t: d.Normal(t([0.0, 1.0]), 1.0).log_prob(t([0.0, 1.0, 2.0])),
    "value of another event": lambda d, t: d.Dirichlet(t([0.5, 0.5])).log_prob(t([0.2, 0.3, 0.5])),
    "validate": lambda d, t: d.Distribution.set_default_validate_args("yes"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_raises_where_it_does_in_torch(name: str) -> None:
    """Both raise, here a named error that is a ValueError or what PyTorch raises."""
    with pytest.raises(AutodiffError) as ours:
        MISTAKES[name](distributions, tensor)
    torch = peer()
    with pytest.raises((ValueError, TypeError, RuntimeError, IndexError)) as theirs:
        MISTAKES[name](torch.distributions, torch.tensor)
    assert isinstance(ours.value, (ValueError, theirs.type))


def test_an_error_names_the_parameter_its_constraint_and_the_value() -> None:
    """What was given, what is expected, of what shape."""
    with pytest.raises(AutodiffError, match=r"scale of Normal .* GreaterThan\(lower_bound=0.0\): -2.0 .* \(3,\)"):
        Normal(0.0, tensor([1.0, -2.0, 3.0]))
    with pytest.raises(AutodiffError, match=r"value of Gamma lies within GreaterThanEq.*, unlike -1.0"):
        Gamma(1.0, 1.0).log_prob(tensor([0.5, -1.0]))
    with pytest.raises(AutodiffError, match=r"event_shape \(2,\) .* unlike shape \(3,\)"):
        distributions.Dirichlet(autodiff.ones(2)).log_prob(autodiff.ones(3))
    with pytest.raises(AutodiffError, match="list"):
        Normal([0.0], 1.0)


def test_checks_can_be_left_out() -> None:
    """validate_args=False takes what is given; the default for all can be changed and is False under python -O."""
    assert Normal(0.0, -1.0, validate_args=False).scale.item() == -1
    assert Uniform(0.0, 1.0, validate_args=False).log_prob(tensor(3.0)).item() == -np.inf
    try:
        Distribution.set_default_validate_args(False)
        assert Normal(0.0, -1.0).scale.item() == -1
        with pytest.raises(AutodiffError):
            Normal(0.0, -1.0, validate_args=True)
    finally:
        Distribution.set_default_validate_args(True)
    with pytest.raises(AutodiffError):
        Normal(0.0, -1.0)
    code = "from autodiff.distributions import Normal; Normal(0.0, -1.0)"
    assert subprocess.run([sys.executable, "-O", "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", MADE)
def test_distributions_are_copied_pickled_and_shown(name: str) -> None:
    """A copy has the same laws; the text of one begins with its class."""
    d = MADE[name].make(distributions, tensor(X), tensor(Y))
    value = d.sample()
    for same in (copy.deepcopy(d), copy.copy(d), pickle.loads(pickle.dumps(d))):
        np.testing.assert_array_equal(same.log_prob(value).numpy(), d.log_prob(value).numpy())
    assert repr(d).startswith(f"{type(d).__name__}(")


def test_numbers_arrays_and_dtypes_meet() -> None:
    """Numbers take the dtype of the first floating tensor, arrays keep theirs, values may be arrays and numbers."""
    assert str(Normal(0, 1).loc.dtype).endswith("float32")
    assert str(Normal(tensor(0.0, dtype=autodiff.float64), 1).scale.dtype).endswith("float64")
    assert str(Normal(np.zeros(3), 1).sample().dtype).endswith("float64")
    assert Normal(np.zeros(3), 1).log_prob(np.ones(3)).shape == (3,)
    assert Normal(0.0, 1.0).log_prob(0.0).item() == pytest.approx(-0.9189385)
    half = tensor([0.5, 0.5], dtype=autodiff.float64)
    for relaxed in (distributions.RelaxedBernoulli, distributions.RelaxedOneHotCategorical):
        assert relaxed(0.1, half).temperature.item() == 0.1
        assert str(relaxed(0.1, half).rsample().dtype).endswith("float64")
    first, second = broadcast_all(tensor([1.0, 2.0]), 3)
    assert first.shape == second.shape == (2,)


def test_the_other_parameter_waits_and_is_recorded() -> None:
    """logits of probs are computed when asked for, once, and have gradients even if that is under no_grad."""
    probs = tensor([0.2, 0.8], requires_grad=True)
    d = Categorical(probs)
    assert "logits" not in d.__dict__
    with autodiff.no_grad():
        logits = d.logits
    assert d.logits is logits
    assert logits.requires_grad
    assert isinstance(Categorical.logits, lazy_property)


class _Own(Distribution):
    arg_constraints = {"loc": distributions.constraints.real}  # noqa: RUF012
    support = distributions.constraints.real

    def __init__(self, loc: Any) -> None:
        self.loc = loc
        super().__init__(loc.shape)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return -(value - self.loc).abs()


class _Named(Normal):
    def __init__(self, loc: Any) -> None:
        super().__init__(loc, 1.0)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(_Named, _instance)
        return super().expand(batch_shape, new)


def test_a_distribution_of_ones_own_has_what_the_base_gives() -> None:
    """Checks, refusals and shapes come from the base; expand asks those with an __init__ of their own for theirs."""
    d = _Own(zeros(3))
    assert d.batch_shape == (3,)
    assert d.event_shape == ()
    with pytest.raises(AutodiffError):
        _Own(tensor([float("nan")]))
    with pytest.raises(AutodiffError):
        d.log_prob(tensor(float("nan")))
    for refused in (lambda: d.expand((2, 3)), d.entropy, lambda: d.mean, lambda: d.cdf(zeros(3)), d.rsample,
                    lambda: d.icdf(zeros(3)), d.enumerate_support, d.sample):  # fmt: skip
        with pytest.raises(NotImplementedError, match="_Own"):
            refused()
    assert _Named(zeros(2)).expand((4, 2)).sample().shape == (4, 2)
    assert isinstance(_Named(zeros(2)).expand((4, 2)), _Named)
    assert distributions.Independent(d, 1).log_prob(zeros(5, 3)).shape == (5,)


def test_triangles_and_vectors_are_each_others_inverse() -> None:
    """As PyTorch's, for matrices in batches and other diagonals."""
    for diag in (-1, 0, 1):
        mat = tensor(np.arange(18.0).reshape(2, 3, 3))
        vec = tril_matrix_to_vec(mat, diag)
        torch = peer()
        theirs = torch.distributions.utils.tril_matrix_to_vec(torch.tensor(mat.numpy()), diag)
        np.testing.assert_array_equal(vec.numpy(), theirs.numpy())
        np.testing.assert_array_equal(vec_to_tril_matrix(vec, diag).numpy(), mat.tril(diag).numpy())
        np.testing.assert_array_equal(vec_to_tril_matrix(vec[0], diag).numpy(), mat[0].tril(diag).numpy())
    with pytest.raises(AutodiffError):
        vec_to_tril_matrix(zeros(4))
    with pytest.raises(AutodiffError):
        tril_matrix_to_vec(zeros(2, 2), 3)


def test_importing_the_library_does_not_load_distributions() -> None:
    """They wait until they are used."""
    code = "import sys, autodiff; print('autodiff.distributions' in sys.modules); autodiff.distributions.Normal(0., 1.)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_helpers_that_subclasses_of_others_reach_for_are_there() -> None:
    """Names with an underscore that programs use: they do what PyTorch's do."""
    torch = peer()
    factor, x = np.linalg.cholesky(np.array([[2.0, 0.3], [0.3, 1.0]])), np.array([[0.5, 1.0], [2.0, -1.0], [0.1, 0.2]])
    for name in ("_batch_mahalanobis", "_batch_mv"):
        ours, theirs = (getattr(lib.distributions.multivariate_normal, name)(lib.tensor(factor), lib.tensor(x))
                        for lib in (autodiff, torch))  # fmt: skip
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)
    ours, theirs = (lib.distributions.multivariate_normal._precision_to_scale_tril(lib.tensor(factor @ factor.T))
                    for lib in (autodiff, torch))  # fmt: skip
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)
    utils = distributions.utils
    assert utils._standard_normal((2, 3), dtype=autodiff.float64, device="cpu").shape == (2, 3)
    assert utils._sum_rightmost(zeros(2, 3, 4), 2).shape == (2,)
    mixture = distributions.MixtureSameFamily(Categorical(autodiff.ones(2)), Normal(zeros(2), 1.0))
    assert mixture._pad(zeros(5)).shape == (5, 1)
    assert mixture._pad_mixture_dimensions(zeros(2)).shape == (2,)
    assert isinstance(distributions.transforms.ExpTransform().inv, distributions.transforms._InverseTransform)
    assert (Normal, Normal) in distributions.kl._KL_REGISTRY
