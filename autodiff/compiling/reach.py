"""What a step can reach: the tensors, arrays and modules behind its function."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from operator import attrgetter
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import numpy as np

from autodiff.engine.call_sites import of_library
from autodiff.engine.values import TensorBase

contents = attrgetter("cell_contents")
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


def facts(found: list[Any]) -> list[tuple[Any, Any, Any]]:
    """The plain values that functions and objects of the user's have: a function that reads one, what of, and it.

    A step may compute with them, as with a weight that is annealed, so that other values need another program.
    """
    known: list[tuple[Any, Any, Any]] = []
    for x in found:
        if isinstance(x, FunctionType) and not of_library(x.__code__):
            known += [(x.__globals__.get, name, x.__globals__.get(name)) for name in _names(x.__code__)]
            known += [(contents, cell, cell.cell_contents) for cell in x.__closure__ or () if gc.get_referents(cell)]
        elif hasattr(x, "param_groups"):
            known.append((len, x.param_groups, len(x.param_groups)))
        elif isinstance(getattr(x, "__dict__", None), dict) and not isinstance(x, (FunctionType, TensorBase)):
            own = type(x).__module__.partition(".")[0] not in ("autodiff", "nn", "optim")
            known += [(x.__dict__.get, k, v) for k, v in x.__dict__.items() if own or type(v) is float]
    return [(get, k, v) for get, k, v in known if type(v) in (int, float, bool, str) and k != "training"]


def _names(code: Any) -> Iterator[str]:
    """The global names that a function, and the functions inside it, may read."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
