"""How a tensor is printed: in PyTorch's layout, which its users know how to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autodiff.dtypes import to_complex
from autodiff.errors import OptionError

_PLAIN = {np.dtype(np.int64), np.dtype(np.bool_)}  # dtypes that go without saying
_HEAD = "tensor("
_GAP = " ..."


@dataclass
class Options:
    """How tensors are printed: decimals, entries shown in full, entries at each end of a long axis, line length."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_options = Options()
_PROFILES: dict[str, dict[str, Any]] = {
    "default": {},
    "short": {"precision": 2, "edgeitems": 2},
    "full": {"threshold": float("inf")},
}

Array = np.ndarray[Any, Any]


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Print tensors with ``precision`` decimals, in full up to ``threshold`` entries, and so on.

    A ``profile`` ("default", "short" or "full") sets every option first.

    Raises OptionError where there is no such ``profile``.
    """
    global _options
    if profile is not None:
        if profile not in _PROFILES:
            raise OptionError(f"the profiles are {', '.join(_PROFILES)}, not {profile!r}")
        _options = Options(**_PROFILES[profile])
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    _options = replace(_options, sci_mode=sci_mode, **changes)


def array_text(array: Array, default: np.dtype[Any], notes: tuple[str, ...] = ()) -> str:
    """``tensor(...)`` with the entries of ``array``, its dtype where it is not the usual one, and ``notes``.

    More than 1,000 entries are shortened to three at each end of each axis.

    >>> array_text(np.array([1.5, -2.0]), np.dtype(np.float64))
    'tensor([ 1.5000, -2.0000])'
    """
    plain = (default,) if array.size == 0 else (default, to_complex(default), *_PLAIN)  # entries would show the others
    if array.dtype not in plain:
        notes = (f"dtype=autodiff.{array.dtype}", *notes)
    if array.size == 0:
        text, notes = "[]", (notes if array.ndim == 1 else (f"size={array.shape}", *notes))
    else:
        edge = _options.edgeitems if array.size > _options.threshold else None
        write, width = _entry_format(_ends(array, edge))
        text = _nested(array, write, width, len(_HEAD), edge)
    text, last = _HEAD + text, len(_HEAD + text) - (_HEAD + text).rfind("\n")
    for note in notes:
        fits = last + len(note) + 2 <= _options.linewidth
        text += f", {note}" if fits else ",\n" + " " * len(_HEAD) + note
        last = last + len(note) + 2 if fits else len(_HEAD) + len(note)
    return text + ")"


def _ends(array: Array, edge: int | None) -> Array:
    """The entries that are shown."""
    for axis, n in enumerate(array.shape):
        if edge is not None and n > 2 * edge:
            array = np.take(array, [*range(edge), *range(n - edge, n)], axis)
    return array


def _nested(array: Array, write: Callable[[Any], str], width: int, indent: int, edge: int | None) -> str:
    """The entries in brackets; an axis but the last has a line for each entry, and a blank one for each axis within."""
    if array.ndim == 0:
        return write(array[()]).rjust(width)
    n, deep = len(array), array.ndim > 1
    long = edge is not None and n > 2 * edge
    shown = [*range(edge), None, *range(n - edge, n)] if long and edge is not None else list(range(n))
    if deep:
        parts = ["..." if i is None else _nested(array[i], write, width, indent + 1, edge) for i in shown]
        return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"
    entries = [_GAP if i is None else write(array[i]).rjust(width) for i in shown]
    each = max(1, (_options.linewidth - indent) // (width + 2))
    lines = [", ".join(entries[i : i + each]) for i in range(0, len(entries), each)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _entry_format(shown: Array) -> tuple[Callable[[Any], str], int]:
    """A function that writes an entry, and the width of the widest that sets the column."""
    if shown.dtype.kind == "c":
        of_real, wide = _entry_format(shown.real)
        of_imag, narrow = _entry_format(np.abs(shown.imag))

        def of_both(v: Any) -> str:
            return f"{of_real(v.real)}{'-' if np.signbit(v.imag) else '+'}{of_imag(abs(v.imag))}j"

        return of_both, wide + narrow + 2
    if shown.dtype.kind != "f":
        return str, max(len(str(v)) for v in shown.reshape(-1))
    finite = shown[np.isfinite(shown) & (shown != 0)].astype(np.float64)
    write = _float_format(np.abs(finite))
    return write, max((len(write(v)) for v in finite), default=1)


def _float_format(sizes: Array) -> Callable[[Any], str]:
    """How to write floats whose absolute values are ``sizes``: whole, with four decimals, or with an exponent."""
    whole = bool((sizes == np.floor(sizes)).all())
    wide = sizes.size and (sizes.max() > 1000 * sizes.min() or sizes.max() > 1e8 or (not whole and sizes.min() < 1e-4))
    digits = _options.precision
    if wide if _options.sci_mode is None else _options.sci_mode:
        return lambda v: f"{v:.{digits}e}"
    if whole:
        return lambda v: f"{v:.0f}." if np.isfinite(v) else f"{v:.0f}"
    return lambda v: f"{v:.{digits}f}"
