"""Convolution as kernels: each reads one image after another and keeps a tile of sums in registers.

As in the NumPy kernels only the width is unrolled, into y[channel, kernel column, row residue, row, output column].
That is done for a band of output rows at a time, which stays in the cache. The windows of a kernel row are then one run
of each row of y; a tile of sums takes a few output channels and a few vectors along those runs. Where channels are many
they are summed in parts, of which y's rows stay in the nearest cache; the sums wait in a scratch buffer meanwhile.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from autodiff.kernels.geometry import Array, Geometry, Sizes
from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine

BAND_BYTES = 1 << 20  # of unrolled input at a time, for the second cache
LONG = 8  # whole vectors of a row from which on they are copied by a loop
NEAR_ROWS = 100  # of y that are summed at a time, for the first cache


class Plan(NamedTuple):
    """All that a kernel depends on; channels are those of one group.

    Args:
        inputs, outputs: channels.
        size, kernel, made: height and width of the input, the kernel and the output.
        geometry: where the windows lie.
    """

    inputs: int
    outputs: int
    size: Sizes
    kernel: Sizes
    made: Sizes
    geometry: Geometry

    @property
    def depthwise(self) -> bool:
        """Whether each output channel has one input channel for itself."""
        return self.inputs == self.outputs == 1

    @property
    def plain(self) -> bool:
        """Whether y is the input itself."""
        (sh, sw), ((top, _), (left, _)), _, _ = self.geometry
        return self.kernel == (sh, sw) == (1, 1) and self.made == self.size and top == left == 0

    @property
    def residues(self) -> int:
        """How many row residues y has."""
        return min(self.geometry.stride[0], self.geometry.dilation[0] * (self.kernel[0] - 1) + 1)

    @property
    def further(self) -> int:
        """How many rows of one residue y has beyond the output rows of a band."""
        return self.geometry.dilation[0] * (self.kernel[0] - 1) // self.geometry.stride[0]

    @property
    def band(self) -> int:
        """Output rows of a band."""
        row = self.inputs * self.kernel[1] * self.residues * self.made[1] * 4
        most = max(1, BAND_BYTES // row - self.further)
        return -(-self.made[0] // -(-self.made[0] // most))

    @property
    def height(self) -> int:
        """Output rows that are computed at a time."""
        return self.made[0] if self.plain else self.band

    def start(self, k: Code, row: Int) -> Int:
        """Where in a plane of y the windows of a kernel row begin, in bytes."""
        whole, rest = k.divide(k.mul(row, self.geometry.dilation[0]), self.geometry.stride[0])
        return k.mul(k.at(whole, (rest, self.band + self.further)), 4 * self.made[1])

    @property
    def plane(self) -> int:
        """Bytes from one row of the products' right factor to the next."""
        if self.plain:
            return self.size[0] * self.size[1] * 4
        return self.residues * (self.band + self.further) * self.made[1] * 4

    @property
    def unrolled(self) -> int:
        """Numbers of y, and what whole vectors write beyond them."""
        return 0 if self.plain else self.inputs * self.kernel[1] * self.plane // 4


