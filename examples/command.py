"""Command lines of the programs: one line for each mistake, and exit codes that scripts can rely on."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

from autodiff.data.idx import DataError
from autodiff.errors import FileFormatError


class Parser(argparse.ArgumentParser):
    """A parser that answers a mistake with one line and exit code 2; ``--help`` has the rest."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and leave."""
        self.exit(2, f"{self.prog}: {message} (--help shows the options)\n")


def natural(text: str) -> int:
    """The whole number from 0 on that an option was given.

    >>> natural("12")
    12
    """
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """The reader of an option that takes an int or a float above zero.

    >>> positive(float)("0.01")
    0.01
    """

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(0)
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"{text!r} is not {'a whole' if kind is int else 'a'} number above 0")
        return value

    return read


def check_writable(paths: Iterable[Path]) -> None:
    """Raise before the work if the results could not be written after it.

    Raises:
        OSError: a path is a directory, or in one that does not exist or lets nothing be written.

    """
    for path in paths:
        if path.is_dir():
            raise IsADirectoryError(f"{path}: cannot be written, it is a directory")
        try:
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise OSError(f"{path}: cannot be written ({error.strerror})") from None


def run(name: str, program: Callable[[], None]) -> int:
    """Run a program and return its exit code: 0; 2 after a mistake it names in one line; 130 when interrupted."""
    try:
        program()
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted", file=sys.stderr)
        return 130
    except (DataError, FileFormatError, OSError, FloatingPointError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    return 0
