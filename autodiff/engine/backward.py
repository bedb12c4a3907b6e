"""Gradients of tensors: where the walk starts, what it may keep, and whose its results are."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from autodiff.engine import modes
from autodiff.engine.apply import Recorded, renew, wrap
from autodiff.engine.call_sites import line_of, place_of_user, source_of
from autodiff.engine.hooks import in_use
from autodiff.engine.scopes import asked_at, calls
from autodiff.engine.tape import Node, walk
from autodiff.engine.versions import changed, rewritten
from autodiff.errors import GraphError, ShapeError

__all__ = ["accumulate", "gradients"]


def gradients(
    outputs: list[Any],
    seeds: list[Any],
    inputs: Collection[Any] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> dict[Node, Any]:
    """Walk back from ``outputs`` and return the gradient of each leaf that is reached, or of ``inputs``.

    No two of the gradients share memory, and none shares it with a seed.
    """
    if inputs is not None and not inputs:
        raise GraphError("there are no inputs whose gradients could be wanted; leave inputs out for all leaves")
    cotangents: dict[Node, Any] = {}
    for output, seed in zip(outputs, seeds, strict=True):
        node, g = _tracked(output), _seed(output, seed)
        g = g if create_graph else g._array
        cotangents[node] = cotangents[node] + g if node in cotangents else g
    targets = {_tracked(x) for x in inputs} if inputs is not None else ()
    retain = create_graph if retain_graph is None else retain_graph
    taken = set(map(id, cotangents.values()))
    if create_graph:
        with _recording(), asked_at(calls().place or place_of_user()):  # all at one place, which takes 2 us to find
            walked = walk(cotangents, targets, retain, wrap)
    else:
        walked = walk(cotangents, targets, retain)
    for node, g in walked.items():
        key = id(g)
        if create_graph:
            walked[node] = g.clone() if key in taken or g._array.base is not None else g
        else:
            array = g if type(g) is np.ndarray else np.asarray(g)
            walked[node] = wrap(array.copy() if key in taken or array.base is not None else array)
        taken.add(key)
    return walked


def _recording() -> AbstractContextManager[None]:
    """``enable_grad``, where nothing is recorded yet: to switch takes 4 us."""
    return nullcontext() if modes.current().recording else modes.enable_grad()


def accumulate(found: dict[Node, Any], inputs: Collection[Any] = ()) -> None:
    """Add gradients to ``.grad`` of ``inputs`` and of the leaves they belong to, where those still want them."""
    owners, hooked = {x._node: x for x in inputs} if inputs else {}, in_use()
    for node, g in found.items():
        owner = node.owner() if node.primitive is None else owners.get(node)
        if owner is None or owner._node is None:
            continue
        old = owner._grad
        if old is None:
            owner._grad = g
        elif old._node is None and g._node is None and old._array.flags.writeable:
            np.add(old._array, g._array, out=old._array)
            changed(old._array)
        else:
            owner._grad = old + g
        if hooked and hasattr(node, "hooks"):
            for hook in tuple(node.hooks.accumulated.values()):
                hook(owner)


def _tracked(tensor: Any) -> Node:
    """The node of a tensor; raises GraphError with the reason where it has none."""
    if rewritten:
        renew(tensor)
    node: Node | None = tensor._node
    if node is not None:
        return node
    why = getattr(tensor, "_why", None)
    if why is not None:
        reason = f"it, or what it was made from, {why[0]} at {line_of(why[1])} ({source_of(why[1])})"
    elif tensor._array.dtype.kind != "f":
        reason = f"its dtype is {tensor._array.dtype}"
    else:
        reason = "none of the tensors it was made from does; set requires_grad=True on those"
    raise GraphError(f"a tensor of shape {tensor.shape} does not require grad: {reason}")


def _seed(output: Any, seed: Any) -> Any:
    """The cotangent to start from: 1 for a tensor of one entry, or what was given, checked."""
    if seed is None:
        array = output._array
        if array.size != 1:
            raise GraphError(
                f"backward() of a tensor of shape {output.shape} needs a gradient of that shape; or reduce it first, "
                "as in loss.mean().backward()"
            )
        one = np.array(1, array.dtype)  # np.ones takes four times as long
        return wrap(one.reshape(array.shape) if array.ndim else one)
    given: Any = seed if isinstance(seed, Recorded) else wrap(np.asarray(seed, dtype=output.dtype))
    if given.shape != output.shape:
        raise ShapeError(f"the gradient of a tensor of shape {output.shape} has that shape, not {given.shape}")
    return given.to(output.dtype)
