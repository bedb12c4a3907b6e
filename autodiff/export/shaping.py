"""ONNX operators for shapes, parts, sums and products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.export.elementwise import number
from autodiff.export.graph import Name
from autodiff.export.steps import Step


def _concatenate(s: Step) -> Name:
    parts = [s.x(i, s.dtype) for i in range(s.count)]
    return s.g.node("Concat", *parts, axis=s.param("axis")) if len(parts) > 1 else s.g.node("Identity", *parts)


def _pad(s: Step) -> Name:
    befores, afters = zip(*s.param("widths"), strict=True)
    return s.g.node("Pad", s.x(), s.g.numbers(*befores, *afters), number(s, s.param("value")), mode="constant")


def _reshape(s: Step) -> Name:
    """One axis may have any length, such as that of what a mask picked."""
    if len(s.operations[0].result.array.shape) == 1:
        return s.g.node("Reshape", s.x(), s.g.numbers(-1))
    return s.g.reshape(s.x(), s.shape())


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


def _cumsum(s: Step) -> Name:
    if not s.ndim:
        return s.g.node("Identity", s.x(0, s.dtype))
    axis = s.g.constant(s.param("axis"), np.int64)
    return s.g.node("CumSum", s.x(0, s.dtype), axis, reverse=int(s.param("reverse")))


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
    "reshape": _reshape,
    "transpose": lambda s: s.g.transpose(s.x(), s.param("axes") or range(s.ndim)[::-1]),
    "broadcast_to": lambda s: s.g.node("Expand", s.x(), s.g.sizes(s.shape())),
    "concatenate": _concatenate, "pad": _pad,
    "sum": _reduced("ReduceSum"), "mean": _reduced("ReduceMean"), "prod": _reduced("ReduceProd"),
    "amax": _reduced("ReduceMax"), "amin": _reduced("ReduceMin"), "norm": _reduced("ReduceL2"),
    "logsumexp": _reduced("ReduceLogSumExp"), "any": _of_booleans("ReduceMax"), "all": _of_booleans("ReduceMin"),
    "argmax": _position("ArgMax"), "argmin": _position("ArgMin"),
    "cumsum": _cumsum,
    "softmax": _softmax("Softmax"), "log_softmax": _softmax("LogSoftmax"),
    "matmul": lambda s: s.g.node("MatMul", s.x(0, s.dtype), s.x(1, s.dtype)),
    "linear": _linear, "contract": _contract,
}  # fmt: skip
