"""First and second slopes of functions that level off, and what functions with kinks do with NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
import nn.functional as F
from autodiff import grad, special, tensor

mp = pytest.importorskip("mpmath")

POINTS = [s * m * 10.0**k for k in range(-8, 3) for m in (1, 2.3, 5.1) for s in (1, -1)]
INSIDE = [x for x in POINTS if abs(x) < 1]
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


def _elu(order: int, alpha: float = 1.0, scale: float = 1.0) -> Callable[[Any], Any]:
    above = (lambda x: x, lambda x: mp.mpf(1), lambda x: mp.mpf(0))[order]
    return lambda x: scale * (above(x) if x > 0 else alpha * (mp.exp(x) if order else mp.expm1(x)))


def _logistic(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _product(x: Any) -> Any:
    return _logistic(x) * _logistic(-x)


CASES: dict[str, tuple[Callable[[Any], Any], tuple[Callable[[Any], Any], ...], list[float]]] = {
    "elu": (F.elu, tuple(_elu(n) for n in range(3)), POINTS),
    "celu": (F.celu, tuple(_elu(n) for n in range(3)), POINTS),
    "selu": (F.selu, tuple(_elu(n, ALPHA, SCALE) for n in range(3)), POINTS),
    "expm1": (autodiff.expm1, (mp.expm1, mp.exp, mp.exp), [x for x in POINTS if x < 80]),
    "logsigmoid": (
        F.logsigmoid,
        (lambda x: -mp.log1p(mp.exp(-x)), lambda x: _logistic(-x), lambda x: -_product(x)),
        POINTS,
    ),
    "softplus": (
        lambda x: F.softplus(x, threshold=math.inf),
        (lambda x: mp.log1p(mp.exp(x)), _logistic, _product),
        POINTS,
    ),
    "logaddexp": (
        lambda x: autodiff.logaddexp(x, autodiff.zeros_like(x)),
        (lambda x: mp.log1p(mp.exp(x)), _logistic, _product),
        POINTS,
    ),
    "softsign": (
        F.softsign,
        (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2, lambda x: -2 * mp.sign(x) / (1 + abs(x)) ** 3),
        [*POINTS, 1e8, -1e8],
    ),
    "asin": (
        autodiff.asin,
        (mp.asin, lambda x: 1 / mp.sqrt(1 - x * x), lambda x: x / (1 - x * x) ** mp.mpf(1.5)),
        [*INSIDE, 0.999999],
    ),
    "logit": (
        autodiff.logit,
        (lambda x: mp.log(x / (1 - x)), lambda x: 1 / (x - x * x), lambda x: (2 * x - 1) / (x - x * x) ** 2),
        [x for x in INSIDE if x > 0],
    ),
    "acos": (
        autodiff.acos,
        (mp.acos, lambda x: -1 / mp.sqrt(1 - x * x), lambda x: -x / (1 - x * x) ** mp.mpf(1.5)),
        [*INSIDE, 0.999999],
    ),
    "atanh": (
        autodiff.atanh,
        (mp.atanh, lambda x: 1 / (1 - x * x), lambda x: 2 * x / (1 - x * x) ** 2),
        [*INSIDE, 0.999999],
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_values_and_two_slopes(name: str, dtype: Any) -> None:
    """Each is right to eight units in the last place, also where the function itself has rounded to its limit."""
    function, exact, given = CASES[name]
    info = np.finfo(dtype)
    points = np.array(given).astype(dtype)
    points = points[np.abs(points) < info.max]
    x = tensor(points, requires_grad=True)
    found = function(x)
    for order in range(3):
        with mp.workdps(400):
            wanted = np.array([float(exact[order](mp.mpf(float(v)))) for v in points])
        inside = (np.abs(wanted) < info.max) & (np.abs(wanted) > info.tiny)
        values = found.detach().numpy().astype(np.float64)
        np.testing.assert_allclose(values[inside], wanted[inside], rtol=8 * float(info.eps), err_msg=str(order))
        if order < 2:
            (found,) = grad(found, x, autodiff.ones_like(found), create_graph=True)


def test_slopes_at_the_ends_of_the_domain() -> None:
    """At a pole the slope is infinite, of its sign."""
    for function, points, first, second in (
        (autodiff.acosh, [1.0], [math.inf], [-math.inf]),
        (autodiff.asin, [1.0, -1.0], [math.inf, math.inf], [math.inf, -math.inf]),
        (autodiff.acos, [1.0, -1.0], [-math.inf, -math.inf], [-math.inf, math.inf]),
        (autodiff.logit, [0.0], [math.inf], [-math.inf]),
    ):
        x = tensor(points, requires_grad=True)
        with np.errstate(all="ignore"):
            out = function(x)
        slope = grad(out, x, autodiff.ones_like(x), create_graph=True)[0]
        assert slope.tolist() == first
        if function is not autodiff.logit:  # PyTorch's second slope of logit is NaN there, as the product's is
            assert grad(slope, x, autodiff.ones_like(x))[0].tolist() == second


NAN = math.nan
# For each function its value and slope at NaN, by PyTorch 2.13.
KINKS: dict[str, tuple[Callable[[Any], Any], float, float]] = {
    "relu": (F.relu, NAN, 1),
    "relu6": (F.relu6, NAN, 0),
    "elu": (F.elu, NAN, 1),
    "celu": (F.celu, NAN, 1),
    "selu": (F.selu, NAN, SCALE),
    "hardtanh": (F.hardtanh, NAN, 0),
    "hardsigmoid": (F.hardsigmoid, NAN, 0),
    "hardswish": (F.hardswish, NAN, 1),
    "hardshrink": (F.hardshrink, NAN, 0),
    "softshrink": (F.softshrink, NAN, 0),
    "leaky_relu": (F.leaky_relu, NAN, 0.01),
    "softplus": (F.softplus, NAN, NAN),
    "abs": (autodiff.abs, NAN, 0),
    "maximum": (lambda x: autodiff.maximum(x, autodiff.zeros_like(x)), NAN, 1),
    "minimum": (lambda x: autodiff.minimum(x, autodiff.zeros_like(x)), NAN, 1),
    "l1_loss": (lambda x: F.l1_loss(x, autodiff.zeros_like(x)), NAN, 0),
}


@pytest.mark.parametrize("name", KINKS)
def test_nan(name: str) -> None:
    """NaN comes out as NaN, and its slope is PyTorch's."""
    function, value, slope = KINKS[name]
    x = tensor([NAN], requires_grad=True)
    out = function(x)
    np.testing.assert_array_equal(out.detach().numpy().reshape(-1), [value])
    np.testing.assert_allclose(grad(out.sum(), x)[0].numpy(), [slope], rtol=1e-6)


