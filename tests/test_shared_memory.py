"""A result shares the memory of an input only where it does so in PyTorch: writing into it would change the input."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from parity.harness import both, flat, peer

import autodiff
from autodiff.errors import AxisError, ShapeError
from benchmarks.fuzzing.templates import Template, templates

CALLS = [template for entries in templates().values() for template in entries if not template.writes]
SMALL: list[tuple[int, ...] | None] = [None, (), (1, 1, 1)]


def sharing(lib: Any, call: Template, shape: tuple[int, ...] | None) -> list[bool]:
    """For each result and each input of the call, whether they share memory; floats have the given shape."""
    inputs = [x if shape is None or x.dtype.kind != "f" else np.full(shape, 0.5) for x in call.inputs]
    tensors = [lib.tensor(x) for x in inputs]
    names = {f"x{k}": x for k, x in enumerate(tensors)} | {"lib": lib, "np": np, "nan": math.nan, "inf": math.inf}
    results = flat(eval(call.text.format(*(f"x{k}" for k in range(len(tensors)))), names))
    return [
        x.numel() > 0 and np.shares_memory(r.detach().numpy(), x.detach().numpy()) for r in results for x in tensors
    ]


@pytest.mark.parametrize("shape", SMALL, ids=str)
def test_results_share_no_memory_that_they_do_not_share_in_pytorch(shape: tuple[int, ...] | None) -> None:
    """Every call of the vocabulary, at its own inputs and at inputs of one entry, which need no work."""
    peer()
    wrong = set()
    for call in CALLS:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ours, theirs = both(sharing, call, shape)
        except (RuntimeError, IndexError, ValueError, TypeError):  # a shape that the call does not take
            continue
        if len(ours) == len(theirs) and any(mine and not wanted for mine, wanted in zip(ours, theirs, strict=True)):
            wrong.add(call.text)
    assert wrong == set()


@pytest.mark.parametrize("call", [
    lambda: autodiff.nextafter(autodiff.zeros(2), autodiff.zeros(3)),
    lambda: autodiff.heaviside(autodiff.zeros(2), autodiff.zeros(3)),
    lambda: autodiff.isclose(autodiff.zeros(1, 2), autodiff.zeros(3)),
])  # fmt: skip
def test_functions_without_a_gradient_say_what_was_given(call: Any) -> None:
    """What NumPy refuses is a named error, with the shapes."""
    with pytest.raises(ShapeError, match=r"float32 \(\d, ?\d?\), float32"):
        call()


def test_an_index_beyond_is_refused_by_name() -> None:
    """By ``index_put`` with ``accumulate``, too."""
    with pytest.raises(AxisError, match="index 2 is out of bounds"):
        autodiff.zeros(1, 1).index_put_((autodiff.tensor([2]),), autodiff.ones(1, 2), accumulate=True)
