"""The tool that tests gradients, tested: what is right passes, each planted bug is named, kinks are no bugs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff
from autodiff import autograd
from autodiff.engine.primitive import Primitive, primitives
from autodiff.errors import DtypeError, GraphError, ShapeError
from autodiff.ops.arithmetic import where
from autodiff.tensors.tensor import Tensor
from autodiff.testing import (
    ALL,
    GradcheckError,
    NotDifferentiable,
    WrongGradient,
    case,
    example,
    failures,
    gradcheck,
    gradgradcheck,
    gradient_test,
    strategies,
)
from autodiff.testing.checks import GROUPS
from autodiff.testing.diagnosis import as_code, pattern
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
from autodiff.testing.numeric import refined, sides, slope

ROOT = Path(__file__).resolve().parent.parent
POINT = np.array([[0.3, -1.2, 2.0], [0.7, 0.1, -0.4]])


def leaf(values: Any, dtype: Any = np.float64) -> Tensor:
    return autodiff.from_numpy(np.array(values, dtype)).requires_grad_()


# --- numeric slopes


@pytest.mark.parametrize("name", ["exp", "sin", "arctan", "sqrt", "log"])
@pytest.mark.parametrize("x", [0.03, 0.7, 5.0])
def test_a_slope_is_within_its_error_estimate(name: str, x: float) -> None:
    """The true slope lies within the error estimate, which itself is small."""
    f = getattr(np, name)
    true = {
        "exp": np.exp,
        "sin": np.cos,
        "arctan": lambda t: 1 / (1 + t * t),
        "sqrt": lambda t: 0.5 / t**0.5,
        "log": lambda t: 1 / t,
    }[name]
    found = refined(lambda t: np.array([f(x + t)]))
    assert abs(found.value[0] - true(x)) <= found.error[0]
    assert found.error[0] < 1e-6 * true(x) + 1e-9


def test_an_undefined_neighbour_gives_no_false_certainty() -> None:
    """Where the function is NaN on one side the error estimate is inf."""
    with np.errstate(invalid="ignore"):
        assert slope(lambda t: np.array([np.sqrt(t)])).error[0] == np.inf


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (abs, "kink"),
        (lambda t: max(t, 0.0), "kink"),
        (np.sign, "jump"),
        (lambda t: abs(t) ** 0.5, "pole"),
        (np.sin, ""),
        (lambda t: t * abs(t), ""),
    ],
)  # fmt: skip
def test_a_kink_is_told_from_a_curve(function: Any, kind: str) -> None:
    """One-sided slopes that do not close mean a kink; those that grow a pole or a jump; others nothing."""
    assert sides(lambda t: np.array([float(function(t))])).kind[0] == kind


# --- gradcheck


def test_what_is_right_passes() -> None:
    """Functions of Tensors, functions through NumPy's protocols and pairs of plain functions; small and large."""
    assert gradcheck(lambda x: x.sin() * x, leaf(POINT))
    assert gradcheck(lambda x: np.sum(np.exp(x) * x, axis=0), POINT)
    assert gradcheck(lambda x, y: (x @ y.T, x * 2), (leaf(POINT), leaf(POINT + 1)))
    assert gradcheck((np.sin, lambda g, x: g * np.cos(x)), POINT)
    assert gradcheck((np.sin, lambda g, x: g * np.cos(x)), POINT, complex_step=True)
    assert gradcheck(lambda x: (x * x).sum(), np.sin(np.arange(5000.0)))
    assert gradgradcheck(lambda x, y: x.exp() * y, (leaf(POINT), leaf([1.0, 2.0, 3.0])))


