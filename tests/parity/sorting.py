"""Cases of order: sorting, order statistics, sets, bins."""

from __future__ import annotations

import math

import numpy as np

from parity.base import case, numbers

SHAPES = [(2, 3), (), (5,), (2, 3, 4)]
WHOLE = np.array([[3, 1, 2, 1], [5, 5, -4, 0]])
WITH_NAN = np.array([[1.0, math.nan, 3.0, 0.5], [math.nan, -2.0, 0.5, 1.0]])
REPEATED = np.array([2, 2, 3, 3, 3, 1, 2, 2])
SEQUENCE = np.array([1.0, 3.0, 5.0, 7.0])

for shape in SHAPES:
    case("sort", lambda lib, x: lib.sort(x), shape)
    case("sort", lambda lib, x: x.sort(dim=0, descending=True), shape)
    case("sort", lambda lib, x: lib.sort(x, 0, True).values * x, shape)
    case("msort", lambda lib, x: lib.msort(x) + x.msort() * 2 if x.ndim else x, shape)
    case(
        "argsort",
        lambda lib, x: (lib.argsort(x), x.argsort(0, True), x.argsort(dim=-1, descending=True)),
        shape,
        order=0,
    )
    case("topk", lambda lib, x: lib.topk(x, 1), shape)
    case("topk", lambda lib, x: x.topk(2, dim=0, largest=False) if x.ndim else x, shape)
    case("kthvalue", lambda lib, x: lib.kthvalue(x, 1), shape)
    case("kthvalue", lambda lib, x: x.kthvalue(2, dim=0, keepdim=True) if x.ndim else x, shape)
    for name in ("median", "nanmedian"):
        case(name, lambda lib, x, f=name: getattr(lib, f)(x) * getattr(x, f)(), shape)
        case(name, lambda lib, x, f=name: getattr(lib, f)(x, 0), shape)
        case(name, lambda lib, x, f=name: getattr(x, f)(dim=-1, keepdim=True), shape)
    case("mode", lambda lib, x: lib.mode(x).values, shape)
    for name in ("quantile", "nanquantile"):
        case(name, lambda lib, x, f=name: getattr(lib, f)(x, 0.3) * getattr(x, f)(0.75), shape)
        case(name, lambda lib, x, f=name: getattr(lib, f)(x, 0.5, dim=0, keepdim=True), shape)
        case(name, lambda lib, x, f=name: getattr(x, f)(lib.tensor([0.1, 0.5, 1.0], dtype=x.dtype), dim=-1), shape)
        case(name, lambda lib, x, f=name: getattr(x, f)(lib.tensor([0.1, 1.0], dtype=x.dtype), keepdim=True), shape)
        for how in ("linear", "lower", "higher", "midpoint", "nearest"):
            case(name, lambda lib, x, f=name, h=how: getattr(lib, f)(x, 0.37, dim=-1, interpolation=h), shape)
for name in ("quantile", "nanquantile"):
    case(name, lambda lib, x, f=name: getattr(lib, f)(x, 0.4, dim=1), WITH_NAN, order=0)
    case(name, lambda lib, x, f=name: getattr(lib, f)(x, 0.4, dim=0), WITH_NAN, order=0)
    case(name, lambda lib, x, f=name: getattr(lib, f)(x, 0.4), WITH_NAN, order=0)
for array in (WHOLE, WITH_NAN):
    case("sort", lambda lib, x: lib.sort(x, dim=1, stable=True), array, order=0)
    case("sort", lambda lib, x: lib.sort(x, dim=1, descending=True, stable=True), array, order=0)
    case("sort", lambda lib, x: x.sort(-1, True).values, array, order=1)
    case("topk", lambda lib, x: lib.topk(x, 3, 1).values, array, order=0)
    case("median", lambda lib, x: (lib.median(x), lib.median(x, 1).values), array, order=0)
    case("nanmedian", lambda lib, x: (lib.nanmedian(x), lib.nanmedian(x, 1).values), array, order=0)
    case("msort", lambda lib, x: lib.msort(x), array, order=0)
case("median", lambda lib, x: lib.median(x, 1), WITH_NAN, order=0)
case("median", lambda lib, x: lib.median(x), np.array([1.0, 2.0, 2.0, 3.0]), order=1)
case("kthvalue", lambda lib, x: lib.kthvalue(x, 2, 1).values, WHOLE)
case("mode", lambda lib, x: (lib.mode(x, 1), x.mode(1, True), lib.mode(x)), WHOLE)
case("mode", lambda lib, x: lib.mode(x, 1), WHOLE.astype(float), order=1)
case("mode", lambda lib, x: (lib.mode(x), x.mode(0)), REPEATED)

