"""Applying a row: reading its inputs, computing its value, and making the node that remembers it."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from autodiff.dtypes import get_default_dtype, result_dtype
from autodiff.engine.call_sites import Place, file_and_line, line_of, place_of_user, source_of
from autodiff.engine.modes import PLAIN
from autodiff.engine.modes import current as current_mode
from autodiff.engine.primitive import Primitive
from autodiff.engine.scopes import calls
from autodiff.engine.tape import Node, describe, non_finite, remember
from autodiff.engine.versions import next_number, owner_of, rewritten
from autodiff.errors import AxisError, DtypeError, InPlaceError, NonFiniteError, ShapeError
from autodiff.ops.shaping import astype

__all__ = ["Recorded", "apply", "binary", "describe_operand", "record", "renew", "result_class", "wrap"]

Array = np.ndarray[Any, Any]
ndarray = np.ndarray
new = object.__new__
NO_PARAMS: dict[str, Any] = {}
NUMBERS = (float, int, bool)
FAILURES = (OverflowError, ValueError, TypeError, IndexError)  # of NumPy, where inputs do not fit
C = TypeVar("C", bound="type[Recorded]")


class Recorded:
    """An array and the node that says how it was made: what a row takes and gives.

    Attributes of the one class that users see, ``Tensor``: ``_array``; ``_node``, None outside the graph; ``_grad``;
    ``_why``, set only where there is a reason to be outside the graph: what happened, and where; ``_base``, set only
    for a view: of which tensor (None for one in the graph, looked into under ``no_grad``), by which row and params.
    """

    __slots__ = ("__weakref__", "_array", "_base", "_grad", "_node", "_why")

    _array: Array
    _node: Node | None
    _grad: Any
    _why: tuple[str, Place]
    _base: tuple[Any, Primitive, dict[str, Any]]


_results: Any = Recorded


def result_class(cls: C) -> C:
    """Class decorator: what rows give from now on is of this class."""
    global _results
    _results = cls
    return cls


def wrap(array: Array, node: Node | None = None) -> Any:
    """A Tensor of ``array``, which is not copied, at ``node``."""
    tensor = new(_results)
    tensor._array = array
    tensor._node = node
    tensor._grad = None
    return tensor


def apply(primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any] = NO_PARAMS) -> Any:
    """Apply a row to tensors, arrays and numbers, and record it where an input is tracked.

    Raises:
        ShapeError, DtypeError, IndexError: the inputs do not fit the operation.
        NonFiniteError: under ``detect_anomaly``, the result is not finite.
    """
    if rewritten:
        list(map(renew, inputs))
    arrays: tuple[Array, ...]
    edges: tuple[Node | None, ...]
    key = 0
    if current_mode() is PLAIN and primitive.vjps:
        # Up to three tensors of one dtype, at half the price of the loop that takes whatever comes.
        count = len(inputs)
        try:
            if count == 1:
                (x,) = inputs
                m = x._node
                if m is not None:
                    arrays, edges, key = (x._array,), (m,), 3
            elif count == 2:
                x, y = inputs
                a, b = x._array, y._array
                m, n = x._node, y._node
                if (m or n) and a.dtype is b.dtype:
                    arrays, edges, key = (a, b), (m, n), 4 + (m is not None) + 2 * (n is not None)
            elif count == 3:
                x, y, z = inputs
                a, b, c = x._array, y._array, z._array
                m, n, o = x._node, y._node, z._node
                if (m or n or o) and a.dtype is b.dtype is c.dtype:
                    arrays, edges = (a, b, c), (m, n, o)
                    key = 8 + (m is not None) + 2 * (n is not None) + 4 * (o is not None)
        except AttributeError:  # not all are tensors
            pass
    if not key:
        return _apply(primitive, inputs, params)
    result = record(primitive, edges, arrays, key, params, _forward(primitive, arrays, params))
    return _look_into(result, x, x, primitive, params) if primitive.view else result


def _apply(primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """``apply`` for inputs of any kind, in any mode."""
    arrays, edges, mask, bit, dtype, mixed, number = [], [], 0, 1, None, False, None
    for x in inputs:
        node = None
        if isinstance(x, Recorded):
            array, node = x._array, x._node
            mask |= 0 if node is None else bit
        else:
            array = number = _constant(primitive, x)
        if type(array) is ndarray:
            mixed = mixed or (dtype is not None and array.dtype is not dtype)
            dtype = array.dtype
        arrays.append(array)
        edges.append(node)
        bit <<= 1
    if dtype is None:  # numbers only
        return apply(primitive, tuple(np.asarray(x, result_dtype(*arrays)) for x in arrays), params)
    mode = current_mode()
    promoted = _promoted(primitive, inputs, arrays) if mixed and primitive.vjps else None
    if promoted is None:
        out = (_watched_forward if mode.anomaly else _forward)(primitive, arrays, params)
        if out.dtype is not dtype and primitive.vjps:  # integers where the result is floating, beside a float, ...
            promoted = _promoted(primitive, inputs, arrays)
    if promoted is not None:
        return apply(primitive, promoted, params)
    if not (mask and mode.recording and primitive.vjps):
        return _untracked(primitive, inputs, mask, params, out)
    result = record(primitive, tuple(edges), arrays, bit | mask, params, out)
    if type(number) in NUMBERS:
        result._node.operand = number
    if primitive.view:
        _look_into(result, inputs[0], inputs[0], primitive, params)
    if mode.anomaly:
        remember(result._node)
    return result


def _forward(primitive: Primitive, arrays: Any, params: dict[str, Any]) -> Array:
    """The value of a row, as an array: NumPy gives a scalar where all inputs are 0-d."""
    try:
        out = primitive.forward(*arrays, **params)
    except FAILURES as error:
        out = _retried(primitive, arrays, params, error)
    return out if type(out) is ndarray else np.asarray(out)


def _retried(primitive: Primitive, arrays: Any, params: dict[str, Any], error: Exception) -> Array:
    """The value of a row in spite of a number too large for the integers beside it, or the named error for another."""
    if not isinstance(error, OverflowError):
        raise _refused(primitive, arrays, params, error) from error
    wrapped = _wrapped(primitive, arrays, params)
    if not any(new is not old for new, old in zip(wrapped, arrays, strict=True)):
        raise _refused(primitive, arrays, params, TypeError(str(error))) from error
    return _forward(primitive, wrapped, params)


def _watched_forward(primitive: Primitive, arrays: Any, params: dict[str, Any]) -> Array:
    """``_forward`` under ``detect_anomaly``, whose error says more than NumPy's warning, and comes before it."""
    with np.errstate(all="ignore"):
        out = _forward(primitive, arrays, params)
    if non_finite(out):
        raise _not_finite(primitive, arrays, out)
    return out


