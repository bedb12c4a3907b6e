"""PyTorch's names for NumPy's dtypes, the default dtype, and the rule by which mixed dtypes meet."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.errors import DtypeError

__all__ = ["can_cast", "finfo", "iinfo", "set_default_dtype"]  # the dtypes' public names are in named_dtypes.py

float16 = half = np.dtype(np.float16)
float32 = float_ = np.dtype(np.float32)
bfloat16 = float32  # NumPy has no shorter float of that range, and a result that is more exact harms no program
float64 = double = np.dtype(np.float64)
uint8 = np.dtype(np.uint8)
int8 = np.dtype(np.int8)
int16 = short = np.dtype(np.int16)
int32 = int_ = np.dtype(np.int32)
int64 = long = np.dtype(np.int64)
bool_ = np.dtype(np.bool_)
complex64 = cfloat = np.dtype(np.complex64)
complex128 = cdouble = np.dtype(np.complex128)
iinfo = np.iinfo

_default = float32  # of the whole process, as PyTorch's: a thread that loads data follows the program

COMPLEX = frozenset((complex64, complex128))
DIFFERENTIABLE = "fc"  # the kinds of dtypes whose numbers can have gradients

KNOWN = "?bBhHiIlLqQefdFD"  # the characters of dtypes that tensors have
_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
_COMPLEX: dict[Any, np.dtype[Any]] = {float16: complex64, float32: complex64, float64: complex128}
_REAL: dict[Any, np.dtype[Any]] = {complex64: float32, complex128: float64}
_OF_PYTHON: dict[type, np.dtype[Any]] = {bool: bool_, int: int64}


def get_default_dtype() -> np.dtype[Any]:
    """The dtype that Python floats become."""
    return _default


def set_default_dtype(d: Any) -> None:
    """Let Python floats become ``d`` (a floating dtype) from here on.

    Raises DtypeError where ``d`` is not floating.
    """
    global _default
    chosen = as_dtype(d)
    if chosen.kind != "f":
        raise DtypeError(f"the default dtype must be floating, not {chosen.name}; give float16, float32 or float64")
    _default = chosen


class finfo:  # PyTorch's name
    """The limits of a floating dtype, by default of the default one, as Python's numbers; of the parts, if complex.

    Attributes:
        bits: of a number.
        eps: from 1 to the next number.
        max, min: the largest and the lowest number.
        tiny, smallest_normal: the smallest number above 0 with all its digits.
        resolution: of decimal digits.
        dtype: its name.

    Raises DtypeError for any other dtype.

    >>> finfo(float64).eps, finfo(float16).max
    (2.220446049250313e-16, 65504.0)
    """

    def __init__(self, type: Any = None) -> None:
        chosen = to_real(get_default_dtype() if type is None else as_dtype(type))
        if chosen.kind != "f":
            raise DtypeError(f"finfo tells the limits of floating dtypes, not of {chosen.name}; iinfo tells its")
        known = np.finfo(chosen)
        self.dtype, self.bits = chosen.name, known.bits
        self.resolution, self.eps = float(str(known.resolution)), float(known.eps)
        self.min, self.max = float(known.min), float(known.max)
        self.smallest_normal = self.tiny = float(known.tiny)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash((finfo, self.dtype))

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{name}={getattr(self, name):g}' for name in names)}, dtype={self.dtype})"


def as_dtype(dtype: Any) -> np.dtype[Any]:
    """The NumPy dtype that ``dtype`` names; Python's ``float`` is the default dtype, and ``complex`` that of pairs.

    Raises DtypeError for what is not a dtype of numbers that NumPy computes with on every machine.
    """
    if dtype is float or dtype is complex:
        return _default if dtype is float else to_complex(_default)
    try:
        chosen = None if hasattr(type(dtype), "__array__") else np.dtype(dtype)  # NumPy would take an array's own
    except TypeError:
        chosen = None
    if chosen is None or not is_known(chosen):
        raise DtypeError(
            f"{dtype!r} is not a dtype tensors have; give bool, an integer, float16, float32, float64, complex64 or "
            "complex128"
        )
    return np.dtype(chosen.char)  # in native order, and NumPy's own object, which is compared by identity


def is_known(dtype: np.dtype[Any]) -> bool:
    """Whether tensors have this dtype, in whatever order of bytes."""
    return dtype.kind in _RANK and dtype.itemsize <= (16 if dtype.kind == "c" else 8)


def to_complex(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of complex numbers of two parts of ``dtype``: complex64 for halves, the default's for integers.

    >>> to_complex(float64), to_complex(complex64)
    (dtype('complex128'), dtype('complex64'))
    """
    return dtype if dtype.kind == "c" else _COMPLEX.get(dtype) or _COMPLEX[_default]


def to_real(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of the parts of complex numbers of ``dtype``; any other as it is.

    >>> to_real(complex64), to_real(int64)
    (dtype('float32'), dtype('int64'))
    """
    return _REAL.get(dtype, dtype)


def promote_types(type1: Any, type2: Any) -> np.dtype[Any]:
    """The smallest dtype that holds both; an integer takes the dtype of a float or a complex number beside it.

    >>> promote_types(int64, float32)
    dtype('float32')
    """
    one, two = as_dtype(type1), as_dtype(type2)
    if _RANK[one.kind] == _RANK[two.kind]:
        return np.promote_types(one, two)
    lower, higher = sorted((one, two), key=lambda dtype: _RANK[dtype.kind])
    return np.promote_types(lower, higher) if lower.kind == "f" else higher


def can_cast(from_: Any, to: Any) -> bool:
    """Whether a result of dtype ``from_`` may be stored as ``to``: never from a float to an integer, or to a bool."""
    return _RANK[as_dtype(from_).kind] <= _RANK[as_dtype(to).kind]


def result_dtype(*operands: Any) -> np.dtype[Any]:
    """The dtype in which ``operands`` (arrays and Python numbers) are computed, by PyTorch's rule of three ranks.

    Arrays with axes decide; a 0-d array, and after it a Python number, counts only where it is of a higher kind
    (bool < integer < float < complex); a complex one takes the width of the arrays' floats.

    >>> result_dtype(np.ones(3, np.float32), np.float64(2.0), 1)
    dtype('float32')
    """
    ranks: list[np.dtype[Any] | None] = [None, None, None]  # arrays with axes, 0-d arrays, Python numbers
    for operand in operands:
        operand = operand.item() if isinstance(operand, np.generic) else operand
        if isinstance(operand, np.ndarray):
            rank, dtype = int(operand.ndim == 0), operand.dtype
        else:
            rank, dtype = 2, _OF_PYTHON.get(type(operand)) or as_dtype(type(operand))
        known = ranks[rank]
        ranks[rank] = dtype if known is None else promote_types(known, dtype)
    result: np.dtype[Any] | None = None
    for dtype in ranks:
        if dtype is not None and (result is None or _RANK[dtype.kind] > _RANK[result.kind]):
            result = to_complex(result) if result is not None and result.kind == "f" else dtype
    return result if result is not None else _default
