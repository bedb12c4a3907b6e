"""Hooks of a tensor: functions that a backward pass calls with its gradient, and gradients that are kept."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.engine import modes
from autodiff.engine.hooks import NodeHooks
from autodiff.engine.tape import Node
from autodiff.engine.values import TensorBase, Value, wrap
from autodiff.engine.views import node_of
from autodiff.errors import DtypeError, GraphError, ShapeError
from autodiff.handles import RemovableHandle
from autodiff.kinds import check_function


class HookMethods(TensorBase):
    """``x.register_hook(f)``, ``x.retain_grad()``."""

    __slots__ = ()

    def register_hook(self, hook: Callable[[Value], Any]) -> RemovableHandle:
        """Call ``hook(gradient)`` when a backward pass has the whole gradient of this tensor, before it goes on.

        What the hook returns, if not None, takes the gradient's place: a tensor of the same shape and dtype.

        >>> import autodiff
        >>> x = autodiff.tensor([1.0, 2.0], requires_grad=True)
        >>> handle = x.register_hook(lambda g: g.clamp(max=3))
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 3.])
        >>> handle.remove()

        Raises GraphError for a tensor outside the graph.
        """
        node = _in_graph(self, "register_hook")
        check_function("a hook", hook, "the gradient")
        return RemovableHandle(NodeHooks.of(node).incoming, _on_tensors(hook, node.where))

    def register_post_accumulate_grad_hook(self, hook: Callable[[Value], None]) -> RemovableHandle:
        """Call ``hook(tensor)`` after each backward pass that added to the ``.grad`` of this leaf.

        Nothing is recorded meanwhile, unless the pass has ``create_graph=True``.

        >>> import autodiff
        >>> x = autodiff.tensor([1.0, 2.0], requires_grad=True)
        >>> handle = x.register_post_accumulate_grad_hook(lambda x: x.sub_(0.1 * x.grad))
        >>> (x * x).sum().backward()
        >>> x
        tensor([0.8000, 1.6000], requires_grad=True)

        Raises GraphError for a tensor that is not a leaf of the graph.
        """
        node = _in_graph(self, "register_post_accumulate_grad_hook")
        if node.primitive is not None:
            raise GraphError(
                f"only a leaf accumulates its gradient, not the result of {node.name()}, called at {node.where}; "
                "register_hook shows the gradient of any tensor"
            )
        return RemovableHandle(NodeHooks.of(node).accumulated, hook)

    def retain_grad(self) -> None:
        """Let backward passes fill the ``.grad`` of this tensor, though it is no leaf.

        >>> import autodiff
        >>> x = autodiff.tensor(3.0, requires_grad=True)
        >>> y = x * 2
        >>> y.retain_grad()
        >>> (y * y).backward()
        >>> y.grad
        tensor(12.)

        Raises GraphError for a tensor outside the graph.
        """
        node = _in_graph(self, "retain_grad")
        if node.primitive is not None:
            NodeHooks.of(node).keep = _keeper(self)

    @property
    def retains_grad(self) -> bool:
        """Whether ``retain_grad`` was called on this tensor, which is no leaf."""
        hooks: NodeHooks | None = getattr(node_of(self), "hooks", None)
        return hooks is not None and hooks.keep is not None


def _in_graph(tensor: Any, what: str) -> Node:
    node: Node | None = node_of(tensor)
    if node is None:
        raise GraphError(
            f"{what}: a tensor of shape {tensor.shape} that does not require grad has no gradient to show; set "
            "requires_grad=True first"
        )
    return node


def _on_tensors(hook: Callable[[Any], Any], where: str) -> Callable[[Any], Any]:
    """``hook`` as the walk calls it: on cotangents that are plain arrays, or Tensors where the walk is recorded.

    The hook gets a copy, because the array may be the gradient of other tensors too; the walk goes on with a view of
    the result, because the hook may have kept it.
    """

    def called(g: Any) -> Any:
        recorded = isinstance(g, TensorBase)
        given = g if recorded and g._node is not None else wrap(np.array(g._array if recorded else g))
        if recorded:
            result = hook(given)
        else:
            with modes.no_grad():
                result = hook(given)
        result = given if result is None else _checked(result, g.shape, g.dtype)
        return wrap(result._array[...], result._node) if recorded else result._array[...]

    def _checked(result: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        named = f"the hook {getattr(hook, '__name__', hook)!r} of a tensor made at {where}"
        if not isinstance(result, TensorBase):
            raise DtypeError(f"{named} returned {result!r:.60}; it returns a tensor, or None to change nothing")
        if result._array.shape != shape:
            raise ShapeError(f"{named} made a gradient of shape {result._array.shape} out of one of shape {shape}")
        if result._array.dtype != dtype:
            raise DtypeError(f"{named} made a gradient of {result._array.dtype} out of one of {dtype}; convert it back")
        return result

    return called


def _keeper(tensor: Any) -> Callable[[Any], None]:
    """A function that adds cotangents to ``tensor.grad`` while the tensor exists and is tracked."""
    reference = weakref.ref(tensor)

    def keep(g: Any) -> None:
        owner = reference()
        if owner is None or owner._node is None:
            return
        recorded = isinstance(g, TensorBase)
        own = wrap(np.array(g._array if recorded else g), g._node if recorded else None)
        owner._grad = own if owner._grad is None else owner._grad + own

    return keep
