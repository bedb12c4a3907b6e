"""Transforms have PyTorch's values, inverses, determinants, shapes and two orders of gradients; so has the registry."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from distributions_made import FACTOR, POSITIVE, REAL, SQUARE, UNIT
from parity.harness import Near, agree, compare, peer

import autodiff
from autodiff import distributions, tensor
from autodiff.distributions import Normal, TransformedDistribution, biject_to, constraints, transform_to
from autodiff.distributions.transforms import (
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    PowerTransform,
    SigmoidTransform,
    TanhTransform,
    Transform,
    identity_transform,
)
from autodiff.errors import AutodiffError

Make = Callable[[Any, Any], Any]  # of the module of distributions and a maker of tensors
WIDE = [[[0.3, -1.0, 0.5], [0.2, 0.4, 1.2], [-0.7, 0.1, 0.9]]] * 2
MADE: dict[str, tuple[Make, Any]] = {
    "Abs": (lambda d, t: d.AbsTransform(), REAL),
    "Affine": (lambda d, t: d.AffineTransform(1.5, -2.0), REAL),
    "Affine tensors": (lambda d, t: d.AffineTransform(t([1.0, 2.0, 3.0]), t([[0.5, -2.0, 3.0]])), REAL),
    "Affine vectors": (lambda d, t: d.AffineTransform(t(1.0), t([0.5, 2.0, 3.0]), event_dim=1), REAL),
    "Cat": (lambda d, t: d.CatTransform([d.ExpTransform(), d.AffineTransform(1.0, 2.0)], dim=-1, lengths=[1, 2]), REAL),
    "Cat rows": (lambda d, t: d.CatTransform([d.ExpTransform(), d.identity_transform], dim=0), REAL),
    "Cat vectors": (
        lambda d, t: d.CatTransform([d.AffineTransform(1.0, 2.0, event_dim=1), d.ExpTransform()], -1, [1, 2]), REAL),
    "Compose": (lambda d, t: d.ComposeTransform([d.AffineTransform(0.5, 0.25), d.SigmoidTransform()]), REAL),
    "Compose shapes": (
        lambda d, t: d.ComposeTransform([d.ExpTransform(), d.AffineTransform(0.0, 2.0, event_dim=1),
                                         d.StickBreakingTransform(), d.identity_transform]), REAL),
    "CorrCholesky": (lambda d, t: d.CorrCholeskyTransform(), REAL),
    "CumulativeDistribution": (
        lambda d, t: d.CumulativeDistributionTransform(d.Normal(t(0.5), t([1.0, 2.0, 3.0]))), REAL),
    "Exp": (lambda d, t: d.ExpTransform(), REAL),
    "identity": (lambda d, t: d.identity_transform, REAL),
    "Independent": (lambda d, t: d.IndependentTransform(d.ExpTransform(), 1), REAL),
    "inverse": (lambda d, t: d.ComposeTransform([d.SigmoidTransform(), d.AffineTransform(0.0, 2.0)]).inv, UNIT),
    "inverse of Exp": (lambda d, t: d.ExpTransform().inv, POSITIVE),
    "LowerCholesky": (lambda d, t: d.LowerCholeskyTransform(), WIDE),
    "PositiveDefinite": (lambda d, t: d.PositiveDefiniteTransform(), WIDE),
    "Power": (lambda d, t: d.PowerTransform(t(2.5)), POSITIVE),
    "Power falling": (lambda d, t: d.PowerTransform(t([[-1.0], [0.5]])), POSITIVE),
    "Reshape": (lambda d, t: d.ReshapeTransform((3, 3), (9,)), WIDE),
    "Sigmoid": (lambda d, t: d.SigmoidTransform(), [[-30.0, 0.3, 50.0]]),
    "Softmax": (lambda d, t: d.SoftmaxTransform(), REAL),
    "Softplus": (lambda d, t: d.SoftplusTransform(), REAL),
    "Stack": (lambda d, t: d.StackTransform([d.ExpTransform(), d.AffineTransform(1.0, 2.0)], dim=0), REAL),
    "Stack columns": (lambda d, t: d.StackTransform([d.ExpTransform()] * 2 + [d.TanhTransform()], dim=-1), REAL),
    "StickBreaking": (lambda d, t: d.StickBreakingTransform(), REAL),
    "Tanh": (lambda d, t: d.TanhTransform(), REAL),
}  # fmt: skip


def _double(lib: Any) -> Any:
    return lambda data: lib.tensor(data, dtype=lib.float64)


@pytest.mark.parametrize("name", MADE)
def test_values_inverses_and_determinants_are_those_of_torch(name: str) -> None:
    """The value, its inverse and the determinant, and the gradients of them; or the same refusal."""
    make, data = MADE[name]

    def call(lib: Any, x: Any) -> Any:
        t = make(lib.distributions, _double(lib))
        y = t(x)
        found = [y, t.inv(y)]
        try:
            found.append(t.log_abs_det_jacobian(x, y))
        except NotImplementedError:
            found.append(lib.zeros(1))
        (slope,) = lib.autograd.grad(found[-1].sum() + y.square().sum(), x, create_graph=True)
        return [*found, slope]

    compare(call, np.array(data), near=Near(1e-7, 1e-10))


@pytest.mark.parametrize("name", MADE)
def test_domains_shapes_and_signs_are_those_of_torch(name: str) -> None:
    """Domain, codomain, bijective, sign, the shapes forward and back, equality with itself."""

    def facts(lib: Any) -> Any:
        t = make(lib.distributions, _double(lib))
        found: list[Any] = [t.bijective, t == t, t.inv.inv is t or t.inv.inv == t]
        for each in (t, t.inv):
            for ask in (lambda: str(each.domain).partition("(")[0], lambda: each.domain.event_dim,  # noqa: B023
                        lambda: str(each.codomain).partition("(")[0], lambda: each.codomain.event_dim,  # noqa: B023
                        lambda: getattr(each.sign, "tolist", lambda: each.sign)()):  # noqa: B023  # fmt: skip
                try:
                    found.append(ask())
                except NotImplementedError:
                    found.append("not implemented")
        shape = tuple(np.shape(data))
        return [*found, tuple(t.forward_shape(shape)), tuple(t.inverse_shape(t.forward_shape(shape)))]

    make, data = MADE[name]
    assert facts(autodiff) == facts(peer())


def test_a_cache_gives_back_the_argument_itself() -> None:
    """With cache_size 1 the inverse of the last value is the last argument, also through compositions."""
    for t in (TanhTransform(cache_size=1), ComposeTransform([AffineTransform(1.0, 2.0), TanhTransform()], 1),
              TanhTransform().with_cache(), AffineTransform(1.0, 0.5).with_cache()):  # fmt: skip
        x = tensor([30.0, 0.5])
        y = t(x)
        assert t(x) is y
        np.testing.assert_array_equal(t.inv(y).numpy(), x.numpy())
    plain = TanhTransform()
    with np.errstate(divide="ignore"):
        assert plain.inv(plain(tensor([30.0]))).isinf().all()
    with pytest.raises(AutodiffError, match="cache_size"):
        ExpTransform(cache_size=2)


def test_transforms_are_compared_copied_and_pickled() -> None:
    """Those of one kind with equal parameters are equal; copies work as their originals."""
    assert ExpTransform() == ExpTransform()
    assert ExpTransform().inv == ExpTransform().inv
    assert ExpTransform() != TanhTransform()
    assert AffineTransform(1.0, tensor([2.0, 3.0])) == AffineTransform(1.0, tensor([2.0, 3.0]))
    assert AffineTransform(1.0, 2.0) != AffineTransform(1.0, 3.0)
    assert PowerTransform(2.0) == PowerTransform(tensor(2.0))
    assert ComposeTransform([ExpTransform()]) == ComposeTransform([ExpTransform()])
    assert identity_transform.inv == identity_transform
    whole = ComposeTransform([AffineTransform(1.0, 2.0), SigmoidTransform()])
    for same in (copy.deepcopy(whole), pickle.loads(pickle.dumps(whole))):
        assert same == whole
        np.testing.assert_array_equal(same.inv(same(tensor([0.3]))).numpy(), whole.inv(whole(tensor([0.3]))).numpy())


class _Cube(Transform):
    domain = codomain = constraints.real
    bijective = True
    sign = 1

    def _call(self, x: Any) -> Any:
        return x**3

    def _inverse(self, y: Any) -> Any:
        return y.sign() * y.abs() ** (1 / 3)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return (3 * x.square()).log()


def test_a_transform_of_ones_own_gives_a_distribution_its_density() -> None:
    """A subclass that defines the three methods works in TransformedDistribution, whose density integrates to 1."""
    d = TransformedDistribution(Normal(0.5, 0.7), [_Cube(), AffineTransform(0.0, -1.0)])
    x = np.concatenate([-np.geomspace(60, 1e-9, 20000), np.geomspace(1e-9, 60, 20000)])
    density = d.log_prob(tensor(x)).exp().numpy()
    assert abs(np.trapezoid(density, x) - 1) < 2e-3
    np.testing.assert_allclose(d.icdf(d.cdf(tensor(x[5000:35000:500]))).numpy(), x[5000:35000:500], rtol=1e-3)
    assert d.support is constraints.real or "Real" in repr(d.support)


CONSTRAINTS: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {  # and values inside and outside
    "boolean": (lambda c: c.boolean, [0.0, 1.0, 0.5]),
    "cat": (lambda c: c.cat([c.positive, c.real], -1, [1, 2]), [[1.0, -1.0, 0.0], [-1.0, 2.0, np.nan]]),
    "corr_cholesky": (lambda c: c.corr_cholesky, [FACTOR, SQUARE]),
    "greater_than": (lambda c: c.greater_than(1.0), [0.5, 1.0, 1.5]),
    "greater_than_eq": (lambda c: c.greater_than_eq(1.0), [0.5, 1.0, 1.5]),
    "half_open_interval": (lambda c: c.half_open_interval(-1.0, 2.0), [-1.0, 0.5, 2.0]),
    "independent": (lambda c: c.independent(c.positive, 1), [[1.0, 2.0], [0.0, 1.0]]),
    "integer_interval": (lambda c: c.integer_interval(1, 3), [0.0, 1.0, 1.5, 3.0, 4.0]),
    "interval": (lambda c: c.interval(-1.0, 2.0), [-1.5, -1.0, 2.0, 2.5]),
    "less_than": (lambda c: c.less_than(1.0), [0.5, 1.0]),
    "lower_cholesky": (lambda c: c.lower_cholesky, [FACTOR, SQUARE]),
    "lower_triangular": (lambda c: c.lower_triangular, [FACTOR, SQUARE]),
    "multinomial": (lambda c: c.multinomial(3), [[1.0, 2.0], [-1.0, 2.0], [2.0, 2.0]]),
    "nonnegative": (lambda c: c.nonnegative, [0.0, -1.0]),
    "nonnegative_integer": (lambda c: c.nonnegative_integer, [0.0, 0.5, -1.0]),
    "one_hot": (lambda c: c.one_hot, [[0.0, 1.0], [1.0, 1.0], [0.5, 0.5]]),
    "positive": (lambda c: c.positive, [0.0, 1.0]),
    "positive_definite": (lambda c: c.positive_definite, [SQUARE, np.diag([1.0, 1.0, 0.0]).tolist(), FACTOR]),
    "positive_integer": (lambda c: c.positive_integer, [0.0, 1.0, 1.5]),
    "positive_semidefinite": (lambda c: c.positive_semidefinite, [SQUARE, np.diag([1.0, -1.0, 0.0]).tolist()]),
    "real": (lambda c: c.real, [np.nan, np.inf, 1.0]),
    "real_vector": (lambda c: c.real_vector, [[np.nan, 1.0], [0.0, 1.0]]),
    "simplex": (lambda c: c.simplex, [[0.5, 0.5], [1.5, -0.5], [0.5, 0.6]]),
    "square": (lambda c: c.square, [SQUARE]),
    "stack": (lambda c: c.stack([c.positive, c.real], -1), [[1.0, -1.0], [-1.0, 2.0]]),
    "symmetric": (lambda c: c.symmetric, [SQUARE, FACTOR]),
    "unit_interval": (lambda c: c.unit_interval, [0.0, 1.0, 1.5]),
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_judge_as_those_of_torch(name: str) -> None:
    """Which values are inside, whether they are discrete, of how many axes, and the name."""
    make, values = CONSTRAINTS[name]

    def facts(lib: Any) -> Any:
        c = make(lib.distributions.constraints)
        found = [c.check(lib.tensor(v, dtype=lib.float64)).tolist() for v in values]
        return [*found, c.is_discrete, c.event_dim, repr(c).partition("(")[0]]

    assert facts(autodiff) == facts(peer())


@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
def test_registered_transforms_are_those_of_torch(name: str, registry: str) -> None:
    """From all numbers onto the constraint, with PyTorch's values, and inside; or no transform in both."""

    def moved(lib: Any) -> Any:
        d = lib.distributions
        c = CONSTRAINTS[name][0](d.constraints)
        try:
            t = getattr(d, registry)(c)
        except NotImplementedError:
            return "none"
        shape = {"corr_cholesky": (3,), "cat": (2, 3), "stack": (3, 2)}.get(name, (3, 3))
        y = t(lib.tensor(np.sin(np.arange(float(np.prod(shape))) * 1.7).reshape(shape)))
        assert c.check(y).all()
        return [y, t.inv(y)]

    agree(moved(autodiff), moved(peer()), Near(1e-7, 1e-9), name)


