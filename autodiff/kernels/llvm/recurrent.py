"""An LSTM's way through time, and back, as kernels: a few samples at a time go through all times.

The sums of some samples, for all four gates of a vector of units, are in registers, where they become c and h.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from autodiff.kernels import recurrent as numpys
from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine, Value
from autodiff.kernels.llvm.elementwise import Maths
from autodiff.kernels.llvm.library import Kernel, host, in_a_row, ready, single
from autodiff.kernels.llvm.products import products, strips
from autodiff.kernels.products import dot
from autodiff.kernels.recurrent import Steps

WIDEST = 1 << 8  # units, whose weights a core's own cache holds
FEWEST = 4  # times from which on a kernel pays
WORTH_THREADS = 1 << 16  # numbers of gates from which on a second thread pays
PARTS = 4  # of the samples, that threads take one after another


def samples_together(machine: Machine, samples: int) -> int:
    """How many of so many samples a kernel takes at a time."""
    return min(samples, 4 if machine.registers == 32 else 2)


@contextmanager
def _turns(k: Code, together: int, back: bool) -> Iterator[tuple[Int, Int, Int, Value, Value]]:
    """Build loops over samples, and over times in the order that the last argument says.

    Yields the first sample, its row, its row at the time before, whether there is one, and whether a turn went before.
    """
    count, begin, apart = (k.integer(k.arrays[-1], 8 * i) for i in range(3))
    with k.loop(k.start, k.stop, together) as block:
        sample = k.least(block.index, k.add(k.stop, -together))  # some of the last may be gone through twice
        with k.loop(0, count) as turn:
            row, begun = k.add(begin, sample, k.binary("mul", turn.index, apart)), k.compare("ne", turn.index, 0)
            before, some = k.add(row, apart if back else k.mul(apart, -1)), begun
            if back:
                some = k.compare("ne", turn.index, k.add(count, -1))
            yield sample, row, before, some, begun


def _vectors(k: Code, size: int) -> Iterator[tuple[Int, int]]:
    """Build the body for each vector of ``size`` units: where it is, in bytes, and how many lanes count."""
    whole = size // k.lanes * k.lanes
    if whole:
        with k.loop(0, whole, k.lanes) as part:
            yield k.mul(part.index, 4), k.lanes
    if whole < size:
        yield 4 * whole, size - whole


def forward(machine: Machine, key: tuple[int, int]) -> Code:
    """The kernel of x, packed weights, h0, c0, all h, c and gates, and how rows follow each other in time."""
    size, together = key
    weights = 4 * size * -(-size // machine.lanes) * machine.lanes
    k = Code(machine, [
        Argument(4 * size), Argument(0, weights), Argument(size), Argument(size), Argument(size, written=True),
        Argument(size, written=True), Argument(4 * size, written=True), Argument(0, 6),
    ])  # fmt: skip
    m, (x, w, h0, c0, h, c, gates, _) = Maths(k), k.arrays
    with _turns(k, together, back=False) as (sample, row, before, some, _):
        h_before, c_before = (
            k.select(some, k.at(array, (before, 4 * size)), k.at(first, (sample, 4 * size)))
            for array, first in ((h, h0), (c, c0))
        )
        to_h, to_c, (z, to_gates) = (
            k.at(h, (row, 4 * size)), k.at(c, (row, 4 * size)), [k.at(array, (row, 16 * size)) for array in (x, gates)]
        )  # fmt: skip
        left = [k.add(h_before, 4 * size * s) for s in range(together)]
        for at, last in _vectors(k, size):
            sums = [k.load(z, at, 4 * size * n, last=last) for n in range(4 * together)]
            sums = products(k, size, left, 4, k.at(w, (at, 4 * size)), 16 * k.lanes, [k.lanes] * 4, sums)
            for s in range(together):
                i, f, a, o = made = [(m.tanh if g == 2 else m.sigmoid)(sums[4 * s + g]) for g in range(4)]
                cell = k.fma(f, k.load(c_before, at, 4 * size * s, last=last), m.times(i, a))
                k.store(cell, to_c, at, 4 * size * s, last=last)
                k.store(m.times(o, m.tanh(cell)), to_h, at, 4 * size * s, last=last)
                for g, gate in enumerate(made):
                    k.store(gate, to_gates, at, 4 * size * (4 * s + g), last=last)
    return k


def backward(machine: Machine, key: tuple[int, int]) -> Code:
    """The kernel of gates, c, c0, weights, cotangents of h, c, x, h0 and c0, and how rows follow each other."""
    size, together = key
    k = Code(machine, [
        Argument(4 * size), Argument(size), Argument(size), Argument(0, 4 * size * size), Argument(size),
        Argument(size), Argument(4 * size, written=True), Argument(size, written=True), Argument(size, written=True),
        Argument(0, 6),
    ])  # fmt: skip
    m, (gates, c, c0, w, g_h, g_c, g_x, g_h0, g_c0, _) = Maths(k), k.arrays
    with _turns(k, together, back=True) as (sample, row, before, some, begun):
        own, (z, to_x) = (row, 4 * size), [k.at(array, (row, 16 * size)) for array in (gates, g_x)]
        later_h, later_c, first_c = (k.at(array, (sample, 4 * size)) for array in (g_h0, g_c0, c0))
        c_before, places = k.select(some, k.at(c, (before, 4 * size)), first_c), [k.at(a, own) for a in (c, g_h, g_c)]
        for at, last in _vectors(k, size):
            for s in range(together):
                i, f, a, o = (k.load(z, at, 4 * size * (4 * s + g), last=last) for g in range(4))
                cell, dh, dc, h_carried, c_carried, old = (
                    k.load(place, at, 4 * size * s, last=last) for place in (*places, later_h, later_c, c_before)
                )
                t, one = m.tanh(cell), m.number(1)
                dh = m.add(dh, k.select(begun, h_carried, k.zero))
                dc = m.add(dc, k.select(begun, c_carried, k.zero))
                dc = k.fma(m.times(dh, o), m.minus(one, m.times(t, t)), dc)
                for g, (gate, *factors) in enumerate(((i, dc, a), (f, dc, old), (a, dc, i), (o, dh, t))):
                    slope = m.times(gate, m.minus(one, gate)) if g != 2 else m.minus(one, m.times(a, a))
                    k.store(m.times(slope, *factors), to_x, at, 4 * size * (4 * s + g), last=last)
                k.store(m.times(dc, f), later_c, at, 4 * size * s, last=last)
        left = [k.add(to_x, 16 * size * s) for s in range(together)]
        for strip, lasts in strips(k, size):
            sums = products(k, 4 * size, left, 4, k.add(w, strip), 4 * size, lasts)
            for s, v in np.ndindex(together, len(lasts)):
                k.store(sums[s * len(lasts) + v], later_h, strip, 4 * (size * s + k.lanes * v), last=lasts[v])
    return k


BUILD = {"lstm": forward, "lstm_back": backward}


def _kernel(name: str, rows: int, steps: Steps, r: Any, w: Array, h0: Array, c0: Array, *more: Array) -> Kernel | None:
    """The kernel, where samples are as many at all times, and all arrays fit each other."""
    (samples, size), count = c0.shape, len(c0) * len(steps)
    fits = w.shape == (4 * size, size) and h0.shape == c0.shape and rows == count == numpys.count_of(steps)
    worth = len(steps) >= FEWEST and 4 * count * size >= numpys.LONG
    if not (fits and worth and r is None and single(w, h0, c0, *more) and 0 < size <= WIDEST):
        return None
    key = size, samples_together(host(), samples)
    return ready(name, key, BUILD[name])


def lstm(x: Array, w: Array, h0: Array, c0: Array, r: Any = None, *, steps: Steps) -> Array | None:
    """The route of an LSTM forward."""
    kernel = _kernel("lstm", len(x), steps, r, w, h0, c0, x)
    return None if kernel is None else run_forward(kernel, x, w, h0, c0, steps)


def lstm_back(
    g: Array, out: Array, x: Any, w: Array, h0: Array, c0: Array, r: Any = None, *, steps: Steps
) -> tuple[Array, ...] | None:
    """The route of an LSTM back through time, where no gates have cotangents."""
    rows = g.shape[0] // (6 * max(c0.shape[1], 1))
    if single(g) and g[2 * rows * c0.shape[1] :].view(np.uint32).max(initial=0):
        return None
    kernel = _kernel("lstm_back", rows, steps, r, w, h0, c0, g, out)
    return None if kernel is None else run_backward(kernel, g, out, w, h0, c0, steps)


def _run(kernel: Kernel, steps: Steps, samples: int, *arrays: Array) -> None:
    (begin, _), (end, _) = steps[0], steps[-1]
    order = np.array([len(steps), begin, (end - begin) // max(1, len(steps) - 1)], np.int64)
    parts = min(PARTS, samples // samples_together(kernel.machine, samples)) if arrays[0].size >= WORTH_THREADS else 1
    kernel(*arrays, order.view(np.float32), stop=samples, parts=parts)


def run_forward(kernel: Kernel, x: Array, w: Array, h0: Array, c0: Array, steps: Steps) -> Array:
    """All h, c and gates."""
    (samples, size), lanes = c0.shape, kernel.machine.lanes
    packed = np.zeros((4, -(-size // lanes) * lanes, size), np.float32)
    packed[:, :size] = w.reshape(4, size, size)
    packed = packed.reshape(4, -1, lanes, size).transpose(1, 3, 0, 2)
    out = np.empty(6 * len(x) * size, np.float32)
    parts = numpys.lstm_parts(out, len(x), size, size)
    _run(kernel, steps, samples, *map(in_a_row, (x, packed, h0, c0)), *parts)
    return out


def run_backward(
    kernel: Kernel, g: Array, out: Array, w: Array, h0: Array, c0: Array, steps: Steps
) -> tuple[Array, ...]:
    """The cotangents of x, w, h0 and c0."""
    size, count = c0.shape[1], len(steps) * len(c0)
    (hs, cs, gates), (to_h, to_c, _) = (numpys.lstm_parts(in_a_row(a), count, size, size) for a in (out, g))
    to_x, *first = np.empty_like(gates), np.empty_like(c0, order="C"), np.empty_like(c0, order="C")
    _run(kernel, steps[::-1], len(c0), gates, cs, in_a_row(c0), in_a_row(w), to_h, to_c, to_x, *first)
    return to_x, dot(to_x.T, numpys.before(hs, h0, steps)), *first