@pytest.mark.parametrize("reduce", [autodiff.max, autodiff.min, autodiff.median, autodiff.amax, autodiff.amin])
def test_an_extreme_that_is_nan_sends_its_gradient_to_nan(reduce: Callable[[Any], Any]) -> None:
    """The entries that are NaN share it."""
    x = tensor([1.0, NAN, 3.0, NAN], requires_grad=True)
    out = reduce(x)
    assert math.isnan(out.item())
    assert grad(out, x)[0].tolist() == [0, 0.5, 0, 0.5]


def test_softplus_is_linear_beyond_its_threshold() -> None:
    """Above ``threshold`` beta x counts as its own softplus."""
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    out = F.softplus(x, beta=2.0, threshold=4.0)
    smooth, slopes = [math.log1p(math.exp(y)) / 2 for y in (2, 4)], [1 / (1 + math.exp(-y)) for y in (2, 4)]
    np.testing.assert_allclose(out.detach().numpy(), [*smooth, 3], rtol=1e-6)
    np.testing.assert_allclose(grad(out.sum(), x)[0].numpy(), [*slopes, 1], rtol=1e-6)
    x = tensor([19.0, 21.0], dtype=autodiff.float64)
    np.testing.assert_array_equal(F.softplus(x).numpy(), [19 + math.log1p(math.exp(-19)), 21])


def test_kl_div_of_what_is_no_probability() -> None:
    """Below 0 the divergence is NaN; at 0 it is 0."""
    target = tensor([-0.5, 0.0, 0.5, NAN])
    found = F.kl_div(tensor([-1.0, -2.0, -3.0, -1.0]), target, reduction="none").numpy()
    np.testing.assert_allclose(found, [NAN, 0, 0.5 * math.log(0.5) + 1.5, NAN], rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, -7.0, 1e8, -1e20])
def test_histc_of_a_constant(value: float) -> None:
    """All entries fall into the bin in the middle, however large they are."""
    assert autodiff.histc(tensor([value] * 4), 5).tolist() == [0, 0, 4, 0, 0]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("function", [special.entr, autodiff.logit])
def test_beyond_the_domain_the_slope_is_nan(function: Any) -> None:
    """As the value of logit is; the slopes inside have their own numbers, where NaN stands beside them, too."""
    x = autodiff.tensor([-1.0, 0.25, -0.5], dtype=autodiff.float64, requires_grad=True)
    function(x).sum().backward()
    inside = autodiff.tensor([0.25], dtype=autodiff.float64, requires_grad=True)
    function(inside).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [np.nan, inside.grad.item(), np.nan])
