"""Values and gradients of every node of a graph, computed again without touching it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from autodiff.engine.checks import called_at, saved_arrays
from autodiff.engine.tape import Node, is_leaf
from autodiff.engine.versions import change_after
from autodiff.engine.walk import walk
from autodiff.errors import AutodiffError, GraphError
from autodiff.kernels.structural_zeros import no_doubt
from autodiff.tensors.tensor import Tensor

Array = np.ndarray[Any, Any]


class Step(NamedTuple):
    """One operation of the backward walk: the gradient of its result, and what it gives to each of its inputs."""

    node: Node
    incoming: Array
    outgoing: list[tuple[int, Node, Array]]  # which input, and its node


def values(order: Sequence[Node], outputs: Sequence[Tensor]) -> dict[Node, Array]:
    """The values of as many nodes as can be known, of ``order`` in the order of creation.

    An operation whose result nobody keeps is computed again from its inputs, unless one of these is not known either.
    """
    known: dict[Node, Array] = {tensor._node: tensor._array for tensor in outputs if tensor._node is not None}
    for node in order:
        owner = node.owner() if is_leaf(node) else None
        if owner is not None:
            known[node] = owner._array
        for source, kept in zip((node, *node.edges), node.saved or (), strict=False):
            if source is not None and isinstance(kept, np.ndarray) and change_after(node.number, kept) is None:
                known.setdefault(source, kept)
    for node in order:
        if node not in known and (inputs := _inputs(node, known)) is not None:
            try:
                # A copy each: an operation in place would write into what the program goes on with.
                known[node] = np.asarray(node.primitive.forward(*map(_own, inputs), **(node.params or {})))  # type: ignore[union-attr]
            except (AutodiffError, ValueError, TypeError, IndexError, NotImplementedError):
                continue  # a primitive that cannot be run by itself has no value to show
    return known


def operands_of(node: Node) -> list[Any]:
    """For each input what the node has of it: an array, a number, a node, or None if it keeps nothing."""
    kept = list(node.saved[1:] if node.saved else ())
    kept += [None] * (len(node.edges) - len(kept))
    number = getattr(node, "operand", None)
    if number is not None and node.edges.count(None) == 1:
        kept[node.edges.index(None)] = number
    return kept


def _own(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _inputs(node: Node, known: dict[Node, Array]) -> list[Any] | None:
    """The values an operation was applied to; None if one is not known, or was changed since."""
    if node.primitive is None:
        return None
    constants = operands_of(node)
    inputs = [known.get(edge) if edge is not None else value for edge, value in zip(node.edges, constants, strict=True)]
    for value in inputs:
        if value is None or (isinstance(value, np.ndarray) and change_after(node.number, value) is not None):
            return None
    return inputs


def saved_by(node: Node, known: dict[Node, Array]) -> tuple[Any, ...] | None:
    """What the VJPs of ``node`` read: as it was saved, or computed again; None if neither is possible."""
    if node.saved is not None:
        changed = any(change_after(node.number, array) is not None for array in saved_arrays(node))
        return None if changed else node.saved
    inputs = _inputs(node, known)
    return None if inputs is None or node not in known else (known[node], *inputs)


def steps(order: Sequence[Node], outputs: Sequence[Tensor], known: dict[Node, Array]) -> Iterator[Step]:
    """The steps of the backward walk from the sum of ``outputs``; nothing is freed, no hook runs.

    Raises GraphError where an output has several entries, or what an operation saved is gone.
    """
    cotangents: dict[Node, Array] = {}
    for tensor in outputs:
        if tensor._array.size != 1:
            raise GraphError(f"the gradient is that of one number, not of shape {tensor.shape}; reduce it first")
        if tensor._node is not None:
            cotangents[tensor._node] = np.ones(tensor.shape, tensor.dtype)
    incoming: dict[Node, Array] = dict(cotangents)
    outgoing: dict[Node, list[tuple[int, Node, Array]]] = {}

    def read(node: Node) -> tuple[Any, ...]:
        saved = saved_by(node, known)
        if saved is None:
            raise GraphError(
                f"what {called_at(node)}, saved was freed by an earlier backward pass, or changed; "
                "ask before backward(), or call backward(retain_graph=True)"
            )
        return saved

    def observe(node: Node, edge: Node, g: Array, c: Array) -> None:
        given = outgoing.setdefault(node, [])
        first = given[-1][0] + 1 if given else 0
        given.append((node.edges.index(edge, first), edge, c))
        incoming[node] = g

    try:
        incoming |= walk(cotangents, retain=True, read=read, observe=observe)
    finally:
        no_doubt()
    for node in reversed(order):
        if node in incoming:
            yield Step(node, incoming[node], outgoing.get(node, []))
