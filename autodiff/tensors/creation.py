"""Making tensors: from data, of one value, in sequence."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.dtypes import as_dtype, get_default_dtype, int64, result_dtype
from autodiff.errors import DtypeError, OptionError
from autodiff.functions.arrays import array_of, tensors_only
from autodiff.functions.axes import also_called, size_of
from autodiff.functions.into import takes_out
from autodiff.kernels.layout import ordered_like
from autodiff.kinds import described, refusing
from autodiff.named_dtypes import dtype, named
from autodiff.tensors import leaves
from autodiff.tensors.formats import contiguous_format, preserve_format, strided
from autodiff.tensors.leaves import array_from_data, dtype_or_default
from autodiff.tensors.sparse import SparseTensor
from autodiff.tensors.tensor import Tensor

__all__ = [
    "arange", "as_tensor", "asarray", "empty", "empty_like", "eye", "fill", "from_numpy", "full",
    "full_like", "is_tensor", "linspace", "logspace", "ones", "ones_like", "result_type", "scalar_tensor", "tensor",
    "tril_indices", "triu_indices", "zeros", "zeros_like",
]  # fmt: skip

leaf: Callable[..., Tensor] = leaves.leaf  # typed here, for leaves.py stands below Tensor
filled: Callable[..., Tensor] = leaves.filled


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A tensor with a copy of ``data``: numbers, nested lists, an array.

    Arrays keep their dtype; Python floats get the default dtype, integers int64.

    Raises DtypeError for data that are not numbers in a regular shape.

    >>> tensor([[1, 2], [3, 4]]).shape
    autodiff.Size([2, 2])
    """
    return leaf(array_from_data(data, dtype, True), requires_grad, device)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of ``data``, sharing its memory where it is an array or tensor of the dtype."""
    if not isinstance(data, Tensor):
        return leaf(array_from_data(data, dtype, None), device=device)
    converted: Tensor = data.to(dtype=dtype, device=device)
    return converted


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool | None = None
) -> Tensor:
    """``as_tensor``; with ``copy`` in memory of its own, or, where that is False, never.

    It requires grad if a tensor that is given does, or as ``requires_grad`` says.

    Raises OptionError where ``copy`` is False and the memory cannot be shared.

    >>> import numpy as np
    >>> numbers = np.zeros(2, np.float32)
    >>> asarray(numbers, copy=True)[0] = 1
    >>> numbers
    array([0., 0.], dtype=float32)
    """
    made = as_tensor(obj, dtype, device)
    if copy is False and not np.shares_memory(made._array, np.asarray(obj)):
        raise OptionError(f"asarray(copy=False) of {described(obj)}: its memory cannot be shared")
    made = made.clone() if copy else made
    if requires_grad is None or requires_grad == made.requires_grad:
        return made
    return made.requires_grad_() if requires_grad else made.detach()


def from_numpy(ndarray: Any) -> Tensor:
    """A tensor that shares the memory of an array; raises DtypeError for what is no array.

    It takes an untracked tensor, too: what NumPy's functions make of tensors, which PyTorch gives as arrays, is one.
    """
    if isinstance(ndarray, Tensor) and ndarray._node is None:
        return leaf(ndarray._array)
    if not isinstance(ndarray, np.ndarray):
        raise DtypeError(f"from_numpy takes an array, not {ndarray!r:.60}; tensor(...) takes lists and numbers")
    return leaf(array_from_data(ndarray, None, None))


@takes_out
def zeros(
    *shape: Any,
    size: Any = (),
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """Zeros in the shape given.

    >>> zeros(2, 2)
    tensor([[0., 0.],
            [0., 0.]])
    """
    return filled(np.zeros, shape or (size,), dtype, device, requires_grad)


@takes_out
def ones(
    *shape: Any,
    size: Any = (),
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """Ones in the shape given."""
    return filled(np.ones, shape or (size,), dtype, device, requires_grad)


@takes_out
def empty(
    *shape: Any,
    size: Any = (),
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = contiguous_format,
) -> Tensor:
    """A tensor in the shape given, its entries undefined."""
    return filled(np.empty, shape or (size,), dtype, device, requires_grad)


@takes_out
def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """``fill_value`` in the shape given; its kind is the dtype's where that is not given."""
    value = array_from_data(fill_value.item() if isinstance(fill_value, np.generic) else fill_value, dtype, True)
    return leaf(np.full(size_of((size,)), value, dtype=value.dtype), requires_grad, device)


def _like(
    name: str, make: Callable[..., Any], input: Any, dtype: Any, device: Any, requires_grad: bool
) -> Tensor:
    """What ``make(shape, dtype)`` gives for those of ``input``, a tensor or an array, in its memory layout."""
    tensors_only(name, input)
    source = array_of(input)
    source = source if isinstance(source, np.ndarray) else np.asarray(source)  # which is blind for those of ``compile``
    kind = source.dtype if dtype is None and source.dtype.isnative else as_dtype(dtype or source.dtype)
    return leaf(ordered_like(make(source.shape, kind), source), requires_grad, device)