for array in (WHOLE, REPEATED, numbers((2, 3)), np.zeros((0,)), WHOLE > 1):
    case("unique", lambda lib, x: lib.unique(x), array, order=0)
    case("unique", lambda lib, x: lib.unique(x, return_inverse=True, return_counts=True), array, order=0)
    case("unique", lambda lib, x: x.unique(return_counts=True), array, order=0)
    case("unique_consecutive", lambda lib, x: lib.unique_consecutive(x), array, order=0)
    case(
        "unique_consecutive",
        lambda lib, x: x.unique_consecutive(return_inverse=True, return_counts=True),
        array,
        order=0,
    )
ROWS = np.array([[1, 2], [1, 2], [0, 5], [1, 2]])
case("unique", lambda lib, x: lib.unique(x, dim=0, return_inverse=True, return_counts=True), ROWS)
case("unique", lambda lib, x: lib.unique(x, dim=1), ROWS)
case("unique", lambda lib, x: lib.unique(x, return_inverse=True, return_counts=True), WITH_NAN, order=0)
case(
    "unique_consecutive", lambda lib, x: lib.unique_consecutive(x, dim=0, return_inverse=True, return_counts=True), ROWS
)

for right in (False, True):
    case(
        "searchsorted",
        lambda lib, s, v, r=right: lib.searchsorted(s, v.contiguous(), right=r),
        SEQUENCE,
        np.array([[3.0, 0.0], [9.0, 5.0]]),
        order=0,
    )
    case(
        "bucketize",
        lambda lib, v, s, r=right: lib.bucketize(v.contiguous(), s, right=r),
        np.array([[3.0, 0.0], [9.0, 5.0]]),
        SEQUENCE,
        order=0,
    )
case(
    "searchsorted",
    lambda lib, s, v: lib.searchsorted(s.contiguous(), v.contiguous(), side="right", out_int32=True),
    np.stack([SEQUENCE, SEQUENCE + 1]),
    np.array([[3.0, 0.0], [9.0, 5.0]]),
    order=0,
)
case("searchsorted", lambda lib, s: lib.searchsorted(s, 4.0), SEQUENCE, order=0)
case(
    "searchsorted",
    lambda lib, s, v, o: lib.searchsorted(s, v, sorter=o),
    np.array([3.0, 1.0, 2.0]),
    np.array([2.5]),
    np.array([1, 2, 0]),
    order=0,
)
case("bincount", lambda lib, x: (lib.bincount(x), x.bincount(minlength=6)), REPEATED)
case("bincount", lambda lib, x, w: lib.bincount(x, w), REPEATED, numbers((8,)), order=0)
case("bincount", lambda lib, x: lib.bincount(x), np.zeros((0,), np.int64))
case("histc", lambda lib, x: (lib.histc(x, 5), x.histc(4, -1, 1), lib.histc(x, bins=3, min=0, max=2)), (20,), order=0)
case("histc", lambda lib, x: lib.histc(x, 3), np.ones(4), order=0)
case("isin", lambda lib, x, y: (lib.isin(x, y), lib.isin(x, y, invert=True), lib.isin(x, 3)), WHOLE, np.array([1, 5]))
case(
    "isclose",
    lambda lib, x, y: (lib.isclose(x, y), lib.isclose(x, y, rtol=0.5), x.isclose(y, atol=1.0)),
    (2, 3),
    (3,),
    order=0,
)
case("isclose", lambda lib, x: (lib.isclose(x, x), lib.isclose(x, x, equal_nan=True)), WITH_NAN, order=0)
WIDE = {"bins": 4}, {"bins": 3, "range": (-1.0, 1.5)}, {"bins": 5, "density": True}
for options in WIDE:
    case("histogram", lambda lib, x, o=options: lib.histogram(x, **o), (20,), order=0)
    case("histogram", lambda lib, x, w, o=options: x.histogram(**o, weight=w), (4, 5), (4, 5), order=0)
    case("histogramdd", lambda lib, x, o=options: _flat(lib.histogramdd(
        x, **{**o, **({"range": (-1.0, 1.5, 0.0, 2.0)} if "range" in o else {})})), (20, 2), order=0)
case("histogram", lambda lib, x, e: lib.histogram(x, e), (20,), np.array([-1.5, 0.0, 0.25, 2.0]), order=0)
case("histogram", lambda lib, x: lib.histogram(x, 3), np.ones(4), order=0)
case("histogramdd", lambda lib, x, e: _flat(lib.histogramdd(x, [e, e[1:]])), (20, 2), np.array([-1.5, 0.0, 0.25, 2.0]),
     order=0)
case("histogramdd", lambda lib, x, w: _flat(lib.histogramdd(x, [2, 3], weight=w)), (4, 5, 2), (4, 5), order=0)


def _flat(found):
    return found.hist, *found.bin_edges
