"""Histograms: how many entries, or how much weight, fall between edges, in one dimension and more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff import return_types
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.arrays import array_of, constant, one_dtype, real_only
from autodiff.kernels.arrays import as_array
from autodiff.kinds import refusing

__all__ = ["histogram", "histogramdd"]

Array = np.ndarray[Any, Any]


@refusing
@real_only
def histogram(
    input: Any, bins: Any = 100, *, range: Sequence[float] | None = None, weight: Any = None, density: bool = False
) -> return_types.histogram:
    """How many entries of ``input`` fall into each bin, the last of which has both its edges.

    Args:
        input: floats in any shape.
        bins: how many bins of one width there are, or all their edges in rising order.
        range: the outermost edges; by default the extremes of ``input``.
        weight: what each entry counts, in the shape of ``input``; by default 1.
        density: divide by the sum of all counts and by the width of the bin.

    Raises:
        DtypeError: the entries are not floats, or weights or edges have another dtype.
        OptionError: there is no bin, or the edges are not finite or fall.
        ShapeError: the weights have another shape.

    >>> import autodiff
    >>> autodiff.histogram(autodiff.tensor([1.0, 2.0, 1.0]), 4, range=(0, 3)).hist
    tensor([0., 2., 1., 0.])
    """
    bounds = None if range is None else [range]
    flat = None if weight is None else array_of(weight).reshape(-1)
    if weight is not None and tuple(weight.shape) != tuple(input.shape):
        raise ShapeError(f"histogram of shape {tuple(input.shape)} takes weights of that shape, not {weight.shape}")
    one_dtype("histogram", input, weight)
    one_dtype("histogram", input, bins)
    counts, (edges,) = _counted("histogram", array_of(input).reshape(-1, 1), [bins], bounds, flat, density)
    return return_types.histogram(constant(counts, input), constant(edges, input))


@real_only
def histogramdd(
    input: Any, bins: Any, *, range: Sequence[float] | None = None, weight: Any = None, density: bool = False
) -> return_types.histogramdd:
    """How many points fall into each box of a grid; the last axis of ``input`` has a point's coordinates.

    Shapes: input (*, d), weight (*); the counts have an axis for each of the d dimensions.

    Args:
        input: floats.
        bins: how many bins of one width each dimension has (one number, or d), or the edges of each.
        range: the outermost edges of each dimension, 2 d numbers; by default the extremes.
        weight: what each point counts; by default 1.
        density: divide by the sum of all counts and by the size of the box.

    Raises:
        DtypeError: the coordinates are not floats, or weights or edges have another dtype.
        OptionError: there is no bin, or the edges are not finite or fall.
        ShapeError: there are not as many bins as dimensions, or weights as points.

    >>> import autodiff
    >>> autodiff.histogramdd(autodiff.tensor([[0.0, 1.0], [1.0, 0.0]]), 2).hist.tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    points = array_of(input)
    if points.ndim < 2:
        raise ShapeError(f"histogramdd takes points (*, d), not shape {points.shape}")
    d = points.shape[-1]
    listed = [bins] * d if isinstance(bins, int) else list(bins)
    bounds = None if range is None else [*zip(range[::2], range[1::2], strict=True)]
    if len(listed) != d or (bounds is not None and len(bounds) != d):
        raise ShapeError(f"histogramdd of points (*, {d}) takes bins and ranges of {d} dimensions, not {len(listed)}")
    flat = None if weight is None else array_of(weight).reshape(-1)
    if weight is not None and tuple(weight.shape) != points.shape[:-1]:
        raise ShapeError(f"histogramdd of {points.shape} takes weights {points.shape[:-1]}, not {weight.shape}")
    for other in (weight, *listed):
        one_dtype("histogramdd", input, other)
    rows = points.reshape(math.prod(points.shape[:-1]), d)
    counts, edges = _counted("histogramdd", rows, listed, bounds, flat, density)
    return return_types.histogramdd(constant(counts, input), tuple(constant(e, input) for e in edges))


def _counted(
    name: str, points: Array, bins: list[Any], bounds: Any, weight: Array | None, density: bool
) -> tuple[Array, list[Array]]:
    """The counts, and the edges of each dimension, in the dtype of the points."""
    if points.dtype.kind != "f":
        raise DtypeError(f"{name} counts floats, not {points.dtype.name}; use .float(), or bincount for whole numbers")
    given: list[Any] = [n if isinstance(n, int) else as_array(array_of(n), np.float64) for n in bins]
    if any(n < 1 if np.ndim(n) == 0 else np.size(n) < 2 for n in given):
        raise OptionError(f"{name} takes one bin or more, not {bins!r:.60}")
    if not given:  # points without coordinates, of which PyTorch counts none
        return np.full((), math.nan if density else 0, points.dtype), []
    if bounds is None and not points.size:
        bounds = [(0.0, 1.0)] * len(bins)
    try:
        counts, edges = np.histogramdd(points.astype(np.float64), given, bounds, density, weight)
    except ValueError as error:
        raise OptionError(f"{name} of {len(points)} points with bins {bins!r:.60} and range {bounds!r:.60}: {error}") \
            from error
    return counts.astype(points.dtype), [edge.astype(points.dtype) for edge in edges]
