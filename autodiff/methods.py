"""Tensor's vocabulary: the functions that PyTorch also has as methods, its conversions, and its changes in place."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autodiff.devices import check_device, device
from autodiff.dtypes import as_dtype, bool_, float16, float32, float64, int32, int64
from autodiff.functions import arithmetic, reductions, shaping
from autodiff.functions.axes import length_of
from autodiff.ops import comparison
from autodiff.ops.linear_algebra import matmul
from autodiff.ops.shaping import cast
from autodiff.primitive import Primitive

if TYPE_CHECKING:
    from autodiff.tensor import Tensor

__all__ = ["Methods"]


def method(row: Primitive) -> Any:
    """A row as a method: the tensor first, the other inputs behind it."""

    def call(self: Any, *others: Any) -> Tensor:
        return row(self, *others)

    call.__name__, call.__doc__ = row.name, f"The row ``{row.name}`` of this tensor (and of other inputs)."
    return call


class Methods:
    """What a Tensor can do by name; the names stand in the class as they are called."""

    __slots__ = ()

    if TYPE_CHECKING:
        _array: np.ndarray[Any, Any]
        _node: Any
        __setitem__: Any
        _become: Any

    # --- functions: arithmetic
    add = arithmetic.add
    sub = subtract = arithmetic.sub
    mul = multiply = method(arithmetic.multiply)
    div = divide = true_divide = method(arithmetic.divide)
    pow = method(arithmetic.pow)
    neg = negative = method(arithmetic.negative)
    abs = absolute = method(arithmetic.absolute)
    sign = method(arithmetic.sign)
    square = method(arithmetic.square)
    maximum = method(arithmetic.maximum)
    minimum = method(arithmetic.minimum)
    clamp = clip = arithmetic.clamp
    exp = method(arithmetic.exp)
    expm1 = method(arithmetic.expm1)
    log = method(arithmetic.log)
    log1p = method(arithmetic.log1p)
    sqrt = method(arithmetic.sqrt)
    sin = method(arithmetic.sin)
    cos = method(arithmetic.cos)
    tanh = method(arithmetic.tanh)
    sigmoid = method(arithmetic.sigmoid)
    relu = method(arithmetic.relu)
    matmul = mm = method(matmul)

    # --- functions: comparisons, without gradients
    eq = method(comparison.eq)
    ne = method(comparison.ne)
    lt = method(comparison.lt)
    le = method(comparison.le)
    gt = method(comparison.gt)
    ge = method(comparison.ge)
    isnan = method(comparison.isnan)
    isinf = method(comparison.isinf)
    isfinite = method(comparison.isfinite)
    logical_and = method(comparison.logical_and)
    logical_or = method(comparison.logical_or)
    logical_not = method(comparison.logical_not)
    logical_xor = method(comparison.logical_xor)

    # --- functions: reductions
    sum = reductions.sum
    mean = reductions.mean
    var = reductions.var
    std = reductions.std
    max = reductions.max
    min = reductions.min
    amax = reductions.amax
    amin = reductions.amin
    argmax = reductions.argmax
    argmin = reductions.argmin
    any = reductions.any
    all = reductions.all
    logsumexp = reductions.logsumexp
    softmax = reductions.softmax
    log_softmax = reductions.log_softmax

    # --- functions: shapes
    __getitem__ = shaping.getitem
    reshape = view = shaping.reshape
    permute = shaping.permute
    transpose = swapaxes = shaping.transpose
    t = shaping.t
    movedim = shaping.movedim
    flatten = shaping.flatten
    ravel = shaping.ravel
    unflatten = shaping.unflatten
    squeeze = shaping.squeeze
    unsqueeze = shaping.unsqueeze
    expand = shaping.expand
    broadcast_to = shaping.broadcast_to
    split = shaping.split
    chunk = shaping.chunk
    unbind = shaping.unbind
    select = shaping.select
    narrow = shaping.narrow
    flip = shaping.flip
    gather = shaping.gather
    clone = shaping.clone

    # --- shape and dtype

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

    @property
    def T(self) -> Tensor:
        """All axes in opposite order."""
        return shaping.permute(self, tuple(reversed(range(self._array.ndim))))

    @property
    def mT(self) -> Tensor:
        """The last two axes swapped."""
        return shaping.transpose(self, -2, -1)

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

    def view_as(self, other: Tensor) -> Tensor:
        """The same entries in the shape of ``other``."""
        return self.reshape(other.shape)

    reshape_as = view_as

    def expand_as(self, other: Tensor) -> Tensor:
        """Stretched to the shape of ``other``."""
        return self.expand(other.shape)

    def contiguous(self) -> Tensor:
        """In memory row by row: the tensor itself, or a copy."""
        return self if self._array.flags.c_contiguous else self.clone()  # type: ignore[return-value]

    def is_contiguous(self) -> builtins.bool:
        """Whether the entries lie in memory row by row."""
        return builtins.bool(self._array.flags.c_contiguous)

    def is_floating_point(self) -> builtins.bool:
        """Whether the entries are floats."""
        return self.dtype.kind == "f"

    # --- in place

    def add_(self, other: Any, *, alpha: builtins.float = 1) -> Self:
        """``self += alpha * other``."""
        return self._become(self.add(other, alpha=alpha))

    def sub_(self, other: Any, *, alpha: builtins.float = 1) -> Self:
        """``self -= alpha * other``."""
        return self._become(self.sub(other, alpha=alpha))

    def mul_(self, other: Any) -> Self:
        """``self *= other``."""
        return self._become(self.mul(other))

    def div_(self, other: Any) -> Self:
        """``self /= other``."""
        return self._become(self.div(other))

    def clamp_(self, min: Any = None, max: Any = None) -> Self:
        """Hold every entry between ``min`` and ``max``."""
        return self._become(self.clamp(min, max))

    def zero_(self) -> Self:
        """Set every entry to 0."""
        return self.fill_(0)

    def fill_(self, value: Any) -> Self:
        """Set every entry to ``value``."""
        return self.copy_(value)

    def copy_(self, src: Any) -> Self:
        """Take over the entries of ``src``, broadcast and converted."""
        if self._node is not None or getattr(src, "_node", None) is not None:
            self.__setitem__(..., src)
            return self
        return self._become(np.asarray(src).astype(self.dtype, copy=False))
