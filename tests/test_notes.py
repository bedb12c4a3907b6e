"""The mode that takes notes: every operation is told once, tracked or not, and nothing changes for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff.autograd import Function
from autodiff.contexts import Block
from autodiff.engine.modes import PLAIN, SETTING, current

Note = tuple[Any, tuple[Any, ...], Any, dict[str, Any]]


def noted(program: Any) -> tuple[Any, list[Note]]:
    """What a program returns, and the notes of its operations."""
    notes: list[Note] = []
    with Block(SETTING, notes=lambda *note: notes.append(note)):
        return program(), notes


def names(program: Any) -> list[str]:
    """The names of the primitives that a program called."""
    return [primitive.name for primitive, *_ in noted(program)[1]]


def test_operations_are_noted_whether_tracked_or_not() -> None:
    """Recorded, unrecorded and integer operations alike, with inputs and results; a conversion is one of its own."""
    x, fixed = autodiff.ones(3, requires_grad=True), autodiff.ones(3)
    assert names(lambda: (x * 2.0).exp().sum()) == ["multiply", "exp", "sum"]
    assert names(lambda: (fixed * 2.0).exp().sum()) == ["multiply", "exp", "sum"]
    with autodiff.no_grad():
        assert names(lambda: x.exp()) == ["exp"]
    assert names(lambda: autodiff.tensor([2, 1]).argmax()) == ["argmax"]
    assert names(lambda: x + autodiff.ones(3, dtype=autodiff.float64)) == ["astype", "add"]
    y, [(primitive, inputs, result, _)] = noted(lambda: x * 2.0)
    assert (primitive.name, inputs, result is y) == ("multiply", (x, 2.0), True)


def test_notes_change_no_number() -> None:
    """Values, gradients and the graph are those of the same program without notes."""

    def program() -> list[Any]:
        x = autodiff.tensor([0.5, -1.0], requires_grad=True)
        y = (x * 2.0).tanh()[0] + x.sum()
        y.backward()
        return [y.tolist(), x.grad.tolist(), y._node.primitive.name, y._node.place[0].co_name]

    assert noted(program)[0] == program()


def test_changes_in_place_are_noted_at_the_tensor_that_changed() -> None:
    """``x[i] = v`` and ``x.add_(v)`` end in a write into ``x``, under ``no_grad`` as well."""
    x, value = autodiff.zeros(3), autodiff.ones(1, requires_grad=True)

    def write() -> None:
        x[0] = value[0] * 2.0
        with autodiff.no_grad():
            x.add_(1.0)

    _, notes = noted(write)
    assert [(p.name, result is x) for p, _, result, _ in notes] == [
        ("index", False), ("multiply", False), ("put", True), ("add", False), ("overwrite", True),
    ]  # fmt: skip


def test_a_function_is_one_operation() -> None:
    """What the forward of a ``Function`` computes is not told, each of its outputs is."""

    class Two(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2.0, np.ones(2)

    x = autodiff.ones(2)
    (y, z), notes = noted(lambda: Two.apply(x))
    assert [(p.name, inputs, result) for p, inputs, result, _ in notes] == [("Two[0]", (x,), y), ("Two[1]", (x,), z)]


def test_notes_end_with_their_block() -> None:
    """After an error, too; other modes keep them, and outside the mode is the plain one, whose path is the fast one."""
    def program() -> None:
        with autodiff.no_grad(), autodiff.detect_anomaly():
            autodiff.ones(2).exp()
        raise ZeroDivisionError

    seen: list[Note] = []
    with pytest.raises(ZeroDivisionError), Block(SETTING, notes=lambda *note: seen.append(note)):
        program()
    autodiff.ones(2).exp()
    assert len(seen) == 1
    assert current() is PLAIN
