"""What was given in place of something else: the object in a few words, and the repair for its kind."""

from __future__ import annotations

import functools
import inspect
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np

from autodiff.dtypes import COMPLEX, KNOWN, is_known
from autodiff.errors import AutodiffError, AxisError, DtypeError, LinalgError, ShapeError, StateDictError

F = TypeVar("F", bound=Callable[..., Any])


class AnyModule(Protocol):
    """What tells checkers of types a module from a function, below the room of modules."""

    def named_parameters(self) -> Any:
        """The parameters with their names."""


def described(given: Any) -> str:
    """An object in a few words; one whose text is long, such as a model, by its class.

    >>> described([1.0, 2.0]), described(abs), described({"a": 1})
    ('[1.0, 2.0]', 'the function abs', "a dict with 'a'")
    """
    if inspect.isclass(given):
        return f"the class {given.__name__}"
    if inspect.ismethod(given):
        owner = given.__self__ if inspect.isclass(given.__self__) else type(given.__self__)
        return f"the method {owner.__name__}.{given.__name__}"
    if inspect.isroutine(given):
        return f"the function {getattr(given, '__qualname__', given)}"
    if _is_tensor(given):
        return f"a {type(given).__name__} of shape {tuple(given.shape)} and {_dtype_name(given)}"
    if isinstance(given, (list, tuple)) and any(map(_is_tensor, given)):
        parts = ", ".join(map(_brief, given[:3])) + ", ..." * (len(given) > 3)
        return f"a {type(given).__name__} of {len(given)} ({parts})"
    if isinstance(given, int) and given.bit_length() > 1 << 10:  # Python writes no int of thousands of digits
        return f"a whole number of {given.bit_length()} bits"
    if given is None or isinstance(given, (list, tuple, str, bytes, int, float, complex)):
        return f"{' '.join(repr(given).split()):.60}"
    if inspect.isgenerator(given):
        return "a generator"
    keys = f" with {', '.join(map(repr, list(given)[:3]))}" if isinstance(given, dict) and given else ""
    kind = type(given).__name__
    return f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}{keys}"


def repair_of(given: Any, make: str = "tensor(...)") -> str:
    """How to make a tensor of an object of another kind.

    >>> repair_of([1.0, 2.0]), repair_of(len)
    ('use tensor(...) to make one', 'call it, with parentheses; autodiff.func.grad(f) differentiates a function')
    """
    if isinstance(given, np.ndarray):
        return "convert it with .astype(np.float32); an array of objects has rows of unequal length, or strings, in it"
    if _is_module(given):
        return "give its output, model(x), or the list of its parameters, [*model.parameters()]"
    if inspect.isclass(given):
        return "make an instance of it, with parentheses"
    if inspect.isroutine(given):
        return "call it, with parentheses; autodiff.func.grad(f) differentiates a function"
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
    return f"use {make} to make one"


def describe(value: Any) -> str:
    """Shape, dtype and range of an array, as errors show it; a number as it is.

    >>> describe(np.array([1.0, np.inf]))
    'float64 (2,) in [1, 1], 1 of 2 not finite'
    """
    value = value.detach().numpy() if hasattr(value, "__primitive__") else value
    if not isinstance(value, (np.ndarray, np.generic)):
        return repr(value)
    text = f"{value.dtype.name} {value.shape}"
    finite = np.extract(np.isfinite(value), value.real)
    if finite.size:
        text += f" in [{finite.min():.4g}, {finite.max():.4g}]"
    bad = value.size - finite.size
    return text + (f", {bad} of {value.size} not finite" if bad else "")


def several(given: Any) -> list[Any]:
    """The members of a list, a tuple, an iterator or a list of parameters; anything else, as a model, is one thing."""
    if _is_tensor(given) or not isinstance(given, Iterable) or isinstance(given, (str, bytes, Mapping, os.PathLike)):
        return [given]
    members = list(given)
    return [given] if _is_module(given) and not all(map(_is_tensor, members)) else members


