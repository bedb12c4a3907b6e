"""``torch.jit``: what would be compiled runs as the Python that it is, with the same results."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any
from typing import Final as Final

from autodiff.errors import OptionError


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
