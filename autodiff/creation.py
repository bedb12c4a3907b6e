"""Making tensors: from data, of one value, in sequence, at random."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.devices import check_device
from autodiff.dtypes import as_dtype, float64, get_default_dtype, int64
from autodiff.errors import DtypeError, OptionError
from autodiff.functions.axes import size_of
from autodiff.random import Generator, numpy_generator
from autodiff.recording import wrap
from autodiff.tensor import Tensor

__all__ = [
    "arange",
    "as_tensor",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "from_numpy",
    "full",
    "full_like",
    "linspace",
    "normal",
    "ones",
    "ones_like",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "tensor",
    "zeros",
    "zeros_like",
]


def _leaf(array: np.ndarray[Any, Any], requires_grad: bool, device: Any) -> Tensor:
    check_device(device)
    return wrap(array).requires_grad_(requires_grad) if requires_grad else wrap(array)


def _array(data: Any, dtype: Any, copy: bool | None) -> np.ndarray[Any, Any]:
    """``data`` as an array: arrays keep their dtype, Python floats get the default one."""
    if isinstance(data, (list, tuple)) and any(isinstance(x, Tensor) for x in data):
        data = [x.detach().numpy() if isinstance(x, Tensor) else x for x in data]
    source = data.detach().numpy() if isinstance(data, Tensor) else data
    typed = isinstance(source, (np.ndarray, np.generic)) or _holds_arrays(source)
    try:
        array = np.array(source, dtype=None if dtype is None else as_dtype(dtype), copy=copy)
    except (ValueError, TypeError) as error:
        raise DtypeError(f"no tensor can be made of {data!r:.60}: {error}") from None
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise DtypeError(f"no tensor can be made of {data!r:.60}: its dtype would be {array.dtype}")
    if not array.dtype.isnative:
        array = array.astype(as_dtype(array.dtype))
    if dtype is None and not typed and array.dtype == float64:
        array = array.astype(get_default_dtype())
    return array


def _holds_arrays(data: Any) -> bool:
    """Whether a nested list bottoms out in arrays, whose dtype is kept, rather than in Python numbers."""
    while isinstance(data, (list, tuple)) and len(data):
        data = data[0]
    return isinstance(data, (np.ndarray, np.generic))


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of ``data``: numbers, nested lists, an array.

    Arrays keep their dtype; Python floats get the default dtype, integers int64.

    Raises DtypeError for data that are not numbers in a regular shape.

    >>> tensor([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    return _leaf(_array(data, dtype, True), requires_grad, device)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of ``data``, sharing its memory where it is an array or tensor of the dtype."""
    if isinstance(data, Tensor):
        return data.to(dtype=dtype, device=device)
    return _leaf(_array(data, dtype, None), False, device)


asarray = as_tensor


def from_numpy(ndarray: Any) -> Tensor:
    """A tensor that shares the memory of an array."""
    if not isinstance(ndarray, np.ndarray):
        raise DtypeError(f"from_numpy takes an array, not {ndarray!r:.60}; tensor(...) takes lists and numbers")
    return wrap(_array(ndarray, None, None))


def _filled(make: Any, size: tuple[Any, ...], dtype: Any, device: Any, requires_grad: bool, **more: Any) -> Tensor:
    shape = size_of(size)
    kind = get_default_dtype() if dtype is None else as_dtype(dtype)
    return _leaf(make(shape, dtype=kind, **more), requires_grad, device)


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros in the shape ``size``.

    >>> zeros(2, 2)
    tensor([[0., 0.],
            [0., 0.]])
    """
    return _filled(np.zeros, size, dtype, device, requires_grad)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones in the shape ``size``."""
    return _filled(np.ones, size, dtype, device, requires_grad)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor in the shape ``size`` with nothing in particular in it."""
    return _filled(np.empty, size, dtype, device, requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """``fill_value`` in the shape ``size``; its kind is the dtype's where that is not given."""
    value = _array(fill_value.item() if isinstance(fill_value, np.generic) else fill_value, dtype, True)
    return _leaf(np.full(size_of((size,)), value, dtype=value.dtype), requires_grad, device)


def zeros_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros in the shape and dtype of ``input``."""
    return zeros(input.shape, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones in the shape and dtype of ``input``."""
    return ones(input.shape, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor in the shape and dtype of ``input`` with nothing in particular in it."""
    return empty(input.shape, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``fill_value`` in the shape and dtype of ``input``."""
    return full(input.shape, fill_value, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The numbers from ``start`` (0 where only one bound is given) up to but not including ``end``, in steps.

    >>> arange(0, 1, 0.25)
    tensor([0.0000, 0.2500, 0.5000, 0.7500])
    """
    first, last = (0, start) if end is None else (start, end)
    first, last, step = (x.item() if isinstance(x, (Tensor, np.generic)) else x for x in (first, last, step))
    if not step or (last - first) * step < 0:
        raise OptionError(f"arange does not come from {first} to {last} in steps of {step}")
    kind = int64 if all(isinstance(x, int) for x in (first, last, step)) else get_default_dtype()
    array = np.arange(first, last, step).astype(kind if dtype is None else as_dtype(dtype))
    return _leaf(array, requires_grad, device)


def linspace(
    start: float, end: float, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` numbers from ``start`` to ``end``, both included, equally far apart."""
    kind = get_default_dtype() if dtype is None else as_dtype(dtype)
    return _leaf(np.linspace(float(start), float(end), steps).astype(kind), requires_grad, device)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """An (n, m) matrix with ones on the diagonal; m is n where it is not given."""
    return _leaf(np.eye(n, m, dtype=get_default_dtype() if dtype is None else as_dtype(dtype)), requires_grad, device)


def _drawn(draw: Any, size: tuple[Any, ...], dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    kind = get_default_dtype() if dtype is None else as_dtype(dtype)
    if kind.kind != "f":
        raise DtypeError(f"random numbers of a continuous distribution are floating, not {kind}")
    drawn_as = kind if kind.itemsize >= 4 else np.dtype(np.float32)
    return _leaf(np.asarray(draw(size_of(size), dtype=drawn_as)).astype(kind, copy=False), requires_grad, device)


def rand(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Uniform random numbers from 0 up to 1 in the shape ``size``."""
    return _drawn(numpy_generator(generator).random, size, dtype, device, requires_grad)


def randn(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Normal random numbers of mean 0 and variance 1 in the shape ``size``."""
    return _drawn(numpy_generator(generator).standard_normal, size, dtype, device, requires_grad)


def rand_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """``rand`` in the shape and dtype of ``input``."""
    return rand(input.shape, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def randn_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """``randn`` in the shape and dtype of ``input``."""
    return randn(input.shape, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Normal random numbers; ``mean`` and ``std`` are numbers with a ``size``, or tensors that give it."""
    shape = size if size is not None else np.broadcast_shapes(np.shape(mean), np.shape(std))
    return randn(shape, generator=generator) * std + mean


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Random integers from ``low`` (0 where only one bound is given) up to but not including ``high``."""
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if low >= high:
        raise OptionError(f"there is no integer from {low} up to but not including {high}")
    array = numpy_generator(generator).integers(low, high, size_of((size,)))
    return _leaf(array.astype(int64 if dtype is None else as_dtype(dtype)), requires_grad, device)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """The integers from 0 to n - 1 in random order."""
    array = numpy_generator(generator).permutation(n)
    return _leaf(array.astype(int64 if dtype is None else as_dtype(dtype)), False, device)