def parameters_of(name: str, given: Any) -> list[Any]:
    """The parameters, or groups of them, that ``name`` was given.

    Raises DtypeError, with the repair, for a model, a method that was not called, and anything else without members.
    """
    if isinstance(given, Mapping):
        repair = "give a list of such groups" if "params" in given else "give list(...) of its values"
        raise DtypeError(f"{name} takes a list of parameters, not {described(given)}; {repair}")
    listed = several(given)
    for x in listed:
        if _is_tensor(x):
            continue
        if x is given and inspect.isroutine(x):
            raise DtypeError(f"{name} takes parameters, not {described(x)}; call it, as in model.parameters()")
        if _is_module(x):
            raise DtypeError(f"{name} takes parameters, not {described(x)}; give model.parameters()")
        if inspect.isgenerator(x):
            raise DtypeError(f"{name} takes parameters, not a list of generators; join them: [*a.parameters(), ...]")
        if not isinstance(x, (Mapping, tuple)):
            raise DtypeError(f"{name} changes tensors, as model.parameters() gives them, not {described(x)}")
    return listed


def check_function(name: str, given: Any, wanted: str) -> None:
    """Raise DtypeError unless ``given`` can be called; ``wanted`` says with what."""
    if not callable(given):
        raise DtypeError(f"{name} is a function of {wanted}, not {described(given)}")


def check_module(name: str, given: Any) -> None:
    """Raise DtypeError unless ``given`` is a module."""
    if not _is_module(given):
        raise DtypeError(f"{name} takes a module, not {described(given)}")


def state_of(name: str, given: Any, keys: tuple[str, ...] = ()) -> Any:
    """The state dict that ``name`` was given; raises StateDictError, with the repair, for anything else."""
    if isinstance(given, Mapping) and all(key in given for key in keys):
        return given
    repair = "give what state_dict() returned"
    if isinstance(given, (str, os.PathLike)):
        repair = "load(path) reads one from a file"
    elif hasattr(given, "state_dict"):
        repair = "call its state_dict()"
    elif inspect.isroutine(given):
        repair = "call it, with parentheses"
    elif isinstance(given, Mapping):
        repair = f"it has no {' and no '.join(repr(key) for key in keys if key not in given)}: is it another object's?"
    raise StateDictError(f"{name} loads a state dict, not {described(given)}; {repair}")


def array_like(given: Any, like: Any, what: str) -> np.ndarray[Any, Any]:
    """``given`` as an array of the dtype of ``like``; raises DtypeError where it holds no numbers."""
    try:
        return np.asarray(given, dtype=like.dtype)
    except (TypeError, ValueError):
        raise DtypeError(f"{what} is a tensor or an array, not {described(given)}; {repair_of(given)}") from None


def not_a_tensor(name: str, given: Any, wanted: str = "tensors, arrays and numbers") -> DtypeError:
    """The error, to be raised, of ``name``, which takes what is ``wanted`` and was given something else."""
    return DtypeError(f"{name} takes {wanted}, not {described(given)}; {repair_of(given)}")


def constant_of(name: str, x: Any) -> Any:
    """An operand that is not a Tensor: an array or a Python number; a NumPy number counts as one of Python's.

    None for what applies primitives itself; DtypeError for anything else.
    """
    if type(x) is float or type(x) is int:  # the usual constants
        return x
    if type(x) is np.ndarray and x.dtype.char in KNOWN:
        return x.view()
    if isinstance(x, (np.ndarray, np.generic)) and is_known(x.dtype):
        return x.view(np.ndarray) if isinstance(x, np.ndarray) else x.item()
    is_number = isinstance(x, (float, int, complex))
    if is_number or hasattr(type(x), "__primitive__"):
        return x if is_number else None
    raise not_a_tensor(name, x)


def refuse_complex(name: str, given: Iterable[Any]) -> None:
    """Raise DtypeError where one of ``given`` is complex: ``name`` is of real numbers."""
    for x in given:
        if getattr(x, "dtype", None) in COMPLEX:
            raise DtypeError(f"{name} takes real numbers, not {x.dtype.name}; take .real, .imag or .abs() of them")


def operands(given: Iterable[Any]) -> str:
    """Dtype and shape of each tensor or array, and numbers as they are, as errors show them."""
    return ", ".join(f"{_dtype_name(x)} {tuple(x.shape)}" if hasattr(x, "dtype") else f"{x!r:.40}" for x in given)


