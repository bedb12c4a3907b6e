"""Numbers that Python computes in a step, such as a learning rate or a bias correction: each replay has its own."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


OPERATORS: dict[Any, Any] = {  # Python's own, whose last bits are those of the step
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul, np.divide: operator.truediv,
    np.power: operator.pow, np.negative: operator.neg, np.equal: operator.eq, np.not_equal: operator.ne,
    np.less: operator.lt, np.less_equal: operator.le, np.greater: operator.gt, np.greater_equal: operator.ge,
}  # fmt: skip


class Changed(Exception):  # no error: the step is run as it stands
    """What Python read of a value is another than when the notes were taken."""


class Numbers:
    """The numbers of a step, as a list of operations: each a function and what it is given, numbers or constants.

    Attributes:
        cells: the arrays that hold numbers for the program, with the number that each holds.
        stores: where numbers are put after the step: mapping, key and number.
    """

    def __init__(self) -> None:
        self._steps: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self._reads: dict[int, tuple[Callable[..., Any], tuple[Any, ...]]] = {}
        self._same: dict[Any, Number] = {}
        self._decided: dict[int, Any] = {}
        self.cells: list[tuple[Array, Number]] = []
        self.stores: list[tuple[Any, Any, Number]] = []

    def read(self, function: Callable[..., Any], *args: Any) -> Number:
        """The number ``function(*args)`` of the moment in which a replay begins."""
        number = self.new(function, *args)
        self._reads[number.index] = function, args
        return number

    def new(self, function: Callable[..., Any], *args: Any) -> Number:
        """The number ``function(*args)``, computed again in each replay."""
        key = function, *(repr(a) if isinstance(a, (int, float, str)) else id(a) for a in args)
        if key not in self._same:
            value = function(*(a.value if isinstance(a, Number) else a for a in args))
            self._steps.append((function, args))
            self._same[key] = Number(self, len(self._steps) - 1, value)
        return self._same[key]

    def decided(self, number: Number) -> Any:
        """The value of a number by which Python decided something: other numbers need another program."""
        self._decided[number.index] = number.value
        return number.value

    def cell(self, number: Number, dtype: Any) -> Array:
        """An array without axes that always holds ``number``."""
        for array, held in self.cells:
            if held is number and array.dtype == np.dtype(dtype or float):
                return array
        made = np.array(number.value, dtype or float)
        self.cells.append((made, number))
        return made

    def finish(self) -> None:
        """Make the list ready to be computed again and again."""
        self._values: list[Any] = [None] * len(self._steps)
        self._seen: list[Any] | None = None  # what was read for the latest replay
        self._order = [
            (i, function, tuple((True, a.index) if isinstance(a, Number) else (False, a) for a in args))
            for i, (function, args) in enumerate(self._steps) if i not in self._reads
        ]  # fmt: skip

    def seen(self) -> list[Any]:
        """What is read now."""
        return [function(*args) for function, args in self._reads.values()]

    def refresh(self) -> None:
        """Compute all numbers anew, and fill the cells; raises Changed before where Python would decide otherwise."""
        values, seen = self._values, self.seen()
        if self._seen is not None and all(map(operator.is_, seen, self._seen)):
            return
        self._seen = None
        for i, value in zip(self._reads, seen, strict=True):
            values[i] = value
        for i, function, args in self._order:
            values[i] = function(*[values[a] if is_number else a for is_number, a in args])
        for i, expected in self._decided.items():
            if values[i] != expected:
                raise Changed
        for array, number in self.cells:
            array[()] = values[number.index]
        self._seen = seen

    def store(self) -> None:
        """Put the numbers where the step would have left them."""
        for mapping, key, number in self.stores:
            mapping[key] = self._values[number.index]

    def restore(self, seen: list[Any]) -> None:
        """Put back what was there."""
        for (function, args), value in zip(self._reads.values(), seen, strict=True):
            if function is operator.getitem:
                args[0][args[1]] = value

    def now(self, number: Number) -> Any:
        """The value of a number in this replay."""
        return self._values[number.index]


class Number(np.lib.mixins.NDArrayOperatorsMixin):
    """A number that knows how it was computed. What Python decides by it is noted.

    Attributes:
        value: what it is while notes are taken.
        index: its place among the numbers of the step.
    """

    def __init__(self, numbers: Numbers, index: int, value: Any) -> None:
        self._numbers, self.index, self.value = numbers, index, value

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(isinstance(x, np.ndarray) for x in inputs) or ufunc not in OPERATORS:
            return NotImplemented
        made = self._numbers.new(OPERATORS[ufunc], *inputs)
        return self._numbers.decided(made) if isinstance(made.value, bool) else made

    def __bool__(self) -> bool:
        return bool(self._numbers.decided(self._numbers.new(bool, self)))

    def __hash__(self) -> int:
        return id(self)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return self._numbers.cell(self, dtype)
