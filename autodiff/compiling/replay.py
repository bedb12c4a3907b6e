"""A program that is ready to run: what it takes, what it changes, what it gives."""

from __future__ import annotations

from contextvars import copy_context
from typing import Any

import numpy as np

from autodiff.compiling.calls import Draw, Reading, mapped, parts
from autodiff.compiling.capture import Capture
from autodiff.compiling.numbers import Changed, Number
from autodiff.compiling.plan import Memory
from autodiff.compiling.program import program_of
from autodiff.compiling.source import Source
from autodiff.compiling.traced import Ref
from autodiff.engine.call_sites import place_of_user
from autodiff.engine.values import TensorBase, wrap
from autodiff.engine.versions import changed, changed_again
from autodiff.errors import CompileError
from autodiff.kernels.lending import keep_lent, lent

Array = np.ndarray[Any, Any]
ARRAYS = (TensorBase, np.ndarray)


class At:
    """A result of the step, as the place of its array among those of the program."""

    def __init__(self, index: int, is_tensor: bool) -> None:
        self.index, self.is_tensor = index, is_tensor

    def of(self, arrays: list[Array]) -> Any:
        """A copy of the array, as a tensor if the result is one."""
        array = arrays[self.index].copy(order="K")
        return wrap(array) if self.is_tensor else array


