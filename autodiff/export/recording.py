"""What a model computes, noted while it runs: each operation with its inputs, in the order of the program.

A change in place makes a new value. What looks into the same memory becomes another value, too: it is computed again
from what it was a view of when it is asked for the next time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.contexts import Block
from autodiff.engine.call_sites import Place, calls, place_of_user
from autodiff.engine.modes import SETTING
from autodiff.engine.values import TensorBase
from autodiff.kernels.lending import as_lent, lend, owner_of

Array = np.ndarray[Any, Any]
ASK: Any = object()  # what an operation made looks into what that operation took, if it looks into anything
VIEWS = ("index", "reshape", "transpose")  # through which a write is passed on to what they look into


class Value:
    """A tensor or an array of the program.

    Attributes:
        depends: whether its numbers were computed from the inputs of the model.
        number: of the operation that made it, -1 for what was there before; ``input`` is the place of an input.
        source: the object as the program has it.
        after: what it became by a change in place.
        stale: whether its memory was changed by another view of it.
        looks: the operation by which it looks into the memory of another value; None if it does not, ``ASK`` if the
            operation that made it says so.
    """

    __slots__ = ("_kept", "after", "depends", "input", "looks", "number", "source", "stale")

    def __init__(self, source: Any, number: int = -1, depends: bool = False, input: int | None = None) -> None:
        self.source, self.number, self.depends, self.input = source, number, depends, input
        self.after: Value | None = None
        self.looks: Operation | None = ASK
        self.stale = False
        self._kept = lend(source._array if isinstance(source, TensorBase) else np.asarray(source))

    @property
    def array(self) -> Array:
        """Its numbers, as they were when it was made."""
        (kept,) = as_lent((self._kept,))
        return kept

    @property
    def memory(self) -> Array:
        """The memory it lies in."""
        return self._kept


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
        """The value of a tensor or an array as it is now; one that no operation made is new."""
        found = self._found(given)
        if found is None:
            new = Value(given)
            return self._reshaped(new) or self._know(new)
        found = self._latest(found)
        return self._again(found) if found.stale else found

    def _found(self, given: Any) -> Value | None:
        array = given._array if isinstance(given, TensorBase) else given
        found = self._known.get(id(given)) or self._known.get(id(array))
        return found or (self._lying.get(_layout(array)) if array.size else None)

    def _reshaped(self, new: Value) -> Value | None:
        """An array of NumPy's that shows all numbers of a value in another shape; any other view of it is a fault."""
        memory = new.memory
        plain = memory[tuple(slice(None) if n else slice(1) for n in memory.strides)]  # stretched axes as of length 1
        others = [other for other in self._views.get(id(owner_of(memory)), ())
                  if other.depends and np.may_share_memory(other.memory, memory)]  # fmt: skip
        for other in others:
            if _all_of(other.memory) == _all_of(plain) is not None:
                made = self.value(other.source)
                if memory.size == plain.size:
                    return self._add("reshape", [made], {}, new.source)
                return self._add("broadcast_to", [self._add("reshape", [made], {}, plain)], {}, new.source)
        if others:
            self._fail("an array that NumPy made of a tensor", *_here())
        return None

    def _know(self, value: Value) -> Value:
        self._kept.append(value.source)
        array = value.source._array if isinstance(value.source, TensorBase) else value.source
        self._known[id(value.source)] = self._known[id(array)] = self._lying[_layout(value.memory)] = value
        self._views.setdefault(id(owner_of(value.memory)), []).append(value)
        return value

    def _fail(self, what: str, place: Place, module: Any) -> None:
        self.fault = self.fault or (what, place, module)

    def _add(self, name: str, inputs: list[Any], params: dict[str, Any], result: Any) -> Value:
        """An operation that was noted, or one that stands for what happened at this place."""
        place, module = _here()
        depends = any(x.depends for x in (*inputs, *_values_in(tuple(params.values()))) if isinstance(x, Value))
        made = Value(result, len(self.operations), depends)
        self.operations.append(Operation(name, inputs, params, made, place, module))
        return self._know(made)

    def _note(self, primitive: Any, inputs: tuple[Any, ...], result: Any, params: dict[str, Any]) -> None:
        if primitive.name == "overwrite":
            self._overwrite(result, inputs[1])
            return
        written = any(x is result for x in inputs)
        old = self._before(result, params["key"]) if written and primitive.name == "put" else None
        if written and old is None:
            self._fail(f"{primitive.name} in place", *_here())
        found = [self._operand(x, x is result, old) for x in inputs]
        named = {name: self._inside(value) for name, value in params.items()}
        made = self._add(primitive.name, found, named, result)
        if old is not None:
            self._pass_on(old, made)

    def _operand(self, x: Any, written: bool, old: Value | None) -> Any:
        if written and old is not None:
            return old
        return self.value(x) if isinstance(x, (TensorBase, np.ndarray)) else x

    # --- changes in place ---------------------------------------------------------------------------------------------

    def _before(self, target: Any, key: Any) -> Value:
        """What ``target`` was before entries of it were written; of one never seen, these are 0, since nobody reads."""
        found = self._found(target)
        if found is not None:
            return self.value(target)
        rest = target._array.copy()
        rest[key] = 0
        seen = self._reshaped(Value(target))  # the memory may be known by another shape
        return seen if seen is not None else self._know(Value(rest))

    def _overwrite(self, target: Any, given: Any) -> None:
        """``target`` has the numbers of ``given`` from now on."""
        known, new = self._found(target), self.value(given)
        old = None if known is None else self._latest(known)
        if new.array.shape != target._array.shape:
            new = self._add("broadcast_to", [new], {}, target)
        if new.array.dtype != target._array.dtype:
            new = self._add("astype", [new], {"dtype": target._array.dtype}, target)
        made = Value(target, new.number, new.depends, new.input)
        self._know(made)
        if old is not None:
            self._pass_on(old, made)
        else:
            self._stale(made, [made])

    def _pass_on(self, old: Value, new: Value) -> None:
        """``old`` became ``new``, and so did what it looks into; other views of the memory are to be made again."""
        fresh = [new]
        while True:
            old.after = new
            maker = new.looks = self._view_of(old)
            if maker is None:
                break
            base = self._latest(maker.inputs[0])
            if maker.name == "index":
                name, inputs, params = "put", [base, new], maker.params
            else:
                axes = maker.params.get("axes") or range(base.array.ndim)[::-1]
                name, inputs = maker.name, [new]
                params = {"axes": tuple(int(i) for i in np.argsort(axes))} if name == "transpose" else {}
            old, new = base, self._add(name, inputs, params, base.source)
            fresh.append(new)
        self._stale(new, fresh)

    def _stale(self, new: Value, fresh: list[Value]) -> None:
        for other in self._views.get(id(owner_of(new.memory)), []):
            shared = np.may_share_memory(other.memory, fresh[0].memory)
            if shared and other.after is None and not any(other is each for each in fresh):
                other.stale = True

    def _view_of(self, value: Value) -> Operation | None:
        """The operation that looked into the memory of another value to make this one."""
        if value.looks is not ASK:
            return value.looks
        maker = self.operations[value.number] if value.number >= 0 and value.input is None else None
        if maker is None or maker.name not in VIEWS:
            return None
        return maker if np.may_share_memory(value.memory, maker.inputs[0].memory) else None

    @staticmethod
    def _latest(value: Value) -> Value:
        while value.after is not None:
            value = value.after
        return value

    def _again(self, stale: Value) -> Value:
        """A view whose memory was changed, made anew of what it is a view of."""
        maker = self._view_of(stale)
        if maker is None:
            if any(v.depends for v in self._views[id(owner_of(stale.memory))]):
                self._fail("a change in place of what is also seen through a view", *_here())
            fresh = Value(stale.source)
            stale.after = fresh
            return self._know(fresh)
        base = self._latest(maker.inputs[0])
        base = self._again(base) if base.stale else base
        made = self._add(maker.name, [base, *maker.inputs[1:]], maker.params, stale.source)
        stale.after = made
        return made

    def _inside(self, given: Any) -> Any:
        """A parameter with values in place of the arrays in it."""
        if isinstance(given, (TensorBase, np.ndarray)):
            return self.value(given)
        if isinstance(given, tuple) and hasattr(given, "_fields"):
            return type(given)(*map(self._inside, given))
        if isinstance(given, (list, tuple)):
            return type(given)(map(self._inside, given))
        return given


def _here() -> tuple[Place, Any]:
    """The line of the user's code, and the module in which it is."""
    scope = calls().now
    return calls().place or place_of_user(3), scope[0]() if scope else None


def _layout(array: Array) -> tuple[Any, ...]:
    return array.__array_interface__["data"][0], array.dtype.str, array.shape, array.strides


def _all_of(array: Array) -> tuple[Any, ...] | None:
    """Where the numbers of an array lie, one behind the other; None if they do not."""
    whole = array.size and array.flags.c_contiguous
    return (array.__array_interface__["data"][0], array.dtype.str, array.size) if whole else None


def _values_in(given: Any) -> list[Value]:
    if isinstance(given, Value):
        return [given]
    return [value for part in given for value in _values_in(part)] if isinstance(given, (list, tuple)) else []
