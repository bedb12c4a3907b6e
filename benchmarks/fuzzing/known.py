"""Differences that are known, each with who is right; what none of these names is a disagreement."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.fuzzing.compare import Difference, near
from benchmarks.fuzzing.program import Program
from benchmarks.fuzzing.run import Value


class Known(NamedTuple):
    """A kind of difference: ``holds`` says whether one is of this kind, ``right`` who is right, and why."""

    name: str
    right: str
    holds: Callable[[Program, Difference], bool]


def _refused(*said: str) -> Callable[[Program, Difference], bool]:
    """PyTorch refuses with one of these words what this library does."""
    return lambda program, found: (
        found.kind == "error" and found.ours == "none" and any(re.search(text, str(found.theirs)) for text in said)
    )


def _we_refuse(*said: str) -> Callable[[Program, Difference], bool]:
    return lambda program, found: (
        found.kind == "error" and found.theirs == "none" and any(re.search(text, str(found.ours)) for text in said)
    )


def _nan_behind_where(program: Program, found: Difference) -> bool:
    """Only PyTorch's gradient has NaN, and all other entries agree."""
    mine, other = found.ours, found.theirs
    if not (found.kind.startswith("gradient") and isinstance(mine, Value) and isinstance(other, Value)):
        return False
    if found.kind.endswith("none") or mine.array.shape != other.array.shape:
        return False
    leaked = np.isnan(other.array) & np.isfinite(mine.array)
    return bool(leaked.any()) and near(np.where(leaked, 0, mine.array), np.where(leaked, 0, other.array), 10)


def _no_grad_view(program: Program, found: Difference) -> bool:
    made = rf"with lib.no_grad\(\): (\w+, )*{re.escape(found.where)}\b"
    return (found.kind == "value: tracked" and not found.ours.tracked
            and any(re.match(made, line.text) for line in program.lines))


def _infinite(program: Program, found: Difference) -> bool:
    """Infinite or NaN inputs, and only entries that are not finite on a side differ."""
    mine, other = found.ours, found.theirs
    if not (isinstance(mine, Value) and isinstance(other, Value) and mine.array.shape == other.array.shape):
        return False
    if mine.array.dtype.kind != "f" or all(np.isfinite(leaf.array).all() for leaf in program.leaves):
        return False
    odd = ~(np.isfinite(mine.array) & np.isfinite(other.array))
    return near(np.where(odd, 0, mine.array), np.where(odd, 0, other.array), 10)


def _one_dtype(program: Program, found: Difference) -> bool:
    """PyTorch asks for one dtype."""
    return _refused("dtype", "Type promoting not supported", "same type")(program, found) and bool(
        re.search("scatter|put|baddbmm|prelu|addmm|lerp|linear|conv|norm|index_", found.where)
    )


def _windows(program: Program, found: Difference) -> bool:
    return found.kind == "value" and any(re.search(r"\.unfold\([^)]*\)(\.\w+_\(|\[| [-+*]=)", line.text)
                                         for line in program.lines)


def _none_or_zeros(program: Program, found: Difference) -> bool:
    return found.kind.endswith("or none") and not any(
        x is not None and np.nan_to_num(x.array, nan=1).any() for x in (found.ours, found.theirs)
    )


KNOWN = [
    Known("half precision", "ours: PyTorch has no such kernel for float16", _refused(
        "'Half'", "Low precision dtypes", "must be either float or double", "expected scalar type .* but found Half")),
    Known("parts that are written", "ours: a part of chunk, split, unbind is a view like any other", _refused(
        "output of a function that returns multiple views", "output is a view .* multi-output")),
    Known("no second derivative", "ours: PyTorch has no derivative of this derivative", _refused(
        "derivative for .* is not implemented", "not implemented for .* double", "does not support double")),
    Known("what PyTorch keeps", "both: ours does not keep what was changed", _refused(
        "one of the variables needed for gradient computation has been modified")),
    Known("what we keep", "both: PyTorch does not keep what was changed", _we_refuse(
        "that the backward pass of .* needs was changed in place")),
    Known("reads what it writes", "ours: what is read is read before", _refused(
        "some elements of the input tensor and the written-to tensor refer to a single memory location")),
    Known("stretched memory", "both: several entries are one number, which ours never writes", _we_refuse(
        "is read-only, or stretched by expand")),
    Known("a view under no_grad", "ours: nothing was recorded, so it does not require grad", _no_grad_view),
    Known("a view under no_grad that is written", "ours: the view shows the new value, without gradient", _refused(
        "A view was created in no_grad mode and its base or another view of its base has been modified")),
    Known("overlapping windows", "neither: an entry stands in two windows of unfold that are written", _windows),
    Known("infinite inputs", "neither: which of inf and NaN comes out of infinite inputs", _infinite),
    Known("two dtypes", "ours: promotes, where PyTorch asks for one dtype", _one_dtype),
    Known("an index beyond", "ours: refuses, where PyTorch reads memory of others", lambda program, found: (
        _we_refuse("out of bounds")(program, found) and "take_along_dim" in found.where)),
    Known("NaN behind where", "ours: a cotangent of 0 stays 0", _nan_behind_where),
    Known("none or zeros", "both: nothing depends on the leaf", _none_or_zeros),
]  # fmt: skip


def known(program: Program, found: Difference) -> str | None:
    """The name of the kind that the difference is of, if it is known."""
    return next((entry.name for entry in KNOWN if entry.holds(program, found)), None)
