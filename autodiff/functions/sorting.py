"""Order by PyTorch's names: sorting, order statistics, sets, bins. Gradients go to the entries that were picked."""

from __future__ import annotations

import math
from typing import Any, Literal, overload

import numpy as np

from autodiff import return_types
from autodiff.dtypes import int32, int64
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.arrays import array_of, constant, on_arrays, real_only
from autodiff.functions.axes import also_called, axis_of, numpy_names
from autodiff.functions.indexing import in_range
from autodiff.functions.shaping import clone, contiguous, in_order_of, movedim, squeeze, unsqueeze
from autodiff.kernels.arrays import as_array
from autodiff.kernels.layout import row_major
from autodiff.ops import comparison, reductions
from autodiff.ops.arithmetic import where
from autodiff.ops.indexing import index, take_along_axis
from autodiff.ops.shaping import cast, reshape

__all__ = [
    "argsort", "bincount", "bucketize", "histc", "isin", "kthvalue", "median", "mode", "msort", "nanmedian",
    "nanquantile", "quantile", "searchsorted", "sort", "topk", "unique", "unique_consecutive",
]


def _ranked(input: Any, axis: int, descending: bool, ranks: slice) -> Any:
    """The positions of the entries at ``ranks`` of the order along an axis."""
    order = _order(input, axis, descending, ranks.stop)
    return contiguous(index(order, key=(slice(None),) * axis + (ranks,))) if ranks.start and input.ndim else order


def _order(input: Any, axis: int, descending: bool, count: int | None = None) -> Any:
    """The positions that sort ``input``, or the first ``count`` of them."""
    return comparison.argsort(input, axis=axis, descending=descending, count=count)


def _picked(both: Any, input: Any, indices: Any, axis: int) -> Any:
    """The entries at ``indices`` along ``axis``, and these, as ``both``: a class of ``return_types``."""
    positions = array_of(indices)
    if not input.ndim:
        return both(clone(input), constant(positions, input))
    return both(take_along_axis(input, indices=positions, axis=axis), constant(positions, input))


def _one(both: Any, input: Any, position: Any, axis: int, keepdim: bool) -> Any:
    """The entries at ``position``, which has length 1 along ``axis``; without that axis unless ``keepdim``."""
    found = _picked(both, input, position, axis)
    return found if keepdim or not input.ndim else both(squeeze(found.values, axis), squeeze(found.indices, axis))


@numpy_names
@real_only
def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = True) -> return_types.sort:
    """The entries along ``dim`` in order, and their positions; equals stay in their order.

    >>> import autodiff
    >>> autodiff.sort(autodiff.tensor([3, 1, 2]), descending=True).values
    tensor([3, 2, 1])
    """
    axis = axis_of(dim, input.ndim)
    values, indices = _picked(return_types.sort, input, _order(input, axis, descending), axis)
    return return_types.sort(in_order_of(values, input), indices)


@real_only
def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = True) -> Value:
    """The positions of the entries in order along ``dim``."""
    return _order(input, axis_of(dim, input.ndim), descending)


@real_only
def msort(input: Any) -> Value:
    """The entries along the first axis in order."""
    return sort(input, 0).values


@real_only
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> return_types.topk:
    """The ``k`` largest entries along ``dim`` (or smallest), best first, and their positions.

    Raises ShapeError where the axis is shorter than ``k``.
    """
    axis, length = axis_of(dim, input.ndim), input.shape[dim] if input.ndim else 1
    if not 0 <= k <= length:
        raise ShapeError(f"topk: there are {length} entries along dim {dim} of shape {tuple(input.shape)}, not {k}")
    return _picked(return_types.topk, input, _ranked(input, axis, largest, slice(k)), axis)


@numpy_names
@real_only
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> return_types.kthvalue:
    """The ``k``-th smallest entry along ``dim``, counted from 1, and its position.

    Raises ShapeError where the axis is shorter than ``k``.
    """
    axis, length = axis_of(dim, input.ndim), input.shape[dim] if input.ndim else 1
    if not 1 <= k <= length:
        raise ShapeError(f"kthvalue: k is from 1 to {length} for shape {tuple(input.shape)} and dim {dim}, not {k}")
    return _one(return_types.kthvalue, input, _ranked(input, axis, False, slice(k - 1, k)), axis, keepdim)


@overload
def median(input: Any) -> Value: ...
@overload
def median(input: Any, dim: int, keepdim: bool = False) -> return_types.median: ...
@numpy_names
@real_only
def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median, the lower one of two; NaN where there is one. With ``dim``, along it, and its position.

    Raises ShapeError where there are no entries along ``dim``.
    """
    if dim is None:
        return reductions.median(input)
    axis = axis_of(dim, input.ndim)
    spoiled = np.isnan(array_of(input)).any(axis, keepdims=True) if input.ndim else False
    return _median(return_types.median, input, dim, keepdim, spoiled)


@overload
def nanmedian(input: Any) -> Value: ...
@overload
def nanmedian(input: Any, dim: int, keepdim: bool = False) -> return_types.nanmedian: ...
@numpy_names
@real_only
def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median of the entries that are not NaN; raises ShapeError where there are no entries along ``dim``."""
    if dim is None:
        flat = reshape(input, shape=(-1,))
        numbers = ~np.isnan(array_of(flat))
        return reductions.median(index(flat, key=numbers) if numbers.any() else flat)
    return _median(return_types.nanmedian, input, dim, keepdim, False)


