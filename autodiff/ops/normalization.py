"""The primitive of all normalisations: over the batch, over features, by groups, without the mean."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from autodiff.engine.broadcasting import unbroadcast
from autodiff.kernels import normalization as tiles
from autodiff.kernels.layout import row_major
from autodiff.kernels.precision import single
from autodiff.kernels.structural_zeros import non_finite
from autodiff.kernels.sums import accumulate
from autodiff.ops.arrays import are_arrays
from autodiff.ops.joint import Joint

Axes = tuple[int, ...]
Moments = tuple[Any, Any]


@lru_cache(maxsize=256)  # as below: small arrays feel every loop over the axes
def _count(shape: Axes, axis: Axes) -> int:
    """How many entries there are along ``axis``, 1 at least."""
    return max(math.prod(shape[a] for a in axis), 1)


def _inner(x: Any, y: Any, axis: Axes) -> Any:
    """The sum of ``x * y`` over ``axis``, of which length one stays; over the last axes without writing the product."""
    first = x.ndim
    while first - 1 in axis:
        first -= 1
    if first == x.ndim or not (are_arrays(x, y) and x.flags.c_contiguous and y.flags.c_contiguous):
        return accumulate(x * y, axis, True)
    rows = (*x.shape[:first], math.prod(x.shape[first:]))
    sums = np.vecdot(x.reshape(rows), y.reshape(rows)).reshape(x.shape[:first] + (1,) * (x.ndim - first))
    return accumulate(sums, tuple(a for a in axis if a < first), True)


def deviations(x: Any, axis: Axes, center: bool = True) -> tuple[Any, Any, Any]:
    """``x`` less its mean over ``axis``, that mean, and the mean square of these deviations: the variance."""
    n = _count(x.shape, axis)
    mean = accumulate(x, axis, True) / n if center else 0
    z = x - mean if center else x
    return z, mean, _inner(z, z, axis) / n


def moments(x: Any, axis: Axes, center: bool = True) -> Moments:
    """The mean of an array over ``axis``, 0 unless ``center``, and the mean square of the deviations from it."""
    fold = tiles.fold_of(x, axis)
    if fold is None:
        return deviations(x, axis, center)[1:]
    mean, variance = tiles.moments(x, fold=fold, center=center)
    kept = tuple(1 if a in axis else n for a, n in enumerate(x.shape))
    return mean.reshape(kept) if center else 0, variance.reshape(kept)


@lru_cache(maxsize=256)
def _commutes(along: Axes | None, axis: Axes) -> bool:
    """Whether weights of the shape ``along`` are constant over ``axis``, so that they can be taken out of the sums."""
    return along is not None and all(along[a] == 1 for a in axis)


def _is_of_rows(fold: tiles.Fold, w: Any, along: Any, axis: Axes) -> bool:
    """Whether weights of the shape ``along`` have one number for each place in a row."""
    return fold.n == 1 and w.size == fold.p and all(n == 1 or a in axis for a, n in enumerate(along))


def _summed(c: Any, along: Any, shape: tuple[int, ...]) -> Any:
    """The cotangent of weights of ``shape`` that were used in the shape ``along``."""
    return (c if c.shape == along else unbroadcast(c, along)).reshape(shape)


def _standardize(
    x: Any, w: Any = None, b: Any = None, *, axis: Axes, eps: float, center: bool, along: Axes | None = None,
    given: Moments | None = None,
) -> Any:
    z = single(x)  # squares overflow half precision long before their mean does
    mean, variance = given or moments(z, axis, center)
    factor, fold = (variance + eps) ** -0.5, tiles.fold_of(z, axis)
    w = None if w is None else single(w).reshape(along)
    b = None if b is None else single(b).reshape(along)
    if w is not None and _commutes(along, axis):
        factor, w = factor * w, None
    if fold is None:
        out = (z - mean if center else z) * factor
    else:
        offset = rows = None
        if w is None and b is not None:
            offset, b = np.broadcast_to(b, factor.shape), None
        elif w is not None and _is_of_rows(fold, w, along, axis):
            rows, w, b = (w.reshape(-1), None if b is None else b.reshape(-1)), None, None
        out = tiles.standardized(z, mean if center else None, factor, offset, *(rows or ()), fold=fold)
    if w is not None:
        out *= w
    if b is not None:
        out += b
    return out.astype(x.dtype, copy=False)


def _standardize_back(
    g: Any, out: Any, x: Any, w: Any = None, b: Any = None, *, axis: Axes, eps: float, center: bool,
    along: Axes | None = None, given: Moments | None = None,
) -> tuple[Any, ...]:
    """g without its parts along the constant and along the result: the result does not change in those directions."""
    if are_arrays(g) and g.dtype == np.float16:
        found = _standardize_back(
            *map(single, (g, out, x, w, b)), axis=axis, eps=eps, center=center, along=along, given=given
        )
        return tuple(None if c is None else c.astype(np.float16) for c in found)
    n = _count(x.shape, axis)
    if are_arrays(g):
        if given is None or non_finite(given[1]):  # NaN may stand for what makes no difference
            given = moments(x, axis, center)
        if (fold := tiles.fold_of(x, axis)) is not None:
            return _back_in_tiles(row_major(g), x, w, fold, axis, eps, center, along, given)
        z, variance = (x - given[0] if center else x), given[1]
    else:
        z, _, variance = deviations(x, axis, center)
    factor = (variance + eps) ** -0.5
    weight = 1 if w is None else w.reshape(along)
    after = w is None or _commutes(along, axis)
    h = g if after else g * weight
    part = _inner(h, z, axis) * factor
    rest = h - z * (part * (factor / n))
    total = accumulate(h, axis, True) if center else 0
    to_x = (rest - total / n if center else rest) * (factor * weight if after else factor)
    if w is None:
        return to_x, None, None
    to_w = part if after else g * z * factor
    return to_x, *(_summed(c, along, w.shape) for c in (to_w, total if after and center else g))


def _back_in_tiles(
    g: Any, x: Any, w: Any, fold: tiles.Fold, axis: Axes, eps: float, center: bool, along: Any, given: Moments
) -> tuple[Any, ...]:
    """The same for long arrays."""
    mean, factor = given[0] if center else None, (given[1] + eps) ** -0.5
    if w is None or _commutes(along, axis):
        scale = factor if w is None else factor * w.reshape(along)
        to_x, to_w, to_b = tiles.cotangents(g, x, mean, factor, scale, fold=fold)
        to_w, to_b = to_w.reshape(factor.shape), to_b.reshape(factor.shape)
    elif _is_of_rows(fold, w, along, axis):
        to_x, to_w, to_b = tiles.cotangents_of_rows(g, x, mean, factor, w, fold=fold)
        return to_x, to_w.reshape(w.shape), to_b.reshape(w.shape)
    else:
        to_x = tiles.cotangents(g * w.reshape(along), x, mean, factor, factor, fold=fold)[0]
        to_w, to_b = g * (x if mean is None else x - mean) * factor, g
    return (to_x, None, None) if w is None else (to_x, *(_summed(c, along, w.shape) for c in (to_w, to_b)))


# x less its mean over ``axis`` (if ``center``) over the root of its mean square + eps, then times w and plus b, as far
# as they are given, reshaped to ``along``, which has as many axes as x. Only x and w are kept; the statistics are two
# sums over x, and taken again as functions of x they have derivatives of every order. Primitives of their own for w and
# b would keep the result too, and go over it three times more each way.
standardize = Joint("standardize", _standardize, _standardize_back, inputs=3, keeps="x w", floating=True, real=True)
