"""Docstrings say what is raised: of every public function that raises itself, or by a helper of its own file."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

PACKAGES = (
    "autodiff", "autodiff.autograd", "autodiff.autograd.functional", "autodiff.data", "autodiff.distributed",
    "autodiff.distributions", "autodiff.export", "autodiff.fft", "autodiff.func", "autodiff.io", "autodiff.linalg",
    "autodiff.random", "autodiff.sparse", "autodiff.special", "autodiff.testing", "autodiff.utils.checkpoint",
    "autodiff.viz", "nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.parametrizations", "nn.utils.parametrize",
    "nn.utils.rnn", "optim", "optim.lr_scheduler", "optim.swa_utils",
)  # fmt: skip
OF_PYTHON = {"AttributeError", "IndexError", "ModuleNotFoundError", "NotImplementedError", "TypeError"}
FALSE_ALARMS = {"InPlaceMethods.bernoulli_"}  # which fills tensors of any dtype


@cache
def functions_of(module: str) -> dict[str, ast.FunctionDef]:
    """The functions of a module by qualified name."""
    found = {}
    for node in ast.parse(inspect.getsource(import_module(module))).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{part.name}": part for part in node.body if isinstance(part, ast.FunctionDef)}
    return found


def raised(module: str, name: str, seen: frozenset[str] = frozenset()) -> set[str]:
    """The errors that a function names in ``raise``, itself or in private functions of its file that it calls."""
    functions, owner = functions_of(module), name.rpartition(".")[0]
    errors: set[str] = set()
    for node in ast.walk(functions[name]):
        call = node.exc if isinstance(node, ast.Raise) else node
        called = call.func if isinstance(call, ast.Call) else None
        if isinstance(node, ast.Raise) and isinstance(called, ast.Name):
            errors.add(called.id)
        elif isinstance(called, (ast.Name, ast.Attribute)):
            helper = called.id if isinstance(called, ast.Name) else f"{owner}.{called.attr}"
            if helper.rpartition(".")[2].startswith("_") and helper in functions.keys() - seen:
                errors |= raised(module, helper, seen | {name})
    return {error for error in errors if error.endswith("Error")} - OF_PYTHON


def public(package: ModuleType) -> Iterator[tuple[Any, Any]]:
    """The functions and methods of a package, each with its class."""
    own = ("autodiff", "nn", "optim") if hasattr(package, "__path__") else package.__name__
    for name in dir(package):
        thing = getattr(package, name)
        if name.startswith("_") or not str(getattr(thing, "__module__", "")).startswith(own):
            continue
        if inspect.isfunction(thing):
            yield thing, None
        elif isinstance(thing, type):
            methods = [name for name in dir(thing) if name == "__init__" or not name.startswith("_")]
            for method in filter(inspect.isfunction, (getattr(thing, name) for name in methods)):
                yield method, thing


def says(kind: Any, function: Any) -> bool:
    """Whether the docstring does, or that of a class, or of the same method of a class below."""
    places = [function]
    for holder in kind.__mro__ if isinstance(kind, type) else ():
        places.append(getattr(holder, function.__name__, None))
        places += [holder] if function.__name__ in ("__init__", "forward") else []
    return any("raise" in (getattr(place, "__doc__", "") or "").lower() for place in places)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_raised_is_said(package: str) -> None:
    """``says`` tells where."""
    silent: dict[str, set[str]] = {}
    for function, kind in public(import_module(package)):
        inner = inspect.unwrap(function)
        module, name = inner.__module__, inner.__qualname__
        known = name not in FALSE_ALARMS and name in functions_of(module)
        if known and (errors := raised(module, name)) and not says(kind, inner):
            silent[name] = errors
    assert not silent, silent


def test_a_silent_function_is_found() -> None:
    """The search sees what a function raises by a helper."""
    assert raised("autodiff.functions.reductions", "argmax") == {"ShapeError"}
    assert raised("autodiff.tensors.methods.in_place", "InPlaceMethods.apply_") == {"InPlaceError"}
