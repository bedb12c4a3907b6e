"""Embeddings: rows of a table picked by number, and sums, means or maxima of such rows."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np

from autodiff.dtypes import int64
from autodiff.engine import modes
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.engine.versions import changed
from autodiff.errors import AxisError, DtypeError, OptionError, ShapeError
from autodiff.functions.arrays import array_of, one_dtype
from autodiff.kernels.arrays import as_array
from autodiff.ops import indexing, reductions
from autodiff.ops.shaping import cast, in_single, reshape
from autodiff.tensors.sparse_gradient import rows_used

__all__ = ["embedding", "embedding_bag"]

RENORM = SimpleNamespace(name="renorm")  # what is noted of rows that are shortened in place
MODES = ("sum", "mean", "max")
EVEN = {"sum": reductions.sum_, "mean": reductions.mean, "max": reductions.amax}  # of bags of one size


def embedding(
    input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Value:
    """Row ``input[...]`` of ``weight`` for each number of ``input``.

    Shapes: input (*) of integers from 0 up, weight (V, E), result (*, E).

    Options:
        padding_idx: the row that gets no gradient; it may be negative.
        max_norm: rows that are used and longer than that, in the norm ``norm_type``, are shortened in place first.
        scale_grad_by_freq: divide what comes back to a row by how often ``input`` has it.
        sparse: the gradient of ``weight``, a leaf, knows which rows were used, as ``SparseAdam`` asks.

    Raises:
        DtypeError: ``input`` has no integers.
        AxisError: a number is outside the table.

    >>> import autodiff
    >>> embedding(autodiff.tensor([2, 0]), autodiff.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    tensor([[4., 5.],
            [0., 1.]])
    """
    indices = _rows(input, weight)
    if max_norm is not None:
        _shorten(weight, indices, max_norm, norm_type)
    share = _share(indices, weight, padding_idx, scale_grad_by_freq)
    params: dict[str, Any] = {"indices": indices, "share": share}
    used = rows_used(weight) if sparse else None
    if used is not None:
        params["note"] = used.note
    return apply(indexing.embedding, (weight,), params)


def _rows(input: Any, weight: Any) -> np.ndarray[Any, Any]:
    """The numbers of the rows that ``input`` asks for, checked."""
    indices = as_array(array_of(input))
    shape = tuple(weight.shape)
    if len(shape) != 2:
        raise ShapeError(f"an embedding has a table (V, E), not one of shape {shape}")
    if indices.dtype.kind not in "iu":
        raise DtypeError(f"an embedding is asked for by integers, not by {indices.dtype.name}; convert with .long()")
    rows = shape[0]
    if indices.size and not 0 <= indices.min() <= indices.max() < rows:
        wrong = indices[(indices < 0) | (indices >= rows)].flat[0]
        raise AxisError(f"a table of {rows} rows has those from 0 to {rows - 1}, not {wrong}")
    return indices if indices.dtype == int64 else array_of(cast(input, int64))


def _padding(padding_idx: int, rows: int) -> int:
    if not -rows <= padding_idx < rows:
        raise OptionError(f"padding_idx is the number of one of {rows} rows, not {padding_idx}")
    return padding_idx % rows


def _share(indices: np.ndarray[Any, Any], weight: Any, padding_idx: int | None, by_frequency: bool) -> Any:
    """The factor of the cotangent of each row that was picked; None for 1."""
    if padding_idx is None and not by_frequency:
        return None
    share = np.ones(indices.shape, weight.dtype)
    if by_frequency:
        share /= np.bincount(indices.reshape(-1), minlength=1)[indices]
    if padding_idx is not None:
        share = share * (indices != _padding(padding_idx, weight.shape[0]))  # not in place, which notes could not tell
    return share[..., None]


def _shorten(weight: Any, indices: np.ndarray[Any, Any], max_norm: float, p: float) -> None:
    """Shorten the rows that are picked to ``max_norm``, in place and outside the graph."""
    table, used = array_of(weight), np.unique(indices)
    norms = np.linalg.norm(table[used], p, axis=1)
    long = norms > max_norm
    if long.any():
        table[used[long]] *= (max_norm / (norms[long, None] + 1e-7)).astype(table.dtype)
        changed(table)
    if (notes := modes.current().notes) is not None:
        notes(RENORM, (weight,), weight, {})


def embedding_bag(
    input: Any, weight: Any, offsets: Any = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, per_sample_weights: Any = None,
    include_last_offset: bool = False, padding_idx: int | None = None,
) -> Value:
    """The sum, mean or maximum of the rows of each bag of numbers; of an empty bag 0.

    Shapes: input (B, N), bags of one size, or (S,), all bags one after another that begin at ``offsets`` (B,); weight
    (V, E), result (B, E).

    Options:
        mode: "sum", "mean" or "max".
        per_sample_weights: of the shape of ``input``; each row is multiplied by its own, with mode "sum".
        include_last_offset: the last of ``offsets`` is where the last bag ends.
        padding_idx: the row that no bag counts.
        max_norm, norm_type, scale_grad_by_freq, sparse: as for ``embedding``.

    Raises OptionError, ShapeError where these do not fit.

    >>> import autodiff
    >>> embedding_bag(autodiff.tensor([0, 1, 1]), autodiff.tensor([[1.0], [5.0]]), autodiff.tensor([0, 2]), mode="sum")
    tensor([[6.],
            [5.]])
    """
    if mode not in MODES:
        raise OptionError(f"the modes of embedding_bag are 'sum', 'mean' and 'max', not {mode!r}")
    if mode == "max" and scale_grad_by_freq:
        raise OptionError("embedding_bag scales gradients by frequency in the modes 'sum' and 'mean', not in 'max'")
    if per_sample_weights is not None and (mode != "sum" or tuple(per_sample_weights.shape) != tuple(input.shape)):
        raise OptionError(f"per_sample_weights have the shape of input, {tuple(input.shape)}, and mode 'sum'")
    bags, count = bags_of(input, offsets, include_last_offset)
    shape = tuple(weight.shape)
    if len(shape) != 2:
        raise ShapeError(f"an embedding has a table (V, E), not one of shape {shape}")
    numbers = array_of(reshape(input, shape=(-1,)))
    counted = np.ones(len(numbers), bool)
    if padding_idx is not None:
        counted = numbers != _padding(padding_idx, weight.shape[0])
    rows = embedding(numbers, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
    if per_sample_weights is not None:
        one_dtype("embedding_bag", weight, per_sample_weights)
        rows = rows * per_sample_weights.reshape(-1, 1)
    if offsets is None and padding_idx is None and len(numbers):
        even = reshape(rows, shape=(count, len(numbers) // count, weight.shape[1]))
        return apply(EVEN[mode], (even,), {"axis": 1, "keepdims": False})
    if not counted.all():
        rows, bags = rows[counted], bags[counted]
    members = np.bincount(bags, minlength=count).reshape(count, 1)
    shape = (count, weight.shape[1])
    if mode == "max":
        lowest = np.where(members > 0, -np.inf, 0).astype(weight.dtype)
        return apply(indexing.scatter_extreme, (np.broadcast_to(lowest, shape), rows), {"key": bags, "largest": True})
    if mode == "sum":
        return apply(indexing.scatter_add, (rows,), {"key": bags, "shape": shape})
    return _means(rows, bags, np.maximum(members, 1))


@in_single
def _means(rows: Any, bags: Any, members: Any) -> Any:
    total = apply(indexing.scatter_add, (rows,), {"key": bags, "shape": (len(members), rows.shape[1])})
    return total / members.astype(rows.dtype)


def bags_of(input: Any, offsets: Any, include_last: bool) -> tuple[np.ndarray[Any, Any], int]:
    """For each number its bag, and how many bags there are."""
    shape = tuple(input.shape)
    if len(shape) == 2 and offsets is None:
        return np.repeat(np.arange(shape[0]), shape[1]), shape[0]
    if len(shape) != 1 or offsets is None:
        raise ShapeError(f"embedding_bag takes input (B, N), or (S,) and offsets, not input of shape {shape}")
    starts = [int(start) for start in array_of(offsets)]
    ends = starts if include_last else [*starts, shape[0]]
    if not ends or ends[0] != 0 or any(b < a for a, b in pairwise([*ends, shape[0]])):
        raise OptionError(f"offsets begin with 0 and never fall, to at most {shape[0]} here; they are {starts}")
    lengths = np.diff([*ends[:-1], shape[0]] if include_last else ends)
    return np.repeat(np.arange(len(lengths)), lengths), len(lengths)
