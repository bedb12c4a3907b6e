"""Ours beside PyTorch and others, in turns in one process: ``python -m benchmarks --json FILE``.

Each workload first has to come to the same numbers everywhere. A turn makes as many steps as take a tenth of a second;
in every round each library has its turn, and the ratio (the other's time over ours) is the median over the rounds. Ours
and PyTorch go through all workloads first, then ours and the others. PyTorch has one thread for the small graphs, and a
thread for each core for all else.
Where llvmlite is installed (extra ``fast``), a column has the ratio with its kernels, and compiled steps have them too;
all else is NumPy alone.
``--only TEXT`` measures the workloads and groups whose names contain it, ``--docs`` writes the tables into
docs/performance.md. PyTorch must be installed (extra ``torch``); the others (extra ``bench``) are left out where they
are not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

try:
    import torch
except ImportError:
    raise SystemExit("python -m benchmarks: PyTorch is not installed: pip install -e '.[torch]'") from None

import autodiff
from autodiff.kernels import lanes
from benchmarks import memory, report
from benchmarks.peers import PEERS, Peer
from benchmarks.workloads import WORKLOADS, Workload
from examples import command
from examples.peer import in_turns, seconds
from examples.report import write_json

TURN, MOST_STEPS = 0.1, 3000  # seconds, and steps, of a turn
ALIKE = 2e-4  # what float32 may differ by in the largest entry, as part of it


def measured(workload: Workload, peers: dict[str, Peer], rounds: int) -> dict[str, Any]:
    """The times of one workload, in microseconds, and the ratios to ours: of PyTorch, or of ``peers`` where given."""
    # Small graphs gain nothing by a second thread, for which a tanh of PyTorch's waits where a neighbour is busy.
    torch.set_num_threads(1 if workload.group in ("overhead", "small") else os.cpu_count() or 1)
    ours, theirs = workload.build(autodiff), workload.build(torch)
    parameters = [p.detach().numpy().copy() for p in ours.parameters]
    data = ours.data if ours.cotangent is None else [*ours.data, ours.cotangent]
    steps: dict[str, Callable[[], Any]] = {"ours": _in_lane(ours.step, False)}
    if not peers:
        has_kernels = bool(lanes.routes())
        steps |= {"PyTorch": theirs.step, report.COMPILED: _in_lane(_compiled(workload, has_kernels), has_kernels)}
        if has_kernels:
            steps[report.FAST] = _in_lane(workload.build(autodiff).step, True)
    out = ours.loss().detach().numpy()
    _check_alike(workload.name, "PyTorch", out, theirs.loss().detach().numpy())
    loss = out if ours.cotangent is None else np.sum(out * ours.cotangent)
    for name, peer in peers.items():
        step = peer.step(workload.pure, [p.copy() for p in parameters], data)
        try:
            value = np.asarray(step())
        except NotImplementedError:  # that library has no way to say it
            continue
        _check_alike(workload.name, name, loss, value)
        steps[name] = step
    counts = [_count(step) for step in steps.values()]
    times = [dict(zip(steps, times, strict=True)) for times in in_turns(list(steps.values()), counts, rounds)]
    return {
        "group": workload.group,
        "name": workload.name,
        "microseconds": {name: median(t[name] for t in times) / workload.each * 1e6 for name in steps},
        "ratio": {name: median(_ratio(name, t) for t in times) for name in steps if name != "ours"},
    }


def _in_lane(step: Callable[[], Any], fast: bool) -> Callable[[], Any]:
    """The step by NumPy alone, or with llvmlite's kernels, which its first call compiles."""

    def run() -> Any:
        lanes.set_enabled(fast)
        try:
            return step()
        finally:
            lanes.set_enabled(True)

    return run


def _compiled(workload: Workload, fast: bool) -> Callable[[], Any]:
    """A compiled step that has come to its replays, by NumPy alone or with llvmlite's kernels."""
    step: Callable[[], Any] = autodiff.compile(workload.build(autodiff).step)
    for _ in range(4):
        _in_lane(step, fast)()
    return step


def _ratio(name: str, times: dict[str, float]) -> float:
    """The other's time over ours; where ours is compiled or has kernels, that other is PyTorch."""
    ours = name in (report.COMPILED, report.FAST)
    return times["PyTorch"] / times[name] if ours else times[name] / times["ours"]


def _count(step: Callable[[], Any]) -> int:
    step()
    return min(MOST_STEPS, max(1, round(TURN / seconds(step, 3))))


def _check_alike(workload: str, name: str, ours: Any, theirs: Any) -> None:
    difference, size = float(np.abs(ours - theirs).max()), float(np.abs(theirs).max())
    if not difference <= ALIKE * size:
        raise ArithmeticError(f"{workload}: {name} and ours differ by {difference:.3g} in {size:.3g}")


