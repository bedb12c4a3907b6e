"""NumPy's functions of curves for Tensors: interpolation, convolution, differences, polynomials, covariances."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.dtypes import float64
from autodiff.errors import OptionError, ShapeError
from autodiff.functions import arithmetic, differences, joining, linear_algebra, shaping, splitting, statistics
from autodiff.functions.axes import axes_of
from autodiff.numpy_api.arguments import Function, arrays_of, plain, tensors_of
from autodiff.ops.indexing import index
from autodiff.ops.shaping import cast, pad, slide


def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """Straight lines between the points; differentiable by all three."""
    x, xp, fp = (cast(a, float64) if a.dtype.kind != "c" else a for a in tensors_of((x, xp, fp)))
    if period is not None:
        width = abs(period)
        x, xp = arithmetic.remainder(x, width), arithmetic.remainder(xp, width)
        order = np.argsort(plain(xp), kind="stable")
        xp, fp = index(xp, key=order), index(fp, key=order)
        xp = joining.cat([xp[-1:] - width, xp, xp[:1] + width])
        fp = joining.cat([fp[-1:], fp, fp[:1]])
    known, asked = plain(xp), plain(x)
    if known.ndim != 1 or plain(fp).shape != known.shape or not len(known):
        raise ShapeError(f"np.interp goes through points (n,) and (n,), not {known.shape} and {plain(fp).shape}")
    last = max(len(known) - 2, 0)
    i = np.clip(np.searchsorted(known, asked, "right") - 1, 0, last)
    j = np.minimum(i + 1, len(known) - 1)
    width = index(xp, key=j) - index(xp, key=i)
    width = width + np.equal(plain(width), 0)  # of one point alone
    share = (x - index(xp, key=i)) / width
    inside = index(fp, key=i) + share * (index(fp, key=j) - index(fp, key=i))
    inside = arithmetic.where(asked == known[-1], fp[-1], inside)
    low = arithmetic.where(asked < known[0], fp[0] if left is None else left, inside)
    return arithmetic.where(asked > known[-1], fp[-1] if right is None else right, low)


def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    a, v = (shaping.atleast_1d(x) for x in tensors_of((a, v)))
    if a.ndim != 1 or v.ndim != 1 or not a.shape[0] or not v.shape[0]:
        raise ShapeError(f"np.convolve takes two vectors with entries, not shapes {tuple(a.shape)}, {tuple(v.shape)}")
    a, v = (v, a) if v.shape[0] > a.shape[0] else (a, v)
    m = v.shape[0]
    if mode not in ("full", "same", "valid"):
        raise OptionError(f"the modes of np.convolve are 'full', 'same' and 'valid', not {mode!r}")
    before = {"full": m - 1, "same": m - 1 - (m - 1) // 2, "valid": 0}[mode]
    after = {"full": m - 1, "same": (m - 1) // 2, "valid": 0}[mode]
    windows = slide(pad(a, widths=((before, after),), value=0), axis=0, size=m, step=1)
    return linear_algebra.matmul(windows, splitting.flip(v, 0))


def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """The convolution with the second turned around; where that is longer, NumPy turns the result instead."""
    a, v = (shaping.atleast_1d(x) for x in tensors_of((a, v)))
    if v.shape[0] > a.shape[0]:
        return np.conj(splitting.flip(_correlate(v, a, mode), 0))
    return _convolve(a, np.conj(splitting.flip(v, 0)), mode)


def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    axes = tuple(range(f.ndim)) if axis is None else axes_of(axis, f.ndim)
    given = varargs * len(axes) if len(varargs) == 1 else varargs
    spacing = None
    if given:
        spacing = [plain(h) if np.ndim(plain(h)) == 0 else h for h in arrays_of(*given)]
        spacing = [h.item() if isinstance(h, np.ndarray) and not h.ndim else h for h in spacing]
        spacing = [cast(h, f.dtype) if hasattr(h, "ndim") else h for h in spacing]
    parts = differences.gradient(f, spacing=spacing, dim=axes, edge_order=edge_order)
    return parts[0] if len(axes) == 1 else tuple(parts)


def _polyval(p: Any, x: Any) -> Any:
    """Horner's scheme, the highest power first."""
    p, x = tensors_of((p, x))
    total = x * 0
    for coefficient in splitting.unbind(p):
        total = total * x + coefficient
    return total


def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    powers = np.arange(x.shape[0] if N is None else N)
    column = cast(shaping.unsqueeze(x, -1), np.result_type(x.dtype, int))
    return arithmetic.pow(column, powers if increasing else powers[::-1].copy())


def _cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, fweights: Any = None,
    aweights: Any = None,
) -> Any:  # fmt: skip
    correction = ddof if ddof is not None else 0 if bias else 1
    return statistics.cov(_rows(m, y, rowvar), correction=correction, fweights=fweights, aweights=aweights)


def _rows(m: Any, y: Any, rowvar: bool) -> Any:
    """Variables in rows, those of ``y`` below."""
    given = [cast(x, np.result_type(x.dtype, float64)) for x in tensors_of((m,) if y is None else (m, y))]
    parts = [x if rowvar or x.ndim < 2 else shaping.transpose(x, 0, 1) for x in given]
    return parts[0] if y is None else joining.vstack(parts)


def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    flat = shaping.ravel(ary)
    parts = [to_begin, flat[1:] - flat[:-1], to_end]
    return joining.cat([cast(shaping.ravel(x), ary.dtype) for x in tensors_of([x for x in parts if x is not None])])


CURVES: dict[Any, Function] = {
    np.interp: _interp,
    np.convolve: _convolve,
    np.correlate: _correlate,
    np.gradient: _gradient,
    np.polyval: _polyval,
    np.vander: _vander,
    np.cov: _cov,
    np.corrcoef: lambda x, y=None, rowvar=True: statistics.corrcoef(_rows(x, y, rowvar)),
    np.ediff1d: _ediff1d,
}
