"""The table of kinks: where an operation has no single derivative, all its spellings give the one that was chosen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff import Tensor, grad, tensor
from nn import functional

Spelling = Callable[..., Any]


def layers(**spellings: Spelling) -> dict[str, Spelling]:
    """Spellings by functions of nn.functional."""
    return {f"F.{name}": f for name, f in spellings.items()}


def gradients(function: Spelling, *values: Any, dtype: Any = autodiff.float64) -> list[list[float]]:
    inputs = [tensor(v, dtype=dtype, requires_grad=True) for v in values]
    with np.errstate(all="ignore"):
        out = function(*inputs)
        found = grad(out.sum(), inputs, allow_unused=True)
    return [g.tolist() if g is not None else [0.0] * len(x) for g, x in zip(found, inputs, strict=True)]


# operation: (spellings, points for each input, gradients of the sum for each input)
INF, H = math.inf, 0.5
KINKS: dict[str, tuple[dict[str, Spelling], list[list[float]], list[list[float]]]] = {
    "relu at 0": (
        {"function": autodiff.relu, "method": lambda x: x.relu(),
         "in place": lambda x: (x * 1).relu_()} | layers(relu=lambda x: functional.relu(x)),
        [[-1.0, 0.0, -0.0, 2.0]], [[0, 0, 0, 1]],
    ),
    "abs at 0": (
        {"operator": abs, "function": autodiff.abs, "absolute": autodiff.absolute, "method": lambda x: x.abs(),
         "in place": lambda x: (x * 1).abs_(),
         "np.abs": np.abs, "np.absolute": np.absolute}
        | layers(l1_loss=lambda x: functional.l1_loss(x, autodiff.zeros(3, dtype=x.dtype), reduction="none")),
        [[-1.0, 0.0, 2.0]], [[-1, 0, 1]],
    ),
    "sign": (
        {"function": autodiff.sign, "method": lambda x: x.sign(),
         "in place": lambda x: (x * 1).sign_(), "np.sign": np.sign},
        [[-1.0, 0.0, 2.0]], [[0, 0, 0]],
    ),
    "maximum at a tie": (
        {"function": autodiff.maximum, "method": lambda x, y: x.maximum(y), "np.maximum": np.maximum,
         "max of two": autodiff.max, "max method of two": lambda x, y: x.max(y)},
        [[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]], [[0, H, 1], [1, H, 0]],
    ),
    "minimum at a tie": (
        {"function": autodiff.minimum, "method": lambda x, y: x.minimum(y), "np.minimum": np.minimum,
         "min of two": autodiff.min, "min method of two": lambda x, y: x.min(y)},
        [[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]], [[1, H, 0], [0, H, 1]],
    ),
    "max over equal winners": (
        {"function": autodiff.max, "method": lambda x: x.max(), "amax": autodiff.amax, "amax of 0": lambda x: x.amax(0),
         "np.max": np.max, "np.amax": np.amax, "np.max axis": lambda x: np.max(x, axis=0),
         "np.maximum.reduce": np.maximum.reduce},
        [[3.0, 1.0, 3.0]], [[H, 0, H]],
    ),
    "min over equal winners": (
        {"function": autodiff.min, "method": lambda x: x.min(), "amin": autodiff.amin, "np.min": np.min,
         "np.minimum.reduce": np.minimum.reduce},
        [[1.0, 3.0, 1.0]], [[H, 0, H]],
    ),
    "max with indices": (
        {"function": lambda x: autodiff.max(x, 0).values, "method": lambda x: x.max(dim=0)[0],
         "axis": lambda x: x.max(axis=0).values},
        [[3.0, 1.0, 3.0]], [[1, 0, 0]],
    ),
    "min with indices": (
        {"function": lambda x: autodiff.min(x, 0).values, "method": lambda x: x.min(-1)[0]},
        [[1.0, 3.0, 1.0]], [[1, 0, 0]],
    ),
    "clamp at a bound": (
        {"function": lambda x: autodiff.clamp(x, -1, 1), "clip": lambda x: autodiff.clip(x, -1.0, 1.0),
         "method": lambda x: x.clamp(-1, 1),
         "in place": lambda x: (x * 1).clamp_(-1, 1), "np.clip": lambda x: np.clip(x, -1, 1),
         "tensors": lambda x: x.clamp(tensor(-1.0), tensor(1.0)),
         "one by one": lambda x: x.clamp(min=-1).clamp(max=1)},
        [[-2.0, -1.0, 0.0, 1.0, 2.0]], [[0, 1, 1, 1, 0]],
    ),
    "hardtanh and relu6 at a bound, as relu": (
        layers(hardtanh=lambda x: functional.hardtanh(x), relu6=lambda x: functional.relu6(3 * x + 3) / 3),
        [[-2.0, -1.0, 0.0, 1.0, 2.0]], [[0, 0, 1, 0, 0]],
    ),
    "std of a constant": (
        {"function": autodiff.std, "method": lambda x: x.std(), "of 0": lambda x: x.std(0, correction=0),
         "np.std": np.std},
        [[2.0, 2.0, 2.0]], [[0, 0, 0]],
    ),
    "var of a constant": (
        {"function": autodiff.var, "method": lambda x: x.var(0), "np.var": np.var},
        [[2.0, 2.0, 2.0]], [[0, 0, 0]],
    ),
    "sqrt at 0": (
        {"function": autodiff.sqrt, "method": lambda x: x.sqrt(),
         "in place": lambda x: (x * 1).sqrt_(), "np.sqrt": np.sqrt, "power": lambda x: x**0.5,
         "np.power": lambda x: np.power(x, 0.5), "pow": lambda x: autodiff.pow(x, 0.5)},
        [[0.0, 4.0]], [[INF, 0.25]],
    ),
    "log at 0": (
        {"function": autodiff.log, "method": lambda x: x.log(), "in place": lambda x: (x * 1).log_(), "np.log": np.log},
        [[0.0, 4.0]], [[INF, 0.25]],
    ),
    "log1p at -1": (
        {"function": autodiff.log1p, "method": lambda x: x.log1p(),
         "in place": lambda x: (x * 1).log1p_(), "np.log1p": np.log1p},
        [[-1.0, 1.0]], [[INF, 0.5]],
    ),
    "power 0 of 0": (
        {"operator": lambda x: x**0,
         "in place": lambda x: (x * 1).pow_(0), "float": lambda x: x**0.0, "function": lambda x: autodiff.pow(x, 0),
         "np.power": lambda x: np.power(x, 0), "tensor": lambda x: x ** tensor(0.0)},
        [[0.0, 2.0]], [[0, 0]],
    ),
    "power 1 and 2 of 0": (
        {"operator": lambda x: x**1 + x**2, "tensor": lambda x: x ** tensor(1.0) + x ** tensor(2.0),
         "square": lambda x: x + x.square(), "np.square": lambda x: x + np.square(x)},
        [[0.0, -2.0]], [[1, -3]],
    ),
    "exponent at base 0": (
        {"operator": lambda y: 0.0**y, "tensor": lambda y: tensor([0.0, 0.0], dtype=y.dtype) ** y},
        [[1.0, 2.0]], [[0, 0]],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kink", "spelling"), [(k, s) for k, (spellings, *_) in KINKS.items() for s in spellings])
def test_every_spelling_has_the_gradient_of_the_table(kink: str, spelling: str) -> None:
    """At a kink, operator, method, function, NumPy's name and layer give the one gradient that the table names."""
    spellings, points, expected = KINKS[kink]
    for dtype in (autodiff.float64, autodiff.float32):
        assert gradients(spellings[spelling], *points, dtype=dtype) == expected


