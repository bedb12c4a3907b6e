"""The message for a wrong gradient: which entry, by how much, what pattern, and the inputs as code."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, permutations
from typing import Any, NamedTuple

import numpy as np

from autodiff.testing.numeric import Slope

Array = np.ndarray[Any, Any]
CLOSE = 1e-5
SHOWN = 64  # entries of an array that a message shows


class Finding(NamedTuple):
    """What is wrong with the gradient of one input.

    Attributes:
        kind: "gradient", "kink" (the gradient lies between the slopes of the two sides), "kink outside", "shape",
            "dtype", "precision" or "determinism".
        input: which of the checked inputs.
        message: what to tell the user.
    """

    kind: str
    input: int
    message: str


def _same(a: Array, b: Array) -> bool:
    if a.shape != b.shape:
        return False
    size = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
    return bool(np.abs(a - b).max(initial=0) <= CLOSE * size)


def pattern(analytic: Array, numeric: Array, shape: tuple[int, ...]) -> str:
    """The name of what turns the right Jacobian into the wrong one, or "".

    Shapes: both (input entries, output entries); ``shape`` is that of the input.

    >>> pattern(-np.eye(2), np.eye(2), (2,))
    'the sign is wrong: analytic = -numeric'
    """
    if not np.isfinite(analytic).all() or _same(analytic, numeric):
        return ""
    if not analytic.any():
        return "the gradient is zero everywhere: this path is missing, or cut (detach, a number taken out, rounding)"
    if _same(analytic, -numeric):
        return "the sign is wrong: analytic = -numeric"
    return _factor(analytic, numeric) or _moved(analytic, numeric, shape) or _partial(analytic, numeric)


def _factor(analytic: Array, numeric: Array) -> str:
    large = np.abs(numeric) > 1e-3 * np.abs(numeric).max(initial=0)
    if not large.any():
        return ""
    factor = float(np.median(analytic[large] / numeric[large]))
    if large.sum() < 2 or not factor or not _same(analytic, factor * numeric):
        return ""
    whole = round(1 / factor) if abs(factor) < 1 else 0
    inverse = f" = 1/{whole}" if whole and abs(factor * whole - 1) < CLOSE else ""
    return f"a constant factor: analytic = {factor:.6g}{inverse} * numeric"


def _moved(analytic: Array, numeric: Array, shape: tuple[int, ...]) -> str:
    """Whether the entries are right, but at other places of the input."""
    a, n = analytic.reshape(*shape, -1), numeric.reshape(*shape, -1)
    last = len(shape)
    for axes in list(permutations(range(last)))[1:] if 1 < last < 5 else []:
        if _same(np.transpose(a, (*axes, last)), n):
            swapped = "transposed" if last == 2 else f"its axes stand in the order {axes}"
            return f"the gradient is {swapped}"
    long_axes = [axis for axis, length in enumerate(shape) if length > 1]
    for axis in long_axes:
        for shift in (1, -1):
            if _same(np.roll(a, shift, axis), n):
                return f"the gradient is shifted by {-shift} along axis {axis}"
        if _same(np.flip(a, axis), n):
            return f"the gradient is reversed along axis {axis}"
    for axis in long_axes:
        if _same(np.broadcast_to(n.mean(axis, keepdims=True), n.shape), a):
            return f"the gradient was averaged over axis {axis} of the input"
        if _same(np.broadcast_to(n.sum(axis, keepdims=True), n.shape), a):
            return f"the gradient was summed over axis {axis} of the input, which was not broadcast"
    return ""


def _partial(analytic: Array, numeric: Array) -> str:
    """Whether only some entries of the input or of the output are wrong."""
    wrong = ~np.isclose(analytic, numeric, rtol=CLOSE, atol=CLOSE * float(np.abs(numeric).max(initial=0)))
    rows, columns = np.asarray(wrong.any(axis=1)), np.asarray(wrong.any(axis=0))
    if not analytic[wrong].any():
        return (
            f"{int(wrong.sum())} of {int((numeric != 0).sum())} contributions are missing, the others right: a term "
            "or the sum over a broadcast axis was lost"
        )
    for count, of, words in ((rows, "input", "only"), (columns, "output", "only the parts from")):
        if 0 < count.sum() <= count.size / 2:
            return f"{words} {int(count.sum())} of {count.size} entries of the {of} are wrong"
    difference = analytic - numeric
    if difference.size > 1 and _same(difference, np.full_like(difference, difference.flat[0])):
        return f"a constant is added: analytic = numeric + {difference.flat[0]:.6g}"
    return ""


def entry(name: str, index: Sequence[Any]) -> str:
    """``name[1, 2]``, or ``name`` alone for a 0-d array."""
    return f"{name}[{', '.join(map(str, index))}]" if len(index) else name


def wrong_gradient(
    name: str, shape: tuple[int, ...], outputs: list[tuple[int, ...]], analytic: Array, found: Slope, wrong: Array
) -> str:
    """The message for a Jacobian (input entries, output entries) of which the entries ``wrong`` do not agree."""
    numeric, error = found
    score = np.where(wrong, np.abs(np.nan_to_num(analytic - numeric, nan=np.inf)), -1.0)
    i, j = np.unravel_index(int(score.argmax()), score.shape)
    where = f"d {output_entry(outputs, int(j))} / d {entry(name, np.unravel_index(int(i), shape))}"
    lines = [
        f"the gradient of {name}, of shape {shape}, is wrong",
        f"  {where}: analytic {analytic[i, j]:.10g}, numeric {numeric[i, j]:.10g} +- {error[i, j]:.1g}",
        f"  {int(wrong.sum())} of {wrong.size} entries of the Jacobian disagree",
    ]
    if named := pattern(analytic, numeric, shape):
        lines.append(f"  pattern: {named}")
    return "\n".join(lines)


def output_entry(outputs: list[tuple[int, ...]], flat: int) -> str:
    """Which entry of which output the column ``flat`` of a Jacobian belongs to."""
    ends = np.cumsum([0] + [int(np.prod(shape)) for shape in outputs])
    for k, (start, end) in enumerate(pairwise(ends.tolist())):
        if start <= flat < end:
            return entry("out" if len(outputs) == 1 else f"out{k}", np.unravel_index(flat - start, outputs[k]))
    return f"out({flat})"


def kink(where: str, at: Any, left: float, right: float, kind: str, out: str) -> str:
    """The message for a point without a slope."""
    what = {
        "kink": f"slope {left:.4g} from the left, {right:.4g} from the right",
        "jump": "the value jumps there",
        "pole": "the slope grows without bound",
        "noise": "the numeric slope does not settle (a random or rounded value, or a computation in low precision)",
    }[kind]
    return f"not differentiable at {where} = {at!r}: {what} (of {out})"


def as_code(value: Any) -> str:
    """``value`` as Python code that makes it again.

    >>> as_code(np.array([1.5, np.nan], np.float32))
    'np.array([1.5, np.nan], dtype=np.float32)'
    """
    if isinstance(value, np.ndarray):
        if value.size == 0:
            return f"np.zeros({value.shape}, dtype=np.{value.dtype.name})"
        if value.size > SHOWN:
            return f"np.array(...)  # {value.dtype.name} {value.shape}, in [{value.min():.6g}, {value.max():.6g}]"
        numbers = _numbers(value.tolist())
        plain = value.dtype == np.float64
        return f"np.array({numbers})" if plain else f"np.array({numbers}, dtype=np.{value.dtype.name})"
    if isinstance(value, (tuple, list)) and type(value) in (tuple, list):
        inner = ", ".join(map(as_code, value)) + ("," if isinstance(value, tuple) and len(value) == 1 else "")
        return f"({inner})" if isinstance(value, tuple) else f"[{inner}]"
    if isinstance(value, float):
        return _numbers(value)
    return repr(value)


def _numbers(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_numbers, value)) + "]"
    text = repr(value)
    return {"nan": "np.nan", "inf": "np.inf", "-inf": "-np.inf"}.get(text, text)


def example_line(inputs: Sequence[Any], kwargs: dict[str, Any], extra: str = "") -> str:
    """The decorator line that makes a test begin with these inputs."""
    parts = [as_code(x) for x in inputs] + [f"{name}={as_code(value)}" for name, value in kwargs.items()]
    return f"@example(case({', '.join(parts)}{extra}))"
