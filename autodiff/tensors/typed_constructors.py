"""Constructors with a dtype in their name, as old PyTorch programs have them."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff import dtypes
from autodiff.errors import DtypeError
from autodiff.tensors.creation import leaf, zeros
from autodiff.tensors.leaves import array_from_data
from autodiff.tensors.sizes import gives_sizes
from autodiff.tensors.tensor import Tensor

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor", "LongTensor",
    "ShortTensor",
]  # fmt: skip


class TypedTensor:
    """Makes tensors of one dtype: ``LongTensor(2, 3)`` of that shape, ``LongTensor([1, 2])`` of those numbers."""

    def __init__(self, name: str, dtype: np.dtype[Any]) -> None:
        self.name, self.dtype = name, dtype

    def __call__(self, *data: Any) -> Tensor:
        """A tensor of ``data``: sizes one by one, or one list, array or tensor.

        >>> LongTensor([1.5, 2])
        tensor([1, 2])
        """
        if gives_sizes(data):
            return zeros(*(data or (0,)), dtype=self.dtype)
        try:
            return leaf(array_from_data(data[0], None, None).astype(self.dtype))
        except DtypeError as error:
            raise DtypeError(f"{self.name}: {error}") from None

    def __repr__(self) -> str:
        return f"autodiff.{self.name}"


HalfTensor = TypedTensor("HalfTensor", dtypes.float16)
FloatTensor = TypedTensor("FloatTensor", dtypes.float32)
DoubleTensor = TypedTensor("DoubleTensor", dtypes.float64)
ByteTensor = TypedTensor("ByteTensor", dtypes.uint8)
CharTensor = TypedTensor("CharTensor", dtypes.int8)
ShortTensor = TypedTensor("ShortTensor", dtypes.int16)
IntTensor = TypedTensor("IntTensor", dtypes.int32)
LongTensor = TypedTensor("LongTensor", dtypes.int64)
BoolTensor = TypedTensor("BoolTensor", dtypes.bool_)


def Variable(data: Tensor, requires_grad: bool = False) -> Tensor:
    """``data``, which old PyTorch programs wrap before they can ask for its gradient."""
    if not isinstance(data, Tensor):
        raise DtypeError(f"Variable takes a tensor, not {data!r:.60}; use tensor(...) to make one")
    return data.detach().requires_grad_() if requires_grad else data
