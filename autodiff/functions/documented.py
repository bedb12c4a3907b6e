"""Docstrings with an example from a table, where there is none in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from inspect import cleandoc
from typing import Any

Examples = Mapping[str, tuple[str, str]]  # of names: a call, and what it gives
CALLED = re.compile(r"(?<![\w.\"])([a-z_]\w*)(?=[(.])")
OF_PYTHON = ("float", "len", "tuple", "numpy", "list", "sum")
F, NN, NUMPY = "import autodiff.nn.functional as F", "from autodiff import nn", "import numpy"


def add_examples(names: Mapping[str, Any], examples: Examples) -> None:
    """Write into the docstring of each of the ``names`` that has no example the one of a table, ready for doctest."""
    for name in examples.keys() & names.keys():
        text, thing = "", names[name]
        while thing is not None:  # the function inside its wrappers too, which is the method
            words = thing.__doc__ or ""
            if ">>>" not in words:
                text = text or f"\n\n{example(*examples[name])}\n"
                thing.__doc__ = (cleandoc(words) if "\n" in words else words) + text
            thing = getattr(thing, "__wrapped__", None)


def example(call: str, result: str) -> str:
    """A call as a docstring shows it, with the imports that it needs.

    >>> example("exp(tensor([0.0]))", "tensor([1.])").splitlines()
    ['>>> from autodiff import exp, tensor', '>>> exp(tensor([0.0]))', 'tensor([1.])']
    """
    lines = [line for prefix, line in (("F.", F), ("nn.", NN), ("numpy.", NUMPY)) if prefix in call]
    used = sorted({name for name in CALLED.findall(call) if name not in OF_PYTHON and name != "nn"})
    used += [name for name in ("inf", "nan") if re.search(rf"\b{name}\b", call)]
    if used:
        lines.append(f"from autodiff import {', '.join(used)}")
    return "\n".join([*(f">>> {line}" for line in lines), f">>> {call}", result])
