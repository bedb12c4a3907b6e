"""Convolution as kernels: each reads one image after another and keeps a tile of sums in registers.

As in the NumPy kernels only the width is unrolled, into y[channel, kernel column, row residue, row, output column].
That is done for a band of output rows at a time, which stays in the cache. The windows of a kernel row are then one run
of each row of y; a tile of sums takes a few output channels and a few vectors along those runs. Where channels are many
they are summed in parts, of which y's rows stay in the nearest cache; the sums wait in a scratch buffer meanwhile.
"""

from __future__ import annotations

import inspect
from functools import cache, partial
from typing import NamedTuple

import numpy as np

from autodiff.kernels import convolution as plain_numpy
from autodiff.kernels.geometry import Array, Geometry, Sizes
from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine
from autodiff.kernels.llvm.library import Kernel, ready, single
from autodiff.kernels.threads import WorkQueue

BAND_BYTES = 1 << 20  # of unrolled input at a time, for the second cache
NEAR_ROWS = 100  # of y that are summed at a time, for the first cache
SMALL = 1 << 16  # multiply-adds up to which NumPy's calls are as fast
WIDEST = 64  # columns of the kernel by row residues, each of which has code of its own
WORTH_THREADS = 4_000_000  # multiply-adds below which handing half a batch to a thread costs more than it saves


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
            offset = dw * column - left
            begin = min(wide, max(0, -(offset // sw)))
            end = max(begin, min(wide, (width - offset + sw - 1) // sw))
            for residue in range(plan.residues):
                plane = k.add(planes, column * plan.plane + residue * rows * wide * 4)
                with k.loop(0, rows) as row:
                    number = k.at(residue - top, (first, sh), (row.index, sh))
                    to, inside = k.at(plane, (row.index, wide * 4)), k.compare("ult", number, height)
                    with k.when(inside):
                        at = k.at(k.add(source, (offset + sw * begin) * 4), (number, width * 4))
                        _row(k, at, to, (begin, end, wide), sw)
                    with k.when(inside, False), k.loop(0, wide, k.lanes) as zeros:
                        k.store(k.zero, k.at(to, (zeros.index, 4)))


def _row(k: Code, source: Int, to: Int, span: Sizes, apart: int) -> None:
    """Write a row of ``wide`` numbers: zeros, those at ``source`` from ``begin`` to ``end``, zeros.

    Whole vectors are written, whose ends the next row overwrites.
    """
    begin, end, wide = span
    many, rest = divmod(end - begin, k.lanes)
    written = begin + many * k.lanes
    for zeros in range(0, begin, k.lanes):
        k.store(k.zero, to, zeros * 4)
    if many:
        with k.loop(0, many * k.lanes, k.lanes) as part:
            k.store(k.take(apart, k.at(source, (part.index, 4 * apart))), k.at(to, (part.index, 4)), begin * 4)
    if rest:
        k.store(k.take(apart, source, many * k.lanes * 4 * apart, last=rest), to, written * 4)
        written += k.lanes
    for zeros in range(written, wide, k.lanes):
        k.store(k.zero, to, zeros * 4)


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
        Argument(groups * made, written=True), Argument(0, buffer_size(plan, machine), written=True),
    ])  # fmt: skip
    x, w, bias, out, buffer = k.arrays
    y = k.add(buffer, padded * columns * 4)
    height = oh if plan.plain else plan.band
    many, rest = divmod(height * ow, columns)
    with k.loop(k.start, k.stop) as n, k.loop(0, groups) as g:
        item = k.at(g.index, (n.index, groups))
        source, target = k.at(x, (item, image * 4)), k.at(out, (item, made * 4))
        sums = Sums(k, plan, tile, k.at(w, (g.index, weights * 4)), k.at(bias, (g.index, padded * 4)), buffer)
        with k.loop(0, oh, height) as band:
            first = k.least(band.index, oh - height)
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
    return np.ascontiguousarray(w.transpose(0, 3, 1, 5, 4, 6, 2))


def convolve(x: Array, w: Array, geometry: Geometry, bias: Array | None = None) -> Array | None:
    """The route of ``convolution.convolve``."""
    outputs, inputs, *kernel = w.shape
    made = geometry.output_size(x.shape[2:], w.shape[2:])
    products = len(x) * w.size * made[0] * made[1]
    if products <= SMALL or not single(x, w, bias):
        return None
    plan = Plan(inputs, outputs // geometry.groups, x.shape[2:], w.shape[2:], made, geometry)
    if kernel[1] * plan.residues > WIDEST:
        return None
    function = ready("convolution", plan, forward, partial(_agrees, plan))
    return None if function is None else _convolve(function, plan, x, w, bias, products >= WORTH_THREADS)


def _convolve(kernel: Kernel, plan: Plan, x: Array, w: Array, bias: Array | None, parallel: bool) -> Array:
    tile, groups = tile_of(plan, kernel.machine.registers), plan.geometry.groups
    offsets = np.zeros((groups, tile.rows * tile.blocks), np.float32)
    if bias is not None:
        offsets[:, : plan.outputs] = bias.reshape(groups, plan.outputs)
    x, weights = np.require(x, np.float32, ["C", "A"]), packed(w, plan, tile)
    out = np.empty((len(x), groups * plan.outputs, *plan.made), np.float32)
    queue = WorkQueue(len(x), parallel)

    def work() -> None:
        buffer = np.empty(buffer_size(plan, kernel.machine), np.float32)
        for images in queue.tiles(max(1, len(x) // 8)):
            kernel(x, weights, offsets, out, buffer, start=images.start, stop=images.stop)

    queue.run(work, products=False)
    return out


def _agrees(plan: Plan, kernel: Kernel) -> bool:
    """Whether the kernel does what NumPy does."""
    random, groups = np.random.default_rng(0), plan.geometry.groups
    x = random.standard_normal((2, groups * plan.inputs, *plan.size), np.float32)
    w = random.standard_normal((groups * plan.outputs, plan.inputs, *plan.kernel), np.float32)
    bias = random.standard_normal(len(w), np.float32)
    expected = inspect.unwrap(plain_numpy.convolve)(x, w, plan.geometry, bias)
    found = _convolve(kernel, plan, x, w, bias, False)
    return bool(np.abs(found - expected).max() < 1e-4 * np.abs(expected).max())
