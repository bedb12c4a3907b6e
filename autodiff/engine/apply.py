"""Applying a primitive: reading its inputs, computing its value, and recording it where an input is tracked."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.dtypes import get_default_dtype, int64, result_dtype
from autodiff.engine.call_sites import place_of_user
from autodiff.engine.checks import non_finite, non_finite_result, take_fingerprints
from autodiff.engine.modes import PLAIN, layer
from autodiff.engine.primitive import Primitive, primitives
from autodiff.engine.tape import NO_PARAMS, Node
from autodiff.engine.values import Array, TensorBase, record, wrap
from autodiff.engine.versions import rewritten
from autodiff.engine.views import mark_view, rerecord_view
from autodiff.errors import AxisError, DtypeError, ShapeError
from autodiff.kernels.layout import by_first, turned

ndarray = np.ndarray
NUMBERS = frozenset((float, int, bool))
UNTRACKED = frozenset((2, 4, 8))  # keys of one to three inputs, none of them tracked (see ``record``)
FAILURES = (OverflowError, ValueError, TypeError, IndexError)  # of NumPy, where inputs do not fit


def apply(primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any] = NO_PARAMS) -> Any:
    """Apply a primitive to tensors, arrays and numbers, and record it where an input is tracked.

    Raises:
        ShapeError, DtypeError, IndexError: the inputs do not fit the operation.
        NonFiniteError: under ``detect_anomaly``, the result is not finite.
    """
    if rewritten:  # a tensor was changed in place by a recorded operation, and lives
        for x in inputs:
            if hasattr(x, "_base"):
                rerecord_view(x)
    mode = layer().value
    if mode is PLAIN:
        result = _apply_fast(primitive, inputs, params)
        if result is not None:
            return result
    arrays: list[Any] = []
    edges: list[Node | None] = []
    for x in inputs:
        if isinstance(x, TensorBase):
            arrays.append(x._array)
            edges.append(x._node)
        else:
            arrays.append(_constant(primitive, x))
            edges.append(None)
    promoted = _promoted(primitive, inputs, arrays)
    if promoted is not None:
        return apply(primitive, promoted, params)
    out = (_watched_forward if mode.anomaly else _forward)(primitive, arrays, params)
    is_tracked = any(edges)
    if not (is_tracked and mode.recording and primitive.differentiable):
        return _outside_graph(primitive, inputs, is_tracked, params, out)
    key = sum(1 << i for i, node in enumerate(edges) if node is not None) + (1 << len(edges))
    result = record(primitive, tuple(edges), arrays, key, params, out)
    for a in arrays:
        if type(a) in NUMBERS:
            result._node.operand = a
    if primitive.view:
        mark_view(result, inputs[0], inputs[0], primitive, params)
    if mode.anomaly:
        take_fingerprints(result._node)
    return result


def _apply_fast(primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """``apply`` for the usual call, or None: one to three tensors of one dtype, or a tensor and a Python number.

    It does nothing that ``apply`` does not do, but without lists and loops, which takes a third less time.
    """
    if not primitive.differentiable:
        return None
    arrays: tuple[Any, ...]
    edges: tuple[Any, ...]
    number = None
    try:
        if len(inputs) == 2:
            x, y = inputs
            if type(x) is type(y) or (type(y) not in NUMBERS and type(x) not in NUMBERS):
                a, m = x._array, x._node
                b, n = y._array, y._node
                if a.dtype is not b.dtype:
                    return None
            elif type(y) in NUMBERS:
                a, m = x._array, x._node
                b, n, number = y, None, y
            else:
                a, m, number = x, None, x
                b, n = y._array, y._node
            arrays, edges = (a, b), (m, n)
            key = (4 if n is None else 6) if m is None else 5 if n is None else 7
        elif len(inputs) == 1:
            (x,) = inputs
            arrays, edges, key = (x._array,), (x._node,), 2 if x._node is None else 3
        else:
            x, y, z = inputs
            arrays, edges = (x._array, y._array, z._array), (x._node, y._node, z._node)
            key = 8 | (x._node is not None) | (y._node is not None) << 1 | (z._node is not None) << 2
            if not arrays[0].dtype is arrays[1].dtype is arrays[2].dtype:
                return None
    except (AttributeError, ValueError):  # an input is neither a tensor nor a number, or there are more than three
        return None
    if key in UNTRACKED:
        return None
    try:
        out = primitive.forward(*arrays, **params) if params else primitive.forward(*arrays)
    except FAILURES as error:
        out = _retried(primitive, arrays, params, error)
    out = by_first(out, arrays) if turned and primitive.elementwise else out
    result = record(primitive, edges, arrays, key, params, out if type(out) is ndarray else np.asarray(out), 4)
    if number is not None:
        result._node.operand = number
    if primitive.view:
        mark_view(result, x, x, primitive, params)
    return result


def _forward(primitive: Primitive, arrays: Any, params: dict[str, Any]) -> Array:
    """The value of a primitive, as an array: NumPy gives a scalar where all inputs are 0-d."""
    try:
        out = primitive.forward(*arrays, **params)
    except FAILURES as error:
        out = _retried(primitive, arrays, params, error)
    out = by_first(out, arrays) if turned and primitive.elementwise else out
    return out if type(out) is ndarray else np.asarray(out)


def _retried(primitive: Primitive, arrays: Any, params: dict[str, Any], error: Exception) -> Array:
    """The value with a Python integer that is too large wrapped around, as in PyTorch; or the named error."""
    if not isinstance(error, OverflowError):
        raise _refused(primitive, arrays, params, error) from error
    dtype = result_dtype(*arrays)
    try:
        wrapped = [a if isinstance(a, ndarray) else np.asarray(a, np.int64).astype(dtype) for a in arrays]
    except OverflowError as too_large:
        raise _refused(primitive, arrays, params, TypeError(str(too_large))) from too_large
    if not any(new is not old for new, old in zip(wrapped, arrays, strict=True)):
        raise _refused(primitive, arrays, params, TypeError(str(error))) from error
    return _forward(primitive, wrapped, params)


def _watched_forward(primitive: Primitive, arrays: Any, params: dict[str, Any]) -> Array:
    """``_forward`` under ``detect_anomaly``, whose error says more than NumPy's warning, and comes before it."""
    with np.errstate(all="ignore"):
        out = _forward(primitive, arrays, params)
    if non_finite(out):
        raise non_finite_result(primitive, arrays, out)
    return out


