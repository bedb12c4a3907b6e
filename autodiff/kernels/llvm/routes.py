"""Which convolutions kernels compute, and how they are called."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import product
from math import gcd
from typing import NamedTuple

import numpy as np

from autodiff.kernels import convolution as numpys
from autodiff.kernels.geometry import Array, Geometry, Sizes
from autodiff.kernels.llvm import convolution, depthwise
from autodiff.kernels.llvm.convolution import Plan
from autodiff.kernels.llvm.library import Kernel, in_a_row, ready, single
from autodiff.kernels.threads import shares_sums, workers

SMALL = 1 << 16  # multiply-adds up to which NumPy's calls are as fast
WIDEST = 64  # columns of the kernel by row residues, each of which has code of its own
MOST_TAPS = 128  # of a channel's own kernel, each of which has code of its own
MOST_PARTS = 9  # residues of the stride, for each of which the input's gradient has a convolution
PARTS = 16  # of the work that threads take one after another
WORTH_THREADS = 4_000_000  # multiply-adds below which handing half a batch to a thread costs more than it saves


def plan_of(size: Sizes, shape: Sizes, geometry: Geometry) -> Plan | None:
    """What convolution of images of ``size`` with weights of ``shape`` depends on; None where no kernel is made."""
    outputs, inputs, *kernel = shape
    made = geometry.output_size(size, shape[2:])
    plan = Plan(inputs, outputs // geometry.groups, size, (kernel[0], kernel[1]), made, geometry)
    fits = kernel[0] * kernel[1] <= MOST_TAPS if plan.depthwise else kernel[1] * plan.residues <= WIDEST
    return plan if fits and min(made) > 0 else None


class Pass(NamedTuple):
    """A forward kernel and all that it takes besides the images."""

    kernel: Kernel
    plan: Plan
    weights: Array
    offsets: Array
    out: Array


def _ready(plan: Plan) -> Kernel | None:
    build = depthwise.forward if plan.depthwise else convolution.forward
    return ready("depthwise convolution" if plan.depthwise else "convolution", plan, build, partial(_agrees, plan))


def _pass(kernel: Kernel, plan: Plan, w: Array, bias: Array | None, images: int) -> Pass:
    groups = plan.geometry.groups
    out = np.empty((images, groups * plan.outputs, *plan.made), np.float32)
    if plan.depthwise:
        weights, padded = in_a_row(w), 1
    else:
        tile = convolution.tile_of(plan, kernel.machine.registers)
        weights, padded = in_a_row(convolution.packed(w, plan, tile)), tile.rows * tile.blocks
    offsets = np.zeros((groups, padded), np.float32)
    if bias is not None:
        offsets[:, : plan.outputs] = bias.reshape(groups, plan.outputs)
    return Pass(kernel, plan, weights, offsets, out)


def _run(x: Array, passes: Sequence[tuple[Pass, tuple[slice, ...]]], whole: Array | None, products: int) -> None:
    """Run the passes over the images x; with ``whole``, put each one's outputs at its places there."""
    x, parallel = in_a_row(x), products >= WORTH_THREADS
    for each, places in passes:
        each.kernel(x, each.weights, each.offsets, each.out, stop=len(x), parts=PARTS if parallel else 1)
        if whole is not None:
            whole[(slice(None), slice(None), *places)] = each.out


def convolve(x: Array, w: Array, geometry: Geometry, bias: Array | None = None) -> Array | None:
    """The route of ``convolution.convolve``."""
    if not single(x, w, bias):
        return None
    made = geometry.output_size(x.shape[2:], w.shape[2:])
    products = len(x) * w.size * made[0] * made[1]
    if products <= SMALL or (plan := plan_of(x.shape[2:], w.shape, geometry)) is None:
        return None
    kernel = _ready(plan)
    if kernel is None:
        return None
    only = _pass(kernel, plan, w, bias, len(x))
    _run(x, [(only, ())], None, products)
    return only.out


class Part(NamedTuple):
    """The input's cotangent at every ``stride``-th place, as a convolution of the outputs' with some taps, flipped.

    Args:
        places: rows and columns.
        taps: slices of the kernel's rows and columns; None where no window reaches the places.
        geometry: of the convolution.
    """

    places: tuple[slice, slice]
    taps: tuple[slice, slice] | None
    geometry: Geometry


