"""NumPy's two protocols: calls of its ufuncs and functions with a Tensor among the arguments."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from autodiff import special
from autodiff.dtypes import bool_, int64
from autodiff.engine.primitive import primitives
from autodiff.engine.values import TensorBase, wrap
from autodiff.errors import DtypeError
from autodiff.functions import arithmetic, complex_names, reductions, scans, shaping
from autodiff.kernels.arrays import as_array
from autodiff.numpy_api.arguments import Function, arrays_of, plain, reduce
from autodiff.numpy_api.functions import FUNCTIONS, product
from autodiff.numpy_api.promotion import OPERATORS, as_numpy_takes
from autodiff.ops.shaping import cast


def _subtract(x1: Any, x2: Any) -> Any:
    """NumPy takes booleans beside numbers here, unlike PyTorch."""
    try:
        return primitives["subtract"](x1, x2)
    except DtypeError:
        kinds = [bool_ if isinstance(x, bool) else getattr(x, "dtype", None) for x in (x1, x2)]
        if kinds.count(bool_) != 1:
            raise
        other = next((kind for kind in kinds if kind not in (None, bool_)), int64)
        return primitives["subtract"](*(cast(x, other) if kind == bool_ else x
                                        for x, kind in zip((x1, x2), kinds, strict=True)))


def _vecdot(x1: Any, x2: Any) -> Any:
    return reductions.sum(arithmetic.multiply(x1, x2), -1)


def _matvec(x1: Any, x2: Any) -> Any:
    return reductions.sum(arithmetic.multiply(x1, shaping.unsqueeze(x2, -2)), -1)


def _vecmat(x1: Any, x2: Any) -> Any:
    return reductions.sum(arithmetic.multiply(shaping.unsqueeze(x1, -1), x2), -2)


# The primitives whose forward is a ufunc, shared among threads or not, and the ufuncs that are compositions of them.
_FORWARDS = [(inspect.unwrap(primitive.forward), primitive) for primitive in primitives.values()]
UFUNCS: dict[np.ufunc, Function] = {
    **{forward: primitive for forward, primitive in _FORWARDS if isinstance(forward, np.ufunc)},
    np.subtract: _subtract,
    np.power: arithmetic.pow,
    np.positive: arithmetic.positive,
    np.fabs: arithmetic.absolute,
    np.reciprocal: arithmetic.reciprocal,
    np.deg2rad: arithmetic.deg2rad,
    np.radians: arithmetic.deg2rad,
    np.rad2deg: arithmetic.rad2deg,
    np.degrees: arithmetic.rad2deg,
    np.rint: arithmetic.round,
    np.fmax: arithmetic.fmax,
    np.fmin: arithmetic.fmin,
    np.ldexp: arithmetic.ldexp,
    np.frexp: arithmetic.frexp,
    np.heaviside: arithmetic.heaviside,
    np.nextafter: arithmetic.nextafter,
    np.signbit: arithmetic.signbit,
    np.conjugate: complex_names.conj,
    np.sign: arithmetic.sgn,
    np.divmod: lambda x1, x2: (arithmetic.floor_divide(x1, x2), arithmetic.remainder(x1, x2)),
    np.float_power: arithmetic.pow,
    np.modf: lambda x: (x - arithmetic.trunc(x), arithmetic.trunc(x)),
    np.vecdot: _vecdot,
}
if hasattr(np, "matvec"):  # since NumPy 2.2
    UFUNCS |= {np.matvec: _matvec, np.vecmat: _vecmat}

_REDUCE: dict[np.ufunc, Function] = {
    np.add: reductions.sum,
    np.multiply: product,
    np.maximum: reductions.amax,
    np.minimum: reductions.amin,
    np.logical_and: reductions.all,
    np.logical_or: reductions.any,
    np.logaddexp: reductions.logsumexp,
}
_ACCUMULATE: dict[np.ufunc, Function] = {
    np.add: scans.cumsum,
    np.multiply: scans.cumprod,
    np.maximum: lambda array, axis: scans.cummax(array, axis).values,
    np.minimum: lambda array, axis: scans.cummin(array, axis).values,
    np.logaddexp: scans.logcumsumexp,
}


# Functions that write into an array: that of a tensor may be kept for a backward pass.
WRITERS = frozenset((np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask))


def array_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Apply our function for ``ufunc``, by one of its methods.

    Raises DtypeError where there is none, or where NumPy would write into an array (``out``), unrecorded; without a
    tensor of the graph NumPy does it with arrays.
    """
    if not kwargs and method == "__call__":  # the usual calls, of which nothing is to be asked
        as_they_are = ufunc in OPERATORS or (len(inputs) == 1 and inputs[0]._array.dtype.kind == "f")
        if as_they_are and (ours := UFUNCS.get(ufunc)) is not None:
            return ours(*inputs)
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    into = kwargs.get("out")
    if into is not None and method != "at" and not _holds(TensorBase, into) and not _tracked((inputs, kwargs)):
        return getattr(ufunc, method)(*plain(inputs), **kwargs)
    if into is not None:
        raise DtypeError(f"np.{ufunc.__name__} with out= cannot be recorded; write out = np.{ufunc.__name__}(...)")
    kwargs = {k: v for k, v in kwargs.items() if k != "out"}
    if kwargs and method == "__call__" and not _tracked((inputs, kwargs)):
        return _by_numpy(ufunc, inputs, kwargs)
    if method == "__call__" and ufunc in UFUNCS:
        _refuse(name, kwargs)
        return UFUNCS[ufunc](*as_numpy_takes(ufunc, inputs))
    if method == "outer" and ufunc in UFUNCS and ufunc.signature is None:
        _refuse(name, kwargs)
        first, second = arrays_of(*inputs)
        return UFUNCS[ufunc](shaping.reshape(first, (*first.shape, *(1,) * second.ndim)), second)
    if method == "reduce" and ufunc in _REDUCE:
        axis, keepdims = kwargs.pop("axis", 0), kwargs.pop("keepdims", False)
        _refuse(name, kwargs)
        return reduce(_REDUCE[ufunc], as_numpy_takes(ufunc, (inputs[0], inputs[0]))[0], axis, keepdims)
    if method == "accumulate" and ufunc in _ACCUMULATE:
        axis = kwargs.pop("axis", 0)
        _refuse(name, kwargs)
        return _ACCUMULATE[ufunc](as_numpy_takes(ufunc, (inputs[0], inputs[0]))[0], axis)
    if not (method == "at" and isinstance(inputs[0], TensorBase)) and not _tracked((inputs, kwargs)):
        return getattr(ufunc, method)(*plain(inputs), **{key: plain(x) for key, x in kwargs.items()})
    known = {"__call__": UFUNCS, "reduce": _REDUCE, "accumulate": _ACCUMULATE}.get(method, {})
    raise _unknown(name, [u.__name__ if method == "__call__" else f"{u.__name__}.{method}" for u in known])


