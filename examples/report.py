"""What the programs share: their arguments, the table of ours beside the number to beat, and results as JSON.

A program is a function from its options to a ``Report``; ``main`` turns it into a command:

    def run(options: Options) -> Report: ...

    if __name__ == "__main__":
        raise SystemExit(main("examples.points", __doc__, run))
"""

from __future__ import annotations

import json
import operator
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autodiff.io.files import write_whole
from examples import command

Options = Namespace  # out: Path or None; json: Path or None; quick: bool; seed: int
SENSES: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    "=": np.allclose,
}


class Row(NamedTuple):
    """One line of the results: what was measured, ours, and the number to beat.

    Args:
        what: the program and the quantity, in a few words.
        ours: a number, a list of them, a text, or None where it was not measured (PyTorch is not installed).
        beat: the number or list that ours is compared with; None for a result that nothing is compared with.
        sense: how ours should stand to it: "<=", "<", ">=" or "=".
        form: how both are printed, a format specification such as ".1%".
    """

    what: str
    ours: float | list[Any] | str | None
    beat: float | list[Any] | None = None
    sense: str = "<="
    form: str = ".3g"

    @property
    def holds(self) -> bool | None:
        """Whether ours is as good as it should be; None where there is nothing to compare."""
        if self.beat is None or self.ours is None or isinstance(self.ours, str):
            return None
        return bool(SENSES[self.sense](self.ours, self.beat))

    def cells(self) -> tuple[str, str, str, str]:
        """What the table shows."""
        ours = "-" if self.ours is None else _shown(self.ours, self.form)
        beat = "" if self.beat is None else f"{self.sense} {_shown(self.beat, self.form)}"
        return self.what, ours, beat, {None: "", True: "yes", False: "NO"}[self.holds]


def _shown(value: float | list[Any] | str, form: str) -> str:
    return value if isinstance(value, str) else " ".join(format(number, form) for number in np.ravel(value))


class Report(NamedTuple):
    """What a program found: its figures by their keys, for ``--json``, and the lines of its table."""

    data: dict[str, Any]
    rows: list[Row]


def argument_parser(program: str, description: str | None, data: bool = False, takes: str = "") -> command.Parser:
    """The options that all programs have, and ``--data`` for programs that learn MNIST; a program may add its own.

    The help also says how long the program takes, where that is known.
    """
    text, length = (description or "").partition("\n\n")[0], f"It takes about {takes}." if takes else None
    parser = command.Parser(prog=f"python -m {program}", description=text, epilog=length)
    parser.add_argument("--out", metavar="DIR", type=Path, help="write the pictures into this folder")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every figure as data")
    parser.add_argument("--quick", action="store_true", help="a short run, whose numbers are not the results")
    parser.add_argument("--seed", type=command.natural, default=0, help="of the random numbers (default: 0)")
    if data:
        parser.add_argument("--data", metavar="DIR", type=Path, help="the four IDX files (default: the ones embedded)")
    return parser


def picture(options: Options, name: str) -> Path | None:
    """Where the picture ``name`` goes; None where no folder was given, and no picture is wanted."""
    return None if options.out is None else Path(options.out) / name


def table(rows: Sequence[Row], markdown: bool = False) -> str:
    """The rows in aligned columns, as plain text or as a markdown table.

    >>> print(table([Row("XOR: loss", 9e-5, 1.2e-4), Row("accuracy", 1.0, 0.95, ">=", ".1%")]))
    what         ours  number to beat  beaten
    XOR: loss   9e-05      <= 0.00012     yes
    accuracy   100.0%        >= 95.0%     yes
    """
    lines = [("what", "ours", "number to beat", "beaten"), *(row.cells() for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    text = []
    for line in lines:
        cells = [line[0].ljust(widths[0]), *(line[i].rjust(widths[i]) for i in range(1, 4))]
        text.append(f"| {' | '.join(cells)} |" if markdown else "  ".join(cells).rstrip())
    if markdown:
        text.insert(1, "|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|")
    return "\n".join(text)


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write figures, NumPy's included, whole or not at all.

    Raises:
        OSError: the file cannot be written.
        ValueError: a figure is NaN or infinite, which JSON has no word for.
    """
    write_whole(path, json.dumps(data, indent=1, allow_nan=False, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"a figure is a number, a text, a list or a dict of them, not {value!r:.60}")


def main(
    program: str,
    description: str | None,
    run: Callable[[Options], Report],
    arguments: Sequence[str] | None = None,
    parser: command.Parser | None = None,
) -> int:
    """Run a program as a command: read its options, print its table, write its JSON; returns the exit code.

    Paths that cannot be written are found before the work.
    """
    options = (parser or argument_parser(program, description)).parse_args(arguments)

    def whole() -> None:
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            command.check_writable([options.out / "picture"])
        command.check_writable([options.json] if options.json else [])
        report = run(options)
        print(table(report.rows))
        if options.json is not None:
            write_json(options.json, report.data)

    return command.run(f"python -m {program}", whole)
