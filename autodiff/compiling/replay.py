"""A program that is ready to run: what it takes, what it changes, what it gives."""

from __future__ import annotations

from contextvars import copy_context
from functools import partial
from typing import Any

import numpy as np

from autodiff.compiling.calls import Draw, Reading, Strict, make, mapped, parts
from autodiff.compiling.capture import Capture
from autodiff.compiling.numbers import Changed, Number
from autodiff.compiling.plan import Memory
from autodiff.compiling.program import common, needed
from autodiff.compiling.source import Source
from autodiff.compiling.traced import Ref
from autodiff.compiling.undo import Undo
from autodiff.engine.call_sites import place_of_user
from autodiff.engine.values import TensorBase, wrap
from autodiff.engine.versions import Change, changed, changed_again
from autodiff.errors import CompileError
from autodiff.kernels.lending import keep_lent, lent
from autodiff.tensors.scalars import looked_at, settle

Array = np.ndarray[Any, Any]
ARRAYS = (TensorBase, np.ndarray)


class At:
    """A result of the step, as the place of its array among those of the program."""

    def __init__(self, index: int, is_tensor: bool) -> None:
        self.index, self.is_tensor = index, is_tensor

    def of(self, copies: list[Any]) -> Any:
        """A copy of the array, as a tensor if the result is one."""
        array = copies[self.index]()
        return wrap(array) if self.is_tensor else array


