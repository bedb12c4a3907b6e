"""Writing into a copy along an axis: one after the other, added, multiplied, the largest; by PyTorch's names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.dtypes import DIFFERENTIABLE
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.arrays import one_dtype, tensors_only
from autodiff.functions.axes import length_of
from autodiff.functions.diagonals import diagonal
from autodiff.functions.indexing import at_least_vector, one_value, positions_along, shape_at, slices_at
from autodiff.functions.shaping import contiguous, expand, reshape
from autodiff.kernels.arrays import as_array
from autodiff.ops import indexing
from autodiff.ops.indexing import along, scatter_extreme
from autodiff.ops.indexing import index as pick
from autodiff.ops.indexing import put as overwrite
from autodiff.ops.shaping import cast, in_single

__all__ = [
    "diagonal_scatter", "index_reduce", "scatter", "scatter_add", "scatter_reduce", "select_scatter", "slice_scatter",
]


def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: Any = None) -> Value:
    """``input`` with ``out[index[i][j]][j] = src[i][j]`` for dim 0, and so on for others; ``src`` may be a number.

    With ``reduce`` "add" or "multiply" the entry is added to, or multiplied into, what was there.

    Raises OptionError for another ``reduce``.

    >>> import autodiff
    >>> autodiff.scatter(autodiff.zeros(3), 0, autodiff.tensor([2, 0]), autodiff.tensor([5.0, 7.0]))
    tensor([7., 0., 5.])
    """
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise OptionError(f"scatter has the reductions 'add' and 'multiply', not {reduce!r}")
        return scatter_reduce(input, dim, index, value if src is None else src, "sum" if reduce == "add" else "prod")
    if src is None:
        key, positions = _key(input, dim, index)
        entries = expand(one_value(input, value), positions.shape)
    else:
        key, entries = _entries("scatter", input, dim, index, src)
    return reshape(overwrite(at_least_vector(contiguous(input)), entries, key=key), tuple(input.shape))


def _key(input: Any, dim: int, index: Any) -> tuple[Any, np.ndarray[Any, Any]]:
    """The key at which ``index`` writes along ``dim``, and the positions that it holds."""
    axis, positions = positions_along(input, dim, index)
    return along(positions, axis), positions


def _entries(name: str, input: Any, dim: int, index: Any, src: Any) -> tuple[Any, Any]:
    """The key at which ``index`` writes, and the entries of ``src``, which may have more, that go there."""
    key, positions = _key(input, dim, index)
    if isinstance(src, (float, int)):
        return key, expand(one_value(input, src), positions.shape)
    tensors_only(name, src)
    one_dtype(name, input, src)
    source = at_least_vector(src)
    if not positions.size:
        return key, reshape(pick(source, key=(slice(0),) * source.ndim), positions.shape)
    if positions.ndim != source.ndim or any(n > m for n, m in zip(positions.shape, source.shape, strict=True)):
        raise ShapeError(f"an index of shape {positions.shape} asks for more than a source {tuple(source.shape)} has")
    whole = positions.shape == tuple(source.shape)
    return key, source if whole else pick(source, key=tuple(slice(n) for n in positions.shape))


def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Value:
    """``input`` with ``out[index[i][j]][j] += src[i][j]`` for dim 0, and so on for others."""
    return scatter_reduce(input, dim, index, src, "sum")


def scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True
) -> Value:
    """``input`` with each entry reduced with all entries of ``src`` that ``index`` sends there along ``dim``.

    ``reduce`` is sum, prod, mean, amax or amin; without ``include_self`` the old entry does not count. Equal extremes
    share the gradient evenly.

    Raises:
        ShapeError: ``index`` asks for more than ``src`` has.
        OptionError: there is no such ``reduce``.

    >>> import autodiff
    >>> autodiff.zeros(2).scatter_reduce(0, autodiff.tensor([0, 1, 0]), autodiff.tensor([1.0, 2.0, 3.0]), "mean")
    tensor([1.3333, 1.0000])
    """
    key, entries = _entries("scatter_reduce", input, dim, index, src)
    x = at_least_vector(contiguous(input))
    return reshape(reduced(x, key, entries, reduce, include_self), tuple(input.shape))


def index_reduce(
    input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> Value:
    """``input`` with its slices at ``index`` along ``dim`` reduced with those of ``source``: prod, mean, amax, amin.

    Raises OptionError where there is no such ``reduce``.
    """
    key, source = slices_at("index_reduce", input, dim, index, source)
    found = reduced(at_least_vector(contiguous(input)), key, source, reduce, include_self)
    return reshape(found, tuple(input.shape))


@in_single
def reduced(x: Any, key: Any, y: Any, reduce: str, include_self: bool = True) -> Any:
    """``x`` with its entries at ``key`` reduced with those of ``y``; equal extremes share the gradient."""
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise OptionError(f"the reductions are 'sum', 'prod', 'mean', 'amax' and 'amin', not {reduce!r}")
    if not include_self:
        x = overwrite(x, as_array(neutral(reduce, x.dtype), x.dtype), key=key)
    if reduce in ("amax", "amin"):
        return scatter_extreme(x, y, key=key, largest=reduce == "amax")
    if reduce == "prod":
        return _multiplied(x, key, y)
    total = x + indexing.scatter_add(y, key=key, shape=tuple(x.shape))
    if reduce == "sum" or x.dtype.kind == "b":
        return total
    count = np.full(tuple(x.shape), int(include_self))
    np.add.at(count, key, 1)
    count = np.maximum(count, 1).astype(x.dtype)
    return total / count if x.dtype.kind in DIFFERENTIABLE else total.div(count, rounding_mode="floor")


def neutral(reduce: str, dtype: Any) -> float:
    """The neutral element of a reduction."""
    if reduce in ("amax", "amin") and dtype.kind != "b":
        extreme = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
        infinite = (-math.inf, math.inf) if dtype.kind == "f" else (extreme.min, extreme.max)
        return infinite[reduce == "amin"]
    return float(reduce in ("prod", "amin"))


def _multiplied(x: Any, key: Any, y: Any) -> Any:
    """Each entry of ``x`` times all of ``y`` that go there, in rounds of one each: exact where there are zeros."""
    places = np.arange(math.prod(x.shape)).reshape(tuple(x.shape))[key].reshape(-1)
    order = np.argsort(places, kind="stable")
    _, starts, counts = np.unique(places[order], return_index=True, return_counts=True)
    result, entries = reshape(x, (-1,)), reshape(y, (-1,))
    for turn in range(int(counts.max(initial=0))):
        chosen = order[starts[counts > turn] + turn]
        at = places[chosen]
        result = overwrite(result, pick(result, key=at) * pick(entries, key=chosen), key=at)
    return reshape(result, tuple(x.shape))


def select_scatter(input: Any, src: Any, dim: int, index: int) -> Value:
    """``input`` with ``src`` as its slice at ``index`` along ``dim``.

    Raises ShapeError where ``src`` has not the shape of what it replaces.
    """
    return _placed(input, src, (slice(None),) * length_of(input, dim)[0] + (index,))


def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Value:
    """``input`` with ``src`` as its slices from ``start`` to ``end`` along ``dim``.

    Raises ShapeError where ``src`` has not the shape of what it replaces.
    """
    return _placed(input, src, (slice(None),) * length_of(input, dim)[0] + (slice(start, end, step),))


def _placed(input: Any, src: Any, key: tuple[Any, ...]) -> Value:
    tensors_only("slice_scatter" if isinstance(key[-1], slice) else "select_scatter", src)
    shape = shape_at(input, key)
    if shape != tuple(src.shape):
        raise ShapeError(f"a source of shape {shape} is wanted, not of {tuple(src.shape)}")
    return overwrite(input, _in_dtype_of(input, src), key=key)


def _in_dtype_of(input: Any, src: Any) -> Any:
    return src if src.dtype == input.dtype else cast(src, input.dtype)


def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Value:
    """``input`` with ``src`` as its diagonal in the axes ``dim1`` and ``dim2``.

    Raises ShapeError where ``src`` is not as long as the diagonal.
    """
    tensors_only("diagonal_scatter", src)
    shape = tuple(diagonal(input, offset, dim1, dim2).shape)
    if shape != tuple(src.shape):
        raise ShapeError(f"a source of shape {shape} is wanted, not of {tuple(src.shape)}")
    return indexing.overwrite(input, _in_dtype_of(input, src), view=lambda x: diagonal(x, offset, dim1, dim2))
