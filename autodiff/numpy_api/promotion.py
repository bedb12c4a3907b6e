"""NumPy's promotion, in calls by NumPy's names: a function written for arrays has the same dtypes for tensors.

Numbers of NumPy's count as Python's, as everywhere here. The ufuncs that are Python's operators promote as PyTorch's,
for ``array + tensor`` is a call of ``np.add``.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np

from autodiff.dtypes import float64, is_known
from autodiff.engine.values import TensorBase
from autodiff.functions.arrays import array_of
from autodiff.numpy_api.arguments import Function
from autodiff.ops.shaping import cast

OPERATORS = frozenset((
    np.add, np.subtract, np.multiply, np.divide, np.floor_divide, np.remainder, np.divmod, np.power, np.negative,
    np.positive, np.absolute, np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert,
))  # fmt: skip
_ARRAYS: Any = (TensorBase, np.ndarray)
_NUMBERS = (bool, int, float, complex, np.generic)


def _converted(x: Any, dtype: np.dtype[Any]) -> Any:
    """An operand, or each in a list of them, in ``dtype``; Python's numbers as they are."""
    if isinstance(x, (list, tuple)):
        return x if _is_plain(x) else type(x)([_converted(part, dtype) for part in x])
    if not isinstance(x, _ARRAYS) or _dtype(x) == dtype:
        return x
    return cast(x, dtype) if isinstance(x, TensorBase) else np.asarray(x, dtype)


def _dtype(x: Any) -> np.dtype[Any]:
    """NumPy's own dtype of a tensor or an array."""
    dtype: np.dtype[Any] = array_of(x).dtype
    return dtype


def _is_plain(x: Any) -> bool:
    """Whether a list has numbers of Python's only, and stands for an array."""
    return all(_is_plain(part) if isinstance(part, (list, tuple)) else isinstance(part, _NUMBERS) for part in x)


def _kinds(x: Any) -> list[Any]:
    """What ``np.result_type`` is asked with: dtypes, and numbers, which weigh less."""
    if isinstance(x, (list, tuple)):
        return [np.asarray(x).dtype] if x and _is_plain(x) else [kind for part in x for kind in _kinds(part)]
    if isinstance(x, _ARRAYS):
        return [_dtype(x)] if is_known(_dtype(x)) else []
    return [_number(x)] if isinstance(x, _NUMBERS) else []


def _number(x: Any) -> Any:
    """A number of NumPy's as one of Python's: a mean that joins in does not double the precision."""
    return x.item() if isinstance(x, np.generic) else x


def in_one_dtype(function: Function, operands: str) -> Function:
    """``function``, whose operands of these names are converted to the dtype that NumPy computes in."""
    return _on_operands(function, operands, lambda kinds: np.result_type(*kinds))


def floating(function: Function, operands: str) -> Function:
    """The same of a function whose result is floating whatever it is given: integers become float64."""

    def wanted(kinds: list[Any]) -> np.dtype[Any]:
        found = np.result_type(*kinds)
        return found if found.kind in "fc" else float64

    return _on_operands(function, operands, wanted)


def _on_operands(function: Function, operands: str, wanted: Any) -> Function:
    names = operands.split()
    order: list[str] = []
    starred: list[str] = []

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not order:  # read at the first call, for it takes time
            for p in inspect.signature(function).parameters.values():
                order.append(p.name)
                starred.extend([p.name] * (p.kind is p.VAR_POSITIONAL))
        named = (*order, *starred * len(args))
        own = [name in names for name, _ in zip(named, args, strict=False)]
        own += [False] * (len(args) - len(own))
        kinds = [kind for x, mine in zip(args, own, strict=True) if mine for kind in _kinds(x)]
        kinds += [kind for name, x in kwargs.items() if name in names for kind in _kinds(x)]
        if not any(isinstance(kind, np.dtype) for kind in kinds):
            return function(*args, **kwargs)
        dtype = wanted(kinds)
        if any(kind != dtype for kind in kinds if isinstance(kind, np.dtype)):
            args = tuple(_converted(x, dtype) if mine else x for x, mine in zip(args, own, strict=True))
            kwargs = {name: _converted(x, dtype) if name in names else x for name, x in kwargs.items()}
        return function(*args, **kwargs)

    return call


def as_numpy_takes(ufunc: np.ufunc, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs of a ufunc in the dtypes in which NumPy computes it."""
    if ufunc in OPERATORS:
        return inputs
    if ufunc.signature is not None:
        kinds = [kind for x in inputs for kind in _kinds(x)]
        dtypes: tuple[Any, ...] = (np.result_type(*kinds),) * len(inputs)
    else:
        given: list[Any] = [_dtype(x) if isinstance(x, _ARRAYS) else type(_number(x)) for x in inputs]
        given = [t if isinstance(t, np.dtype) or t in _NUMBERS else None for t in given]
        if any(t is None for t in given) or (given[0] == given[-1] and getattr(given[0], "kind", "") in "fc"):
            return inputs
        try:
            dtypes = ufunc.resolve_dtypes((*(int if t is bool else t for t in given), *(None,) * ufunc.nout))
        except TypeError:  # NumPy has none for these
            return inputs
    return tuple(_converted(x, dtype) for x, dtype in zip(inputs, dtypes, strict=False))
