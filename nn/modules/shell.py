"""A function of ``nn.functional`` as a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from nn.module import Module

__all__ = ["Shell"]


class Shell(Module):
    """``function`` with ``options``, which are attributes by the names of its arguments.

    ``shown`` are those of them that stand in the module's text.
    """

    function: ClassVar[Callable[..., Any]]
    options: ClassVar[tuple[str, ...]] = ()
    shown: ClassVar[tuple[str, ...]] = ()

    def forward(self, *inputs: Any) -> Any:
        """The function of the same name in ``nn.functional``."""
        options = {}
        for name in self.options:  # in place of a comprehension, which is a call of its own
            options[name] = getattr(self, name)
        return type(self).function(*inputs, **options)

    def extra_repr(self) -> str:
        """The options."""
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)
