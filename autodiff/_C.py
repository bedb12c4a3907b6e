"""What programs reach for inside PyTorch's compiled part."""

from __future__ import annotations

from typing import Any

from autodiff.errors import LinalgError
from autodiff.functions.shaping import broadcast_shapes
from autodiff.named_dtypes import dtype as dtype
from autodiff.random import Generator as Generator
from autodiff.spelling import no_attribute
from autodiff.tensors.devices import device as device
from autodiff.tensors.formats import layout as layout
from autodiff.tensors.formats import memory_format as memory_format
from autodiff.tensors.sizes import Size as Size
from autodiff.tensors.tensor import Tensor

_LinAlgError = LinalgError
_TensorBase = TensorBase = Tensor


class Value:
    """A value in PyTorch's compiled programs, which editors put into import lines by mistake; there is none here."""


class Graph:
    """A compiled program of PyTorch's; there is none here."""


class NoneType:
    """The type of None in PyTorch's compiled programs; there are none here."""


def _infer_size(first: Any, second: Any) -> Any:
    """The shape in which two shapes meet; raises ShapeError where they do not.

    >>> _infer_size((3, 1), (4,))
    autodiff.Size([3, 4])
    """
    return Size(broadcast_shapes(first, second))


def _log_api_usage_once(name: str) -> None:
    """Nothing: nobody is told."""


def _changes_nothing(*args: Any) -> bool:
    """False: that is off."""
    return False


def __getattr__(name: str) -> Any:
    """What steers PyTorch's compilers, ``_jit_set_profiling_mode`` and its like, can be called, and changes nothing."""
    if name.startswith(("_jit_set_", "_jit_override_")):
        return _changes_nothing
    raise no_attribute("autodiff._C", name)


def _get_tracing_state() -> None:
    """None: nothing is traced."""
