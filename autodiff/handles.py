"""Handles: what registers a hook gives one, by which the hook is taken away again; and a mark of such changes."""

from __future__ import annotations

from itertools import count
from typing import Any

from autodiff.kinds import check_function

_number = count().__next__
mark = [object()]  # another after each change of what modules are made of, of hooks, of what requires a gradient


def rearranged() -> None:
    """Tell those who remember how modules, hooks and leaves were that they may be otherwise now."""
    mark[0] = object()


class RemovableHandle:
    """Adds a hook to ``registry``, and removes it: by ``remove()``, or at the end of a ``with`` block.

    >>> registry = {}
    >>> with RemovableHandle(registry, print):
    ...     len(registry)
    1
    >>> registry
    {}
    """

    def __init__(self, registry: dict[int, Any], hook: Any, prepend: bool = False) -> None:
        check_function("a hook", hook[0] if isinstance(hook, tuple) else hook, "what it is called with")
        self._registry, self._number = registry, _number()
        later = dict(registry) if prepend else {}
        if prepend:
            registry.clear()
        registry[self._number] = hook
        registry.update(later)
        rearranged()

    def remove(self) -> None:
        """Remove the hook; again, it does nothing."""
        self._registry.pop(self._number, None)
        rearranged()

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()
