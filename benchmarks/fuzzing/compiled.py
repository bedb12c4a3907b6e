"""A random program compiled: in each of several calls, on other data, it comes to the bits of the program as it is."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

import autodiff
import nn
from autodiff.errors import AutodiffWarning
from benchmarks.fuzzing.draw import draw
from benchmarks.fuzzing.program import Leaf, Program

CALLS = 6  # the first three come before the replays


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


def bits(x: Any) -> Any:
    """Everything about an array."""
    return None if x is None else (x._array.dtype.str, x._array.shape, x._array.tobytes())


def outcome(step: Any, arrays: list[Any], seed: int) -> Any:
    """The bits of all results, or the name of an error."""
    autodiff.manual_seed(seed)
    try:
        with np.errstate(all="ignore"):
            return [bits(x) for x in step(*[autodiff.tensor(a) for a in arrays])]
    except Exception as error:
        return type(error).__name__


def source_differs(seed: int, number: int) -> str | None:
    """What differs between a replay and the source of its program; None for a program that has none, or draws."""
    program, _ = draw(seed, number)
    if _is_left_out(program):
        return None
    step = step_of(program)
    compiled = autodiff.compile(step)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", AutodiffWarning)
        for i in range(CALLS):
            outcome(compiled, rolled(program, i), i)
        known = compiled.programs
        if not known or known[-1].unchecked:
            return None
        given = [autodiff.tensor(array) for array in rolled(program, CALLS)]
        copies = [x.numpy().copy("K") for x in given]  # the program may write into what it is given
        try:
            expected = [bits(x) for x in compiled(*given) if x is not None]
        except Exception:
            return None
        source = known[-1].source()
        names: dict[str, Any] = {"np": np}
        if compiled.programs[-1:] != known[-1:] or any(name.startswith("random") for name in source.given):
            return None
        exec(source.text, names)
        arrays = {name: x.copy() if isinstance(x, np.ndarray) else x for name, x in source.given.items()}
        try:
            results = names["step"](*copies, **arrays)
        except AssertionError:  # this call went another way
            return None
    found = [(np.asarray(x).dtype.str, np.shape(x), np.asarray(x).tobytes()) for x in results]
    return "" if found[: len(expected)] == expected else f"program {number} of seed {seed}\n{source.text}"


def _is_left_out(program: Program) -> bool:
    text = str(program)
    return "given(" in text or "aside(" in text or any(leaf.dtype not in np.sctypeDict for leaf in program.leaves)


def rolled(program: Program, by: int) -> list[Any]:
    """The leaves' arrays with their entries moved on, so that each call has other data."""
    return [np.roll(x.array.reshape(-1), by).reshape(x.array.shape).astype(x.dtype) for x in program.leaves]


def compared(seed: int, number: int) -> tuple[str, bool]:
    """What differs between a program and itself compiled, empty if nothing does; and whether it was replayed."""
    program, _ = draw(seed, number)
    if _is_left_out(program):
        return "", False
    step = step_of(program)
    compiled = autodiff.compile(step)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AutodiffWarning)
        for i in range(CALLS):
            arrays = rolled(program, i)
            expected, found = outcome(step, arrays, i), outcome(compiled, arrays, i)
            if found != expected:
                return f"call {i} of program {number} of seed {seed}, compiled:\n{program}", True
    return "", any(not p.unchecked for p in compiled.programs)


def run(seed: int, programs: int) -> int:
    """Compare so many programs, print what differs, and give how many do."""
    faults = replayed = 0
    for number in range(programs):
        report, was_replayed = compared(seed, number)
        replayed += was_replayed
        if report:
            faults += 1
            print(f"\n=== disagreement\n{report}", flush=True)
    print(f"{programs} programs, compiled: {replayed} were replayed, {faults} disagreements")
    return faults
