"""The command line: its options, and one line for each mistake."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from autodiff.commands.models import drawn, summarised
from autodiff.commands.report import report
from autodiff.errors import AutodiffError

PROGRAM = "python -m autodiff"
MODEL = """\
FILE.py:NAME is a model in that file: a name in it, or a dotted path such as net.encoder. A function or a class is
called without arguments. The file is run, but not as the main program. A size is that of one input of the model, such
as 1,1,28,28; it gets random numbers. 2,9:int64 gets integers, all 0."""


class Parser(argparse.ArgumentParser):
    """A parser that answers a mistake with one line and exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and leave."""
        self.exit(2, f"{self.prog}: {message} (--help shows the options)\n")


def parser() -> Parser:
    """The parser of the whole line."""
    whole = Parser(prog=PROGRAM, description="Without a command, say what belongs into a bug report.")
    commands = whole.add_subparsers(dest="command", title="commands")
    draw = commands.add_parser("draw", help="draw the graph of a model", description=MODEL)
    summary = commands.add_parser("summary", help="list the layers of a model", description=MODEL)
    for each in (draw, summary):
        each.add_argument("model", metavar="FILE.py:NAME")
        each.add_argument("sizes", metavar="SIZE", nargs="*", help="of each input of the model")
    draw.add_argument("-o", "--out", default="graph.svg", help="the file; its suffix is the format (%(default)s)")
    draw.add_argument("--depth", default="1", help='how deep modules are open, or "all" (%(default)s)')
    draw.add_argument("--show", default="shape", help="shape,value,grad,bytes,constants (%(default)s)")
    draw.add_argument("--direction", default="TB", choices=("TB", "LR", "BT", "RL"), help="of the arrows (%(default)s)")
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; 2 for a mistake, which is named in one line."""
    options = parser().parse_args(arguments)
    try:
        if options.command is None:
            print(report())  # noqa: T201
        elif options.command == "summary":
            print(summarised(options.model, options.sizes))  # noqa: T201
        else:
            drawn(options.model, options.sizes, options.out, options.depth, options.show, options.direction)
            print(f"wrote {options.out}")  # noqa: T201
    except (AutodiffError, OSError) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0