def with_kernels(name: str, results: dict[str, Any], options: Any) -> None:
    """Measure what BLAS bounds once more, in a process whose OpenBLAS has the kernels called ``name``."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "results.json"
        groups = options.only or ["dense:", "convolution:", "model:"]
        command = [sys.executable, "-m", "benchmarks", "--torch", "--rounds", f"{options.rounds}", "--json", str(path)]
        environment = os.environ | {"OPENBLAS_CORETYPE": name}
        subprocess.run([*command, "--only", *groups], env=environment, stdout=subprocess.DEVNULL, check=True)
        again = json.loads(path.read_text())
    results["other kernels"] = again["machine"]["BLAS kernels"]
    ratios = {row["name"]: row["ratio"]["PyTorch"] for row in again["workloads"]}
    for row in results["workloads"]:
        if row["name"] in ratios:
            row["ratio"][report.OTHER_KERNELS] = ratios[row["name"]]


def import_times(rounds: int) -> dict[str, Any]:
    """How long a new process takes to import each library, less an empty one with NumPy's."""
    programs = {"ours": "import autodiff, nn, optim", "PyTorch": "import torch", "": "import numpy"}
    steps = [lambda code=code: subprocess.run([sys.executable, "-c", code], check=True) for code in programs.values()]
    times = [[s - bare for s in both] for *both, bare in in_turns(steps, [1] * 3, rounds)]
    ours, theirs = (median(column) for column in zip(*times, strict=True))
    return {"ours": ours, "PyTorch": theirs}


def kept(workloads: Iterable[Workload]) -> list[dict[str, Any]]:
    """The megabytes that steps keep for their backward passes."""
    found = []
    for workload in workloads:
        ours = memory.kept_by_ours(workload.build(autodiff)) / 1e6
        theirs = memory.kept_by_torch(workload.build(torch)) / 1e6
        found.append({"name": workload.name, "ours": ours, "PyTorch": theirs})
    return found


def chosen(texts: list[str]) -> list[Workload]:
    """The workloads whose group and name contain one of ``texts``; all without any."""
    return [w for w in WORKLOADS if not texts or any(text in f"{w.group}: {w.name}" for text in texts)]


def installed_peers() -> dict[str, Peer]:
    """The other libraries, of those that are installed."""
    found = {}
    for name, make in PEERS.items():
        try:
            found[name] = make()
        except ImportError:
            print(f"{name} is not installed: pip install -e '.[bench]'", file=sys.stderr)
    return found


def _say(row: dict[str, Any]) -> None:
    print(row["name"], *(f"{name} {ratio:.2f}" for name, ratio in row["ratio"].items()), file=sys.stderr)


def run(options: Any) -> None:
    """Measure, print, and write what is asked for."""
    command.check_writable([options.json] if options.json else [])
    os.environ.setdefault(lanes.VARIABLE, "now")  # no kernel is compiled while it is measured
    results: dict[str, Any] = {"machine": report.machine(), "workloads": []}
    for workload in chosen(options.only):
        results["workloads"].append(measured(workload, {}, options.rounds))
        _say(results["workloads"][-1])
    # Afterwards, for PyTorch is slower with the others in the process.
    peers = {} if options.torch else installed_peers()
    for workload, row in zip(chosen(options.only), results["workloads"], strict=True):
        if peers and workload.pure:
            found = measured(workload, peers, options.rounds)
            _say(found)
            row["ratio"] |= found["ratio"]
    if not options.only:
        results |= {
            "kept": kept([workload for workload in WORKLOADS if workload.group == "model"]),
            "growth": [memory.growth(10**n) for n in (3, 4, 5, 6)],
            "import": import_times(options.rounds),
        }
    if options.kernels:
        with_kernels(options.kernels, results, options)
    print(report.table(results))
    if options.json:
        write_json(options.json, results)
    if options.docs:
        report.write_page(results)


def main() -> int:
    """Run the command and return its exit code."""
    parser = command.Parser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="TEXT", help="those with this in their name")
    parser.add_argument("--rounds", type=command.positive(int), default=9, help="how often each has its turn (9)")
    parser.add_argument("--torch", action="store_true", help="PyTorch alone")
    parser.add_argument("--kernels", metavar="NAME", help="also with OPENBLAS_CORETYPE=NAME, in a process of its own")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as data, too")
    parser.add_argument("--docs", action="store_true", help="write the tables into docs/performance.md")
    options = parser.parse_args()
    if not chosen(options.only):
        parser.error(f"no workload has any of {', '.join(options.only)} in its name or group")
    if options.docs and options.only:
        parser.error("--docs writes all tables; leave --only out")
    return command.run("python -m benchmarks", lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
