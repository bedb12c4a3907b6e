"""PyTorch's names for NumPy's dtypes, the default dtype, and the rule by which mixed dtypes meet."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.errors import DtypeError

__all__ = [
    "bool_", "can_cast", "double", "finfo", "float16", "float32", "float64", "get_default_dtype", "half", "iinfo",
    "int8", "int16", "int32", "int64", "long", "promote_types", "set_default_dtype", "short", "uint8",
]  # fmt: skip

float16 = half = np.dtype(np.float16)
float32 = float_ = np.dtype(np.float32)
float64 = double = np.dtype(np.float64)
uint8 = np.dtype(np.uint8)
int8 = np.dtype(np.int8)
int16 = short = np.dtype(np.int16)
int32 = int_ = np.dtype(np.int32)
int64 = long = np.dtype(np.int64)
bool_ = np.dtype(np.bool_)
finfo = np.finfo
iinfo = np.iinfo

_default = float32  # of the whole process, as PyTorch's: a thread that loads data follows the program

_RANK = {"b": 0, "u": 1, "i": 1, "f": 2}
_OF_PYTHON: dict[type, np.dtype[Any]] = {bool: bool_, int: int64}


def get_default_dtype() -> np.dtype[Any]:
    """The dtype that Python floats become."""
    return _default


def set_default_dtype(dtype: Any) -> None:
    """Let Python floats become ``dtype`` (a floating dtype) from here on.

    Raises DtypeError where ``dtype`` is not floating.
    """
    global _default
    chosen = as_dtype(dtype)
    if chosen.kind != "f":
        raise DtypeError(f"the default dtype must be floating, not {chosen.name}; give float16, float32 or float64")
    _default = chosen


def as_dtype(dtype: Any) -> np.dtype[Any]:
    """The NumPy dtype that ``dtype`` names; Python's ``float`` is the default dtype.

    Raises DtypeError for what is not a dtype of booleans, integers or floats.
    """
    if dtype is float:
        return _default
    try:
        chosen = np.dtype(dtype)
    except TypeError:
        chosen = None
    if chosen is None or chosen.kind not in _RANK or chosen.itemsize > 8:
        raise DtypeError(f"{dtype!r} is not a dtype tensors have; give bool, an integer, float16, float32 or float64")
    native: np.dtype[Any] = chosen.newbyteorder("=")
    return native


def promote_types(type1: Any, type2: Any) -> np.dtype[Any]:
    """The smallest dtype that holds both; an integer beside a float takes the float's, whatever its width.

    >>> promote_types(int64, float32)
    dtype('float32')
    """
    one, two = as_dtype(type1), as_dtype(type2)
    if _RANK[one.kind] == _RANK[two.kind]:
        return np.promote_types(one, two)
    return max(one, two, key=lambda dtype: _RANK[dtype.kind])


def can_cast(from_: Any, to: Any) -> bool:
    """Whether a result of dtype ``from_`` may be stored as ``to``: never from a float to an integer, or to a bool."""
    return _RANK[as_dtype(from_).kind] <= _RANK[as_dtype(to).kind]


def result_dtype(*operands: Any) -> np.dtype[Any]:
    """The dtype in which ``operands`` (arrays and Python numbers) are computed, by PyTorch's rule of three ranks.

    Arrays with axes decide; a 0-d array, and after it a Python number, counts only where it is of a higher kind
    (bool < integer < float).

    >>> result_dtype(np.ones(3, np.float32), np.float64(2.0), 1)
    dtype('float32')
    """
    ranks: list[np.dtype[Any] | None] = [None, None, None]  # arrays with axes, 0-d arrays, Python numbers
    for operand in operands:
        operand = operand.item() if isinstance(operand, np.generic) else operand
        if isinstance(operand, np.ndarray):
            rank, dtype = int(operand.ndim == 0), operand.dtype
        else:
            rank, dtype = 2, _OF_PYTHON.get(type(operand)) or _default
        known = ranks[rank]
        ranks[rank] = dtype if known is None else promote_types(known, dtype)
    result: np.dtype[Any] | None = None
    for dtype in ranks:
        if dtype is not None and (result is None or _RANK[dtype.kind] > _RANK[result.kind]):
            result = dtype
    return result if result is not None else _default
