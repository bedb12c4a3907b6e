"""The windows of convolution, unrolled: y[channel, kernel column, row residue, row, output column].

As in the NumPy kernels only the width is unrolled, for a band of output rows at a time, which stays in the cache. The
windows of a kernel row are then one run of each row of y.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from autodiff.kernels.geometry import Geometry, Sizes
from autodiff.kernels.llvm.builder import Code, Int

BAND_BYTES = 1 << 20  # of y at a time, for the second cache
LONG = 8  # whole vectors of a row from which on they are copied by a loop


class Weights(NamedTuple):
    """Where a weight lies, in numbers: the first one, and how far it is to the next group, channel, row or column."""

    size: int
    first: int
    group: int
    output: int
    input: int
    row: int
    column: int


class Plan(NamedTuple):
    """All that a kernel depends on; channels are those of one group.

    Args:
        inputs, outputs: channels.
        size, kernel, made: height and width of the input, the kernel and the output.
        geometry: where the windows lie.
        weights: where the weights lie.
        whole: the size of the images of which the outputs are every ``steps``-th place, from ``place`` on.
    """

    inputs: int
    outputs: int
    size: Sizes
    kernel: Sizes
    made: Sizes
    geometry: Geometry
    weights: Weights
    whole: Sizes
    place: Sizes = (0, 0)
    steps: Sizes = (1, 1)

    @property
    def plain(self) -> bool:
        """Whether y is the input itself."""
        (sh, sw), ((top, _), (left, _)), _, _ = self.geometry
        return self.kernel == (sh, sw) == (1, 1) and self.made == self.size and top == left == 0

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Numbers of a group's image, of its outputs, and of a channel of all places."""
        return self.inputs * prod(self.size), self.outputs * prod(self.made), prod(self.whole)

    @property
    def depth(self) -> int:
        """Rows of y."""
        return self.inputs * self.kernel[1]

    @property
    def residues(self) -> int:
        """How many row residues y has."""
        return min(self.geometry.stride[0], self.geometry.dilation[0] * (self.kernel[0] - 1) + 1)

    @property
    def further(self) -> int:
        """How many rows of one residue y has beyond the output rows of a band."""
        return self.geometry.dilation[0] * (self.kernel[0] - 1) // self.geometry.stride[0]

    @property
    def bands(self) -> int:
        """Bands of output rows."""
        row = self.depth * self.residues * self.made[1] * 4
        return -(-self.made[0] // max(1, BAND_BYTES // row - self.further))


class Band(NamedTuple):
    """Makes the instructions for one band of a group's images.

    Args:
        rows: of outputs.
        first: of them, in the image.
    """

    k: Code
    plan: Plan
    rows: int
    first: Int = 0

    @property
    def size(self) -> int:
        """How many outputs it has."""
        return self.rows * self.plan.made[1]

    @property
    def plane(self) -> int:
        """Bytes from one row of y to the next."""
        (height, width), plan = self.plan.size, self.plan
        return 4 * (height * width if plan.plain else plan.residues * (self.rows + plan.further) * plan.made[1])

    @property
    def unrolled(self) -> int:
        """Numbers of y, and of what whole vectors touch beyond them."""
        return 0 if self.plan.plain else self.plan.depth * self.plane // 4 + self.k.lanes

    def start(self, row: Int) -> Int:
        """Where in a plane of y the windows of a kernel row begin, in bytes."""
        k, plan = self.k, self.plan
        whole, rest = k.divide(k.mul(row, plan.geometry.dilation[0]), plan.geometry.stride[0])
        return k.mul(k.at(whole, (rest, self.rows + plan.further)), 4 * plan.made[1])

    def unroll(self, x: Int, y: Int) -> Int:
        """Write y, from the channels at ``x``, and return where it is."""
        k, plan = self.k, self.plan
        (sh, sw), ((top, _), (left, _)), (_, dw), _ = plan.geometry
        (height, width), (_, columns), wide = plan.size, plan.kernel, plan.made[1]
        if plan.plain:
            return k.at(x, (self.first, wide * 4))
        rows = self.rows + plan.further
        with k.loop(0, plan.inputs) as channel:
            source = k.at(x, (channel.index, height * width * 4))
            planes = k.at(y, (channel.index, columns * self.plane))
            for column in range(columns):
                for residue in range(plan.residues):
                    plane = k.add(planes, column * self.plane + residue * rows * wide * 4)
                    # Row t is row sh * (first + t) + residue - top of the input: there is one from begin to end.
                    begin = k.most(0, k.at(-((residue - top) // sh), (self.first, -1)))
                    end = k.least(rows, k.at(-((residue - top - height) // sh), (self.first, -1)))
                    clear(k, plane, 0, k.least(k.mul(begin, wide), rows * wide))
                    with k.loop(begin, end) as row:
                        at = k.at(source, (k.at(residue - top, (self.first, sh), (row.index, sh)), width * 4))
                        write_row(k, at, k.at(plane, (row.index, wide * 4)), dw * column - left, width, wide, sw)
                    clear(k, plane, k.mul(k.most(begin, end), wide), rows * wide)
        # What whole vectors read beyond may be denormal numbers else, which take a hundred times as long.
        k.store(k.zero, y, (self.unrolled - k.lanes) * 4)
        return y


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
