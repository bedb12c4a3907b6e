"""Functions and primitives as methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff.engine.primitive import Primitive
from autodiff.kinds import wrong_kind


def in_place(function: Callable[..., Any]) -> Any:
    """A function or primitive as a method that writes its result into the tensor."""

    def change(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            result = function(self._before_write(), *args, **kwargs)
        except Exception as error:
            refusal = wrong_kind(f"{name}_", (*args, *kwargs.values()), error)
            if refusal is None:
                raise
            raise refusal from error
        return self._write_result(result)

    name = function.name if isinstance(function, Primitive) else function.__name__
    change.__name__, change.__doc__ = f"{name}_", f"``{name}``, written into this tensor, which is returned."
    return change


def view_in_place(function: Callable[..., Any]) -> Any:
    """A function that returns a view of its tensor as a method that turns the tensor into that view."""

    def change(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._become_view(function, *args, **kwargs)

    change.__name__, change.__doc__ = f"{function.__name__}_", f"``{function.__name__}`` of this tensor's own shape."
    return change