@pytest.mark.parametrize("size", [3, 5000])
def test_a_wrong_gradient_fails_small_and_large(size: int) -> None:
    """The whole Jacobian and the random directions both find one wrong entry."""

    def vjp(g: Any, x: Any) -> Any:
        result = 2 * g * x
        result[size // 2] *= 1.1
        return result

    with pytest.raises(WrongGradient, match=r"the gradient of x, of shape"):
        gradcheck((np.square, vjp), 2 + np.sin(np.arange(float(size))))


def test_the_checked_tensors_are_moved_in_place_and_put_back() -> None:
    """A function may reach its parameters without its arguments, as a module does; they are unchanged afterwards."""
    weight, x = leaf(POINT), leaf(POINT.T)
    before = weight.detach().numpy().copy()
    assert gradcheck(lambda *parameters: (weight @ x.detach()).tanh(), (weight,))
    assert np.array_equal(weight.detach().numpy(), before)


def test_low_precision_is_checked_in_float64() -> None:
    """A float32 input gets float64 differences, and its own gradient is compared with the float64 one."""
    assert gradcheck(lambda x: x.exp().sum(), leaf(POINT, np.float32), atol=1e-9, rtol=1e-9)

    def leaky(g: Any, x: Any) -> Any:
        return g * np.cos(x) * (1.01 if x.dtype == np.float32 else 1)

    with pytest.raises(failures.LowPrecisionError, match="float32"):
        gradcheck((np.sin, leaky), POINT.astype(np.float32))


def test_a_kink_is_named_and_is_no_wrong_gradient() -> None:
    """relu at 0 raises NotDifferentiable, with the entry and the slopes on both sides."""
    with pytest.raises(NotDifferentiable, match=r"at x\[0\] = 0.0: slope 0 from the left, 1 from the right"):
        gradcheck(lambda x: x.relu(), leaf([0.0, 1.0]))
    report = gradcheck(lambda x: x.relu(), leaf([0.0]), raise_exception=False)
    assert [finding.kind for finding in report.findings] == ["kink"]


def test_random_and_rounded_functions_are_named() -> None:
    """A function without a slope at all is no wrong gradient either."""
    generator = np.random.default_rng(0)
    with pytest.raises(NotDifferentiable, match=r"does not settle|jumps"):
        gradcheck(lambda x: x * generator.uniform(1, 2), leaf([1.0]))


def test_the_second_order_finds_a_constant_that_is_none() -> None:
    """A first derivative that was cut from the graph is right in first order and wrong in second."""
    cut = lambda x: x * x.detach() + x.detach() * (x - x.detach())
    with pytest.raises(WrongGradient):
        gradgradcheck(lambda x: cut(x) * x.detach(), leaf([1.0, 2.0]))
    with pytest.raises(GraphError, match="pair"):
        gradgradcheck((np.sin, lambda g, x: g * np.cos(x)), leaf([1.0]))


def test_without_anything_to_check_it_says_so() -> None:
    """No input that wants a gradient is an error, not a pass."""
    with pytest.raises(DtypeError, match="nothing to check"):
        gradcheck(lambda x: x, np.arange(3))


def test_pytorch_s_place_and_signature() -> None:
    """``autograd.gradcheck`` is there, takes PyTorch's keywords and returns something true."""
    assert autograd.gradcheck is gradcheck
    assert autograd.gradgradcheck is gradgradcheck
    assert gradcheck(
        autodiff.sin, (leaf(POINT),), eps=1e-6, atol=1e-4, rtol=1e-3, fast_mode=True, check_batched_grad=False
    )


def test_hypothesis_waits_until_it_is_used() -> None:
    """gradcheck needs NumPy only; with hypothesis's entry point, Tensors have a strategy."""
    light = "import sys; from autodiff.autograd import gradcheck; print('hypothesis' in sys.modules)"
    entry = (
        "from autodiff.testing import register; register(); import autodiff; from hypothesis import strategies as st;"
        "print('tensors' not in repr(st.from_type(autodiff.Tensor)))"
    )
    for code in (light, entry):
        answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert answer.stdout.strip() == "False", code


# --- diagnosis

JACOBIAN = np.array([[1.0, 2.0, 0.5], [3.0, 4.0, -1.0], [5.0, 6.0, 7.0], [0.3, 8.0, 9.0]])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda j: -j, "sign"),
        (lambda j: j / 3, "1/3"),
        (lambda j: 0 * j, "zero everywhere"),
        (lambda j: j[[0, 2, 1, 3]], "transposed"),
        (lambda j: j[[1, 0, 3, 2]], "axis 1"),
        (lambda j: j[[2, 3, 0, 1]], "axis 0"),
        (lambda j: j * (np.arange(3) == 0), "contributions are missing"),
        (lambda j: j + 1, "constant is added"),
        (lambda j: j * [[1], [1], [1], [1.5]], "only 1 of 4 entries of the input"),
        (lambda j: j * [1, 1, 1.5], "only the parts from 1 of 3 entries of the output"),
        (lambda j: np.repeat((j[:2] + j[2:]) / 2, 2, axis=0)[[0, 2, 1, 3]], "averaged over axis 0"),
    ],
)
def test_each_pattern_is_named(spoil: Any, words: str) -> None:
    """What turns the right Jacobian of a (2, 2) input into the wrong one is said in words."""
    assert words in pattern(spoil(JACOBIAN), JACOBIAN, (2, 2))


@pytest.mark.parametrize(
    "value", [POINT, POINT.astype(np.float32), np.array(2.5), np.zeros((0, 2)), (1, [np.inf, np.nan]), np.array([True])]
)
def test_code_makes_the_value_again(value: Any) -> None:
    """What a message shows can be pasted."""
    np.testing.assert_equal(eval(as_code(value), {"np": np}), value)


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


