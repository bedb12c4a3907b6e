"""Random programs, compiled: values and gradients are those of the program as it stands, on other data in each call."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from compiled import bits

import autodiff
import nn
from autodiff.errors import AutodiffWarning
from benchmarks.fuzzing.draw import draw
from benchmarks.fuzzing.program import Leaf, Program

PROGRAMS, CALLS = 60, 6


class Library:
    """The library with ``nn``, as the programs name it."""

    nn = nn

    def __getattr__(self, name: str) -> Any:
        return getattr(autodiff, name)


def step_of(program: Program) -> Any:
    """The program as a function of its leaves; gives all its tensors, and the gradients of its outputs."""
    texts = [compile(line.text, "<program>", "exec") for line in program.lines]

    def step(*given: Any) -> Any:
        names: dict[str, Any] = {"lib": Library(), "np": np, "nan": math.nan, "inf": math.inf}
        leaves, arguments = [], iter(given)
        for line, text in zip(program.lines, texts, strict=True):
            if isinstance(line, Leaf):
                x = eval(f"x{line.layout}", {"x": next(arguments)})
                names[line.name] = x.detach().requires_grad_() if line.grad else x
                leaves += [names[line.name]] if line.grad else []
            else:
                exec(text, names)
        tensors = {name: x for name, x in names.items() if isinstance(x, autodiff.Tensor)}
        values = [x.detach().clone() for x in tensors.values()]
        outputs = [tensors[name] for name in program.outputs if name in tensors and tensors[name].requires_grad]
        wanted = [x for x in leaves if x.requires_grad and x.is_leaf]
        if not outputs or not wanted:
            return values
        return [*values, *autodiff.grad(outputs, wanted, [autodiff.ones_like(x) for x in outputs], allow_unused=True)]

    return step


def outcome(step: Any, arrays: list[Any], seed: int) -> Any:
    autodiff.manual_seed(seed)
    try:
        with np.errstate(all="ignore"):
            return [bits(x) for x in step(*[autodiff.tensor(a) for a in arrays])]
    except Exception as error:
        return type(error).__name__


def compared(seed: int, number: int) -> bool:
    """Compare a program; whether it was replayed."""
    program, _ = draw(seed, number)
    texts = str(program)
    if "given(" in texts or "aside(" in texts or any(leaf.dtype not in np.sctypeDict for leaf in program.leaves):
        return False
    step = step_of(program)
    compiled = autodiff.compile(step)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AutodiffWarning)
        for i in range(CALLS):
            arrays = [np.roll(x.array.reshape(-1), i).reshape(x.array.shape).astype(x.dtype) for x in program.leaves]
            expected, found = outcome(step, arrays, i), outcome(compiled, arrays, i)
            assert found == expected, f"call {i} of program {number} of seed {seed}:\n{program}"
    return any(not p.unchecked for p in compiled.programs)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", range(PROGRAMS))
def test_a_program(number: int) -> None:
    """All bits agree, of results and gradients, also where an error is raised."""
    compared(0, number)
