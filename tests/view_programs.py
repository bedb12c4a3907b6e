"""Programs of views and writes, run line by line with this library and with PyTorch, which says what is right.

``run(programs, seed)`` draws programs and returns what disagreed, each cut down to the lines it needs. Two of five run
blind: this library's tensors are used, and no flag or gradient of them is looked at until the end, since a look brings
the history of a view up to date. PyTorch's are always looked at, whose histories depend on it. By hand::

    PYTHONPATH=tests python -m view_programs --programs 10000 --seed 1
"""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Any, NamedTuple

import numpy as np
from parity.harness import peer
from view_conventions import CONVENTIONS, SHAPE_IN_PLACE
from view_lanes import SEEN, Failure, Lane
from view_lines import NAMES, Drawer, draw_lines
from view_outcomes import Outcome, is_untied, places_of, requires_whole_grad, seems_untied

import autodiff
import optim
from autodiff.errors import AutodiffError

TOO_LARGE = {np.dtype("f4"): 1e3}  # beyond, and for others beyond 1e5, rounding is amplified


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


PART = r"[a-h](?:\[[^]]*\])?(?:\.detach\(\))?"  # a tensor, or what a program takes of one
SINGLE = (  # one of many views, as a view of which PyTorch keeps track after a write
    (rf"({PART})\.chunk\(2, (-?\d)\)\[0\]", r"\1.narrow(\2, 0, (\1.shape[\2] + 1) // 2)"),
    (r"\.split\(1, (-?\d)\)\[-1\]", r".narrow(\1, -1, 1)"),
    (r"\.unbind\((-?\d)\)\[0\]", r".select(\1, 0)"),
    (rf"T\.unbind\(({PART}), (-?\d)\)\[-1\]", r"\1.select(\2, -1)"),
)


class Machine:
    """Both lanes, and the program so far."""

    def __init__(self, blind: bool = False) -> None:
        torch = peer()
        self.blind = blind
        self.ours, self.theirs = Lane(autodiff, optim.SGD), Lane(torch, torch.optim.SGD)
        self.program: list[str] = []
        self.memory: list[dict[str, Any]] = []  # after each line
        self.done: list[str] = []  # the lines that were not refused
        self.before: dict[str, Any] = {}
        self.failures: tuple[Failure, Failure] = None, None  # of the line
        self.asked: tuple[str, list[str], int] = "", [], 1
        self.used: Counter[str] = Counter()

    def __call__(self, line: str) -> None:
        """Run a line with both; raises DisagreementError, or SettledError where a convention ends the comparison."""
        self.program.append(line)
        if line == "check()":
            self.memory.append(places_of(self.ours.tensors()))
            return self.check()
        if not used_in(line) <= (self.usable().keys() | {*NAMES} - self.theirs.tensors().keys()):
            raise SettledError("it is known to differ, which a blind program does not notice")
        before, self.before = self.ours.state(self.blind), self.ours.tensors()
        self.failures = failures = self.ours.run(line), self.theirs.run(line)
        self.memory.append(places_of(self.ours.tensors()))
        if (failures[0] is None) != (failures[1] is None):
            self.settle(line, "raises", *failures)
        if failures[0] is None:
            self.done.append(line)
        else:
            named = isinstance(failures[0], (AutodiffError, NameError, AttributeError))
            if not named and "NoneType" not in str(failures[0]):
                raise DisagreementError(f"{line}: a bare {failures[0]!r}")
            self.unchanged(line, before)
        self.same_state(line, failures, self.blind)
        return None

    def usable(self) -> dict[str, Any]:
        """PyTorch's tensors that a line may use: in a blind program none that a convention says to differ."""
        ours, theirs = self.ours.tensors(), self.theirs.tensors()
        if not self.blind:
            return theirs
        return {n: x for n, x in theirs.items() if not (seems_untied(ours[n]) or requires_whole_grad(x))}

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
        after = self.ours.state(self.blind)
        for name, seen in before.items():
            for what, value in seen.items():
                if "grad" in what and not seen["is_leaf"]:  # kept by a hook before the walk failed
                    continue
                if name not in after or not close(value, after[name][what], 0.0):
                    raise DisagreementError(f"{line}: refused, but {name}.{what} changed")

    def same_state(self, line: str, failures: tuple[Failure, Failure], blind: bool = False) -> None:
        if failures[0] is not None and "backward" in line:  # PyTorch has filled some of .grad before it failed
            for x in (*self.ours.tensors().values(), *self.theirs.tensors().values()):
                x.grad = None
        ours, theirs = self.ours.state(blind), self.theirs.state()
        if ours.keys() != theirs.keys():  # there is a gradient in one library only
            self.settle(line, "grad", sorted(ours), sorted(theirs), re.findall(r"\b[a-h]\b", line)[-1])
        for name in theirs:
            for what in ours[name]:
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
            and not requires_whole_grad(x)
        ]  # fmt: skip
        # Whether PyTorch's gradient of what is no leaf is that before its hooks depends on what else is asked for.
        targets = [n for n in tracked if theirs[n].is_leaf or not theirs[n]._backward_hooks]
        found = [name for name in tracked if self.same_gradients(name, targets, 1)]
        self.same_state("check()", (None, None))
        for name in found:
            self.same_gradients(name, [n for n in targets if theirs[n].is_leaf], 2)
        self.forget_inner(tracked)  # what one gets of the second order depends on how a VJP is written

    def forget_inner(self, names: Iterable[str]) -> None:
        """Drop the retained gradients of tensors that are no leaves."""
        for name in {*names} & self.theirs.tensors().keys():
            x = self.theirs.scope[name]
            if SEEN["is_leaf"](x) is False:
                self.ours.scope[name].grad = x.grad = None

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
            self.forget_inner(theirs)  # kept by a hook before the walk failed, which may be elsewhere in the graph
            return False
        for target, a, b in zip(targets, ours, peers, strict=True):
            if not close(a, b, self.near(), zeros=order == 2):
                self.settle(f"gradient of {name} for {target}, order {order}", "gradient", a, b, target)
        return True

    def is_right_with_copies(self, outcome: Outcome) -> bool:
        """Whether PyTorch, where it copies what it saved before a write, finds the gradient that was found here."""
        if outcome.descends(rf"\.data =|{SHAPE_IN_PLACE}|requires_grad_\(False"):  # these have conventions of their own
            return True
        if outcome.descends(r"(exp|tanh|sigmoid|relu|pow)_\(|\*\*="):  # written later, its gradient of these is wrong
            return True
        if outcome.hooks_view():
            return True
        torch = self.theirs.lib
        lane = Lane(torch, self.theirs.scope["SGD"])
        with torch.autograd.graph.allow_mutation_on_saved_tensors():
            for line in (*self.done, self.program[-1]):
                lane.state()  # PyTorch crashes in register_hook of a view that was written and not looked at since
                # What is changed without a version is not copied.
                line = re.sub(r"\.data\b", ".detach()", line.replace("inference_mode", "no_grad"))
                for many, one in SINGLE:
                    line = re.sub(many, one, line)
                # Nor is an operand that lies where the operation writes.
                lane.run(re.sub(rf"(\.[a-z]+_\(|[-+*/]= )({PART})(\)?)$", r"\1\2.clone()\3", line))
            if outcome.kind in ("raises", "grad"):
                ours, theirs = self.ours.state(), lane.state()
                grads = ((ours[name]["grad"], theirs[name]["grad"]) for name in theirs)
                return all(close(a, b, self.near()) for a, b in grads if not isinstance(b, Exception))
            return self.has_gradients_of(lane, outcome)

    def is_right_unseen(self, outcome: Outcome) -> bool:
        """Whether PyTorch, where nobody looks at its views either, finds the gradient that was found here."""
        lane = Lane(self.theirs.lib, self.theirs.scope["SGD"])
        for line in (*self.done, self.program[-1]):
            lane.run(line)
        return self.has_gradients_of(lane, outcome)

    def has_gradients_of(self, lane: Lane, outcome: Outcome) -> bool:
        """Whether the gradients that differed are those of another lane of PyTorch's, or that lane has freed more."""
        name, targets, order = self.asked
        targets = [outcome.name] if outcome.name and order == 1 else targets
        if not {name, *targets} <= lane.scope.keys():  # a line failed there that did not
            return False
        ours, theirs = self.ours.gradients(name, targets, order), lane.gradients(name, targets, order)
        if "backward through the graph a second time" in str(theirs):
            return True
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
        values = [s["value"] for s in self.theirs.state(blind=True).values() if s["value"].size]
        return any(not np.isfinite(v).all() or np.abs(v).max() > TOO_LARGE.get(v.dtype, 1e5) for v in values)