# --- gradient_test


def test_right_functions_pass() -> None:
    """The decorator takes functions of Tensors of all kinds: with kinks, ties, keywords, integers, several outputs."""
    gradient_test(real)(lambda x: x.relu())()
    gradient_test(real, real, order=2)(lambda x, y: np.maximum(x, y) * y)()
    gradient_test(distinct, kwargs=strategies.reduction_kwargs)(lambda x, dim, keepdim: x.amax(dim, keepdim))()
    gradient_test(real, integers(0, 1), shapes="3, n")(lambda x, i: x[i])()
    gradient_test(real, nonzero, ref=lambda x, y: (x / y, x + y))(lambda x, y: (x / y, x + y))()
    gradient_test(real, ref=np.sort, shapes="n")(lambda x: x[np.argsort(x.detach().numpy())])()


def row(name: str, *vjps: Any, forward: Any = np.multiply, **options: Any) -> Primitive:
    primitives.pop(name, None)
    made = Primitive(name, forward, *vjps, **options)
    primitives.pop(name)
    return made


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
    "sign": (failures.WrongGradient, row("b0", lambda g, out, x, y: -g * y, RIGHT[1], keeps="x y")),
    "value": (failures.ValueMismatch, row("b1", *RIGHT, keeps="x y", forward=lambda x, y: x * y + (x > 1))),
    "dtype": (failures.DtypeMismatch, row("b2", *RIGHT, keeps="x y", forward=lambda x, y: x * y * np.ones(()))),
    "cotangent changed": (GradcheckError, row("b3", changing, RIGHT[1], keeps="x y")),
    "not linear": (failures.LinearityError, row("b4", lambda g, out, x, y: g * g * y, RIGHT[1], keeps="x y")),
    "low precision": (failures.LowPrecisionError, row("b5", inexact, RIGHT[1], keeps="x y")),
    "second order": (failures.SecondOrderError, row("b6", cut, RIGHT[1], keeps="x y")),
    "not finite": (failures.NonFiniteGradient, row("b7", lambda g, out, x, y: g * y * (y / y), RIGHT[1], keeps="x y")),
    "shape": ((ValueError, GradcheckError), row("b8", lambda g, out, x, y: g[..., None] * y, RIGHT[1], keeps="x y")),
    "not saved": (TypeError, row("b9", *RIGHT, keeps=("y", ""))),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_each_kind_of_bug_is_found_by_its_check(bug: str) -> None:
    """A row with one planted bug fails, with the exception class of the check that is made for it."""
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
    wrong = row("m0", lambda g, out, x, y: g * y, lambda g, out, x, y: -g * x, keeps="x y")

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
    made: list[str] = []
    for name, check in [item for group in GROUPS for item in group.items()]:
        watched = lambda call, name=name, check=check: (call.kwargs["scale"] == 3.0 and made.append(name), check(call))
        monkeypatch.setitem(next(group for group in GROUPS if name in group), name, watched)

    @example(case([1.0, 2.0], scale=3.0))
    @gradient_test(real, kwargs={"scale": 2.0}, max_examples=5)
    def test_scaled(x: Any, scale: float) -> Any:
        seen.append((x.detach().numpy().tolist(), scale))
        return x * scale

    test_scaled()
    assert seen[0] == ([1.0, 2.0], 3.0)
    assert sorted(made) == sorted(ALL - {"empty"})  # that one is for inputs without entries


def test_checks_can_be_left_out() -> None:
    """``checks=ALL - {...}``; a name that is none is refused."""
    leaky = lambda x: x * autodiff.from_numpy(np.ones(()))  # of two 0-d inputs the wider dtype wins
    scaled = row("c0", lambda g, out, x: g * 2.0, forward=lambda x: x * np.float64(2))
    with pytest.raises(failures.DtypeMismatch):
        gradient_test(real)(lambda x: scaled(x))()
    gradient_test(real, checks=ALL - {"low precision"})(lambda x: scaled(x))()
    with pytest.raises(failures.DtypeMismatch, match=r"case\(np.array\(1.0\)\)"):
        gradient_test(real)(leaky)()
    with pytest.raises(ShapeError, match="no check colour"):
        gradient_test(real, checks={"colour"})
    assert {name for group in GROUPS for name in group} == ALL


def test_a_kink_with_a_gradient_outside_its_slopes_is_named_as_a_kink() -> None:
    """A gradient at a kink that is no slope in between is reported, but as what it is."""

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
