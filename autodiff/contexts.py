"""Settings that blocks of code change in their own thread or task, and functions that run under a context manager."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from threading import RLock
from types import coroutine
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar
from weakref import WeakSet

from autodiff.forks import hold_over_forks
from autodiff.kinds import check_function

P = ParamSpec("P")
R = TypeVar("R")
V = TypeVar("V", bound=NamedTuple)
Enter = Callable[[], AbstractContextManager[Any]]

_linking = RLock()  # held while layers on layers are linked or change; a block may end inside, of a generator's garbage
hold_over_forks(lambda: _linking)


class Changes(dict[str, Any]):
    """Fields of a setting by their names, with the values that a block gives them.

    What they make of the default is worked out once: the usual blocks share such an object, and stand on the default.
    """

    __slots__ = ("of_default",)

    def __init__(self, *fields: Any, **more: Any) -> None:
        super().__init__(*fields, **more)
        self.of_default: Any = None

    def applied(self, value: V, default: V) -> V:
        """``value`` with these fields; ``default`` itself where it is equal to that."""
        known: V | None = self.of_default
        if known is not None and (value is default or value is known):  # a second time they change nothing
            return known
        made = value._replace(**self) if self else value
        made = default if made == default else made
        if value is default:
            self.of_default = made
        return made


class Layer(Generic[V]):
    """What one open block makes of a setting.

    Attributes:
        value: the setting inside the block.
        below: the layer of the block around it; None for the default.
        changes: the fields that it changes; none any more once it was ended from outside.
        statement: whether it is no block, but holds until the block around it ends.
        above: the layers that stand on it.
    """

    __slots__ = ("__weakref__", "above", "below", "changes", "statement", "value")

    value: V

    def __init__(self, below: Layer[V] | None, changes: Changes, statement: bool = False) -> None:
        self.below, self.changes, self.statement = below, changes, statement
        self.above: WeakSet[Layer[V]] | None = None


class Setting(Generic[V]):
    """A value that blocks change as long as they last, each in its own thread or task: a named tuple.

    A block usually ends where it began, the last one first. That of a generator may end in another thread or task, or
    after one that was opened later: then it lets through from now on what the block around it has, so that nobody is
    left with a setting that never ends.

    Args:
        name: of the context variable.
        default: the value outside of all blocks; wherever the value equals it, it is this very object.
    """

    def __init__(self, name: str, default: V) -> None:
        self.default = default
        outside: Layer[V] = Layer(None, Changes())
        outside.value = default
        self._top: ContextVar[Layer[V]] = ContextVar(name, default=outside)
        self.top = self._top.get  # bound once: every operation asks for ``top().value``

    def put(self, layer: Layer[V]) -> Token[Layer[V]]:
        """Lay ``layer`` on top, where its ``below`` is now, and return what takes it off again."""
        if (below := layer.below) is not None and below.below is not None:
            self._stand(layer, below)
        self._settle(layer)
        return self._top.set(layer)

    def _stand(self, layer: Layer[V], below: Layer[V]) -> None:
        """Link ``layer`` to the first layer from ``below`` down that changes something."""
        while below.below is not None and not below.changes:
            below = below.below
        if layer.statement and below.statement and below.below is not None:  # the next of many takes the place
            if not below.changes.keys() <= layer.changes.keys():
                layer.changes = Changes(below.changes | layer.changes)
            below = below.below
        self.link(layer, below)

    def link(self, layer: Layer[V], below: Layer[V]) -> None:
        """Let ``layer`` stand on ``below``, and change with it where that makes a difference."""
        layer.below = each = below
        while each.below is not None and each.changes.keys() <= layer.changes.keys() and not layer.statement:
            each = each.below
        if each.below is not None:  # the default never changes, nor what it makes of the same fields
            with _linking:
                if below.above is None:
                    below.above = WeakSet()
                below.above.add(layer)

    def take(self, layer: Layer[V], token: Token[Layer[V]]) -> None:
        """Take ``layer`` off, unless it is off; from below others, or in another context, it is ended."""
        first = top = self.top()
        while first is not layer and first.below is not None and (first.statement or not first.changes):
            first = first.below
        try:
            self._top.reset(token)
        except ValueError:  # it was laid in another context
            self._end(layer)
        except RuntimeError:  # an interrupt came when it had been taken off
            self._end(layer, with_statement=True)
        else:
            if first is not layer:
                self._top.set(top)
                self._end(layer, with_statement=True)

    def _end(self, layer: Layer[V], with_statement: bool = False) -> None:
        """Let ``layer`` change nothing any more, nor a statement on it, wherever they are still on top."""
        with _linking:
            changed, layer.changes = [layer], Changes()
            if layer.below is not None:
                self.link(layer, layer.below)  # it lets through what it had hidden
            for each in changed:
                self._settle(each)
                for other in list(each.above or ()):
                    if each is layer and other.statement and with_statement:
                        other.changes = Changes()
                    changed.append(other)

    def _settle(self, layer: Layer[V]) -> None:
        """Give ``layer`` the value that it makes of the one below."""
        below, seen = layer.below, None
        while below is not None and below.value is not seen:  # until nothing ends meanwhile
            seen = below.value
            layer.value = layer.changes.applied(seen, self.default)


class _Exit:
    """The ``__exit__`` of a block, which a ``with`` statement asks for when it begins."""

    def __get__(self, block: Block[Any] | None, kind: Any = None) -> Callable[..., None]:
        if block is None:
            return Block.end
        block.is_with = True
        return block.end


class Block(Generic[V]):
    """A context manager and decorator that changes fields of a setting, and puts back at the end what was there.

    One may be entered again while it is open, and by several threads at once.

    Attributes:
        is_with: whether a ``with`` statement has asked for its ``__exit__``.
    """

    is_with = False
    __exit__ = _Exit()

    def __init__(self, setting: Setting[V], changes: Changes | None = None, **fields: Any) -> None:
        self._setting, self._changes = setting, changes or Changes(fields)
        self._open: list[tuple[Layer[V], Token[Layer[V]], int]] = []

    def __enter__(self, began: int | None = None, statement: bool = False) -> None:
        """Begin, for the frame of that identity: by default the caller's."""
        setting = self._setting
        before = setting.top()
        layer = Layer(before, self.changes(), statement)
        try:
            self._open.append((layer, setting.put(layer), id(sys._getframe(1)) if began is None else began))
        except BaseException:  # an interrupt came between the two, or after both
            self._open[:] = [opened for opened in self._open if opened[0] is not layer]
            if setting.top() is layer:
                setting._top.set(before)
            raise

    def changes(self) -> Changes:
        """The fields that it changes, with their values, asked for when it begins."""
        return self._changes

    def __del__(self) -> None:
        """End what an interrupt has left open, which came when ``__exit__`` had only been called."""
        while self._open and self.is_with:
            self.end()

    def end(self, *exception: object) -> None:
        """Put back what was there when it was entered last."""
        opened = self._open
        layer, token, _ = ended = opened[0 if len(opened) == 1 else self._which(id(sys._getframe(1)))]
        try:
            self._setting.take(layer, token)
        except BaseException:  # an interrupt, wherever it came
            self._setting.take(layer, token)
            raise
        finally:
            opened.remove(ended)

    def _which(self, frame: int) -> int:
        """Which of several open layers ends: the last that ``frame`` began, or else this context's topmost."""
        opened = list(self._open)
        mine = [i for i, (_, _, began) in enumerate(opened) if began == frame]
        layer: Layer[V] | None = self._setting.top()
        while not mine and layer is not None:
            mine = [i for i, (other, _, _) in enumerate(opened) if other is layer]
            layer = layer.below
        return mine[-1] if mine else -1

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """``function`` under the block; the code of a generator or a coroutine runs under it, too."""
        return under(self._like_this, function)

    def _like_this(self) -> Block[V]:
        return Block(self._setting, self._changes)


