"""Options of sliding windows: one number for all axes or one for each, checked."""

from __future__ import annotations

from typing import Any

from autodiff.errors import OptionError, ShapeError
from autodiff.ops.shaping import reshape

__all__ = ["check_output", "check_probability", "several", "with_batch"]


def several(value: Any, count: int, name: str, least: int = 1) -> tuple[int, ...]:
    """``value`` as ``count`` integers, each at least ``least``.

    >>> several(3, 2, "kernel_size")
    (3, 3)
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    if len(values) == 1:
        values *= count
    try:
        sizes = tuple(int(n.__index__()) for n in values)
    except AttributeError:
        sizes = ()
    if len(sizes) != count or min(sizes) < least:
        number = f"an integer or {count} integers" if count > 1 else "an integer"
        raise OptionError(f"{name} is {number}, each at least {least}, not {value!r}")
    return sizes


def with_batch(input: Any, axes: int, name: str) -> tuple[Any, bool]:
    """``input`` (N, C, *) with ``axes`` axes at *, and whether it came without N, which then is 1.

    Raises ShapeError for any other number of axes.
    """
    shape = tuple(input.shape)
    if len(shape) == axes + 2:
        return input, False
    spatial = "L" if axes == 1 else "H, W"
    if len(shape) != axes + 1:
        raise ShapeError(f"{name} takes inputs (N, C, {spatial}) or (C, {spatial}), not of shape {shape}")
    return reshape(input, shape=(1, *shape)), True


def check_output(output: tuple[int, ...], input: Any, name: str, why: str) -> None:
    """Raise ShapeError where windows do not fit even once."""
    if min(output) < 1:
        raise ShapeError(f"{name} of an input of shape {tuple(input.shape)} would have the size {output}: {why}")


def check_probability(p: float) -> None:
    """Raise OptionError where ``p`` is no probability."""
    if not 0 <= p <= 1:
        raise OptionError(f"the probability of dropout lies between 0 and 1; p is {p}")
