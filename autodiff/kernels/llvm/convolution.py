"""Convolution as kernels: a band of output rows of an image after another, with a tile of sums in registers.

A tile takes a few output channels and a few vectors along the runs of the unrolled windows y. Where channels are many
they are summed in parts, of which y's rows stay in the nearest cache; the sums wait in the kernel's own memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from math import prod
from typing import NamedTuple

from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine
from autodiff.kernels.llvm.windows import Band, Plan, clear

NEAR_ROWS = 100  # of y that are summed at a time, for the first cache


class Tile(NamedTuple):
    """How the sums of the forward kernel are cut.

    Args:
        rows, vectors: output channels, and vectors of outputs, whose sums are in registers.
        blocks: of so many channels.
        parts: into which the sum over input channels is cut.
    """

    rows: int
    vectors: int
    blocks: int
    parts: int


def tile_of(plan: Plan, registers: int) -> Tile:
    """The tile of a forward kernel."""
    most = 8 if registers == 32 else 4
    exact = [rows for rows in range(most // 2 + 1, most + 1) if plan.outputs % rows == 0]
    rows = max(exact, default=-(-plan.outputs // -(-plan.outputs // most)))
    near = max(1, NEAR_ROWS // plan.kernel[1])
    parts = next(d for d in range(1, plan.inputs + 1) if plan.inputs % d == 0 and plan.inputs // d <= near)
    return Tile(rows, min(12, registers * 3 // 4 // rows), -(-plan.outputs // rows), parts)


def forward(machine: Machine, plans: tuple[Plan, ...]) -> Code:
    """The kernel of x, weights, bias and out, to which each plan gives some of the places."""
    plan, bands = plans[0], max(plan.bands for plan in plans)
    groups, (image, _, whole) = plan.geometry.groups, plan.sizes
    k = Code(machine, [
        Argument(groups * image), Argument(0, plan.weights.size), Argument(0, groups * plan.outputs),
        Argument(groups * plan.outputs * whole, written=True),
    ], turns=bands)  # fmt: skip
    x, w, bias, out = k.arrays
    with k.loop(k.start, k.stop) as turn:
        n, part = k.divide(turn.index, bands)
        for plan in plans:
            height, tile = -(-plan.made[0] // bands), tile_of(plan, machine.registers)
            band = Band(k, plan, height, k.least(k.mul(part, height), plan.made[0] - height))
            k.used = 0
            waiting = k.room(tile.rows * tile.blocks * tile.vectors * k.lanes if tile.parts > 1 else 0)
            room, (many, rest) = k.room(band.unrolled), divmod(band.size, tile.vectors * k.lanes)
            with k.loop(0, groups) as g:
                item = k.at(g.index, (n, groups))
                y = band.unroll(k.at(x, (item, image * 4)), room)
                own = k.at(w, (g.index, plan.weights.group * 4)), k.at(bias, (g.index, plan.outputs * 4))
                sums = Sums(band, tile, waiting, *own, y, k.at(out, (item, plan.outputs * whole * 4)))
                if many:
                    with k.loop(0, many) as p:
                        sums.block(k.mul(p.index, tile.vectors * k.lanes), tile.vectors, k.lanes)
                if rest:
                    sums.block(many * tile.vectors * k.lanes, -(-rest // k.lanes), (rest - 1) % k.lanes + 1)
    return k


class Sums(NamedTuple):
    """Makes the sums of one band by the forward kernel."""

    band: Band
    tile: Tile
    waiting: Int
    weights: Int
    bias: Int
    y: Int
    out: Int

    def block(self, at: Int, vectors: int, last: int) -> None:
        """All channels of the outputs from ``at`` on, in vectors, of the last of which ``last`` lanes count."""
        band, (rows, most, blocks, parts) = self.band, self.tile
        k, plan, places = band.k, band.plan, self.places(at, vectors)
        far, width, plane = plan.weights, plan.kernel[1], 4 * plan.sizes[2]
        tile, some = [*product(range(rows), range(vectors))], plan.inputs // parts
        lasts = [None] * (vectors - 1) + [last if plan.plain else None]
        with k.loop(0, parts) as part, k.loop(0, blocks) as block:
            own = k.at(self.waiting, (block.index, rows * most * k.lanes * 4))
            channel = k.least(k.mul(block.index, rows), plan.outputs - rows)  # the last block may overlap
            offsets = [k.splat(k.at(self.bias, (channel, 4)), 4 * m) for m in range(rows)]
            sums = [offsets[m] for m, _ in tile]
            if parts > 1:
                begun = k.compare("ne", part.index, 0)
                waiting = [k.load(own, (m * most + v) * k.lanes * 4) for m, v in tile]
                sums = [k.select(begun, *both) for both in zip(waiting, sums, strict=True)]
            panel = k.at(self.weights, (channel, far.output * 4), (part.index, some * far.input * 4))
            right = k.at(self.y, (at, 4), (part.index, some * width * band.plane))
            with k.loop(0, plan.kernel[0], carried=sums) as i:
                left, windows = k.at(panel, (i.index, far.row * 4)), k.add(right, band.start(i.index))
                with k.loop(0, some, carried=i.values) as c:
                    w, y = k.at(left, (c.index, far.input * 4)), k.at(windows, (c.index, width * band.plane))
                    c.next = c.values
                    for j in range(width):
                        x = [k.load(y, j * band.plane + 4 * k.lanes * v, last=edge) for v, edge in enumerate(lasts)]
                        offset = far.first + j * far.column
                        factors = [k.splat(w, 4 * (offset + m * far.output)) for m in range(rows)]
                        c.next = [k.fma(factors[m], x[v], s) for (m, v), s in zip(tile, c.next, strict=True)]
                i.next = c.out
            if parts > 1:
                for (m, v), s in zip(tile, i.out, strict=True):
                    k.store(s, own, (m * most + v) * k.lanes * 4)
            with k.when(k.compare("eq", part.index, parts - 1)):
                for (m, v), s in zip(tile, i.out, strict=True):
                    to = k.at(self.out, (channel, plane)), m * plane
                    k.put(s, places[v], *to, last=last if v == vectors - 1 else None)

    def places(self, at: Int, vectors: int) -> list[Int]:
        """Where in the image the outputs of each vector from ``at`` on go: a place, or one for each lane."""
        k, plan = self.band.k, self.band.plan
        (top, left), (down, right), wide, width = plan.place, plan.steps, plan.made[1], plan.whole[1]
        found = [k.add(k.at(at, (self.band.first, wide)), v * k.lanes) for v in range(vectors)]
        if down == right == 1:
            return found
        each = [k.spread(start, 1) for start in found]
        rows = [k.binary("udiv", index, k.spread(wide)) for index in each]
        rows = [k.binary("mul", row, k.spread(down * width - right * wide)) for row in rows]
        across = [k.binary("mul", index, k.spread(right)) for index in each]
        first = k.spread(top * width + left)
        return [k.binary("add", k.binary("add", *both), first) for both in zip(rows, across, strict=True)]


class Strip(NamedTuple):
    """How the sums of the weights' gradient are cut: by rows of y, and vectors of the cotangent.

    Args:
        kernel_rows, rows: of so many kernel rows, and of so many rows of y for each of these, sums are in registers.
        blocks: of so many rows.
        vectors, panels: of the cotangent in registers, and how often.
    """

    kernel_rows: int
    rows: int
    blocks: int
    vectors: int
    panels: int


def strip_of(plan: Plan, across: int, registers: int) -> Strip:
    """The strip of a kernel for the weights' gradient, with so many vectors of the cotangent."""
    vectors = next(v for v in ((4, 3, 2, 1) if registers == 32 else (2, 1)) if across % v == 0)
    most = (28 if registers == 32 else 12) // vectors
    exact = [rows for rows in range(most * 2 // 3, most + 1) if plan.depth % rows == 0]
    rows = plan.depth if plan.depth <= most else max(exact, default=-(-plan.depth // -(-plan.depth // most)))
    together = max(i for i in range(1, max(1, most // rows) + 1) if plan.kernel[0] % i == 0)
    return Strip(together, rows, -(-plan.depth // rows), vectors, across // vectors)


def weight(machine: Machine, plan: Plan) -> Code:
    """The kernel of x, the outputs' cotangent, and the weights' gradient.

    Either the lanes of a vector are output channels, for which the cotangent is transposed, or, where there are few of
    these, places of the output; then the sum of the lanes is taken at the end.
    """
    groups, ((oh, ow), (kh, kw), bands) = plan.geometry.groups, (plan.made, plan.kernel, plan.bands)
    (image, made, _), lanes = plan.sizes, machine.lanes
    k = Code(machine, [
        Argument(groups * image), Argument(groups * made),
        Argument(0, groups * plan.outputs * plan.inputs * kh * kw, written=True, sums=True),
    ], turns=bands)  # fmt: skip
    x, g, gradient = k.arrays
    few = plan.outputs * 4 <= lanes
    strip = strip_of(plan, plan.outputs if few else -(-plan.outputs // lanes), machine.registers)
    height, across = -(-oh // bands), strip.vectors * strip.panels
    count = groups * kh * strip.blocks * strip.rows * across * lanes
    sums, whole = k.room(count), Band(k, plan, height)
    turned, y = k.room(0 if few else (whole.size + lanes) * across * lanes), k.room(whole.unrolled)
    clear(k, sums, 0, count)
    with k.loop(k.start, k.stop) as turn, k.loop(0, groups) as group:
        n, part = k.divide(turn.index, bands)
        item, first = k.at(group.index, (n, groups)), k.least(k.mul(part, height), oh - height)
        products = Products(strip, few, Band(k, plan, height, first), k.at(sums, (group.index, count // groups * 4)))
        # The last band may begin before the one before it ended.
        begin = k.mul(k.at(k.mul(part, height), (first, -1)), ow)
        given = k.at(g, (item, made * 4), (first, ow * 4))
        products.add(products.band.unroll(k.at(x, (item, image * 4)), y), given, turned, begin)
    with k.loop(0, groups) as group:
        products = Products(strip, few, whole, k.at(sums, (group.index, count // groups * 4)))
        products.write(k.at(gradient, (group.index, plan.outputs * plan.inputs * kh * kw * 4)))
    return k


class Products(NamedTuple):
    """Makes the sums of products by the kernel for the weights' gradient."""

    strip: Strip
    few: bool
    band: Band
    sums: Int

    @contextmanager
    def strips(self) -> Iterator[tuple[Int, Int, Int, Int]]:
        """Build what is done for each strip, given its first kernel row, panel, row of y, and where its sums are."""
        k, plan, (together, rows, blocks, vectors, panels) = self.band.k, self.band.plan, self.strip
        each = 4 * rows * vectors * k.lanes
        with k.loop(0, plan.kernel[0], together) as i, k.loop(0, panels) as o, k.loop(0, blocks) as r:
            number = k.at(k.mul(k.at(r.index, (o.index, blocks)), together), (i.index, panels * blocks))
            yield i.index, o.index, k.least(k.mul(r.index, rows), plan.depth - rows), k.at(self.sums, (number, each))

    @property
    def tile(self) -> list[tuple[int, int, int]]:
        """Kernel row, row of y, and vector of the cotangent of each sum of a strip."""
        strip = self.strip
        return [*product(range(strip.kernel_rows), range(strip.rows), range(strip.vectors))]

    def add(self, y: Int, g: Int, turned: Int, begin: Int) -> None:
        """Add the products of the rows of y with the cotangent ``g`` of a band, from output ``begin`` on."""
        band, k, few, vectors = self.band, self.band.k, self.few, self.strip.vectors
        plane = prod(band.plan.made) * 4
        padded = vectors * self.strip.panels * k.lanes * 4
        if not few:
            _turn(band, g, turned, padded)
        with self.strips() as (i, o, row, sums):
            rows = [k.add(k.at(y, (row, band.plane)), band.start(k.add(i, a))) for a in range(self.strip.kernel_rows)]
            source = k.at(g, (o, vectors * plane)) if few else k.at(turned, (o, vectors * k.lanes * 4))
            with k.loop(begin, band.size, k.lanes if few else 1, carried=[k.zero] * len(self.tile)) as p:
                # What lies beyond may be infinite: it must be 0 in both.
                last = k.at(band.size, (p.index, -1)) if few else None
                at = k.at(source, (p.index, 4 if few else padded))
                given = [k.load(at, v * (plane if few else k.lanes * 4), last=last) for v in range(vectors)]
                places = [(k.at(row, (p.index, 4)), b * band.plane) for row in rows for b in range(self.strip.rows)]
                factors = [k.load(*place, last=last) if few else k.splat(*place) for place in places]
                pairs = product(factors, given)
                p.next = [k.fma(*pair, s) for pair, s in zip(pairs, p.values, strict=True)]
            for number, s in enumerate(p.out):
                at = number * k.lanes * 4
                k.store(k.binary("fadd", s, k.load(sums, at)), sums, at)

    def write(self, gradient: Int) -> None:
        """Write the gradient."""
        k, plan, vectors = self.band.k, self.band.plan, self.strip.vectors
        (kh, kw), apart = plan.kernel, plan.inputs * plan.kernel[0] * plan.kernel[1]
        with self.strips() as (i, o, row, sums):
            for number, (a, b, v) in enumerate(self.tile):
                channel, column = k.divide(k.add(row, b), kw)
                output = k.mul(k.at(v, (o, vectors)), 1 if self.few else k.lanes)
                at = k.at(gradient, (output, apart * 4), (channel, kh * kw * 4), (k.add(i, a), kw * 4), (column, 4))
                total = k.load(sums, number * k.lanes * 4)
                if self.few:
                    k.store(k.total(total), at, last=1)
                else:
                    k.put(total, k.spread(0, apart), at, last=k.at(plan.outputs, (output, -1)))


def _turn(band: Band, g: Int, to: Int, padded: int) -> None:
    """Write the cotangent of a band with the output channels side by side, and zeros beyond them."""
    k, size, apart, outputs = band.k, band.size, prod(band.plan.made) * 4, band.plan.outputs
    whole = outputs // k.lanes * k.lanes
    with k.loop(0, size, k.lanes) as p:
        first = k.least(p.index, max(0, size - k.lanes))  # the last square may overlap the one before it
        source, below = k.at(g, (first, 4)), k.at(to, (first, padded))
        if whole:
            with k.loop(0, whole, k.lanes) as channel:
                rows = [k.load(k.at(source, (channel.index, apart)), j * apart, last=size) for j in range(k.lanes)]
                for j, row in enumerate(k.turned(rows)):
                    k.store(row, k.at(below, (channel.index, 4)), j * padded)
        if outputs > whole:
            rows = [k.load(source, (whole + j) * apart, last=size) for j in range(outputs - whole)]
            for j, row in enumerate(k.turned(rows + [k.zero] * (k.lanes - len(rows)))):
                k.store(row, below, whole * 4 + j * padded)
