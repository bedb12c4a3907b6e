"""What was given in place of something else: the object in a few words, and the repair for its kind."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from autodiff.errors import AutodiffError, DtypeError

F = TypeVar("F", bound=Callable[..., Any])


def described(given: Any) -> str:
    """An object in a few words; one whose text is long, such as a model, by its class.

    >>> described([1.0, 2.0]), described(abs), described({"a": 1})
    ('[1.0, 2.0]', 'the function abs', "a dict ({'a': 1})")
    """
    if inspect.isclass(given):
        return f"the class {given.__name__}"
    if inspect.isroutine(given):
        return f"the {'method' if inspect.ismethod(given) else 'function'} {getattr(given, '__qualname__', given)}"
    if _is_tensor(given):
        return f"a {type(given).__name__} of shape {tuple(given.shape)} and {given.dtype}"
    if isinstance(given, (list, tuple)) and any(map(_is_tensor, given)):
        parts = ", ".join(map(_brief, given[:3])) + ", ..." * (len(given) > 3)
        return f"a {type(given).__name__} of {len(given)} ({parts})"
    if given is None or isinstance(given, (list, tuple, str, bytes, int, float, complex)):
        return f"{given!r:.60}"
    text = f" ({given!r:.60})" if isinstance(given, dict) else ""
    return f"a {type(given).__name__}{text}"


def repair_of(given: Any) -> str:
    """How to make a tensor of an object of another kind.

    >>> repair_of([1.0, 2.0]), repair_of(len)
    ('use tensor(...) to make one', 'call it, with parentheses')
    """
    if isinstance(given, np.ndarray):
        return "convert it with .astype(np.float32); an array of objects has rows of unequal length, or strings, in it"
    if _is_module(given):
        return "call it, as in model(x), and give its output"
    if inspect.isclass(given):
        return "make an instance of it, with parentheses"
    if inspect.isroutine(given):
        return "call it, with parentheses"
    if isinstance(given, (str, os.PathLike)):
        return "use tensor(...) of numbers; load(path) reads those of a file"
    if isinstance(given, Mapping):
        return "choose one of its values, as in batch['x']"
    if isinstance(given, (list, tuple)) and any(map(_is_tensor, given)):
        return "take one of them, as in output[0], or join them with stack(...) or cat(...)"
    if given is None:
        return "a function without a return gives None"
    if inspect.isgenerator(given) or hasattr(given, "__next__"):
        return "use tensor(list(...)) to make one"
    return "use tensor(...) to make one"


def not_a_tensor(name: str, given: Any, wanted: str = "tensors, arrays and numbers") -> DtypeError:
    """The error, to be raised, of ``name``, which takes what is ``wanted`` and was given something else."""
    return DtypeError(f"{name} takes {wanted}, not {described(given)}; {repair_of(given)}")


def wrong_kind(name: str, given: Iterable[Any], error: Exception) -> Exception | None:
    """The error of ``name``, to be raised, where ``error`` only says that one of ``given`` is no tensor; else None.

    Such is an AttributeError of one of them, a TypeError that names its class, and any error of Python's or NumPy's
    where one of them is nothing that a function of tensors takes.
    """
    if isinstance(error, AutodiffError):
        return None
    for x in given:
        if isinstance(x, (bool, int, float, np.generic)) or (_is_tensor(x) and x.dtype.kind in "biuf"):
            continue
        if isinstance(error, AttributeError):
            found = error.obj is x or error.obj is getattr(x, "__func__", x)
        else:
            found = isinstance(error, TypeError) and f"'{type(x).__name__}'" in str(error)
        if found or _is_tensor(x) or _is_module(x) or isinstance(x, (Mapping, os.PathLike, type)):
            return not_a_tensor(name, x)
        if isinstance(x, (list, tuple)) and (inner := wrong_kind(name, x, error)) is not None:
            return inner
    if isinstance(error, AttributeError) and error.name in ("shape", "dtype", "ndim"):  # of what was made of a list
        return next((not_a_tensor(name, x) for x in given if isinstance(x, (list, tuple))), None)
    return None


def refusing(function: F) -> F:
    """``function``, whose errors about an argument that is no tensor say so (see ``wrong_kind``)."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            refusal = wrong_kind(function.__name__, (*args, *kwargs.values()), error)
            if refusal is None:
                raise
            raise refusal from error

    return call  # type: ignore[return-value]  # takes what the function takes


def _is_tensor(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype") and not inspect.isclass(x)


def _is_number(x: Any) -> bool:
    return isinstance(x, (bool, int, float, np.generic))


def _is_module(x: Any) -> bool:
    return hasattr(x, "named_parameters") and hasattr(x, "forward") and not inspect.isclass(x)


def _brief(x: Any) -> str:
    return f"{type(x).__name__} {tuple(x.shape)}" if _is_tensor(x) else type(x).__name__
