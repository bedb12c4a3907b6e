"""Draws random programs, runs them with this library and with PyTorch, and makes small what differs.

    python -m benchmarks.fuzz --programs 2000 --seed 0
    python -m benchmarks.fuzz --seconds 600 --seed 1 --write tests/fuzzed
    python -m benchmarks.fuzz --seed 0 --only 137      # this program alone
    python -m benchmarks.fuzz --compiled --programs 500  # each program against itself compiled, to the last bit

Without PyTorch it compares gradients with central differences. The exit status is 1 where a program shows a
disagreement that ``benchmarks/fuzzing/known.py`` does not name, by ``known_refusals.py`` and ``known_numbers.py``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.fuzzing import compiled
from benchmarks.fuzzing.draw import draw
from benchmarks.fuzzing.judge import disagreement, examined
from benchmarks.fuzzing.known import KNOWN
from benchmarks.fuzzing.minimise import minimised
from benchmarks.fuzzing.program import Program
from benchmarks.fuzzing.run import peer, quiet


def report(program: Program, found: object, origin: str) -> str:
    """A program, where it comes from, and what differs, as a file of ``tests/fuzzed``."""
    said = "\n".join(f"# {line}".rstrip() for line in str(found).splitlines())
    return f"# {origin}\n{said}\n{program}\n"


def main(arguments: list[str]) -> int:
    """The command; gives its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=None, help="how many (2000, or as many as --seconds allow)")
    parser.add_argument("--seconds", type=float, default=None, help="stop after so long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, default=None, help="the number of one program, which is shown")
    parser.add_argument("--write", type=Path, default=None, help="a folder for the minimised programs")
    parser.add_argument("--most", type=int, default=30, help="how many of a kind are minimised")
    parser.add_argument("--all", action="store_true", help="show known differences, too")
    parser.add_argument("--compiled", action="store_true", help="compare each program with itself compiled")
    given = parser.parse_args(arguments)
    quiet()
    if given.compiled:
        return int(compiled.run(given.seed, given.programs or 500) > 0)
    if given.only is not None:
        return one(given.seed, given.only)
    limit = given.programs or (2000 if given.seconds is None else sys.maxsize)
    start, counts, faults, k = time.perf_counter(), Counter[str](), 0, 0
    while k < limit and (given.seconds is None or time.perf_counter() - start < given.seconds):
        program, ours = draw(given.seed, k)
        name, found = examined(program, ours)
        counts[name] += name != ""
        if found is not None and (name == "disagreement" or given.all):
            faults += name == "disagreement"
            small = program
            if counts[name] <= given.most:
                small, found = minimised(program, found, lambda p: disagreement(p, given.all))
            text = report(small, found, f"program {k} of seed {given.seed}")
            print(f"\n=== {name}\n{text}", flush=True)
            if given.write is not None:
                given.write.mkdir(parents=True, exist_ok=True)
                (given.write / f"seed{given.seed}_{k}.txt").write_text(text, encoding="utf-8")
        k += 1
    seconds = time.perf_counter() - start
    oracle = "PyTorch" if peer() is not None else "central differences"
    print(f"{k} programs against {oracle} in {seconds:.0f} s ({k / max(seconds, 1e-9):.0f} a second): "
          f"{faults} disagreements")
    for entry in KNOWN:
        if counts[entry.name]:
            print(f"  {counts[entry.name]:5d}  known: {entry.name} ({entry.right})")
    return int(faults > 0)


def one(seed: int, k: int) -> int:
    """Show one program, and what it comes to."""
    program, ours = draw(seed, k)
    name, found = examined(program, ours)
    print(f"{program}\n\n{name or 'agreed'}\n{found or ''}")
    return int(name == "disagreement")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
