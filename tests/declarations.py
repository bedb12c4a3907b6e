"""Every row declared once: where it is tried, with what parameters, and what its value should be.

A declaration is ``declare(name, *domains, **options of gradient_test)``; a row that has no derivative is declared with
``plain``. The references are written from definitions, with other means than the rows.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

import autodiff.ops
from autodiff.kernels.convolution import Geometry
from autodiff.kernels.pooling import Window
from autodiff.primitive import primitives
from autodiff.testing import gradient_test, strategies
from autodiff.testing.domain import away_from, distinct, nonzero, positive, real, unit

for _module in pkgutil.iter_modules(autodiff.ops.__path__):
    importlib.import_module(f"autodiff.ops.{_module.name}")

DECLARED: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {}
PLAIN: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {}
EXAMPLES = 32


def declare(name: str, *domains: Any, **options: Any) -> None:
    """Declare a row with derivatives; second order is tried unless ``order`` says otherwise."""
    DECLARED[name] = domains, {"order": 2, "max_examples": EXAMPLES, **options}


def plain(name: str, reference: Callable[..., Any], **params: Any) -> None:
    """Declare a row without derivatives by what it gives on arrays."""
    PLAIN[name] = reference, params


def test_of(name: str, **changes: Any) -> Callable[[], None]:
    """The property-based test of a row."""
    domains, options = DECLARED[name]
    row = primitives[name]

    def function(*inputs: Any, **params: Any) -> Any:
        return row(*inputs, **params)

    return gradient_test(*domains, **{**options, **changes})(function)


def one_of(*options: dict[str, Any]) -> Any:
    return st.sampled_from(list(options))


def reduction(*shapes: Any) -> Any:
    return st.sampled_from(_reductions(len(shapes[0])))


def _reductions(ndim: int) -> list[dict[str, Any]]:
    axes = [a if isinstance(a, int | None) else tuple(x % ndim for x in a) for a in strategies.all_axes(ndim)]
    return [{"axis": axis, "keepdims": keep} for axis in axes for keep in (False, True)]


def one_axis(shape: Any) -> Any:
    return st.sampled_from([{"axis": a} for a in range(len(shape))])


def of_shape(shape: Sequence[int], *more: Any) -> np.ndarray[Any, Any]:
    """Numbers of a shape without a pattern."""
    return np.sin(np.arange(1, 1 + math.prod(shape)) * 1.7).reshape(tuple(shape))


some = strategies.shapes(min_dims=1).map(lambda s: (s,))

# --- arithmetic

declare("add", real, real, ref=lambda x, y: x + y)
declare("subtract", real, real, ref=lambda x, y: x - y)
declare("multiply", real, real, ref=lambda x, y: x * y)
declare("divide", real, nonzero, ref=lambda x, y: x * y**-1.0)
declare("power", positive, real, ref=lambda x, y: np.exp(y * np.log(x)))
declare("maximum", real, real, ref=lambda x, y: np.where(x < y, y, x))
declare("minimum", real, real, ref=lambda x, y: np.where(x < y, x, y))
declare("negative", real, ref=lambda x: 0 - x)
declare("square", real, ref=lambda x: x * x)
declare("absolute", real, ref=lambda x: np.where(x < 0, -x, x))
declare("sign", real, ref=lambda x: (x > 0) * 1.0 - (x < 0))
declare("clip", away_from(-1.0, 0.5), ref=lambda x, low, high: np.clip(x, low, high),
        kwargs=one_of({"low": -1.0, "high": 0.5}, {"low": None, "high": 0.5}, {"low": -1, "high": None}))
declare("where", real, real, ref=lambda x, y, condition: x * condition + y * ~condition,
        kwargs=lambda x, y: st.just({"condition": of_shape(np.broadcast_shapes(x, y)) > 0}))
declare("gate", real, ref=lambda x, mask: x * mask, kwargs=lambda x: st.just({"mask": of_shape(x) > 0}))

# --- transcendental

declare("exp", real, ref=lambda x: math.e**x)
declare("expm1", real, ref=lambda x: math.e**x - 1)
declare("log", positive, ref=lambda x: np.log2(x) * math.log(2))
declare("log1p", real(-0.9), ref=lambda x: np.log(1 + x))
declare("sqrt", real(0), ref=lambda x: x**0.5)
declare("sin", real, ref=lambda x: np.imag(np.exp(1j * x)))
declare("cos", real, ref=lambda x: np.real(np.exp(1j * x)))
declare("tanh", real, ref=lambda x: np.sinh(x) / np.cosh(x))
declare("sigmoid", real, ref=lambda x: 0.5 + 0.5 * np.tanh(x / 2))
declare("softplus", real, ref=lambda x: np.log(1 + np.exp(x)))
declare("relu", real, ref=lambda x: x * (x > 0))

# --- reductions

declare("sum", real, kwargs=reduction, ref=np.sum)
declare("mean", real, kwargs=reduction, ref=np.mean)
declare("amax", real, kwargs=reduction, ref=np.max)
declare("amin", distinct, kwargs=reduction, ref=np.min)
declare("logsumexp", real, kwargs=reduction,
        ref=lambda x, axis, keepdims: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)))
declare("norm", nonzero, kwargs=reduction,
        ref=lambda x, axis, keepdims: np.sum(x**2, axis=axis, keepdims=keepdims) ** 0.5)
declare("broadcast_to", real, ref=np.broadcast_to,
        kwargs=lambda x: st.sampled_from([{"shape": s} for s in ((2, *x), (3, *[2 if n == 1 else n for n in x]), x)]))

# --- shaping

declare("reshape", real, ref=np.reshape,
        kwargs=lambda x: st.sampled_from([{"shape": (math.prod(x),)}, {"shape": (*x, 1)}, {"shape": x[::-1]}]))
declare("transpose", real, ref=np.transpose,
        kwargs=lambda x: st.sampled_from([{"axes": tuple(np.roll(range(len(x)), k).tolist())} for k in (1, 0, 2)]))
declare("concatenate", real, real, real, ref=lambda *xs, axis, ends: np.concatenate(xs, axis),
        shapes=strategies.named_shapes("n a, n b, n c"),
        kwargs=lambda *s: st.just({"axis": 1, "ends": tuple(np.cumsum([x[1] for x in s]).tolist())}))
declare("pad", real, ref=lambda x, widths, value: np.pad(x, widths, constant_values=value) if x.ndim else x,
        kwargs=lambda x: st.just({"widths": tuple((i % 2, 2 - i % 3) for i in range(len(x))), "value": 0.5}))
declare("copy", real, ref=lambda x: x + 0)
declare("astype", real, ref=lambda x, dtype: x, kwargs={"dtype": np.dtype(np.float64)}, dtypes=())
plain("to_whole", lambda x, dtype: np.trunc(x), dtype=np.dtype(np.int64))

# --- indexing

declare("index", real, ref=lambda x, key: np.array(x)[key],
        kwargs=lambda x: strategies.index_for(x).map(lambda k: {"key": k}))
declare("put", real, real, shapes=[((n, m), (m,)) for n in (1, 3) for m in (1, 2)],
        kwargs=lambda x, y: one_of(*[{"key": k} for k in (0, slice(None, None, 2), np.arange(x[0]) > 0, (-1,))]),
        ref=lambda x, y, key: _overwritten(x, y, key))
declare("scatter_add", real, shapes=[((3,),), ((3, 2),), ((1,),), ((0,),)], ref=lambda *xs, **p: _scattered(*xs, **p),
        kwargs=lambda x: one_of(*[{"key": k, "shape": (4, *x[1:])} for k in (REPEATED[: x[0]], slice(0, x[0]))]))
declare("take_along_axis", real, shapes=[((2, 3),), ((3, 1),), ((3,),)], ref=np.take_along_axis,
        kwargs=lambda x: st.sampled_from([{"axis": a, "indices": _positions(x, a)} for a in range(len(x))]))


REPEATED = np.array([1, 3, 1])


def _overwritten(x: Any, y: Any, key: Any) -> Any:
    chosen = np.arange(len(x))[key]
    return np.array([y if i in np.ravel(chosen) else row for i, row in enumerate(x)])


def _scattered(x: Any, key: Any, shape: Any) -> Any:
    total = np.zeros(shape)
    for i, k in enumerate(np.arange(shape[0])[key]):
        total[k] += x[i]
    return total


def _positions(shape: Sequence[int], axis: int) -> Any:
    """An index into ``axis``, one longer than that axis, with repeats."""
    longer = tuple(n + (i == axis) for i, n in enumerate(shape))
    return np.arange(math.prod(longer)).reshape(longer) * 7 % shape[axis]


# --- linear algebra

declare("matmul", real, real, shapes=strategies.matmul_shapes(), ref=np.matmul)
declare("linear", real, real, real, ref=lambda x, w, b: np.einsum("...i,oi->...o", x, w) + b,
        shapes=[((*s, n), (m, n), (m,)) for s in ((1,), (2,), (), (2, 1), (0,)) for n in (1, 3) for m in (1, 2)])

# --- fused

rows_and_classes = [((1, 2),), ((2, 3),), ((2, 3, 2),), ((1, 1),)]
targets = lambda x: st.sampled_from([
    {"target": t, "weight": w} for t in [_targets(x, 0), _targets(x, 1)] for w in (None, 1.0 + 0.5 * t)])
declare("softmax", real, shapes=some, kwargs=one_axis,
        ref=lambda x, axis: np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True))
declare("log_softmax", real, shapes=some, kwargs=one_axis,
        ref=lambda x, axis: x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True)))
declare("cross_entropy", real, shapes=rows_and_classes, kwargs=targets, dtypes=(),
        ref=lambda x, target, weight: _negative_log(np.exp(x) / np.exp(x).sum(1, keepdims=True), target, weight))
declare("binary_cross_entropy", unit, unit, shapes="n, n", ref=lambda x, y: -(y * np.log(x) + (1 - y) * np.log1p(-x)))
declare("mse", real, real, shapes="n m, n m", ref=lambda x, y: np.mean((x - y) ** 2))


def _targets(shape: Sequence[int], shift: int) -> Any:
    whole = (shape[0], *shape[2:])
    return (np.arange(math.prod(whole)).reshape(whole) + shift) % shape[1]


def _negative_log(p: Any, target: Any, weight: Any) -> Any:
    losses = [-np.log(p[(i[0], target[i], *i[1:])]) for i in np.ndindex(target.shape)]
    return np.reshape(losses, target.shape) * (1 if weight is None else weight)


# --- windows

GEOMETRIES = [
    Geometry(),
    Geometry(padding=((1, 0), (0, 1))),
    Geometry(stride=(2, 1), padding=((1, 1), (1, 1))),
    Geometry(dilation=(1, 2), padding=((0, 0), (1, 1))),
]
IMAGE, KERNEL = (1, 2, 3, 3), (2, 2, 2, 2)
WINDOWS = [Window((2, 2), (1, 1)), Window((2, 1), (2, 2), ((1, 0), (0, 0))), Window((2, 2), (1, 2), dilation=(1, 2))]


def _output(geometry: Any) -> tuple[int, ...]:
    return (1, 2, *geometry.output_size(IMAGE[2:], KERNEL[2:]))


def _windowed(x: Any, window: Any, fill: float) -> Any:
    """All windows, tap by tap: (N, C, oh, ow, kh, kw)."""
    (kh, kw), (sh, sw), padding, (dh, dw) = window
    padded = np.pad(x, ((0, 0), (0, 0), *padding), constant_values=fill)
    oh, ow = window.output_size(x.shape[2:])
    rows, columns = np.arange(oh)[:, None] * sh + np.arange(kh) * dh, np.arange(ow)[:, None] * sw + np.arange(kw) * dw
    return padded[:, :, rows[:, None, :, None], columns[None, :, None, :]]


def _convolved(x: Any, w: Any, b: Any, geometry: Any) -> Any:
    window = Window(w.shape[2:], geometry.stride, geometry.padding, geometry.dilation)
    return np.einsum("ncabij,ocij->noab", _windowed(x, window, 0.0), w) + b[:, None, None]


image = [(IMAGE,)]
single: dict[str, Any] = {"dtypes": (np.float32,)}
by_geometry = lambda *s: st.sampled_from([{"geometry": g} for g in GEOMETRIES])
by_window = lambda *s: st.sampled_from([{"window": w} for w in WINDOWS])
declare("conv2d", real, real, real, shapes=[(IMAGE, KERNEL, (2,))], kwargs=by_geometry, ref=_convolved, **single)
declare("windows", real, shapes=image, kwargs=by_window,
        ref=lambda x, window: _windowed(x, window, 0.0).transpose(0, 1, 4, 5, 2, 3))
declare("sum_pool2d", real, shapes=image, kwargs=by_window,
        ref=lambda x, window: _windowed(x, window, 0.0).sum((-2, -1)))
declare("max_pool2d", distinct, shapes=image, kwargs=by_window,
        ref=lambda x, window: _windowed(x, window, -np.inf).max((-2, -1)))
for _g in GEOMETRIES[2:3]:
    declare("conv2d_input", real, real, shapes=[(_output(_g), KERNEL)],
            kwargs={"geometry": _g, "shape": IMAGE}, **single)
    declare("conv2d_weight", real, real, shapes=[(_output(_g), IMAGE)],
            kwargs={"geometry": _g, "shape": KERNEL}, **single)
for _w in WINDOWS[:1]:
    _pooled = (1, 2, *_w.output_size(IMAGE[2:]))
    _source = of_shape(IMAGE)
    _maxima = _windowed(_source, _w, -np.inf).max((-2, -1))
    declare("fold", real, shapes=[((1, 1, *_w.kernel, *_pooled[2:]),)], kwargs={"window": _w, "size": IMAGE[2:]})
    declare("sum_pool2d_adjoint", real, shapes=[(_pooled,)], kwargs={"window": _w, "size": IMAGE[2:]})
    _chosen = {"source": _source, "maxima": _maxima, "window": _w}
    declare("max_pool2d_scatter", real, shapes=[(_pooled,)], kwargs=_chosen)
    declare("max_pool2d_gather", real, shapes=image, kwargs=_chosen)

# --- rows without derivatives

plain("equal", lambda x, y: ~((x < y) | (x > y)))
plain("not_equal", lambda x, y: (x < y) | (x > y))
plain("less", lambda x, y: y - x > 0)
plain("less_equal", lambda x, y: (y - x > 0) | (x == y))
plain("greater", lambda x, y: x - y > 0)
plain("greater_equal", lambda x, y: (x - y > 0) | (x == y))
plain("isnan", lambda x: x != x)
plain("isinf", lambda x: np.abs(x) == math.inf)
plain("isfinite", lambda x: np.abs(x) < math.inf)
plain("logical_and", lambda x, y: (x != 0) & (y != 0))
plain("logical_or", lambda x, y: (x != 0) | (y != 0))
plain("logical_xor", lambda x, y: (x != 0) != (y != 0))
plain("logical_not", lambda x: x == 0)
plain("bitwise_and", lambda x, y: x & y)
plain("bitwise_or", lambda x, y: x | y)
plain("bitwise_xor", lambda x, y: x ^ y)
plain("bitwise_not", lambda x: -x - 1)
plain("argmax", lambda x, axis, keepdims: np.argsort(-x, axis, stable=True)[:, :1], axis=1, keepdims=True)
plain("argmin", lambda x, axis, keepdims: np.argsort(x, axis, stable=True)[:, :1], axis=1, keepdims=True)
plain("any", lambda x, axis, keepdims: (x != 0).sum(1) > 0, axis=1, keepdims=False)
plain("all", lambda x, axis, keepdims: (x != 0).sum(1) == x.shape[1], axis=1, keepdims=False)