def binary(primitive: Primitive, x: Any, y: Any) -> Any:
    """``apply`` for two tensors of one dtype, or one and a Python number, at least one tracked: at half the price."""
    number = None
    if isinstance(x, Recorded) and isinstance(y, Recorded):
        a, b = x._array, y._array
        m, n = x._node, y._node
        if a.dtype is not b.dtype:
            return apply(primitive, (x, y))
    elif type(y) in NUMBERS:
        a, b = x._array, y
        m, n = x._node, None
        number = y
    elif type(x) in NUMBERS:
        a, b = x, y._array
        m, n = None, y._node
        number = x
    else:
        return apply(primitive, (x, y))
    key = (4 if n is None else 6) if m is None else 5 if n is None else 7
    if key == 4 or rewritten or current_mode() is not PLAIN:
        return apply(primitive, (x, y))
    forward = primitive.forward
    try:
        out = forward(a, b)
    except FAILURES as error:
        out = _retried(primitive, (a, b), NO_PARAMS, error)
    result = record(primitive, (m, n), (a, b), key, NO_PARAMS, out if type(out) is ndarray else np.asarray(out))
    if number is not None:
        result._node.operand = number
    return result


def record(
    primitive: Primitive, edges: Any, arrays: Any, key: int, params: dict[str, Any], out: Array, depth: int = 4
) -> Any:
    """The tensor of ``out`` at a node of its own; plain stores take half the time of an ``__init__``.

    The bits of ``key`` say which inputs are tracked, and one more how many there are. The user's code is at least
    ``depth`` calls up: behind an operator and ``apply``.
    """
    node = new(Node)
    node.primitive = primitive
    node.edges = edges
    # Tuples, which the garbage collector leaves alone once it has seen only arrays in them.
    node.saved = primitive.plans[key]((out, *arrays, None, *edges)) if primitive.saves else (None, *edges)
    node.params = params
    node.number = next_number()
    node.shape = out.shape
    node.dtype = out.dtype
    here = calls()
    node.scope = here.now
    node.place = here.place or place_of_user(depth)
    tensor = new(_results)
    tensor._array = out
    tensor._node = node
    tensor._grad = None
    return tensor


def _constant(primitive: Primitive, x: Any) -> Any:
    """An operand that is not a Tensor: an array or a Python number; a NumPy number counts as one of Python's."""
    if isinstance(x, ndarray) and x.dtype.kind in "biuf":
        return x.view(ndarray)
    if isinstance(x, np.generic) and x.dtype.kind in "biuf":
        return x.item()
    if isinstance(x, NUMBERS):
        return x
    raise DtypeError(f"{primitive.name} takes tensors, arrays and numbers, not {x!r:.60}; use tensor(...) to make one")


