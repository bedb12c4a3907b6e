"""What a tensor is made of (shape, dtype, device), and the same tensor in another dtype."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff.dtypes import as_dtype, bool_, float16, float32, float64, int8, int16, int32, int64, uint8
from autodiff.engine.values import Value
from autodiff.engine.versions import owner_of
from autodiff.errors import DtypeError
from autodiff.functions.axes import length_of
from autodiff.ops.shaping import cast
from autodiff.tensors.devices import check_device, device
from autodiff.tensors.sizes import Size

_TYPE_NAMES = {
    float16: "HalfTensor",
    float32: "FloatTensor",
    float64: "DoubleTensor",
    uint8: "ByteTensor",
    int8: "CharTensor",
    int16: "ShortTensor",
    int32: "IntTensor",
    int64: "LongTensor",
    bool_: "BoolTensor",
}


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
    def ndim(self) -> builtins.int:
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

    def size(self, dim: builtins.int | None = None) -> Any:
        """The shape, or the length of one axis."""
        return Size(self.shape) if dim is None else length_of(self, dim)[1]

    def dim(self) -> builtins.int:
        """The number of axes."""
        return self._array.ndim

    def numel(self) -> builtins.int:
        """The number of entries."""
        return self._array.size

    ndimension, nelement = dim, numel

    def stride(self, dim: builtins.int | None = None) -> Any:
        """How many entries apart in memory the neighbours along each axis lie, or along one."""
        steps = tuple(n // self._array.itemsize for n in self._array.strides)
        return steps if dim is None else steps[length_of(self, dim)[0]]

    def storage_offset(self) -> builtins.int:
        """How many entries of the memory it looks into come before its first."""
        return (self._array.ctypes.data - owner_of(self._array).ctypes.data) // self._array.itemsize

    def data_ptr(self) -> builtins.int:
        """The address of the first entry."""
        return self._array.ctypes.data

    def element_size(self) -> builtins.int:
        """The number of bytes of an entry."""
        return self._array.itemsize

    @property
    def itemsize(self) -> builtins.int:
        """The number of bytes of an entry."""
        return self._array.itemsize

    @property
    def nbytes(self) -> builtins.int:
        """The number of bytes of all entries."""
        return self._array.nbytes

    @property
    def is_cuda(self) -> builtins.bool:
        """False: it lives on the CPU."""
        return False

    def to(self, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False) -> Value:
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
        return cast(self, wanted) if wanted != self.dtype else self.clone() if copy else self

    def cpu(self) -> Value:
        """The tensor itself: it lives there."""
        return self

    def float(self) -> Value:
        """In float32."""
        return self.to(float32)

    def double(self) -> Value:
        """In float64."""
        return self.to(float64)

    def half(self) -> Value:
        """In float16."""
        return self.to(float16)

    def long(self) -> Value:
        """In int64."""
        return self.to(int64)

    def int(self) -> Value:
        """In int32."""
        return self.to(int32)

    def bool(self) -> Value:
        """In bool: whether each entry differs from 0."""
        return self.to(bool_)

    def byte(self) -> Value:
        """In uint8."""
        return self.to(uint8)

    def char(self) -> Value:
        """In int8."""
        return self.to(int8)

    def short(self) -> Value:
        """In int16."""
        return self.to(int16)

    def type(self, dtype: Any = None, non_blocking: builtins.bool = False) -> Any:
        """The name that PyTorch has for the type, or the tensor in the dtype of that name, constructor or dtype.

        >>> import autodiff
        >>> autodiff.ones(2).type(autodiff.LongTensor).type()
        'torch.LongTensor'
        """
        if dtype is None:
            return f"torch.{_TYPE_NAMES[self.dtype]}"
        if isinstance(dtype, str) and dtype.endswith("Tensor"):
            named = [kind for kind, name in _TYPE_NAMES.items() if dtype.rpartition(".")[2] == name]
            if not named:
                raise DtypeError(f"there is no type {dtype!r}; the types are {', '.join(_TYPE_NAMES.values())}")
            dtype = named[0]
        return self.to(dtype=getattr(dtype, "dtype", dtype))

    def cuda(self, device: Any = None, non_blocking: builtins.bool = False) -> Value:
        """Raises DeviceError: there is only the CPU."""
        check_device("cuda")
        return self

    def type_as(self, other: Value) -> Value:
        """In the dtype of ``other``."""
        return self.to(other.dtype)

    def contiguous(self, memory_format: Any = None) -> Value:
        """In memory row by row: the tensor itself, or a copy."""
        return self if self._array.flags.c_contiguous else self.clone()

    def is_contiguous(self, memory_format: Any = None) -> builtins.bool:
        """Whether the entries lie in memory row by row."""
        return builtins.bool(self._array.flags.c_contiguous)

    def is_floating_point(self) -> builtins.bool:
        """Whether the entries are floats."""
        return self.dtype.kind == "f"
