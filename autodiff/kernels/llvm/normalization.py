"""Normalisation as kernels that go over a row while it is in the cache: moments, results and cotangents.

Rows are those of ``Fold``: p numbers that lie side by side and share their statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np

from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine, Value
from autodiff.kernels.llvm.elementwise import Maths
from autodiff.kernels.llvm.library import SINGLE, ready
from autodiff.kernels.normalization import SHORT, Fold

BLOCK, MOST_PARTS = 1 << 14, 64  # numbers that a thread takes at a time, and how often; each makes one sum of its own
AT_ONCE = 4  # vectors that are summed apart, so that no sum waits for the one before

Key = tuple[str, int, int]  # one of KERNELS, the channels (0 where each row has its own), and the size of a row


class Row(NamedTuple):
    """A row under construction, and the loop over its vectors."""

    m: Maths
    size: int

    def over(
        self, function: Callable[..., Sequence[Value]], given: Sequence[Int], outs: Sequence[Int] = (), sums: int = 0
    ) -> list[Value]:
        """Write what ``function`` makes of vectors to ``outs``; return the sums of the rest.

        What is ``given`` are addresses of numbers, or what is the same for all of them.
        """
        k, at_once = self.m.k, AT_ONCE * self.m.k.lanes
        whole, totals = self.size // at_once * at_once, [k.zero] * (AT_ONCE * sums)

        def step(u: int, at: Int, last: int) -> None:
            place, inside = k.mul(at, 4), k.mask(0, last)
            found = function(self.m, *(x if _is_vector(x) else k.load(x, place, last=last) for x in given))
            for out, x in zip(outs, found, strict=False):
                k.store(x, out, place, last=last)
            for i, x in enumerate(found[len(outs) :], u * sums):
                totals[i] = self.m.add(totals[i], x if inside is None else k.select(inside, x, k.zero))

        if whole:
            with k.loop(0, whole, at_once, totals) as turn:
                totals = [*turn.values]
                for u in range(AT_ONCE):
                    step(u, k.add(turn.index, u * k.lanes), k.lanes)
                turn.next = totals
            totals = [*turn.out]
        for u, at in enumerate(range(whole, self.size, k.lanes)):
            step(u, at, min(k.lanes, self.size - at))
        return [k.total(reduce(self.m.add, totals[i::sums])) for i in range(sums)]


def _is_vector(x: Int) -> bool:
    return isinstance(x, Value) and x.type != "i64"


def _moments(r: Row, given: Sequence[Any], outs: Sequence[Any]) -> list[Value]:
    """The sums of the squares of the deviations from the mean, and of these, and the mean."""
    mean = r.m.k.binary("fdiv", r.over(lambda m, x: [x], given, sums=1)[0], r.m.number(r.size))
    return [*r.over(lambda m, x: [m.times(z := m.minus(x, mean), z), z], given, sums=2), mean]


def _rows_back(r: Row, given: Sequence[Any], outs: Sequence[Any], center: bool) -> list[Value]:
    """The cotangent of a row, and sums for those of its weights."""
    (g, x, mean, factor, w), (out, to_w, to_b) = given, outs

    def add(m: Maths, g: Value, x: Value, w: Value, to_w: Value, to_b: Value) -> list[Value]:
        along = m.times(g, m.minus(x, mean))
        return [m.add(to_w, m.times(along, factor)), m.add(to_b, g), m.times(along, w), m.times(g, w)]

    along, total = r.over(add, [g, x, w, to_w, to_b], [to_w, to_b], sums=2)
    slope = r.m.times(along, factor, factor, -1 / r.size)
    rest = r.m.times(total, 1 / r.size) if center else r.m.k.zero
    r.over(lambda m, g, x, w: _projected(m, m.times(g, w), x, mean, slope, rest, factor), [g, x, w], [out])
    return []


def _projected(m: Maths, g: Value, x: Value, mean: Value, slope: Value, rest: Value, scale: Value) -> list[Value]:
    return [m.times(m.minus(m.add(m.times(m.minus(x, mean), slope), g), rest), scale)]


def _once(function: Callable[..., Sequence[Value]], sums: int = 0) -> Callable[..., list[Value]]:
    """What a function makes of the vectors of a row: first what is written, then what is summed."""
    return lambda r, given, outs: r.over(function, given, outs, sums)


# What a kernel takes: rows (r), the places of their numbers (n), statistics of each channel or row (s), rows of weights
# (w); large letters are written, and weights (W) are sums. It is made of the rest, and returns the numbers.
KERNELS: dict[str, tuple[str, Callable[..., list[Value]]]] = {
    "squares": ("rN", _once(lambda m, x: [m.times(x, x)], 1)),
    "moments": ("rNNN", _moments),
    "standardized": ("rsssR", _once(lambda m, x, mean, by, b: [m.add(m.times(m.minus(x, mean), by), b)])),
    "weighted": ("rsswwR", _once(lambda m, x, mean, by, w, b: [m.add(m.times(m.minus(x, mean), by, w), b)])),
    "products": ("rrsNN", _once(lambda m, g, x, mean: [m.times(g, m.minus(x, mean)), g], 2)),
    "projected": ("rrssssR", _once(_projected)),
    "rows back": ("rrsswRWW", partial(_rows_back, center=True)),
    "rows back, not centered": ("rrsswRWW", partial(_rows_back, center=False)),
}


def build(machine: Machine, key: Key) -> Code:
    """The kernel over rows."""
    (letters, body), channels, p = KERNELS[key[0]], *key[1:]
    sizes = {"r": (p, 0), "n": (1, 0), "s": (0, channels) if channels else (1, 0), "w": (0, p)}
    k = Code(machine, [Argument(*sizes[z.lower()], z.isupper(), z == "W") for z in letters])
    with k.loop(k.start, k.stop) as turn:
        own = k.divide(turn.index, channels)[1] if channels else turn.index
        steps = {"r": (turn.index, 4 * p), "n": (turn.index, 4), "s": (own, 4), "w": (0, 4)}
        places = [(z, k.at(x, steps[z.lower()])) for z, x in zip(letters, k.arrays, strict=True)]
        given = [k.splat(x) if z == "s" else x for z, x in places if z.islower()]
        totals = body(Row(Maths(k), p), given, [x for z, x in places if z in "RW"])
        for total, x in zip(totals, [x for z, x in places if z == "N"], strict=True):
            k.store(total, x, last=1)
    return k


def _run(kind: str, fold: Fold, *arrays: Any) -> bool:
    """Run a kernel over all rows, by several threads; False where none takes the arrays."""
    key = kind, 0 if fold.n == 1 else fold.c, fold.p
    for x in arrays:
        if type(x) is not np.ndarray or x.dtype != SINGLE or not (x.flags.c_contiguous and x.flags.aligned):
            return False
    kernel = ready("normalization", key, build) if fold.p >= SHORT else None
    if kernel is not None:
        kernel(*arrays, stop=fold.n * fold.c, parts=_parts(fold))
    return kernel is not None


def _parts(fold: Fold) -> int:
    return min(-(-fold.n * fold.c * fold.p // BLOCK), MOST_PARTS)


def _filled(x: Array | None, shape: Any, number: float) -> Array:
    return np.full(shape, number, np.float32) if x is None else x


def moments(x: Array, *, fold: Fold, center: bool) -> tuple[Array, Array] | None:
    """The route of ``normalization.moments``."""
    squares, rests, means = np.zeros((3, fold.n, fold.c), np.float32)
    if not _run("moments" if center else "squares", fold, x, *([squares, rests, means] if center else [squares])):
        return None
    mean = np.add.reduce(means, axis=0) / fold.n
    if fold.n > 1:  # the deviations from the mean of a row as those from the mean of all
        with np.errstate(all="ignore"):
            means -= mean
            squares += means * (2 * rests + fold.p * means)
    return mean, np.add.reduce(squares, axis=0) / (fold.n * fold.p)


def standardized(
    x: Array, mean: Array | None, factor: Array, offset: Array | None = None, w: Array | None = None,
    b: Array | None = None, *, fold: Fold,
) -> Array | None:  # fmt: skip
    """The route of ``normalization.standardized``."""
    out, mean = np.empty_like(x), _filled(mean, factor.shape, 0)
    if w is None and b is None:
        offset = np.ascontiguousarray(_filled(offset, factor.shape, -0.0))  # a sum with -0 changes nothing
        return out if _run("standardized", fold, x, mean, factor, offset, out) else None
    w, b = _filled(w, fold.p, 1), _filled(b, fold.p, -0.0)
    return out if offset is None and _run("weighted", fold, x, mean, factor, w, b, out) else None


def products(g: Array, x: Array, mean: Array | None, *, fold: Fold) -> tuple[Array, Array] | None:
    """The route of the sums in ``normalization.cotangents``."""
    along, total = sums = np.empty((2, fold.n, fold.c), np.float32)
    if not _run("products", fold, g, x, _filled(mean, fold.c, 0), along, total):
        return None
    along, total = np.add.reduce(sums, axis=1)
    return along, total if mean is not None else np.zeros_like(total)


def projected(
    g: Array, x: Array, mean: Array | None, slope: Array, rest: Array, scale: Array, *, fold: Fold
) -> Array | None:
    """The route of the result in ``normalization.cotangents``."""
    out = np.empty_like(x)
    mean, rest = (_filled(y if mean is not None else None, fold.c, 0) for y in (mean, rest))
    return out if _run("projected", fold, g, x, mean, slope, rest, scale, out) else None


def cotangents_of_rows(
    g: Array, x: Array, mean: Array | None, factor: Array, w: Array, *, fold: Fold
) -> tuple[Array, Array, Array] | None:
    """The route of ``normalization.cotangents_of_rows``."""
    out, sums = np.empty_like(x), np.zeros((2, _parts(fold), fold.p), np.float32)
    kind = "rows back" if mean is not None else "rows back, not centered"
    if not _run(kind, fold, g, x, _filled(mean, fold.c, 0), factor, w, out, *sums):
        return None
    to_w, to_b = (np.add.reduce(parts, axis=0) for parts in sums)
    return out, to_w, to_b
