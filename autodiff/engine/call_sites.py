"""Where in the user's code something happened, at the price of a few pointers."""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
from types import CodeType

import numpy as np

__all__ = ["Place", "file_and_line", "line_of", "of_library", "place_of_user", "register_library", "source_of"]

Place = tuple[CodeType, int]  # code and instruction: the line is worked out only when somebody asks for it

_library: tuple[str, ...] = ()  # folders, each with a separator at its end


class _Inside(dict[str, bool]):
    """Whether a source file belongs to this library or to what it calls itself through; asked once for each file."""

    def __missing__(self, filename: str) -> bool:
        self[filename] = filename.startswith(_library) or filename == contextlib.__file__
        return self[filename]


_inside = _Inside()


def register_library(package_file: str) -> None:
    """Count the folder of ``package_file``, the ``__file__`` of a package, as the library's own."""
    global _library
    _library += (os.path.dirname(os.path.abspath(package_file)) + os.sep,)
    _inside.clear()


register_library(np.__file__)


def place_of_user(depth: int = 1) -> Place:
    """The innermost place outside this library, at least ``depth`` calls up: each one skipped is a frame not built."""
    frame = sys._getframe(depth)
    code = frame.f_code
    while _inside[code.co_filename] and frame.f_back is not None:
        frame = frame.f_back
        code = frame.f_code
    return code, frame.f_lasti


def of_library(code: CodeType) -> bool:
    """Whether ``code`` belongs to this library."""
    return _inside[code.co_filename]


def file_and_line(place: Place) -> tuple[str, int]:
    """File and line of a place."""
    code, instruction = place
    for start, end, line in code.co_lines():
        if start <= instruction < end and line is not None:
            return code.co_filename, line
    return code.co_filename, code.co_firstlineno


def line_of(place: Place) -> str:
    """``file:line`` of a place."""
    filename, number = file_and_line(place)
    return f"{filename}:{number}"


def source_of(place: Place) -> str:
    """The source line of a place, stripped; empty where the source is not at hand."""
    return linecache.getline(*file_and_line(place)).strip()
