"""All programs one after another, and one table of their results: ``python -m examples.all --json FILE``.

A full run also writes ``docs/results.md`` and the pictures beside it; the 62 trainings of ``examples.points`` take most
of its time. ``--again NAME ...`` runs some of the programs and takes the results of the others from FILE.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from autodiff.io.files import write_whole
from examples import command, convolution, mnist_mlp, one_conv, points, two_layer, zeros_and_ones
from examples.report import Options, Report, Row, argument_parser, main, table

PROGRAM = "examples.all"
DOCS = Path(__file__).resolve().parents[1] / "docs"
PROGRAMS: dict[str, Callable[[Options], Report]] = {
    "points": points.run,
    "convolution": convolution.run,
    "one_conv": one_conv.run,
    "zeros_and_ones": zeros_and_ones.run,
    "two_layer": two_layer.run,
    "mnist_mlp": mnist_mlp.run,
}
PICTURES = {
    "points_curves": "Points, one at a time: the loss of every seed, by task and recipe.",
    "points_predictions": "Ground truth beside prediction.",
    "points_surfaces": "What each network says over the whole square.",
    "points_gradients": "Five layers of sigmoids: the norm of each layer's gradient. With small weights the first "
    "layers get next to nothing, and the network stays as it is; with weights four times as large all of them learn.",
    "edges": "Kernels that find edges.",
    "kernels": "The kernels that one convolution learned in one epoch.",
    "zeros_and_ones": "Zeros and ones, from pixels scaled and not.",
    "two_layer": "The two-layer classifier.",
    "mnist_mlp": "The fully connected net.",
}
INTRODUCTION = """# Results

The results of the [five programs](../examples), with the number that each has to beat.
`python -m examples.all --data DIR --json FILE` writes this page; DIR has the four files of MNIST.

Machine: {machine}. Times are ratios: PyTorch's time for the same step over ours. The two take turns in one process.

The plain recipe of the points starts from Glorot's uniform weights times 4, since a sigmoid's slope is 1/4 at most. The
row "nn.Linear's own weights" has the results of the weights that `nn.Linear` draws, as PyTorch's does. No seed is
selected: the table has the best and the median of all, and the file of `--json` has each.
"""


def run(options: Options) -> Report:
    """Every program, or those of ``--again``, and the page of results if it is wanted.

    Raises OSError if the results of the other programs are missing.
    """
    docs = options.docs or (None if options.quick else DOCS)
    if docs:
        (docs / "images").mkdir(parents=True, exist_ok=True)
        command.check_writable([docs / "results.md"])
    given = vars(options) | ({"out": docs / "images"} if docs and not options.out else {})
    data: dict[str, Any] = _earlier(options.json, options.again) if options.again else {"seconds": {}, "rows": {}}
    for name in options.again or PROGRAMS:
        start = time.perf_counter()
        data[name], rows = PROGRAMS[name](Options(**given))
        data["rows"][name] = [row._asdict() for row in rows]
        data["seconds"][name] = round(time.perf_counter() - start, 1)
    rows = [Row(**row) for name in PROGRAMS for row in data["rows"][name]]
    if docs:
        write_whole(docs / "results.md", page(rows, Path(given["out"]), docs))
    return Report(data | {"machine": machine()}, rows)


def _earlier(path: Path | None, again: list[str]) -> dict[str, Any]:
    """The figures and rows of an earlier run, which has those of all programs but the ones to be run ``again``."""
    if path is None or not path.exists():
        raise FileNotFoundError("--again takes the other results from the file of --json, which is not there")
    data: dict[str, Any] = json.loads(path.read_text())
    if missing := set(PROGRAMS) - set(again) - set(data.get("rows", {})):
        raise OSError(f"{path} has no results of {', '.join(sorted(missing))}; run those again too")
    return data


def page(rows: list[Row], pictures: Path, docs: Path) -> str:
    """The page of results: a table, and the pictures that exist."""
    parts = [INTRODUCTION.format(machine=machine()), table(rows, markdown=True), ""]
    for name, caption in PICTURES.items():
        if (path := pictures / f"{name}.png").exists():
            parts += ["", f"![{caption}]({Path(os.path.relpath(path, docs)).as_posix()})", "", caption]
    return "\n".join(parts) + "\n"


def machine() -> str:
    """What the times were measured on, in a line."""
    processor = platform.machine()
    return f"{os.cpu_count()} processors ({processor}), Python {platform.python_version()}, NumPy {np.__version__}"


def parser() -> command.Parser:
    """The common options, where the images are, how many processes, and where the page of results goes."""
    result = argument_parser(PROGRAM, __doc__, data=True)
    result.add_argument("--workers", type=command.positive(int), help="processes (default: one for each processor)")
    result.add_argument(
        "--again", nargs="+", choices=PROGRAMS, default=[], metavar="NAME", help="run only these; the others from FILE"
    )
    result.add_argument(
        "--docs", type=Path, metavar="DIR", help="where results.md goes (default: docs, and nowhere with --quick)"
    )
    return result


if __name__ == "__main__":
    raise SystemExit(main(PROGRAM, __doc__, run, parser=parser()))
