"""Shape, dtype, device, memory and contents of a tensor, and the tensor in another dtype."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any, NamedTuple, Self, overload

import numpy as np

from autodiff.dtypes import (
    as_dtype,
    bfloat16,
    bool_,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from autodiff.engine.values import TensorBase, Value
from autodiff.engine.versions import change_after
from autodiff.errors import DtypeError, OptionError
from autodiff.functions.arrays import tensors_only
from autodiff.functions.axes import length_of
from autodiff.functions.shaping import clone, contiguous
from autodiff.functions.splitting import storage_offset_of
from autodiff.kinds import refusing
from autodiff.named_dtypes import NAMED, dtype
from autodiff.ops.shaping import cast
from autodiff.storage import TypedStorage, UntypedStorage
from autodiff.tensors.devices import CPU, check_device, device
from autodiff.tensors.formats import layout, sparse_coo, sparse_csr, strided
from autodiff.tensors.sizes import Size
from autodiff.tensors.sparse import SparseTensor, masked_by, sparse_of

device_type = device  # which methods' arguments hide
TYPE_NAMES = {  # of PyTorch's old constructors
    float16: "HalfTensor",
    float32: "FloatTensor",
    float64: "DoubleTensor",
    uint8: "ByteTensor",
    int8: "CharTensor",
    int16: "ShortTensor",
    int32: "IntTensor",
    int64: "LongTensor",
    bool_: "BoolTensor",
    complex64: "ComplexFloatTensor",
    complex128: "ComplexDoubleTensor",
}


def in_dtype(dtype: np.dtype[Any], name: str) -> Callable[..., Value]:
    """The method of that name, which gives a tensor in ``dtype``."""

    def convert(self: Any, memory_format: Any = None) -> Value:
        unchanged: Any = self
        return cast(self, dtype) if self._array.dtype != dtype else unchanged

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"In {dtype.name}; the tensor itself where it has that dtype."
    return convert


class Info(NamedTuple):
    """A summary of a tensor; minimum, maximum and mean are those of its finite entries, None where it has none."""

    shape: tuple[int, ...]
    dtype: str
    minimum: float | None
    maximum: float | None
    mean: float | None
    nans: int
    infinities: int
    zeros: int

    def __str__(self) -> str:
        entries = int(np.prod(self.shape))
        text = f"{self.dtype} {self.shape}"
        if self.minimum is not None:
            text += f" in [{self.minimum:.4g}, {self.maximum:.4g}], mean {self.mean:.4g}"
        counts = {"NaN": self.nans, "infinite": self.infinities, "zero": self.zeros}
        return ", ".join([text, *(f"{count:,} of {entries:,} {name}" for name, count in counts.items() if count)])

    def __repr__(self) -> str:
        return str(self)


class ConversionMethods(TensorBase):
    """``x.shape``, ``x.to(autodiff.float64)``, ``x.contiguous()``, ``x.info()``."""

    __slots__ = ()

    @property
    def shape(self) -> Size:
        """The lengths of the axes."""
        return Size(self._array.shape)

    @property
    def ndim(self) -> builtins.int:
        """The number of axes."""
        return self._array.ndim

    @property
    def dtype(self) -> dtype:
        """The dtype of the entries."""
        return NAMED[self._array.dtype]

    @property
    def device(self) -> device:
        """The CPU."""
        return CPU

    @property
    def layout(self) -> layout:
        """``strided``: the entries are dense."""
        return strided

    def get_device(self) -> builtins.int:
        """-1, as PyTorch says of the CPU."""
        return -1

    @overload
    def size(self, dim: None = None) -> Size: ...
    @overload
    def size(self, dim: builtins.int) -> builtins.int: ...
    def size(self, dim: builtins.int | None = None) -> Any:
        """The shape, or the length of one axis."""
        if dim is None:
            return self.shape
        shape = self._array.shape
        return shape[dim] if type(dim) is builtins.int and 0 <= dim < len(shape) else length_of(self, dim)[1]

    def dim(self) -> builtins.int:
        """The number of axes."""
        return self._array.ndim

    def numel(self) -> builtins.int:
        """The number of entries."""
        return self._array.size

    ndimension, nelement = dim, numel

    @overload
    def stride(self, dim: None = None) -> tuple[builtins.int, ...]: ...
    @overload
    def stride(self, dim: builtins.int) -> builtins.int: ...
    def stride(self, dim: builtins.int | None = None) -> Any:
        """How many entries apart in memory the neighbours along each axis lie, or along one."""
        array = self._array
        steps = [n // array.itemsize for n in array.strides]
        for i in reversed(range(array.ndim)):
            if array.shape[i] == 1 and steps[i] == 0:  # a new axis, whose step NumPy leaves open
                steps[i] = array.shape[i + 1] * steps[i + 1] if i + 1 < array.ndim else 1
        return tuple(steps) if dim is None else steps[length_of(self, dim)[0]]

    def storage_offset(self) -> builtins.int:
        """How many entries of the memory it looks into come before its first."""
        return storage_offset_of(self._array)

    def data_ptr(self) -> builtins.int:
        """The address of the first entry."""
        return self._array.ctypes.data

    def storage(self) -> TypedStorage:
        """The memory that it looks into, as entries of its dtype."""
        return TypedStorage(self._array)

    def untyped_storage(self) -> UntypedStorage:
        """The memory that it looks into, as bytes."""
        return UntypedStorage(self._array)

    @property
    def _version(self) -> builtins.int:
        """0 for memory that no operation in place has changed; it grows with each that does (in PyTorch by 1)."""
        change = change_after(0, self._array)
        return 0 if change is None else change.number

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

    @property
    def is_sparse(self) -> builtins.bool:
        """False: its entries are dense."""
        return False

    is_xpu = is_mps = is_xla = is_mkldnn = is_meta = is_quantized = is_nested = is_cuda
    is_sparse_csr = is_sparse

    @property
    def is_cpu(self) -> builtins.bool:
        """True."""
        return True

    def pin_memory(self, device: Any = None) -> Self:
        """The tensor itself: nothing copies it to another device."""
        return self

    def record_stream(self, s: Any) -> None:
        """Nothing: no stream works on it.

        >>> import autodiff
        >>> autodiff.ones(1).record_stream(None)
        """

    def is_shared(self) -> builtins.bool:
        """False: no other process sees it."""
        return False

    def is_pinned(self, device: Any = None) -> builtins.bool:
        """False."""
        return False

    def to(self, *args: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False,
           copy: bool = False, memory_format: Any = None, other: Any = None) -> Value:
        """In another dtype, or that of another tensor, on the CPU; the tensor itself where nothing changes.

        >>> import autodiff
        >>> autodiff.tensor([1.7]).to(autodiff.int64)
        tensor([1])
        """
        for given in args if other is None else (*args, other):
            if hasattr(given, "_array"):
                dtype = given._array.dtype
            elif isinstance(given, (str, device_type)):
                device = given
            elif not isinstance(given, bool):  # non_blocking
                dtype = given
        check_device(device)
        own = self._array.dtype
        wanted = own if dtype is None else as_dtype(dtype)
        same: Any = clone(self) if copy else self
        return cast(self, wanted) if wanted != own else same

    def cpu(self) -> Self:
        """The tensor itself: it lives there."""
        return self

    float = in_dtype(float32, "float")
    double = in_dtype(float64, "double")
    half = in_dtype(float16, "half")
    bfloat16 = in_dtype(bfloat16, "bfloat16")
    cfloat = in_dtype(complex64, "cfloat")
    cdouble = in_dtype(complex128, "cdouble")
    long = in_dtype(int64, "long")
    int = in_dtype(int32, "int")
    bool = in_dtype(bool_, "bool")
    byte = in_dtype(uint8, "byte")
    char = in_dtype(int8, "char")
    short = in_dtype(int16, "short")

    @overload
    def type(self, dtype: None = None, non_blocking: builtins.bool = False) -> str: ...
    @overload
    def type(self, dtype: Any, non_blocking: builtins.bool = False) -> Value: ...
    def type(self, dtype: Any = None, non_blocking: builtins.bool = False) -> Any:
        """PyTorch's name of the type; with ``dtype``, a name, a constructor or a dtype, the tensor in that dtype.

        Raises DtypeError where there is no such type.

        >>> import autodiff
        >>> autodiff.ones(2).type(autodiff.LongTensor).type()
        'torch.LongTensor'
        """
        if dtype is None:
            return f"torch.{TYPE_NAMES[self.dtype]}"
        if isinstance(dtype, str) and dtype.endswith("Tensor"):
            named = [kind for kind, name in TYPE_NAMES.items() if dtype.rpartition(".")[2] == name]
            if not named:
                raise DtypeError(f"there is no type {dtype!r}; the types are {', '.join(TYPE_NAMES.values())}")
            dtype = named[0]
        return self.to(dtype=getattr(dtype, "dtype", dtype))

    def cuda(self, device: Any = None, non_blocking: builtins.bool = False) -> Self:
        """Raises DeviceError: there is only the CPU."""
        check_device("cuda")
        return self

    @refusing
    def type_as(self, other: Value) -> Value:
        """In the dtype of ``other``."""
        tensors_only("type_as", other)
        return self.to(other.dtype)

    xpu = cuda

    def to_sparse(self, sparse_dim: builtins.int | None = None, *, layout: Any = None) -> SparseTensor:
        """The entries that are not 0, or the parts along the first ``sparse_dim`` axes that are not all 0.

        >>> import autodiff
        >>> autodiff.tensor([[0.0, 2.0], [0.0, 0.0]]).to_sparse().indices()
        tensor([[0],
                [1]])

        Raises OptionError for a layout of blocks or columns.
        """
        if layout not in (None, sparse_coo, sparse_csr):
            raise OptionError(f"to_sparse gives coordinates, sparse_coo, which have rows, sparse_csr; not {layout}")
        return sparse_of(self, sparse_dim)

    def to_sparse_coo(self) -> SparseTensor:
        """The entries that are not 0, at their coordinates."""
        return sparse_of(self)

    def to_sparse_csr(self, dense_dim: Any = None) -> SparseTensor:
        """The entries of a matrix that are not 0; ``crow_indices`` and ``col_indices`` say where.

        >>> import autodiff
        >>> autodiff.tensor([[0.0, 2.0], [3.0, 4.0]]).to_sparse_csr().crow_indices()
        tensor([0, 1, 3])
        """
        return sparse_of(self).to_sparse_csr()

    def to_dense(self, dtype: Any = None) -> Value:
        """The tensor itself, or in another dtype."""
        return self.to(dtype=dtype)

    @refusing
    def sparse_mask(self, mask: SparseTensor) -> SparseTensor:
        """The entries at the coordinates of ``mask``."""
        return masked_by(self, mask)

    def contiguous(self, memory_format: Any = None) -> Value:
        """In memory row by row: the tensor itself, or a copy."""
        return contiguous(self)

    def is_contiguous(self, memory_format: Any = None) -> builtins.bool:
        """Whether the entries lie in memory row by row."""
        return builtins.bool(self._array.flags.c_contiguous)

    def is_floating_point(self) -> builtins.bool:
        """Whether the entries are floats."""
        return self._array.dtype.kind == "f"

    def info(self) -> Info:
        """Shape, dtype, range and mean of the entries, and how many are NaN, infinite or zero.

        >>> import autodiff
        >>> autodiff.tensor([0.0, 2.0, float("nan"), 4.0]).info()
        float32 (4,) in [0, 4], mean 2, 1 of 4 NaN, 1 of 4 zero
        """
        array = self._array
        finite = array[np.isfinite(array)]
        some = finite.size > 0
        return Info(
            array.shape,
            array.dtype.name,
            finite.min().item() if some else None,
            finite.max().item() if some else None,
            float(finite.mean(dtype=np.float64)) if some else None,
            int(np.isnan(array).sum()),
            int(np.isinf(array).sum()),
            int((array == 0).sum()),
        )
