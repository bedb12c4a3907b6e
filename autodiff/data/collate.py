"""Batches of items: numbers, arrays and tensors become tensors; containers keep their classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autodiff.dtypes import float64, is_known
from autodiff.engine.values import wrap
from autodiff.errors import DtypeError, ShapeError
from autodiff.functions.joining import stack
from autodiff.kinds import described
from autodiff.tensors.creation import as_tensor, tensor
from autodiff.tensors.tensor import Tensor

__all__ = ["default_collate", "default_convert"]

_REPAIR = "make them alike, as by pad_sequence, or give the loader a collate_fn"


def default_convert(data: Any) -> Any:
    """Arrays as tensors, also inside dicts, lists and tuples; everything else as it is.

    >>> default_convert({"x": np.array([1.0, 2.0])})
    {'x': tensor([1., 2.], dtype=autodiff.float64)}
    """
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return as_tensor(data) if is_known(data.dtype) else data
    if isinstance(data, Mapping):
        return _as_class_of(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _sequence(data, [default_convert(value) for value in data])
    return data


def default_collate(batch: Sequence[Any]) -> Any:
    """One batch of a list of items that are alike.

    Tensors, arrays and numbers are stacked along a new first axis; strings and bytes stay a list; dicts, tuples, named
    tuples and lists are collated entry by entry.

    Raises:
        DtypeError: a batch cannot be made of items of this type.
        ShapeError: arrays differ in shape, or sequences in length.

    >>> default_collate([{"x": 1.0, "name": "a"}, {"x": 2.0, "name": "b"}])
    {'x': tensor([1., 2.], dtype=autodiff.float64), 'name': ['a', 'b']}
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return _stacked(batch)
    if isinstance(first, (np.ndarray, np.generic)):
        if not is_known(first.dtype):
            raise DtypeError(f"no batch can be made of arrays of {first.dtype}; give a collate_fn")
        return _stacked([as_tensor(item) for item in batch])
    if isinstance(first, float):
        return tensor(batch, dtype=float64)
    if isinstance(first, (int, bool)):
        return tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        for i, item in enumerate(batch):
            if not isinstance(item, Mapping) or any(key not in item for key in first):
                raise _differ(i, first, item)
        return _as_class_of(first, {key: default_collate([item[key] for item in batch]) for key in first})
    if isinstance(first, Sequence):
        for i, item in enumerate(batch):
            if not isinstance(item, Sequence):
                raise _differ(i, first, item)
        lengths = {len(item) for item in batch}
        if len(lengths) > 1:
            raise ShapeError(f"the items of a batch have different numbers of entries: {sorted(lengths)}")
        return _sequence(first, [default_collate(column) for column in zip(*batch, strict=True)])
    raise DtypeError(
        f"no batch can be made of {type(first).__name__}; items are tensors, arrays, numbers, strings, or dicts, "
        "tuples and lists of these; give a collate_fn for others"
    )


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    """``stack``, by NumPy alone where nothing is recorded and all shapes and dtypes are equal."""
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise _differ(i, tensors[0], x)
        if x.shape != tensors[0].shape:
            shapes = f"{tensors[0].shape} and {x.shape}, of which no batch can be stacked"
            raise ShapeError(f"items 0 and {i} of the batch have the shapes {shapes}; {_REPAIR}")
    arrays = [x._array for x in tensors]
    plain = all(x._node is None for x in tensors) and len({(a.shape, a.dtype) for a in arrays}) == 1
    result: Tensor = wrap(np.stack(arrays)) if plain else stack(tensors)
    return result


def _differ(i: int, first: Any, item: Any) -> DtypeError:
    return DtypeError(f"items 0 and {i} of the batch are {described(first)} and {described(item)}; {_REPAIR}")


def _sequence(like: Sequence[Any], values: list[Any]) -> Any:
    """``values`` as a sequence of the class of ``like``; a plain tuple becomes a list, as in PyTorch."""
    if type(like) is tuple:
        return values
    return type(like)(*values) if hasattr(like, "_fields") else _as_class_of(like, values)


def _as_class_of(like: Any, values: Any) -> Any:
    """``values`` as an object of the class of ``like``, or as they are if the class cannot be made of them."""
    try:
        return type(like)(values)
    except TypeError:
        return values
