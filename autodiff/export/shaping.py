"""ONNX operators for shapes, parts, sums and products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.export.elementwise import number
from autodiff.export.graph import Name
from autodiff.export.recording import Value
from autodiff.export.sizes import Size
from autodiff.export.steps import Step

END = 2**31 - 1  # beyond every axis


def _concatenate(s: Step) -> Name:
    parts = [s.x(i, s.dtype) for i in range(s.count)]
    return s.g.node("Concat", *parts, axis=s.param("axis")) if len(parts) > 1 else s.g.node("Identity", *parts)


def _pad(s: Step) -> Name:
    befores, afters = zip(*s.param("widths"), strict=True)
    return s.g.node("Pad", s.x(), s.g.numbers(*befores, *afters), number(s, s.param("value")), mode="constant")


def _index(s: Step) -> Name:
    """Slices, then arrays on one axis, then axes that vanish or are new."""
    keys = [key if isinstance(key, tuple) else (key,) for key in s.params("key")]
    key, given = keys[0], sum(1 for part in keys[0] if part is not None and part is not ...)
    cuts: list[tuple[int, Size, Size, int]] = []
    gone, new = [], []
    picked: list[tuple[int, Name]] = []
    axis = place = 0  # of the input, of the result
    for i, part in enumerate(key):
        variants = [other[i] for other in keys]
        if part is ...:
            axis, place = axis + s.ndim - given, place + s.ndim - given
            continue
        if part is None:
            new.append(place)
        elif isinstance(part, slice):
            first, last, step = _bounds(s, variants)
            cuts.append((axis, first, last, step))
        elif isinstance(part, Value):
            if picked or part.array.dtype.kind == "b":
                raise s.refuse("only one array of whole numbers can be an index")
            picked.append((axis, s.context.name(variants, s.refuse)))
            place += part.array.ndim - 1
        else:
            index = s.size([int(each) for each in variants], "an index")
            after = index._replace(rest=index.rest + 1)
            cuts.append((axis, index, Size(END) if after == Size(0) else after, 1))
            gone.append(axis)
        axis, place = axis + (part is not None), place + (part is None or isinstance(part, (slice, Value)))
    found = s.x()
    if cuts:
        axes, starts, stops, steps = zip(*cuts, strict=True)
        found = s.g.node("Slice", found, s.g.sizes(starts), s.g.sizes(stops), s.g.numbers(*axes), s.g.numbers(*steps))
    if picked and gone:
        raise s.refuse("an array and a number cannot both be indices")
    for axis, indices in picked:
        found = s.g.node("Gather", found, indices, axis=axis)
    if gone:
        found = s.g.node("Squeeze", found, s.g.numbers(*gone))
    return s.g.node("Unsqueeze", found, s.g.numbers(*new)) if new else s.g.node("Identity", found)


def _bounds(s: Step, parts: list[slice]) -> tuple[Size, Size, int]:
    steps = {1 if part.step is None else int(part.step) for part in parts}
    if len(steps) > 1:
        raise s.refuse("the step of a slice depends on the size of the inputs")
    (step,) = steps
    ends = []
    for values, default in (
        ([part.start for part in parts], 0 if step > 0 else END),
        ([part.stop for part in parts], END if step > 0 else -END),
    ):
        ends.append(Size(default) if None in values else s.size([int(value) for value in values], "a slice"))
    return ends[0], ends[1], step


def _take_along(s: Step) -> Name:
    axis = s.param("axis") % s.ndim
    indices = s.array("indices", np.int64)
    own, other = s.shape(0), s.shape()
    if any(a != b for i, (a, b) in enumerate(zip(own, other, strict=True)) if i != axis):
        raise s.refuse("indices and entries must have the same lengths beside the axis")
    return s.g.node("GatherElements", s.x(), s.g.node("Expand", indices, s.g.sizes(other)), axis=axis)


def _reduced(operator: str) -> Callable[[Step], Name]:
    def emit(s: Step) -> Name:
        return s.g.reduce(operator, s.x(0, s.dtype), _axes(s), s.param("keepdims", False))

    return emit


def _axes(s: Step) -> tuple[int, ...]:
    axis = s.param("axis")
    every = tuple(range(s.ndim))
    return every if axis is None else (axis,) if isinstance(axis, int) else axis


def _of_booleans(operator: str) -> Callable[[Step], Name]:
    def emit(s: Step) -> Name:
        whole = s.g.cast(s.g.cast(s.x(), np.bool_), np.int32)
        return s.g.cast(s.g.reduce(operator, whole, _axes(s), s.param("keepdims", False)), np.bool_)

    return emit


def _position(operator: str) -> Callable[[Step], Name]:
    def emit(s: Step) -> Name:
        axis = s.param("axis")
        if axis is not None:
            return s.g.node(operator, s.x(), axis=axis, keepdims=int(s.param("keepdims", False)))
        flat = s.g.node("Reshape", s.x(), s.g.numbers(-1))
        return s.g.reshape(s.g.node(operator, flat, axis=0, keepdims=0), s.shape())

    return emit


def _linear(s: Step) -> Name:
    inputs = [s.x(i) for i in range(s.count)]
    if s.ndim == 2:
        return s.g.node("Gemm", *inputs, transB=1)
    product = s.g.node("MatMul", inputs[0], s.g.transpose(inputs[1], (1, 0)))
    return s.g.node("Add", product, inputs[2]) if len(inputs) > 2 else product


def _contract(s: Step) -> Name:
    labels = [s.param(side) for side in ("left", "right", "result")]
    letters = {label: chr(ord("a") + i) for i, label in enumerate(dict.fromkeys((*labels[0], *labels[1])))}
    left, right, result = ("".join(letters[label] for label in side) for side in labels)
    return s.g.node("Einsum", s.x(0, s.dtype), s.x(1, s.dtype), equation=f"{left},{right}->{result}")


def _softmax(operator: str) -> Callable[[Step], Name]:
    def emit(s: Step) -> Name:
        axis: Any = s.param("axis")
        if not isinstance(axis, int):
            if len(axis) != 1:
                raise s.refuse("ONNX takes one axis")
            (axis,) = axis
        return s.g.node(operator, s.x(0, s.dtype), axis=axis)

    return emit


SHAPING: dict[str, Callable[[Step], Name]] = {
    "reshape": lambda s: s.g.reshape(s.x(), s.shape()),
    "transpose": lambda s: s.g.transpose(s.x(), s.param("axes") or range(s.ndim)[::-1]),
    "broadcast_to": lambda s: s.g.node("Expand", s.x(), s.g.sizes(s.shape())),
    "concatenate": _concatenate, "pad": _pad, "index": _index, "take_along_axis": _take_along,
    "embedding": lambda s: s.g.node("Gather", s.x(), s.array("indices"), axis=0),
    "sum": _reduced("ReduceSum"), "mean": _reduced("ReduceMean"), "prod": _reduced("ReduceProd"),
    "amax": _reduced("ReduceMax"), "amin": _reduced("ReduceMin"), "norm": _reduced("ReduceL2"),
    "logsumexp": _reduced("ReduceLogSumExp"), "any": _of_booleans("ReduceMax"), "all": _of_booleans("ReduceMin"),
    "argmax": _position("ArgMax"), "argmin": _position("ArgMin"),
    "cumsum": lambda s: s.g.node(
        "CumSum", s.x(0, s.dtype), s.g.constant(s.param("axis"), np.int64), reverse=int(s.param("reverse"))),
    "softmax": _softmax("Softmax"), "log_softmax": _softmax("LogSoftmax"),
    "matmul": lambda s: s.g.node("MatMul", s.x(0, s.dtype), s.x(1, s.dtype)),
    "linear": _linear, "contract": _contract,
}  # fmt: skip
