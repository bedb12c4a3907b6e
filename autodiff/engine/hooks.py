"""Gradient hooks of nodes, and the handle that removes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff.engine.call_sites import asked_at

_used = False


class NodeHooks:
    """The hooks of one node, in the order in which they run.

    Attributes:
        incoming: functions of the complete cotangent of the node; each may return another in its place, or None.
        keep: stores the cotangent after these (``retain_grad``).
        accumulated: functions of the leaf's tensor, called when its ``.grad`` is up to date.
    """

    __slots__ = ("accumulated", "incoming", "keep")

    def __init__(self) -> None:
        self.incoming: dict[int, Callable[[Any], Any]] = {}
        self.keep: Callable[[Any], None] | None = None
        self.accumulated: dict[int, Callable[[Any], None]] = {}

    @staticmethod
    def of(node: Any) -> NodeHooks:
        """The hooks of ``node``, made if it has none; from then on every walk looks for hooks."""
        global _used
        _used = True
        if not hasattr(node, "hooks"):
            node.hooks = NodeHooks()
        hooks: NodeHooks = node.hooks
        return hooks

    @staticmethod
    def carry_retained(old: Any, new: Any) -> None:
        """Let the tensor of node ``old``, which has the node ``new`` from now on, retain its gradient there."""
        if _used and new is not None and hasattr(old, "hooks") and old.hooks.keep is not None:
            NodeHooks.of(new).keep, old.hooks.keep = old.hooks.keep, None

    def pass_on(self, g: Any) -> Any:
        """Run the hooks on ``g``, and return what they made of it."""
        g = as_gradient(g if g.shape is not None else g.array())  # what waits has no shape
        with asked_at(None):  # the lines of a hook are the user's
            for hook in tuple(self.incoming.values()):
                result = hook(g)
                g = g if result is None else result
        if self.keep is not None:
            self.keep(g)
        return as_gradient(g)


def as_gradient(g: Any) -> Any:
    """The gradient that users see, of a cotangent, or back: its conjugate, where it is complex, as PyTorch's."""
    return g.conj() if g.dtype.kind == "c" else g


def in_use() -> bool:
    """Whether any node ever got a hook: until then no walk looks for them."""
    return _used
