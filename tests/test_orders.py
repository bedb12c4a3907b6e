"""Derivatives of order one to four: what the rules give is what calculus gives, by nested transforms and by the tape.

The closed forms are written by hand, with the recurrences of calculus and without a rule of the library.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
import nn.functional as F
from autodiff import func, grad, tensor

Function = Callable[..., Any]
Forms = Callable[[Any], list[Any]]
ORDERS = 4


def by_transforms(function: Function, x: Any) -> list[float]:
    """The derivatives of a function of a number, by ``grad`` of ``grad`` of ..."""
    found = []
    for _ in range(ORDERS):
        function = func.grad(function)
        found.append(function(np.array(x)).item())
    return found


def by_the_tape(function: Function, x: Any) -> list[float]:
    """The same, each from the recorded walk that gave the one before; what no longer depends on x has the slope 0."""
    point = tensor(np.array(x), requires_grad=True)
    value: Any = function(point)
    found: list[float] = []
    while len(found) < ORDERS and value.requires_grad:
        (value,) = grad(value, point, create_graph=True)
        found.append(value.item())
    return found + [0.0] * (ORDERS - len(found))


WAYS = {"transforms": by_transforms, "tape": by_the_tape}


# --- closed forms ---------------------------------------------------------------------------------------------------


def powers(x: float, p: float) -> list[float]:
    """Of x**p: p (p - 1) ... (p - k + 1) x**(p - k)."""
    return [math.prod(p - i for i in range(k)) * x ** (p - k) for k in range(1, ORDERS + 1)]


def composed(outer: list[float], inner: list[float]) -> list[float]:
    """Of f(g(x)) from the derivatives of f at g(x) and of g at x (Faa di Bruno, 1857)."""
    (f1, f2, f3, f4), (g1, g2, g3, g4) = outer, inner
    return [
        f1 * g1,
        f2 * g1**2 + f1 * g2,
        f3 * g1**3 + 3 * f2 * g1 * g2 + f1 * g3,
        f4 * g1**4 + 6 * f3 * g1**2 * g2 + f2 * (3 * g2**2 + 4 * g1 * g3) + f1 * g4,
    ]


def product(f: list[float], g: list[float]) -> list[float]:
    """Of f g, from value and derivatives of each (Leibniz)."""
    return [sum(math.comb(k, i) * f[i] * g[k - i] for i in range(k + 1)) for k in range(1, ORDERS + 1)]


def sines(x: float, shift: int = 0) -> list[float]:
    """Value and derivatives of sin (of cos, with shift 1): each a quarter turn further."""
    return [(math.sin(x), math.cos(x), -math.sin(x), -math.cos(x))[(k + shift) % 4] for k in range(ORDERS + 1)]


def in_tanh(t: float) -> list[float]:
    """Of tanh, in powers of t = tanh x: t' = 1 - t^2."""
    s = 1 - t * t
    return [s, -2 * t * s, s * (6 * t * t - 2), s * (16 * t - 24 * t**3)]


def quotients(x: float) -> list[float]:
    """Of 1 / (1 + x^2) = f: (1 + x^2) f_k = -2 k x f_(k-1) - k (k - 1) f_(k-2)."""
    f = [1 / (1 + x * x)]
    for k in range(1, ORDERS + 1):
        f.append((-2 * k * x * f[k - 1] - (k * (k - 1) * f[k - 2] if k > 1 else 0)) / (1 + x * x))
    return f[1:]


def bells(x: float) -> list[float]:
    """Of exp(-x^2 / 2): (-1)^k He_k(x) exp(-x^2 / 2), He_k the Hermite polynomials."""
    e = math.exp(-x * x / 2)
    return [-x * e, (x * x - 1) * e, -(x**3 - 3 * x) * e, (x**4 - 6 * x * x + 3) * e]


def logs(x: float) -> list[float]:
    """Of log: (-1)^(k - 1) (k - 1)! / x^k."""
    return [1 / x, -1 / x**2, 2 / x**3, -6 / x**4]


SMALL, ANY, POSITIVE = (-0.7, 0.3, 0.85), (-2.2, -0.4, 0.35, 1.3, 2.6), (0.2, 0.9, 1.7, 3.1)

