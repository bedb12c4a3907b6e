"""Data as an array, and an array as a tensor that no operation made."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from autodiff.dtypes import as_dtype, complex128, float64, get_default_dtype, is_known, promote_types
from autodiff.engine.call_sites import place_of_user
from autodiff.engine.modes import layer
from autodiff.engine.tape import Node, is_leaf, new_leaf
from autodiff.engine.values import TensorBase, Value, wrap
from autodiff.errors import DtypeError, ShapeError
from autodiff.functions.axes import shape_of, size_of
from autodiff.handles import rearranged
from autodiff.kernels.layout import is_stretched, note
from autodiff.kinds import described
from autodiff.tensors.devices import check_device
from autodiff.tensors.lost_history import warn_of_copy

DETACHED = "went through detach_()"  # why a tensor is outside the graph
THROUGH_DATA = "went through .data"
_NUMBERS = {bool, int, float, complex}  # Python's, whose dtypes the default decides


def leaf(array: np.ndarray[Any, Any], requires_grad: bool = False, device: Any = None) -> Value:
    """A tensor of ``array``, which is not copied."""
    if device is not None:
        check_device(device)
    note(array)
    return wrap(array).requires_grad_(requires_grad) if requires_grad else wrap(array)


def leave_graph(x: Any, why: str) -> None:
    """Take ``x`` out of the graph; a leaf keeps its node, for ``node_again``."""
    node = x._node
    x._node = None
    rearranged()
    x._untracked_because = (why, place_of_user(), node) if is_leaf(node) else (why, place_of_user())


def node_again(x: Any) -> Node:
    """The node of a leaf that is to have a gradient: the one it had, if it was one before with such data, or a new one.

    So what was made before it was taken out of the graph leads to it again. Its hooks stay, whatever its data.
    """
    rearranged()
    leaf: Node = new_leaf(x, x._array)
    for node in (getattr(x, "_untracked_because", None) or ())[2:]:  # which may be from what x was made from
        if node.owner() is x:
            if node.shape == leaf.shape and node.dtype == leaf.dtype:
                leaf = node
            elif hasattr(node, "hooks"):
                leaf.hooks = node.hooks
    return leaf


def filled(make: Any, size: tuple[Any, ...], dtype: Any, device: Any, requires_grad: bool) -> Value:
    """A tensor of the array that ``make(shape, dtype=)`` gives."""
    return leaf(make(size_of(size), dtype=dtype_or_default(dtype)), requires_grad, device)


def strided_array(name: str, size: Sequence[int], stride: Sequence[int], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """An array whose neighbours along each axis lie ``stride`` entries apart; for the function ``name``.

    Raises ShapeError where there are not as many steps as axes, or one is below 0; DtypeError where one is no integer.
    """
    shape, steps = shape_of((size,)), shape_of((stride,))
    if len(shape) != len(steps) or any(n < 0 for n in (*shape, *steps)):
        raise ShapeError(f"{name} takes a length and a step from 0 up for each axis, not {size} and {stride}")
    last = sum((n - 1) * step for n, step in zip(shape, steps, strict=True))
    flat = np.empty(last + 1 if all(shape) else 0, dtype)
    return np.lib.stride_tricks.as_strided(flat, shape, [step * dtype.itemsize for step in steps])


def dtype_or_default(dtype: Any) -> np.dtype[Any]:
    """The NumPy dtype that ``dtype`` names; the default dtype where it is None."""
    return get_default_dtype() if dtype is None else as_dtype(dtype)


def array_from_data(data: Any, dtype: Any, copy: bool | None) -> np.ndarray[Any, Any]:
    """``data`` as an array: what has a dtype keeps it, Python floats get the default one; in a list all of these meet.

    Raises DtypeError for data that are not numbers in a regular shape.
    """
    is_array = type(data) is np.ndarray and data.dtype.isnative  # the usual case, of which nothing is to be asked
    if is_array and dtype is None and not copy and data.flags.c_contiguous and is_known(data.dtype):
        array: np.ndarray[Any, Any] = data
        return array
    if is_array and (capture := layer().value.capture) is not None:
        (data,) = capture.lifted((data,))  # or a copy has what the array has now, in each replay, too
        is_array = False
    kinds: set[Any] = set()
    source = data if is_array or type(data) in _NUMBERS else _plain(data, kinds)
    if source is not data and not kinds <= _NUMBERS:
        warn_of_copy(data)
    if dtype is None and not kinds <= _NUMBERS:
        dtype = reduce(promote_types, kinds)
    order: Any = "C" if type(source) is np.ndarray and is_stretched(source) else "K"
    try:
        if not is_array and hasattr(source, "__once__"):  # an array of ``compile``, to which np.array is blind
            return source.astype(as_dtype(dtype or source.dtype), order, copy=bool(copy))
        options = {"dtype": None if dtype is None else as_dtype(dtype), "copy": copy, "order": order}
        noted = None if kinds <= _NUMBERS else _noted(source)
        array = np.array(source, **options) if noted is None else noted.__once__(np.array, (source,), options)
    except (ValueError, TypeError) as error:
        why = "its parts differ in length; pad them" if "inhomogeneous" in str(error) else error
        raise DtypeError(f"no tensor can be made of {described(data)}: {why}") from None
    if not is_known(array.dtype):
        raise DtypeError(f"no tensor can be made of {described(data)}: its dtype would be {array.dtype}")
    if dtype is None and not is_array and array.dtype in (float64, complex128):
        array = array.astype(as_dtype(float if array.dtype == float64 else complex))
    return array


def _noted(x: Any) -> Any:
    """An array of ``compile`` in nested lists, or None."""
    if type(x) in (list, tuple):
        return next((found for found in map(_noted, x) if found is not None), None)
    return x if hasattr(x, "__once__") else None


def _plain(data: Any, kinds: set[Any]) -> Any:
    """Nested lists with arrays in place of tensors, columns of tables and the like; ``kinds`` gets all dtypes in them.

    For numbers of Python it gets their types. Tensors of one entry in a list are numbers, as in PyTorch.
    """
    if hasattr(data, "__array__"):
        array = data._array if isinstance(data, TensorBase) else data
        array = array if isinstance(array, (np.ndarray, np.generic)) else np.asarray(array)
        if (capture := layer().value.capture) is not None:
            (array,) = capture.lifted((array,))
        if is_known(array.dtype):
            kinds.add(as_dtype(array.dtype))
        return array
    if not isinstance(data, (list, tuple)):
        kinds.add(type(data)) if type(data) in _NUMBERS else None
        return data
    types = set(map(type, data))
    if types <= _NUMBERS:
        kinds |= types
        return data
    parts = [_plain(x, kinds) for x in data]
    tensors = [i for i, x in enumerate(data) if isinstance(x, TensorBase)]
    if all(parts[i].size == 1 for i in tensors):
        for i in tensors:
            parts[i] = parts[i].reshape(())
    return parts
