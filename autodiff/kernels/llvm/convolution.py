"""Convolution as kernels: the windows of a band of output rows are unrolled into a matrix y, which stays in the cache.

The outputs are the product of the weights with y, the weights' gradient that of y with the outputs' cotangent. The
input's gradient is made of convolutions. As in NumPy only the width is unrolled where that is enough: the windows of a
kernel row are then one run of each row of y, further on for each row below.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from math import prod
from typing import NamedTuple

import numpy as np

from autodiff.kernels import convolution as numpys
from autodiff.kernels.geometry import Array, Geometry, Sizes, overlap
from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine
from autodiff.kernels.llvm.library import Job, Kernel, in_a_row, single
from autodiff.kernels.llvm.products import copied, dots, products
from autodiff.kernels.threads import shares_sums, workers

BAND_BYTES = 1 << 20  # of y at a time, for the second cache
THIN = 16  # rows of y below which there are also those of other kernel rows, where y's rows are the tile's
FEW = 4  # output channels up to which a vector has places of the output, not these
WIDEST = 1 << 14  # numbers of y that are made of a row of each channel, by code that is written out
MOST_PARTS = 9  # residues of the stride, for each of which the input's gradient has a convolution
SMALL = 1 << 16  # multiply-adds up to which NumPy's calls are as fast
PARTS = 16  # of the work, that threads take one after another
WORTH_THREADS = 1 << 20  # multiply-adds below which a second thread does not pay


class Plan(NamedTuple):
    """All that a kernel depends on.

    Args:
        inputs, outputs: channels of a group.
        size, kernel: height and width of the images and of the kernel.
        geometry: where the windows lie.
        stacked: whether each kernel row has rows of y of its own.
    """

    inputs: int
    outputs: int
    size: Sizes
    kernel: Sizes
    geometry: Geometry
    stacked: bool

    @property
    def made(self) -> Sizes:
        """Height and width of the output."""
        return self.geometry.output_size(self.size, self.kernel)

    @property
    def arguments(self) -> tuple[int, int, int]:
        """Numbers of an image, of its outputs, and of the weights."""
        inputs, outputs = self.geometry.groups * self.inputs, self.geometry.groups * self.outputs
        return inputs * prod(self.size), outputs * prod(self.made), outputs * self.inputs * prod(self.kernel)

    @property
    def plain(self) -> bool:
        """Whether y is the input itself."""
        stride, ((top, _), (left, _)), _, _ = self.geometry
        return self.kernel == stride == (1, 1) and self.made == self.size and top == left == 0

    @property
    def copies(self) -> int:
        """How many kernel rows have rows of y of their own."""
        return self.kernel[0] if self.stacked else 1

    @property
    def further(self) -> int:
        """How many rows of the image are in y beyond those of the band."""
        return 0 if self.stacked else self.geometry.dilation[0] * (self.kernel[0] - 1)

    @property
    def depth(self) -> int:
        """Rows of y."""
        return self.copies * self.inputs * self.kernel[1]

    @property
    def bands(self) -> int:
        """Bands of output rows."""
        return -(-self.made[0] // max(1, BAND_BYTES // (4 * self.depth * self.made[1]) - self.further))

    @property
    def height(self) -> int:
        """Output rows of a band; the last one may begin before the one before it ended."""
        return -(-self.made[0] // self.bands)

    @property
    def plane(self) -> int:
        """Bytes from one row of y to the next."""
        return 4 * (prod(self.size) if self.plain else (self.height + self.further) * self.made[1])

    @property
    def below(self) -> int:
        """Bytes from the windows of one kernel row to those of the next."""
        own = self.inputs * self.kernel[1] * self.plane
        return own if self.stacked else 4 * self.geometry.dilation[0] * self.made[1]


def _bands(k: Code, plan: Plan, x: Int) -> Iterator[tuple[Int, Int, Int, Int, Int]]:
    """Build the body for each band of an image and group.

    Yields the number of the group, of it and the image together, the first row of the band, how many of its rows the
    band before has, too, and where y is.
    """
    groups, (rows, wide), height = plan.geometry.groups, plan.made, plan.height
    if not plan.plain:
        y, zeros = k.room(plan.depth * plan.plane // 4 + k.lanes), k.room(plan.size[1] + k.lanes)
        with k.loop(0, plan.size[1], k.lanes) as zero:
            k.store(k.zero, k.at(zeros, (zero.index, 4)))
    with k.loop(k.start, k.stop) as turn, k.loop(0, groups) as group:
        image, part = k.divide(turn.index, plan.bands)
        item, first = k.at(group.index, (image, groups)), k.least(k.mul(part, height), rows - height)
        source = k.at(x, (item, 4 * plan.inputs * prod(plan.size)))
        if plan.plain:
            y = k.at(source, (first, 4 * wide))
        else:
            _unroll(k, plan, source, first, y, zeros)
        yield group.index, item, first, k.at(k.mul(part, height), (first, -1)), y


def _unroll(k: Code, plan: Plan, x: Int, first: Int, y: Int, zeros: Int) -> None:
    """Write y[kernel row, channel, kernel column, row, output column] of the band that begins with a row.

    Rows outside of the image are read from ``zeros``.
    """
    (sh, sw), ((top, _), (left, _)), (dh, dw), _ = plan.geometry
    (height, width), (_, columns), wide = plan.size, plan.kernel, plan.made[1]
    for i in range(plan.copies):
        with k.loop(0, plan.inputs) as channel:
            for j in range(columns):
                across, _ = overlap(dw * j - left, sw, width, wide)
                plane = k.at(y, (channel.index, columns * plan.plane), (i * plan.inputs * columns + j, plan.plane))
                with k.loop(0, plan.height + plan.further) as row:
                    above = k.at(dh * i - top, (first, sh), (row.index, sh))
                    inside = k.at(x, (channel.index, 4 * height * width), (above, 4 * width))
                    source = k.select(k.compare("ult", above, height), inside, zeros)
                    for at in range(0, wide, k.lanes):  # the next row overwrites what is beyond in the last vector
                        place = 4 * (sw * at + dw * j - left)
                        some = k.take(sw, source, place, first=across.start - at, last=across.stop - at)
                        k.store(some, k.at(plane, (row.index, 4 * wide)), 4 * at)


def forward(machine: Machine, plan: Plan) -> Code:
    """The kernel of x, weights, bias and out."""
    (image, made, weights), outputs, taps = plan.arguments, plan.outputs, plan.inputs * prod(plan.kernel)
    fixed = [Argument(0, weights), Argument(0, plan.geometry.groups * outputs)]
    k = Code(machine, [Argument(image), *fixed, Argument(made, written=True)], turns=plan.bands)
    x, w, bias, out = k.arrays
    (kh, kw), (rows, wide) = plan.kernel, plan.made
    plane, count = 4 * rows * wide, plan.height * wide
    terms = [(kh, 4 * kw, plan.below), (plan.inputs, 4 * kh * kw, kw * plan.plane), (kw, 4, plan.plane)]
    for group, item, first, _, y in _bands(k, plan, x):
        left, offsets = k.at(w, (group, 4 * outputs * taps)), k.at(bias, (group, 4 * outputs))
        to = k.at(out, (item, outputs * plane), (first, 4 * wide))
        for o, column, last, z in products(k, outputs, count, terms, left, 4 * taps, y):
            z = k.binary("fadd", z, k.splat(k.at(offsets, (o, 4))))
            k.store(z, k.at(to, (o, plane), (column, 4)), last=last)
    return k


def weight(machine: Machine, plan: Plan) -> Code:
    """The kernel of x, the outputs' cotangent, and the weights' gradient, in which the output channels come last."""
    (image, given, weights), outputs, depth = plan.arguments, plan.outputs, plan.depth
    k = Code(machine, [Argument(image), Argument(given), Argument(0, weights, True, sums=True)], turns=plan.bands)
    x, g, gradient = k.arrays
    (rows, wide), (kh, kw), apart, few = plan.made, plan.kernel, 4 * outputs, outputs <= FEW
    plane, size, all_of_group = 4 * rows * wide, plan.height * wide, kh * kw * plan.inputs * apart
    turned = k.room(0 if few else (size + k.lanes) * outputs)
    for group, item, first, again, y in _bands(k, plan, x):
        here, begin = k.at(g, (item, outputs * plane), (first, 4 * wide)), k.mul(again, wide)
        count = k.at(size, (begin, -1))
        if not few:
            copied(k, here, plane, False, (0, outputs, outputs), (0, size), turned, apart)
        with k.loop(0, kh // plan.copies) as i:
            to = k.at(gradient, (group, all_of_group), (i.index, depth * apart))
            left = k.at(y, (begin, 4), (i.index, plan.below))
            if few:
                made = dots(k, depth, outputs, count, left, plan.plane, k.at(here, (begin, 4)), plane)
            else:
                made = products(k, depth, outputs, [(count, 4, apart)], left, plan.plane, k.at(turned, (begin, apart)))
            for row, column, last, z in made:
                total = k.at(to, (row, apart), (column, 4))
                k.store(k.binary("fadd", z, k.load(total, last=last)), total, last=last)
    return k


@lru_cache(maxsize=256)
def plan_of(size: Sizes, shape: Sizes, geometry: Geometry, rows: int = 0) -> Plan | None:
    """What convolution of images of ``size`` with weights of ``shape`` depends on; None where no kernel is made.

    Kernel rows have rows of y of their own where the stride asks for it, or where y had less than ``rows`` else.
    """
    stacked = geometry.stride[0] > 1 or shape[1] * shape[3] < rows
    plan = Plan(shape[1], shape[0] // geometry.groups, size, shape[2:], geometry, stacked)
    fits = min(plan.made) > 0 and plan.copies * shape[3] * plan.made[1] <= WIDEST
    return plan if fits else None


def convolve(x: Array, w: Array, geometry: Geometry, bias: Array | None = None) -> Job | None:
    """The route of ``convolution.convolve``."""
    plan = plan_of(x.shape[2:], w.shape, geometry) if single(x, w, bias) else None
    if plan is None or len(x) * w.size * prod(plan.made) <= SMALL:
        return None
    return "convolution", plan, forward, partial(_run, plan, x, w, bias)


def _run(plan: Plan, x: Array, w: Array, bias: Array | None, kernel: Kernel) -> Array:
    offsets = np.zeros(len(w), np.float32) if bias is None else bias
    out: Array = np.empty((len(x), len(w), *plan.made), np.float32)
    parts = PARTS if len(x) * w.size * prod(plan.made) >= WORTH_THREADS else 1
    kernel(in_a_row(x), in_a_row(w), in_a_row(offsets), out, stop=len(x), parts=parts)
    return out


def convolve_input(g: Array, w: Array, geometry: Geometry, input_shape: Sizes) -> Array | None:
    """The route of ``convolution.convolve_input``, which leads to convolutions."""
    work = g.size * (w.size // max(1, len(w))) if prod(input_shape) else 0
    fits = single(g, w) and prod(geometry.stride) <= MOST_PARTS and work > SMALL
    return numpys.gather_input(g, w, geometry, input_shape) if fits else None


def convolve_weight(g: Array, x: Array, geometry: Geometry, kernel_shape: Sizes) -> Job | None:
    """The route of ``convolution.convolve_weight``."""
    plan = plan_of(x.shape[2:], kernel_shape, geometry, THIN) if single(g, x) else None
    work = g.size * prod(kernel_shape[1:])
    if plan is None or work <= SMALL:
        return None
    parts = min(len(x), workers()) if work >= WORTH_THREADS and shares_sums() else 1
    return "the gradient of a convolution's weights", plan, weight, partial(_weigh, plan, g, x, parts)


def _weigh(plan: Plan, g: Array, x: Array, parts: int, kernel: Kernel) -> Array:
    (kh, kw), groups = plan.kernel, plan.geometry.groups
    sums = np.zeros((parts, groups, kh, plan.inputs, kw, plan.outputs), np.float32)
    kernel(in_a_row(x), in_a_row(g), sums, stop=len(x), parts=parts)
    total = sums[0] if parts == 1 else np.add.reduce(sums, axis=0)
    return np.ascontiguousarray(total.transpose(0, 4, 2, 1, 3)).reshape(-1, plan.inputs, kh, kw)
