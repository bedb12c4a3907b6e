"""ONNX operators for whole layers: convolution, pooling, normalization, attention, recurrent layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.export.elementwise import number
from autodiff.export.graph import Name
from autodiff.export.sizes import Size
from autodiff.export.steps import Step


def _pads(padding: Any) -> list[int]:
    """All that stand before, then all that stand after."""
    return [before for before, _ in padding] + [after for _, after in padding]


def _conv(s: Step) -> Name:
    where, kernel = s.param("geometry"), [s.fixed(size, "the kernel") for size in s.shape(1)[2:]]
    inputs = [s.x(i) for i in range(s.count)]
    return s.g.node("Conv", *inputs, kernel_shape=kernel, pads=_pads(where.padding), group=where.groups,
                    strides=list(where.stride), dilations=list(where.dilation))  # fmt: skip


def _conv_transpose(s: Step) -> Name:
    where, kernel = s.param("geometry"), [s.fixed(size, "the kernel") for size in s.shape(1)[2:]]
    lengths = zip(s.shape(0)[2:], s.shape()[2:], kernel, where.stride, where.dilation, where.padding, strict=True)
    padding, more = [], []
    for n, wanted, k, stride, dilation, (before, _) in lengths:
        if wanted.factors != tuple((name, factor * stride) for name, factor in n.factors):
            raise s.refuse("the size of its result does not follow that of its input")
        after = (n.rest - 1) * stride + dilation * (k - 1) + 1 - before - wanted.rest
        padding.append((before, max(after, 0)))
        more.append(max(-after, 0))
    found = s.g.node("ConvTranspose", s.x(0), s.x(1), kernel_shape=kernel, pads=_pads(padding), group=where.groups,
                     strides=list(where.stride), dilations=list(where.dilation))  # fmt: skip
    if not any(more):
        return found
    around = s.g.numbers(*[0] * (2 + s.ndim), *more)  # zeros, where nothing comes to
    return s.g.node("Pad", found, around, number(s, 0), mode="constant")


def _max_pool(s: Step) -> Name:
    w = s.param("window")
    return s.g.node("MaxPool", s.x(), kernel_shape=list(w.kernel), strides=list(w.stride), pads=_pads(w.padding),
                    dilations=list(w.dilation))  # fmt: skip


def _sum_pool(s: Step) -> Name:
    w = s.param("window")
    if any(d != 1 for d in w.dilation):
        raise s.refuse("ONNX averages windows without gaps")
    x = s.x()
    if any(n for pair in w.padding for n in pair):  # as zeros of their own: readers differ in what they count there
        lead = [0] * (s.ndim - len(w.kernel))
        befores, afters = ([pair[i] for pair in w.padding] for i in (0, 1))
        x = s.g.node("Pad", x, s.g.numbers(*lead, *befores, *lead, *afters), number(s, 0), mode="constant")
    mean = s.g.node("AveragePool", x, kernel_shape=list(w.kernel), strides=list(w.stride))
    return s.g.node("Mul", mean, number(s, math.prod(w.kernel)))


def _resample(s: Step) -> Name:
    """Entries that are taken as they are, or a product with the matrix of the weights."""
    axis, taps, g = s.param("axis") % s.ndim, s.params("taps")[0], s.g
    length = s.fixed(s.shape(0)[axis], "the axis that is resampled")
    positions = taps.positions.array
    if taps.weights is None and len(positions) == 1:
        return g.node("Gather", s.x(), g.constant(positions[0], np.int64), axis=axis)
    weights = np.ones(positions.shape) if taps.weights is None else taps.weights.array
    matrix = np.zeros((length, positions.shape[1]))
    for at, weight in zip(positions, weights, strict=True):
        np.add.at(matrix, (at, np.arange(len(at))), weight)
    order = [*(a for a in range(s.ndim) if a != axis), axis]
    product = g.node("MatMul", g.transpose(s.x(), order), number(s, matrix))  # type: ignore[arg-type]
    return g.transpose(product, np.argsort(order).tolist())


def _standardize(s: Step) -> Name:
    axes, eps, g = tuple(sorted(a % s.ndim for a in s.param("axis"))), s.param("eps"), s.g
    weights = [i for i in (1, 2) if i < s.count or (i < len(s.operations[0].inputs) and s.operations[0].inputs[i])]
    along = s.param("along")
    last = axes == tuple(range(axes[0], s.ndim))
    whole = last and weights == [1, 2] and s.shape(0)[axes[0]:] == [Size(n) for n in along[axes[0]:]]
    if s.param("center") and whole and all(n == 1 for n in along[: axes[0]]):
        shape = g.numbers(*along[axes[0]:])
        scale, offset = (s.x(i) if len(s.shape(i)) == len(axes) else g.node("Reshape", s.x(i), shape) for i in (1, 2))
        return g.node("LayerNormalization", s.x(), scale, offset, axis=axes[0], epsilon=float(eps))
    x = s.x()
    if s.param("center"):
        x = g.node("Sub", x, g.reduce("ReduceMean", x, axes))
    variance = g.reduce("ReduceMean", g.node("Mul", x, x), axes)
    found = g.node("Div", x, g.node("Sqrt", g.node("Add", variance, number(s, eps))))
    for i, operator in ((1, "Mul"), (2, "Add")):
        if i in weights:
            found = g.node(operator, found, g.node("Reshape", s.x(i), g.numbers(*along)))
    return found


def _attention(s: Step) -> Name:
    return _attended(s, [s.x(i) for i in range(3)], (s.shape(0)[-2], s.shape(1)[-2]), s.ndim)


def _self_attention(s: Step) -> Name:
    g, places = s.g, s.param("places")
    parts = [g.node("Gather", s.x(), g.constant(i, np.int64), axis=2) for i in range(3)]
    heads = [g.transpose(x, [0, 2, 1, 3] if places else [1, 2, 0, 3]) for x in parts]
    out = _attended(s, heads, (s.shape(0)[places],) * 2, 4)
    return g.transpose(out, [0, 2, 1, 3] if places else [2, 0, 1, 3])


def _attended(s: Step, heads: list[Name], sizes: tuple[Size, Size], ndim: int) -> Name:
    """The result of queries, keys and values, stacks of matrices with so many axes."""
    g, (q, k, v) = s.g, heads
    if s.has("kept"):
        raise s.refuse("it drops at random; call model.eval() before")
    swapped = [*range(ndim - 2), ndim - 1, ndim - 2]
    scores = g.node("MatMul", g.node("Mul", q, number(s, s.param("scale"))), g.transpose(k, swapped))
    if s.has("bias"):
        scores = g.node("Add", scores, s.array("bias", s.dtype))
    if s.param("causal"):
        square = g.node("Expand", number(s, -np.inf), g.sizes([*sizes]))
        scores = g.node("Add", scores, g.node("Trilu", square, g.constant(1, np.int64), upper=1))
    return g.node("MatMul", g.node("Softmax", scores, axis=-1), v)


# Gates in the order of ONNX, by their places in ours: i o f c of i f c o; z r h of r z h.
GATES = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}


class _Recurrent:
    """A recurrent layer whose product with its input is made before: the operator gets it, with a matrix of ones."""

    def __init__(self, s: Step, operator: str) -> None:
        self.s, self.operator, g = s, operator, s.g
        times, begins = [], []
        for steps in s.params("steps"):
            lengths = {stop - start for start, stop in steps}
            if len(lengths) > 1:
                raise s.refuse("it takes sequences of several lengths, packed; export the model with padded ones")
            times.append(len(steps))
            begins.append(steps[0][0])
        self.time, self.width = s.size(times, "the length of the sequence"), s.fixed(s.shape(2)[1], "the width")
        self.batch, self.reverse = s.shape(2)[0], begins[0] > 0
        gates = s.fixed(s.shape(0)[1], "the width")
        order = np.concatenate([np.arange(self.width) + self.width * gate for gate in GATES[operator]])
        self.order = g.numbers(*order)
        self.x = g.reshape(s.x(0), [self.time, self.batch, Size(gates)])
        self.w = g.constant(np.eye(gates)[order][None], s.dtype)
        self.r = g.node("Unsqueeze", g.node("Gather", s.x(1), self.order, axis=0), g.numbers(0))

    def first(self, i: int) -> Name:
        """The state before the first time, with the axis of directions."""
        return self.s.g.node("Unsqueeze", self.s.x(i), self.s.g.numbers(0))

    def run(self, inputs: list[Name], count: int, **attributes: Any) -> list[Name]:
        """What the operator gives: all states, and the last ones."""
        direction = "reverse" if self.reverse else "forward"
        settings = {"hidden_size": self.width, "direction": direction, **attributes}
        return list(self.s.g.several(self.operator, [self.x, self.w, self.r, *inputs], count, settings))

    def rows(self, states: Name) -> Name:
        """All states (time, 1, batch, width) as rows, one time behind the other."""
        return self.s.g.node("Reshape", states, self.s.g.numbers(-1, self.width))


def _rnn(s: Step) -> Name:
    layer = _Recurrent(s, "RNN")
    activation = "Relu" if s.param("relu") else "Tanh"
    return layer.rows(layer.run(["", "", layer.first(2)], 1, activations=[activation])[0])


def _gru(s: Step) -> Name:
    layer, g = _Recurrent(s, "GRU"), s.g
    bias = ""
    if s.count > 3:
        inner = g.node("Gather", s.x(3), layer.order, axis=0)
        bias = g.node("Unsqueeze", g.node("Concat", g.constant(np.zeros(3 * layer.width), s.dtype), inner, axis=0),
                      g.numbers(0))  # fmt: skip
    return layer.rows(layer.run([bias, "", layer.first(2)], 1, linear_before_reset=1)[0])


def _lstm(s: Step) -> Name:
    """All h, then all c, in one axis, as the primitive has them.

    ONNX gives the last c, which stands for all: only that is read. The gates behind it are not read at all.
    """
    if s.count > 4:
        return _projected_lstm(s)
    layer, g = _Recurrent(s, "LSTM"), s.g
    states, _, last = layer.run(["", "", layer.first(2), layer.first(3)], 3)
    every = g.node("Expand", last, g.sizes([layer.time, layer.batch, Size(layer.width)]))
    return g.node("Concat", *(g.node("Reshape", each, g.numbers(-1)) for each in (states, every)), axis=0)


def _projected_lstm(s: Step) -> Name:
    """One time after the other, for a fixed number of them: ONNX's operator has no projection of its states."""
    g, layer = s.g, _Recurrent(s, "LSTM")
    count = s.fixed(layer.time, "the length of a sequence whose states are projected")
    size = s.fixed(s.shape(3)[1], "the width")
    x = g.reshape(s.x(0), [layer.time, layer.batch, Size(4 * size)])
    inner, outer = g.transpose(s.x(1), (1, 0)), g.transpose(s.x(4), (1, 0))
    h, c, hs, cs = s.x(2), s.x(3), {}, {}
    for i in range(count)[:: -1 if layer.reverse else 1]:
        now = g.node("Gather", x, g.constant(i, np.int64), axis=0)
        gates = g.node("Add", now, g.node("MatMul", h, inner))
        i_, f, a, o = g.several("Split", [gates], 4, {"axis": 1, "num_outputs": 4})
        new = g.node("Mul", g.node("Sigmoid", i_), g.node("Tanh", a))
        c = cs[i] = g.node("Add", g.node("Mul", g.node("Sigmoid", f), c), new)
        h = hs[i] = g.node("MatMul", g.node("Mul", g.node("Sigmoid", o), g.node("Tanh", c)), outer)
    parts = (g.node("Concat", *(each[i] for i in range(count)), axis=0) for each in (hs, cs))
    return g.node("Concat", *(g.node("Reshape", part, g.numbers(-1)) for part in parts), axis=0)


def _pool_indices(s: Step) -> Name:
    """Where in the flattened image each maximum stands; ONNX counts on over channels and samples."""
    w, (height, width) = s.param("window"), s.shape(0)[2:]
    window = {"kernel_shape": list(w.kernel), "strides": list(w.stride), "pads": _pads(w.padding),
              "dilations": list(w.dilation)}  # fmt: skip
    _, found = s.g.several("MaxPool", [s.x()], 2, window)
    return s.g.node("Mod", found, s.g.node("Mul", s.g.sizes([height]), s.g.sizes([width])))


LAYERS: dict[str, Callable[[Step], Name]] = {
    "conv2d": _conv, "conv2d_input": _conv_transpose, "max_pool2d": _max_pool, "max_pool2d_indices": _pool_indices,
    "sum_pool2d": _sum_pool,
    "resample": _resample, "standardize": _standardize, "attention": _attention,
    "self_attention": _self_attention,
    "rnn": _rnn, "gru": _gru, "lstm": _lstm,
}  # fmt: skip