def array_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call our function for NumPy's, or NumPy's with arrays, if there is none and no tensor of the graph is given.

    Raises DtypeError where there is none otherwise, or where it takes less.
    """
    ours = FUNCTIONS.get(function)
    writes = _holds(TensorBase, args[:1] if function in WRITERS else kwargs.get("out"))
    if ours is None and not (writes or _tracked((args, kwargs))):
        return function(*plain(args), **{key: plain(x) for key, x in kwargs.items()})
    if ours is None:
        raise _unknown(named(function), [named(f) for f in FUNCTIONS])
    try:
        return ours(*args, **kwargs)
    except (TypeError, DtypeError):
        if not (writes or _tracked((args, kwargs))):
            return _by_numpy(function, args, kwargs)
        _check_call(function, ours, args, kwargs)
        raise


def _by_numpy(function: Any, args: Any, kwargs: Any) -> Any:
    """What NumPy gives for arrays in place of tensors outside the graph, as tensors."""
    result = function(*plain(args), **{key: plain(x) for key, x in kwargs.items()})
    into = kwargs.get("out")
    if result is into or not isinstance(result, (np.ndarray, np.generic)):
        return result
    return wrap(as_array(result))


def _holds(kind: Any, value: Any) -> bool:
    """Whether ``value``, or something in the lists, tuples and dicts of it, is of that kind."""
    if isinstance(value, dict):
        value = tuple(value.values())
    return any(_holds(kind, x) for x in value) if isinstance(value, (list, tuple)) else isinstance(value, kind)


def _tracked(value: Any) -> bool:
    """Whether there is a tensor of the graph in ``value``, which an array could not stand for."""
    if isinstance(value, dict):
        value = tuple(value.values())
    return any(map(_tracked, value)) if isinstance(value, (list, tuple)) else getattr(value, "_node", None) is not None


def _check_call(function: Any, ours: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise DtypeError where it was the call itself that failed; asked only then, as signatures are slow to read."""
    try:
        inspect.signature(ours).bind(*args, **kwargs)
    except TypeError as error:
        raise DtypeError(f"np.{named(function)} on a Tensor: {error}") from None


def named(function: Any) -> str:
    """The name of one of NumPy's functions below ``np``."""
    module = str(function.__module__).removeprefix("numpy").strip(".")
    return f"{module}.{function.__name__}" if module and not module.startswith("_") else str(function.__name__)


def _refuse(name: str, kwargs: dict[str, Any]) -> None:
    if kwargs:
        raise DtypeError(f"np.{name} on a Tensor does not take {', '.join(kwargs)}")


def _unknown(name: str, known: list[str]) -> DtypeError:
    import difflib

    near = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    hint = f"the nearest that has is np.{near[0]}; " if near else ""
    if hasattr(special, name):
        hint = f"autodiff.special.{name} has; "
    return DtypeError(
        f"np.{name} has no derivative here, so it does not work on a Tensor; {hint}"
        "t.detach().numpy() gives the numbers without their history"
    )
