"""Every primitive, its VJPs and the VJPs of these, compiled: the bits are those of the step as it stands."""

from __future__ import annotations

import warnings
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from compiled import bits
from declared import DECLARED

import autodiff
from autodiff.engine.primitive import primitives
from autodiff.errors import AutodiffWarning
from autodiff.testing import gradient_test

SETS = 6  # of inputs of one kind, the first three of which come before the replays


def inputs_of(name: str) -> list[tuple[dict[str, Any], list[list[Any]]]]:
    """For each kind of inputs on which the primitive is tried the params, and several sets of inputs."""
    found: dict[Any, Any] = defaultdict(list)
    domains, options = DECLARED[name]

    def function(*inputs: Any, **params: Any) -> Any:
        arrays = [x.detach().numpy().copy() if isinstance(x, autodiff.Tensor) else np.asarray(x) for x in inputs]
        kind = repr(params), tuple((a.shape, a.dtype.str, a.strides) for a in arrays)
        if all(a.dtype.kind in "fc" for a in arrays):
            found[kind].append((params, arrays))
        return primitives[name](*inputs, **params)

    gradient_test(*domains, **{**options, "max_examples": 12, "order": 1})(function)()
    kinds = [sets for sets in found.values() if len(sets) >= SETS]
    return [(sets[0][0], [arrays for _, arrays in sets[-SETS:]]) for sets in kinds[:4]]


@pytest.mark.parametrize("name", DECLARED)
def test_a_primitive(name: str) -> None:
    """Value and two orders of gradients, on other numbers in each of six calls."""
    for params, sets in inputs_of(name):

        def step(*given: Any, params: dict[str, Any] = params) -> Any:
            inputs = [x.detach().requires_grad_(x.dtype.kind in "fc") for x in given]
            out = primitives[name](*inputs, **params)
            if not isinstance(out, autodiff.Tensor) or not out.requires_grad:
                return (out,)
            first = autodiff.grad(out, inputs, autodiff.cos(out.detach()), create_graph=True, allow_unused=True)
            wanted = [g for g in first if g is not None and g.requires_grad]
            second = autodiff.grad(
                wanted, inputs, [autodiff.sin(g.detach()) for g in wanted], allow_unused=True
            ) if wanted else ()  # fmt: skip
            return (out.detach(), *(g if g is None else g.detach() for g in (*first, *second)))

        compiled = autodiff.compile(step)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AutodiffWarning)
            for arrays in sets:
                tensors = [autodiff.tensor(a) for a in arrays]
                with np.errstate(all="ignore"):
                    results = compiled(*tensors), step(*tensors)
                assert [bits(x) for x in results[0]] == [bits(x) for x in results[1]], params