def unroll(k: Code, plan: Plan, x: Int, y: Int, first: Int) -> None:
    """Write y for the band of output rows from ``first`` on, from the channels at ``x``."""
    (sh, sw), ((top, _), (left, _)), (_, dw), _ = plan.geometry
    (height, width), (_, columns), wide = plan.size, plan.kernel, plan.made[1]
    rows = plan.band + plan.further
    with k.loop(0, plan.inputs) as channel:
        source, planes = k.at(x, (channel.index, height * width * 4)), k.at(y, (channel.index, columns * plan.plane))
        for column in range(columns):
            for residue in range(plan.residues):
                plane = k.add(planes, column * plan.plane + residue * rows * wide * 4)
                # Row t is row sh * (first + t) + residue - top of the input: there is one from begin to end.
                begin = k.most(0, k.at(-((residue - top) // sh), (first, -1)))
                end = k.least(rows, k.at(-((residue - top - height) // sh), (first, -1)))
                clear(k, plane, 0, k.least(k.mul(begin, wide), rows * wide))
                with k.loop(begin, end) as row:
                    at = k.at(source, (k.at(residue - top, (first, sh), (row.index, sh)), width * 4))
                    to = k.at(plane, (row.index, wide * 4))
                    write_row(k, at, to, dw * column - left, width, wide, sw)
                clear(k, plane, k.mul(k.most(begin, end), wide), rows * wide)


def clear(k: Code, to: Int, begin: Int, end: Int) -> None:
    """Write zeros from one number to another, and a vector beyond them at most."""
    if begin != end:
        with k.loop(begin, end, k.lanes) as part:
            k.store(k.zero, k.at(to, (part.index, 4)))


def write_row(k: Code, source: Int, to: Int, offset: int, width: int, wide: int, apart: int) -> None:
    """Write ``wide`` numbers: those at ``offset``, ``offset + apart``, ... of a row of ``width``, zeros beside it.

    Whole vectors are written, the last of which the next row overwrites in part.
    """
    begin = min(wide, max(0, -(offset // apart)))
    end = max(begin, min(wide, (width - offset + apart - 1) // apart))
    source = k.add(source, offset * 4)
    inner = [at for at in range(0, wide, k.lanes) if begin <= at <= end - k.lanes]
    inner = inner if len(inner) > LONG else []
    if inner:
        with k.loop(inner[0], inner[-1] + 1, k.lanes) as part:
            k.store(k.take(apart, k.at(source, (part.index, apart * 4))), k.at(to, (part.index, 4)))
    for at in sorted({*range(0, wide, k.lanes)} - {*inner}):
        first, last = begin - at, end - at
        if last > 0 and first < k.lanes:
            k.store(k.take(apart, source, at * apart * 4, first=first, last=last), to, at * 4)
        else:
            k.store(k.zero, to, at * 4)


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


@cache
def tile_of(plan: Plan, registers: int) -> Tile:
    """The tile of a forward kernel."""
    most = 8 if registers == 32 else 4
    exact = [rows for rows in range(most // 2 + 1, most + 1) if plan.outputs % rows == 0]
    rows = max(exact, default=-(-plan.outputs // -(-plan.outputs // most)))
    near = max(1, NEAR_ROWS // plan.kernel[1])
    parts = next(d for d in range(1, plan.inputs + 1) if plan.inputs % d == 0 and plan.inputs // d <= near)
    return Tile(rows, min(12, registers * 3 // 4 // rows), -(-plan.outputs // rows), parts)


def forward(machine: Machine, plan: Plan) -> Code:
    """The kernel of x, packed weights, padded bias, out, and a buffer."""
    tile, (oh, ow), groups = tile_of(plan, machine.registers), plan.made, plan.geometry.groups
    padded, columns = tile.rows * tile.blocks, tile.vectors * machine.lanes
    image, made = plan.inputs * plan.size[0] * plan.size[1], plan.outputs * oh * ow
    weights = padded * plan.kernel[0] * plan.inputs * plan.kernel[1]
    k = Code(machine, [
        Argument(groups * image), Argument(0, groups * weights), Argument(0, groups * padded),
        Argument(groups * made, written=True),
    ], buffer_size(plan, machine))  # fmt: skip
    (x, w, bias, out), buffer = k.arrays, k.scratch
    y = k.add(buffer, padded * columns * 4)
    k.store(k.zero, y, plan.unrolled * 4)  # what was there may be denormal numbers, which take a hundred times as long
    many, rest = divmod(plan.height * ow, columns)
    with k.loop(k.start, k.stop) as n, k.loop(0, groups) as g:
        item = k.at(g.index, (n.index, groups))
        source, target = k.at(x, (item, image * 4)), k.at(out, (item, made * 4))
        sums = Sums(k, plan, tile, k.at(w, (g.index, weights * 4)), k.at(bias, (g.index, padded * 4)), buffer)
        with k.loop(0, oh, plan.height) as band:
            first = 0 if plan.height == oh else k.least(band.index, oh - plan.height)
            if not plan.plain:
                unroll(k, plan, source, y, first)
            right, to = source if plan.plain else y, k.at(target, (first, ow * 4))
            if many:
                with k.loop(0, many) as p:
                    sums.block(right, to, k.mul(p.index, columns * 4), tile.vectors, k.lanes)
            if rest:
                sums.block(right, to, many * columns * 4, -(-rest // k.lanes), (rest - 1) % k.lanes + 1)
    return k


class Sums(NamedTuple):
    """Makes the sums of one group's forward kernel."""

    k: Code
    plan: Plan
    tile: Tile
    weights: Int
    bias: Int
    scratch: Int

    def block(self, y: Int, out: Int, at: Int, vectors: int, last: int) -> None:
        """All channels of the outputs from ``at`` on, in vectors, of the last of which ``last`` lanes count."""
        k, plan, (rows, most, blocks, parts) = self.k, self.plan, self.tile
        depth, tile = plan.inputs // parts * plan.kernel[1], [(m, v) for m in range(rows) for v in range(vectors)]
        with k.loop(0, parts) as part, k.loop(0, blocks) as block:
            own = k.at(self.scratch, (block.index, rows * most * k.lanes * 4))
            offsets = [k.splat(k.at(self.bias, (block.index, rows * 4)), 4 * m) for m in range(rows)]
            sums = [offsets[m] for m, _ in tile]
            if parts > 1:
                begun = k.compare("ne", part.index, 0)
                waiting = [k.load(own, (m * most + v) * k.lanes * 4) for m, v in tile]
                sums = [k.select(begun, *both) for both in zip(waiting, sums, strict=True)]
            panel = k.at(self.weights, (k.at(block.index, (part.index, blocks)), plan.kernel[0] * depth * rows * 4))
            right = k.at(k.add(y, at), (part.index, depth * plan.plane))
            with k.loop(0, plan.kernel[0], carried=sums) as i:
                left, windows = k.at(panel, (i.index, depth * rows * 4)), k.add(right, plan.start(k, i.index))
                with k.loop(0, depth, carried=i.values) as r:
                    w, row = k.at(left, (r.index, rows * 4)), k.at(windows, (r.index, plan.plane))
                    lasts = [None] * (vectors - 1) + [last if plan.plain else None]
                    x = [k.load(row, 4 * k.lanes * v, last=edge) for v, edge in enumerate(lasts)]
                    factors = [k.splat(w, 4 * m) for m in range(rows)]
                    r.next = [k.fma(factors[m], x[v], s) for (m, v), s in zip(tile, r.values, strict=True)]
                i.next = r.out
            finished = k.compare("eq", part.index, parts - 1)
            for m in range(rows):
                channel = k.add(k.mul(block.index, rows), m)
                to = k.at(k.add(out, at), (channel, plan.made[0] * plan.made[1] * 4))
                if parts > 1 or rows * blocks > plan.outputs:
                    # What is not finished, and rows beyond the last channel, go to the scratch buffer.
                    real = k.binary("and", finished, k.compare("slt", channel, plan.outputs))
                    to = k.select(real, to, k.add(own, m * most * k.lanes * 4))
                for v in range(vectors):
                    k.store(i.out[m * vectors + v], to, 4 * k.lanes * v, last=last if v == vectors - 1 else None)


def buffer_size(plan: Plan, machine: Machine) -> int:
    """Numbers of the buffer: sums that wait, y, and what whole vectors touch beyond it."""
    tile = tile_of(plan, machine.registers)
    return tile.rows * tile.blocks * tile.vectors * machine.lanes + plan.unrolled + machine.lanes


def packed(w: Array, plan: Plan, tile: Tile) -> Array:
    """The weights (groups * outputs, inputs, kh, kw) in the order in which the forward kernel reads them."""
    (kh, kw), groups, padded = plan.kernel, plan.geometry.groups, tile.rows * tile.blocks
    w = w.reshape(groups, plan.outputs, plan.inputs, kh, kw)
    if padded > plan.outputs:
        w = np.concatenate([w, np.zeros((groups, padded - plan.outputs, *w.shape[2:]), w.dtype)], 1)
    w = w.reshape(groups, tile.blocks, tile.rows, tile.parts, plan.inputs // tile.parts, kh, kw)
    return w.transpose(0, 3, 1, 5, 4, 6, 2)


class Strip(NamedTuple):
    """How the sums of the kernel's gradient are cut: by rows of y, and vectors of output channels.

    Args:
        kernel_rows, rows: of so many kernel rows, and of so many rows of y for each of these, sums are in registers.
        parts: of so many rows.
        vectors, panels: of output channels in registers, and how often.
    """

    kernel_rows: int
    rows: int
    parts: int
    vectors: int
    panels: int


@cache
def strip_of(plan: Plan, lanes: int, registers: int) -> Strip:
    """The strip of a kernel for the weights' gradient."""
    across, depth = -(-plan.outputs // lanes), plan.inputs * plan.kernel[1]
    vectors = next(v for v in ((4, 3, 2, 1) if registers == 32 else (2, 1)) if across % v == 0)
    most = (28 if registers == 32 else 12) // vectors
    # Where y is the input itself there must be no row beyond it.
    exact = [rows for rows in range(1 if plan.plain else most * 2 // 3, most + 1) if depth % rows == 0]
    rows = depth if depth <= most else max(exact, default=-(-depth // -(-depth // most)))
    together = max(i for i in range(1, max(1, most // rows) + 1) if plan.kernel[0] % i == 0)
    return Strip(together, rows, -(-depth // rows), vectors, across // vectors)


def weight_buffer(plan: Plan, machine: Machine) -> tuple[int, int]:
    """Numbers of the transposed cotangent, and of all that the kernel for the weights' gradient writes."""
    strip = strip_of(plan, machine.lanes, machine.registers)
    turned = (plan.height * plan.made[1] + machine.lanes) * strip.vectors * strip.panels * machine.lanes
    beyond = (strip.rows * strip.parts - plan.inputs * plan.kernel[1]) * plan.plane // 4
    return turned, turned + plan.unrolled + beyond + machine.lanes


def weight(machine: Machine, plan: Plan) -> Code:
    """The kernel of x, the outputs' cotangent, the sums (which it adds to), and a buffer."""
    strip, groups = strip_of(plan, machine.lanes, machine.registers), plan.geometry.groups
    turned, whole = weight_buffer(plan, machine)
    (oh, ow), padded = plan.made, strip.vectors * strip.panels * machine.lanes
    sums = plan.kernel[0] * strip.rows * strip.parts * padded
    image, made = plan.inputs * plan.size[0] * plan.size[1], plan.outputs * oh * ow
    k = Code(machine, [
        Argument(groups * image), Argument(groups * made), Argument(0, groups * sums, written=True, sums=True),
    ], whole)  # fmt: skip
    (x, g, total), across = k.arrays, k.scratch
    clear(k, across, turned + plan.unrolled, whole - k.lanes)  # as in the forward kernel
    with k.loop(k.start, k.stop) as n, k.loop(0, groups) as group, k.loop(0, oh, plan.height) as band:
        item = k.at(group.index, (n.index, groups))
        source, first = k.at(x, (item, image * 4)), 0 if plan.height == oh else k.least(band.index, oh - plan.height)
        y = source if plan.plain else k.add(across, turned * 4)
        if not plan.plain:
            unroll(k, plan, source, y, first)
        _turn(k, plan, k.at(g, (item, made * 4), (first, ow * 4)), across, padded)
        # The last band may begin before the one before it ended.
        begin = k.mul(k.at(band.index, (first, -1)), ow)
        loops = k.loop(0, plan.kernel[0], strip.kernel_rows), k.loop(0, strip.panels), k.loop(0, strip.parts)
        with loops[0] as i, loops[1] as o, loops[2] as r:
            right = k.at(y, (r.index, strip.rows * plan.plane))
            starts = [k.add(right, plan.start(k, k.add(i.index, row))) for row in range(strip.kernel_rows)]
            panel = o.index, strip.vectors * k.lanes * 4
            number = k.at(k.mul(r.index, strip.kernel_rows), (i.index, strip.parts))
            to = k.at(total, (group.index, sums * 4), (number, strip.rows * padded * 4), panel)
            _products(k, plan, strip, starts, begin, k.at(across, panel), to)
    return k


def _products(k: Code, plan: Plan, strip: Strip, starts: list[Int], begin: Int, g: Int, to: Int) -> None:
    """Add to the sums at ``to`` the products of a strip's rows of y with its vectors of the cotangent."""
    padded = strip.vectors * strip.panels * k.lanes
    tile = [(a, b, v) for a in range(strip.kernel_rows) for b in range(strip.rows) for v in range(strip.vectors)]
    with k.loop(begin, plan.height * plan.made[1], carried=[k.zero] * len(tile)) as p:
        given = [k.load(k.at(g, (p.index, padded * 4)), v * k.lanes * 4) for v in range(strip.vectors)]
        rows = [k.at(start, (p.index, 4)) for start in starts]
        factors = [[k.splat(row, b * plan.plane) for b in range(strip.rows)] for row in rows]
        p.next = [k.fma(factors[a][b], given[v], s) for (a, b, v), s in zip(tile, p.values, strict=True)]
    for (a, b, v), s in zip(tile, p.out, strict=True):
        at = ((a * strip.rows + b) * padded + v * k.lanes) * 4
        k.store(k.binary("fadd", s, k.load(to, at)), to, at)


def _turn(k: Code, plan: Plan, g: Int, to: Int, padded: int) -> None:
    """Write the cotangent of a band with the output channels side by side, and zeros beyond them."""
    size, apart = plan.height * plan.made[1], plan.made[0] * plan.made[1] * 4
    whole = plan.outputs // k.lanes * k.lanes
    with k.loop(0, size, k.lanes) as p:
        first = k.least(p.index, max(0, size - k.lanes))  # the last square may overlap the one before it
        source, below = k.at(g, (first, 4)), k.at(to, (first, padded * 4))
        if whole:
            with k.loop(0, whole, k.lanes) as channel:
                rows = [k.load(k.at(source, (channel.index, apart)), j * apart, last=size) for j in range(k.lanes)]
                for j, row in enumerate(k.turned(rows)):
                    k.store(row, k.at(below, (channel.index, 4)), j * padded * 4)
        if plan.outputs > whole:
            rows = [k.load(source, (whole + j) * apart, last=size) for j in range(plan.outputs - whole)]
            for j, row in enumerate(k.turned(rows + [k.zero] * (k.lanes - len(rows)))):
                k.store(row, below, whole * 4 + j * padded * 4)


def sums_shape(plan: Plan, machine: Machine) -> Sizes:
    """The shape of what the kernel for the weights' gradient adds to."""
    kernel_rows, rows, parts, vectors, panels = strip_of(plan, machine.lanes, machine.registers)
    repeats = plan.kernel[0] // kernel_rows
    return plan.geometry.groups, repeats, parts, kernel_rows, rows, vectors * panels * machine.lanes


def unpacked(total: Array, plan: Plan) -> Array:
    """These sums as the gradient (groups * outputs, inputs, kh, kw)."""
    (kh, kw), groups, padded = plan.kernel, plan.geometry.groups, total.shape[-1]
    total = total.swapaxes(2, 3).reshape(groups, kh, -1, padded)[:, :, : plan.inputs * kw, : plan.outputs]
    total = total.reshape(groups, kh, plan.inputs, kw, plan.outputs).transpose(0, 4, 2, 1, 3)
    return np.ascontiguousarray(total).reshape(-1, plan.inputs, kh, kw)
