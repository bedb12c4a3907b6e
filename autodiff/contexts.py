"""Functions, generators and coroutines whose code runs under a context manager."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar

from autodiff.kinds import check_function

P = ParamSpec("P")
R = TypeVar("R")
Enter = Callable[[], AbstractContextManager[Any]]


def under(context: Enter, function: Callable[P, R]) -> Callable[P, R]:
    """``function``, whose code runs under a context manager: ``context`` makes one for each call.

    Several threads may be in the function at once. The caller's code between two steps of a generator or a coroutine
    does not run under it.

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
        around = _around_steps
    elif inspect.iscoroutinefunction(function):
        around = _around_await
    switched: Callable[P, R] = functools.wraps(function)(around(context, function))
    return switched


def _around_call(context: Enter, function: Any) -> Any:
    def switched(*args: Any, **kwargs: Any) -> Any:
        with context():
            return function(*args, **kwargs)

    return switched


def _around_await(context: Enter, function: Any) -> Any:
    async def switched(*args: Any, **kwargs: Any) -> Any:
        with context():
            return await function(*args, **kwargs)

    return switched


def _around_steps(context: Enter, function: Any) -> Any:
    def switched(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
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

    return switched
