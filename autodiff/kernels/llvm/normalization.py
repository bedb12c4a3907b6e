"""Normalisation as kernels that go over a row while it is in the cache: moments, results and cotangents.

Rows are those of ``Fold``: p numbers that lie side by side and share their statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine, Value
from autodiff.kernels.llvm.elementwise import Symbol
from autodiff.kernels.llvm.library import Job, Kernel, in_a_row, single
from autodiff.kernels.normalization import SHORT, Fold

BLOCK, MOST_PARTS = 1 << 14, 64  # numbers that a thread takes at a time, and how often; each makes one sum of its own


Key = tuple[str, bool, int]  # one of KERNELS, whether there are means, and the numbers of a row


class Row(NamedTuple):
    """A row under construction: the code, whether there is a mean, and how many numbers it has."""

    code: Code
    center: bool
    size: int

    def over(
        self, function: Callable[..., Sequence[Symbol]], *places: Int, to: Sequence[Int] = (), sums: int = 0
    ) -> list[Symbol]:
        """Write what ``function`` makes of the vectors of some rows to others; return the sums of the rest."""
        k, whole = self.code, self.size // self.code.lanes * self.code.lanes

        def step(at: Int, last: int, totals: Sequence[Value]) -> list[Value]:
            made = function(*(Symbol(k, k.load(x, at, last=last)) for x in places))
            for place, x in zip(to, made, strict=False):
                k.store(x.value, place, at, last=last)
            inside = k.mask(0, last)
            terms = [x.value if inside is None else k.select(inside, x.value, k.zero) for x in made[len(to) :]]
            return [k.binary("fadd", *both) for both in zip(totals, terms, strict=True)]

        with k.loop(0, whole, k.lanes, [k.zero] * sums) as turn:
            turn.next = step(k.mul(turn.index, 4), k.lanes, turn.values)
        totals = turn.out if whole == self.size else step(4 * whole, self.size - whole, turn.out)
        return [Symbol(k, k.total(x)) for x in totals]


def _moments(r: Row, x: Int) -> list[Symbol]:
    """The sums of the squares of the deviations from the mean, and of these, and the mean."""
    mean = r.over(lambda x: [x], x, sums=1)[0] / r.size if r.center else Symbol(r.code, r.code.zero)
    return [*r.over(lambda x: [(x - mean) * (x - mean), x - mean], x, sums=2), mean]


def _rows_back(
    r: Row, g: Int, x: Int, mean: Symbol, factor: Symbol, w: Int, out: Int, to_w: Int, to_b: Int
) -> list[Symbol]:
    """The cotangent of a row, and sums for those of its weights."""

    def add(g: Any, x: Any, w: Any, to_w: Any, to_b: Any) -> list[Symbol]:
        along = g * (x - mean)
        return [to_w + along * factor, to_b + g, along * w, g * w]

    along, total = r.over(add, g, x, w, to_w, to_b, to=[to_w, to_b], sums=2)
    slope, rest = along * factor * factor * (-1 / r.size), total * (1 / r.size) if r.center else 0
    return r.over(lambda g, x, w: [((x - mean) * slope + g * w - rest) * factor], g, x, w, to=[out])


# What a kernel takes: rows (r), statistics of each (s), rows of weights (w); large letters are written, and weights (W)
# are sums. Their places, and the statistics that are read, are given to the function, which returns those that are not.
KERNELS: dict[str, tuple[str, Callable[..., list[Symbol]]]] = {
    "moments": ("rSSS", _moments),
    "standardized": (
        "rsssR",
        lambda r, x, mean, by, b, out: r.over(lambda x: [(x - mean) * by + b], x, to=[out]),
    ),
    "weighted": (
        "rsswwR",
        lambda r, x, mean, by, w, b, out: r.over(lambda x, w, b: [(x - mean) * by * w + b], x, w, b, to=[out]),
    ),
    "products": (
        "rrsSS",
        lambda r, g, x, mean: r.over(lambda g, x: [g * (x - mean), g], g, x, sums=2),
    ),
    "projected": (
        "rrssssR",
        lambda r, g, x, mean, slope, rest, scale, out:
            r.over(lambda g, x: [((x - mean) * slope + g - rest) * scale], g, x, to=[out]),
    ),
    "rows back": ("rrsswRWW", _rows_back),
}  # fmt: skip


def build(machine: Machine, key: Key) -> Code:
    """The kernel over rows."""
    name, center, p = key
    letters, body = KERNELS[name]
    sizes = {"r": (p, 0), "s": (1, 0), "w": (0, p)}
    k = Code(machine, [Argument(*sizes[z.lower()], z.isupper(), z == "W") for z in letters])
    with k.loop(k.start, k.stop) as turn:
        places = [(z, k.at(x, (turn.index, 4 * sizes[z.lower()][0]))) for z, x in zip(letters, k.arrays, strict=True)]
        totals = body(Row(k, center, p), *(Symbol(k, k.splat(x)) if z == "s" else x for z, x in places if z != "S"))
        for total, x in zip(totals, [x for z, x in places if z == "S"], strict=True):
            k.store(total.value, x, last=1)
    return k


def _job(
    name: str, fold: Fold, given: Sequence[Array | None], made: Sequence[Array],
    finish: Callable[..., Any] = lambda out: out, center: bool = True,
) -> Job | None:  # fmt: skip
    """A kernel over all rows, of what is given, zeros where that is None; it gives ``finish(*made)``."""
    if fold.p < SHORT or not single(*given):
        return None

    def read(letter: str, x: Array | None) -> Array:
        if x is None:
            x = np.zeros(fold.c if letter == "s" else fold.p, np.float32)
        return np.tile(x.ravel(), fold.n) if letter == "s" and fold.n > 1 else in_a_row(x)

    def run(kernel: Kernel) -> Any:
        kernel(*map(read, KERNELS[name][0], given), *made, stop=fold.n * fold.c, parts=_parts(fold))
        return finish(*made)

    return "normalization", (name, center, fold.p), build, run


def _parts(fold: Fold) -> int:
    return min(-(-fold.n * fold.c * fold.p // BLOCK), MOST_PARTS)


def moments(x: Array, *, fold: Fold, center: bool) -> Job | None:
    """The route of ``normalization.moments``."""

    def finish(squares: Array, rests: Array, means: Array) -> tuple[Array, Array]:
        mean = np.add.reduce(means, axis=0) / fold.n
        if fold.n > 1:  # the deviations from the mean of a row as those from the mean of all
            with np.errstate(all="ignore"):
                means -= mean
                squares += means * (2 * rests + fold.p * means)
        return mean, np.add.reduce(squares, axis=0) / (fold.n * fold.p)

    return _job("moments", fold, [x], np.zeros((3, fold.n, fold.c), np.float32), finish, center)  # type: ignore[arg-type]


def standardized(
    x: Array, mean: Array | None, factor: Array, offset: Array | None = None, w: Array | None = None,
    b: Array | None = None, *, fold: Fold,
) -> Job | None:  # fmt: skip
    """The route of ``normalization.standardized``."""
    out = [np.empty(x.shape, np.float32)]
    if w is None:
        return _job("standardized", fold, [x, mean, factor, offset], out) if b is None else None
    return _job("weighted", fold, [x, mean, factor, w, b], out) if offset is None else None


def products(g: Array, x: Array, mean: Array | None, *, fold: Fold) -> Job | None:
    """The route of the sums in ``normalization.cotangents``."""

    def finish(along: Array, total: Array) -> tuple[Array, Array]:
        total = np.add.reduce(total, axis=0)
        return np.add.reduce(along, axis=0), total if mean is not None else np.zeros_like(total)

    return _job("products", fold, [g, x, mean], np.empty((2, fold.n, fold.c), np.float32), finish)  # type: ignore[arg-type]


def projected(
    g: Array, x: Array, mean: Array | None, slope: Array, rest: Array, scale: Array, *, fold: Fold
) -> Job | None:
    """The route of the result in ``normalization.cotangents``."""
    given = [g, x, mean, slope, rest if mean is not None else None, scale]
    return _job("projected", fold, given, [np.empty(x.shape, np.float32)])


def cotangents_of_rows(
    g: Array, x: Array, mean: Array | None, factor: Array, w: Array, *, fold: Fold
) -> Job | None:
    """The route of ``normalization.cotangents_of_rows``."""

    def finish(out: Array, to_w: Array, to_b: Array) -> tuple[Array, ...]:
        return out, np.add.reduce(to_w, axis=0), np.add.reduce(to_b, axis=0)

    made = [np.empty(x.shape, np.float32), *np.zeros((2, _parts(fold), fold.p), np.float32)]
    return _job("rows back", fold, [g, x, mean, factor, w], made, finish, mean is not None)