def test_what_fits_no_transform_is_refused() -> None:
    """Shapes, kinds and constraints that do not fit: a named error says which."""
    d, zero = distributions, autodiff.zeros(2)
    for mistake in (
        lambda: d.ReshapeTransform((2,), (3,)), lambda: d.ReshapeTransform((2,), (2, 1))(autodiff.zeros(3)),
        lambda: d.CatTransform([ExpTransform()], lengths=[1, 2]), lambda: d.CatTransform([ExpTransform()])(zero),
        lambda: d.StackTransform([ExpTransform()])(zero), lambda: d.IndependentTransform(ExpTransform(), 2)(zero),
        lambda: TransformedDistribution(Normal(0.0, 1.0), [3]), lambda: biject_to.register(3, lambda c: c),
        lambda: TransformedDistribution(Normal(0.0, 1.0), d.StickBreakingTransform()),
        lambda: d.CorrCholeskyTransform().forward_shape((2,)), lambda: constraints.real_vector.check(tensor(1.0)),
    ):  # fmt: skip
        with pytest.raises(AutodiffError):
            mistake()
    for refused in (lambda: transform_to(constraints.boolean), lambda: constraints.dependent.event_dim,
                    lambda: d.SoftmaxTransform().sign):
        with pytest.raises(NotImplementedError):
            refused()
