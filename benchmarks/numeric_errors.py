"""How far a function and its slopes are from the truth, in units in the last place, beside PyTorch's.

A formula is written once for mpmath. Its slopes come from central differences of hundreds of digits, so they share
nothing with the VJPs.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from types import SimpleNamespace
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np

import autodiff
import nn
from autodiff import distributions
from benchmarks.numeric_points import Points

__all__ = ["DTYPES", "MARGIN", "NEAR_ZERO", "OURS", "Formula", "Found", "compare", "exact", "formula", "ulps"]

DTYPES = (np.float64, np.float32)
MARGIN = 4  # units in the last place by which an error may be above PyTorch's
STEP = {np.float64: 200, np.float32: 60}  # digits of the step of a difference: its error vanishes in the dtype
OURS = SimpleNamespace(**{**vars(autodiff), "nn": nn, "distributions": distributions})
NEAR_ZERO = "{} is the difference of nearly equal terms where it is small, as PyTorch's"
Exact = Callable[..., Any]


class Formula(NamedTuple):
    """A function: how it is called, what it is in mpmath (or it and its slopes), where it is tried, and what remains.

    ``rows``: the arguments are the entries of one vector. ``smooth`` says where it has slopes. ``orders`` is the
    highest derivative that is measured, ``by`` the number of arguments that it is taken by. ``why`` explains what is
    worse than PyTorch's.
    """

    name: str
    call: Callable[..., Any]
    exact: Exact | tuple[Exact, ...]
    points: Points
    rows: bool = False
    smooth: Callable[..., bool] = lambda *x: True
    orders: int = 2
    by: int = 3
    why: str = ""


class Found(NamedTuple):
    """Errors at one point, in units in the last place: ours and PyTorch's, None where it has no such derivative."""

    order: int
    point: tuple[float, ...]
    true: Any
    ours: float
    theirs: float | None


def formula(name: str, exact: Exact | tuple[Exact, ...], points: Points, call: Any = None, **options: Any) -> Formula:
    """A formula that is called by its name, as in ``special.erfcx``, or by ``call(lib, *tensors)``."""
    path = name.split(":", maxsplit=1)[0].split(".")
    return Formula(name, call or (lambda t, *x: reduce(getattr, path, t)(*x)), exact, points, **options)


def _digits(dtype: Any, point: Sequence[float]) -> int:
    """How many digits leave enough of a second difference, beside 1 as well."""
    far = 20 if dtype == np.float32 else 60
    if all(10.0**-far < abs(x) < 10.0**far for x in point):
        return 300 if dtype == np.float32 else 1000
    return 600 if dtype == np.float32 else 2200


def exact(row: Formula, dtype: Any, point: Sequence[float], order: int, i: int = 0) -> Any:
    """The true value or derivative by argument ``i``: a number, a list of them, or None where there is none."""
    try:
        if isinstance(row.exact, tuple):
            with mp.workdps(60):
                return row.exact[order](*map(mp.mpf, point))
        with mp.workdps(_digits(dtype, point)):
            arguments = [mp.mpf(x) for x in point]
            scale = abs(arguments[i]) or min((abs(x) for x in arguments if x), default=1)
            step = mp.mpf(10) ** -STEP[dtype] * min(scale, 1)
            of = row.exact if not row.rows else lambda *x: row.exact(x)
            return _difference(of, arguments, order, i, step)
    except (ZeroDivisionError, ValueError, OverflowError, mp.libmp.ComplexResult):
        return None


def _difference(of: Exact, x: list[Any], order: int, i: int, h: Any) -> Any:
    """A central difference along argument ``i``, of each result where there are several."""
    if order == 0:
        return of(*x)
    here = [of(*x[:i], x[i] + k * h, *x[i + 1 :]) for k in ((-1, 1) if order == 1 else (-1, 0, 1))]
    if isinstance(here[0], list):
        return [(after - before) / (2 * h) for before, after in zip(*here, strict=True)]
    return (here[1] - here[0]) / (2 * h) if order == 1 else (here[0] - 2 * here[1] + here[2]) / (h * h)


