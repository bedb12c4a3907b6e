"""Writes to tensors some entries of which lie at one place of memory: stretched ones, and windows that overlap."""

from __future__ import annotations

from typing import Any

import pytest
from parity.harness import peer

import autodiff
from autodiff import tensor
from autodiff.errors import InPlaceError


@pytest.mark.parametrize("key", [0, slice(1), (slice(None, None, 2), slice(1))])
@pytest.mark.parametrize("view", [lambda b: b.expand(2, 3), lambda b: b.unfold(0, 2, 1)])
@pytest.mark.parametrize("value", [lambda a: a.sum(), lambda a: 2.0])
def test_a_write_to_a_part_of_what_overlaps_counts_once(key: Any, view: Any, value: Any) -> None:
    """Entries that share memory are one: the write reaches all of them, and its gradient is not that of each."""

    def run(lib: Any) -> list[Any]:
        a = lib.tensor([1.0, 2.0, 3.0], requires_grad=True)
        b = a * 1
        seen = view(b)
        seen[key] = value(a)
        (found,) = lib.autograd.grad((b * lib.tensor([1.0, 10.0, 100.0])).sum(), a)
        return [b.tolist(), seen.tolist(), found.tolist()]

    assert run(autodiff) == run(peer())


def test_what_overlaps_is_written_at_a_mask() -> None:
    """A number goes wherever the entry shows, recorded or not; two tracked numbers for one place are refused."""
    a = tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 1
    seen = b.unfold(0, 2, 1)
    seen[seen.detach() > 2] = 0.0
    assert seen.tolist() == [[1.0, 2.0], [2.0, 0.0]]
    b.sum().backward()
    assert a.grad is not None
    assert a.grad.tolist() == [1, 1, 0]
    before = seen.tolist()
    with pytest.raises(InPlaceError, match="single memory location"):
        seen[seen.detach() == 2] = a[:2]
    assert seen.tolist() == before


def test_a_stretched_tensor_is_filled_with_a_number_and_not_with_a_tensor() -> None:
    """As in PyTorch: of a tensor nobody knows whether it lies in the memory that is filled."""
    x = autodiff.ones(2).expand(3, 2)
    assert x.fill_(2.0).tolist() == [[2.0, 2.0]] * 3
    with pytest.raises(InPlaceError, match="single memory location"):
        x.fill_(x.sum())
