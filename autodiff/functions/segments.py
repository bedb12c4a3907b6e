"""Reductions of segments: stretches of an axis, one behind the other, each of a length of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.arrays import array_of, real_only, tensors_only
from autodiff.functions.axes import length_of
from autodiff.functions.scatter import neutral, reduced
from autodiff.functions.shaping import reshape
from autodiff.kernels.arrays import as_array
from autodiff.ops.arithmetic import where
from autodiff.ops.indexing import index as pick
from autodiff.ops.indexing import put as overwrite

__all__ = ["segment_reduce"]

Array = np.ndarray[Any, Any]
EXTREMES = {"max": "amax", "amax": "amax", "min": "amin", "amin": "amin"}


@real_only
def segment_reduce(
    data: Any, reduce: str, *, lengths: Any = None, indices: Any = None, offsets: Any = None, axis: int = 0,
    unsafe: bool = False, initial: float | None = None,
) -> Value:  # fmt: skip
    """Each segment of ``data`` along ``axis`` reduced to one entry: to its sum, mean, prod, max or min.

    Shapes: data (*batch, n, *rest), lengths (*batch, s), offsets (*batch, s + 1); the result is (*batch, s, *rest).

    Equal extremes share the gradient. A segment without entries gives ``initial``, or else what is neutral, NaN for a
    mean.

    Args:
        data: floats.
        reduce: the reduction; amax and amin are max and min.
        lengths: how long the segments are, which begin where ``data`` does.
        indices: only None, as in PyTorch.
        offsets: where each segment begins, and where the last ends; they count where ``lengths`` are given, too.
        axis: the axis of the segments, the last one of ``lengths``.
        unsafe: take lengths whose sum is less than n.
        initial: a further entry of each segment, which a mean does not count.

    Raises:
        DtypeError: ``data`` are not floats, or lengths or offsets not 32-bit or 64-bit integers.
        OptionError: there is no such reduction, neither lengths nor offsets are given, or indices are.
        ShapeError: lengths are below 0, their sum is not n, or segments leave ``data``; shapes do not fit.

    >>> import autodiff
    >>> x = autodiff.tensor([1.0, 2.0, 5.0])
    >>> autodiff.segment_reduce(x, "sum", lengths=autodiff.tensor([2, 1]))
    tensor([3., 5.])
    """
    given = lengths if offsets is None else offsets
    if given is None or indices is not None:
        raise OptionError("segment_reduce takes lengths or offsets, and no indices")
    how = EXTREMES.get(reduce, reduce)
    if how not in ("sum", "mean", "prod", "amax", "amin"):
        raise OptionError(f"segment_reduce has the reductions sum, mean, prod, max and min, not {reduce!r}")
    tensors_only("segment_reduce", data, given)
    if data.dtype.kind != "f":
        raise DtypeError(f"segment_reduce takes floats, not {data.dtype.name}; use .float()")
    axis, n = length_of(data, axis)
    if axis != given.ndim - 1 or tuple(data.shape[:axis]) != tuple(given.shape[:axis]):
        name = "lengths" if offsets is None else "offsets"
        raise ShapeError(
            f"segment_reduce along axis {axis} of shape {tuple(data.shape)} takes {name} of shape "
            f"({''.join(f'{d}, ' for d in data.shape[:axis])}s{',' * (not axis)}), not {tuple(given.shape)}"
        )
    starts, counts = _segments(as_array(given), offsets is not None, n, unsafe)
    entries = reshape(data, (math.prod(data.shape[: axis + 1]), *data.shape[axis + 1 :]))
    found = _reduced_rows(entries, starts.reshape(-1), counts.reshape(-1), how, initial)
    return reshape(found, (*counts.shape, *data.shape[axis + 1 :]))


def _segments(given: Array, are_offsets: bool, n: int, unsafe: bool) -> tuple[Array, Array]:
    """Where each segment begins among the rows of all batches, and how many it has."""
    if given.dtype not in (np.int32, np.int64):
        raise DtypeError(f"lengths and offsets of segments are 32-bit or 64-bit integers, not {given.dtype.name}")
    if are_offsets and not given.shape[-1]:
        raise ShapeError("offsets of s segments are s + 1 numbers, not 0")
    given = given.astype(np.int64)
    counts = np.diff(given, axis=-1) if are_offsets else given
    starts = given[..., :-1] if are_offsets else np.cumsum(given, -1) - given
    if (counts < 0).any() or (starts < 0).any() or (starts + counts > n).any():
        raise ShapeError(f"segments of an axis of {n} lie in it, one behind the other, unlike {given!r:.60}")
    if not (are_offsets or unsafe or (counts.sum(-1) == n).all()):
        raise ShapeError(f"the lengths of segments add up to {n}, unlike {given!r:.60}; or set unsafe=True")
    batches = math.prod(given.shape[:-1])
    return starts + n * np.arange(batches).reshape(*given.shape[:-1], 1), counts


def _reduced_rows(x: Any, starts: Array, counts: Array, how: str, initial: float | None) -> Any:
    """One row for each segment of rows."""
    owners = np.repeat(np.arange(len(counts)), counts)
    rows = np.arange(len(owners)) + np.repeat(starts - np.cumsum(counts) + counts, counts)
    filled = np.flatnonzero(counts)
    summed = how in ("sum", "mean")
    base = np.full((len(counts), *x.shape[1:]), (initial or 0) if summed else neutral(how, x.dtype), x.dtype)
    if not summed:  # of the first rows, and then of the others, so that nothing else has a share in the gradient
        base = overwrite(base, pick(x, key=(starts[filled],)), key=(filled,))
        later = rows != np.repeat(starts, counts)
        owners, rows = owners[later], rows[later]
    whole = len(rows) == len(x) and (rows == np.arange(len(x))).all()
    found = reduced(base, (owners,), x if whole else pick(x, key=(rows,)), "sum" if summed else how)
    if how == "mean":
        divisor = np.where(counts, counts, math.nan if initial is None else 1).astype(x.dtype)
        return found / divisor.reshape(-1, *(1,) * (x.ndim - 1))
    if how == "prod" and initial is not None:
        return found * initial
    if not summed and initial is not None:
        array = array_of(found)
        beaten = array < initial if how == "amax" else array > initial
        return where(as_array(initial, x.dtype), found, condition=beaten)
    return found
