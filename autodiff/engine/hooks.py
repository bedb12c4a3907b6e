"""Gradient hooks of nodes, and the handle that removes one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from autodiff.engine.call_sites import asked_at

_number = count().__next__
_used = False


class NodeHooks:
    """The hooks of one node, in the order in which they run.

    Attributes:
        incoming: functions of the complete cotangent of the node that return what takes its place, or None.
        keep: what is done with the cotangent that these leave; it runs last (``retain_grad``).
        accumulated: functions of the leaf's tensor, called when its ``.grad`` is up to date.
    """

    __slots__ = ("accumulated", "incoming", "keep")

    def __init__(self) -> None:
        self.incoming: dict[int, Callable[[Any], Any]] = {}
        self.keep: Callable[[Any], None] | None = None
        self.accumulated: dict[int, Callable[[Any], None]] = {}

    @staticmethod
    def of(node: Any) -> NodeHooks:
        """The hooks of ``node``, made where it has none: from then on every walk asks its nodes for theirs."""
        global _used
        _used = True
        if not hasattr(node, "hooks"):
            node.hooks = NodeHooks()
        hooks: NodeHooks = node.hooks
        return hooks

    def pass_on(self, g: Any) -> Any:
        """The cotangent ``g`` after all hooks have seen it."""
        with asked_at(None):
            for hook in tuple(self.incoming.values()):
                result = hook(g)
                g = g if result is None else result
        if self.keep is not None:
            self.keep(g)
        return g


def in_use() -> bool:
    """Whether a hook was ever hung on a node: until then no walk asks for any."""
    return _used


class RemovableHandle:
    """Enters a hook into ``registry``, and takes it away: by ``remove()``, or at the end of a ``with`` block.

    >>> registry = {}
    >>> with RemovableHandle(registry, print):
    ...     len(registry)
    1
    >>> registry
    {}
    """

    def __init__(self, registry: dict[int, Any], hook: Any, prepend: bool = False) -> None:
        self._registry, self._number = registry, _number()
        later = dict(registry) if prepend else {}
        if prepend:
            registry.clear()
        registry[self._number] = hook
        registry.update(later)

    def remove(self) -> None:
        """Take the hook away; once it is gone, nothing happens."""
        self._registry.pop(self._number, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()
