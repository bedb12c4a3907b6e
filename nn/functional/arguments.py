"""Reading the arguments of layers' functions: numbers of axes, sizes of windows, batches, probabilities."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from autodiff.errors import OptionError, ShapeError
from autodiff.functions.arrays import array_of
from autodiff.kernels.geometry import Sizes, Window
from autodiff.kernels.layout import channels_last
from autodiff.kernels.lending import owner_of
from autodiff.ops.shaping import copy, reshape

P = ParamSpec("P")
R = TypeVar("R")


def for_axes(axes: int, function: Callable[Concatenate[int, P], R]) -> Callable[P, R]:
    """``function``, which takes the number of axes behind (N, C) first, for ``axes`` of them.

    The number goes into the name: with 2, ``max_pool_nd`` becomes ``max_pool2d``.
    An error about the arguments names the result, not ``function``.
    """
    name = function.__name__.replace("_nd", f"{axes}d")
    inner = inspect.signature(function)
    signature = inner.replace(parameters=[*inner.parameters.values()][1:])

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(axes, *args, **kwargs)
        except TypeError:
            try:
                signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{name}() {error}") from None
            raise

    call.__name__ = call.__qualname__ = name
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call


def as_tuple(value: Any, count: int, name: str, least: int = 1) -> Sizes:
    """``value``, one integer or one for each of ``count`` axes, as a tuple; each is at least ``least``.

    >>> as_tuple(3, 2, "kernel_size")
    (3, 3)
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    if len(values) == 1:
        values *= count
    try:
        sizes = tuple([int(n.__index__()) for n in values])
    except AttributeError:
        sizes = ()
    if len(sizes) != count or min(sizes) < least:
        number = f"an integer or {count} integers" if count > 1 else "an integer"
        raise OptionError(f"{name} is {number}, each at least {least}, not {value!r}")
    return sizes


def window_of(axes: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any = 1) -> Window:
    """The options of sliding windows, checked."""
    around = as_tuple(padding, axes, "padding", 0)
    return Window(
        as_tuple(kernel_size, axes, "kernel_size"),
        as_tuple(stride, axes, "stride"),
        tuple(zip(around, around, strict=True)),
        as_tuple(dilation, axes, "dilation"),
    )


def with_batch(input: Any, axes: int, name: str) -> tuple[Any, bool]:
    """``input`` (N, C, *) with ``axes`` axes at *, and whether it came without N, which then is 1.

    Raises ShapeError for any other number of axes.
    """
    shape = tuple(input.shape)
    if len(shape) == axes + 2:
        return input, False
    if len(shape) != axes + 1:
        spatial = "D, H, W"[-1 - 3 * (axes - 1) :] if axes > 1 else "L"
        raise ShapeError(f"{name} takes inputs (N, C, {spatial}) or (C, {spatial}), not of shape {shape}")
    return reshape(input, shape=(1, *shape)), True


def without_batch(out: Any, unbatched: bool) -> Any:
    """``out`` (1, C, *) as (C, *) where the input came without N."""
    return reshape(out, shape=out.shape[1:]) if unbatched else out


def in_format_of(out: Any, axes: int, *given: Any) -> Any:
    """``out`` (N, C, *) with its channels last in memory where those of an input are, or else row by row."""
    arrays = [array_of(x) for x in given]
    if all(a.flags.c_contiguous for a in arrays):
        return out
    if isinstance(out, tuple):
        return tuple(in_format_of(x, axes, *given) for x in out)
    last, have = any(channels_last(a, (axes + 2,)) for a in arrays), array_of(out)
    return out if have.flags.c_contiguous != last or channels_last(have, (axes + 2,)) else copy(out, order="CL"[last])


def apart(out: Any, input: Any) -> Any:
    """``out``, which PyTorch's function computes into memory of its own, copied where it shows that of ``input``."""
    return copy(out) if owner_of(array_of(out)) is owner_of(array_of(input)) else out


def check_output(output: Sizes, input: Any, name: str, why: str) -> None:
    """Raise ShapeError where windows do not fit even once."""
    if min(output) < 1:
        raise ShapeError(f"{name} of an input of shape {tuple(input.shape)} would have the size {output}: {why}")


def check_probability(p: float) -> None:
    """Raise OptionError where ``p`` is no probability."""
    if not 0 <= p <= 1:
        raise OptionError(f"the probability of dropout lies between 0 and 1; p is {p}")


def written(input: Any, function: Callable[..., Any], *options: Any) -> Any:
    """``function`` of the input, written into the input, which is returned.

    The function is that of a copy, since it may keep its input for the backward pass.
    """
    return input._write_result(function(input._before_write().clone(), *options))
