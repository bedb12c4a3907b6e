"""Which convolutions kernels compute, and how they are called."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import gcd

import numpy as np

from autodiff.kernels.geometry import Array, Geometry, Sizes
from autodiff.kernels.llvm import convolution
from autodiff.kernels.llvm.library import Kernel, in_a_row, ready, single
from autodiff.kernels.llvm.windows import Plan, Weights
from autodiff.kernels.threads import shares_sums, workers

SMALL = 1 << 16  # multiply-adds up to which NumPy's calls are as fast
WIDEST = 64  # columns of the kernel by row residues, each of which has code of its own
MOST_PARTS = 9  # residues of the stride, for each of which the input's gradient has a convolution
PARTS = 16  # of the work, that threads take one after another
WORTH_THREADS = 1 << 20  # multiply-adds below which a second thread does not pay


@lru_cache(maxsize=256)
def plan_of(size: Sizes, shape: Sizes, geometry: Geometry) -> Plan | None:
    """What convolution of images of ``size`` with weights of ``shape`` depends on; None where no kernel is made."""
    outputs, inputs, kh, kw = shape
    made, own = geometry.output_size(size, (kh, kw)), outputs // geometry.groups
    taps = inputs * kh * kw
    weights = Weights(outputs * taps, 0, own * taps, taps, kh * kw, kw, 1)
    plan = Plan(inputs, own, size, (kh, kw), made, geometry, weights, made)
    return plan if min(made) > 0 and kw * plan.residues <= WIDEST else None


@lru_cache(maxsize=256)
def plans_back(size: Sizes, shape: Sizes, geometry: Geometry, made: Sizes) -> tuple[tuple[Plan, ...], bool] | None:
    """The input's gradient as convolutions of the outputs' cotangent, one for each residue of the strides.

    That of a residue makes every ``stride``-th place, with some of the taps, flipped. And whether all places are made.
    """
    (o, inputs, *kernel), groups, axes, whole = shape, geometry.groups, [], True
    for k, n, count, s, (before, _), d in zip(kernel, size, made, *geometry[:3], strict=True):
        every, axis = s // gcd(s, d), []
        for place in range(min(s, n)):
            # The window of output p meets the place s t + place by tap i where s p + d i - before = s t + place.
            taps, apart = [i for i in range(k) if (place + before - d * i) % s == 0], d * every // s
            if taps:
                pad = apart * (len(taps) - 1) - (place + before - d * taps[0]) // s
                places = len(range(place, n, s))
                pads = pad, places - count - pad + apart * (len(taps) - 1)
                axis.append((place, s, places, taps[-1], len(taps), every, pads, apart))
            else:
                whole = False
        axes.append(axis)
    (kh, kw), own, plans = kernel, o // groups, []
    each = inputs * kh * kw
    for pair in product(*axes):
        first, steps, sizes, (i, j), some, (down, right), pads, apart = zip(*pair, strict=True)
        weights = Weights(o * each, i * kw + j, own * each, kh * kw, each, -down * kw, -right)
        where = Geometry((1, 1), pads, apart, groups)
        plans.append(Plan(own, inputs, made, some, sizes, where, weights, size, first, steps))
    fits = 0 < len(plans) <= MOST_PARTS and min(made) > 0 and all(p.kernel[1] * p.residues <= WIDEST for p in plans)
    return (tuple(plans), whole) if fits else None


def _ready(plans: tuple[Plan, ...]) -> Kernel | None:
    return ready("convolution", plans, convolution.forward)


def _run(kernel: Kernel, plans: tuple[Plan, ...], x: Array, w: Array, bias: Array | None, out: Array) -> Array:
    """Write what the plans make of the images x."""
    channels = plans[0].geometry.groups * plans[0].outputs
    offsets = np.zeros(channels, np.float32) if bias is None else in_a_row(bias)
    products = len(x) * w.size * sum(plan.made[0] * plan.made[1] for plan in plans) // len(plans)
    kernel(in_a_row(x), in_a_row(w), offsets, out, stop=len(x), parts=PARTS if products >= WORTH_THREADS else 1)
    return out


def convolve(x: Array, w: Array, geometry: Geometry, bias: Array | None = None) -> Array | None:
    """The route of ``convolution.convolve``."""
    plan = plan_of(x.shape[2:], w.shape, geometry) if single(x, w, bias) else None
    if plan is None or len(x) * w.size * plan.made[0] * plan.made[1] <= SMALL:
        return None
    if (kernel := _ready((plan,))) is None:
        return None
    return _run(kernel, (plan,), x, w, bias, np.empty((len(x), len(w), *plan.made), np.float32))


def convolve_input(g: Array, w: Array, geometry: Geometry, input_shape: Sizes) -> Array | None:
    """The route of ``convolution.convolve_input``."""
    if g.size * (w.size // max(1, len(w))) <= SMALL or not single(g, w):
        return None
    found = plans_back(input_shape[2:], w.shape, geometry, g.shape[2:])
    if found is None:
        return None
    plans, whole = found
    if (kernel := _ready(plans)) is None:
        return None
    return _run(kernel, plans, g, w, None, (np.empty if whole else np.zeros)(input_shape, np.float32))


def convolve_weight(g: Array, x: Array, geometry: Geometry, kernel_shape: Sizes) -> Array | None:
    """The route of ``convolution.convolve_weight``."""
    products = g.size * kernel_shape[1] * kernel_shape[2] * kernel_shape[3]
    if products <= SMALL or not single(g, x) or (plan := plan_of(x.shape[2:], kernel_shape, geometry)) is None:
        return None
    kernel = ready("the gradient of a convolution's weights", plan, convolution.weight)
    parts = min(len(x), workers()) if products >= WORTH_THREADS and shares_sums() else 1
    return None if kernel is None else _weigh(kernel, g, x, kernel_shape, parts)


def _weigh(kernel: Kernel, g: Array, x: Array, shape: Sizes, parts: int) -> Array:
    sums = np.zeros((parts, *shape), np.float32)
    kernel(in_a_row(x), in_a_row(g), sums, stop=len(x), parts=parts)
    total: Array = sums[0]
    for other in sums[1:]:
        total += other
    return total
