"""A program run with one library: the error of each line, all values at the end, and gradients to second order."""

from __future__ import annotations

import functools
import math
import types
import warnings
from typing import Any

import numpy as np

import autodiff
from benchmarks.fuzzing.program import Leaf, Line, Program

Array = np.ndarray[Any, Any]
OURS: Any = autodiff


def numbers_of(x: Any) -> Any:
    """The numbers of a tensor; NumPy has no complex ones of two halves."""
    x = x.detach().clone()
    return np.array((x.cfloat() if str(x.dtype) == "torch.complex32" else x).resolve_conj().numpy())


class Value:
    """What is compared of a tensor."""

    __slots__ = ("array", "dtype", "shape", "tracked")

    def __init__(self, x: Any) -> None:
        self.array = numbers_of(x)
        self.dtype, self.shape, self.tracked = str(self.array.dtype), tuple(x.shape), bool(x.requires_grad)

    def __repr__(self) -> str:
        with np.printoptions(precision=9, threshold=40):
            text = str(self.array).replace("\n", " ")
        return f"{text} {self.dtype}{list(self.shape)}{' tracked' if self.tracked else ''}"


class Outcome:
    """What came out: ``errors`` by line (the last entries: gradients of each order), ``values`` and ``gradients``."""

    def __init__(self) -> None:
        self.errors: dict[int, BaseException] = {}
        self.values: dict[str, Value] = {}
        self.gradients: list[dict[str, Value | None]] = []


@functools.lru_cache(50_000)
def _code(text: str) -> types.CodeType:
    return compile(text, f"<{text[:60]}>", "exec")


def is_tensor(x: Any) -> bool:
    """Whether x is a tensor of either library."""
    torch = peer()
    return isinstance(x, OURS.Tensor) or (torch is not None and isinstance(x, torch.Tensor))


def is_module(x: Any) -> bool:
    """Whether x is a layer of either library."""
    return hasattr(x, "named_parameters")


def weights(shape: tuple[int, ...], dtype: Any, k: int = 0) -> Array:
    """The cotangent of the k-th output: different numbers, none of them 0."""
    return (np.cos(np.arange(math.prod(shape)) * 1.3 + 0.4 + k) + 0.01).reshape(shape).astype(dtype)


class Run:
    """A run that goes line by line."""

    def __init__(self, lib: Any) -> None:
        self.lib = lib
        self.names: dict[str, Any] = {
            "lib": lib, "np": np, "nan": math.nan, "inf": math.inf, "given": functools.partial(_given, lib),
            "aside": functools.partial(_aside, lib),
        }  # fmt: skip
        self.outcome = Outcome()
        self.lines = 0

    def step(self, line: Line | Leaf) -> BaseException | None:
        """Execute a line; gives its error."""
        try:
            exec(_code(line.text), self.names)
        except Exception as error:
            self.outcome.errors[self.lines] = error
            return error
        finally:
            self.lines += 1
        return None

    @property
    def variables(self) -> dict[str, Any]:
        """The tensors by name, layers' parameters too."""
        found = {}
        for name, x in self.names.items():
            if is_tensor(x):
                found[name] = x
            elif is_module(x):
                found |= {f"{name}.{key}": p for key, p in x.named_parameters()}
        return found

    def finish(self, program: Program) -> Outcome:
        """The outcome, after the lines: the values are written down before the backward pass."""
        variables = self.variables
        out = self.outcome
        try:
            out.values = {name: Value(x) for name, x in variables.items()}
            if program.order:
                self._differentiate(program, variables)
        except Exception as error:
            out.errors[self.lines + len(out.gradients)] = error
        return out

    def _differentiate(self, program: Program, variables: dict[str, Any]) -> None:
        lib = self.lib
        # PyTorch takes a view made under no_grad for a leaf: a leaf is what a program says is one.
        leaves = {name: x for name, x in variables.items() if x.requires_grad and x.is_leaf and program.has_leaf(name)}
        outputs = [variables[name] for name in program.outputs if name in variables and variables[name].requires_grad]
        if not leaves or not outputs:
            return
        cotangents = [self._cotangent(x, k) for k, x in enumerate(outputs)]
        if any("retain_grad" in line.text for line in program.lines):
            lib.autograd.backward(outputs, cotangents)
            kept = leaves | {n: x for n, x in variables.items() if n not in leaves and _retains(x)}
            self.outcome.gradients.append({n: None if x.grad is None else Value(x.grad) for n, x in kept.items()})
            return
        tensors = list(leaves.values())
        for order in range(1, program.order + 1):
            more = order < program.order
            found = lib.autograd.grad(outputs, tensors, cotangents, create_graph=more, allow_unused=True)
            self.outcome.gradients.append(
                {name: None if g is None else Value(g) for name, g in zip(leaves, found, strict=True)}
            )
            tracked = [(k, g) for k, g in enumerate(found) if g is not None and g.requires_grad]
            outputs, cotangents = [g for _, g in tracked], [self._cotangent(g, k + 3) for k, g in tracked]
            if not outputs:
                return

    def _cotangent(self, x: Any, k: int) -> Any:
        return self.lib.tensor(weights(tuple(x.shape), str(x.dtype).rpartition(".")[2], k))


def _retains(x: Any) -> bool:
    return bool(x.requires_grad and x.retains_grad)


def _given(lib: Any, module: Any) -> Any:
    """The layer with parameters that are the same numbers in both libraries."""
    with lib.no_grad():
        for k, p in enumerate(module.parameters()):
            p.copy_(lib.tensor(weights(tuple(p.shape), np.float64, k) / 2))
    return module


def _aside(lib: Any, x: Any, k: int) -> Any:
    """A floating tensor a little aside, no two entries by the same amount; what else it is given as it is."""
    if not is_tensor(x) or not x.is_floating_point():
        return x
    by = 0.05 * np.cos(np.arange(x.numel()) * 1.7 + k).reshape(tuple(x.shape))
    return x + lib.tensor(by.astype(str(x.dtype).rpartition(".")[2]))


def run(program: Program, lib: Any) -> Outcome:
    """What the program comes to with that library."""
    running = Run(lib)
    for line in program.lines:
        running.step(line)
    return running.finish(program)


def run_double(program: Program, lib: Any) -> Outcome:
    """The program in float64, which whole numbers become, too, where they become floats."""
    before = lib.get_default_dtype()
    lib.set_default_dtype(lib.float64)
    try:
        return run(program.in_double(), lib)
    finally:
        lib.set_default_dtype(before)


def quiet() -> None:
    """No warnings of either library, and one thread: for such small arrays threads only wait for one another."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    if (torch := peer()) is not None:
        torch.set_num_threads(1)


@functools.cache
def peer() -> Any:
    """PyTorch, or None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    return torch
