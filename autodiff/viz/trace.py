"""All that a program computes, noted while it runs: each operation, what it was applied to, and the calls around it.

The tape has what a gradient passes through; here is the rest as well: frozen layers, ``no_grad``, integers. No value is
kept alive.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from autodiff.contexts import Block
from autodiff.engine.call_sites import Place, Scope, calls, of_library, place_of_user
from autodiff.engine.modes import SETTING
from autodiff.engine.values import TensorBase
from autodiff.kernels.lending import owner_of

Array = np.ndarray[Any, Any]


class Operation(NamedTuple):
    """One operation as it ran.

    Attributes:
        name: of its primitive.
        operands: the place in ``Trace.items`` of each input, and of arrays that are static parameters, as indices are;
            the number that an input is, or "_" for anything else.
        shapes: of the inputs, in order; () for numbers.
        shape, dtype: of the result.
        place: the user's code that asked for it.
        call: the id of the call it ran in.
        node: what it is on the tape: a function that gives a node or None.
        said: what ``tell`` made of the result.
        params: the static parameters.
    """

    name: str
    operands: tuple[int | str, ...]
    shapes: tuple[tuple[int, ...], ...]
    shape: tuple[int, ...]
    dtype: str
    place: Place
    call: str
    node: Callable[[], Any]
    said: Any
    params: dict[str, Any]


class Source(NamedTuple):
    """A tensor or an array that was there before, or came from elsewhere."""

    value: Any
    call: str


class Entered(NamedTuple):
    """One call of a module, or of a method of one (``method`` is its name)."""

    parent: str
    module: Callable[[], Any]
    kind: str
    method: str


def _nothing() -> None:
    """In place of a reference to a node."""


class Trace:
    """The notes of a program that runs under ``noting()``.

    Attributes:
        items: operations and the sources that they use, in the order in which they were first seen.
        entered: the calls of modules by their ids; each stands behind the one around it.
    """

    def __init__(self, tell: Callable[[Any], Any] = lambda result: None) -> None:
        self.items: list[Operation | Source] = []
        self.entered: dict[str, Entered] = {}
        self._tell = tell
        self._known: dict[int, tuple[Any, int]] = {}  # tensors and arrays by identity: a reference, and their item
        self._written: dict[int, list[tuple[Any, int]]] = {}  # by the identity of what owns the memory, the latest last
        self._calls: dict[Any, str] = {}
        self._kept: list[Any] = []  # whose identities are keys
        self._before: Scope | None = None
        self._outside: FrameType | None = None

    def noting(self) -> Block[Any]:
        """A context manager under which the operations of this thread are noted."""
        self._before, self._outside = calls().now, sys._getframe(1)
        return Block(SETTING, notes=self._note)

    def source(self, value: Any, call: str = "") -> int:
        """The item of a tensor or an array that no operation has made."""
        self._kept.append(value)
        self._know(value, len(self.items))
        self.items.append(Source(value, call))
        return len(self.items) - 1

    def item(self, value: Any) -> int | None:
        """The item that a tensor or an array is; that of the last write, where its memory was changed since."""
        array = value._array if isinstance(value, TensorBase) else value
        found = [self._known[id(x)][1] for x in (value, array) if self._knows(x)]
        at: int | None = found[0] if found else None
        for written, number in reversed(self._written.get(id(owner_of(array)), ())):
            area = written()
            if at is not None and number <= at:
                break
            if area is not None and np.may_share_memory(area, array):
                return int(number)
        return at

    def _knows(self, value: Any) -> bool:
        entry = self._known.get(id(value))
        return entry is not None and entry[0]() is value

    def _know(self, value: Any, number: int) -> None:
        for x in (value, value._array) if isinstance(value, TensorBase) else (value,):
            self._known[id(x)] = weakref.ref(x), number

    def _note(self, primitive: Any, inputs: tuple[Any, ...], result: Any, params: dict[str, Any]) -> None:
        call, array = self._call(), result._array
        operands = tuple(self._operand(x, call) for x in inputs if x is not None)
        operands += tuple(at for x in _arrays_in(params.values()) if (at := self.item(x)) is not None)
        shapes = tuple(getattr(x, "shape", ()) for x in inputs if x is not None)
        node = _nothing if result._node is None else weakref.ref(result._node)
        place = calls().place or place_of_user(3)
        number = len(self.items)
        self.items.append(
            Operation(primitive.name, operands, shapes, array.shape, array.dtype.name, place, call, node,
                      self._tell(result), params)
        )  # fmt: skip
        self._know(result, number)
        if any(x is result for x in inputs):  # changed in place
            self._kept.append(owner_of(array))
            self._written.setdefault(id(owner_of(array)), []).append((weakref.ref(array), number))

    def _operand(self, x: Any, call: str) -> int | str:
        if not isinstance(x, (TensorBase, np.ndarray)):
            return number_text(x)
        at = self.item(x)
        return self.source(x, call) if at is None else at

    # --- calls --------------------------------------------------------------------------------------------------------

    def _call(self) -> str:
        """The innermost call of a module, or of a method of another module than the one around it."""
        frames: list[FrameType] = []
        frame = sys._getframe(3)
        while frame is not None and frame is not self._outside:  # type: ignore[redundant-expr]
            if _may_be_method(frame):
                frames.append(frame)
            frame = frame.f_back  # type: ignore[assignment]
        scopes = self._scopes()
        here, around = "", None
        for frame in reversed(frames):
            module = frame.f_locals.get("self")
            if not hasattr(module, "named_modules"):
                continue
            name = frame.f_code.co_name
            if name == "__call__" and of_library(frame.f_code):
                scope = next(scopes, None)
                if scope is not None:
                    here, around = self._enter(id(scope), scope, here, scope[0], scope[1].__name__, ""), module
            elif module is not around and (name == "forward" or not of_library(frame.f_code)):
                kind = type(module).__name__
                here, around = self._enter(frame, frame, here, weakref.ref(module), kind, name), module
        return here

    def _scopes(self) -> Iterator[Scope]:
        """The calls of modules around this moment, the outermost first."""
        found: list[Scope] = []
        scope = calls().now
        while scope is not None and scope is not self._before:
            found.append(scope)
            scope = scope[2]
        return reversed(found)

    def _enter(self, key: Any, kept: Any, parent: str, module: Any, kind: str, method: str) -> str:
        name = self._calls.get(key)
        if name is None:
            self._kept.append(kept)
            name = self._calls[key] = f"m{len(self.entered)}"
            self.entered[name] = Entered(parent, module, kind, "" if method == "forward" else method)
        return name


def _may_be_method(frame: FrameType) -> bool:
    """Whether the first argument of a function is called ``self``."""
    code = frame.f_code
    return code.co_argcount > 0 and code.co_varnames[0] == "self"


def _arrays_in(values: Iterable[Any], depth: int = 3) -> Iterator[Any]:
    """The tensors and arrays among static parameters, as indices and masks are."""
    for value in values:
        if isinstance(value, (TensorBase, np.ndarray)):
            yield value
        elif isinstance(value, (tuple, list)) and depth:
            yield from _arrays_in(value, depth - 1)


def number_text(x: Any) -> str:
    """A number as drawings have it; "_" for anything else."""
    try:
        return f"{x:.6g}"
    except (TypeError, ValueError):
        return "_"
