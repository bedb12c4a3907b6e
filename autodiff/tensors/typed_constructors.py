"""Constructors with a dtype in their name, as old PyTorch programs have them."""

from __future__ import annotations

from typing import Any, Union

import numpy as np

from autodiff import dtypes
from autodiff.errors import DtypeError
from autodiff.tensors.creation import leaf, zeros
from autodiff.tensors.leaves import array_from_data
from autodiff.tensors.methods.conversion import TYPE_NAMES
from autodiff.tensors.sizes import gives_sizes
from autodiff.tensors.tensor import Tensor
from autodiff.tensors.warned import warn

__all__ = [
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor",
    "IntTensor", "LongTensor", "ShortTensor", "set_default_tensor_type",
]  # fmt: skip


class TypedTensor:
    """Makes tensors of one dtype: ``LongTensor(2, 3)`` of that shape, ``LongTensor([1, 2])`` of those numbers."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.name, self.dtype = TYPE_NAMES[dtype], dtype

    def __call__(self, *data: Any, device: Any = None) -> Tensor:
        """A tensor of ``data``: sizes one by one, or one list, array or tensor.

        >>> LongTensor([1.5, 2])
        tensor([1, 2])
        """
        if gives_sizes(data):
            return zeros(*(data or (0,)), dtype=self.dtype, device=device)
        try:
            return leaf(array_from_data(data[0], None, None).astype(self.dtype), device=device)
        except DtypeError as error:
            raise DtypeError(f"{self.name}: {error}") from None

    def __instancecheck__(self, instance: object) -> bool:
        """Whether it is a tensor of this dtype, as programs ask: ``isinstance(x, LongTensor)``."""
        return isinstance(instance, Tensor) and bool(instance.dtype == self.dtype)

    def __or__(self, other: Any) -> Any:
        """An annotation of either, as in ``LongTensor | None``."""
        return Union[self, other]  # noqa: UP007  # neither may be a type

    __ror__ = __or__

    def __repr__(self) -> str:
        return f"autodiff.{self.name}"


HalfTensor = TypedTensor(dtypes.float16)
FloatTensor = BFloat16Tensor = TypedTensor(dtypes.float32)  # as bfloat16 is float32
DoubleTensor = TypedTensor(dtypes.float64)
ByteTensor = TypedTensor(dtypes.uint8)
CharTensor = TypedTensor(dtypes.int8)
ShortTensor = TypedTensor(dtypes.int16)
IntTensor = TypedTensor(dtypes.int32)
LongTensor = TypedTensor(dtypes.int64)
BoolTensor = TypedTensor(dtypes.bool_)


def set_default_tensor_type(t: Any) -> None:
    """Let Python floats become the dtype of ``t``, a constructor as ``DoubleTensor`` or its name.

    >>> set_default_tensor_type("torch.FloatTensor")
    """
    named = [kind for kind, name in TYPE_NAMES.items() if str(t).rpartition(".")[2] == name]
    dtypes.set_default_dtype(named[0] if named else t)


class _OfTensors(type):
    """The class of ``Variable``, of which every tensor is an instance."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor)

    def __call__(cls, data: Any, requires_grad: bool = False, volatile: Any = None) -> Tensor:
        if not (isinstance(data, Tensor) or getattr(data, "is_sparse", False)):
            raise DtypeError(f"Variable takes a tensor, not {data!r:.60}; use tensor(...) to make one")
        if volatile is not None:
            warn("volatile says nothing, as in PyTorch; use `with no_grad():`")
        found: Tensor = data.detach().requires_grad_() if requires_grad else data
        return found


class Variable(metaclass=_OfTensors):
    """``Variable(data)`` is ``data``, which old PyTorch programs wrap before they can ask for its gradient."""
