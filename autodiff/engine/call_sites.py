"""Where in the user's code something was called, at the price of a few pointers: its line, and the modules around it.

An operation that is recorded takes the innermost call of a module at hand, which is linked to the one around it: so a
drawn graph shows operations inside the modules they belong to. Each thread has calls of its own.
"""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import get_ident
from types import CodeType
from typing import Any

import numpy as np

Place = tuple[CodeType, int]  # code and instruction: the line is worked out only when it is needed

_library: tuple[str, ...] = ()  # folders, each with a separator at its end


class _InsideLibrary(dict[str, bool]):
    """Whether a source file belongs to this library, to NumPy or to contextlib; worked out once for each file."""

    def __missing__(self, filename: str) -> bool:
        self[filename] = filename.startswith(_library) or filename == contextlib.__file__
        return self[filename]


inside_library = _InsideLibrary()


def register_library(package_file: str) -> None:
    """Count the folder of ``package_file``, the ``__file__`` of a package, as the library's own."""
    global _library
    _library += (os.path.dirname(os.path.abspath(package_file)) + os.sep,)
    inside_library.clear()


register_library(np.__file__)


def place_of_user(depth: int = 1) -> Place:
    """The innermost place outside this library, at least ``depth`` calls up."""
    frame = sys._getframe(depth)
    while inside_library[(code := frame.f_code).co_filename] and (caller := frame.f_back) is not None:
        frame = caller
    return code, frame.f_lasti


def of_library(code: CodeType) -> bool:
    """Whether ``code`` is the library's, NumPy's or contextlib's."""
    return inside_library[code.co_filename]


def file_and_line(place: Place) -> tuple[str, int]:
    """File and line of a place."""
    code, instruction = place
    for start, end, line in code.co_lines():
        if start <= instruction < end and line is not None:
            return code.co_filename, line
    return code.co_filename, code.co_firstlineno


def line_of(place: Place) -> str:
    """``file:line`` of a place; of a cell of a notebook ``In[3]:line``, for its file is a temporary one."""
    filename, number = file_and_line(place)
    if (ipython := sys.modules.get("IPython")) is not None:
        with contextlib.suppress(AttributeError, TypeError):  # no shell, an old one, a file that is no cell
            filename = ipython.get_ipython().compile.format_code_name(filename)[1]
    return f"{filename}:{number}"


def source_of(place: Place) -> str:
    """The source line of a place, stripped; empty where the source is not at hand."""
    return linecache.getline(*file_and_line(place)).strip()


# One call of a module, its class, and the call it was made from. The module itself is not kept alive: it may hold the
# graph in turn, and would then be in a cycle with it.
Scope = tuple[weakref.ref[Any], type[Any], "Scope | None"]


class Calls:
    """The calls of modules that go on in one thread.

    Attributes:
        now: the innermost, None outside of all.
        place: where the user's code asked for all that happens now; None where the user's code is inside.
        thread: whose they are. A context may be copied to another thread, which then begins with calls of its own.
    """

    __slots__ = ("now", "place", "thread")

    now: Scope | None
    place: Place | None

    def __init__(self, thread: int) -> None:
        self.now = self.place = None
        self.thread = thread


NOBODY = Calls(0)  # of all threads that have not called a module; nobody writes to it
_calls: ContextVar[Calls] = ContextVar("autodiff_calls", default=NOBODY)
calls = _calls.get  # bound once: every operation asks


def begin() -> Calls:
    """The calls of a thread that has not called a module before."""
    own = Calls(get_ident())
    _calls.set(own)
    return own


@contextmanager
def asked_at(place: Place | None) -> Iterator[None]:
    """What is recorded in the block was asked for at ``place``; where that is None, the user's code is in the block."""
    here = calls()
    if here.thread != get_ident():
        here = begin()
    before, here.place = here.place, place
    try:
        yield
    finally:
        here.place = before
