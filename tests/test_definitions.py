"""What is defined wrongly is refused when it is made or first used, with the repair: primitives, and gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff.engine.primitive import Primitive, primitives
from autodiff.errors import DtypeError, GraphError, OptionError, ShapeError
from autodiff.ops.shaping import astype

G_Y, G_X = (lambda g, out, x, y: g * y), (lambda g, out, x, y: g * x)


@pytest.fixture(autouse=True)
def _table_as_before() -> Iterator[None]:
    before = dict(primitives)
    yield
    primitives.clear()
    primitives.update(before)


WHEN_MADE: dict[str, tuple[Callable[[], Any], str]] = {
    "unknown name": (lambda: Primitive("p", np.multiply, G_Y, G_X, keeps=("y", "z")), "keeps names z, but VJP 1 takes"),
    "unknown name for all": (lambda: Primitive("p", np.multiply, G_Y, G_X, keeps="x w"), "keeps names w, but VJP 0"),
    "keeps for one of two": (lambda: Primitive("p", np.multiply, G_Y, G_X, keeps=("y",)), "1 strings for 2 VJPs"),
    "too few VJPs": (lambda: Primitive("p", np.multiply, G_Y, keeps="y"), "1 VJPs for 2 inputs"),
    "too many VJPs": (lambda: Primitive("p", np.sin, G_Y, G_X), "2 VJPs for 1 inputs"),
    "a name of the library": (lambda: Primitive("multiply", np.multiply, G_Y, G_X), "library's already"),
}


@pytest.mark.parametrize(("make", "message"), WHEN_MADE.values(), ids=WHEN_MADE)
def test_a_wrong_definition_is_refused_when_it_is_made(make: Callable[[], Any], message: str) -> None:
    """Nothing is entered into the table."""
    before = dict(primitives)
    with pytest.raises(OptionError, match=message):
        make()
    assert primitives == before


WHEN_USED: dict[str, tuple[dict[str, Any], str]] = {
    "reads an input": ({"vjps": [lambda g, out, x: g * x]}, "VJP 0 of defined_here reads x, which the tape does"),
    "reads the result": ({"vjps": [lambda g, out, x: g * out], "keeps": "x"}, "reads out"),
    "compares an input": ({"vjps": [lambda g, out, x: g * (x == 0)]}, "reads x"),
    "passes it to NumPy": ({"vjps": [lambda g, out, x: g * np.cos(x)]}, "reads x"),
    "passes it to a function": ({"vjps": [lambda g, out, x: g * np.where(x, 1, 2)]}, "reads x"),
    "asks it": ({"vjps": [lambda g, out, x: g * (1 if x else 2)]}, "reads x"),
    "indexes it": ({"vjps": [lambda g, out, x: g + x[0]]}, "reads x"),
    "returns nothing": ({"vjps": [lambda g, out, x: None]}, "returned None; it returns the cotangent"),
    "returns a number": ({"vjps": [lambda g, out, x: 1.0]}, "returned 1.0"),
    "sums too much": ({"vjps": [lambda g, out, x: np.sum(g)]}, r"cotangent of shape \(\) for an input of shape \(3,\)"),
    "another shape": ({"vjps": [lambda g, out, x: np.concatenate([g, g])]}, r"shape \(6,\)"),
    "another dtype": ({"vjps": [lambda g, out, x: astype(g, dtype=autodiff.float32)]}, "cotangent of float32 for"),
}


@pytest.mark.parametrize(("definition", "message"), WHEN_USED.values(), ids=WHEN_USED)
@pytest.mark.parametrize("recorded", [False, True])
def test_a_wrong_vjp_is_refused_when_it_is_first_used(
    definition: dict[str, Any], message: str, recorded: bool
) -> None:
    """On arrays and, where the walk is recorded, on Tensors; and again at the next use."""
    defined = Primitive("defined_here", lambda x: x * 2, *definition["vjps"], keeps=definition.get("keeps", ""))
    x = autodiff.tensor(np.linspace(0.5, 1.5, 3), requires_grad=True)
    for _ in range(2):
        with pytest.raises(GraphError, match=message):
            autodiff.grad(defined(x).sum(), x, create_graph=recorded)


def test_too_few_vjps_of_a_python_function_are_refused_when_it_is_used() -> None:
    """The inputs of a Python function cannot be told from its params before it is called."""
    x = autodiff.tensor([1.0], requires_grad=True)
    for keeps in ("x", ""):
        defined = Primitive("defined_here", lambda x, y: x * y, lambda g, out, x, y: g * 1, keeps=keeps)
        with pytest.raises(OptionError, match="1 VJPs for 2 inputs"):
            autodiff.grad(defined(x, x).sum(), x)


def test_each_vjp_names_its_own_arguments() -> None:
    """``keeps`` is read by the names that each VJP gives to what it takes."""
    vjps = (lambda g, out, a, b: g * b), (lambda g, y, u, v: g * u)
    defined = Primitive("defined_here", np.multiply, *vjps, keeps=("b", "u"))
    x, y = autodiff.tensor(2.0, requires_grad=True), autodiff.tensor(5.0, requires_grad=True)
    assert [g.item() for g in autodiff.grad(defined(x, y), (x, y))] == [5.0, 2.0]


def test_a_redefinition_replaces_a_primitive_of_the_user() -> None:
    """As when the cell of a notebook runs again; in a subclass, too."""

    class Mine(Primitive):
        def __init__(self, name: str) -> None:
            super().__init__(name, np.sin, lambda g, out, x: g * 3)

    first = Primitive("defined_here", np.sin, lambda g, out, x: g * np.cos(x), keeps="x")
    second = Mine("defined_here")
    assert primitives["defined_here"] is second is not first
    third = Mine("defined_here")
    assert primitives["defined_here"] is third


def test_grad_takes_a_tensor_of_its_own_kind() -> None:
    """Another shape or dtype, the tensor itself, arrays and numbers are refused, as PyTorch refuses them."""
    x = autodiff.tensor([1.0, 2.0], requires_grad=True)
    for value, error in (
        (autodiff.ones(2, dtype=autodiff.float64), DtypeError),
        (autodiff.ones(2, dtype=autodiff.int64), DtypeError),
        (autodiff.ones(3), ShapeError),
        (autodiff.ones(1, 2), ShapeError),
        (np.ones(2, np.float32), DtypeError),
        (1.0, DtypeError),
        (x, GraphError),
    ):
        with pytest.raises(error):
            x.grad = value
        assert x.grad is None
    x.grad = autodiff.ones(2)
    assert x.grad.tolist() == [1.0, 1.0]
    x.grad = None
    assert x.grad is None
