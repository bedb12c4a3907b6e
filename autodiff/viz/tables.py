"""Columns of text, and numbers as people read them."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A head and rows of text in columns, each as wide as its widest entry.

    >>> print(aligned(("a", "b"), [("long", "1"), ("x", "2")]))
    a     b
    long  1
    x     2
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ([entry.ljust(width) for entry, width in zip(row, widths, strict=True)] for row in (head, *rows))
    return "\n".join("  ".join(line).rstrip() for line in lines)


def size(count: int) -> str:
    """A number of bytes.

    >>> size(1536)
    '1.5 KB'
    """
    number = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1024 or unit == "GB":
            break
        number /= 1024
    return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
