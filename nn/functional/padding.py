"""Padding the edges of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff.errors import OptionError, ShapeError
from autodiff.functions.keys import getitem
from autodiff.ops.shaping import pad as pad_row
from autodiff.recording import apply
from autodiff.tensor import Tensor

__all__ = ["pad"]


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """``input`` with entries of ``value`` (0) around it; a negative width cuts off.

    Shapes: ``pad`` is (before, after) of the last axis, then of the one before it, and so on.

    Raises:
        ShapeError: ``pad`` has not two widths for each of at most all axes.
        OptionError: there is no such mode.

    >>> import autodiff
    >>> pad(autodiff.ones(2), (1, 2), value=5.0)
    tensor([5., 1., 1., 5., 5.])
    """
    if mode != "constant":
        raise OptionError(f"pad has the mode 'constant', not {mode!r}")
    ndim, widths = len(input.shape), tuple(pad)
    if len(widths) % 2 or len(widths) > 2 * ndim:
        raise ShapeError(f"pad takes two widths for each of at most {ndim} axes, the last axis first, not {widths}")
    pairs = [*zip(widths[::2], widths[1::2], strict=True)][::-1]
    pairs = [(0, 0)] * (ndim - len(pairs)) + pairs
    if any(n + min(a, 0) + min(b, 0) < 0 for n, (a, b) in zip(input.shape, pairs, strict=True)):
        raise ShapeError(f"pad {widths} cuts off more than an input of shape {tuple(input.shape)} has")
    if min(widths, default=0) < 0:
        input = getitem(
            input, tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(input.shape, pairs, strict=True))
        )
    around = tuple((max(a, 0), max(b, 0)) for a, b in pairs)
    return apply(pad_row, (input,), {"widths": around, "value": 0.0 if value is None else value})
