"""gradient_test, tested: its domains and strategies, and that it passes what is right and names each planted bug."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff
from autodiff import Tensor
from autodiff.engine.primitive import Primitive, primitives
from autodiff.errors import DtypeError, GraphError, ShapeError
from autodiff.ops.arithmetic import where
from autodiff.testing import (
    ALL,
    GradcheckError,
    NotDifferentiable,
    WrongGradient,
    case,
    example,
    failures,
    gradient_test,
    strategies,
)
from autodiff.testing.checks import GROUPS
from autodiff.testing.domain import (
    away_from,
    distinct,
    domain_of,
    filled,
    integers,
    nonzero,
    positive,
    real,
    spd,
    unit,
)

# --- domains and strategies


@pytest.mark.parametrize(
    ("domain", "holds"),
    [
        (real(-2, 1), lambda x: (x >= -2) & (x <= 1)),
        (positive, lambda x: x > 0),
        (unit, lambda x: (x > 0) & (x < 1)),
        (nonzero, lambda x: abs(x) >= 0.1),
        (away_from(-1.0, 1.0, margin=0.3), lambda x: (abs(x - 1) > 0.299) & (abs(x + 1) > 0.299)),
        (real(0, 2) & away_from(1.0) & positive, lambda x: (x >= 0.1) & (x <= 2) & (abs(x - 1) > 0.099)),
        (integers(2, 4), lambda x: (x >= 2) & (x <= 4) & (x == np.round(x))),
        (real(5), lambda x: x >= 5),
        (real(-np.inf, -5), lambda x: x <= -5),
    ],
)
def test_a_domain_holds_what_it_says(domain: Any, holds: Any) -> None:
    """Whatever the seed and the nice number put in, every entry belongs to the domain."""
    for seed in range(300):
        x = filled(domain, (2, 3), seed, seed % 8)
        assert holds(x).all(), x


def test_distinct_and_spd_are_what_they_say() -> None:
    """Distinct entries keep a distance; spd matrices have positive eigenvalues."""
    for seed in range(100):
        x = np.sort(filled(distinct & unit, (3, 4), seed, seed % 8), axis=None)
        assert np.diff(x).min() > 0.02
        m = filled(domain_of(spd), (2, 3, 3), seed)
        assert np.allclose(m, np.swapaxes(m, -1, -2))
        assert np.linalg.eigvalsh(m).min() >= 0.99


def test_impossible_domains_are_refused() -> None:
    """Bounds the wrong way round, and nothing left, are errors that say so."""
    with pytest.raises(ShapeError, match="from the lower bound"):
        real(2, 1)
    with pytest.raises(ShapeError, match="nothing is left"):
        filled(real(0, 0.1) & away_from(0.05), (2,), 1)
    with pytest.raises(DtypeError, match="a domain is"):
        gradient_test(3)


@settings(max_examples=50, deadline=None, database=None)
@given(data=st.data())
def test_strategies_give_what_their_names_say(data: Any) -> None:
    """Drawn shapes broadcast, operands multiply, axes exist, indices fit, settings of a convolution fit."""
    np.broadcast_shapes(*data.draw(strategies.broadcastable(3)))
    x, y = data.draw(strategies.matmul_operands())
    assert (x @ y).requires_grad
    shape = data.draw(strategies.shapes())
    array = np.zeros(shape)
    array[data.draw(strategies.index_for(shape))]
    np.sum(array, axis=data.draw(strategies.axes(len(shape))))
    autodiff.from_numpy(array).sum(**data.draw(strategies.reduction_kwargs(shape)))
    conv = data.draw(strategies.conv_args())
    for n, k, p, d in zip(conv["input"][2:], conv["weight"][2:], conv["padding"], conv["dilation"], strict=True):
        assert n + 2 * p >= d * (k - 1) + 1
    assert isinstance(data.draw(st.from_type(Tensor)), Tensor)


# --- the test itself


def test_right_functions_pass() -> None:
    """The decorator takes functions of Tensors of all kinds: with kinks, ties, keywords, integers, several outputs."""
    gradient_test(real)(lambda x: x.relu())()
    gradient_test(real, real, order=2)(lambda x, y: np.maximum(x, y) * y)()
    gradient_test(distinct, kwargs=strategies.reduction_kwargs)(lambda x, dim, keepdim: x.amax(dim, keepdim))()
    gradient_test(real, integers(0, 1), shapes="3, n")(lambda x, i: x[i])()
    gradient_test(real, nonzero, ref=lambda x, y: (x / y, x + y))(lambda x, y: (x / y, x + y))()
    gradient_test(real, ref=np.sort, shapes="n")(lambda x: x[np.argsort(x.detach().numpy())])()


def made(name: str, *vjps: Any, forward: Any = np.multiply, **options: Any) -> Primitive:
    """A primitive that does not stay in the table of all."""
    primitives.pop(name, None)
    primitive = Primitive(name, forward, *vjps, **options)
    primitives.pop(name)
    return primitive


RIGHT = (lambda g, out, x, y: g * y, lambda g, out, x, y: g * x)
STATE = {"calls": 0}


def changing(g: Any, out: Any, x: Any, y: Any) -> Any:
    if isinstance(g, np.ndarray) and g.size:
        g[...] *= 2
    return g * y


def inexact(g: Any, out: Any, x: Any, y: Any) -> Any:
    return g * y * (1.01 if g.dtype == np.float32 else 1)


def cut(g: Any, out: Any, x: Any, y: Any) -> Any:
    return g * (y.detach() if isinstance(y, Tensor) else y)


def counting(x: Any, y: Any) -> Any:
    STATE["calls"] += 1
    return x * y * (1 + 1e-3 * (STATE["calls"] % 2))


BUGS = {
    "sign": (failures.WrongGradient, made("b0", lambda g, out, x, y: -g * y, RIGHT[1], keeps="x y")),
    "value": (failures.ValueMismatch, made("b1", *RIGHT, keeps="x y", forward=lambda x, y: x * y + (x > 1))),
    "dtype": (failures.DtypeMismatch, made("b2", *RIGHT, keeps="x y", forward=lambda x, y: x * y * np.ones(()))),
    "cotangent changed": (GradcheckError, made("b3", changing, RIGHT[1], keeps="x y")),
    "not linear": (failures.LinearityError, made("b4", lambda g, out, x, y: g * g * y, RIGHT[1], keeps="x y")),
    "low precision": (failures.LowPrecisionError, made("b5", inexact, RIGHT[1], keeps="x y")),
    "second order": (failures.SecondOrderError, made("b6", cut, RIGHT[1], keeps="x y")),
    "not finite": (failures.NonFiniteGradient, made("b7", lambda g, out, x, y: g * y * (y / y), RIGHT[1], keeps="x y")),
    "shape": ((ValueError, GradcheckError), made("b8", lambda g, out, x, y: g[..., None] * y, RIGHT[1], keeps="x y")),
    "not saved": (GraphError, made("b9", *RIGHT, keeps=("y", ""))),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_each_kind_of_bug_is_found_by_its_check(bug: str) -> None:
    """A primitive with one planted bug fails, with the exception class of the check that is made for it."""
    kind, wrong = BUGS[bug]
    with pytest.raises(kind):
        gradient_test(real, real, ref=lambda x, y: x * y, order=2, max_examples=100)(lambda x, y: wrong(x, y))()


PAIR_BUGS = {
    "input changed": (failures.MutationError, np.sin, lambda g, x: np.cos(x, out=x) * g),
    "shape": (failures.ShapeMismatch, np.sum, lambda g, x: np.ones(x.size) * g),
    "float64 leak": (failures.DtypeMismatch, np.sin, lambda g, x: g * np.cos(np.float64(1) * x)),
    "affine": (failures.WrongGradient, np.sin, lambda g, x: g * np.cos(x) + 0.1),
    "shared": (failures.AliasingError, lambda x: x * 1, lambda g, x: np.multiply(1, g, out=x)),
    "input order": (failures.WrongGradient, lambda x: x.ravel(), lambda g, x: g.reshape(x.shape, order="F")),
    "strides": (failures.LayoutError, lambda x: x * (2 if min(x.strides, default=1) < 0 else 1), lambda g, x: g * 1),
    "memory order": (failures.LayoutError, lambda x: x.ravel(order="K"), lambda g, x: g.reshape(x.shape)),
    "random": (failures.NonDeterminismError, counting, lambda g, x, y: (g * y, g * x)),
}


@pytest.mark.parametrize("bug", PAIR_BUGS)
def test_each_kind_of_bug_of_a_pair_is_found(bug: str) -> None:
    """Hand-written gradients are tested by the same checks."""
    kind, forward, vjp = PAIR_BUGS[bug]
    domains = (real,) * (2 if bug == "random" else 1)
    with pytest.raises(GradcheckError if bug in ("random", "shared", "input changed") else kind):
        gradient_test(*domains, vjp=vjp, max_examples=100)(forward)()


def test_the_message_can_be_acted_on() -> None:
    """It names the input and the entry, both values, the count, the pattern, the shrunk inputs as a line to paste."""
    wrong = made("m0", lambda g, out, x, y: g * y, lambda g, out, x, y: -g * x, keeps="x y")

    @gradient_test(real, real)
    def test_product(x: Any, y: Any) -> Any:
        return wrong(x, y)

    with pytest.raises(WrongGradient) as caught:
        test_product()
    assert re.sub(r"\+- .*", "+- ...", str(caught.value)).splitlines() == [
        "the gradient of y, of shape (), is wrong",
        "  d out / d y: analytic -1, numeric 1 +- ...",
        "  1 of 1 entries of the Jacobian disagree",
        "  pattern: the sign is wrong: analytic = -numeric",
        "@example(case(np.array(1.0), np.array(1.0)))",
    ]


def test_an_example_line_runs_every_check_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """``@example(case(...))`` above the decorator is tried before anything is drawn, with all checks."""
    seen: list[Any] = []
    tried: list[str] = []
    for name, check in [item for group in GROUPS for item in group.items()]:
        watched = lambda call, name=name, check=check: (call.kwargs["scale"] == 3.0 and tried.append(name), check(call))
        monkeypatch.setitem(next(group for group in GROUPS if name in group), name, watched)

    @example(case([1.0, 2.0], scale=3.0))
    @gradient_test(real, kwargs={"scale": 2.0}, max_examples=5)
    def test_scaled(x: Any, scale: float) -> Any:
        seen.append((x.detach().numpy().tolist(), scale))
        return x * scale

    test_scaled()
    assert seen[0] == ([1.0, 2.0], 3.0)
    assert sorted(tried) == sorted(ALL - {"empty"})  # that one is for inputs without entries


def test_checks_can_be_left_out() -> None:
    """``checks=ALL - {...}``; a name that is none is refused."""
    leaky = lambda x: x * autodiff.from_numpy(np.ones(()))  # of two 0-d inputs the wider dtype wins
    scaled = made("c0", lambda g, out, x: g * 2.0, forward=lambda x: x * np.float64(2))
    with pytest.raises(failures.DtypeMismatch):
        gradient_test(real)(lambda x: scaled(x))()
    gradient_test(real, checks=ALL - {"low precision"})(lambda x: scaled(x))()
    with pytest.raises(failures.DtypeMismatch, match=r"case\(np.array\(1.0\)\)"):
        gradient_test(real)(leaky)()
    with pytest.raises(ShapeError, match="no check colour"):
        gradient_test(real, checks={"colour"})
    assert {name for group in GROUPS for name in group} == ALL


def test_a_kink_with_a_gradient_outside_its_slopes_is_named_as_a_kink() -> None:
    """A gradient at a kink that lies outside the slopes on its sides is reported as a kink, not as a wrong gradient."""

    def vjp(g: Any, x: Any) -> Any:
        return g * np.where(x == 0, 5, np.sign(x))

    with pytest.raises(NotDifferentiable, match="the gradient 5 is not between them"):
        gradient_test(real, vjp=vjp, dtypes=())(np.abs)()


def test_where_keeps_the_other_side_out() -> None:
    """The library's own promise holds under the tool: a pole on the side not taken leaves no NaN."""

    @gradient_test(real, order=2)
    def safe_log(x: Any) -> Any:
        return where(np.log(x), x * 0, condition=x.detach().numpy() > 0.5)

    safe_log()