@refusing
def zeros_like(
    input: Any,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """Zeros in the shape and dtype of ``input``."""
    return _like("zeros_like", np.zeros, input, dtype, device, requires_grad)


@refusing
def ones_like(
    input: Any,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """Ones in the shape and dtype of ``input``."""
    return _like("ones_like", np.ones, input, dtype, device, requires_grad)


@refusing
def empty_like(
    input: Any,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """A tensor in the shape and dtype of ``input``, its entries undefined."""
    return _like("empty_like", np.empty, input, dtype, device, requires_grad)


@refusing
def full_like(
    input: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """``fill_value`` in the shape and dtype of ``input``."""
    def make(shape: Any, kind: Any) -> Any:
        return full(shape, fill_value, dtype=kind)._array

    return _like("full_like", make, input, dtype, device, requires_grad)


@takes_out
def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers from ``start`` (0 where only one bound is given) up to but not including ``end``, in steps.

    Raises OptionError for a step that does not lead from ``start`` to ``end``.

    >>> arange(0, 1, 0.25)
    tensor([0.0000, 0.2500, 0.5000, 0.7500])
    """
    if start is None and end is None:
        raise TypeError("arange() missing a required argument: 'end'")
    first, last = (0, start) if end is None else (0 if start is None else start, end)
    first, last, step = (x.item() if isinstance(x, (Tensor, np.generic)) else x for x in (first, last, step))
    if dtype is not None and as_dtype(dtype) == int64:  # PyTorch's rule for this one dtype
        first, last, step = int(first), int(last), int(step)
    if not step or (last - first) * step < 0:
        raise OptionError(f"arange does not come from {first} to {last} in steps of {step}")
    is_whole = isinstance(first, int) and isinstance(last, int) and isinstance(step, int)
    kind = as_dtype(dtype) if dtype is not None else int64 if is_whole else get_default_dtype()
    if kind.kind in "iu" and not is_whole:  # as many as of other numbers, in whole steps
        count = math.ceil((last - first) / step)
        return leaf((int(first) + int(step) * np.arange(count)).astype(kind), requires_grad, device)
    return leaf(np.arange(first, last, step).astype(kind, copy=False), requires_grad, device)


@takes_out
def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` numbers from ``start`` to ``end``, both included, equally far apart.

    For a dtype of integers the ends lose their fractions first, and then the numbers do.
    """
    kind = dtype_or_default(dtype)
    return leaf(_evenly(start, end, steps, kind).astype(kind), requires_grad, device)


def _evenly(start: Any, end: Any, steps: int, kind: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """The numbers of ``linspace``, before they are given their dtype."""
    end_of = int if kind.kind in "iu" else float
    return np.linspace(end_of(start), end_of(end), steps)


@takes_out
def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """An (n, m) matrix with ones on the diagonal; m is n where it is not given."""
    return leaf(np.eye(n, m, dtype=dtype_or_default(dtype)), requires_grad, device)


@takes_out
def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` powers of ``base``, their exponents from ``start`` to ``end`` equally far apart."""
    kind = dtype_or_default(dtype)
    return leaf(np.power(float(base), _evenly(start, end, steps, kind)).astype(kind), requires_grad, device)


def tril_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = int64,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """The rows and the columns (2, n) of the entries of a matrix on and below a diagonal.

    >>> tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return leaf(np.stack(np.tril_indices(row, offset, col)).astype(as_dtype(dtype)), device=device)


def triu_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = int64,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """The rows and the columns (2, n) of the entries of a matrix on and above a diagonal."""
    return leaf(np.stack(np.triu_indices(row, offset, col)).astype(as_dtype(dtype)), device=device)


def scalar_tensor(
    s: Any,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """A 0-d tensor of the number ``s``, in the default dtype where none is given."""
    return full((), s, dtype=dtype or get_default_dtype(), device=device, requires_grad=requires_grad)


@refusing
def fill(input: Any, value: Any) -> Tensor:
    """``value``, a number or a 0-d tensor, in the shape and dtype of ``input``."""
    tensors_only("fill", input)
    copy: Tensor = input.clone() if isinstance(input, Tensor) else leaf(np.array(input))
    return copy.fill_(value)


@also_called(tensor="tensor1", scalar1="tensor1", scalar="tensor2", other="tensor2", scalar2="tensor2")
def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype in which two tensors or numbers are computed.

    >>> result_type(tensor([1, 2]), 1.0)
    autodiff.float32
    """
    return named(result_dtype(*(x._array if isinstance(x, Tensor) else x for x in (tensor1, tensor2))))


def is_tensor(obj: Any) -> bool:
    """Whether ``obj`` is a Tensor, or a sparse one."""
    return isinstance(obj, (Tensor, SparseTensor))
