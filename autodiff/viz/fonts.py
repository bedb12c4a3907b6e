"""How wide a text can be: whoever looks at a picture may have another font than the one it names.

Boxes are made for the widest of Helvetica, Arial and what stands in for them: DejaVu Sans is a fifth wider.
"""

from __future__ import annotations

# Hundredths of the font's size for each printable character of ASCII: the widest of DejaVu Sans, Liberation Sans (as
# wide as Arial), Nimbus Sans (as wide as Helvetica) and Noto Sans. ``tests/test_viz_fonts.py`` holds them to the fonts.
REGULAR = (
    32, 41, 46, 84, 64, 96, 78, 28, 40, 40, 56, 84, 32, 37, 32, 38, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84,
    84, 84, 56, 102, 69, 69, 73, 78, 67, 62, 78, 76, 34, 50, 67, 56, 91, 76, 79, 67, 79, 73, 67, 62, 74, 69, 99, 69, 67,
    69, 40, 38, 40, 84, 56, 50, 62, 64, 55, 64, 62, 36, 64, 64, 28, 28, 58, 28, 98, 64, 62, 64, 64, 42, 53, 40, 64, 60,
    82, 60, 60, 53, 64, 56, 64, 84,
)  # fmt: skip
BOLD = (
    35, 46, 53, 84, 70, 101, 88, 31, 46, 46, 55, 84, 38, 42, 38, 42, 70, 70, 70, 70, 70, 70, 70, 70, 70, 70, 40, 40, 84,
    84, 84, 62, 101, 78, 77, 74, 84, 69, 69, 83, 84, 39, 56, 78, 64, 100, 84, 86, 74, 86, 78, 73, 69, 82, 78, 111, 78,
    73, 73, 46, 42, 46, 84, 56, 50, 68, 72, 60, 72, 68, 44, 72, 72, 35, 35, 67, 35, 105, 72, 69, 72, 72, 50, 60, 48, 72,
    66, 93, 65, 66, 59, 72, 56, 72, 84,
)  # fmt: skip
OTHERS = {"\u00b7": 38, "\u00d7": 84}  # a raised dot and a cross
WIDE = 104  # of any other character: an ideograph fills a square
HEIGHT = 1.25  # of a line, so that none touches the next one


def width(text: str, size: float, bold: bool = False) -> float:
    """How wide a line of text is at most, in the unit of ``size``.

    >>> round(width("relu", 10), 1), round(width("relu", 10, bold=True), 1)
    (19.6, 22.5)
    """
    table = BOLD if bold else REGULAR
    return size / 100 * sum(table[ord(c) - 32] if " " <= c <= "~" else OTHERS.get(c, WIDE) for c in text)


def padded(text: str) -> str:
    """A text with room at both ends for a font that is wider than the one by which an engine places it."""
    spaces = " " * (1 + round(0.3 * width(text, 1)))
    return spaces + text + spaces