def _constant(primitive: Primitive, x: Any) -> Any:
    """An operand that is not a Tensor: an array or a Python number; a NumPy number counts as one of Python's."""
    if isinstance(x, ndarray) and x.dtype.kind in "biuf":
        return x.view(ndarray)
    if isinstance(x, np.generic) and x.dtype.kind in "biuf":
        return x.item()
    if isinstance(x, (float, int)):
        return x
    raise DtypeError(f"{primitive.name} takes tensors, arrays and numbers, not {x!r:.60}; use tensor(...) to make one")


def _promoted(primitive: Primitive, inputs: tuple[Any, ...], arrays: list[Any]) -> tuple[Any, ...] | None:
    """The inputs in the dtype to compute in, converted by a recorded ``astype``; None where they are ready."""
    dtypes: list[np.dtype[Any]] = []
    for a in arrays:
        if type(a) is ndarray and a.dtype not in dtypes:
            dtypes.append(a.dtype)
    if not arrays:
        raise DtypeError(f"{primitive.name} takes inputs and was given none")
    if not dtypes:  # numbers only
        return tuple([np.asarray(x, result_dtype(*arrays)) for x in arrays])
    if len(dtypes) == 1 and (dtypes[0].kind == "f" or not primitive.differentiable):
        return None
    dtype = result_dtype(*arrays)
    if primitive.floating and dtype.kind != "f":
        dtype = get_default_dtype()
    elif primitive.counts and dtype.kind == "b":
        dtype = int64
    if dtypes == [dtype]:
        return None
    if not primitive.promotes:
        raise DtypeError(
            f"{primitive.name} needs inputs of one dtype, not {', '.join(describe_operand(a) for a in arrays)}; "
            "convert one with .float(), .double() or .to(dtype)"
        )
    astype = primitives["astype"]
    return tuple(
        apply(astype, (x,), {"dtype": dtype}) if isinstance(a, ndarray) and a.dtype != dtype else x
        for x, a in zip(inputs, arrays, strict=True)
    )


def _outside_graph(
    primitive: Primitive, inputs: tuple[Any, ...], is_cut_off: bool, params: dict[str, Any], out: Array
) -> Any:
    """A Tensor outside the graph, with the reason where there is one."""
    result = wrap(out)
    if primitive.view and isinstance(inputs[0], TensorBase):
        mark_view(result, inputs[0], None if is_cut_off else inputs[0], primitive, params)
    if is_cut_off and out.dtype.kind == "f":
        result._untracked_because = ("was made under no_grad", place_of_user())
    else:
        for x in inputs:
            if hasattr(x, "_untracked_because"):
                result._untracked_because = x._untracked_because
    return result


def describe_operand(array: Any) -> str:
    """Dtype and shape of an array, or a number, as errors show them."""
    return f"{array.dtype} {array.shape}" if isinstance(array, ndarray) else repr(array)


def _refused(primitive: Primitive, arrays: Any, params: dict[str, Any], error: Exception) -> Exception:
    """The named error for what NumPy refused, with what was given."""
    given = ", ".join(describe_operand(a) for a in arrays)
    settings = "".join(f", {k}={v!r:.60}" for k, v in params.items())
    kind = AxisError if isinstance(error, IndexError) else ShapeError if isinstance(error, ValueError) else DtypeError
    return kind(f"{primitive.name}({given}{settings}): {error}")