def _promoted(primitive: Primitive, inputs: tuple[Any, ...], arrays: list[Any]) -> tuple[Any, ...] | None:
    """The inputs in their common dtype, converted by a recorded ``astype``; None where they have it already."""
    dtype = result_dtype(*arrays)
    if primitive.floating and dtype.kind != "f":
        dtype = get_default_dtype()
    if not any(isinstance(a, ndarray) and a.dtype != dtype for a in arrays):
        return None
    if not primitive.promotes:
        raise DtypeError(
            f"{primitive.name} needs inputs of one dtype, not {', '.join(describe_operand(a) for a in arrays)}; "
            "convert one with .float(), .double() or .to(dtype)"
        )
    return tuple(
        astype(x, dtype=dtype) if isinstance(a, ndarray) and a.dtype != dtype else x
        for x, a in zip(inputs, arrays, strict=True)
    )


def _untracked(primitive: Primitive, inputs: tuple[Any, ...], mask: int, params: dict[str, Any], out: Array) -> Any:
    """A Tensor outside the graph, which remembers why, where there is a reason to remember."""
    result = wrap(out)
    if primitive.view and isinstance(inputs[0], Recorded):
        _look_into(result, inputs[0], None if mask else inputs[0], primitive, params)
    if mask and out.dtype.kind == "f":
        result._why = ("was made under no_grad", place_of_user())
    else:
        for x in inputs:
            if hasattr(x, "_why"):
                result._why = x._why
    return result


def _wrapped(primitive: Primitive, arrays: Any, params: dict[str, Any]) -> list[Any]:
    """The inputs, with Python integers that do not fit the small integer dtype beside them wrapped around."""
    dtype = result_dtype(*arrays)
    try:
        return [a if isinstance(a, ndarray) else np.asarray(a, np.int64).astype(dtype) for a in arrays]
    except OverflowError as error:
        raise _refused(primitive, arrays, params, TypeError(str(error))) from error


def _look_into(result: Any, x: Any, base: Any, primitive: Primitive, params: dict[str, Any]) -> Any:
    """``result``, which remembers that it is a view of ``base``, where it shares the memory of ``x``."""
    memory = result._array.base
    if memory is not None and (
        memory is x._array or memory is x._array.base or getattr(memory, "base", None) is x._array
    ):
        result._base = (base, primitive, params)
    return result


def renew(x: Any) -> None:
    """Make the node of ``x``, a view, anew where a recorded change in place gave the tensor it looks into a new one.

    Raises InPlaceError where that tensor has another shape since, so that nobody knows what the view shows of it.
    """
    if not (hasattr(x, "_base") and id(owner_of(x._array)) in rewritten):
        return
    views = []
    while hasattr(x, "_base") and x._base[0] is not None:
        views.append(x)
        x = x._base[0]
    for view in reversed(views):
        base, primitive, params = view._base
        past, node = view._node, base._node
        if node is None or node.primitive is None or (past is not None and (not past.edges or past.edges[0] is node)):
            continue
        if owner_of(view._array) is owner_of(base._array):
            again, seen = primitive.forward(base._array, **params), view._array
            if (again.ctypes.data, again.shape, again.strides) != (seen.ctypes.data, seen.shape, seen.strides):
                raise InPlaceError(
                    f"a view of shape {seen.shape} was made of a tensor that has been given another shape in place, "
                    f"{base._array.shape}; make the view again"
                )
            view._node = record(primitive, (node,), (base._array,), 3, params, seen, 2)._node


def describe_operand(array: Any) -> str:
    """Dtype and shape of an array, or a number, as errors show them."""
    return f"{array.dtype} {array.shape}" if isinstance(array, ndarray) else repr(array)


def _refused(primitive: Primitive, arrays: Any, params: dict[str, Any], error: Exception) -> Exception:
    """The named error for what NumPy refused, with what was given."""
    given = ", ".join(describe_operand(a) for a in arrays)
    settings = "".join(f", {k}={v!r:.60}" for k, v in params.items())
    kind = AxisError if isinstance(error, IndexError) else ShapeError if isinstance(error, ValueError) else DtypeError
    return kind(f"{primitive.name}({given}{settings}): {error}")


def _not_finite(primitive: Primitive, arrays: list[Any], out: Array) -> NonFiniteError:
    place = place_of_user()
    inputs = "; ".join(describe(a) for a in arrays)
    return NonFiniteError(
        f"{primitive.name}, called at {line_of(place)} ({source_of(place)}), is the first operation whose result is "
        f"not finite: {describe(out)}; its inputs: {inputs}",
        primitive.name,
        *file_and_line(place),
    )
