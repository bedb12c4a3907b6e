"""Applying a primitive: reading its inputs, computing its value, and recording it where an input is tracked."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.dtypes import DIFFERENTIABLE, get_default_dtype, int64, result_dtype
from autodiff.engine.call_sites import place_of_user
from autodiff.engine.checks import non_finite_result, take_fingerprints
from autodiff.engine.modes import PLAIN, layer
from autodiff.engine.primitive import Primitive, primitives
from autodiff.engine.tape import NO_PARAMS, Node
from autodiff.engine.values import Array, TensorBase, record, wrap
from autodiff.engine.versions import rewritten
from autodiff.engine.views import mark_view, rerecord_views
from autodiff.errors import DtypeError
from autodiff.kernels.layout import by_first, complex_in_use, unusual
from autodiff.kernels.structural_zeros import non_finite
from autodiff.kinds import constant_of, operands, refuse_complex, refused

ndarray = np.ndarray
NUMBERS = frozenset((float, int, bool))
UNTRACKED = frozenset((2, 4, 8))  # keys of one to three inputs, none of them tracked (see ``record``)
FAILURES = (OverflowError, ValueError, TypeError, IndexError)  # of NumPy, where inputs do not fit


def apply(primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any] = NO_PARAMS) -> Any:
    """Apply a primitive to tensors, arrays and numbers, and record it where an input is tracked.

    Here are the usual calls, one third faster without lists and loops; ``_apply_any`` takes all others.

    Raises:
        ShapeError, DtypeError, IndexError: the inputs do not fit the operation.
        NonFiniteError: under ``detect_anomaly``, the result is not finite.
    """
    if rewritten:  # a tensor was changed in place by a recorded operation, and lives
        rerecord_views(inputs)
    if layer().value is not PLAIN:
        return _apply_any(primitive, inputs, params)
    arrays = edges = number = None  # type: Any
    try:
        if len(inputs) == 2:
            x, y = inputs
            if type(x) is type(y) or (type(y) not in NUMBERS and type(x) not in NUMBERS):
                a, m = x._array, x._node
                b, n = y._array, y._node
                if a.dtype is not b.dtype:
                    return _apply_any(primitive, inputs, params)
            elif type(y) in NUMBERS:
                a, m, b, n, number = x._array, x._node, y, None, y
            else:
                a, m, b, n, number = x, None, y._array, y._node, x
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
                return _apply_any(primitive, inputs, params)
    except (AttributeError, ValueError):  # an input is neither a tensor nor a number, or there are more than three
        return _apply_any(primitive, inputs, params)
    if key in UNTRACKED or not primitive.differentiable:
        return _apply_outside(primitive, inputs, arrays, key not in UNTRACKED, params)
    if complex_in_use and primitive.real:
        refuse_complex(primitive.name, arrays)
    try:
        out = primitive.forward(*arrays, **params) if params else primitive.forward(*arrays)
    except FAILURES as error:
        out = _retried(primitive, arrays, params, error)
    out = by_first(out, arrays) if unusual and primitive.elementwise else out
    result = record(primitive, edges, arrays, key, params, out if type(out) is ndarray else np.asarray(out))
    if number is not None:
        result._node.operand = number
    if primitive.view:
        mark_view(result, x, x, primitive, params)
    return result


def _apply_outside(primitive: Primitive, inputs: Any, arrays: Any, is_cut_off: bool, params: dict[str, Any]) -> Any:
    """``apply`` of inputs of one dtype where nothing is recorded: none is tracked, or there is no derivative."""
    one = arrays[-1] if type(arrays[0]) in NUMBERS else arrays[0]
    if primitive.differentiable and one.dtype.kind not in DIFFERENTIABLE:
        return _apply_any(primitive, inputs, params)
    return _outside_graph(primitive, inputs, is_cut_off, params, forward_of(primitive, arrays, params))


def _apply_any(primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """``apply`` of any number of inputs of any kinds in any mode."""
    mode = layer().value
    inputs = inputs if mode.capture is None else mode.capture.lifted(inputs)
    arrays: list[Any] = []
    edges: list[Node | None] = []
    for x in inputs:
        if isinstance(x, TensorBase):
            arrays.append(x._array)
            edges.append(x._node)
        elif (constant := constant_of(primitive.name, x)) is None:  # a sparse tensor has rules of its own
            return x.__primitive__(primitive, inputs, params)
        else:
            arrays.append(constant)
            edges.append(None)
    promoted = _promoted(primitive, inputs, arrays)
    if promoted is not None:
        return apply(primitive, promoted, params)
    forward = _watched_forward if mode.anomaly else forward_of if mode.capture is None else mode.capture.forward
    out = forward(primitive, arrays, params)
    is_tracked = any(edges)
    if is_tracked and mode.recording and primitive.differentiable:
        key = sum(1 << i for i, node in enumerate(edges) if node is not None) + (1 << len(edges))
        result = record(primitive, tuple(edges), arrays, key, params, out, 4)
        for a in arrays:
            if type(a) in NUMBERS:
                result._node.operand = a
        if primitive.view:
            mark_view(result, inputs[0], inputs[0], primitive, params)
        if mode.anomaly:
            take_fingerprints(result._node)
    else:
        result = _outside_graph(primitive, inputs, is_tracked, params, out)
    if mode.notes is not None:
        mode.notes(primitive, inputs, result, params)
    return result


def forward_of(primitive: Primitive, arrays: Any, params: dict[str, Any]) -> Array:
    """The value of a primitive, as an array: NumPy gives a scalar where all inputs are 0-d."""
    if complex_in_use and primitive.real:
        refuse_complex(primitive.name, arrays)
    try:
        out = primitive.forward(*arrays, **params)
    except FAILURES as error:
        out = _retried(primitive, arrays, params, error)
    out = by_first(out, arrays) if unusual and primitive.elementwise else out
    return out if isinstance(out, ndarray) else np.asarray(out)


def _retried(primitive: Primitive, arrays: Any, params: dict[str, Any], error: Exception) -> Array:
    """The value with a Python integer that is too large wrapped around, as in PyTorch; or the named error."""
    if not isinstance(error, OverflowError):
        raise refused(primitive.name, arrays, error, params) from error
    dtype = result_dtype(*arrays)
    try:
        wrapped = [a if isinstance(a, ndarray) else np.asarray(a, np.int64).astype(dtype) for a in arrays]
    except OverflowError as too_large:
        raise refused(primitive.name, arrays, TypeError(str(too_large)), params) from too_large
    if not any(new is not old for new, old in zip(wrapped, arrays, strict=True)):
        raise refused(primitive.name, arrays, TypeError(str(error)), params) from error
    return forward_of(primitive, wrapped, params)


def _watched_forward(primitive: Primitive, arrays: Any, params: dict[str, Any]) -> Array:
    """``forward_of`` under ``detect_anomaly``, whose error says more than NumPy's warning, and comes before it."""
    with np.errstate(all="ignore"):
        out = forward_of(primitive, arrays, params)
    if non_finite(out):
        raise non_finite_result(primitive, arrays, out)
    return out