class Program:
    """One program of a step.

    Args:
        capture: the notes.
        inputs: the arguments, None for one that lasts.
        out: what the step returned.
        check: how often it is compared with the step before it is trusted.
        facts: plain values that it may have computed with.
        names: what the user's program calls lasting arrays, by the ids of the owners of their memory.

    Attributes:
        calls: the calls that are left of the notes.
        results: the arrays that are read after them, those of the result first, then the gradients.
        memory: their arrays.
        unchecked: how many comparisons are to come.
        failures: how often values went another way.
        uses: how often it was replayed.
    """

    def __init__(
        self, capture: Capture, inputs: list[Any], out: Any, check: int, names: dict[int, str], facts: list[Any]
    ) -> None:
        self.inputs, self.names, self._facts = inputs, names, facts
        self.unchecked, self.failures, self.uses, self._place = check, 0, 0, place_of_user(3)
        _check_tensors(capture)
        self._numbers, self._streams = capture.numbers, [generator for generator, _ in capture.streams.values()]
        refs: list[Ref] = []
        self._template = _template(out, refs, capture)
        grads = [(x, x._grad) for x, _, before, _ in list(capture.tensors.values()) if x._grad is not before]
        refs += [capture.lift(grad._array) for _, grad in grads if grad is not None]
        self.calls, self.results = program_of(capture, refs)
        self.memory = Memory(self.calls, self.results, self._numbers)
        self._numbers.finish()
        self._given = [None if ref is None else self.memory.array(ref) for ref in inputs]
        self._results = [self.memory.array(ref) for ref in self.results]
        self._keep_gradients(grads, self.results)
        leaves = [names.get(id(x._array._ref.root.array), "a tensor") for x, grad in grads if grad is not None]
        self.gives = ", ".join(["the result", *(f"the gradient of {name}" for name in leaves)])
        self._split(capture)
        self._context = copy_context()  # NumPy's errors are noted, in a context that is made once
        self._context.run(np.seterr, all="ignore", invalid="call")
        self._context.run(np.seterrcall, self._note_invalid)
        for ref in {ref for call in self.calls for ref in call.refs()}:  # whose values were those of the notes
            ref.forget()

    def _keep_gradients(self, grads: list[tuple[Any, Any]], refs: list[Ref]) -> None:
        """Have one tensor for each gradient, of the program's own array where no other result shares that."""
        k = len(refs) - sum(grad is not None for _, grad in grads)
        self._grads: list[tuple[Any, Any, Any]] = []
        for x, grad in grads:
            if grad is None:
                self._grads.append((x, None, None))
                continue
            is_own = refs[k].kind == "temporary" and [ref.root for ref in refs].count(refs[k]) == 1
            self._grads.append((x, wrap(self._results[k] if is_own else self._results[k].copy("K")), self._results[k]))
            k += 1

    def _split(self, capture: Capture) -> None:
        """Tell what may still find that values go another way from what comes after."""
        calls, bound = zip(*self.memory.pairs, strict=True) if self.memory.pairs else ((), ())
        lasting = [[w.root for w in c.written() if w.root.kind == "lasting"] for c in calls]
        first = next((i for i, roots in enumerate(lasting) if roots), len(calls))
        late = [i + 1 for i, c in enumerate(calls) if isinstance(c.function, Reading) or c.part.endswith("backward")]
        end = max([first, *late])
        self._head, self._tail = bound[:end], bound[end:]
        self._undone = [root.array for root in {root for roots in lasting[:end] for root in roots}]
        self._draws_first = any(isinstance(c.function, Draw) for c in calls[:end])
        self._changes = [root.array for root in {root for roots in lasting for root in roots}]
        changed(*self._changes)
        self._changed = [id(array) for array in self._changes]
        self._constants = capture.constants
        used = {ref.root for call in self.calls for ref in call.refs()}
        self._watched, self._added = [], []
        for x, array, grad, _ in capture.tensors.values():
            if capture.lift(array).root in used and capture.lift(array).root.kind == "lasting":
                self._watched.append((x, array))
            if grad is not None and capture.lift(capture.tensors[id(grad)][1]).root in used:
                self._added.append((x, grad))

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

    def fits(self) -> bool:
        """Whether tensors have the memory that they had, and the user's objects the plain values."""
        for x, array in self._watched:
            if x._array is not array:
                return False
        for mapping, key, value in self._facts:
            now = mapping[key]
            if now is not value and now != value:
                return False
        for x, grad in self._added:  # what the step adds to is the program's own tensor
            if x._grad is not grad:
                np.copyto(grad._array, x._grad._array)
                x._grad = grad
        return True

    def _run(self, arrays: list[Any]) -> None:
        """Make all calls; raises Changed, with nothing changed, where values go another way."""
        for static, given in zip(self._given, arrays):  # noqa: B905  # of one length by the key
            if static is not None:
                np.copyto(static, given)
        self._numbers.refresh()
        positions = [(g, g.get_state()) for g in self._streams] if self._draws_first else ()
        before = [(x, x.copy()) for x in self._undone]
        self._invalid: list[bool] = []
        try:
            self._context.run(self._make_calls)
        except Changed:
            for generator, position in positions:
                generator.set_state(position)
            for x, kept in before:
                np.copyto(x, kept)
            raise

    def _make_calls(self) -> None:
        if lent:
            keep_lent(*self._changes)
        for call in self._head:
            call()
        if self._invalid:
            raise Changed
        for call in self._tail:
            call()

    def _note_invalid(self, *_: Any) -> None:
        self._invalid.append(True)

    def replay(self, arrays: list[Any]) -> Any:
        """The result of the step for these arguments, with all that the step does to arrays and gradients."""
        self._run(arrays)
        self.uses += 1
        self._numbers.store()
        for x, grad, array in self._grads:
            if grad is not None and grad._array is not array:
                np.copyto(grad._array, array)
            x._grad = grad
        if self._changed:
            changed_again(self._changed, self._place, " by a compiled step")
        return self._built()

    def _built(self) -> Any:
        if type(self._template) is At:
            return self._template.of(self._results)
        return mapped(self._template, lambda at: at.of(self._results), At)

    def tried(self, arrays: list[Any]) -> Any:
        """What a replay comes to; all is as before then."""
        before = [(x, x.copy()) for x in self._changes]
        positions = [(g, g.get_state()) for g in self._streams]
        try:
            self._run(arrays)
            numbers = [self._numbers.now(number) for _, _, number in self._numbers.stores]
            states = [generator.get_state() for generator in self._streams]
            grads = [None if array is None else array.copy() for _, _, array in self._grads]
            return self._built(), grads, [x.copy() for x in self._changes], numbers, states
        finally:
            for x, kept in before:
                np.copyto(x, kept)
            for generator, position in positions:
                generator.set_state(position)

    def difference(self, mine: Any, out: Any) -> str:
        """In what the step itself, which has just run, came to another result than ``tried``; empty if in nothing."""
        result, grads, changes, numbers, states = mine
        mine, yours = ([getattr(x, "_array", x) for x in parts(r, ARRAYS)] for r in (result, out))
        own = [None if x._grad is None else x._grad._array for x, _, _ in self._grads]
        differs = {
            "another result": not _alike(mine, yours),
            "another gradient": not _alike(grads, own),
            "an array changed otherwise": not _alike(changes, self._changes),
            "the state of an optimizer": numbers != [state[key] for state, key, _ in self._numbers.stores],
            "other options of an optimizer": self._numbers.options_changed(),
            "other random numbers": states != [generator.get_state() for generator in self._streams],
            "a constant changed": not _alike([x._array for x, _ in self._constants], [x for _, x in self._constants]),
        }
        return next((what for what, is_so in differs.items() if is_so), "")


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
        if isinstance(x, TensorBase) and x._node is not None and not capture.walked:
            raise CompileError("it returns a tensor with a graph; call backward() inside, or it under no_grad()")
        refs.append(capture.lift(x._array if isinstance(x, TensorBase) else x))
        return At(len(refs) - 1, isinstance(x, TensorBase))

    return mapped(out, place, ARRAYS)


def _alike(some: Any, others: Any) -> bool:
    """Whether two lists have the same arrays, bit for bit."""
    return len(some) == len(others) and all(
        x is y if x is None or y is None else x.shape == y.shape and x.dtype == y.dtype and x.tobytes() == y.tobytes()
        for x, y in zip(some, others, strict=True)
    )
