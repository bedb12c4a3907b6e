"""``torch.jit``: what would be compiled runs as the Python that it is, with the same results."""

from __future__ import annotations

import builtins
import contextlib
import importlib
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin
from typing import Final as Final

from autodiff.errors import OptionError


class TracerWarning(Warning):
    """What PyTorch's tracer warns with, for programs that filter it; nothing here does."""


class ScriptWarning(Warning):
    """The same for its compiler."""


def script(obj: Any, *args: Any, **kwargs: Any) -> Any:
    """``obj``, a function or a module, as it is.

    >>> @script
    ... def double(x):
    ...     return x + x
    >>> double(2)
    4
    """
    return obj


def trace(func: Any, example_inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
    """``func``, a function or a module, as it is; the examples are not needed."""
    return func


script_method = export = interface = script_if_tracing = freeze = optimize_for_inference = trace_module = script


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """What it decorates as it is, with options or without."""
    return drop if callable(drop) else script


unused = ignore


@contextlib.contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """A block in which nothing is other than outside."""
    yield


strict_fusion = contextlib.nullcontext


def isinstance(obj: Any, target_type: Any) -> bool:
    """Whether ``obj`` is of a type, of which parameters as in ``List[int]`` are not asked for.

    >>> from typing import List
    >>> isinstance([1], List[int]), isinstance(1, List[int])
    (True, False)
    """
    parts = get_args(target_type) if get_origin(target_type) in (Union, UnionType) else (target_type,)
    return any(builtins.isinstance(obj, get_origin(part) or part) for part in parts)


def annotate(the_type: Any, the_value: Any) -> Any:
    """``the_value``."""
    return the_value


def Attribute(value: Any, type: Any) -> Any:
    """``value``."""
    return value


def fork(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What ``func`` gives: it is called at once."""
    return func(*args, **kwargs)


def wait(future: Any) -> Any:
    """What ``fork`` gave."""
    return future


def is_scripting() -> bool:
    """False."""
    return False


is_tracing = is_scripting


def save(m: Any, f: Any, *args: Any, **kwargs: Any) -> None:
    """Raises OptionError: there is no program to write beside the weights."""
    raise OptionError("jit.save would write a compiled program, which is not made here; save(model.state_dict(), f)")


def load(f: Any, *args: Any, **kwargs: Any) -> Any:
    """Raises OptionError: compiled programs are not read."""
    raise OptionError("jit.load reads compiled programs, which do not run here; use load(f) of a file of weights")


def __getattr__(name: str) -> Any:
    """The classes of what is compiled, which stand above this module."""
    if name in ("RecursiveScriptModule", "ScriptFunction", "ScriptModule"):
        return getattr(importlib.import_module("autodiff.nn.scripted"), name.removeprefix("Recursive"))
    raise AttributeError(f"module 'autodiff.jit' has no attribute {name!r}")
