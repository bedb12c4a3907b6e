"""Padding the edges of tensors: with a value, with the edge, by reflection, or around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.index_keys import getitem
from autodiff.functions.shaping import contiguous
from autodiff.kernels.resampling import Taps
from autodiff.ops import shaping
from autodiff.ops.windows import resample

from .arguments import apart, in_format_of

__all__ = ["pad"]

_MODES = ("constant", "reflect", "replicate", "circular")


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Value:
    """``input`` with entries around it: of ``value`` (0), or its own; a negative width cuts off.

    Shapes: ``pad`` is (before, after) of the last axis, then of the one before it, and so on. Modes other than
    "constant" pad the one, two or three last axes behind (N, C) or (C).

    "replicate" repeats the edge, "reflect" mirrors what lies behind it, "circular" goes on at the other end.

    Raises:
        ShapeError: ``pad`` is not two widths for each of at most all axes, or the input has too few entries.
        OptionError: there is no such mode.

    >>> import autodiff
    >>> pad(autodiff.ones(2), (1, 2), value=5.0)
    tensor([5., 1., 1., 5., 5.])
    >>> pad(autodiff.arange(3.0).reshape(1, 3), (2, 1), mode="reflect")
    tensor([[2., 1., 0., 1., 2., 1.]])
    """
    if mode not in _MODES:
        raise OptionError(f"pad has the modes {', '.join(_MODES)}, not {mode!r}")
    ndim, widths = len(input.shape), tuple(pad)
    if len(widths) % 2 or len(widths) > 2 * ndim:
        raise ShapeError(f"pad takes two widths for each of at most {ndim} axes, the last axis first, not {widths}")
    pairs = [*zip(widths[::2], widths[1::2], strict=True)][::-1]
    pairs = [(0, 0)] * (ndim - len(pairs)) + pairs
    if mode != "constant":
        return _with_its_own(input, pairs, len(widths) // 2, mode, value)
    if any(n + min(a, 0) + min(b, 0) < 0 for n, (a, b) in zip(input.shape, pairs, strict=True)):
        raise ShapeError(f"pad {widths} cuts off more than an input of shape {tuple(input.shape)} has")
    if min(widths, default=0) < 0:
        kept = tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(input.shape, pairs, strict=True))
        input = getitem(input, kept)
    around = tuple((max(a, 0), max(b, 0)) for a, b in pairs)
    return apply(shaping.pad, (input,), {"widths": around, "value": 0.0 if value is None else value})


def _with_its_own(input: Any, pairs: list[tuple[int, int]], axes: int, mode: str, value: float | None) -> Value:
    """Pad with entries of the input, one axis after another."""
    shape = tuple(input.shape)
    if value is not None:
        raise OptionError(f"pad with mode={mode!r} takes no value; mode='constant' does")
    if not 1 <= axes <= 3 or len(shape) not in (axes + 1, axes + 2):
        raise ShapeError(f"pad with mode={mode!r} of {axes} axes takes {axes + 1} or {axes + 2} in all, not {shape}")
    out = input
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            taps = Taps(_positions(shape[axis], before, after, mode, shape)[None])
            out = apply(resample, (out,), {"axis": axis, "taps": taps})
    follows = len(shape) > 3 and mode != "circular"
    return apart(in_format_of(out, len(shape) - 2, input) if follows else contiguous(out), input)


def _positions(size: int, before: int, after: int, mode: str, shape: tuple[int, ...]) -> Any:
    """Which entry of an axis of length ``size`` each entry of the padded one is."""
    most = {"reflect": size - 1, "circular": size}.get(mode)
    if size + before + after < 1 or not size or (most is not None and max(before, after) > most):
        fewest = "" if most is None else f"; {mode!r} adds at most {most} on a side of it"
        raise ShapeError(f"pad by ({before}, {after}) of an axis of length {size}, in an input of {shape}{fewest}")
    places = np.arange(-before, size + after)
    if mode == "replicate":
        return places.clip(0, size - 1)
    if mode == "circular":
        first, left = max(-before, 0), size + min(before, 0) + min(after, 0)  # what is cut off does not come around
        return (places - first) % left + first
    return size - 1 - np.abs(size - 1 - np.abs(places))
