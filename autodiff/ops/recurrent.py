"""Primitives of recurrent layers: all time steps of one layer in one direction, one node on the tape.

What a step adds to its gates from the input, ``x`` (S, G), comes ready from one matrix product over all steps. Rows of
``x`` are the samples of one time after those of another, as in a packed sequence; ``steps`` are the (start, stop) of
each time, in the order in which they are gone through. A sample that ends early is missing from the later times, and
samples are sorted by falling length: those of a time are the first ones of the batch.

A loop back through time does little: the slopes of the gates are computed for all times at once, from what the tape
keeps. The rules are in operators that Tensors have, hence of any order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.kernels.arrays import as_array
from autodiff.kernels.lanes import faster
from autodiff.kernels.products import by_transpose
from autodiff.kernels.recurrent import LONG, Steps, before, count_of, joined, lstm_parts, taken, turned
from autodiff.kernels.recurrent import gru as _gru
from autodiff.kernels.recurrent import lstm as _lstm
from autodiff.ops.arithmetic import gate
from autodiff.ops.arrays import are_arrays
from autodiff.ops.joint import Joint
from autodiff.ops.transcendental import sigmoid


class _Carried:
    """The cotangent of a state on its way back through time, for as many samples as the times have."""

    def __init__(self, count: int, width: int, dtype: Any) -> None:
        self.now: Any = np.zeros((count, width), dtype)
        self._begun: list[Any] = []

    def back_to(self, n: int) -> Any:
        """The cotangent at an earlier time of ``n`` samples."""
        have = len(self.now)
        if have > n:  # the others began after that time
            self._begun.append(self.now[n:])
            self.now = self.now[:n]
        elif have < n:  # the others ended at that time
            self.now = np.concatenate([self.now, np.zeros((n - have, self.now.shape[1]), self.now.dtype)])
        return self.now

    def first(self) -> Any:
        """The cotangent of the states that the samples began with."""
        return np.concatenate([self.now, *self._begun[::-1]]) if self._begun else self.now


def _last_count(steps: Steps) -> int:
    return steps[-1][1] - steps[-1][0]


# --- h' = tanh(x + W h), or relu of that (Elman 1990) -----------------------------------------------------------------


def _rnn(x: Any, w: Any, h0: Any, steps: Steps, relu: bool) -> Any:
    out, state, wt = np.empty_like(x), h0, turned(w, steps)
    for start, stop in steps:
        new = out[start:stop]
        z = np.dot(taken(state, h0, stop - start), wt)
        z += x[start:stop]
        if relu:
            np.maximum(z, 0, out=new)
        else:
            np.tanh(z, out=new)
        state = new
    return out


def _rnn_back(g: Any, out: Any, x: Any, w: Any, h0: Any, steps: Steps, relu: bool) -> tuple[Any, ...]:
    slope = as_array(out > 0) if relu else 1 - out * out
    carried, parts = _Carried(_last_count(steps), w.shape[0], w.dtype), []
    for start, stop in reversed(steps):
        c = g[start:stop] + carried.back_to(stop - start)
        c = gate(c, mask=slope[start:stop]) if relu else c * slope[start:stop]
        carried.now = np.dot(c, w)
        parts.append(c)
    to_x = joined(parts[::-1], steps)
    return to_x, np.dot(to_x.T, before(out, h0, steps)), carried.first()


# --- LSTM (Hochreiter & Schmidhuber 1997; forget gates: Gers, Schmidhuber & Cummins 2000) -----------------------------


@faster("lstm_back", opaque_from=LONG)
def _lstm_back(
    g: Any, out: Any, x: Any, w: Any, h0: Any, c0: Any, r: Any = None, *, steps: Steps
) -> tuple[Any, ...]:
    count, size, width = count_of(steps), c0.shape[1], h0.shape[1]
    hs, cs, gates = lstm_parts(out, count, width, size)
    to_h, to_c, to_gates = lstm_parts(g, count, width, size)
    i, f, a, o = (gates[:, k * size : (k + 1) * size] for k in range(4))
    t = np.tanh(cs)
    bump = np.repeat(as_array([0, 0, 1, 0], w.dtype), size)
    own = (gates + bump) * (1 - gates)  # s (1 - s) of a sigmoid, (1 + a) (1 - a) of a tanh
    slopes = own * np.concatenate([a, before(cs, c0, steps), i, t], 1)
    # Only a derivative of this rule reads the gates; a Tensor of zeros may still have derivatives.
    extra = None if are_arrays(g) and not to_gates.any() else to_gates * own
    through = o * (1 - t * t)
    n = _last_count(steps)
    h_carried, c_carried = _Carried(n, width, w.dtype), _Carried(n, size, w.dtype)
    parts, outputs = [], []
    for start, stop in reversed(steps):
        dh = to_h[start:stop] + h_carried.back_to(stop - start)
        if r is not None:
            outputs.append(dh)
            dh = np.dot(dh, r)
        dc = to_c[start:stop] + c_carried.back_to(stop - start) + dh * through[start:stop]
        dz = np.concatenate([dc, dc, dc, dh], 1) * slopes[start:stop]
        dz = dz if extra is None else dz + extra[start:stop]
        h_carried.now, c_carried.now = np.dot(dz, w), dc * f[start:stop]
        parts.append(dz)
    to_x = joined(parts[::-1], steps)
    found = to_x, np.dot(to_x.T, before(hs, h0, steps)), h_carried.first(), c_carried.first()
    return found if r is None else (*found, np.dot(joined(outputs[::-1], steps).T, o * t))


# --- GRU (Cho et al. 2014), the reset gate after the matrix product --------------------------------------------------


def _gru_back(g: Any, out: Any, x: Any, w: Any, h0: Any, b: Any = None, *, steps: Steps) -> tuple[Any, ...]:
    size = h0.shape[1]
    h = before(out, h0, steps)
    inner = by_transpose(np.dot, h, w.T) if are_arrays(h, w) else np.dot(h, w.T)
    inner = inner if b is None else inner + b
    gates = sigmoid(x[:, : 2 * size] + inner[:, : 2 * size])
    r, u, m = gates[:, :size], gates[:, size:], inner[:, 2 * size :]
    new = np.tanh(x[:, 2 * size :] + r * m)
    rest = 1 - u
    to_new = rest * (1 - new * new)
    to_m = to_new * r
    slopes = np.concatenate([to_m * m * (1 - r), (h - new) * u * rest, to_m], 1)
    carried, outputs, parts = _Carried(_last_count(steps), size, w.dtype), [], []
    for start, stop in reversed(steps):
        dh = g[start:stop] + carried.back_to(stop - start)
        dz = np.concatenate([dh, dh, dh], 1) * slopes[start:stop]
        carried.now = dh * u[start:stop] + np.dot(dz, w)
        outputs.append(dh)
        parts.append(dz)
    to_inner = joined(parts[::-1], steps)
    to_x = np.concatenate([to_inner[:, : 2 * size], joined(outputs[::-1], steps) * to_new], 1)
    return to_x, np.dot(to_inner.T, h), carried.first(), None if b is None else to_inner


rnn = Joint("rnn", _rnn, _rnn_back, inputs=3, keeps="out w h0", promotes=False, lends="out")

# Out has all h, then all c, then all gates, one after the other in one axis; there is no need to keep x. With r (P, H)
# what goes on is r h, of P numbers (Sak, Senior & Beaufays 2014).
lstm = Joint("lstm", _lstm, _lstm_back, inputs=5, keeps="out w h0 c0 r", promotes=False, lends="out")

# Gates in PyTorch's order: reset, update, new. The bias b, of the product with h, cannot be part of x: the reset gate
# multiplies it.
gru = Joint("gru", _gru, _gru_back, inputs=4, keeps="out x w h0 b", promotes=False, lends="out x b")
