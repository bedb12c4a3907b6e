"""An LSTM's way through time, and back, as kernels: a few samples at a time go through all times.

The sums of some samples, for all four gates of a vector of units, are in registers, where they become c and h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from autodiff.kernels import recurrent as numpys
from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm import library
from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine, Value
from autodiff.kernels.llvm.elementwise import Symbol, sigmoid, tanh
from autodiff.kernels.llvm.library import Job, Kernel, in_a_row, single
from autodiff.kernels.llvm.products import pieces, products, sums
from autodiff.kernels.products import dot
from autodiff.kernels.recurrent import Steps

WIDEST = 1 << 8  # units, whose weights a core's own cache holds
FEWEST = 4  # times from which on a kernel pays
WORTH_THREADS = 1 << 16  # numbers of gates from which on a second thread pays
PARTS = 4  # of the samples at most, that threads take one after another


def samples_together(machine: Machine, samples: int) -> int:
    """How many of so many samples a kernel takes at a time."""
    return min(samples, 4 if machine.registers == 32 else 2)


def _code(machine: Machine, size: int, read: Sequence[int], written: Sequence[int]) -> Code:
    """A kernel of arrays that have ``size`` numbers so many times a row, of weights, and how rows follow each other."""
    rows = [Argument(n * size) for n in read] + [Argument(n * size, written=True) for n in written]
    return Code(machine, [*rows, Argument(0, 4 * size * size), Argument(0, 6)])


@contextmanager
def _turns(
    k: Code, size: int, together: int, back: bool
) -> Iterator[tuple[Int, Int, Callable[[Int, Int], Int], Value]]:
    """Build loops over samples, and over times in the order that the last argument says.

    Yields the first sample, its row, where its state before is, given where all states and the first ones are, and
    whether a turn went before.
    """
    count, begin, apart = (k.integer(k.arrays[-1], 8 * i) for i in range(3))
    with k.loop(k.start, k.stop, together) as block:
        sample = k.least(block.index, k.add(k.stop, -together))  # some of the last may be gone through twice
        with k.loop(0, count) as turn:
            row = k.add(begin, sample, k.binary("mul", turn.index, apart))
            earlier = k.add(row, apart if back else k.mul(apart, -1))
            begun = k.compare("ne", turn.index, 0)
            some = k.compare("ne", turn.index, k.add(count, -1)) if back else begun

            def before(states: Int, first: Int) -> Int:
                return k.select(some, k.at(states, (earlier, 4 * size)), k.at(first, (sample, 4 * size)))

            yield sample, row, before, begun


def forward(machine: Machine, key: tuple[int, int]) -> Code:
    """The kernel of x, h0, c0, all h, c and gates, turned weights, and how rows follow each other in time."""
    size, together = key
    k = _code(machine, size, (4, 1, 1), (1, 1, 4))
    x, h0, c0, h, c, gates, w, _ = k.arrays
    with _turns(k, size, together, back=False) as (_, row, before, _):
        h_before, c_before = before(h, h0), before(c, c0)
        to_h, to_c = k.at(h, (row, 4 * size)), k.at(c, (row, 4 * size))
        z, to_gates = k.at(x, (row, 16 * size)), k.at(gates, (row, 16 * size))
        for unit, _, last in pieces(k, 0, size, [k.lanes]):
            at = k.mul(unit, 4)
            begun = [k.load(z, at, 4 * size * n, last=last) for n in range(4 * together)]
            found = sums(k, [(size, 4, 16 * size)], together, h_before, 4 * size, k.add(w, at), [last] * 4, begun,
                         across=4 * size)  # fmt: skip
            for s in range(together):
                i, f, a, o = made = [(tanh if g == 2 else sigmoid)(Symbol(k, found[4 * s + g])) for g in range(4)]
                cell = f * Symbol(k, k.load(c_before, at, 4 * size * s, last=last)) + i * a
                k.store(cell.value, to_c, at, 4 * size * s, last=last)
                k.store((o * tanh(cell)).value, to_h, at, 4 * size * s, last=last)
                for g, gate in enumerate(made):
                    k.store(gate.value, to_gates, at, 4 * size * (4 * s + g), last=last)
    return k


def backward(machine: Machine, key: tuple[int, int]) -> Code:
    """The kernel of gates, c, c0, cotangents of h, c, x, h0 and c0, weights, and how rows follow each other."""
    size, together = key
    k = _code(machine, size, (4, 1, 1, 1, 1), (4, 1, 1))
    gates, c, c0, g_h, g_c, g_x, g_h0, g_c0, w, _ = k.arrays
    with _turns(k, size, together, back=True) as (sample, row, before, begun):
        z, to_x = k.at(gates, (row, 16 * size)), k.at(g_x, (row, 16 * size))
        later = [k.at(array, (sample, 4 * size)) for array in (g_h0, g_c0)]
        states = [before(c, c0), *(k.at(array, (row, 4 * size)) for array in (c, g_h, g_c)), *later]
        for unit, _, last in pieces(k, 0, size, [k.lanes]):
            at = k.mul(unit, 4)
            for s in range(together):
                i, f, a, o = (Symbol(k, k.load(z, at, 4 * size * (4 * s + g), last=last)) for g in range(4))
                read = [k.load(place, at, 4 * size * s, last=last) for place in states]
                read[-2:] = [k.select(begun, x, k.zero) for x in read[-2:]]
                old, cell, dh, dc, dh_later, dc_later = (Symbol(k, x) for x in read)
                dh, t = dh + dh_later, tanh(cell)
                dc = dc + dc_later + dh * o * (1 - t * t)
                to_gates = i * (1 - i) * dc * a, f * (1 - f) * dc * old, (1 - a * a) * dc * i, o * (1 - o) * dh * t
                for g, slope in enumerate(to_gates):
                    k.store(slope.value, to_x, at, 4 * size * (4 * s + g), last=last)
                k.store((dc * f).value, later[1], at, 4 * size * s, last=last)
        for sample, column, last, x in products(k, together, size, [(4 * size, 4, 4 * size)], to_x, 16 * size, w):
            k.store(x, k.at(later[0], (sample, 4 * size), (column, 4)), last=last)
    return k


BUILD = {"lstm": forward, "lstm_back": backward}


def _job(
    name: str, run: Callable[..., Any], rows: int, steps: Steps, r: Any, w: Array, h0: Array, c0: Array, *more: Array
) -> Job | None:
    """The job, where samples are as many at all times, and all arrays fit each other."""
    (samples, size), count = c0.shape, len(c0) * len(steps)
    fits = w.shape == (4 * size, size) and h0.shape == c0.shape and rows == count == numpys.count_of(steps)
    worth = len(steps) >= FEWEST and 4 * count * size >= numpys.LONG
    if not (fits and worth and r is None and single(w, h0, c0, *more) and 0 < size <= WIDEST):
        return None
    key = size, samples_together(library.host(), samples)
    return name, key, BUILD[name], partial(run, *more, w, h0, c0, steps)


def lstm(x: Array, w: Array, h0: Array, c0: Array, r: Any = None, *, steps: Steps) -> Job | None:
    """The route of an LSTM forward."""
    return _job("lstm", run_forward, len(x), steps, r, w, h0, c0, x)


def lstm_back(
    g: Array, out: Array, x: Any, w: Array, h0: Array, c0: Array, r: Any = None, *, steps: Steps
) -> Job | None:
    """The route of an LSTM back through time, where no gates have cotangents."""
    rows = g.shape[0] // (6 * max(c0.shape[1], 1))
    if single(g) and g[2 * rows * c0.shape[1] :].view(np.uint32).max(initial=0):
        return None
    return _job("lstm_back", run_backward, rows, steps, r, w, h0, c0, g, out)


def _run(kernel: Kernel, steps: Steps, samples: int, *arrays: Array) -> None:
    (begin, _), (end, _) = steps[0], steps[-1]
    order = np.array([len(steps), begin, (end - begin) // max(1, len(steps) - 1)], np.int64)
    most, together = PARTS if arrays[0].size >= WORTH_THREADS else 1, samples_together(kernel.machine, samples)
    # The last part, too, has as many samples as are taken at a time: else the kernel would take some of the part before
    # once more, with which another thread may be at work.
    parts = next(n for n in range(most, 0, -1) if (samples - 1) % -(-samples // n) + 1 >= together)
    kernel(*arrays, order.view(np.float32), stop=samples, parts=parts)


def run_forward(x: Array, w: Array, h0: Array, c0: Array, steps: Steps, kernel: Kernel) -> Array:
    """All h, c and gates."""
    samples, size = c0.shape
    out = np.empty(6 * len(x) * size, np.float32)
    parts = numpys.lstm_parts(out, len(x), size, size)
    _run(kernel, steps, samples, *map(in_a_row, (x, h0, c0)), *parts, in_a_row(w.T))
    return out


def run_backward(
    g: Array, out: Array, w: Array, h0: Array, c0: Array, steps: Steps, kernel: Kernel
) -> tuple[Array, ...]:
    """The cotangents of x, w, h0 and c0."""
    size, count = c0.shape[1], len(steps) * len(c0)
    (hs, cs, gates), (to_h, to_c, _) = (numpys.lstm_parts(in_a_row(a), count, size, size) for a in (out, g))
    to_x, *first = np.empty_like(gates), np.empty_like(c0, order="C"), np.empty_like(c0, order="C")
    _run(kernel, steps[::-1], len(c0), gates, cs, in_a_row(c0), to_h, to_c, to_x, *first, in_a_row(w))
    return to_x, dot(to_x.T, numpys.before(hs, h0, steps)), *first