def said(x: Any) -> str:
    return f"{type(x).__name__}: {x!s:.300}" if isinstance(x, Exception) else repr(x)


def used_in(line: str) -> set[str]:
    """The names that a line uses; one that it gives to a result is none of them."""
    return set(re.findall(r"\b[a-h]\b", re.sub(r"^(with [^:]*: )?[a-h],? = ", "", line)))


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


def replay(lines: list[str], blind: bool = False) -> DisagreementError | None:
    """The disagreement that the lines end with, if any."""
    machine = Machine(blind)
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


def smallest(lines: list[str], blind: bool) -> list[str]:
    """The program without the lines that it can do without and still disagrees."""
    size = max(1, len(lines) // 2)
    while True:
        at = 0
        while at < len(lines):
            fewer = lines[:at] + lines[at + size :]
            if fewer and replay(fewer, blind) is not None:
                lines = fewer
            else:
                at += size
        if size == 1:
            return lines
        size //= 2


def play(random: Random, length: int) -> Machine:
    """One program; raises DisagreementError with the program in its message."""
    machine = Machine(blind=random.randrange(5) < 2)
    with np.errstate(all="ignore"):
        try:
            while len(machine.program) < length and not machine.is_large():
                for line in draw_lines(Drawer(random, machine.usable())):
                    if not (machine.blind and line == "check()"):
                        machine(line)
            if not machine.is_large():
                machine("check()")
        except SettledError:
            pass
        except DisagreementError as error:
            raise DisagreementError(shown(machine, error)) from None
    return machine


def shown(machine: Machine, first: DisagreementError) -> str:
    """A program that disagreed, cut down, as Python lines."""
    lines = smallest(machine.program, machine.blind)
    title = f"{replay(lines, machine.blind) or first}{' (blind)' if machine.blind else ''}"
    return "\n".join([title, *(f"    {line}" for line in lines)])


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