class Statement(Block[V]):
    """A block that changes the setting when it is made; a ``with`` block puts it back at its end."""

    def __init__(self, setting: Setting[V], changes: Changes | None = None, **fields: Any) -> None:
        super().__init__(setting, changes, **fields)
        super().__enter__(0, True)

    def __enter__(self, began: int | None = None, statement: bool = False) -> None:
        """Let the change that was made already end with the block."""
        began = id(sys._getframe(1)) if began is None else began
        for i, (layer, token, _) in enumerate(self._open):
            if layer.statement and layer is self._setting.top():
                layer.statement, layer.changes = False, self._changes
                if isinstance(token.old_value, Layer):
                    self._setting.link(layer, token.old_value)
                    self._setting._settle(layer)
                self._open[i] = layer, token, began
                return
        super().__enter__(began)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """``function`` under the block; the setting outside of it is put back."""
        self.end()
        return super().__call__(function)


def under(context: Enter, function: Callable[P, R]) -> Callable[P, R]:
    """``function``, whose code runs under a context manager: ``context`` makes one for each call.

    Several threads may be in the function at once. The caller's code between two steps of a generator or a coroutine
    does not run under it, so each step may be made by another thread.

    >>> from contextlib import redirect_stdout
    >>> import io
    >>> said = io.StringIO()
    >>> under(lambda: redirect_stdout(said), print)("hello")
    >>> said.getvalue().strip()
    'hello'
    """
    check_function("what runs under a context", function, "any arguments")
    around: Any = _around_call
    if inspect.isgeneratorfunction(function):
        around = _around_generator
    elif inspect.iscoroutinefunction(function):
        around = _around_coroutine
    elif inspect.isasyncgenfunction(function):
        around = _around_async_generator
    switched: Callable[P, R] = functools.wraps(function)(around(context, function))
    return switched


def _around_call(context: Enter, function: Any) -> Any:
    def switched(*args: Any, **kwargs: Any) -> Any:
        with context():
            return function(*args, **kwargs)

    return switched


def _around_generator(context: Enter, function: Any) -> Any:
    def switched(*args: Any, **kwargs: Any) -> Any:
        return (yield from _steps(context, function(*args, **kwargs)))

    return switched


def _around_coroutine(context: Enter, function: Any) -> Any:
    async def switched(*args: Any, **kwargs: Any) -> Any:
        return await _awaited(context, function(*args, **kwargs))

    return switched


def _around_async_generator(context: Enter, function: Any) -> Any:
    async def switched(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        step = generator.asend(None)
        while True:
            try:
                value = await _awaited(context, step)
            except StopAsyncIteration:
                return
            try:
                step = generator.asend((yield value))
            except GeneratorExit:
                await _awaited(context, generator.aclose())
                raise
            except BaseException as error:  # thrown in by the caller, for the generator to deal with
                step = generator.athrow(error)

    return switched


def _steps(context: Enter, generator: Any) -> Any:
    """The steps of a generator, or of anything else that is sent to, each under a context of its own."""
    step, given = generator.send, None
    while True:
        try:
            with context():
                value = step(given)
        except StopIteration as end:
            return end.value
        try:
            step, given = generator.send, (yield value)
        except GeneratorExit:
            with context():
                generator.close()
            raise
        except BaseException as error:  # thrown in by the caller, for the generator to deal with
            step, given = generator.throw, error


_awaited: Any = coroutine(_steps)
