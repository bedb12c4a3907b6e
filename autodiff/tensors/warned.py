"""Warnings at the line of the program that called: those of NumPy, such as that of log(0), and the library's own.

NumPy warns from C, at the innermost line of Python, which is one of the library's. Python lets a program say something
else of a warning in one place only, ``warnings.showwarning``: filters choose among warnings, and a context of NumPy's
around each operation would cost more than the operation. So the import of the library replaces it. Others' warnings
are shown as before.
"""

from __future__ import annotations

import sys
import warnings
from typing import TextIO

from autodiff.engine.call_sites import file_and_line, inside_library, place_of_user
from autodiff.errors import AutodiffWarning

_PYTHONS = getattr(warnings, "_showwarning_orig", None)  # which forgets the source of a warning, if it is called
_show_elsewhere = warnings.showwarning


def warn(text: str, category: type[Warning] = AutodiffWarning) -> None:
    """Warn at the line of the user's code."""
    warnings.warn_explicit(text, category, *file_and_line(place_of_user()))


def name_lines_of_user() -> None:
    """From now on, a warning that comes from inside the library is shown at the line of the user's code."""
    global _show_elsewhere
    if warnings.showwarning is not _show:
        _show_elsewhere, warnings.showwarning = warnings.showwarning, _show


def _show(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    frame = sys._getframe() if issubclass(category, RuntimeWarning) and inside_library[filename] else None
    while frame is not None and frame.f_code.co_filename != filename:  # this function, and Python's own
        frame = frame.f_back
    if frame is not None:
        # Python shows a warning once for each line, and would not show that of another line of the user's.
        frame.f_globals.get("__warningregistry__", {}).pop((str(message), category, lineno), None)
        while frame is not None and inside_library[frame.f_code.co_filename]:
            frame = frame.f_back
    if frame is None:  # another's warning, or in a thread of the library, which the user's code did not call
        whole = sys._getframe(1).f_locals.get("msg")  # which knows where a file that was left open was opened
        as_python = getattr(warnings, "_showwarnmsg_impl", None)
        if _show_elsewhere is _PYTHONS and as_python is not None and getattr(whole, "source", None) is not None:
            as_python(whole)
        else:
            _show_elsewhere(message, category, filename, lineno, file, line)
        return
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno, registry=registry)
