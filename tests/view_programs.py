"""Programs of views and writes, run line by line with this library and with PyTorch, which says what is right.

``run(programs, seed)`` draws programs and returns what disagreed, each cut down to the lines it needs. By hand::

    PYTHONPATH=tests python -m view_programs --programs 10000 --seed 1
"""

from __future__ import annotations

import argparse
import copy
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from random import Random
from types import CodeType
from typing import Any, NamedTuple

import numpy as np
from parity.harness import peer
from view_conventions import CONVENTIONS, SHAPE_IN_PLACE
from view_lines import NAMES, Drawer, draw_line
from view_outcomes import Outcome, is_untied

import autodiff
import optim
from autodiff.errors import AutodiffError

TOO_LARGE = {np.dtype("f4"): 1e3}  # beyond, and for others beyond 1e5, rounding is amplified
Failure = Exception | None


class DisagreementError(AssertionError):
    """After a line the two libraries differ."""


class SettledError(Exception):
    """After a line they differ by a convention, so that nothing can be compared from here on."""


class Counted(NamedTuple):
    """What ``run`` found: programs and lines that ran, how often each convention, and programs that disagreed."""

    programs: int
    lines: int
    conventions: Counter[str]
    disagreements: list[str]


@lru_cache(maxsize=20_000)
def compiled(line: str) -> CodeType:
    return compile(line, "<program>", "exec")


def weights(shape: tuple[int, ...]) -> Any:
    return np.cos(np.arange(1.0, 1.0 + int(np.prod(shape)))).reshape(shape)


def plain(x: Any) -> Any:
    x = x.detach()
    return np.array(x.numpy() if hasattr(x, "_node") else x.numpy(force=True))  # of PyTorch's zeros without memory, too


