"""How a primitive is declared: where it is tried, with what parameters, and what its value should be.

A declaration is ``declare(name, *domains, **options of gradient_test)``; a primitive that has no derivative is declared
with ``plain``. The references are written from definitions, with other means than the primitives.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

import autodiff.ops
from autodiff.engine.primitive import primitives
from autodiff.testing import gradient_test, strategies

for _module in pkgutil.iter_modules(autodiff.ops.__path__):
    importlib.import_module(f"autodiff.ops.{_module.name}")

DECLARED: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {}
COMPLEX: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
PLAIN: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {}
ELSEWHERE: dict[str, str] = {}
EXAMPLES = 120


def declare(name: str, *domains: Any, **options: Any) -> None:
    """Declare a primitive with derivatives; second order is tried unless ``order`` says otherwise."""
    DECLARED[name] = domains, {"order": 2, "max_examples": EXAMPLES, **options}


def declare_complex(name: str, *domains: Any, **options: Any) -> None:
    """Declare where a primitive of ``declare`` is tried with complex numbers; NumPy says what the value is."""
    COMPLEX.append((name, domains, {"order": 2, "max_examples": EXAMPLES, **options}))


def plain(name: str, reference: Callable[..., Any], **params: Any) -> None:
    """Declare a primitive without derivatives by what it gives on arrays."""
    PLAIN[name] = reference, params


def elsewhere(name: str, reason: str) -> None:
    """Declare a primitive that tests of its own try, for a reason."""
    ELSEWHERE[name] = reason


def test_of(name: str, **changes: Any) -> Callable[[], None]:
    """The property-based test of a primitive."""
    domains, options = DECLARED[name]
    primitive = primitives[name]

    def function(*inputs: Any, **params: Any) -> Any:
        return primitive(*inputs, **params)

    return gradient_test(*domains, **{**options, **changes})(function)


def one_of(*options: dict[str, Any]) -> Any:
    return st.sampled_from(list(options))


def reduction(*shapes: Any) -> Any:
    return st.sampled_from(_reductions(len(shapes[0])))


def _reductions(ndim: int) -> list[dict[str, Any]]:
    axes = [a if isinstance(a, int | None) else tuple(x % ndim for x in a) for a in strategies.all_axes(ndim)]
    return [{"axis": axis, "keepdims": keep} for axis in axes for keep in (False, True)]


def one_axis(shape: Any) -> Any:
    return st.sampled_from([{"axis": a} for a in range(len(shape))])


def of_shape(shape: Sequence[int], *more: Any) -> np.ndarray[Any, Any]:
    """Numbers of a shape without a pattern."""
    return np.sin(np.arange(1, 1 + math.prod(shape)) * 1.7).reshape(tuple(shape))


some = strategies.shapes(min_dims=1).map(lambda s: (s,))
