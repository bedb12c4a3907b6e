"""Declarations of convolution and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from autodiff.kernels.convolution import Geometry
from autodiff.kernels.pooling import Window
from autodiff.testing.domain import distinct, real
from declared.base import declare, of_shape

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