def of_graph(see: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``see``, or the words with which PyTorch refuses to look at a view that it has lost track of."""

    def seen(x: Any) -> Any:
        try:
            return see(x)
        except RuntimeError as error:
            return error

    return seen


def gradient_of(x: Any) -> Any:
    grad = x.grad if x.is_leaf or x.retains_grad else None  # PyTorch warns where neither
    return None if grad is None else plain(grad)


SEEN: dict[str, Callable[[Any], Any]] = {
    "value": plain,
    "dtype": lambda x: str(x.dtype).removeprefix("torch."),
    "requires_grad": of_graph(lambda x: x.requires_grad),
    "is_leaf": of_graph(lambda x: x.is_leaf),
    "grad": of_graph(gradient_of),
    "retains_grad": of_graph(lambda x: x.retains_grad),
}


class Lane:
    """One library and the variables of a program that runs with it."""

    def __init__(self, lib: Any, sgd: Any) -> None:
        self.lib, self.scope = lib, {
            "T": lib, "SGD": sgd, "deepcopy": copy.deepcopy, "values": self.values, "weighted": self.weighted,
            "check": lambda: None,
        }  # fmt: skip

    def values(self, shape: tuple[int, ...], seed: int, dtype: Any, requires_grad: bool = False) -> Any:
        """A leaf of numbers none of which stand at a kink."""
        numbers = np.round(1.7 * np.sin(np.arange(1.0, 1.0 + int(np.prod(shape))) * (seed + 1)), 3).reshape(shape)
        return self.lib.tensor(numbers, dtype=dtype, requires_grad=requires_grad)

    def weighted(self, x: Any) -> Any:
        return (x * self.lib.tensor(weights(tuple(x.shape)), dtype=x.dtype)).sum()

    def run(self, line: str) -> Failure:
        try:
            exec(compiled(line), self.scope)
        except Exception as error:  # compared with the other lane's
            return error
        return None

    def tensors(self) -> dict[str, Any]:
        return {name: x for name in NAMES if hasattr(x := self.scope.get(name), "detach")}

    def state(self) -> dict[str, Any]:
        """What can be seen of each tensor."""
        return {name: {what: see(x) for what, see in SEEN.items()} for name, x in self.tensors().items()}

    def gradients(self, name: str, targets: list[str], order: int) -> Any:
        """Gradients of one tensor for the targets, and for order 2 those of their sum; or the error."""
        tracked = [self.scope[target] for target in targets]
        grad = self.lib.autograd.grad
        try:
            total = self.weighted(self.scope[name])
            found = grad(total, tracked, retain_graph=True, create_graph=order == 2, allow_unused=True)
            if order == 2:
                ends = [self.weighted(g) for g in found if g is not None and g.requires_grad]
                if not ends:
                    return [None] * len(tracked)
                found = grad(sum(ends[1:], ends[0]), tracked, retain_graph=True, allow_unused=True)
        except Exception as error:  # compared with the other lane's
            return error
        return [None if g is None else plain(g) for g in found]


class Machine:
    """Both lanes, and the program so far."""

    def __init__(self) -> None:
        torch = peer()
        self.ours, self.theirs = Lane(autodiff, optim.SGD), Lane(torch, torch.optim.SGD)
        self.program: list[str] = []
        self.done: list[str] = []  # the lines that were not refused
        self.before: dict[str, Any] = {}
        self.asked: tuple[str, list[str], int] = "", [], 1
        self.used: Counter[str] = Counter()

    def __call__(self, line: str) -> None:
        """Run a line with both; raises DisagreementError, or SettledError where a convention ends the comparison."""
        self.program.append(line)
        if line == "check()":
            return self.check()
        before, self.before = self.ours.state(), self.ours.tensors()
        failures = self.ours.run(line), self.theirs.run(line)
        if (failures[0] is None) != (failures[1] is None):
            self.settle(line, "raises", *failures)
        if failures[0] is None:
            self.done.append(line)
        else:
            named = isinstance(failures[0], (AutodiffError, NameError, AttributeError))
            if not named and "NoneType" not in str(failures[0]):
                raise DisagreementError(f"{line}: a bare {failures[0]!r}")
            self.unchanged(line, before)
        self.same_state(line, failures)
        return None

    def settle(self, where: str, kind: str, ours: Any, theirs: Any, name: str = "") -> None:
        """Raise SettledError if a convention holds of what differs, DisagreementError if none does."""
        outcome = Outcome(kind, name, ours, theirs, self)
        for convention in CONVENTIONS:
            if convention.holds(outcome):
                self.used[convention.name] += 1
                if convention.ends:
                    raise SettledError(convention.name)
                return
        raise DisagreementError(f"{where}: ours {said(ours)}, PyTorch's {said(theirs)}")

    def unchanged(self, line: str, before: dict[str, Any]) -> None:
        """A line that was refused changed nothing."""
        after = self.ours.state()
        for name, seen in before.items():
            for what, value in seen.items():
                if "grad" in what and not seen["is_leaf"]:  # kept by a hook before the walk failed
                    continue
                if name not in after or not close(value, after[name][what], 0.0):
                    raise DisagreementError(f"{line}: refused, but {name}.{what} changed")

    def same_state(self, line: str, failures: tuple[Failure, Failure]) -> None:
        if failures[0] is not None and "backward" in line:  # PyTorch has filled some of .grad before it failed
            for x in (*self.ours.tensors().values(), *self.theirs.tensors().values()):
                x.grad = None
        ours, theirs = self.ours.state(), self.theirs.state()
        for name in theirs:
            for what in theirs[name]:
                a, b = ours[name][what], theirs[name][what]
                if not close(a, b, self.near()):
                    self.settle(f"{line}: {name}.{what}", what, a, b, name)

    def check(self) -> None:
        """Gradients of every tensor for every other, of two orders."""
        theirs = self.theirs.tensors()
        tracked = [
            n for n, x in theirs.items()
            if SEEN["requires_grad"](x) is True
            and not isinstance(SEEN["is_leaf"](x), Exception)
            and not is_untied(self.ours.scope[n])
        ]  # fmt: skip
        # Whether PyTorch's gradient of what is no leaf is that before its hooks depends on what else is asked for.
        targets = [n for n in tracked if theirs[n].is_leaf or not theirs[n]._backward_hooks]
        found = [name for name in tracked if self.same_gradients(name, targets, 1)]
        self.same_state("check()", (None, None))
        for name in found:
            self.same_gradients(name, [n for n in targets if theirs[n].is_leaf], 2)
        for name in tracked:  # what an inner tensor gets of the second order depends on how a VJP is written
            if not theirs[name].is_leaf:
                self.ours.scope[name].grad = theirs[name].grad = None

    def same_gradients(self, name: str, targets: list[str], order: int) -> bool:
        """Compare gradients of ``name``; whether they were found."""
        theirs = self.theirs.scope
        self.asked = name, targets, order
        peers = self.theirs.gradients(name, targets, order)
        if isinstance(peers, list):  # PyTorch records a view anew after any write, so that what was made before is lost
            pairs = [(n, g) for n, g in zip(targets, peers, strict=True) if g is not None or not theirs[n]._is_view()]
            targets, peers = [n for n, _ in pairs], [g for _, g in pairs]
        if not targets:
            return True
        ours = self.ours.gradients(name, targets, order)
        failed = [x if isinstance(x, Exception) else None for x in (ours, peers)]
        if any(failed):
            if not all(failed):
                self.settle(f"gradients of {name}, order {order}", "gradient raises", *failed)
            return False
        for target, a, b in zip(targets, ours, peers, strict=True):
            if not close(a, b, self.near(), zeros=order == 2):
                self.settle(f"gradient of {name} for {target}, order {order}", "gradient", a, b, target)
        return True

    def is_right_with_copies(self, outcome: Outcome) -> bool:
        """Whether PyTorch, where it copies what it saved before a write, finds the gradient that was found here."""
        if outcome.has(rf"\.data =|{SHAPE_IN_PLACE}|requires_grad_\(False"):  # these have conventions of their own
            return True
        if outcome.has(r"(exp|tanh|sigmoid|relu)_\("):  # written through a view later, its gradient of these is wrong
            return True
        if outcome.hooks_view():
            return True
        torch = self.theirs.lib
        lane = Lane(torch, self.theirs.scope["SGD"])
        with torch.autograd.graph.allow_mutation_on_saved_tensors():
            for line in (*self.done, self.program[-1]):
                lane.state()  # PyTorch crashes in register_hook of a view that was written and not looked at since
                # What is changed without a version is not copied.
                lane.run(re.sub(r"\.data\b", ".detach()", line.replace("inference_mode", "no_grad")))
            if outcome.kind == "raises":
                ours, theirs = self.ours.state(), lane.state()
                return all(close(ours[name]["grad"], theirs[name]["grad"], self.near()) for name in theirs)
            name, targets, order = self.asked
            if not {name, *targets} <= lane.scope.keys():  # copies made a line fail that did not
                return False
            ours, theirs = self.ours.gradients(name, targets, order), lane.gradients(name, targets, order)
        zeros = order == 2
        return isinstance(theirs, list) and all(
            close(a, b, self.near(), zeros) or (b is not None and np.isnan(b).any())  # as of 0 ** x
            for a, b in zip(ours, theirs, strict=True) if zeros or b is not None
        )  # fmt: skip

    def near(self) -> float:
        """How far numbers may be apart: in float32, which integers give, sums are taken in another order."""
        return 2e-4 if any("float32" in line or "T.tensor([[" in line for line in self.program) else 1e-9

    def is_large(self) -> bool:
        """Whether a value has grown so that rounding may tell the lanes apart."""
        values = [s["value"] for s in self.theirs.state().values() if s["value"].size]
        return any(not np.isfinite(v).all() or np.abs(v).max() > TOO_LARGE.get(v.dtype, 1e5) for v in values)


def said(x: Any) -> str:
    return f"{type(x).__name__}: {x!s:.300}" if isinstance(x, Exception) else repr(x)


def close(a: Any, b: Any, near: float, zeros: bool = False) -> bool:
    """Whether two things that can be seen are the same; with ``zeros`` None is a gradient of zeros."""
    if zeros and (a is None) != (b is None):
        return not np.any(b if a is None else a)
    if isinstance(a, Exception) and isinstance(b, Exception):
        return True
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        return a is b or (not isinstance(a, np.ndarray) and not isinstance(b, np.ndarray) and bool(a == b))
    if a.shape != b.shape:
        return False
    scale = 1 + max((float(np.abs(x[np.isfinite(x)]).max(initial=0)) for x in (a, b)), default=0)
    return bool(np.allclose(a, b, near, near * scale, equal_nan=True))


def replay(lines: list[str]) -> DisagreementError | None:
    """The disagreement that the lines end with, if any."""
    machine = Machine()
    with np.errstate(all="ignore"):
        try:
            for line in lines:
                machine(line)
                if machine.is_large():
                    break
        except DisagreementError as error:
            return error
        except SettledError:
            pass
    return None


def smallest(lines: list[str]) -> list[str]:
    """The program without the lines that it can do without and still disagrees."""
    size = max(1, len(lines) // 2)
    while True:
        at = 0
        while at < len(lines):
            fewer = lines[:at] + lines[at + size :]
            if fewer and replay(fewer) is not None:
                lines = fewer
            else:
                at += size
        if size == 1:
            return lines
        size //= 2


def play(random: Random, length: int) -> Machine:
    """One program; raises DisagreementError with the program in its message."""
    machine = Machine()
    with np.errstate(all="ignore"):
        try:
            for _ in range(length):
                line = draw_line(Drawer(random, machine.theirs.tensors()))
                if line is not None:
                    machine(line)
                    if machine.is_large():
                        break
            else:
                machine("check()")
        except SettledError:
            pass
        except DisagreementError as error:
            raise DisagreementError(shown(machine.program, error)) from None
    return machine


def shown(program: list[str], first: DisagreementError) -> str:
    """A program that disagreed, cut down, as Python lines."""
    lines = smallest(program)
    return "\n".join([str(replay(lines) or first), *(f"    {line}" for line in lines)])


def run(programs: int, seed: int, length: int = 14) -> Counted:
    """Draw and run so many programs."""
    conventions: Counter[str] = Counter()
    found, lines = [], 0
    for number in range(programs):
        try:
            machine = play(Random(seed * 1_000_003 + number), length)
        except DisagreementError as error:
            found.append(str(error))
        else:
            conventions.update(machine.used)
            lines += len(machine.program)
    return Counted(programs, lines, conventions, found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--length", type=int, default=14)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    counted = run(given.programs, given.seed, given.length)
    sys.stdout.write("\n\n".join([*counted.disagreements, ""]))
    sys.stdout.write(f"{counted.programs} programs, {counted.lines} lines, {len(counted.disagreements)} disagree\n")
    for name, times in counted.conventions.most_common():
        sys.stdout.write(f"{times:6} {name}\n")
    return bool(counted.disagreements)


if __name__ == "__main__":
    sys.exit(main())
