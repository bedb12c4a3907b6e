"""What notes are made of: calls, and what they read, draw and take besides arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import copy_context
from functools import cache, partial
from typing import Any

import numpy as np

from autodiff.compiling.numbers import Changed, Number
from autodiff.compiling.traced import Ref
from autodiff.engine.apply import forward_of
from autodiff.engine.call_sites import Place, line_of
from autodiff.func.trees import map_leaves


class Call:
    """One call of the program.

    Attributes:
        function, args, kwargs: what is called; Refs stand for arrays.
        outs: the arrays that it gives, None for a result that is none.
        are_listed: whether it gives them in a tuple or list.
        writes: arrays from before that it writes into; one of them may also be ``outs[0]``, its ``out``.
        is_view: the result looks into memory of an argument.
        part: what the step was doing: the name of a primitive, of a VJP, of an optimizer.
        place: where the user's code asked for it.
    """

    __slots__ = ("are_listed", "args", "function", "is_view", "kwargs", "outs", "part", "place", "writes")

    def __init__(
        self, function: Any, args: Any, kwargs: Any, outs: list[Ref | None], writes: Any = (), is_view: bool = False,
        part: str = "", place: Any = None,
    ) -> None:  # fmt: skip
        self.function, self.args, self.kwargs, self.outs = function, args, kwargs, outs
        self.writes, self.is_view, self.part, self.place = writes, is_view, part, place
        self.are_listed = False

    def refs(self) -> list[Ref]:
        """All arrays of the call."""
        return parts((self.args, self.kwargs, self.outs, self.writes))

    def written(self) -> list[Ref]:
        """The arrays whose memory it changes."""
        return [] if self.is_view else [*self.writes, *(o for o in self.outs if o is not None and o not in self.writes)]


class Reading:
    """What the step read of a value, as the function of a call: the program holds while it reads the same."""

    def __init__(self, test: Callable[[Any], Any], value: Any, place: Place) -> None:
        self.test, self.value, self.place = test, value, place

    def __call__(self, array: Any) -> None:
        """Raise Changed where it reads another."""
        if self.test(array) != self.value:
            raise Changed(f", at {line_of(self.place)}")


class Strict:
    """A function in whose call nothing may overflow or vanish: the program holds while nothing does."""

    def __init__(self, function: Any) -> None:
        self.function, self._context = function, copy_context()
        self._context.run(np.seterr, over="raise", under="raise", invalid="raise")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function gives, or raise Changed."""
        try:
            return self._context.run(self.function, *args, **kwargs)
        except FloatingPointError:
            raise Changed from None


class Draw:
    """A draw of random numbers from whatever stream a generator has when it is made."""

    def __init__(self, generator: Any, name: str) -> None:
        self.generator, self.name = generator, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Numbers of this moment's stream."""
        return getattr(self.generator.numpy, self.name)(*args, **kwargs)


class Stream:
    """NumPy's generator of a step that is being captured: each draw is noted."""

    def __init__(self, capture: Any, generator: Any) -> None:
        self._capture, self._generator = capture, generator

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: self._capture.call(Draw(self._generator, name), args, kwargs)


def mapped(x: Any, change: Callable[[Any], Any], kinds: Any = (np.ndarray, Ref, Number)) -> Any:
    """``x`` with what ``change`` makes of each part of these ``kinds`` inside its tuples, lists, dicts and slices."""

    def leaf(x: Any) -> Any:
        if isinstance(x, slice):
            return slice(leaf(x.start), leaf(x.stop), leaf(x.step))
        return change(x) if isinstance(x, kinds) else x

    return map_leaves(leaf, x)


def parts(x: Any, kinds: Any = Ref) -> list[Any]:
    """The parts of these kinds inside tuples, lists, dicts and slices."""
    found: list[Any] = []
    mapped(x, found.append, kinds)
    return found


def make(calls: Iterable[Callable[[], Any]]) -> None:
    """Make calls one after another."""
    for call in calls:
        try:
            call()
        except FloatingPointError:
            if not _is_false_alarm(call):
                raise


def _is_false_alarm(call: Any) -> bool:
    """Whether it is a product without NaN: OpenBLAS computes beyond the end of vectors of five, and forgets it."""
    *_, out = (*call.args, *call.keywords.values()) if isinstance(call, partial) else (None,)
    return isinstance(out, np.ndarray) and call.func.__name__ in ("alone", "dot", "matmul") and not np.isnan(out).any()


@cache
def forward_function(primitive: Any) -> Callable[..., Any]:
    """The forward function of a primitive, as ``apply`` calls it; the same object each time."""

    def forward(*arrays: Any, **params: Any) -> Any:
        return forward_of(primitive, arrays, params)

    forward.__name__ = primitive.name
    return forward