POLES: dict[str, Spelling] = {
    "sqrt": autodiff.sqrt,
    "log": autodiff.log,
    "power": lambda x: x**0.5,
    "negative power": lambda x: x**-1.0,
    "tensor power": lambda x: x ** tensor(0.5),
    "tensor exponent": lambda x: x ** (x * 0 + 0.5),
    "reciprocal": lambda x: 1 / x,
    "quotient": lambda x: x / x,
    "log1p": lambda x: autodiff.log1p(x - 1),
    "np.sqrt": np.sqrt,
    "chain": lambda x: autodiff.log(autodiff.sqrt(x)),
}
SELECTIONS: dict[str, Callable[[Spelling, Tensor], Tensor]] = {
    "where outside": lambda f, x: autodiff.where(x > 0, f(x), 0.0),
    "np.where outside": lambda f, x: np.where(x > 0, f(x), 0.0),
    "where other side": lambda f, x: autodiff.where(x <= 0, tensor(0.0), f(x)),
    "where inside": lambda f, x: f(autodiff.where(x > 0, x, 0.0)),
    "mask": lambda f, x: f(x)[x > 0],
    "masked_select": lambda f, x: autodiff.masked_select(f(x), x > 0),
    "masked_fill": lambda f, x: f(x).masked_fill(x <= 0, 0.0),
    "masked_fill_": lambda f, x: (f(x) * 1).masked_fill_(x <= 0, 0.0),
    "where method": lambda f, x: f(x).where(x > 0, tensor(0.0)),
    "item assignment": lambda f, x: _assigned(f(x) * 1, x <= 0),
    "index_fill": lambda f, x: f(x).index_fill(0, tensor([0]), 0.0),
    "scatter": lambda f, x: f(x).scatter(0, tensor([0]), 0.0),
    "index_select": lambda f, x: autodiff.cat([x[:1] * 0, autodiff.index_select(f(x), 0, tensor([1]))]),
    "multiplied": lambda f, x: autodiff.where(x > 0, f(x) * 3.0 + 1, x * 0.0),
}


