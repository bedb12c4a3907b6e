"""Numbers that Python computes in a step, such as a learning rate or a bias correction: each replay has its own."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
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
    """The numbers of a step, in the order in which they are computed.

    Attributes:
        cells: the arrays that hold numbers for the program, by the number and the dtype.
        stores: where numbers are put after the step: mapping, key and number.
    """

    def __init__(self) -> None:
        self._read: list[Callable[[], Any]] = []
        self._computed: list[Number] = []
        self._same: dict[Any, Number] = {}
        self._decided: dict[Number, Any] = {}
        self._seen: list[Any] | None = None  # what was read when all was computed
        self.cells: dict[tuple[Number, Any], Array] = {}
        self.stores: list[tuple[Any, Any, Number]] = []

    def read(self, function: Callable[..., Any], *args: Any) -> Number:
        """The number ``function(*args)`` of the moment in which a replay begins."""
        self._read.append(partial(function, *args))
        self._computed.append(Number(self, self._read[-1], ()))
        return self._computed[-1]

    def new(self, function: Callable[..., Any], *args: Any) -> Number:
        """The number ``function(*args)``, computed again in each replay; numbers may be among ``args``."""
        key = function, *(repr(a) if isinstance(a, (int, float, str)) else id(a) for a in args)
        if key not in self._same:
            self._same[key] = Number(self, function, args)
            self._computed.append(self._same[key])
        return self._same[key]

    def decided(self, number: Number) -> Any:
        """The value of a number by which Python decided something: other numbers need another program."""
        self._decided[number] = number.value
        return number.value

    def cell(self, number: Number, dtype: Any) -> Array:
        """An array without axes that always holds ``number``."""
        return self.cells.setdefault((number, np.dtype(dtype or float)), np.array(number.value, dtype or float))

    def seen(self) -> list[Any]:
        """What is read now."""
        return list(map(operator.call, self._read))

    def refresh(self) -> None:
        """Compute all numbers anew, and fill the cells; raises Changed before where Python would decide otherwise."""
        now = self.seen()
        if self._seen is not None and all(map(operator.is_, now, self._seen)):
            return
        self._seen = None
        for number in self._computed:
            number.value = number.now()
        if any(number.value != expected for number, expected in self._decided.items()):
            raise Changed
        for (number, _), array in self.cells.items():
            array[()] = number.value
        self._seen = now

    def store(self) -> None:
        """Put the numbers where the step would have left them."""
        for mapping, key, number in self.stores:
            mapping[key] = number.value


class Number(np.lib.mixins.NDArrayOperatorsMixin):
    """A number that knows how it is computed. What Python decides by it is noted.

    Attributes:
        function, args: what computes it, of other numbers or constants.
        value: what it is while notes are taken, and then in the latest replay.
    """

    def __init__(self, numbers: Numbers, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._numbers, self.function, self.args = numbers, function, args
        self.value = self.now()

    def now(self) -> Any:
        """What it is by the values that other numbers have now."""
        return self.function(*[a.value if isinstance(a, Number) else a for a in self.args])

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
