"""Compares what a program comes to with the two libraries, and tells a disagreement from rounding.

Numbers that differ are held against the program in float64, and there against the program at inputs a little aside:
what a change of the inputs in their last digits would do to the result, rounding may do as well.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from benchmarks.fuzzing.program import Program
from benchmarks.fuzzing.run import OURS, Outcome, Value, peer, run_double

Array = np.ndarray[Any, Any]
# By dtype: of the number itself, and of the largest beside it.
NEAR = {"float64": (1e-9, 1e-10), "float32": (1e-4, 2e-5), "float16": (2e-2, 1e-2)}
TINY = {"float64": 1e-12, "float32": 1e-9, "float16": 1e-5}


class Difference(NamedTuple):
    """One thing in which the libraries differ: what kind of thing, of which variable, and both sides of it."""

    kind: str
    where: str
    ours: Any
    theirs: Any

    def __str__(self) -> str:
        return f"{self.kind} of {self.where}\n  ours:   {_shown(self.ours)}\n  theirs: {_shown(self.theirs)}"


def _shown(x: Any) -> str:
    if isinstance(x, BaseException):
        return f"{type(x).__name__}: {str(x)[:300]}"
    return repr(x)[:600]


def compared(program: Program, ours: Outcome, theirs: Outcome) -> Difference | None:
    """The first difference that is not rounding, in the order of execution."""
    if (found := _errors(program, ours, theirs)) is not None:
        return found
    pairs: list[tuple[str, dict[str, Any], dict[str, Any]]] = [("value", ours.values, theirs.values)]
    for k, (mine, others) in enumerate(zip(ours.gradients, theirs.gradients, strict=False)):
        pairs.append((f"gradient {k + 1}", mine, others))
    faint: Difference | None = None
    for kind, mine, others in pairs:
        if mine.keys() != others.keys():
            return Difference("names", kind, sorted(mine), sorted(others))
        for name in others:
            if (found := _differ(kind, name, mine[name], others[name])) is None:
                continue
            if none_or_zeros(found):
                faint = faint or found
            elif found.kind != kind or not is_rounding(program, found, ours, theirs):
                return found
    longer, shorter = (ours, theirs) if len(ours.gradients) > len(theirs.gradients) else (theirs, ours)
    for k in range(len(shorter.gradients), len(longer.gradients)):  # a gradient that is constant, and not tracked
        for name, value in longer.gradients[k].items():
            if value is not None and np.nan_to_num(value.array, nan=1).any():
                sides = (value, None) if longer is ours else (None, value)
                return Difference(f"gradient {k + 1} or none", name, *sides)
    return faint


def none_or_zeros(found: Difference) -> bool:
    """Whether one has no gradient, and the other one of zeros."""
    return found.kind.endswith("or none") and not any(
        x is not None and np.nan_to_num(x.array, nan=1).any() for x in (found.ours, found.theirs)
    )


def _errors(program: Program, ours: Outcome, theirs: Outcome) -> Difference | None:
    for k in sorted({*ours.errors, *theirs.errors}):
        count = len(program.lines)
        where = program.lines[k].text if k < count else f"gradients of order {k - count + 1}"
        mine, other = ours.errors.get(k), theirs.errors.get(k)
        if mine is None or other is None:
            return Difference("error", where, mine or "none", other or "none")
        if is_bare(mine, other):
            return Difference("bare error", where, mine, other)
        if k >= count and is_in_place(mine) != is_in_place(other):
            return Difference("kind of error", where, mine, other)
    return None


def is_bare(mine: BaseException, other: BaseException) -> bool:
    """Whether our error is none of the named ones, and not what Python itself says of the same line."""
    ours = isinstance(mine, OURS.errors.AutodiffError)
    return not ours and type(mine) is not type(other) and not isinstance(mine, (TypeError, AttributeError, SyntaxError))


def is_in_place(error: BaseException) -> bool:
    """Whether it is said of a change in place that it may not be, or spoils a gradient."""
    text = str(error)
    return isinstance(error, OURS.errors.InPlaceError) or re.search("in.?place", text) is not None


def _differ(kind: str, name: str, mine: Value | None, other: Value | None) -> Difference | None:
    if mine is None or other is None:
        return None if mine is other else Difference(f"{kind} or none", name, mine, other)
    # Whether a gradient that is constant is tracked, is a matter of how its formula is written.
    for what in ("shape", "dtype", *(["tracked"] if kind == "value" else [])):
        if getattr(mine, what) != getattr(other, what):
            return Difference(f"{kind}: {what}", name, mine, other)
    return None if near(mine.array, other.array) else Difference(kind, name, mine, other)


def near(a: Array, b: Array, loose: float = 1.0) -> bool:
    """Whether the numbers agree, for their dtype; NaN and infinities must stand in the same places."""
    if a.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    if np.array_equal(a, b, equal_nan=True):
        return True
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return False
    relative, of_largest = NEAR[str(b.dtype)]
    dtype = b.dtype
    a, b = a[finite].astype(np.float64), b[finite].astype(np.float64)
    largest = np.abs(b).max(initial=0.0)
    return bool((np.abs(a - b) <= loose * (relative * np.abs(b) + of_largest * largest + TINY[str(dtype)])).all())


def _at(outcome: Outcome, found: Difference) -> Array | None:
    """The numbers of the thing that differs, in an outcome."""
    kind, _, order = found.kind.partition(" ")
    if kind == "value":
        value = outcome.values.get(found.where)
    else:
        value = outcome.gradients[int(order) - 1].get(found.where) if len(outcome.gradients) >= int(order) else None
    return None if value is None or value.dtype == "bool" else value.array.astype(np.float64)


def _distance(a: Array | None, b: Array | None) -> float:
    """The largest difference; infinite where one is not finite and the other is not the same."""
    if a is None or b is None or a.shape != b.shape:
        return np.inf
    with np.errstate(all="ignore"):
        apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))


def _lowest(values: list[Value]) -> str:
    """The least precise of the dtypes in a program; float32 comes out of whole numbers, too."""
    dtypes = {value.dtype for value in values}
    return next((dtype for dtype in ("float16", "float32") if dtype in dtypes), "float64")


def is_rounding(program: Program, found: Difference, outcome: Outcome, theirs: Outcome) -> bool:
    """Whether the difference of two outcomes is one that rounding makes."""
    lowest = _lowest([*outcome.values.values(), *theirs.values.values()])
    torch, double = peer(), program.in_double()
    if torch is None:
        return False
    true = _at(run_double(double, torch), found)
    if true is None or not _infinite_alike(true, found.ours.array):
        return False
    beside = [_at(run_double(double.nudged(amount, seed), torch), found) for seed in (0, 1) for amount in (1e-6, 1e-9)]
    sensitivity = max(_distance(x, true) / amount for x, amount in zip(beside, (1e-6, 1e-9) * 2, strict=True))
    largest = float(np.abs(true[np.isfinite(true)]).max(initial=0.0))
    mine, other = (_distance(x.array.astype(np.float64), true) for x in (found.ours, found.theirs))
    if lowest != "float64":
        eps = 1e-3 if lowest == "float16" else 1.2e-7
        ours = _at(run_double(double, OURS), found)
        if ours is None or not _close(ours, true, 1e-15 * sensitivity):
            return False
        return mine <= 10 * other + eps * (30 * largest + 10 * sensitivity + 1)
    return mine <= 1e-9 * largest + 3e-15 * sensitivity + 1e-14


def _infinite_alike(true: Array, ours: Array) -> bool:
    """Whether NaN and infinities stand in the same places, and are the same."""
    finite = np.isfinite(true)
    return ours.shape == true.shape and np.array_equal(np.isfinite(ours), finite) and np.array_equal(
        ours[~finite], true[~finite], equal_nan=True)


def _close(a: Array, b: Array, more: float) -> bool:
    return near(a, b) or _distance(a, b) <= 1e-9 * float(np.abs(b[np.isfinite(b)]).max(initial=0.0)) + more
