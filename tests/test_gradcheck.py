"""gradcheck, tested: numeric slopes and their errors, wrong gradients found and named, kinks that are no bugs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import leaf

import autodiff
from autodiff import autograd
from autodiff.errors import DtypeError, GraphError
from autodiff.testing import NotDifferentiable, WrongGradient, failures, gradcheck, gradgradcheck
from autodiff.testing.diagnosis import as_code, pattern
from autodiff.testing.numeric import refined, sides, slope

ROOT = Path(__file__).resolve().parent.parent
POINT = np.array([[0.3, -1.2, 2.0], [0.7, 0.1, -0.4]])

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
    assert gradcheck(lambda x: x.exp().sum(), leaf(POINT, dtype=np.float32), atol=1e-9, rtol=1e-9)

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
