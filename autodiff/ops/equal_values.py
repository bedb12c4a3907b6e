"""Which eigenvalues or singular values are equal, and how a function of them changes as they part."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from autodiff.engine.tape import Node
from autodiff.ops.arrays import detached
from autodiff.ops.lengths import path_between, response, with_what_meets_it

Response = tuple[Any, dict[Node, float]]  # what arrives, and how much beside


def tolerance(dtype: Any) -> float:
    """Half the digits: a difference below it is one of numbers that are equal but for rounding."""
    return math.sqrt(float(np.finfo(dtype).eps))


class Equals(NamedTuple):
    """Which of the values (..., n) of matrices are equal."""

    same: Any  # (..., n, n), the diagonal included
    null: Any  # (..., n), singular values that are 0
    any: bool  # whether there are any, or null ones

    def shared(self, g: Any) -> Any:
        """The cotangents (..., n) of the values, that of equals their mean, and 0 of null ones."""
        weights = self.same / self.same.sum(-1, keepdims=True) * ~self.null[..., None, :]
        return (weights.astype(g.dtype) * g[..., None, :]).sum(-1)  # in one order, so that equals stay equal

    def groups(self) -> Iterator[tuple[Any, list[int], bool]]:
        """Each matrix with each of its groups of equal values, and whether they are null."""
        for matrix in np.ndindex(self.null.shape[:-1]):
            for group in sorted({tuple(np.flatnonzero(row).tolist()) for row in self.same[matrix]}):
                is_null = bool(self.null[(*matrix, group[0])])
                if len(group) > 1 or is_null:
                    yield matrix, list(group), is_null


def equal_values(values: Any, size: int, singular: bool) -> Equals:
    """The groups of sorted ``values`` whose neighbours differ by no more than rounding in a matrix of ``size``."""
    bound = 10 * size * np.finfo(values.dtype).eps * np.abs(values).max(-1, initial=0.0)[..., None]
    null = (values <= bound) & singular
    parts = np.abs(np.diff(values, axis=-1, prepend=values[..., :1])) > bound
    group = np.where(null, -1, np.cumsum(parts, axis=-1))
    same = group[..., None, :] == group[..., :, None]
    return Equals(same, null, bool(same.sum() > values.size or null.any()))


def limits(g: Any, out: Any, row: int, equals: Equals) -> tuple[Any, Any]:
    """For the cotangent ``g`` of ``out``, in whose ``row`` the values are, how it changes with them.

    Returns:
        For each of equal values the limit of (g_i - g_j) / (w_i - w_j), and for each matrix that of g_i / w_i of its
        null ones; NaN where the function does not treat them alike, or depends on their vectors.
    """
    of_values, values = (np.real(detached(a)[..., row, :]) for a in (g, out))
    small = tolerance(g.dtype)
    of_equals, of_null = np.zeros(values.shape), np.zeros(values.shape[:-1])
    start, end = g._node, out._node
    path: set[Node] = set() if start is None else path_between(start, end)
    wider = path if start is None else with_what_meets_it(path, start, end)

    def pulled(places: list[tuple[Any, int]]) -> Response:
        seed = np.zeros(g.shape, g.dtype)
        for place, weight in places:
            seed[place] += weight
        # A singular value of 0 has the slope 0 by convention, behind which nothing is seen.
        if start is None:
            return np.real(seed * 0), {}
        arrived, beside = response(start, end, path if is_null else wider, seed)
        return np.real(arrived), beside

    for matrix, group, is_null in equals.groups():
        largest = int(np.argmax(np.abs(values[matrix])))
        wholes = [pulled([((*matrix, row, i), 1)]) for i in {largest, group[0]}]
        at = [(*matrix, row, i) for i in group]
        if is_null:
            slope = _common([_slope(pulled, [(place, 1)], wholes, small) for place in at], small)
            is_even = np.abs(of_values[(*matrix, group)]).max() <= small * np.abs(of_values[matrix]).max()
            of_null[matrix] = slope if is_even else math.nan
        else:
            found = [_slope(pulled, [(at[0], 1), (place, -1)], wholes, small) for place in at[1:]]
            of_equals[(*matrix, group)] = _common(found, small)
    return of_equals, of_null


def _slope(
    pulled: Callable[..., Response], places: list[tuple[Any, int]], wholes: list[Response], small: float
) -> tuple[float, float]:
    """The number by which a cotangent is multiplied on its way, and its scale; NaN if that is not all it undergoes."""
    arrived, beside = pulled(places)
    slope = float(arrived[places[0][0]])
    rest = arrived.copy()
    for place, weight in places:
        rest[place] -= weight * slope
    scale = max(abs(slope), *(float(np.abs(all_).max()) for all_, _ in wholes))
    fits = np.abs(rest).max() <= small * scale
    fits &= all(size <= small * max(sizes.get(edge, 0.0) for _, sizes in wholes) for edge, size in beside.items())
    return (slope if fits else math.nan), scale


def _common(found: list[tuple[float, float]], small: float) -> float:
    """The slope that all have, or NaN."""
    first = found[0][0]
    return first if all(abs(slope - first) <= small * scale for slope, scale in found) else math.nan
