"""Making tensors as few programs do: of bytes, of other libraries' memory, in another order, by the old ``arange``."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.dtypes import as_dtype
from autodiff.engine.call_sites import file_and_line, place_of_user
from autodiff.errors import AutodiffWarning, DtypeError, OptionError, ShapeError
from autodiff.functions.into import takes_out
from autodiff.kinds import described
from autodiff.tensors.creation import from_numpy, leaf
from autodiff.tensors.devices import check_device
from autodiff.tensors.formats import strided
from autodiff.tensors.leaves import dtype_or_default, strided_array
from autodiff.tensors.tensor import Tensor

__all__ = ["empty_permuted", "empty_strided", "from_dlpack", "frombuffer", "range"]


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """The numbers that bytes hold, in one axis; the memory is shared.

    Args:
        buffer: ``bytes``, a ``bytearray``, or anything else with Python's buffer protocol.
        dtype: what the bytes are read as.
        count: how many numbers are read; all by default.
        offset: how many bytes come before the first.
        requires_grad: whether a gradient is to be had.

    Raises OptionError where the bytes are not a whole number of entries, or too few.

    >>> import autodiff
    >>> frombuffer(bytearray([1, 0, 2, 0]), dtype=autodiff.int16)
    tensor([1, 2], dtype=autodiff.int16)
    """
    try:
        array = np.frombuffer(buffer, as_dtype(dtype), count, offset)
    except ValueError as error:
        size = memoryview(buffer).nbytes
        raise OptionError(f"frombuffer of {size} bytes from {offset} on as {as_dtype(dtype)}: {error}") from error
    return leaf(array, requires_grad)


def empty_strided(
    size: Sequence[int],
    stride: Sequence[int],
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor whose neighbours along each axis lie ``stride`` entries apart, its entries undefined.

    Raises ShapeError where there are not as many steps as axes, or one is below 0.

    >>> empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    array = strided_array("empty_strided", size, stride, dtype_or_default(dtype))
    return leaf(array, requires_grad, device)


def empty_permuted(
    size: Sequence[int],
    physical_layout: Sequence[int],
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor whose axes lie in memory in the order ``physical_layout``, the last closest; its entries are undefined.

    Raises ShapeError where that is no order of all axes.

    >>> empty_permuted((2, 3, 4), (0, 2, 1)).stride()
    (12, 1, 3)
    """
    if sorted(physical_layout) != [*np.arange(len(size))]:
        raise ShapeError(f"empty_permuted of {len(size)} axes takes their order, not {tuple(physical_layout)}")
    array = np.empty([size[i] for i in physical_layout], dtype_or_default(dtype))
    return leaf(array.transpose(np.argsort(physical_layout)), requires_grad, device)


@takes_out
def range(
    start: float,
    end: float,
    step: float = 1,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Floats from ``start`` to ``end``, both included, in steps; deprecated, as in PyTorch: use ``arange``.

    Raises OptionError where no step leads from one to the other.
    """
    start, end, step = (x.item() if isinstance(x, (Tensor, np.generic)) else x for x in (start, end, step))
    if not step or (end - start) / step < 0:
        raise OptionError(f"range: steps of {step} do not lead from {start} to {end}")
    text = "range is deprecated, as in PyTorch: its end is included, unlike Python's; use arange"
    warnings.warn_explicit(text, AutodiffWarning, *file_and_line(place_of_user()))
    count = int((end - start) / step) + 1
    kind = dtype_or_default(dtype)
    made: Tensor = leaf((start + np.arange(count) * step).astype(kind), requires_grad, device)
    return made


class _Capsule:
    """What ``__dlpack__`` of an array on the CPU has given, in place of the array."""

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __dlpack__(self, **options: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor that shares the memory of another library's, by the DLPack protocol; with ``copy`` a copy of it.

    Raises DtypeError for what has no such protocol, or refuses: a tensor on a GPU, in a graph, or of bfloat16.

    >>> import numpy as np
    >>> from_dlpack(np.array([1.0, 2.0], np.float32))
    tensor([1., 2.])
    """
    if type(ext_tensor).__name__ == "PyCapsule":
        ext_tensor = _Capsule(ext_tensor)
    if not hasattr(ext_tensor, "__dlpack__"):
        raise DtypeError(f"from_dlpack takes a tensor of another library, not {described(ext_tensor)}")
    try:
        shared = from_numpy(np.from_dlpack(ext_tensor))
    except (RuntimeError, BufferError, TypeError) as error:
        raise DtypeError(f"no tensor can be made of {described(ext_tensor)}: {error}") from error
    check_device(device)
    return shared.clone() if copy else shared
