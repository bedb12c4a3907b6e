"""Functions as methods that change their tensor; they take what the function takes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from autodiff.functions.old_orders import retried
from autodiff.kinds import wrong_kind

F = TypeVar("F", bound=Callable[..., Any])


def in_place(function: F) -> F:
    """A function as a method that writes its result into the tensor."""

    @functools.wraps(function)
    def change(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            read = self._before_write() if getattr(self, "_base", None) else self
            result = function(read, *args, **kwargs) if kwargs else function(read, *args)
        except Exception as error:
            if (again := retried(change, name, (self, *args), kwargs)) is not NotImplemented:
                return again
            refusal = wrong_kind(f"{name}_", (*args, *kwargs.values()), error)
            if refusal is None:
                raise
            raise refusal from error
        return self._write_result(result)

    name = function.__name__
    return _called(change, name, f"``{name}``, written into this tensor, which is returned.")


def view_in_place(function: F) -> F:
    """A function that returns a view of its tensor as a method that turns the tensor into that view."""

    @functools.wraps(function)
    def change(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._become_view(function, *args, **kwargs)

    return _called(change, function.__name__, f"``{function.__name__}`` of this tensor's own shape.")


def _called(change: Any, name: str, words: str) -> Any:
    change.__name__ = change.__qualname__ = f"{name}_"
    change.__doc__ = words
    return change