@lru_cache(maxsize=256)
def parts_of(geometry: Geometry, kernel: Sizes, size: Sizes, made: Sizes) -> list[Part]:
    """The parts for each pair of a row and a column residue modulo the stride."""
    axes: list[list[tuple[slice, slice | None, int, tuple[int, int]]]] = []
    for k, n, count, s, (before, _), d in zip(kernel, size, made, *geometry[:3], strict=True):
        every, axis = s // gcd(s, d), []
        for place in range(min(s, n)):
            # The window of output p meets the place s t + place by tap i where s p + d i - before = s t + place.
            taps = [i for i in range(k) if (place + before - d * i) % s == 0]
            apart, chosen, pads = d * every // s, None, (0, 0)
            if taps:
                chosen, far = slice(taps[0], taps[-1] + 1, every), apart * (len(taps) - 1)
                pad = far - (place + before - d * taps[0]) // s
                pads = pad, len(range(place, n, s)) - count - pad + far
            axis.append((slice(place, None, s), chosen, apart, pads))
        axes.append(axis)
    return [
        Part(
            (rows, columns),
            None if up is None or across is None else (up, across),
            Geometry((1, 1), (above, left), (apart, beside), geometry.groups),
        )
        for (rows, up, apart, above), (columns, across, beside, left) in product(*axes)
    ]


def convolve_input(g: Array, w: Array, geometry: Geometry, input_shape: Sizes) -> Array | None:
    """The route of ``convolution.convolve_input``."""
    products = g.size * (w.size // max(1, len(w)))
    if products <= SMALL or not single(g, w) or geometry.stride[0] * geometry.stride[1] > MOST_PARTS:
        return None
    (o, c, *kernel), groups = w.shape, geometry.groups
    turned = w.reshape(groups, o // groups, c, *kernel).swapaxes(1, 2).reshape(groups * c, o // groups, *kernel)
    parts = parts_of(geometry, w.shape[2:], input_shape[2:], g.shape[2:])
    found = []
    for places, taps, where in parts:
        if taps is not None:
            some = turned[:, :, *taps][..., ::-1, ::-1]
            plan = plan_of(g.shape[2:], some.shape, where)
            found.append((places, some, plan, None if plan is None else _ready(plan)))
    if not found or any(kernel is None for *_, kernel in found):
        return None
    passes = [
        (_pass(kernel, plan, some, None, len(g)), places)
        for places, some, plan, kernel in found if plan is not None and kernel is not None
    ]  # fmt: skip
    if len(parts) == 1:
        _run(g, passes, None, products)
        return passes[0][0].out
    whole = np.empty(input_shape, np.float32)
    for places, taps, _ in parts:
        if taps is None:
            whole[:, :, *places] = 0
    _run(g, passes, whole, products)
    return whole


def convolve_weight(g: Array, x: Array, geometry: Geometry, kernel_shape: Sizes) -> Array | None:
    """The route of ``convolution.convolve_weight``."""
    products = g.size * kernel_shape[1] * kernel_shape[2] * kernel_shape[3]
    if products <= SMALL or not single(g, x) or (plan := plan_of(x.shape[2:], kernel_shape, geometry)) is None:
        return None
    kind, build = ("depthwise weights", depthwise.weight) if plan.depthwise else ("weights", convolution.weight)
    kernel = ready(f"the gradient of a convolution's {kind}", plan, build, partial(_weighs, plan))
    return None if kernel is None else _weigh(kernel, plan, g, x, products >= WORTH_THREADS and shares_sums())


def _weigh(kernel: Kernel, plan: Plan, g: Array, x: Array, parallel: bool) -> Array:
    x, g = in_a_row(x), in_a_row(g)
    parts = workers() if parallel else 1
    if plan.depthwise:
        shape: Sizes = plan.geometry.groups, 1, *plan.kernel
    else:
        shape = convolution.sums_shape(plan, kernel.machine)
    sums = np.zeros((parts, *shape), np.float32)
    kernel(x, g, sums, stop=len(x), parts=parts)
    total = sums[0] if parts == 1 else sums.sum(0)
    return total if plan.depthwise else convolution.unpacked(total, plan)


def _examples(plan: Plan) -> list[Array]:
    """Small whole numbers, whose sums are exact in any order."""
    random, groups = np.random.default_rng(0), plan.geometry.groups
    shapes = [
        (2, groups * plan.inputs, *plan.size), (groups * plan.outputs, plan.inputs, *plan.kernel),
        (groups * plan.outputs,), (2, groups * plan.outputs, *plan.made),
    ]  # fmt: skip
    return [random.integers(-4, 5, shape).astype(np.float32) for shape in shapes]


def _agrees(plan: Plan, kernel: Kernel) -> bool:
    """Whether a forward kernel does what NumPy does."""
    x, w, bias, _ = _examples(plan)
    only = _pass(kernel, plan, w, bias, len(x))
    _run(x, [(only, ())], None, 0)
    return np.array_equal(only.out, inspect.unwrap(numpys.convolve)(x, w, plan.geometry, bias))


def _weighs(plan: Plan, kernel: Kernel) -> bool:
    """Whether a kernel of the weights' gradient does what NumPy does."""
    x, w, _, g = _examples(plan)
    expected = inspect.unwrap(numpys.convolve_weight)(g, x, plan.geometry, w.shape)
    return np.array_equal(_weigh(kernel, plan, g, x, False), expected)