def _promoted(primitive: Primitive, inputs: tuple[Any, ...], arrays: list[Any]) -> tuple[Any, ...] | None:
    """The inputs in the dtype to compute in, converted by a recorded ``astype``; None where they are ready."""
    dtypes: list[np.dtype[Any]] = []
    for a in arrays:
        if isinstance(a, ndarray) and a.dtype not in dtypes:
            dtypes.append(a.dtype)
    if not arrays:
        raise DtypeError(f"{primitive.name} takes inputs and was given none")
    if not dtypes:  # numbers only
        return tuple([np.asarray(x, result_dtype(*arrays)) for x in arrays])
    is_ready = len(dtypes) == 1 and (dtypes[0].kind in DIFFERENTIABLE or not primitive.differentiable)
    if is_ready and complex not in map(type, arrays):
        return None
    dtype = result_dtype(*arrays)
    if primitive.floating and dtype.kind not in DIFFERENTIABLE:
        dtype = get_default_dtype()
    elif primitive.counts and dtype.kind == "b":
        dtype = int64
    if dtypes == [dtype]:
        return None
    if not all(d.kind in primitive.promotes for d in dtypes):
        raise DtypeError(
            f"{primitive.name} needs inputs of one dtype, not {operands(arrays)}; "
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
    if is_cut_off and (out.dtype.kind in DIFFERENTIABLE or not primitive.differentiable):
        reason = "was made under no_grad" if primitive.differentiable else f"is {primitive.name}, without derivative,"
        result._untracked_because = (reason, place_of_user(5))
    else:
        for x in inputs:
            if (because := getattr(x, "_untracked_because", None)) is not None:
                result._untracked_because = because
    return result