def refused(name: str, given: Iterable[Any], error: Exception, params: Mapping[str, Any] | None = None) -> Exception:
    """The named error, to be raised, for what NumPy refused, with what was given."""
    settings = "".join(f", {key}={value!r:.60}" for key, value in (params or {}).items())
    kind: type[AutodiffError] = DtypeError
    if isinstance(error, np.linalg.LinAlgError):
        kind = LinalgError
    elif isinstance(error, (IndexError, ValueError)):
        kind = AxisError if isinstance(error, IndexError) else ShapeError
    lengths = re.search(r"gufunc signature .*\(size (\d+) is different from (\d+)\)", str(error))
    if of_dtypes(error):
        return kind(f"{name}({operands(given)}{settings}): there is none for these dtypes")
    why = f"the lengths {lengths[2]} and {lengths[1]} meet, and have to be equal: (n, k) @ (k, m)" if lengths else error
    return kind(f"{name}({operands(given)}{settings}): {why}")


def of_dtypes(error: Exception) -> bool:
    """Whether NumPy says by ``error`` that it has no operation for these dtypes."""
    said = re.match(r"ufunc '\w+' (not supported|did not)|The DType", str(error))
    return isinstance(error, TypeError) and said is not None


def _is_number(x: Any) -> bool:
    return isinstance(x, (bool, int, float, complex, np.generic))


def wrong_kind(name: str, given: Iterable[Any], error: Exception) -> Exception | None:
    """The error of ``name``, to be raised, where ``error`` only says that one of ``given`` is no tensor; else None.

    Such is an AttributeError of one of them, a number too, a TypeError that names its class, a ValueError that quotes
    it, and any error of Python's or NumPy's where one of them is nothing that a function of tensors takes.
    """
    if isinstance(error, AutodiffError):
        return None
    for x in given:
        if _is_number(x):
            found_on = error.obj if isinstance(error, AttributeError) and error.name is not None else None
            if _is_number(found_on) and (found_on is x or found_on == x):  # NaN is not equal to itself
                return not_a_tensor(name, x, "tensors")
            continue
        if _is_tensor(x) and x.dtype.kind in "biufc":
            continue
        if isinstance(error, AttributeError):
            found = error.name is not None and (error.obj is x or error.obj is getattr(x, "__func__", x))
        else:
            found = isinstance(error, TypeError) and f"'{type(x).__name__}'" in str(error)
            found = found or (isinstance(error, ValueError) and isinstance(x, str) and repr(x) in str(error))
        if found and not isinstance(error, AttributeError) and isinstance(x, (str, type(None))):  # it may be an option
            return DtypeError(f"{name} does not take {described(x)} there: {error}")
        is_class = isinstance(x, type) and not issubclass(x, (int, float, np.generic))  # those are dtypes
        if found or is_class or _is_tensor(x) or _is_module(x) or isinstance(x, (Mapping, os.PathLike)):
            return not_a_tensor(name, x)
        if isinstance(x, (list, tuple)) and (inner := wrong_kind(name, x, error)) is not None:
            return inner
    if of_dtypes(error):
        return refused(name, given, error)
    if isinstance(error, AttributeError) and error.name in ("shape", "dtype", "ndim"):  # of what was made of a list
        return next((not_a_tensor(name, x) for x in given if isinstance(x, (list, tuple))), None)
    return None


def refusing(function: F) -> F:
    """``function``, whose errors about an argument that is no tensor say so (see ``wrong_kind``)."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs) if kwargs else function(*args)
        except Exception as error:
            refusal = wrong_kind(function.__name__, (*args, *kwargs.values()), error)
            if refusal is None:
                raise
            raise refusal from error

    return call  # type: ignore[return-value]  # takes what the function takes


def _dtype_name(x: Any) -> str:
    """The name of the dtype of a tensor or an array, of this library, NumPy or another."""
    return str(getattr(x.dtype, "name", x.dtype))


def _is_tensor(x: Any) -> bool:
    return hasattr(type(x), "__primitive__") or (hasattr(x, "shape") and hasattr(x, "dtype") and not inspect.isclass(x))


def _is_module(x: Any) -> bool:
    return hasattr(x, "named_parameters") and hasattr(x, "forward") and not inspect.isclass(x)


def _brief(x: Any) -> str:
    return f"{type(x).__name__} {tuple(x.shape)}" if _is_tensor(x) else type(x).__name__
