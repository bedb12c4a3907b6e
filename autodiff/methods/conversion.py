"""What a tensor is made of (shape, dtype, device), and the same tensor in another dtype."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff.devices import check_device, device
from autodiff.dtypes import as_dtype, bool_, float16, float32, float64, int32, int64
from autodiff.functions.axes import length_of
from autodiff.ops.shaping import cast

if TYPE_CHECKING:
    from autodiff.tensor import Tensor

__all__ = ["ConversionMethods"]


class ConversionMethods:
    """``x.shape``, ``x.to(autodiff.float64)``, ``x.contiguous()``."""

    __slots__ = ()

    if TYPE_CHECKING:
        _array: np.ndarray[Any, Any]
        clone: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the entries."""
        return self._array.dtype

    @property
    def device(self) -> device:
        """The CPU."""
        return device("cpu")

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of one axis."""
        return self.shape if dim is None else length_of(self, dim)[1]

    def dim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    def numel(self) -> int:
        """The number of entries."""
        return self._array.size

    ndimension, nelement = dim, numel

    def to(self, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False) -> Tensor:
        """In another dtype, or that of another tensor, on the CPU; the tensor itself where nothing changes.

        >>> import autodiff
        >>> autodiff.tensor([1.7]).to(autodiff.int64)
        tensor([1])
        """
        for given in args:
            if hasattr(given, "_array"):
                dtype = given.dtype
            elif isinstance(given, str) or hasattr(given, "index"):
                device = given
            elif not isinstance(given, bool):  # non_blocking
                dtype = given
        check_device(device)
        wanted = self.dtype if dtype is None else as_dtype(dtype)
        return cast(self, wanted) if wanted != self.dtype else self.clone() if copy else self  # type: ignore[return-value]

    def cpu(self) -> Tensor:
        """The tensor itself: it lives there."""
        return self  # type: ignore[return-value]

    def float(self) -> Tensor:
        """In float32."""
        return self.to(float32)

    def double(self) -> Tensor:
        """In float64."""
        return self.to(float64)

    def half(self) -> Tensor:
        """In float16."""
        return self.to(float16)

    def long(self) -> Tensor:
        """In int64."""
        return self.to(int64)

    def int(self) -> Tensor:
        """In int32."""
        return self.to(int32)

    def bool(self) -> Tensor:
        """In bool: whether each entry differs from 0."""
        return self.to(bool_)

    def type_as(self, other: Tensor) -> Tensor:
        """In the dtype of ``other``."""
        return self.to(other.dtype)

    def contiguous(self) -> Tensor:
        """In memory row by row: the tensor itself, or a copy."""
        return self if self._array.flags.c_contiguous else self.clone()  # type: ignore[return-value]

    def is_contiguous(self) -> builtins.bool:
        """Whether the entries lie in memory row by row."""
        return builtins.bool(self._array.flags.c_contiguous)

    def is_floating_point(self) -> builtins.bool:
        """Whether the entries are floats."""
        return self.dtype.kind == "f"
