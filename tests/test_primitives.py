"""Every primitive of the table of derivatives, by one test."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from declared import COMPLEX, DECLARED, ELSEWHERE, PLAIN, test_of

from autodiff.engine.call_sites import of_library
from autodiff.engine.primitive import primitives
from autodiff.tensors.creation import from_numpy
from autodiff.testing import gradient_test

test_of.__test__ = False  # type: ignore[attr-defined]  # makes tests, is none


@pytest.mark.parametrize("name", DECLARED)
def test_a_primitive_is_right(name: str) -> None:
    """Value, first and second order, dtypes, layouts, broadcasting, sharing: all checks of ``gradient_test`` hold."""
    test_of(name)()


@pytest.mark.parametrize(("name", "domains", "options"), COMPLEX, ids=[name for name, _, _ in COMPLEX])
def test_a_primitive_is_right_for_complex_numbers(name: str, domains: Any, options: dict[str, Any]) -> None:
    """Both parts of both parts: ``gradient_test`` takes complex numbers as pairs of real ones."""
    gradient_test(*domains, **options)(lambda *inputs: primitives[name](*inputs))()


@pytest.mark.parametrize("name", PLAIN)
def test_a_primitive_without_derivative_is_right(name: str) -> None:
    """It gives what its definition says, on arrays and on tensors alike, and is not recorded."""
    reference, params = PLAIN[name]
    whole = np.array([[3, 0, -2], [0, 0, 5], [1, 2, 3]])
    floats = np.array([[1.5, -np.inf, 0.0], [0.0, np.inf, 2.0], [1.0, 1.0, 0.0]])
    primitive = primitives[name]
    count = len(list(inspect.signature(reference).parameters)) - len(params)
    for x, y in (
        (whole, whole.T),
        *(() if name.startswith("bitwise") or name == "to_whole" else ((floats, floats.T),)),
    ):
        inputs = (x, y)[:count]
        with np.errstate(invalid="ignore"):
            wanted = reference(*inputs, **params)
        tensors = [from_numpy(a).requires_grad_(a.dtype.kind == "f") for a in inputs]
        result = primitive(*tensors, **params)
        assert not result.requires_grad
        assert np.array_equal(result.detach().numpy(), wanted)
        assert np.array_equal(primitive(*inputs, **params), wanted)


def test_every_primitive_is_declared() -> None:
    """Whoever adds a primitive declares it in ``declared``: with derivatives by ``declare``, others by ``plain``."""
    own = {name for name, primitive in primitives.items() if of_library(primitive._defined_in)}
    names = {name for name in own if not name.startswith("doctest")}
    assert names == {*DECLARED, *PLAIN, *ELSEWHERE}
    assert not set(DECLARED) & set(PLAIN)
    assert not [name for name in PLAIN if primitives[name].vjps]