def _assigned(x: Tensor, mask: Tensor) -> Tensor:
    x[mask] = 0.0
    return x


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("pole", POLES)
def test_nothing_reaches_the_side_that_where_does_not_take(pole: str, selection: str) -> None:
    """At a pole on the side not taken the gradient is 0, not NaN, and the side taken has its own."""
    (got,) = gradients(lambda x: SELECTIONS[selection](POLES[pole], x), [0.0, 4.0])
    (alone,) = gradients(POLES[pole], [4.0])
    factor = 3 if selection == "multiplied" else 1
    assert got[0] == 0
    assert got[1] == pytest.approx(factor * alone[0], rel=1e-12)


@pytest.mark.parametrize("gate", [
    autodiff.relu, lambda x: autodiff.clamp(x, min=0.0), lambda x: autodiff.maximum(x, autodiff.zeros(2)),
    lambda x: -autodiff.minimum(-x, autodiff.zeros(2)), lambda x: x.clamp(tensor(0.0), tensor(9.0)),
])  # fmt: skip
def test_a_pole_does_not_come_back_through_a_closed_gate(gate: Spelling) -> None:
    """sqrt at 0 sends inf back; relu, clamp, maximum and minimum let none of it to what they cut off."""
    (got,) = gradients(lambda x: autodiff.sqrt(gate(x)), [-1.0, 4.0])
    assert got == [0, 0.25]


STABLE: dict[str, tuple[Spelling, list[float], list[float]]] = {
    "logsumexp": (lambda x: autodiff.logsumexp(x, 0), [1e4, -1e4, 1e4], [H, 0, H]),
    "logsumexp far below": (lambda x: autodiff.logsumexp(x, 0), [-1e4, -1e4], [H, H]),
    "softmax": (lambda x: autodiff.softmax(x, 0)[0], [1e4, -1e4, 0.0], [0, 0, 0]),
    "log_softmax": (lambda x: autodiff.log_softmax(x, 0)[1], [1e4, -1e4], [-1, 1]),
    "sigmoid": (autodiff.sigmoid, [1e4, -1e4, 0.0], [0, 0, 0.25]),
    "tanh": (autodiff.tanh, [1e4, -1e4, 0.0], [0, 0, 1]),
    "softplus": (functional.softplus, [1e4, -1e4, 0.0], [1, 0, H]),
    "logsigmoid": (functional.logsigmoid, [1e4, -1e4, 0.0], [0, 1, H]),
    "cross_entropy": (lambda x: functional.cross_entropy(x[None], tensor([1])), [1e4, -1e4], [1, -1]),
    "binary_cross_entropy_with_logits": (
        lambda x: functional.binary_cross_entropy_with_logits(x, autodiff.ones(2), reduction="sum"),
        [1e4, -1e4], [0, -1]),
}  # fmt: skip


@pytest.mark.parametrize("name", STABLE)
def test_saturated_functions_stay_finite_and_exact(name: str) -> None:
    """Up to +-1e4 in float32 there is no overflow and no warning, and the gradient is exact."""
    function, points, expected = STABLE[name]
    x = tensor(points, requires_grad=True)
    out = function(x).sum()
    out.backward()
    assert np.isfinite(out.item())
    assert x.grad.tolist() == expected
