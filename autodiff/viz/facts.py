"""A recorded graph as plain text and numbers: what every drawing of it is made from."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

__all__ = ["DrawnEdge", "DrawnNode", "Gradient", "Group", "Part", "gradient_of", "short"]

VANISHING = 1e-3  # of the largest gradient in the same drawing, root mean square over entries


class Gradient(NamedTuple):
    """What is said of a gradient.

    Attributes:
        norm: the Euclidean norm.
        entries: how many numbers it has.
        state: "zero", "NaN", "inf", "vanishing" (the root mean square of its entries is less than a thousandth of the
            largest one in the drawing), or "" where nothing is wrong.
        text: the number itself where there is one entry, the norm otherwise.
    """

    norm: float
    entries: int
    state: str
    text: str


class Part(NamedTuple):
    """A parameter inside a module that is drawn as one box."""

    name: str
    shape: tuple[int, ...]
    gradient: Gradient | None


class DrawnNode(NamedTuple):
    """A box of a drawing.

    Attributes:
        id: "n" and its place in the order of creation; "m" and a number for a module, "c" for a constant.
        kind: "operation"; "parameter" (a leaf that has a name); "leaf"; "constant" (what nobody wants a gradient for);
            "module" (one drawn as one box); "left out" (what was more than ``max_nodes``).
        name: of the operation, the path of the parameter or module, the number that a constant is.
        shape, dtype: of the value.
        place: ``file:line`` of the user's code that made it, and ``source`` that line.
        is_output: whether the drawing was asked for it.
        operands: what an operation was applied to: ids, numbers, shapes of arrays, "_" for what is not known any more.
        group: the id of the open module it stands in; "" outside of all.
        module: the class of a module.
        times: how many modules of the same structure and shapes follow each other in one box.
        operations: how many operations a box stands for.
        kept: bytes that are kept for the backward pass.
        value: of the entries, where they were asked for.
        gradient: of a leaf after ``backward()``, or of every node where it was asked for.
        parts: the parameters in a module's box.
    """

    id: str
    kind: str
    name: str
    shape: tuple[int, ...] | None = None
    dtype: str = ""
    place: str = ""
    source: str = ""
    is_output: bool = False
    operands: tuple[str, ...] = ()
    group: str = ""
    module: str = ""
    times: int = 1
    operations: int = 1
    kept: int = 0
    value: str = ""
    gradient: Gradient | None = None
    parts: tuple[Part, ...] = ()

    @property
    def numbers(self) -> int:
        """How many numbers can be trained in it."""
        if self.kind in ("parameter", "leaf"):
            return math.prod(self.shape or ())
        return sum(math.prod(part.shape) for part in self.parts)


class DrawnEdge(NamedTuple):
    """A value of ``shape`` on its way from the node ``source`` into the node ``target``."""

    source: str
    target: str
    shape: tuple[int, ...] | None


class Group(NamedTuple):
    """A module that is drawn open, around what it did; ``parent`` is the id of the group around it, or ""."""

    id: str
    parent: str
    name: str
    module: str


def gradient_of(array: np.ndarray[Any, Any]) -> Gradient:
    """What is said of one gradient by itself; whether it vanishes, the others must say."""
    wide = np.asarray(array, np.float64)
    norm = float(np.sqrt(np.vdot(wide, wide)))
    state = "NaN" if np.isnan(wide).any() else "inf" if np.isinf(wide).any() else "" if wide.any() else "zero"
    return Gradient(norm, wide.size, state, short(wide.item()) if wide.size == 1 else f"{norm:.3g}")


def short(value: Any) -> str:
    """A number, the few entries of an array, or the range of many.

    >>> short(np.array([1.0, 2.5])), short(np.zeros((3, 4)))
    ('[1.0000, 2.5000]', '0 .. 0')
    """
    array = np.asarray(value)
    if array.size > 4:
        return f"{array.min():.3g} .. {array.max():.3g}"
    numbers = array.ravel().tolist()
    texts = [f"{v:.4f}" if isinstance(v, float) and (v == 0 or 1e-3 <= abs(v) < 1e5) else f"{v:.4g}" for v in numbers]
    return texts[0] if array.ndim == 0 else f"[{', '.join(texts)}]"
