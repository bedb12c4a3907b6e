"""Warnings where a program leaves the graph in silence: a copy of tracked tensors, a number of one, no ``.grad``."""

from __future__ import annotations

import warnings
from typing import Any

from autodiff.engine import modes
from autodiff.engine.call_sites import Place, file_and_line, place_of_user, source_of
from autodiff.engine.tape import Node
from autodiff.engine.values import TensorBase
from autodiff.errors import AutodiffWarning


def _warn(text: str, place: Place) -> None:
    warnings.warn_explicit(text, AutodiffWarning, *file_and_line(place))


def warn_of_copy(data: Any) -> None:
    """Warn where ``data``, lists with tensors in them, holds one of the graph, of which a copy knows nothing."""
    level = [data]
    while level:
        for x in level:
            if isinstance(x, TensorBase) and x._node is not None and modes.current().recording:
                repair = "clone() copies it" if x is data else "stack(...) joins such tensors"
                text = f"the new tensor does not remember how that of shape {x._array.shape} in it was made"
                _warn(f"{text}; {repair} with its history, detach() says that it is not wanted", place_of_user(2))
                return
        level = [x for part in level if isinstance(part, (list, tuple)) for x in part]


def warn_inner(node: Node) -> None:
    """Warn where ``.grad`` is read of a tensor that was computed, which keeps none."""
    if not (hasattr(node, "hooks") and node.hooks.keep):
        text = f"this tensor is the result of {node.name()}, called at {node.where}, and keeps no .grad; call its"
        _warn(f"{text} retain_grad() before backward()", place_of_user(2))


def warn_of_math() -> None:
    """Warn where a function of ``math`` takes the number of a tensor of the graph, which has no derivative."""
    place = place_of_user(2)
    if "math." in (line := source_of(place)) and modes.current().recording:
        _warn(f"math takes the number of this tensor, without its history ({line}); use its methods, as x.sin()", place)
