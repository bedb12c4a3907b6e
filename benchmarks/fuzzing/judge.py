"""The verdict on a program: agreed, a known difference, or a disagreement."""

from __future__ import annotations

import re

from benchmarks.fuzzing.compare import Difference, compared
from benchmarks.fuzzing.known import known
from benchmarks.fuzzing.numeric import slopes
from benchmarks.fuzzing.program import Program
from benchmarks.fuzzing.run import OURS, Outcome, peer, run


def examined(program: Program, ours: Outcome) -> tuple[str, Difference | None]:
    """The name of a known difference, "disagreement", or "", and the difference."""
    torch = peer()
    text = str(program)
    if torch is not None and "grid_sample" in text and re.search(r"\binf|\bnan|e\+", text):
        return "", None  # PyTorch's backward pass of places that are not finite ends the process
    found = slopes(program, ours) if torch is None else compared(program, ours, run(program, torch))
    if found is None:
        return "", None
    return known(program, found) or "disagreement", found


def disagreement(program: Program, also_known: bool = False) -> Difference | None:
    """The difference that a program shows, unless it is a known one."""
    name, found = examined(program, run(program, OURS))
    return found if name == "disagreement" or also_known else None
