"""Reading the axis arguments of PyTorch and NumPy alike."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from autodiff.errors import AxisError, DtypeError, ShapeError
from autodiff.kinds import described

F = TypeVar("F", bound=Callable[..., Any])


def numpy_names(function: F) -> F:
    """Let ``function`` take NumPy's ``axis`` and ``keepdims`` for ``dim`` and ``keepdim``."""

    @functools.wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            return function(*args)
        if "axis" in kwargs:
            kwargs["dim"] = kwargs.pop("axis")
        if "keepdims" in kwargs:
            kwargs["keepdim"] = kwargs.pop("keepdims")
        return function(*args, **kwargs)

    return renamed  # type: ignore[return-value]  # the wrapper takes what the function takes, and two names more


def also_called(**names: str) -> Callable[[F], F]:
    """Let a function take arguments by other names of PyTorch's, too: ``also_called(exponent="other")``."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def renamed(*args: Any, **kwargs: Any) -> Any:
            if not kwargs:
                return function(*args)
            for other, name in names.items():
                if other in kwargs:
                    kwargs[name] = kwargs.pop(other)
            return function(*args, **kwargs)

        return renamed  # type: ignore[return-value]  # as above

    return decorate


def sizes_by_name(given: tuple[Any, ...], named: dict[str, Any], *names: str) -> tuple[Any, ...]:
    """What a function with ``*sizes`` was given, by position or by one of ``names``; raises TypeError for another."""
    ((name, value),) = named.items() if len(named) == 1 else (("more than one keyword", None),)
    if given or name not in names:
        raise TypeError(f"sizes come by position or as {' or '.join(names)}, once; unexpected keyword {name!r}")
    return (value,)


def axis_of(dim: Any, ndim: int) -> int:
    """``dim`` as an axis from 0 up; raises ShapeError (an IndexError too) where there is no such axis."""
    if type(dim) is int and 0 <= dim < ndim:  # the usual case
        return dim
    try:
        axis = dim.__index__()
    except (AttributeError, DtypeError):
        repair = "; several tensors stand in a list, as in cat([a, b])" if hasattr(dim, "shape") else ""
        raise DtypeError(f"an axis is an integer, not {described(dim)}{repair}") from None
    limit = max(ndim, 1)  # a 0-d tensor takes 0 and -1, as in PyTorch
    if not -limit <= axis < limit:
        raise AxisError(f"no axis {axis} in a tensor of {ndim} dimensions; give one of {-limit} to {limit - 1}")
    return int(axis % limit)


def length_of(input: Any, dim: Any) -> tuple[int, int]:
    """``dim`` as an axis from 0 up, and the length of ``input`` along it; raises AxisError for a 0-d tensor too."""
    axis = axis_of(dim, input.ndim)
    if not input.ndim:
        raise AxisError("a 0-d tensor has no axis that could be cut or picked from; unsqueeze(0) gives it one")
    return axis, input.shape[axis]


def axes_of(dim: Any, ndim: int) -> tuple[int, ...]:
    """``dim``, an integer or several, as different axes from 0 up; a 0-d tensor has none."""
    axes = tuple([axis_of(d, ndim) for d in dim]) if isinstance(dim, Sequence) else (axis_of(dim, ndim),)
    if len(set(axes)) < len(axes):
        raise ShapeError(f"an axis stands twice in {dim}")
    return axes if ndim else ()


def reduced_axes(dim: Any, ndim: int) -> tuple[int, ...] | None:
    """The axes over which PyTorch reduces for ``dim``; None means all of them, as () does too."""
    return None if dim is None else axes_of(dim, ndim) or None


def shape_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape given as one sequence or as several integers."""
    if len(sizes) == 1 and isinstance(sizes[0], Sequence):
        sizes = tuple(sizes[0])
    try:
        return tuple([int(n.__index__()) for n in sizes])
    except AttributeError:
        raise DtypeError(f"a shape is made of integers, not of {sizes!r}") from None


def size_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """``shape_of`` for a new tensor, whose lengths are all known: none is below 0."""
    shape = shape_of(sizes)
    if shape and min(shape) < 0:
        raise ShapeError(f"no shape has a length below 0, as {shape}")
    return shape
