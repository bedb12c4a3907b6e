"""What a step can reach: the tensors, arrays and modules behind its function."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import numpy as np

from autodiff.engine.call_sites import of_library
from autodiff.engine.values import TensorBase

PASSED = (
    str, bytes, int, float, complex, type(None), type, ModuleType, BuiltinFunctionType, CodeType, FrameType, np.dtype,
)  # fmt: skip


def reached(*roots: Any) -> Iterator[Any]:
    """Everything that functions, methods and objects refer to, themselves included."""
    stack, seen = list(roots), set()
    while stack:
        x = stack.pop()
        if id(x) not in seen and not isinstance(x, PASSED):
            seen.add(id(x))
            yield x
            stack += _behind(x)


def _behind(x: Any) -> list[Any]:
    if isinstance(x, TensorBase):
        return [x._grad]
    if isinstance(x, np.ndarray):
        return []
    if isinstance(x, FunctionType):
        names = () if of_library(x.__code__) else _names(x.__code__)
        known = [x.__globals__[name] for name in names if name in x.__globals__]
        return [*(x.__closure__ or ()), x.__defaults__, x.__kwdefaults__, *known]
    return [*gc.get_referents(x), getattr(type(x), "__call__", None)]  # noqa: B004  # not whether: what it runs


def _names(code: Any) -> Iterator[str]:
    """The global names that a function, and the functions inside it, may read."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
