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
from autodiff.kernels.llvm.library import SINGLE, ready
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


def _run(name: str, fold: Fold, *arrays: Any, center: bool = True) -> bool:
    """Run a kernel over all rows, by several threads; False where none takes the arrays."""
    for x in arrays:
        if type(x) is not np.ndarray or x.dtype != SINGLE or not (x.flags.c_contiguous and x.flags.aligned):
            return False
    kernel = ready("normalization", (name, center, fold.p), build) if fold.p >= SHORT else None
    if kernel is not None:
        given = [np.tile(x.ravel(), fold.n) if z == "s" else x for z, x in zip(KERNELS[name][0], arrays, strict=True)]
        kernel(*given, stop=fold.n * fold.c, parts=_parts(fold))
    return kernel is not None


def _parts(fold: Fold) -> int:
    return min(-(-fold.n * fold.c * fold.p // BLOCK), MOST_PARTS)


def _filled(x: Array | None, shape: Any, number: float) -> Array:
    return np.full(shape, number, np.float32) if x is None else x


def moments(x: Array, *, fold: Fold, center: bool) -> tuple[Array, Array] | None:
    """The route of ``normalization.moments``."""
    squares, rests, means = np.zeros((3, fold.n, fold.c), np.float32)
    if not _run("moments", fold, x, squares, rests, means, center=center):
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
    if not _run("rows back", fold, g, x, _filled(mean, fold.c, 0), factor, w, out, *sums, center=mean is not None):
        return None
    to_w, to_b = (np.add.reduce(parts, axis=0) for parts in sums)
    return out, to_w, to_b
