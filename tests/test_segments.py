"""Reductions of segments: what is refused, several batches, equal extremes, second derivatives."""

from __future__ import annotations

import math
from typing import Any

import pytest

import autodiff
from autodiff import segment_reduce, tensor
from autodiff.errors import AxisError, DtypeError, OptionError, ShapeError
from autodiff.testing import gradcheck, gradgradcheck

X = tensor([[1.0, 2.0], [4.0, -1.0], [0.5, 3.0]], dtype=autodiff.float64)
REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({}, OptionError, "lengths or offsets"),
    ({"indices": tensor([0, 1])}, OptionError, "no indices"),
    ({"lengths": tensor([1, 1])}, ShapeError, "add up to 3"),
    ({"lengths": tensor([1, 3]), "unsafe": True}, ShapeError, "lie in it"),
    ({"lengths": tensor([-1, 4])}, ShapeError, "lie in it"),
    ({"offsets": tensor([0, 2, 1])}, ShapeError, "lie in it"),
    ({"offsets": tensor([-1, 2])}, ShapeError, "lie in it"),
    ({"offsets": tensor([0, 4])}, ShapeError, "lie in it"),
    ({"offsets": autodiff.zeros(0, dtype=autodiff.int64)}, ShapeError, "s \\+ 1"),
    ({"lengths": tensor([1.0, 2.0])}, DtypeError, "integers"),
    ({"lengths": tensor([1, 2], dtype=autodiff.uint8)}, DtypeError, "integers"),
    ({"lengths": [1, 2]}, DtypeError, "tensor"),
    ({"lengths": tensor(3)}, ShapeError, "axis 0"),
    ({"lengths": tensor([3]), "axis": 1}, ShapeError, "axis 1"),
    ({"lengths": tensor([[1, 1], [1, 1]]), "axis": 1}, ShapeError, "\\(3, s\\)"),
    ({"lengths": tensor([3]), "axis": 2}, AxisError, "axis"),
    ({"lengths": tensor([3]), "reduce": "median"}, OptionError, "sum, mean, prod, max and min"),
    ({"lengths": tensor([3]), "data": tensor([1, 2, 3])}, DtypeError, "float"),
    ({"lengths": tensor([3]), "data": tensor([1j, 2, 3])}, DtypeError, "complex"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_is_refused(number: int) -> None:
    """Each says what is wrong, before anything is computed."""
    given, error, words = REFUSED[number]
    with pytest.raises(error, match=words):
        segment_reduce(**{"data": X, "reduce": "sum"} | given)


@pytest.mark.parametrize("reduce", ["sum", "mean", "prod", "max", "min"])
@pytest.mark.parametrize("initial", [None, 0.75])
def test_derivatives_of_both_orders(reduce: str, initial: float | None) -> None:
    """Which PyTorch has only to the first."""

    def program(x: Any) -> Any:
        return segment_reduce(x, reduce, lengths=tensor([[1, 2], [3, 0]]), axis=1, initial=initial or 0.25)

    x = tensor([[1.0, 2.0, 0.0], [-1.0, 4.0, 0.5]], dtype=autodiff.float64).requires_grad_()
    assert gradcheck(program, (x,))
    assert gradgradcheck(program, (x,))


def test_only_entries_have_a_share_in_the_gradient_of_an_extreme() -> None:
    """Not what an empty segment has, nor ``initial``: also where it is as large as they are, or they are infinite."""
    for values, initial, wanted in (
        ([2.0, 2.0, 1.0], 2.0, [0.5, 0.5, 0.0]),
        ([2.0, 2.0, 1.0], 3.0, [0.0, 0.0, 0.0]),
        ([-math.inf] * 3, None, [1 / 3] * 3),
    ):
        x = tensor(values).requires_grad_()
        segment_reduce(x, "max", lengths=tensor([3, 0]), initial=initial)[0].backward()
        assert autodiff.allclose(x.grad, tensor(wanted))


def test_segments_of_data_with_holes() -> None:
    """By offsets, entries before the first and behind the last belong to no segment."""
    x = autodiff.arange(6.0).requires_grad_()
    found = segment_reduce(x, "sum", offsets=tensor([1, 1, 4]))
    assert found.tolist() == [0.0, 6.0]
    found.sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 0, 0]


@pytest.mark.parametrize(("shape", "lengths"), [((6, 0), [2, 4]), ((0, 2), [0, 0]), ((0,), [0]), ((0, 5, 3), None)])
@pytest.mark.parametrize("reduce", ["sum", "mean", "prod", "max", "min"])
def test_axes_of_length_0(shape: tuple[int, ...], lengths: Any, reduce: str) -> None:
    """Of the segments, of what is behind them, and of the batches, where lengths have it, too."""
    counts = autodiff.zeros(0, 2, dtype=autodiff.int64) if lengths is None else tensor(lengths)
    x = autodiff.zeros(shape).requires_grad_()
    found = segment_reduce(x, reduce, lengths=counts, axis=counts.ndim - 1, initial=1.5)
    assert found.shape == (*counts.shape, *shape[counts.ndim :])
    assert (found == 1.5).all()
    found.sum().backward()
    assert x.grad.shape == shape
