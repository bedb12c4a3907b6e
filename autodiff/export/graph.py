"""A graph of ONNX operators that is being built: nodes, constants, and names that nobody else has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from autodiff.export.sizes import Size

Array = np.ndarray[Any, Any]
Name = str


class Node(NamedTuple):
    """An operator, the names of what it takes and gives, and its attributes."""

    operator: str
    inputs: tuple[Name, ...]
    outputs: tuple[Name, ...]
    name: str
    attributes: Mapping[str, Any]


class Graph:
    """Nodes in the order in which they are computed, and constants by their names.

    Attributes:
        scope: what the names of the next nodes begin with.
    """

    def __init__(self, axes: Mapping[str, tuple[Name, int]]) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[Name, Array] = {}
        self.scope = ""
        self._axes = axes  # an input and an axis of it that has the size, for each name of a dynamic axis
        self._taken: Counter[str] = Counter()
        self._made: dict[Any, Name] = {}

    def free(self, wanted: str) -> str:
        """The name that is wanted, or the same with a number behind it."""
        self._taken[wanted] += 1
        return wanted if self._taken[wanted] == 1 else f"{wanted}_{self._taken[wanted] - 1}"

    def node(self, operator: str, *inputs: Name, **attributes: Any) -> Name:
        """The result of an operator."""
        return self.several(operator, inputs, 1, attributes)[0]

    def several(
        self, operator: str, inputs: Sequence[Name], count: int, attributes: Mapping[str, Any]
    ) -> tuple[Name, ...]:
        """The results of an operator that has more than one."""
        name = self.free(f"{self.scope}/{operator}" if self.scope else operator)
        outputs = tuple(self.free(f"{name}:{i}" if i else f"{name}_out") for i in range(count))
        self.nodes.append(Node(operator, tuple(inputs), outputs, name, attributes))
        return outputs

    def constant(self, array: Any, dtype: Any = None, name: str = "") -> Name:
        """An array that is part of the model; small ones without a name are kept once."""
        array = np.asarray(array, dtype)
        key = None if name or array.nbytes > 256 else (array.dtype.str, array.shape, array.tobytes())
        if key is not None and key in self._made:
            return self._made[key]
        found = self.free(name or (f"{self.scope}/constant" if self.scope else "constant"))
        self.constants[found] = array
        if key is not None:
            self._made[key] = found
        return found

    def numbers(self, *values: int) -> Name:
        """Whole numbers in one axis."""
        return self.constant(values, np.int64)

    def sizes(self, sizes: Sequence[Size]) -> Name:
        """A tensor of sizes, computed from those of the inputs where they depend on these."""
        if all(size.fixed for size in sizes):
            return self.numbers(*(size.rest for size in sizes))
        parts = tuple(self._size(size) for size in sizes)
        key = ("sizes", parts)
        if key not in self._made:
            self._made[key] = parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0)
        return self._made[key]

    def _size(self, size: Size) -> Name:
        if size.fixed:
            return self.numbers(size.rest)
        if size not in self._made:
            total = self.numbers(size.rest) if size.rest else ""
            for name, factor in size.factors:
                tensor, axis = self._axes[name]
                length = self.node("Shape", tensor, start=axis, end=axis + 1)
                term = length if factor == 1 else self.node("Mul", length, self.numbers(factor))
                total = self.node("Add", total, term) if total else term
            self._made[size] = total
        return self._made[size]

    def tidy(self) -> None:
        """Leave out constants that no node takes, such as the shape of one that was replaced."""
        used = {name for node in self.nodes for name in node.inputs}
        self.constants = {name: array for name, array in self.constants.items() if name in used}

    # --- what many operations need -----------------------------------------------------------------------------------

    def reshape(self, x: Name, sizes: Sequence[Size]) -> Name:
        """``x`` in another shape; one axis that depends on the inputs is left to the reader to work out."""
        unknown = [i for i, size in enumerate(sizes) if not size.fixed]
        if len(unknown) == 1 and all(size.rest for size in sizes if size.fixed):
            shape = self.numbers(*(size.rest if size.fixed else -1 for size in sizes))
        else:
            shape = self.sizes(sizes)
        return self.node("Reshape", x, shape, allowzero=int(any(size == Size(0) for size in sizes)))

    def transpose(self, x: Name, axes: Sequence[int]) -> Name:
        """``x`` with its axes in another order."""
        return self.node("Transpose", x, perm=list(axes)) if len(axes) else self.node("Identity", x)

    def reduce(self, operator: str, x: Name, axes: Sequence[int], keepdims: bool = True) -> Name:
        """One of the reductions, which take their axes as a tensor."""
        return self.node(operator, x, self.numbers(*axes), keepdims=int(keepdims))

    def cast(self, x: Name, dtype: Any) -> Name:
        """``x`` in another dtype."""
        return self.node("Cast", x, to=np.dtype(dtype))
