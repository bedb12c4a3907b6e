"""What tests of several files need: leaves, plain state dicts, lines as errors name them, and watches on memory."""

from __future__ import annotations

import gc
import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from autodiff import Tensor, tensor


def leaf(*values: Any, dtype: Any = np.float64) -> Tensor:
    """A leaf that requires grad, of numbers or of one array."""
    return tensor(np.array(values[0] if np.ndim(values[0]) else values, dtype), requires_grad=True)


def memory(x: Tensor) -> np.ndarray[Any, Any]:
    """The array that the tensor holds, itself."""
    return x._array


def as_arrays(value: Any, make: Any = np.asarray) -> Any:
    """A state dict with arrays in place of tensors, or with what ``make`` makes of each array."""
    if isinstance(value, dict):
        return {key: as_arrays(each, make) for key, each in value.items()}
    if isinstance(value, list):
        return [as_arrays(each, make) for each in value]
    return make(value.detach().numpy()) if hasattr(value, "detach") else value


def line_of(function: Callable[..., Any], offset: int = 0) -> str:
    """``file:line``, so many lines below the first of the function."""
    return f"{function.__code__.co_filename}:{function.__code__.co_firstlineno + offset}"


def here(offset: int = 0) -> str:
    """A pattern for ``file:line`` of the caller, so many lines below this call."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return re.escape(f"{frame.f_back.f_code.co_filename}:{frame.f_back.f_lineno + offset}")


@contextmanager
def no_garbage() -> Iterator[None]:
    """Nothing of ours made within is left for the garbage collector."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield
        gc.collect()
        left = [x for x in gc.garbage if type(x).__module__.startswith(("autodiff", "numpy"))]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == []


@contextmanager
def no_cycle() -> Iterator[None]:
    """Nothing at all that was made within, and dropped, is left for the garbage collector."""
    while gc.collect():  # what earlier tests left may take several turns, as finalizers leave more
        pass
    gc.disable()
    try:
        yield
        assert gc.collect() == 0
    finally:
        gc.enable()
