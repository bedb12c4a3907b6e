"""The harness that compares with PyTorch finds each kind of difference, with this library in PyTorch's place."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from parity.harness import EXACT, Near, agree, delivered, gradients_agree, leaf

import autodiff
from autodiff import tensor

Pair = namedtuple("Pair", "x y")
ONES = tensor([1.0, 1.0])
DIFFERENT: dict[str, tuple[Any, Any, Near]] = {
    "a number": (1.0, 1.1, EXACT),
    "the kind of a number": (1, 1.0, EXACT),
    "a word": ("a", "b", EXACT),
    "None": (None, 0.0, EXACT),
    "a relative difference": (tensor([1.0, 2.0]), tensor([1.0, 2.0 + 3e-6]), Near(1e-6)),
    "an absolute difference": (tensor([0.0, 2.0]), tensor([1e-6, 2.0]), Near(1e-6, 1e-7)),
    "a difference for the largest": (tensor([0.0, 2.0]), tensor([3e-6, 2.0]), Near(0, 0, of_largest=1e-6)),
    "NaN": (tensor([float("nan")]), tensor([0.0]), Near(1, 1)),
    "a shape": (ONES, ONES[None], EXACT),
    "a dtype": (ONES, ONES.double(), EXACT),
    "an array for a tensor": (ONES.numpy(), ONES, EXACT),
    "tracking": (ONES.clone().requires_grad_(), ONES, EXACT),
    "a length": ([ONES], [ONES, ONES], EXACT),
    "an entry": ([ONES, ONES], [ONES, ONES + 1], EXACT),
    "a list for a tuple": ([ONES], (ONES,), EXACT),
    "the class of a tuple": ((1, 2), Pair(1, 2), EXACT),
    "a key": ({"a": 1}, {"b": 1}, EXACT),
    "the order of keys": ({"a": 1, "b": 2}, {"b": 2, "a": 1}, EXACT),
    "a value": ({"a": [1, (2, 3)]}, {"a": [1, (2, 4)]}, EXACT),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_difference_is_found(name: str) -> None:
    """Each kind of difference is one, and what is compared with itself is none."""
    ours, theirs, near = DIFFERENT[name]
    for one in (ours, theirs):
        agree(one, one, near)
    with pytest.raises(AssertionError):
        agree(ours, theirs, near)


def test_what_is_near_enough_is_no_difference() -> None:
    """Relative to itself, in absolute terms, or relative to the largest entry."""
    ours, theirs = np.array([1e-7, 1.0, 100.0]), np.array([2e-7, 1.0 + 1e-6, 100.0])
    agree(ours, theirs, Near(1e-5, 1e-6))
    agree(ours, theirs, Near(of_largest=1e-7))
    with pytest.raises(AssertionError):
        agree(ours, theirs, Near(1e-5))


def test_a_missing_gradient_is_a_zero_and_nothing_else() -> None:
    """None agrees with None and with zeros, and with no other gradient."""
    gradients_agree([None, None, ONES], [None, 0 * ONES, ONES], EXACT)
    for ours, theirs in ((None, ONES), (ONES, None), (ONES, ONES + 1)):
        with pytest.raises(AssertionError):
            gradients_agree([ours], [theirs], EXACT)


def test_gradients_are_those_of_all_outputs_with_weights_that_differ() -> None:
    """Outputs in containers count, each with its own cotangent; what is not tracked does not."""
    x = leaf(autodiff, np.array([2.0, 3.0]))
    (first,) = delivered(autodiff, x * 2, [x])
    (both,) = delivered(autodiff, {"a": [x * 2, ONES], "b": x * 2}, [x])
    assert len({*first.tolist(), *(both - first).tolist()}) == 4
    (given,) = delivered(autodiff, x * 2, [x], [np.array([1.0, 10.0])])
    assert given.tolist() == [2, 20]
    assert delivered(autodiff, [ONES], [x]) == [None]
