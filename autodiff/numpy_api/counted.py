"""NumPy's reductions for Tensors that leave NaN out, and its newer names of scans."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.errors import ShapeError
from autodiff.functions import arithmetic, reductions, scans, shaping
from autodiff.linalg import norms
from autodiff.numpy_api.arguments import Function, plain, reduce


def _in_place_of_nan(a: Any, value: Any) -> Any:
    return arithmetic.where(np.isnan(plain(a)), value, a)


def _extreme(function: Function, worst: float) -> Function:
    """``nanmax`` and ``nanmin``; of NaN alone NaN."""

    def over(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
        found = reduce(function, _in_place_of_nan(a, worst), axis, keepdims)
        empty = np.isnan(plain(a)).all(axis=axis, keepdims=keepdims)
        return arithmetic.where(empty, np.nan, found) if empty.any() else found

    return over


def _nanstd(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    """The norm of what is there less its mean, whose slope at 0 is 0, over the root of how many there are."""
    missing = np.isnan(plain(a))
    count = (~missing).sum(axis=axis, keepdims=True)
    mean = reduce(reductions.sum, _in_place_of_nan(a, 0.0), axis, True) / count.astype(a.dtype)
    apart = arithmetic.where(missing, 0.0, a - mean)
    spread = reduce(lambda x, dim, keepdim: norms.vector_norm(x, 2, dim, keepdim), apart, axis, keepdims)
    return spread / np.sqrt(np.reshape(count - ddof, tuple(spread.shape))).astype(a.dtype)


def _nanvar(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return arithmetic.pow(_nanstd(a, axis, ddof=ddof, keepdims=keepdims), 2)


def _scan(function: Function, neutral: float) -> Function:
    def along(a: Any, axis: Any = None) -> Any:
        a = _in_place_of_nan(a, neutral)
        return function(shaping.ravel(a), 0) if axis is None else function(a, axis)

    return along


def _cumulative(function: Function) -> Function:
    """The array API's name of a scan, which asks for an axis."""

    def along(x: Any, /, *, axis: Any = None) -> Any:
        if axis is None and x.ndim != 1:
            raise ShapeError(f"a cumulative function of shape {tuple(x.shape)} needs an axis")
        return function(x, 0 if axis is None else axis)

    return along


def nan_product(product: Function) -> Function:
    """``nanprod``, by ``product(a, axis, keepdims)``."""
    return lambda a, axis=None, *, keepdims=False: reduce(product, _in_place_of_nan(a, 1.0), axis, keepdims)


COUNTED: dict[Any, Function] = {
    np.nanmax: _extreme(reductions.amax, -np.inf),
    np.nanmin: _extreme(reductions.amin, np.inf),
    np.nanvar: _nanvar,
    np.nanstd: _nanstd,
    np.nancumsum: _scan(scans.cumsum, 0.0),
    np.nancumprod: _scan(scans.cumprod, 1.0),
}
if hasattr(np, "cumulative_sum"):  # since NumPy 2.1
    COUNTED |= {np.cumulative_sum: _cumulative(scans.cumsum), np.cumulative_prod: _cumulative(scans.cumprod)}
