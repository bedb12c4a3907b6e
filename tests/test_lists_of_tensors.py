"""Tensors in lists are numbers, with PyTorch's dtypes, and never objects."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
from autodiff import ones, tensor
from autodiff.errors import AutodiffWarning

X, K, D = tensor(1.5), tensor(3), tensor(2.5, dtype=autodiff.float64)
LISTS: dict[str, tuple[Any, Any, Any]] = {
    "floats": ([X, 2.0, X], [1.5, 2.0, 1.5], np.float32),
    "nested": ([[X, X], (1, X)], [[1.5, 1.5], [1, 1.5]], np.float32),
    "integers and a float": ([K, 2.5], [3, 2.5], np.float32),
    "a float and an integer": ([2.5, K], [2.5, 3], np.float32),
    "double behind": ([1.0, D], [1, 2.5], np.float64),
    "double and single": ([X, D], [1.5, 2.5], np.float64),
    "half": ([tensor(2.0, dtype=autodiff.float16), 1], [2, 1], np.float16),
    "short integers": ([tensor(3, dtype=autodiff.int32)] * 2, [3, 3], np.int32),
    "booleans": ([tensor(True), False], [True, False], np.bool_),
    "a boolean and a number": ([tensor(True), 3], [1, 3], np.int64),
    "complex": ([1j, X], [1j, 1.5], np.complex64),
    "one entry each": ([ones(1), ones(1, 1), 2.0], [1, 1, 2], np.float32),
    "one entry each, nested": ([[ones(1)], [ones(1)]], [[1], [1]], np.float32),
    "a number of NumPy": ([1.5, np.float64(2)], [1.5, 2], np.float64),
    "an array and numbers": ([np.arange(2), [1.5, 2.5]], [[0, 1], [1.5, 2.5]], np.float32),
}


@pytest.mark.parametrize("name", LISTS)
def test_tensors_in_a_list_are_numbers_with_their_dtypes(name: str) -> None:
    """By whichever function; the dtype is that in which all of them meet, Python's numbers as the default has them."""
    given, numbers, dtype = LISTS[name]
    for made in (tensor(given), autodiff.as_tensor(given)):
        assert made.tolist() == numbers
        assert made.dtype == dtype
    if dtype is not np.complex64:
        assert autodiff.Tensor(given).tolist() == numbers
    torch = peer()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "a list of arrays is slow"
        theirs = torch.tensor(_as_theirs(torch, given))
    assert theirs.numpy().dtype == dtype
    assert theirs.tolist() == numbers


def _as_theirs(torch: Any, given: Any) -> Any:
    if isinstance(given, (list, tuple)):
        return [_as_theirs(torch, x) for x in given]
    return torch.from_numpy(given.numpy()) if isinstance(given, autodiff.Tensor) else given


def test_an_array_of_tensors_is_of_numbers() -> None:
    """Never of objects; one of the graph is refused, as in PyTorch, by NumPy, and named by a warning here."""
    assert np.array([X, X]).dtype == np.float32
    assert np.array([K, D]).dtype == np.float64
    assert np.array([ones(2), ones(2)]).shape == (2, 2)
    tracked = tensor(1.0, requires_grad=True)
    with pytest.raises(autodiff.errors.GraphError):
        np.array([tracked, tracked])
    with pytest.warns(AutodiffWarning, match="stack"):
        assert tensor([tracked, 2.0]).dtype == np.float32
