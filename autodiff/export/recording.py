"""What a model computes, noted while it runs: each operation with its inputs, in the order of the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.contexts import Block
from autodiff.engine.call_sites import Place, calls, place_of_user
from autodiff.engine.modes import SETTING
from autodiff.engine.values import TensorBase
from autodiff.kernels.lending import owner_of

Array = np.ndarray[Any, Any]


class Value:
    """A tensor or an array of the program.

    Attributes:
        array: its numbers.
        depends: whether they were computed from the inputs of the model.
        number: of the operation that made it, -1 for what was there before; ``input`` is the place of an input.
        source: the object as the program has it.
    """

    __slots__ = ("array", "depends", "input", "number", "source")

    def __init__(self, source: Any, number: int = -1, depends: bool = False, input: int | None = None) -> None:
        self.source, self.number, self.depends, self.input = source, number, depends, input
        self.array: Array = source._array if isinstance(source, TensorBase) else np.asarray(source)


class Operation:
    """One operation as it ran; inputs and arrays among the parameters are values, or what else was given."""

    __slots__ = ("inputs", "module", "name", "params", "place", "result")

    def __init__(
        self, name: str, inputs: list[Any], params: dict[str, Any], result: Value, place: Place, module: Any
    ) -> None:
        self.name, self.inputs, self.params, self.result = name, inputs, params, result
        self.place, self.module = place, module


class Recording:
    """The operations of one run, and what it returned.

    Everything is kept alive until the end, so that an identity stands for one object.
    """

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.outputs: list[Value] = []
        self.fault: tuple[str, Place, Any] | None = None  # what no graph can say, where, and in which module
        self._known: dict[int, Value] = {}  # by the identities of tensors and of their arrays
        self._lying: dict[Any, Value] = {}  # by where the numbers lie: a tensor may be lent as another object
        self._kept: list[Any] = []
        self._views: dict[int, list[Value]] = {}  # by the identity of what owns the memory

    def input(self, tensor: Any, number: int) -> None:
        """Name an input of the model."""
        self._know(Value(tensor, -1, True, number))

    def run(self, function: Callable[[], Any]) -> Any:
        """What ``function`` returns; its operations are noted."""
        with Block(SETTING, recording=False, anomaly=False, notes=self._note):
            return function()

    def value(self, given: Any) -> Value:
        """The value of a tensor or an array; one that no operation made is new."""
        found = self._known.get(id(given))
        if found is None and isinstance(given, TensorBase):
            found = self._known.get(id(given._array))
        if found is not None:
            return found
        value = Value(given)
        if value.array.size and (found := self._lying.get(_layout(value.array))) is not None:
            return found
        if any(other.depends for other in self._views.get(id(owner_of(value.array)), ())):
            self.fault = self.fault or ("an array that NumPy made of a tensor", place_of_user(2), None)
        return self._know(value)

    def _know(self, value: Value) -> Value:
        self._kept.append(value.source)
        self._known[id(value.source)] = self._known[id(value.array)] = self._lying[_layout(value.array)] = value
        self._views.setdefault(id(owner_of(value.array)), []).append(value)
        return value

    def _note(self, primitive: Any, inputs: tuple[Any, ...], result: Any, params: dict[str, Any]) -> None:
        place, scope = calls().place or place_of_user(3), calls().now
        module = scope[0]() if scope else None
        if primitive.name == "overwrite":
            self._overwrite(result, self.value(inputs[1]), place, module)
            return
        if any(x is result for x in inputs):
            self.fault = self.fault or (f"{primitive.name} in place", place, module)
        found = [self.value(x) if isinstance(x, (TensorBase, np.ndarray)) else x for x in inputs]
        named = {name: self._inside(value) for name, value in params.items()}
        depends = any(x.depends for x in (*found, *_values_in(tuple(named.values()))) if isinstance(x, Value))
        made = Value(result, len(self.operations), depends)
        self.operations.append(Operation(primitive.name, found, named, made, place, module))
        self._know(made)

    def _overwrite(self, target: Any, new: Value, place: Place, module: Any) -> None:
        """``target`` is ``new`` from now on; what looks into its memory would have to change, too."""
        others = [v for v in self._views.get(id(owner_of(target._array)), []) if v.array is not target._array]
        if any(v.depends and np.may_share_memory(v.array, target._array) for v in others):
            self.fault = self.fault or ("a change in place of what is also seen through a view", place, module)
        self._kept.append(target)
        self._known[id(target)] = self._known[id(target._array)] = self._lying[_layout(target._array)] = new

    def _inside(self, given: Any) -> Any:
        """A parameter with values in place of the arrays in it."""
        if isinstance(given, (TensorBase, np.ndarray)):
            return self.value(given)
        if isinstance(given, tuple) and hasattr(given, "_fields"):
            return type(given)(*map(self._inside, given))
        if isinstance(given, (list, tuple)):
            return type(given)(map(self._inside, given))
        return given


def _layout(array: Array) -> tuple[Any, ...]:
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str


def _values_in(given: Any) -> list[Value]:
    if isinstance(given, Value):
        return [given]
    return [value for part in given for value in _values_in(part)] if isinstance(given, (list, tuple)) else []
