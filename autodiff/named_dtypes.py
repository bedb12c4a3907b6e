"""PyTorch's dtypes: objects with its names and attributes, which NumPy takes wherever it takes a dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff import dtypes

__all__ = [
    "bfloat16", "bool_", "cdouble", "cfloat", "chalf", "complex32", "complex64", "complex128", "double", "dtype",
    "float8_e4m3fn", "float8_e5m2", "float16", "float32", "float64", "get_default_dtype", "half", "int8", "int16",
    "int32", "int64", "long", "promote_types", "qint8", "qint32", "quint8", "short", "uint8", "uint16", "uint32",
    "uint64",
]  # fmt: skip


class _Absent:
    """A dtype of PyTorch's that NumPy has not: a name, which programs have in their tables."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"autodiff.{self.name}"


complex32 = chalf = _Absent("complex32")
float8_e4m3fn, float8_e5m2 = _Absent("float8_e4m3fn"), _Absent("float8_e5m2")
qint8, qint32, quint8 = _Absent("qint8"), _Absent("qint32"), _Absent("quint8")


class dtype:  # PyTorch's name
    """A dtype of tensors, equal to NumPy's of the same numbers; ``dtype.dtype`` is that one.

    It has what programs ask NumPy's for, too: ``kind``, ``name``, ``type`` and their like.

    >>> import autodiff
    >>> autodiff.ones(2).dtype, autodiff.float32.is_floating_point, autodiff.float32.itemsize
    (autodiff.float32, True, 4)
    >>> np.zeros(2, autodiff.int64).dtype == autodiff.int64
    True
    """

    __slots__ = (
        "byteorder", "char", "dtype", "is_complex", "is_floating_point", "is_signed", "itemsize", "kind", "name",
        "newbyteorder", "str", "type",
    )  # fmt: skip

    def __init__(self, dtype: Any) -> None:
        own: np.dtype[Any] = np.dtype(dtype)
        self.dtype, self.name, self.kind, self.itemsize, self.type = own, own.name, own.kind, own.itemsize, own.type
        self.byteorder, self.char, self.str, self.newbyteorder = own.byteorder, own.char, own.str, own.newbyteorder
        self.is_floating_point, self.is_complex = self.kind == "f", self.kind == "c"
        self.is_signed = self.kind in "ifc"

    def to_complex(self) -> dtype:
        """The complex dtype whose parts have this one."""
        return named(dtypes.to_complex(self.dtype))

    def to_real(self) -> dtype:
        """The dtype of the parts."""
        return named(dtypes.to_real(self.dtype))

    def __repr__(self) -> str:
        return f"autodiff.{self.name}"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, dtype):
            return self is other or self.dtype == other.dtype
        return isinstance(other, (np.dtype, type, str)) and bool(self.dtype == other)

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __reduce__(self) -> Any:
        return named, (self.dtype,)


class _Named(dict[np.dtype[Any], dtype]):
    """The object for each of NumPy's dtypes: one for each that PyTorch has."""

    def __missing__(self, kind: np.dtype[Any]) -> dtype:
        return dtype(kind)


NAMED = _Named({np.dtype(kind): dtype(kind) for kind in (
    np.float16, np.float32, np.float64, np.complex64, np.complex128, np.bool_, np.int8, np.int16, np.int32, np.int64,
    np.uint8, np.uint16, np.uint32, np.uint64,
)})  # fmt: skip


def named(kind: np.dtype[Any]) -> dtype:
    """The object for NumPy's dtype ``kind``."""
    return NAMED[kind]


def get_default_dtype() -> dtype:
    """The dtype that Python floats become."""
    return named(dtypes.get_default_dtype())


def promote_types(type1: Any, type2: Any) -> dtype:
    """The smallest dtype that holds both; an integer takes the dtype of a float or a complex number beside it.

    >>> promote_types(int64, float32)
    autodiff.float32
    """
    return named(dtypes.promote_types(type1, type2))


float16 = half = named(dtypes.float16)
float32 = float_ = named(dtypes.float32)
bfloat16 = named(dtypes.bfloat16)
float64 = double = named(dtypes.float64)
uint8, uint16, uint32, uint64 = (named(np.dtype(kind)) for kind in (np.uint8, np.uint16, np.uint32, np.uint64))
int8 = named(dtypes.int8)
int16 = short = named(dtypes.int16)
int32 = int_ = named(dtypes.int32)
int64 = long = named(dtypes.int64)
bool_ = named(dtypes.bool_)
complex64 = cfloat = named(dtypes.complex64)
complex128 = cdouble = named(dtypes.complex128)