# name: the function, its derivatives of order one to four, where
SCALARS: dict[str, tuple[Function, Forms, tuple[float, ...]]] = {
    "sin": (np.sin, lambda x: sines(x)[1:], ANY),
    "cos": (np.cos, lambda x: sines(x, 1)[1:], ANY),
    "exp": (np.exp, lambda x: [math.exp(x)] * 4, ANY),
    "expm1 of 2 x": (lambda x: np.expm1(2 * x), lambda x: [2**k * math.exp(2 * x) for k in range(1, 5)], ANY),
    "log": (np.log, logs, POSITIVE),
    "log1p": (np.log1p, lambda x: logs(1 + x), SMALL),
    "sqrt": (np.sqrt, lambda x: powers(x, 0.5), POSITIVE),
    "tanh": (np.tanh, lambda x: in_tanh(math.tanh(x)), ANY),
    "square": (np.square, lambda x: [2 * x, 2, 0, 0], ANY),
    "x**7": (lambda x: x**7, lambda x: powers(x, 7), ANY),
    "x**-1.5": (lambda x: x**-1.5, lambda x: powers(x, -1.5), POSITIVE),
    "x*x*x": (lambda x: x * x * x, lambda x: [3 * x * x, 6 * x, 6, 0], ANY),
    "2**x": (lambda x: 2.0**x, lambda x: [math.log(2) ** k * 2**x for k in range(1, 5)], ANY),
    "x**x": (lambda x: x**x, lambda x: composed([x**x] * 4, [math.log(x) + 1, 1 / x, -1 / x**2, 2 / x**3]), POSITIVE),
    "1/x": (lambda x: 1 / x, lambda x: powers(x, -1), ANY),
    "1/(1 + x^2)": (lambda x: 1 / (1 + x * x), quotients, ANY),
    "(1 + x)/(1 - x)": (
        lambda x: (1 + x) / (1 - x),
        lambda x: [2 * math.factorial(k) / (1 - x) ** (k + 1) for k in range(1, 5)], SMALL),
    "the sigmoid": (
        lambda x: 1 / (1 + np.exp(-x)),
        lambda x: [d / 2 ** (k + 1) for k, d in enumerate(in_tanh(math.tanh(x / 2)), 1)], ANY),
    "the bell": (lambda x: np.exp(-x * x / 2), bells, ANY),
    "arctan": (np.arctan, lambda x: [1 / (1 + x * x), *quotients(x)[:3]], ANY),
    "tan": (np.tan, lambda x: [1 + math.tan(x) ** 2, *_tangents(math.tan(x))], SMALL),
    "x^4 sin x": (
        lambda x: x**4 * np.sin(x), lambda x: product([x**4, *powers(x, 4)], sines(x)), ANY),
    "exp(x) cos x": (
        lambda x: np.exp(x) * np.cos(x), lambda x: product([math.exp(x)] * 5, sines(x, 1)), ANY),
    "exp of sin": (lambda x: np.exp(np.sin(x)), lambda x: composed([math.exp(math.sin(x))] * 4, sines(x)[1:]), ANY),
    "tanh of log": (
        lambda x: np.tanh(np.log(x)), lambda x: composed(in_tanh(math.tanh(math.log(x))), logs(x)), POSITIVE),
    "sqrt of 2 + sin": (
        lambda x: np.sqrt(2 + np.sin(x)), lambda x: composed(powers(2 + math.sin(x), 0.5), sines(x)[1:]), ANY),
}  # fmt: skip


def _tangents(t: float) -> list[float]:
    """Orders two to four of tan, in powers of t = tan x: t' = 1 + t^2."""
    s = 1 + t * t
    return [2 * t * s, s * (6 * t * t + 2), s * (24 * t**3 + 16 * t)]


def agree(found: list[float], expected: list[float]) -> None:
    """Each to 1e-10 of itself, and to as much of the largest where it is zero, or nearly so."""
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13 * max(map(abs, expected)))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SCALARS)
def test_orders_one_to_four_of_a_function_of_a_number(name: str, way: str) -> None:
    """At each point the four derivatives are those of the closed form, to 1e-10."""
    function, forms, points = SCALARS[name]
    for x in points:
        agree(WAYS[way](function, x), forms(x))


