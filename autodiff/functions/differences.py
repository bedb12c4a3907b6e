"""Numerical derivatives of functions that are known at points, by PyTorch's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.axes import axis_of
from autodiff.functions.joining import cat
from autodiff.functions.splitting import narrow
from autodiff.ops.shaping import reshape

__all__ = ["gradient"]


def gradient(input: Any, *, spacing: Any = None, dim: Any = None, edge_order: int = 1) -> tuple[Value, ...]:
    """The partial derivatives of the function whose values at points of a grid are ``input``, one for each axis.

    Within the grid the error is of second order in the distances, at its two ends of order ``edge_order``.

    Args:
        input: values (...), real or complex.
        spacing: the distance of neighbours, 1 by default, or one for each axis of ``dim``, or for each a tensor of the
            coordinates (n,).
        dim: the axis or the axes, by default all.
        edge_order: 1 or 2.

    Returns:
        As many tensors of the shape of ``input``.

    Raises:
        OptionError: ``edge_order`` is neither, or the spacings are not as many as the axes.
        ShapeError: an axis is shorter than ``edge_order + 1``, or its coordinates are not as many.

    Reference: Fornberg 1988, "Generation of finite difference formulas on arbitrarily spaced grids".

    >>> import autodiff
    >>> autodiff.gradient(autodiff.tensor([0.0, 1.0, 4.0, 9.0]))[0]
    tensor([1., 2., 4., 5.])
    """
    if edge_order not in (1, 2):
        raise OptionError(f"gradient takes edge_order 1 or 2, not {edge_order!r}")
    dims = range(input.ndim) if dim is None else dim if isinstance(dim, Sequence) else [dim]
    axes = [axis_of(d, input.ndim) for d in dims]
    step = 1 if spacing is None else spacing
    spacings = list(step) if isinstance(step, (list, tuple)) else [step] * len(axes)
    if len(spacings) != len(axes):
        raise OptionError(f"gradient takes a spacing for each of {len(axes)} axes, not {len(spacings)}")
    return tuple(_along(input, axis, step, edge_order) for axis, step in zip(axes, spacings, strict=True))


def _along(f: Any, axis: int, spacing: Any, edge_order: int) -> Any:
    """The derivative along one axis."""
    length = f.shape[axis]
    if length < edge_order + 1:
        raise ShapeError(f"gradient of edge_order {edge_order} needs {edge_order + 1} points, not {length} in {axis}")
    first, second = _distances(f, axis, spacing, 0, length - 2), _distances(f, axis, spacing, 1, length - 2)

    def values(start: int, count: int = 1) -> Any:
        return narrow(f, axis, start, count)

    def end(at: int, towards: int) -> Any:
        """The derivative at the point ``at``, from the next and the one behind it, or before, ``towards`` -1."""
        a = _distances(f, axis, spacing, at + min(0, towards), 1)
        step = values(at + towards) - values(at)
        if edge_order == 1:
            return step / a * towards
        b = _distances(f, axis, spacing, at + min(towards, 2 * towards), 1)
        return (step * ((a + b) / (a * b)) - (values(at + 2 * towards) - values(at)) * (a / (b * (a + b)))) * towards

    if isinstance(spacing, (int, float, complex)):
        within = (values(2, length - 2) - values(0, length - 2)) / (2 * spacing)
    else:
        whole = first + second
        within = values(2, length - 2) * (first / (second * whole)) - values(0, length - 2) * (second / (first * whole))
        within = within + values(1, length - 2) * ((second - first) / (first * second))
    return cat([end(0, 1), within, end(length - 1, -1)], axis)


def _distances(f: Any, axis: int, spacing: Any, start: int, count: int) -> Any:
    """The distances of ``count`` points from the next, from ``start`` on, so that they fit beside ``f``."""
    if not hasattr(spacing, "shape") or not len(spacing.shape):
        return spacing
    if tuple(spacing.shape) != (f.shape[axis],):
        raise ShapeError(f"gradient: {f.shape[axis]} points in axis {axis}, but coordinates {tuple(spacing.shape)}")
    shape = tuple(count if i == axis else 1 for i in range(f.ndim))
    return reshape(narrow(spacing, 0, start + 1, count) - narrow(spacing, 0, start, count), shape=shape)
