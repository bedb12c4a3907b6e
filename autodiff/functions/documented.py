"""Docstrings with an example from a table, where there is none in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from inspect import cleandoc
from typing import Any

Examples = Mapping[str, tuple[str, str]]  # of names: a call, and what it gives
CALLED = re.compile(r"(?<![\w.\"])(?:[a-z_]\w*(?=[(.])|(?:inf|nan)\b)").findall
NOT_PLAIN = re.compile(r"\b(?:F|nn|numpy)\.").search
OF_PYTHON = frozenset(("float", "len", "tuple", "numpy", "list", "sum", "nn"))
OTHERS = (("F.", "import autodiff.nn.functional as F"), ("nn.", "from autodiff import nn"), ("numpy.", "import numpy"))


def add_examples(names: Mapping[str, Any], examples: Examples) -> None:
    """Write into the docstring of each of the ``names`` that has no example the one of a table, ready for doctest."""
    for name in examples.keys() & names.keys():
        thing = names[name]
        while thing is not None:  # the function inside its wrappers too, which is the method
            words = thing.__doc__ or ""
            if ">>>" not in words:
                thing.__doc__ = _with_example(words, example(*examples[name]))
            thing = getattr(thing, "__wrapped__", None)


def _with_example(words: str, text: str) -> str:
    """A docstring with the lines of ``text`` below it, as far to the right as its own."""
    margin = words[words.rfind("\n") + 1 :] if "\n" in words else ""
    if margin and not margin.isspace():  # the quotes end a line of words
        words, margin = cleandoc(words), ""
    return f"{words.rstrip()}\n\n{margin}" + text.replace("\n", f"\n{margin}") + f"\n{margin}"


@cache  # functions and methods share theirs
def example(call: str, result: str) -> str:
    """A call as a docstring shows it, with the imports that it needs.

    >>> example("exp(tensor([0.0]))", "tensor([1.])").splitlines()
    ['>>> from autodiff import exp, tensor', '>>> exp(tensor([0.0]))', 'tensor([1.])']
    """
    first = "".join([f">>> {line}\n" for prefix, line in OTHERS if prefix in call]) if NOT_PLAIN(call) else ""
    if used := set(CALLED(call)) - OF_PYTHON:
        first += f">>> from autodiff import {', '.join(sorted(used))}\n"
    return f"{first}>>> {call}\n{result}"