def ulps(found: float, true: Any, dtype: Any, largest: Any = 0) -> float:
    """The error in units in the last place of the true number, or of ``largest`` where that is given."""
    info = np.finfo(dtype)
    if true is None or mp.isnan(true):
        return 0.0 if math.isnan(found) else math.inf
    if math.isnan(found):
        return math.inf
    edge = mp.mpf(2) ** int(info.maxexp)  # an infinite result counts as this, beyond which all is infinite
    true = max(-edge, min(edge, mp.mpf(true)))
    given = max(-edge, min(edge, mp.mpf(found)))
    exponent = max(mp.mag(max(abs(true), abs(largest))) if true or largest else -(10**6), int(info.minexp) + 1)
    return float(abs(given - true) / mp.mpf(2) ** (exponent - int(info.nmant) - 1))


def _derivatives(row: Formula, lib: Any, dtype: Any, points: list[tuple[float, ...]]) -> dict[Any, Any]:
    """The values at all points, and the derivatives by each argument, of either library."""
    columns = np.array(points, dtype).T
    inputs = [lib.tensor(np.ascontiguousarray(c)).requires_grad_(i < row.by) for i, c in enumerate(columns)]
    found: dict[Any, Any] = {}
    out = row.call(lib, *inputs)
    found[0, 0] = out.detach().numpy()
    for i, x in enumerate(inputs[: row.by]):
        slope = out
        for order in range(1, row.orders + 1):
            try:
                (slope,) = lib.autograd.grad(slope, x, lib.ones_like(slope), create_graph=True, retain_graph=True)
            except (RuntimeError, NotImplementedError):
                break
            found[order, i] = slope.detach().numpy()
    return found


def compare(row: Formula, dtype: Any, torch: Any, orders: Sequence[int] = (0, 1, 2)) -> Iterator[Found]:
    """The errors of ours and of PyTorch's (``torch``, or None) at each point of a formula."""
    if row.rows:
        yield from _compare_rows(row, dtype, torch)
        return
    points = row.points(dtype)
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        ours = _derivatives(row, OURS, dtype, points)
        theirs = _derivatives(row, torch, dtype, points) if torch else {}
    for order, i in [(0, 0), *((order, i) for order in orders if order for i in range(len(points[0])))]:
        if (order, i) not in ours:
            continue
        for k, point in enumerate(points):
            if order and not row.smooth(*point):
                continue
            true = exact(row, dtype, point, order, i)
            if true is None:
                continue
            other = theirs.get((order, i))
            mine = ulps(float(ours[order, i][k]), true, dtype)
            yield Found(order, point, true, mine, None if other is None else ulps(float(other[k]), true, dtype))


def _compare_rows(row: Formula, dtype: Any, torch: Any) -> Iterator[Found]:
    """The errors of a function of one vector, in units of the largest entry of the result, or of the gradient."""
    for point in row.points(dtype):
        value = exact(row, dtype, point, 0)
        values = value if isinstance(value, list) else [value]
        weights = [float((-2) ** (k % 3)) for k in range(len(values))]
        slopes = []
        for i in range(len(point)):
            slope = exact(row, dtype, point, 1, i)
            parts = slope if isinstance(slope, list) else [slope]
            slopes.append(sum(w * s for w, s in zip(weights, parts, strict=True)))
        ours = _gradient(row, OURS, dtype, point, weights)
        theirs = _gradient(row, torch, dtype, point, weights) if torch else None
        for order, true in enumerate((values, slopes)):
            mine = _largest(ours[order], true, dtype)
            yield Found(order, point, true, mine, None if theirs is None else _largest(theirs[order], true, dtype))


def _largest(found: Any, true: Sequence[Any], dtype: Any) -> float:
    size = max(abs(x) for x in true)
    return max(ulps(float(x), t, dtype, size) for x, t in zip(found, true, strict=True))


def _gradient(row: Formula, lib: Any, dtype: Any, point: Sequence[float], weights: Sequence[float]) -> tuple[Any, Any]:
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        x = lib.tensor(np.array(point, dtype)).requires_grad_()
        out = row.call(lib, x)
        out = out.reshape(-1)
        (slope,) = lib.autograd.grad(out, x, lib.tensor(np.array(weights, dtype)))
    return out.detach().numpy(), slope.numpy()