class Program:
    """One program of a step.

    Args:
        capture: the notes.
        inputs: the arguments, None for one that lasts.
        out: what the step returned.
        check: how often it is compared with the step before it is trusted.
        names: what the user's program calls lasting arrays, by the ids of the owners of their memory.

    Attributes:
        calls: the calls that are left of the notes.
        results: the arrays that are read after them, those of the result first, then the gradients.
        memory: their arrays.
        grads: what gets a gradient, the gradient, and the program's array of it.
        leaves: what has or gets one.
        watched: the tensors whose memory it takes, and that memory.
        unchecked: how many comparisons are to come.
        failures: how often values went another way.
        uses: how often it was replayed.
    """

    def __init__(self, capture: Capture, inputs: list[Any], out: Any, check: int, names: dict[int, str]) -> None:
        self.inputs, self.names = inputs, names
        self.unchecked, self.failures, self.uses = check, 0, 0
        _check_tensors(capture)
        self._numbers, self._streams = capture.numbers, [*capture.streams.values()]
        refs: list[Ref] = []
        self._template = _template(out, refs, capture)
        grads = [(x, x._grad) for x, _, before, _ in list(capture.tensors.values()) if x._grad is not before]
        self.grads: list[tuple[Any, Any, Any]] = [(x, None, None) for x, grad in grads if grad is None]
        grads = [(x, grad) for x, grad in grads if grad is not None]
        refs += [capture.lift(grad._array) for _, grad in grads]
        calls, self.results = common(capture.calls, refs)
        self.calls = needed(calls, self.results)
        self.memory = Memory(self.calls, self.results, self._numbers)
        self._given = [(self.memory.array(ref), i) for i, ref in enumerate(inputs) if ref is not None]
        arrays = [self.memory.array(ref) for ref in self.results]
        self._copies = [x.copy if x.flags.c_contiguous else partial(x.copy, "K") for x in arrays]  # no word is faster
        roots = [ref.root for ref in self.results]
        for (x, _), array, ref in zip(grads[::-1], arrays[::-1], self.results[::-1]):  # noqa: B905  # the last
            is_own = ref.kind == "temporary" and roots.count(ref) == 1
            self.grads.append((x, wrap(array if is_own else array.copy("K")), array))
        leaves = [names.get(id(x._array._ref.root.array), "a tensor") for x, _ in grads]
        self.gives = ", ".join(["the result", *(f"the gradient of {name}" for name in leaves)])
        self._split(capture)
        self._doubting, self._sure = copy_context(), copy_context()  # an invalid operation is another way
        self._doubting.run(np.seterr, all="ignore", invalid="raise")
        self._sure.run(np.seterr, all="ignore")

    def _split(self, capture: Capture) -> None:
        """Tell what may still find that values go another way from what comes after."""
        calls, bound = zip(*self.memory.pairs, strict=True) if self.memory.pairs else ((), ())
        lasting = [[w.root for w in c.written() if w.root.kind == "lasting"] for c in calls]
        first = next((i for i, roots in enumerate(lasting) if roots), len(calls))
        tests = Reading, Strict
        late = [i + 1 for i, c in enumerate(calls) if isinstance(c.function, tests) or c.part.endswith("backward")]
        end = max([first, *late])
        self._head, self._tail = bound[:end], bound[end:]
        self._undone: list[Any] = [root.array for root in {root for roots in lasting[:end] for root in roots}]
        self._undone += self._streams if any(isinstance(c.function, Draw) for c in calls[:end]) else ()
        self._changes = [root.array for root in {root for roots in lasting for root in roots}]
        changed(*self._changes)
        self._change = Change(place_of_user(4), " by a compiled step")
        self._changed = {id(array): self._change for array in self._changes}
        self._constants = capture.constants
        changes = {w.root for c in calls for w in c.written()}
        self._written = [(static, i) for static, i in self._given if self.inputs[i].root in changes]
        used = {ref.root for call in self.calls for ref in call.refs()}
        self.watched, self._added = [], []
        for x, array, grad, _ in capture.tensors.values():
            if capture.lift(array).root in used and capture.lift(array).root.kind == "lasting":
                self.watched.append((x, array))
            if grad is not None and capture.lift(capture.tensors[id(grad)][1]).root in used:
                self._added.append((x, grad))
        added = [capture.tensors[id(grad)][1] for _, grad in self._added]
        self._kept = [x for x in self._changes if not any(x is array for array in added)]
        self.leaves = [x for x, *_ in (*self.grads, *self._added)]

    def source(self) -> Source:
        """The program as text."""
        return Source(self)

    def summary(self) -> str:
        """What the program has: calls, memory, functions that are no NumPy functions, what is read of values."""
        kinds = [type(call.function) for call, _ in self.memory.pairs]
        return (
            f"{len(kinds)} calls, {kinds.count(Reading)} of which read values and {kinds.count(Draw)} draw numbers; "
            f"{self.memory.bytes:,} bytes for temporary arrays, which would take {self.memory.naive:,} each by itself; "
            f"opaque: {', '.join(self.source().opaque) or 'nothing'}"
        )

    def replay(self, arrays: list[Any]) -> Any:
        """The result of the step for these arguments, with all that the step does to arrays and gradients.

        Raises Changed, with nothing changed, where values go another way.
        """
        for x, grad in self._added:  # what the step adds to is the program's own tensor
            if x._grad is not grad:
                np.copyto(grad._array, x._grad._array)
                x._grad = grad
        for _, i in self._written:
            if any(np.may_share_memory(arrays[i], x) for x in arrays[:i] + arrays[i + 1 :]):
                raise Changed(", as arguments share memory")
        for static, i in self._given:
            static[...] = arrays[i]
        if looked_at:
            settle()
        self._numbers.refresh()
        undo = Undo(self._undone) if self._undone else None
        if lent:
            keep_lent(*self._changes)
        try:
            self._doubting.run(make, self._head)
        except Exception as error:  # the step itself will say it
            if undo is not None:
                undo()
            raise error if isinstance(error, Changed) else Changed from error
        self._sure.run(make, self._tail)
        self.uses += 1
        self._numbers.store()
        for x, grad, array in self.grads:
            if grad is not None and grad._array is not array:
                grad._array[...] = array
            x._grad = grad
        for static, i in self._written:
            arrays[i][...] = static
            changed(arrays[i])
        if self._changed:
            changed_again(self._changed, self._change)
        return self._built()

    def _built(self) -> Any:
        if type(self._template) is At:
            return self._template.of(self._copies)
        return mapped(self._template, lambda at: at.of(self._copies), At)

    def kept(self, result: Any) -> dict[str, Any]:
        """Copies of all that a step changes, and of its result, by what is said where they are not what they should."""
        return {
            "another result": [x.copy() if isinstance(x, np.ndarray) else x for x in parts(result, ARRAYS)],
            "another gradient": [None if x._grad is None else x._grad._array.copy() for x in self.leaves],
            "an array changed otherwise": [x.copy() for x in self._kept],
            "another number of an optimizer": self._numbers.seen(),
            "other random numbers": [generator.get_state() for generator in self._streams],
            "a constant changed": [x._array.copy() for x in self._constants],
        }

    def undo(self) -> Undo:
        """What puts back all that a step changes besides its arguments."""
        grads = [x._grad._array for x in self.leaves if x._grad is not None]
        states = [mapping for mapping, _, _ in self._numbers.stores]
        return Undo([*self.leaves, *grads, *self._kept, *self._streams, *states])


def _check_tensors(capture: Capture) -> None:
    """Raise CompileError where the step gave a tensor other memory, or made it part of a graph."""
    for x, array, _, node in list(capture.tensors.values()):
        ref = capture.lift(array)
        if ref.root.kind == "lasting" and (x._array is not ref.traced or x._node is not node):
            raise CompileError(f"a tensor of shape {array.shape} gets other memory or a graph; change it in place")


def _template(out: Any, refs: list[Ref], capture: Capture) -> Any:
    """The result with places instead of its arrays, which go to ``refs``."""
    if parts(out, Number):
        raise CompileError("it returns a number of an optimizer's; read it outside of the step")

    def place(x: Any) -> Any:
        if id(x) in capture.tensors and capture.lift(capture.tensors[id(x)][1]).root.kind == "lasting":
            return x
        if isinstance(x, TensorBase) and x._node is not None and not capture.visit:
            raise CompileError("it returns a tensor with a graph; call backward() inside, or it under no_grad()")
        refs.append(capture.lift(x._array if isinstance(x, TensorBase) else x))
        return At(len(refs) - 1, isinstance(x, TensorBase))

    return mapped(out, place, ARRAYS)
