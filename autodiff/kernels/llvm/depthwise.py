"""Convolution of each channel with a kernel of its own, as kernels: a plane at a time, padded in a buffer.

A row of the padded plane is sorted by the residues of its columns modulo the stride, so that each tap of a vector of
outputs is a vector of the plane.
"""

from __future__ import annotations

from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine
from autodiff.kernels.llvm.convolution import Plan, clear, write_row


def _row_of(plan: Plan) -> tuple[int, int, int]:
    """Of the padded plane: its rows, the residues in a row, and the columns of each."""
    (oh, ow), (kh, kw), ((sh, sw), _, (dh, dw), _) = plan.made, plan.kernel, plan.geometry
    return sh * (oh - 1) + dh * (kh - 1) + 1, min(sw, dw * (kw - 1) + 1), ow + dw * (kw - 1) // sw


def buffer_size(plan: Plan, machine: Machine) -> int:
    """Numbers of the padded plane, and what whole vectors touch beyond it."""
    rows, residues, columns = _row_of(plan)
    return rows * residues * columns + 2 * machine.lanes


def _load_plane(k: Code, plan: Plan, x: Int, y: Int) -> None:
    (height, width), (_, sw), ((top, _), (left, _)) = plan.size, plan.geometry.stride, plan.geometry.padding
    rows, residues, columns = _row_of(plan)
    with k.loop(0, rows) as row:
        number, to = k.add(row.index, -top), k.at(y, (row.index, residues * columns * 4))
        inside = k.compare("ult", number, height)
        with k.when(inside):
            for residue in range(residues):
                at, part = k.at(x, (number, width * 4)), k.add(to, residue * columns * 4)
                write_row(k, at, part, residue - left, width, columns, sw)
        with k.when(inside, False):
            clear(k, to, 0, residues * columns)
    clear(k, y, rows * residues * columns, rows * residues * columns + k.lanes)


def _taps(k: Code, plan: Plan, y: Int, row: Int) -> dict[tuple[int, int], Int]:
    """Where each tap of a row of outputs begins."""
    (sh, sw), _, (dh, dw), _ = plan.geometry
    _, residues, columns = _row_of(plan)
    across = [(dw * j % sw * columns + dw * j // sw) * 4 for j in range(plan.kernel[1])]
    rows = [k.at(y, (k.add(k.mul(row, sh), dh * i), residues * columns * 4)) for i in range(plan.kernel[0])]
    return {(i, j): k.add(at, offset) for i, at in enumerate(rows) for j, offset in enumerate(across)}


def forward(machine: Machine, plan: Plan) -> Code:
    """The kernel of x, weights, bias, out, and a buffer."""
    (oh, ow), taps, channels = plan.made, plan.kernel[0] * plan.kernel[1], plan.geometry.groups
    image = plan.size[0] * plan.size[1]
    k = Code(machine, [
        Argument(channels * image), Argument(0, channels * taps), Argument(0, channels),
        Argument(channels * oh * ow, written=True),
    ], buffer_size(plan, machine))  # fmt: skip
    (x, w, bias, out), y = k.arrays, k.scratch
    with k.loop(k.start, k.stop) as n, k.loop(0, channels) as channel:
        item = k.at(channel.index, (n.index, channels))
        _load_plane(k, plan, k.at(x, (item, image * 4)), y)
        own, offset = k.at(w, (channel.index, taps * 4)), k.splat(k.at(bias, (channel.index, 4)))
        # What does not fit into registers is read again and again.
        kept = [k.splat(own, 4 * t) for t in range(taps)] if taps < machine.registers - 4 else []
        with k.loop(0, oh) as row, k.loop(0, ow, k.lanes) as part:
            at, total = k.mul(k.least(part.index, max(0, ow - k.lanes)), 4), offset  # the last vector may overlap
            for t, place in enumerate(_taps(k, plan, y, row.index).values()):
                total = k.fma(kept[t] if kept else k.splat(own, 4 * t), k.load(place, at), total)
            k.store(total, k.at(out, (k.at(row.index, (item, oh)), ow * 4)), at, last=ow)
    return k


def weight(machine: Machine, plan: Plan) -> Code:
    """The kernel of x, the outputs' cotangent, the weights' gradient (to which it adds), and a buffer."""
    (oh, ow), (kh, kw), channels = plan.made, plan.kernel, plan.geometry.groups
    image = plan.size[0] * plan.size[1]
    k = Code(machine, [
        Argument(channels * image), Argument(channels * oh * ow),
        Argument(0, channels * kh * kw, written=True, sums=True),
    ], buffer_size(plan, machine))  # fmt: skip
    (x, g, total), y = k.arrays, k.scratch
    together, whole = max(1, machine.registers * 3 // 4 // kw), ow // machine.lanes * machine.lanes
    with k.loop(k.start, k.stop) as n, k.loop(0, channels) as channel:
        item = k.at(channel.index, (n.index, channels))
        _load_plane(k, plan, k.at(x, (item, image * 4)), y)
        for first in range(0, kh, together):
            chosen = [(i, j) for i in range(first, min(kh, first + together)) for j in range(kw)]
            with k.loop(0, oh, carried=[k.zero] * len(chosen)) as row:
                places, given = _taps(k, plan, y, row.index), k.at(g, (k.at(row.index, (item, oh)), ow * 4))
                row.next = row.values
                # Lanes beyond the row are zeros in both: one of them may be infinite.
                for begin, end, last in ((0, whole, k.lanes), (whole, ow, ow - whole)):
                    if begin < end:
                        with k.loop(begin, end, k.lanes, carried=row.next) as part:
                            at = k.mul(part.index, 4)
                            factor = k.load(given, at, last=last)
                            part.next = [
                                k.fma(factor, k.load(places[tap], at, last=last), s)
                                for tap, s in zip(chosen, part.values, strict=True)
                            ]
                        row.next = part.out
            for (i, j), s in zip(chosen, row.out, strict=True):
                k.sum_into(s, k.at(total, (channel.index, kh * kw * 4)), (i * kw + j) * 4)
    return k