def _median(both: Any, input: Any, dim: int, keepdim: bool, spoiled: Any) -> Any:
    """The median of the numbers along ``dim``, or, where ``spoiled``, the first NaN."""
    x, axis = array_of(input), axis_of(dim, input.ndim)
    if not x.ndim:
        return _picked(both, input, np.zeros((), int64), 0)
    _check_length("median", x, axis)
    order = _order(x, axis, False)
    count = x.shape[axis] - np.isnan(x).sum(axis, keepdims=True)
    rank = np.where(spoiled, count, np.maximum(count - 1, 0) // 2)
    return _one(both, input, row_major(np.take_along_axis(order, rank, axis)), axis, keepdim)


def _check_length(name: str, x: Any, axis: int) -> None:
    if not x.shape[axis]:
        raise ShapeError(f"{name} along dim {axis} of shape {tuple(x.shape)}: nothing has none")


@numpy_names
@real_only
def mode(input: Any, dim: int = -1, keepdim: bool = False) -> return_types.mode:
    """The commonest entry along ``dim``, the smallest of several, and its last position.

    Raises ShapeError where there are no entries along ``dim``.
    """
    x, axis = array_of(input), axis_of(dim, input.ndim)
    if not x.ndim:
        return _picked(return_types.mode, input, np.zeros((), int64), 0)
    _check_length("mode", x, axis)
    lines = np.moveaxis(x, axis, -1)
    ordered = np.sort(lines, axis=-1)
    count = (ordered[..., :, None] == ordered[..., None, :]).sum(-1)
    best = np.take_along_axis(ordered, count.argmax(-1, keepdims=True), -1)
    last = lines.shape[-1] - 1 - (lines == best)[..., ::-1].argmax(-1, keepdims=True)
    return _one(return_types.mode, input, np.moveaxis(last, -1, axis), axis, keepdim)


INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@numpy_names
@real_only
def quantile(input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Value:
    """The values below which the shares ``q`` of the entries lie, by ``interpolation`` between two; NaN spoils all.

    Shape: that of ``input`` without ``dim``, behind an axis for ``q`` where that has one.

    Raises OptionError for a share that is not from 0 to 1, or an ``interpolation`` that is none of "linear", "lower",
    "higher", "midpoint" and "nearest".
    """
    return _quantile(input, q, dim, keepdim, interpolation, True)


@numpy_names
@real_only
def nanquantile(input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Value:
    """``quantile`` of the entries that are not NaN.

    Raises OptionError for a share that is not from 0 to 1, or an ``interpolation`` that is none of "linear", "lower",
    "higher", "midpoint" and "nearest".
    """
    return _quantile(input, q, dim, keepdim, interpolation, False)


def _quantile(input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, spoils: bool) -> Any:
    if interpolation not in INTERPOLATIONS:
        raise OptionError(f"interpolation is one of {', '.join(INTERPOLATIONS)}, not {interpolation!r}")
    shares = as_array(array_of(q), dtype=input.dtype)
    if not ((shares >= 0) & (shares <= 1)).all():
        raise OptionError(f"a quantile is a share from 0 to 1, not {q!r:.60}")
    if dim is not None:
        dim = axis_of(dim, input.ndim)
    flat = dim is None or not input.ndim
    lines = reshape(input, shape=(-1,)) if flat else movedim(input, dim, -1)
    x = array_of(lines)
    missing = np.isnan(x).sum(-1, keepdims=True)
    ranks = shares.reshape(-1) * np.maximum(x.shape[-1] - missing - 1, 0)
    if spoils:
        ranks = np.where(missing > 0, x.shape[-1] - 1, ranks)
    if interpolation in ("lower", "higher", "nearest"):
        ranks = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}[interpolation](ranks)
    low, high = np.floor(ranks).astype(int64), np.ceil(ranks).astype(int64)
    ordered = sort(lines, -1).values
    below, above = (take_along_axis(ordered, indices=rank, axis=lines.ndim - 1) for rank in (low, high))
    share: Any = (np.full(ranks.shape, 0.5) if interpolation == "midpoint" else ranks - low).astype(x.dtype)
    if interpolation == "linear" and getattr(q, "requires_grad", False):  # the path of q, whose value is 0
        way = reshape(cast(q, input.dtype), shape=(-1,)) - shares.reshape(-1)
        share = share + way * np.maximum(x.shape[-1] - missing - 1, 0).astype(x.dtype)
    # Where both are one entry it is taken as it is: inf - inf has no value.
    values = where(below, below + (above - below) * share, condition=low == high)
    values = movedim(values, -1, 0)
    if keepdim and flat:
        values = reshape(values, shape=(shares.size, *(1,) * input.ndim))
    elif keepdim:
        values = unsqueeze(values, 1 + axis_of(dim, input.ndim))
    return values if shares.ndim else squeeze(contiguous(values), 0)


@overload
def unique(
    input: Any, sorted: bool = True, return_inverse: Literal[False] = False, return_counts: Literal[False] = False,
    dim: int | None = None,
) -> Value: ...
@overload
def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> tuple[Value, ...]: ...
@on_arrays
@real_only
def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The different entries (or slices along ``dim``) in order; with the place of each among them, and counts."""
    values, inverse, counts = np.unique(input, return_inverse=True, return_counts=True, axis=dim, equal_nan=False)
    inverse = inverse.reshape(input.shape if dim is None else (-1,))
    return _chosen(values, inverse, counts, return_inverse, return_counts)


@overload
def unique_consecutive(
    input: Any, return_inverse: Literal[False] = False, return_counts: Literal[False] = False, dim: int | None = None
) -> Value: ...
@overload
def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> tuple[Value, ...]: ...
@on_arrays
@real_only
def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The entries (or slices along ``dim``) that differ from the one before them; with places and counts."""
    lines = input.reshape(-1, 1) if dim is None else np.moveaxis(input, dim, 0)
    rows = lines.reshape(len(lines), math.prod(lines.shape[1:]))
    new = np.concatenate([np.ones(min(len(rows), 1), np.bool_), (rows[1:] != rows[:-1]).any(1)])
    values = input.reshape(-1)[new] if dim is None else np.moveaxis(lines[new], 0, dim)
    inverse = np.cumsum(new) - 1
    counts = np.diff(np.append(np.flatnonzero(new), len(rows)))
    places = inverse.reshape(input.shape) if dim is None else inverse
    return _chosen(values, places, counts, return_inverse, return_counts)


def _chosen(values: Any, inverse: Any, counts: Any, with_inverse: bool, with_counts: bool) -> Any:
    parts = (values, *((inverse,) if with_inverse else ()), *((counts,) if with_counts else ()))
    return parts if len(parts) > 1 else values


@also_called(values="input")
@on_arrays
@real_only
def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Value:
    """Where each entry of ``input`` would stand in the sorted last axis: before equals, or behind them (``right``).

    Raises ShapeError where the rows do not fit each other.
    """
    if sorter is not None and sorter.shape != sorted_sequence.shape:
        raise ShapeError(f"searchsorted: a sorter of shape {sorter.shape} for a sequence of {sorted_sequence.shape}")
    if sorter is not None:
        in_range(sorter, sorter.shape[-1], -1)
    ordered = sorted_sequence if sorter is None else np.take_along_axis(sorted_sequence, sorter, -1)
    where: Any = side or ("right" if right else "left")
    if ordered.ndim == 1:
        found: Any = np.searchsorted(ordered, input, where)
    elif ordered.shape[:-1] != (wanted := as_array(input)).shape[:-1]:
        raise ShapeError(f"searchsorted: values {wanted.shape} do not fit sequences {ordered.shape}")
    else:
        found = np.empty(wanted.shape, int64)
        for line in np.ndindex(ordered.shape[:-1]):
            found[line] = np.searchsorted(ordered[line], wanted[line], where)
    return found.astype(int32) if out_int32 else found


def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Value:
    """The bucket between sorted ``boundaries`` that each entry falls into; a boundary is in the one below it.

    Raises ShapeError for boundaries that are no vector.
    """
    if boundaries.ndim != 1:
        raise ShapeError(f"bucketize takes a vector of boundaries, not shape {tuple(boundaries.shape)}")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@real_only
@on_arrays
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Value:
    """How often each whole number from 0 on occurs in ``input``, or the sums of its ``weights``.

    Raises DtypeError for what are no integers.
    """
    if input.dtype.kind not in "iu":
        raise DtypeError(f"bincount counts integers from 0 on, not {input.dtype.name}")
    counts: Any = np.bincount(input, weights, minlength)
    return counts if weights is None or weights.dtype != np.float32 else counts.astype(np.float32)


@on_arrays
@real_only
def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Value:
    """How many entries fall into each of ``bins`` equal parts from ``min`` to ``max`` (of ``input``, if equal).

    Raises OptionError where bins and bounds make no range.
    """
    if bins < 1 or not min <= max:
        raise OptionError(f"histc takes bins above 0 and min <= max, not {bins} bins from {min} to {max}")
    low, high = map(float, (input.min(), input.max()) if min == max and input.size else (min, max))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise OptionError(f"histc counts between finite numbers, not from {low} to {high}; give min and max")
    if low == high:
        margin = np.maximum(1.0, abs(low) * 1e-9)  # so wide that the edges of the bins differ
        low, high = low - margin, high + margin
    counts: Any = np.histogram(input, bins, (low, high))[0]
    return counts.astype(input.dtype)


@also_called(element="elements", e="elements", test_element="test_elements", te="test_elements")
@on_arrays
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Value:
    """Whether each of ``elements`` is among ``test_elements``."""
    found: Any = np.isin(elements, test_elements, assume_unique=assume_unique, invert=invert)
    return found
