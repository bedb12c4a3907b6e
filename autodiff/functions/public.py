"""The contract for arrays: a public function gives Tensors, whatever it is given.

Inside the library the functions of a vocabulary go on as they are: on arrays they compute with NumPy, so that VJPs and
kernels can use them. Each package that offers them to users (``autodiff``, ``autodiff.fft``, ``autodiff.linalg``,
``autodiff.special``, ``nn.functional``) ends with ``give_tensors(vars(), EXAMPLES)``.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from autodiff.dtypes import is_known, result_dtype
from autodiff.engine.apply import apply
from autodiff.engine.primitive import Primitive
from autodiff.engine.values import Operand, TensorBase, Value, wrap
from autodiff.errors import DtypeError
from autodiff.functions.documented import Examples, add_examples
from autodiff.functions.into import into
from autodiff.functions.old_orders import retried
from autodiff.kernels.arrays import as_array
from autodiff.kernels.layout import note
from autodiff.kinds import described, repair_of, wrong_kind

F = TypeVar("F", bound=Callable[..., Any])

PACKAGES = ("autodiff.functions.", "autodiff.linalg.", "autodiff.special.", "autodiff.fft.", "nn.functional.")
_public: dict[Any, Callable[..., Any]] = {}  # one for each function, so that its other names are the same object


def give_tensors(names: dict[str, Any], examples: Examples) -> None:
    """Let each function of a vocabulary among the ``names`` of a package take arrays as the tensors they could be.

    Docstrings without an example get theirs from ``examples``.
    """
    originals = dict(names)
    for name, value in originals.items():
        is_function = isinstance(value, types.FunctionType) and value.__module__.startswith(PACKAGES)
        if name.startswith("_") or not is_function:
            continue
        call = _public[value] = _public.get(value) or _of_function(value)
        if call.__module__.startswith(PACKAGES):
            first = call.__name__
            call.__module__ = names["__name__"]  # where pickle finds it, by one of its names
            call.__qualname__ = first if originals.get(first) is value else name
        names[name] = call
    add_examples(names, examples)


def of_one(input: Operand) -> Value:
    """What a function of one tensor takes, and what a checker of types sees of it."""
    raise NotImplementedError


def of_two(input: Operand, other: Operand) -> Value:
    """The same for two tensors."""
    raise NotImplementedError


def of_base(input: Operand, exponent: Operand) -> Value:
    """The same for a power."""
    raise NotImplementedError


def of_matrix(A: Operand) -> Value:
    """The same for a matrix, by the name that it has in ``torch.linalg``."""
    raise NotImplementedError


def as_function(primitive: Primitive, arguments: F, words: str, name: str = "") -> F:
    """A primitive as a public function, which is also the method of its first operand.

    Here, and nowhere else, a primitive becomes public. It costs no call more than a method that is written out.

    Args:
        primitive: what is applied.
        arguments: ``of_one``, ``of_two``, ``of_base`` or ``of_matrix``: how the operands are called.
        words: the docstring.
        name: the function's, where it is not that of the primitive.
    """

    def one(input: Any, *, out: Any = None) -> Any:
        return apply(primitive, (input,)) if out is None else into(out, apply(primitive, (input,)), public)

    def two(input: Any, other: Any, *, out: Any = None) -> Any:
        return apply(primitive, (input, other)) if out is None else into(out, apply(primitive, (input, other)), public)

    def base(input: Any, exponent: Any, *, out: Any = None) -> Any:
        if out is None:
            return apply(primitive, (input, exponent))
        return into(out, apply(primitive, (input, exponent)), public)

    def matrix(A: Any, *, out: Any = None) -> Any:
        return apply(primitive, (A,)) if out is None else into(out, apply(primitive, (A,)), public)

    public = name or primitive.name
    call: Any = {of_one: one, of_two: two, of_base: base, of_matrix: matrix}[arguments]
    call.__name__ = call.__qualname__ = public
    call.__doc__, call.__annotations__ = words, arguments.__annotations__
    _public[call] = call
    return call


def _of_function(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs and "out" in kwargs and not function.__module__.startswith("nn."):
            out = kwargs.pop("out")
            return call(*args, **kwargs) if out is None else into(out, call(*args, **kwargs), function.__name__)
        try:
            if args and isinstance(args[0], TensorBase):  # the usual call: then so is what comes out
                return function(*args, **kwargs) if kwargs else function(*args)
            given = (*args, *kwargs.values())
            arrays = _has((np.ndarray, np.generic), given)
            if not arrays and _has(TensorBase, given):
                return function(*args, **kwargs)
            if not arrays:
                return _of_numbers(function, args, kwargs)
            return function(*map(_as_tensor, args), **{name: _as_tensor(x) for name, x in kwargs.items()})
        except Exception as error:
            if (again := retried(call, function.__name__, args, kwargs)) is not NotImplemented:
                return again
            refusal = wrong_kind(function.__name__, (*args, *kwargs.values()), error)
            if refusal is None:
                raise
            raise refusal from error

    return call


def _has(kind: Any, values: Any) -> bool:
    """Whether one of the values, or of those in lists and tuples among them, is of that kind."""
    return any(_has(kind, x) if isinstance(x, (list, tuple)) else isinstance(x, kind) for x in values)


def _as_tensor(value: Any) -> Any:
    """An array as a Tensor that shares its memory; those in a list likewise; anything else as it is."""
    if isinstance(value, (list, tuple)):
        parts = [_as_tensor(x) for x in value]
        return parts if isinstance(value, list) else tuple(parts)
    if not isinstance(value, (np.ndarray, np.generic)):
        return value
    if not is_known(value.dtype):
        raise DtypeError(f"no tensor can be made of an array of {value.dtype}; give booleans, integers or floats")
    note(array := as_array(value))
    return wrap(array)


def _of_numbers(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """The result for numbers alone, which some functions take; NumPy would read strings and lists as arrays."""
    given = (*args, *kwargs.values())
    text, repair = ", ".join(map(described, given)), repair_of(given[0] if given else ())
    refusal = DtypeError(f"{function.__name__} takes tensors or arrays, not ({text}); {repair}")
    if any(isinstance(x, str) for x in args):
        raise refusal
    try:
        result = function(*args, **kwargs)
    except AttributeError as error:
        raise refusal from error
    if not isinstance(result, (np.ndarray, np.generic)):
        return result
    if not all(isinstance(x, (int, float, complex)) for x in args):
        raise refusal
    return wrap(as_array(result, result_dtype(*args, 1.0) if result.dtype.kind in "fc" else None))
