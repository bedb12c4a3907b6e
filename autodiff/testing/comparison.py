"""Analytic against numeric slopes: the whole Jacobian if it is small, random directions if it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autodiff.engine import modes
from autodiff.testing.diagnosis import Finding, entry, kink, output_entry, wrong_gradient
from autodiff.testing.numeric import NARROW, SMALLEST, Line, Sides, Slope, complex_step, look, refined, sides, slope
from autodiff.testing.subject import Subject

Array = np.ndarray[Any, Any]
WHOLE_INPUTS = 400
WHOLE_ENTRIES = 40_000
DIRECTIONS = 8
TRUSTED = 1e-4  # of a slope: a larger error estimate is worth another look, and never a reason to pass

_POOL = np.random.default_rng(20240229).uniform(0.5, 1.5, 8191) * np.where(np.arange(8191) * 7 % 3 == 1, -1, 1)


class Tolerance(NamedTuple):
    """``|analytic - numeric| <= atol + rtol * |numeric| + error estimate`` passes; ``smallest`` bounds the step."""

    atol: float = 1e-8
    rtol: float = 1e-6
    smallest: float = SMALLEST


def generic(shape: tuple[int, ...], start: int = 0) -> Array:
    """Numbers of no particular pattern, 0.5 to 1.5 in size: a cotangent or a direction."""
    n = prod(shape)
    if start + n <= len(_POOL):
        return _POOL[start : start + n].reshape(shape).copy()
    return np.resize(_POOL, start + n)[start:].reshape(shape)


def line_along(subject: Subject, array: Array, key: Any, direction: Any) -> Line:
    """The outputs as ``array[key]`` moves along ``direction``."""
    start = array[key].copy()

    def line(t: float) -> Array:
        array[key] = start + t * direction
        try:
            return subject.evaluate()
        finally:
            array[key] = start

    return line


def _weighted(line: Line, weights: Array) -> Line:
    """The sum of the outputs, each times its weight."""
    return lambda t: np.array([line(t) @ weights])


def glance(subject: Subject, cotangents: list[Array], grads: list[Any], tolerance: Tolerance) -> bool:
    """Whether all inputs, moved together along directions of no pattern, move the outputs as ``grads`` say.

    Two evaluations, whatever the size; a wrong gradient has no chance to look right, but does not show where it is.
    """
    arrays, starts = subject.arrays, [array.copy() for array in subject.arrays]
    directions = [generic(array.shape, 13 * k + 5) for k, array in enumerate(arrays)]

    def move(t: float) -> Array:
        for array, start, direction in zip(arrays, starts, directions, strict=True):
            np.copyto(array, start + t * direction)
        return subject.evaluate()

    try:
        with modes.no_grad():
            numeric = look(_weighted(move, np.concatenate([g.ravel() for g in cotangents])))
    finally:
        for array, start in zip(arrays, starts, strict=True):
            np.copyto(array, start)
    analytic = sum(float(np.vdot(g, v)) for g, v in zip(grads, directions, strict=True) if g is not None)
    return bool(agrees(np.asarray(analytic), numeric, tolerance))


def compare(subject: Subject, tolerance: Tolerance, complex_steps: bool = False) -> list[Finding]:
    """What is wrong with the gradients of ``subject``; an empty list if nothing is."""
    with np.errstate(all="ignore"):
        outputs, pullback = subject.pull()
        shapes = [y.shape for y in outputs]
        if findings := misfits(subject, pullback([generic(s) for s in shapes])):
            return findings
        size = sum(map(prod, shapes))
        whole = all(x.size <= WHOLE_INPUTS and x.size * size <= WHOLE_ENTRIES for x in subject.arrays)
        if not whole:
            return list(_along_directions(subject, shapes, pullback, tolerance))
        analytic = jacobian(subject, shapes, pullback)
        for k in range(len(subject.arrays)):
            findings += _entries(subject, k, shapes, analytic[k], tolerance, complex_steps)
    return findings


def misfits(subject: Subject, grads: list[Any]) -> list[Finding]:
    """Gradients that do not have the shape or the dtype of their inputs."""
    found = []
    for k, (name, x, g) in enumerate(zip(subject.names, subject.arrays, grads, strict=True)):
        if g is None:
            continue
        shape, dtype = np.shape(g), getattr(g, "dtype", None)
        if shape != x.shape:
            hint = ""
            if len(shape) >= x.ndim and all(n == m or n == 1 for n, m in zip(x.shape[::-1], shape[::-1], strict=False)):
                hint = "; the sum over the axes along which the input was broadcast is missing"
            found.append(Finding("shape", k, f"the gradient of {name} has shape {shape}, the input {x.shape}{hint}"))
        elif dtype != x.dtype:
            found.append(Finding("dtype", k, f"the gradient of {name} has dtype {dtype}, the input {x.dtype.name}"))
    return found


def jacobian(subject: Subject, shapes: list[tuple[int, ...]], pullback: Callable[..., Any]) -> list[Array]:
    """The analytic Jacobian of each input, (input entries, output entries): one backward pass for each column."""
    size = sum(map(prod, shapes))
    result = [np.zeros((x.size, size)) for x in subject.arrays]
    cotangents = [np.zeros(s) for s in shapes]
    entries = ((cotangent, index) for cotangent in cotangents for index in np.ndindex(cotangent.shape))
    for column, (cotangent, index) in enumerate(entries):
        cotangent[index] = 1.0
        for matrix, g in zip(result, pullback(cotangents), strict=True):
            if g is not None:
                matrix[:, column] = np.ravel(g)
        cotangent[index] = 0.0
    return result


def agrees(analytic: Array, numeric: Slope, tolerance: Tolerance) -> Array:
    """Which entries agree with a numeric slope; none does if the error of that slope is too large to say."""
    size = np.abs(numeric.value)
    known = numeric.error <= TRUSTED * np.maximum(size, 1.0)
    near: Array = np.abs(analytic - numeric.value) <= tolerance.atol + tolerance.rtol * size + numeric.error
    return near & known


class Verdict(NamedTuple):
    """One row of a Jacobian: numeric slopes, which analytic ones are wrong, and at which entries there is no slope."""

    numeric: Slope
    wrong: Array
    kinks: Sides | None = None


def judge(line: Line, analytic: Array, tolerance: Tolerance) -> Verdict:
    """Compare the slopes along ``line``: quickly if they agree, with more care if they do not."""
    numeric = look(line, max(NARROW, tolerance.smallest))
    good = agrees(analytic, numeric, tolerance)
    if not good.all():
        numeric = slope(line)
        good = agrees(analytic, numeric, tolerance)
    if good.all():
        return Verdict(numeric, ~good)
    kinks = sides(line)
    if not (good | kinks.plain).all():  # else smaller steps would find the same kinks
        numeric = refined(line, tolerance.smallest)
        good = agrees(analytic, numeric, tolerance)
    unsettled = ~(numeric.error <= TRUSTED * np.maximum(np.abs(numeric.value), 1.0)) & (kinks.kind == "")
    kind = np.where(good, "", np.where(unsettled, "noise", kinks.kind))
    return Verdict(numeric, ~good & (kind == ""), kinks._replace(kind=kind) if (kind != "").any() else None)


def _kink_finding(k: int, where: str, at: Any, kinks: Sides, analytic: Array, shapes: list[tuple[int, ...]]) -> Finding:
    """The finding for a row with kinks, at its worst entry: one whose gradient is not between the slopes, if any."""
    slack = 1e-5 * (1 + np.abs(kinks.left) + np.abs(kinks.right))
    low, high = np.minimum(kinks.left, kinks.right) - slack, np.maximum(kinks.left, kinks.right) + slack
    between = (kinks.kind != "kink") | ((low <= analytic) & (analytic <= high))
    j = int(np.flatnonzero(kinks.kind != "")[between[kinks.kind != ""].argmin()])
    text = kink(where, at, float(kinks.left[j]), float(kinks.right[j]), str(kinks.kind[j]), output_entry(shapes, j))
    if not between[j]:
        text += f"; the gradient {analytic[j]:.6g} is not between them"
    return Finding("kink" if between.all() else "kink outside", k, text)


def _entries(
    subject: Subject, k: int, shapes: list[tuple[int, ...]], analytic: Array, tolerance: Tolerance, complex_steps: bool
) -> Iterator[Finding]:
    """The findings of one input, its whole Jacobian compared row by row (one entry of the input each)."""
    array, name = subject.arrays[k], subject.names[k]
    numeric, wrong = Slope(np.zeros_like(analytic), np.zeros_like(analytic)), np.zeros(analytic.shape, bool)
    for i, index in enumerate(np.ndindex(array.shape)):
        if complex_steps:
            exact = complex_step(subject.function, list(map(np.asarray, subject.inputs)), subject.positions[k], index)
            verdict = Verdict(exact, ~agrees(analytic[i], exact, tolerance))
        else:
            verdict = judge(line_along(subject, array, index, 1.0), analytic[i], tolerance)
        if verdict.kinks is not None:
            yield _kink_finding(k, entry(name, index), float(array[index]), verdict.kinks, analytic[i], shapes)
        (numeric.value[i], numeric.error[i]), wrong[i] = verdict.numeric, verdict.wrong
    if wrong.any():
        yield Finding("gradient", k, wrong_gradient(name, array.shape, shapes, analytic, numeric, wrong))


def _along_directions(
    subject: Subject, shapes: list[tuple[int, ...]], pullback: Callable[..., Any], tolerance: Tolerance
) -> Iterator[Finding]:
    """The findings for inputs or outputs too large for a Jacobian: random directions and random cotangents."""
    ends = np.cumsum([prod(s) for s in shapes])[:-1]
    # One wrong entry among many moves a sum by little: only the error estimate may excuse it.
    tolerance = Tolerance(min(tolerance.atol, 1e-8), min(tolerance.rtol, 1e-6), tolerance.smallest)
    for k, array in enumerate(subject.arrays):
        for trial in range(DIRECTIONS):
            cotangent = generic((sum(map(prod, shapes)),), 31 * trial)
            grads = pullback([part.reshape(s) for part, s in zip(np.split(cotangent, ends), shapes, strict=True)])
            direction = generic(array.shape, 17 * trial + 5)
            line = line_along(subject, array, ..., direction)
            analytic = np.array([0.0 if grads[k] is None else np.vdot(grads[k], direction)])
            verdict = judge(_weighted(line, cotangent), analytic, tolerance)
            where = f"{subject.names[k]}, of shape {array.shape}"
            if verdict.kinks is not None:
                where += ", along a random direction"
                yield _kink_finding(k, where, "this point", verdict.kinks, analytic, [()])
            elif verdict.wrong.any():
                (value,), (error,) = verdict.numeric
                text = f"along a random direction: analytic {analytic[0]:.10g}, numeric {value:.10g} +- {error:.1g}"
                yield Finding("gradient", k, f"the gradient of {where}, is wrong\n  {text}")
                break
