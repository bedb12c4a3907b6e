"""Functions over lists of tensors, by which optimizers of others update all parameters at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from parity.harness import Near, compare, peer

import autodiff
from autodiff.errors import ShapeError
from autodiff.functions.foreach import _UNARY, FOREACH

CALLS: dict[str, list[Any]] = {
    "add": [lambda f, x, y: f(x, y, alpha=2), lambda f, x, y: f(x, 2.0), lambda f, x, y: f(x, [1.0, 2.0])],
    "addcdiv": [lambda f, x, y: f(x, x, y), lambda f, x, y: f(x, x, y, value=-2)],
    "addcmul": [lambda f, x, y: f(x, y, y, 0.5), lambda f, x, y: f(x, x, y, [1.0, 2.0])],
    "clamp_max": [lambda f, x, y: f(x, y), lambda f, x, y: f(x, 0.5)],
    "clamp_min": [lambda f, x, y: f(x, y), lambda f, x, y: f(x, [0.5, 0.1])],
    "div": [lambda f, x, y: f(x, y), lambda f, x, y: f(x, 2.0)],
    "lerp": [lambda f, x, y: f(x, y, 0.25), lambda f, x, y: f(x, y, y), lambda f, x, y: f(x, y, weight=0.5)],
    "maximum": [lambda f, x, y: f(x, y), lambda f, x, y: f(x, 0.5)],
    "minimum": [lambda f, x, y: f(x, y), lambda f, x, y: f(x, [0.5, 0.1])],
    "mul": [lambda f, x, y: f(x, y), lambda f, x, y: f(x, 2.0), lambda f, x, y: f(x, y[0].max().detach())],
    "pow": [lambda f, x, y: f(x, y), lambda f, x, y: f(x, 2), lambda f, x, y: f(x, exponent=3)],
    "sub": [lambda f, x, y: f(x, y, alpha=0.5), lambda f, x, y: f(x, scalars=[1.0, 2.0])],
    "copy": [lambda f, x, y: f(x, y)],
    "norm": [lambda f, x, y: f(x), lambda f, x, y: f(x, 1), lambda f, x, y: f(x, ord=float("inf"))],
    "powsum": [lambda f, x, y: f(x), lambda f, x, y: f(x, 3)],
    "mm": [lambda f, x, y: f([x[0][None]], [y[0][:, None]])],
}
UNRECORDED = {"_foreach_powsum", "_foreach_addcdiv"}  # by PyTorch, or wrongly for tensors of several lengths


@pytest.mark.parametrize("name", sorted(FOREACH))
def test_each_tensor_of_a_list(name: str) -> None:
    """Values, and gradients of what is not in place, are PyTorch's; what is in place gives the list back."""
    short = name.removeprefix("_foreach_").removesuffix("_")
    calls = CALLS.get(short, [lambda f, x, y: f(x)])
    for call in calls:

        def program(lib: Any, x: Any, y: Any, z: Any, call: Any = call) -> Any:
            first, second = [x * 1, z * 1], [y * 1, z + 1]
            with lib.no_grad() if name.endswith("_") or name in UNRECORDED else lib.enable_grad():
                found = call(getattr(lib, name), first, second)
            assert isinstance(found, tuple) or not name.endswith("_") or found is first
            return list(first if name.endswith("_") else found)

        numbers = np.array([0.3, 0.8, 0.4]), np.array([0.5, 0.2, 0.9]), np.array([0.6])
        compare(program, *numbers, near=Near(1e-12))


def test_what_is_refused_and_what_is_there() -> None:
    """Lists of several lengths; a name that PyTorch has not."""
    with pytest.raises(ShapeError, match=r"all of one length, not of \[1, 2\]"):
        autodiff._foreach_add([autodiff.ones(1)], [1.0, 2.0])
    with pytest.raises(AttributeError):
        autodiff._foreach_frobnicate  # noqa: B018
    torch = peer()
    assert {name for name in dir(torch) if name.startswith("_foreach_")} >= FOREACH
    assert len(_UNARY) == 30
