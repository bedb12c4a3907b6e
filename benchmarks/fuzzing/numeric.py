"""Gradients against central differences, where there is no PyTorch to compare with."""

from __future__ import annotations

import re

import numpy as np

from benchmarks.fuzzing.compare import Difference, is_bare
from benchmarks.fuzzing.program import FLOATS, Leaf, Program
from benchmarks.fuzzing.run import OURS, Outcome, run, weights

STEP = 1e-5
# What a value depends on here, its gradient leaves out on purpose.
CUT = re.compile(r"no_grad|detach|\.data\b|retain_grad|\.item\(|float\(|tolist|new_tensor|given\(")


def slopes(program: Program, ours: Outcome) -> Difference | None:
    """The first leaf whose gradient is not the slope along a random direction, or an error that is none of ours."""
    for k, error in ours.errors.items():
        if is_bare(error, ValueError()):
            where = program.lines[k].text if k < len(program.lines) else "gradients"
            return Difference("bare error", where, error, "a named error")
    if not program.order or ours.errors or CUT.search(str(program)):
        return None
    double = program.in_double()._replace(order=1)
    true = run(double, OURS)
    if not true.gradients:
        return None
    for line in double.leaves:
        gradient = true.gradients[0].get(line.name)
        if gradient is None or line.dtype not in FLOATS or "expand" in line.layout or "::2" in line.layout:
            continue
        direction = np.cos(np.arange(line.array.size) * 2.1 + 1).reshape(line.array.shape)
        wide, narrow = (_slope(double, line, direction, step) for step in (STEP, STEP / 4))
        if wide is None or narrow is None or abs(wide - narrow) > 1e-7 * (1 + abs(wide)):
            continue  # a kink, or a number that cannot be had to so many digits
        shown = direction if not line.layout else eval(f"d{line.layout}", {"d": OURS.tensor(direction)}).numpy()
        mine = float((gradient.array * shown).sum())
        if not abs(mine - narrow) <= 1e-6 * (1 + abs(narrow)):
            return Difference("gradient 1", line.name, mine, narrow)
    return None


def _slope(program: Program, leaf: Leaf, direction: np.ndarray, step: float) -> float | None:
    """The slope of the weighted outputs along a direction of one leaf; None at a kink."""
    ends = []
    for sign in (1, 0, -1):
        moved = leaf._replace(array=leaf.array + sign * step * direction)
        lines = tuple(moved if line is leaf else line for line in program.lines)
        values = run(Program(lines, program.outputs, 0), OURS).values
        if any(name not in values for name in program.outputs):
            return None
        ends.append(sum(float((values[n].array * weights(values[n].shape, np.float64, k)).sum())
                        for k, n in enumerate(n for n in program.outputs if values[n].tracked)))
    ahead, behind = (ends[0] - ends[1]) / step, (ends[1] - ends[2]) / step
    return (ahead + behind) / 2 if abs(ahead - behind) <= 1e-2 * (1 + abs(ahead)) else None