# --- through vectors --------------------------------------------------------------------------------------------------

A, B = np.array([0.5, -1.25, 2.0, 0.75]), np.array([1.5, 0.25, -0.5, 1.0])

VECTORS: dict[str, tuple[Function, Forms]] = {
    "sum of sines": (
        lambda t: np.sum(np.sin(A * t)), lambda t: [sum(a**k * sines(a * t)[k] for a in A) for k in range(1, 5)]),
    "dot of exponentials": (
        lambda t: np.dot(np.exp(A * t), np.exp(B * t)),
        lambda t: [sum((a + b) ** k * math.exp((a + b) * t) for a, b in zip(A, B, strict=True)) for k in range(1, 5)]),
    "dot with itself": (
        lambda t: np.dot(A + B * t, A + B * t), lambda t: [2 * sum(A * B) + 2 * t * sum(B * B), 2 * sum(B * B), 0, 0]),
    "log of a sum": (
        lambda t: np.log(np.sum(np.exp(A * t))),
        lambda t: composed(
            logs(sum(np.exp(A * t))), [float(sum(A**k * np.exp(A * t))) for k in range(1, 5)])),
    "length": (
        lambda t: np.sqrt(np.sum((A + B * t) ** 2)),
        lambda t: composed(powers(sum((A + B * t) ** 2), 0.5), [2 * sum((A + B * t) * B), 2 * sum(B * B), 0, 0])),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", VECTORS)
def test_orders_one_to_four_through_vectors(name: str, way: str) -> None:
    """A number spread over a vector and summed or multiplied up again: the same law, through broadcasting."""
    function, forms = VECTORS[name]
    for t in (-0.6, 0.2, 0.9):
        agree(WAYS[way](function, t), forms(t))


@pytest.mark.parametrize("points", [B, np.array([0.3, 0.7, -1.1])])
def test_orders_one_to_four_of_every_entry(points: Any) -> None:
    """The sum over a vector has each entry's own derivatives, for all entries in one walk for each order."""
    x = tensor(points, requires_grad=True)
    value, expected = np.exp(np.sin(x)), [composed([math.exp(math.sin(p))] * 4, sines(p)[1:]) for p in points]
    for order in range(ORDERS):
        (value,) = grad(value.sum(), x, create_graph=True)
        np.testing.assert_allclose(value.detach(), [each[order] for each in expected], rtol=1e-10)


@pytest.mark.parametrize("size", [1, 3])
def test_mixed_derivatives_of_a_dot_product(size: int) -> None:
    """Of exp(x . y), differentiated along u in x and along v in y, twice each, in any order of the four."""
    x, y, u, v = (z[:size] for z in (A, B, np.array([0.3, -0.2, 0.7]), np.array([-0.4, 0.9, 0.1])))
    s, uy, xv, uv = x @ y, u @ y, x @ v, u @ v
    expected = math.exp(s) * (uy**2 * xv**2 + 4 * uy * xv * uv + 2 * uv**2)
    for turns in ("uuvv", "uvuv", "vuuv", "vvuu"):
        at = {"u": tensor(0.0, dtype=autodiff.float64, requires_grad=True),
              "v": tensor(0.0, dtype=autodiff.float64, requires_grad=True)}  # fmt: skip
        value = np.exp(np.dot(x + at["u"] * u, y + at["v"] * v))
        for turn in turns:
            (value,) = grad(value, at[turn], create_graph=True)
        np.testing.assert_allclose(value.item(), expected, rtol=1e-10)


# --- polynomials, which end -------------------------------------------------------------------------------------------

M, N = np.array([[0.5, -1.0, 0.25], [1.5, 0.75, -0.5], [-0.25, 2.0, 1.0]]), np.eye(3) - 0.5
IMAGE, OTHER = np.sin(np.arange(100.0)).reshape(2, 1, 2, 5, 5)
MASK = np.cos(np.arange(36.0)).reshape(2, 2, 3, 3)
CHANGE = np.sin(2.0 * np.arange(36.0)).reshape(2, 2, 3, 3)


def convolved(image: Any, mask: Any) -> Any:
    """The convolution by its definition: a sum over the places in the window."""
    rows, columns = image.shape[2] - mask.shape[2] + 1, image.shape[3] - mask.shape[3] + 1
    return sum(
        np.einsum("bchw,oc->bohw", image[:, :, i : i + rows, j : j + columns], mask[:, :, i, j])
        for i in range(mask.shape[2])
        for j in range(mask.shape[3])
    )


def polynomial(coefficients: list[float], t: float) -> list[float]:
    """The derivatives of sum c_k t^k, which are zero beyond its degree."""
    found = []
    for _ in range(ORDERS):
        coefficients = [k * c for k, c in enumerate(coefficients)][1:]
        found.append(float(sum(c * t**k for k, c in enumerate(coefficients))))
    return found


def _quadratic() -> list[float]:
    """Of (M + t N) (M + t N), all entries added."""
    return [float((M @ M).sum()), float((M @ N + N @ M).sum()), float((N @ N).sum())]


def _cubic() -> list[float]:
    """Of (M + t N)^3, all entries added: the products of three, by how often N stands in them."""
    words: list[list[Any]] = [[], [], [], []]
    for bits in range(8):
        factors = [N if bits >> i & 1 else M for i in range(3)]
        words[bits.bit_count()].append(factors[0] @ factors[1] @ factors[2])
    return [float(sum(found).sum()) for found in words]


def _two_convolutions() -> list[float]:
    """Of two convolutions in turn with MASK + t CHANGE, all entries added."""
    first, second = convolved(IMAGE, MASK), convolved(IMAGE, CHANGE)
    return [
        float(convolved(first, MASK).sum()),
        float((convolved(first, CHANGE) + convolved(second, MASK)).sum()),
        float(convolved(second, CHANGE).sum()),
    ]


def _square() -> list[float]:
    """Of the squares, added, of the convolution of IMAGE + t OTHER with MASK + t CHANGE."""
    c = [convolved(IMAGE, MASK), convolved(IMAGE, CHANGE) + convolved(OTHER, MASK), convolved(OTHER, CHANGE)]
    return [float(sum((c[i] * c[k - i]).sum() for i in range(3) if 0 <= k - i < 3)) for k in range(5)]


POLYNOMIALS: dict[str, tuple[Function, list[float]]] = {
    "matmul, degree 1": (lambda t: np.sum((M + t * N) @ M), [float((M @ M).sum()), float((N @ M).sum())]),
    "matmul, degree 2": (lambda t: np.sum((M + t * N) @ (M + t * N)), _quadratic()),
    "matmul, degree 3": (lambda t: np.sum((M + t * N) @ (M + t * N) @ (M + t * N)), _cubic()),
    "conv2d of the mask, degree 1": (
        lambda t: np.sum(F.conv2d(tensor(IMAGE), MASK + t * CHANGE)),
        [float(convolved(IMAGE, MASK).sum()), float(convolved(IMAGE, CHANGE).sum())]),
    "conv2d of image and mask, degree 2": (
        lambda t: np.sum(F.conv2d(t * tensor(IMAGE), t * tensor(MASK))), [0, 0, float(convolved(IMAGE, MASK).sum())]),
    "conv2d twice, degree 2": (
        lambda t: np.sum(F.conv2d(F.conv2d(tensor(IMAGE), MASK + t * CHANGE), MASK + t * CHANGE)),
        _two_convolutions()),
    "the square of conv2d, degree 4": (
        lambda t: np.sum(F.conv2d(tensor(IMAGE) + t * OTHER, MASK + t * CHANGE) ** 2), _square()),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_a_polynomial_ends_at_its_degree(name: str, way: str) -> None:
    """Products and convolutions are linear in each factor: right to their degree, and exactly zero beyond it."""
    function, coefficients = POLYNOMIALS[name]
    for t in (-0.5, 0.4, 1.75):
        found, expected = WAYS[way](function, t), polynomial(coefficients, t)
        agree(found, expected)
        assert found[len(coefficients) - 1 :] == [0] * (ORDERS - len(coefficients) + 1)
