"""Cases of picking, filling and scattering."""

from __future__ import annotations

import warnings

import numpy as np

from parity.base import case, numbers


def quietly(function, *args, **kwargs):
    """A call of which PyTorch says that it may change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


I3 = np.array([2, 0, 2])
WIDE = np.array([[0, 2, 1], [1, 1, 0]])
MASK = np.array([[True, False, True], [False, False, True]])

KEYS = {
    "(2, 3)": [0, -1, slice(1, None), (slice(None), 1), (..., 0), None, (None, 1, ..., None), slice(None, None, 2), (),
               (0, 1), ..., [0, 1, 1], ([0, 1], [2, 0]), (slice(None), [2, 0]), ([[0], [1]], [[0, 1]]), True, False,
               (1, slice(None, -1)), (slice(5, 2), None)],
    "(2, 3, 4)": [(0, slice(None), [1, 3]), ([0, 1], slice(None), [1, 3]), (slice(None), [0, 2], [1, 3]), (..., [0, 0]),
                  ([1, 0], 2), ([1, 0], 2, slice(1, 3)), (1, None, [2, 2, 0]), (0, ..., 3), (slice(None), 1, [3, 0]),
                  ([0], None, slice(None), [1]), (0, [1, 2], None, slice(1, 2)), (slice(1), 0, None, [[1], [2]])],
}  # fmt: skip
for shape, keys in KEYS.items():
    size = tuple(map(int, shape[1:-1].split(",")))
    for key in keys:
        case("__getitem__", lambda lib, x, k=key: x[k], size)
        case("__setitem__", lambda lib, x, k=key: _set(x.clone(), k, 5), size)
        case("__setitem__", lambda lib, x, y, k=key: _set(x.clone(), k, y), size, ())
        case("__setitem__", lambda lib, x, y, k=key: _set(x * 1, k, y), size, (1,))
        case("__setitem__", lambda lib, x, y, k=key: _set(x * 1, k, y[k]), size, size)
        case("__setitem__", lambda lib, x, y, k=key: _set(lib.zeros_like(x), k, y[k] * x[k]), size, size,
             tracking=key is not False)
case("__getitem__", lambda lib, x: (x[...], x[()], x[None], x[True]), ())
case("__getitem__", lambda lib, x, m: (x[m], x[m[:, 0]], x[0, m[1]], x[m[:, 0], 1]), (2, 3), MASK)
case("__setitem__", lambda lib, x, y, m: (_set(x * 1, m, y[0]), _set(x * 1, m, y)), (2, 3), (3,), MASK)
case("__getitem__", lambda lib, x, i: (x[i], x[:, i], x[i, i], x[i[0]], x[i[0], i], x[i.reshape(3, 1), i]), (3, 3), I3)
case("__getitem__", lambda lib, x, i: (x[i.numpy()], x[[0, 1], i[:2]], x[:, i[0] : i[0] + 1]), (3, 3), I3)
case("__getitem__", lambda lib, x, i: (x[i], [10, 20, 30][i]), (3, 3), np.array(1))
case("__getitem__", lambda lib, x: (x[0], x[:, 0:0], x[1:1]), (2, 0))


def _set(x, key, value):
    x[key] = value
    return x


for shape in [(3,), (3, 2), (2, 3), ()]:
    d = 0 if shape in ((3,), (3, 2), ()) else 1
    i = I3 if shape else np.array([0, 0, 0])
    case("index_select", lambda lib, x, i, d=d: (lib.index_select(x, d, i), x.index_select(d - max(x.dim(), 1), i)),
         shape, i if shape else i[:1])
    case("take", lambda lib, x, i: (lib.take(x, i), x.take(i.reshape(3, 1))), shape, i)
    grown = tuple(3 if a == d else n for a, n in enumerate(shape)) or (3,)
    if shape:
        case("index_add", lambda lib, x, i, y, d=d: (lib.index_add(x, d, i, y), x.index_add(d, i, y, alpha=0.5)),
             shape, i, grown)
        case("index_copy", lambda lib, x, i, y, d=d: (lib.index_copy(x, d, i, y), x.index_copy(d, i, y)),
             shape, np.array([2, 0, 1]), grown)
        for reduce in ("amax", "amin", "mean", "prod"):
            for own in (True, False):
                # PyTorch has no second derivative of prod
                case(f"index_reduce:{reduce}", lambda lib, x, i, y, d=d, r=reduce, o=own:
                     quietly(lib.index_reduce, x, d, i, y, r, include_self=o), shape, i, numbers(grown) + 0.01, order=1)
    case("index_fill", lambda lib, x, i, v, d=d: (x.index_fill(d, i, -2.5), lib.index_fill(x, d, i, v)), shape, i, ())
case("index_select", lambda lib, x, i: x.index_select(0, i), (3, 2), np.array(1))
case("index_fill", lambda lib, x, i: x.index_fill(1, i, 7), numbers((2, 3)).astype(np.int64), I3, order=0)
case("index_put", lambda lib, x, i, y: (lib.index_put(x, (i,), y), x.index_put((i,), y[:1])),
     (3, 2), np.array([2, 0]), (2, 2))
case("index_put", lambda lib, x, i, y: (lib.index_put(x, (i,), y, accumulate=True), x.index_put((i, i), y[0], True)),
     (3, 3), I3, (3, 3))
case("index_put", lambda lib, x, m, y: (x.index_put((m,), y), x.index_put((m,), y, accumulate=True)), (2, 3), MASK, ())
case("put", lambda lib, x, i, y: (lib.put(x, i[:2], y[:2]), x.put(i, y, accumulate=True)), (2, 3), I3, (3,))
case("take_along_dim", lambda lib, x, i: (lib.take_along_dim(x, i, 1), x.contiguous().take_along_dim(i)), (2, 3), WIDE)
case("take_along_dim", lambda lib, x, i: x.take_along_dim(i, dim=0), (2, 3), np.array([[1], [0], [1]]))

for d, index in [(0, np.array([[0, 1, 1], [1, 0, 0], [1, 1, 1]])), (1, WIDE), (-1, WIDE[:1, :2]), (0, WIDE[:, :1] % 2)]:
    grown = (3, 3)
    case("gather", lambda lib, x, i, d=d: (lib.gather(x, d, i), x.gather(d, i)), (2, 3), index)
    unique = np.argsort(index, axis=d)
    case("scatter", lambda lib, x, i, y, d=d: (lib.scatter(x, d, i, y), x.scatter(d, i, 1.5)),
         (3, 3), unique, unique.shape)
    case("scatter", lambda lib, x, i, y, d=d: x.scatter(d, i, y), (3, 3), unique, grown, order=0)
    case("scatter", lambda lib, x, i, d=d: x.scatter(d, i, value=2), (2, 3), index)
    case("scatter_add", lambda lib, x, i, y, d=d: (lib.scatter_add(x, d, i, y), x.scatter_add(d, i, y)),
         (2, 3), index, index.shape)
    case("scatter_add", lambda lib, x, i, y, d=d: x.scatter_add(d, i, y), (2, 3), index, grown, order=0)
    for reduce in ("sum", "mean", "amax", "amin", "prod"):
        for own in (True, False):
            case(f"scatter_reduce:{reduce}", lambda lib, x, i, y, d=d, r=reduce, o=own:
                 (lib.scatter_reduce(x, d, i, y, r, include_self=o), x.scatter_reduce(d, i, y, reduce=r)),
                 (2, 3), index, numbers(index.shape) + 0.01, order=2 if reduce in ("sum", "mean") else 1)
for reduce in ("sum", "mean", "amax", "amin", "prod"):
    ties = (np.array([1.0, 2.0, 0.0]), np.array([0, 0, 1, 1, 2, 2]), np.array([1.0, 1.0, 2.0, 0.0, 0.0, 0.0]))
    case(f"scatter_reduce:{reduce}", lambda lib, x, i, y, r=reduce: x.scatter_reduce(0, i, y, r), *ties, order=1)
    case(f"scatter_reduce:{reduce}", lambda lib, x, i, y, r=reduce: x.scatter_reduce(0, i, y, r),
         numbers((3,), 1, 9).astype(np.int64), ties[1], numbers((6,), 1, 9).astype(np.int64), order=0)
case("scatter", lambda lib, x, i, y: x.scatter(0, i, y), (3,), np.array([], np.int64), (0,))
case("scatter", lambda lib, x, i, y: (quietly(x.scatter, 0, i, y, reduce="add"), x.scatter(0, i, 3.0, reduce="add")),
     (3,), I3, (3,), order=0)
case("gather", lambda lib, x, i: (x.gather(0, i), x.gather(0, i.reshape(1))), (), np.array(0))
case("scatter", lambda lib, x, i, y: x.scatter(0, i, y), (), np.array(0), ())
case("scatter_add", lambda lib, x, i, y: x.scatter_add(0, i, y), (), np.array(0), ())

for mask in (MASK, MASK[0], MASK[:, :1], np.array(True)):
    case("masked_fill", lambda lib, x, m: (lib.masked_fill(x, m, -9.5), x.masked_fill(m, 3)), (2, 3), mask)
    case("masked_fill", lambda lib, x, m, v: x.masked_fill(m, v), (2, 3), mask, ())
    case("masked_select", lambda lib, x, m: (lib.masked_select(x, m), x.masked_select(m)), (2, 3), mask)
    case("masked_scatter", lambda lib, x, m, y: (lib.masked_scatter(x, m, y), x.masked_scatter(m, y)),
         (2, 3), mask, (3, 3))
case("masked_select", lambda lib, x, m: x.masked_select(m), (), np.array(True))
case("masked_fill", lambda lib, x, m: (x.masked_fill(m, 3), (x > 0).masked_fill(m, 0)),
     numbers((2, 3)).astype(np.int64), MASK, order=0)
case("where", lambda lib, m: lib.where(m), MASK, order=0)
case("where", lambda lib, x, m, y: (lib.where(m, x, y), x.where(m, y), lib.where(m, x, 0.0), lib.where(m, 1, y)),
     (2, 3), MASK, (3,))
case("nonzero", lambda lib, m: (lib.nonzero(m), m.nonzero(as_tuple=True), lib.argwhere(m)), MASK, order=0)
case("nonzero", lambda lib, x: (x.nonzero(), lib.nonzero(x, as_tuple=True), x.argwhere()), np.array(5), order=0)
case("one_hot", lambda lib, i: (lib.nn.functional.one_hot(i), lib.nn.functional.one_hot(i, 5)), WIDE, order=0)
case("select_scatter", lambda lib, x, y: (lib.select_scatter(x, y, 1, -1), x.select_scatter(y, 1, 0)), (2, 3), (2,))
case("slice_scatter", lambda lib, x, y: (lib.slice_scatter(x, y, 1, 1), x.slice_scatter(y, -1, 0, 3, 2)),
     (2, 3), (2, 2))
case("diagonal_scatter", lambda lib, x, y: (lib.diagonal_scatter(x, y), x.diagonal_scatter(y, 1)), (2, 3), (2,))

SEGMENTS = [
    ((6, 2), [2, 0, 4], 0), ((6,), [3, 3], -1), ((2, 5, 3), [[2, 3], [5, 0]], 1), ((2, 1, 4), [[[4]], [[4]]], 2),
]  # fmt: skip
for reduce in ("sum", "mean", "prod", "max", "min", "amax", "amin"):
    for shape, lengths, axis in SEGMENTS:
        own = {"axis": axis, "initial": 0.25}
        if 0 in np.ravel(lengths) and reduce != "sum":  # without entries, and with nothing else: NaN or infinite
            case(f"segment_reduce:{reduce}", lambda lib, x, n, r=reduce, d=axis:
                 lib.segment_reduce(x, r, lengths=n, axis=d), numbers(shape), np.array(lengths), order=0)
        else:
            case(f"segment_reduce:{reduce}", lambda lib, x, n, r=reduce, d=axis:
                 lib.segment_reduce(x, r, lengths=n, axis=d), shape, np.array(lengths), order=1)
        case(f"segment_reduce:{reduce}", lambda lib, x, n, r=reduce, o=own:
             lib.segment_reduce(x, r, lengths=n, **o), shape, np.array(lengths, np.int32), order=1)
    case(f"segment_reduce:{reduce}", lambda lib, x, n, r=reduce: lib.segment_reduce(x, r, offsets=n),
         (6, 2), np.array([1, 2, 5]), order=1)
    # equal extremes; without gradients, as PyTorch shares only those above 0
    case(f"segment_reduce:{reduce}", lambda lib, x, n, r=reduce: lib.segment_reduce(data=x, reduce=r, lengths=n,
         unsafe=True, initial=1), np.array([1.0, 1.0, 0.0, 0.0, 2.0]), np.array([2, 2]), order=0)
