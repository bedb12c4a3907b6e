"""Indexing: PyTorch's meaning of every kind of index, NumPy's where PyTorch has none; views and copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import Near, compare

from autodiff import arange, tensor

Key = Any
INDICES: dict[str, Callable[[Any], Key]] = {  # m is autodiff, torch or numpy
    "number": lambda m: 1,
    "negative number": lambda m: -2,
    "numbers": lambda m: (1, 0, -1),
    "slice": lambda m: slice(1, 3),
    "steps": lambda m: (slice(None, None, 2), slice(1, None, 3)),
    "empty slice": lambda m: slice(2, 2),
    "out of range slice": lambda m: slice(1, 99),
    "None": lambda m: (None, 1, None),
    "Ellipsis": lambda m: (..., 0),
    "Ellipsis between": lambda m: (0, ..., slice(1)),
    "all": lambda m: ...,
    "list": lambda m: [0, 2, 0],
    "list in a tuple": lambda m: ([0, 2, 0], 1),
    "bool list": lambda m: [True, False, True, False],
    "mask": lambda m: m.tensor([True, False, True, True]),
    "matrix mask": lambda m: m.tensor([[True, False, True], [False] * 3, [True] * 3, [False, True, False]]),
    "mask and number": lambda m: (m.tensor([True, False, True, True]), 1),
    "mask behind": lambda m: (slice(None), m.tensor([True, False, True])),
    "integers": lambda m: m.tensor([3, 0, 0, -1]),
    "integer matrix": lambda m: m.tensor([[3, 0], [0, 1]]),
    "integers on two axes": lambda m: (m.tensor([3, 0]), m.tensor([1, 2])),
    "integers broadcast": lambda m: (m.tensor([[3], [0]]), m.tensor([1, 2])),
    "integers and slice": lambda m: (m.tensor([3, 0, 3]), slice(None), m.tensor([1, 0, 1])),
    "slice and integers": lambda m: (slice(1, None), m.tensor([1, 1])),
    "integers and None": lambda m: (None, m.tensor([1, 1]), ..., None),
    "0-d integer": lambda m: m.tensor(2),
    "0-d integers": lambda m: (m.tensor(2), m.tensor(-1)),
    "no integers": lambda m: m.tensor([], dtype=m.int64),
    "no entries by mask": lambda m: m.tensor([False] * 4),
    "slice by tensors": lambda m: slice(m.tensor(1), m.tensor(3)),
    "True": lambda m: True,
    "int32": lambda m: m.tensor([1, 1], dtype=m.int32),
}


@pytest.mark.parametrize("name", INDICES)
def test_indexing_agrees_with_torch(name: str) -> None:
    """Values, shapes, gradients (of entries picked twice too) and assignments at every kind of index."""

    def picked_and_put(lib: Any, x: Any, value: Any) -> Any:
        y, z = x[INDICES[name](lib)], x * 1
        z[INDICES[name](lib)] = value
        return y, z.detach(), (z * z).sum()

    compare(picked_and_put, np.arange(24.0).reshape(4, 3, 2), np.array(-1.0), near=Near(1e-14))


@pytest.mark.parametrize("key", [
    slice(None, None, -1), (slice(None), slice(2, 0, -1)), (slice(-1, None, -2), None),
    (np.array([1, 1]), slice(None, None, -1)),
    np.array([[True, False, True]] * 4), (np.newaxis, ..., 1), (np.int64(2), np.array(1)), range(3), [[0, 1], [2, 0]],
])  # fmt: skip
def test_indexing_as_numpy_has_it(key: Key) -> None:
    """What PyTorch lacks (negative steps) or NumPy programs write works as in NumPy, with gradients and assignment."""
    data = np.arange(24.0).reshape(4, 3, 2)
    plain = np.array(key) if isinstance(key, (range, list)) else key
    x = tensor(data, requires_grad=True)
    y = x[key]
    assert y.tolist() == data[plain].tolist()
    y.sum().backward()
    counts = np.zeros_like(data)
    np.add.at(counts, plain, 1)
    assert x.grad.tolist() == counts.tolist()
    z, expected = tensor(data), data.copy()
    z[key] = expected[plain] = 5
    assert z.tolist() == expected.tolist()


def test_slices_are_views_and_picks_are_copies() -> None:
    """A change through a slice or a single entry is seen in the tensor, as in PyTorch."""
    x = arange(6.0).reshape(2, 3)
    x[0].fill_(9)
    x[1][0].add_(1)
    x[:, 1:][1] = 0
    x[[0]].zero_()
    x[1, 0] += 10
    assert x.tolist() == [[9, 9, 9], [14, 0, 0]]
