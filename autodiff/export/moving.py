"""ONNX operators for primitives that only move entries: what they do with numbers of places is what they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.engine.primitive import primitives
from autodiff.export.elementwise import number
from autodiff.export.graph import Name
from autodiff.export.sizes import Size
from autodiff.export.steps import Step

Array = np.ndarray[Any, Any]


def _places(s: Step, name: str, params: list[dict[str, Any]], shapes: list[tuple[int, ...]]) -> tuple[Array, bool]:
    """Which entry of the input each one of the result is, from 1 on, 0 for none; of one sample where samples are alike.

    ``params`` and ``shapes``, of the input, are those of each run.
    """
    found = []
    for options, shape in zip(params, shapes, strict=True):
        counted = np.arange(1, int(np.prod(shape)) + 1).reshape(shape)
        found.append(primitives[name].forward(counted, **options))
    if all(shape == shapes[0] for shape in shapes):
        return found[0], False
    for places, shape in zip(found, shapes, strict=True):
        samples = np.arange(shape[0]).reshape(-1, *(1,) * (places.ndim - 1))
        alone = np.where(places[0] > 0, places[0] + samples * int(np.prod(shape[1:])), 0)
        if len(places) != shape[0] or shape[1:] != shapes[0][1:] or not np.array_equal(places, alone):
            raise s.refuse("beside the first axis, which it must leave alone, all sizes must be the same")
    return found[0][0], True


def _moved(s: Step) -> Name:
    operations = s.operations
    params, shapes = [o.params for o in operations], [o.inputs[0].array.shape for o in operations]
    places, by_sample = _places(s, s.name, params, shapes)
    g, lead, flat = s.g, [s.shape(0)[0]] if by_sample else [], places.reshape(-1)
    x = g.reshape(s.x(), [*lead, Size(int(np.prod(shapes[0][len(lead):])))])
    if (flat == 0).any():  # an entry of 0 before all others
        x = g.node("Pad", x, g.numbers(*(0 for _ in lead), 1, *(0 for _ in lead), 0), number(s, 0), mode="constant")
        flat = flat + 1
    return g.reshape(g.node("Gather", x, g.constant(flat - 1, np.int64), axis=len(lead)), s.shape())


def _moved_back(adjoint: str, options: Callable[[dict[str, Any], Any], dict[str, Any]]) -> Callable[[Step], Name]:
    """The adjoint of a primitive that moves entries: each goes back to where it came from, and is added to others."""

    def emit(s: Step) -> Name:
        operations = s.operations
        shapes = [o.result.array.shape for o in operations]
        params = [options(o.params, o.inputs[0].array) for o in operations]
        places, by_sample = _places(s, adjoint, params, shapes)
        g, lead, flat = s.g, [s.shape(0)[0]] if by_sample else [], places.reshape(-1)
        count = int(np.prod(shapes[0][len(lead):]))  # and one in front for what goes nowhere
        y = g.reshape(s.x(0, s.dtype), [*lead, Size(flat.size)])
        empty = g.node("Expand", number(s, 0), g.sizes([*lead, Size(count + 1)]))
        where = g.node("Expand", g.constant(flat, np.int64), g.node("Shape", y))
        total = g.node("ScatterElements", empty, where, y, axis=len(lead), reduction="add")
        axis = g.numbers(len(lead))
        return g.reshape(g.node("Slice", total, g.numbers(1), g.numbers(count + 1), axis), s.shape())

    return emit


def _of_slide(given: dict[str, Any], y: Any) -> dict[str, Any]:
    return {"axis": given["axis"], "size": y.shape[-1], "step": given["step"]}


MOVING: dict[str, Callable[[Step], Name]] = {
    "windows": _moved, "diagonal": _moved, "slide": _moved, "as_strided": _moved,
    "fold": _moved_back("windows", lambda given, y: {"window": given["window"]}),
    "on_diagonal": _moved_back("diagonal", lambda given, y: {k: v for k, v in given.items() if k != "shape"}),
    "overlap_add": _moved_back("slide", _of_slide),
}  # fmt: skip
