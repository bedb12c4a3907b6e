"""ONNX operators for parts that are picked, written or added up by an index, and for orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.export.elementwise import number
from autodiff.export.graph import Name
from autodiff.export.recording import Value
from autodiff.export.sizes import Size
from autodiff.export.steps import Step

END = 2**31 - 1  # beyond every axis


class _Key:
    """An index of an input of ``ndim`` axes: slices, numbers and new axes first, then the arrays, all at once."""

    def __init__(self, s: Step, ndim: int) -> None:
        self.s = s
        keys = [key if isinstance(key, tuple) else (key,) for key in s.params("key")]
        rest = ndim - sum(_axes_of(part) for part in keys[0])
        self.cuts: list[tuple[int, Size, Size, int]] = []
        self.gone: list[int] = []
        self.new: list[int] = []
        self.arrays: list[tuple[int, list[Any]]] = []  # the axis among those that the slices leave
        self.apart = False  # whether other axes stand between the arrays: then theirs come first
        axis = place = end = 0  # of the input, of what the slices leave, behind the last array
        if not any(part is ... for part in keys[0]):
            keys = [(*key, ...) for key in keys]
        for i, part in enumerate(keys[0]):
            variants = [key[i] for key in keys]
            if part is ...:
                axis, place = axis + rest, place + rest
            elif part is None or part is True:  # x[True] is x with a new axis
                self.new.append(place)
                place += 1
            elif isinstance(part, slice):
                self.cuts.append((axis, *_bounds(s, variants)))
                axis, place = axis + 1, place + 1
            elif isinstance(part, Value):
                self.apart = self.apart or bool(self.arrays and end != place)
                end = place + _axes_of(part)
                self.arrays.append((place, variants))
                axis, place = axis + _axes_of(part), end
            elif part is False:
                raise s.refuse("an index of False picks nothing")
            else:
                index = s.size([int(each) for each in variants], "an index")
                after = index._replace(rest=index.rest + 1)
                self.cuts.append((axis, index, Size(END) if after == Size(0) else after, 1))
                self.gone.append(axis)
                axis += 1
        if self.arrays and self.gone:
            raise s.refuse("an array and a number cannot both be indices")
        self.left = place  # axes

    def of(self, x: Name) -> Name:
        """What the index picks of ``x``."""
        g = self.s.g
        if self.cuts:
            axes, starts, stops, steps = zip(*self.cuts, strict=True)
            x = g.node("Slice", x, g.sizes(starts), g.sizes(stops), g.numbers(*axes), g.numbers(*steps))
        if self.gone:
            x = g.node("Squeeze", x, g.numbers(*self.gone))
        if self.new:
            x = g.node("Unsqueeze", x, g.numbers(*self.new))
        return self._at_arrays(x) if self.arrays else g.node("Identity", x)

    def _at_arrays(self, x: Name) -> Name:
        s, g = self.s, self.s.g
        masks = [value.array.dtype.kind == "b" for _, (value, *_) in self.arrays]
        if not any(masks) and len(self.arrays) == 1:
            ((axis, values),) = self.arrays
            return g.node("Gather", x, s.context.name(values, s.refuse), axis=axis)
        axes: list[int] = []
        indices: list[Name] = []
        ndim = 1
        for (place, values), mask in zip(self.arrays, masks, strict=True):
            axes += range(place, place + _axes_of(values[0]))
            if mask:  # the places where it holds, one row for each axis
                found, count = g.node("NonZero", s.context.name(values, s.refuse)), _axes_of(values[0])
                indices += g.several("Split", [found], count, {"axis": 0, "num_outputs": count})
            else:
                indices.append(s.context.name(values, s.refuse))
                ndim = max(ndim, values[0].array.ndim)
        if any(masks):
            if ndim > 1:
                raise s.refuse("a mask and an array of several axes cannot both be indices")
            indices = [g.node("Reshape", index, g.numbers(-1)) for index in indices]
        others = [axis for axis in range(self.left) if axis not in axes]
        picked = g.node("GatherND", g.transpose(x, [*axes, *others]), _together(s, indices))
        if self.apart or axes[0] == 0:
            return picked
        before = axes[0]
        order = [*range(ndim, ndim + before), *range(ndim), *range(ndim + before, ndim + len(others))]
        return g.transpose(picked, order)


def _axes_of(part: Any) -> int:
    """How many axes of the input a part of an index takes."""
    if part is None or part is ... or isinstance(part, bool):
        return 0
    return part.array.ndim if isinstance(part, Value) and part.array.dtype.kind == "b" else 1


def _together(s: Step, indices: Sequence[Name]) -> Name:
    """Indices that were stretched to one shape, side by side in a last axis."""
    g, last = s.g, s.g.numbers(-1)
    if len(indices) > 1:
        whole = indices[0]
        for index in indices[1:]:
            whole = g.node("Expand", whole, g.node("Shape", index))
        shape = g.node("Shape", whole)
        indices = [g.node("Expand", index, shape) for index in indices]
    return g.node("Concat", *(g.node("Unsqueeze", index, last) for index in indices), axis=-1)


def _bounds(s: Step, parts: list[slice]) -> tuple[Size, Size, int]:
    steps = {1 if part.step is None else int(part.step) for part in parts}
    if len(steps) > 1:
        raise s.refuse("the step of a slice depends on the size of the inputs")
    (step,) = steps
    ends = []
    for values, default in (
        ([part.start for part in parts], 0 if step > 0 else END),
        ([part.stop for part in parts], END if step > 0 else -END),
    ):
        ends.append(Size(default) if None in values else s.size([int(value) for value in values], "a slice"))
    return ends[0], ends[1], step


def _index(s: Step) -> Name:
    return _Key(s, s.ndim).of(s.x())


def _take_along(s: Step) -> Name:
    axis = s.param("axis") % s.ndim
    indices = s.array("indices", np.int64)
    own, other = s.shape(0), s.shape()
    found = s.g.node("Expand", indices, s.g.sizes(other))
    cut = [i for i, (a, b) in enumerate(zip(own, other, strict=True)) if i != axis and a != b]
    x = s.x()
    if cut:  # entries beyond those that are asked for
        ends = s.g.sizes([other[i] for i in cut])
        x = s.g.node("Slice", x, s.g.numbers(*(0 for _ in cut)), ends, s.g.numbers(*cut))
    return s.g.node("GatherElements", x, found, axis=axis)


def _written(reduction: str) -> Callable[[Step], Name]:
    """``x`` with entries written at an index: the index picks from the numbers of the entries where they lie."""

    def emit(s: Step) -> Name:
        g, shape, added = s.g, s.shape(), reduction != "none"
        if reduction == "add":
            x, y = g.node("Expand", number(s, 0), g.sizes(shape)), s.x(0, s.dtype)
        else:
            x, y = s.x(0, s.dtype), s.x(1, s.dtype)
        key = _Key(s, len(shape))
        mask = key.arrays[0][1] if len(key.arrays) == 1 and not (key.cuts or key.new) else None
        if mask and not added and mask[0].array.dtype.kind == "b" and not np.ndim(_array(s.operations[0].inputs[1])):
            holds = s.context.name(mask, s.refuse)
            if later := len(shape) - mask[0].array.ndim:
                holds = g.node("Unsqueeze", holds, g.numbers(*range(-later, 0)))
            return g.node("Where", holds, y, x)
        flat, total = g.numbers(-1), g.node("Size", x)
        counted = g.node("Range", g.constant(0, np.int64), total, g.constant(1, np.int64))
        places = key.of(g.reshape(counted, shape))
        y = g.node("Expand", y, g.node("Shape", places))
        found = g.node("ScatterElements", g.node("Reshape", x, flat), g.node("Reshape", places, flat),
                       g.node("Reshape", y, flat), axis=0, reduction=reduction)  # fmt: skip
        return g.reshape(found, shape)

    return emit


def _array(given: Any) -> Any:
    return given.array if isinstance(given, Value) else given


def _scatter_extreme(s: Step) -> Name:
    return _written("max" if s.param("largest") else "min")(s)


def _argsort(s: Step) -> Name:
    """The positions in order along an axis; equals in theirs."""
    if not s.ndim:
        return s.g.constant(0, np.int64)
    axis, count = s.param("axis"), s.shape()[s.param("axis")]
    x = s.x()
    if s.dtype_of(0).kind == "b":
        x = s.g.cast(x, np.int32)
    _, found = s.g.several("TopK", [x, s.g.sizes([count])], 2,
                           {"axis": axis, "largest": int(s.param("descending")), "sorted": 1})  # fmt: skip
    return found


def _one_hot(s: Step) -> Name:
    """1 where the number of a class, on an axis of its own, is that of the column."""
    columns = s.g.constant(np.arange(s.param("count")), np.int64)
    found = s.g.node("Equal", s.g.node("Unsqueeze", s.x(0, np.int64), s.g.numbers(-1)), columns)
    return s.g.cast(found, np.int64)


PICKING: dict[str, Callable[[Step], Name]] = {
    "index": _index, "take_along_axis": _take_along, "argsort": _argsort,
    "one_hot": _one_hot,
    "embedding": lambda s: s.g.node("Gather", s.x(), s.array("indices"), axis=0),
    "put": _written("none"), "scatter_add": _written("add"), "scatter_extreme": _scatter_extreme,
}  # fmt: skip
