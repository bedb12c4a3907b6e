"""Structural zeros of a walk: the zeros of cotangents that are there because entries were not selected."""

from __future__ import annotations

from typing import Any

from autodiff.engine.broadcasting import unbroadcast
from autodiff.engine.primitive import Primitive
from autodiff.engine.tape import Node, reachable
from autodiff.kernels.structural_zeros import generic, generic_cotangent, plain, settle


class StructuralZeros:
    """The nodes of one walk to which such zeros come; made when the walk first meets a cotangent that is not finite.

    A second walk, with random numbers in place of the values, tells which zeros a product with 0 made.
    """

    def __init__(self, cotangents: dict[Node, Any]) -> None:
        self._nodes: set[Node | None] = {node for node, g in cotangents.items() if not plain(g).all()}
        self._generic = {node: generic(g) for node, g in cotangents.items()}
        self._ahead: list[Any] = [node for node in reachable(cotangents, leaves=False) if node.primitive is not None]
        for node in self._ahead:
            if node in self._nodes or node.primitive.selects or _constants(node):
                self._nodes.update(node.edges)
        self._ahead.reverse()

    def settled(self, node: Any, vjp: Any, arguments: tuple[Any, ...], c: Any) -> Any:
        """The cotangent ``c`` that a VJP of ``node`` made, without the NaN that such zeros made at a pole.

        A primitive that selects has no pole, and the code of a Function, which has no VJPs, runs once.
        """
        constants = _constants(node)
        if not node.primitive.vjps or node.primitive.selects or not (constants or node in self._nodes):
            return c
        while self._ahead and self._ahead[-1].number > node.number:
            self._carry(self._ahead.pop())
        return settle(vjp, arguments, node.params, c, constants, self._generic.get(node, 0))

    def _carry(self, node: Any) -> None:
        """Carry the generic cotangent of ``node`` on; 0 stands for what cannot be known once values are freed."""
        g, primitive, saved = self._generic.pop(node, None), node.primitive, node.saved
        is_freed = saved is None and (primitive.selects or _constants(node))
        if g is None or is_freed or not (primitive.vjps or type(primitive) is Primitive):
            return
        for vjp, edge in zip(primitive.vjps_for(len(node.edges)), node.edges):  # noqa: B905  # as in the walk
            if edge is not None and edge.edges:
                inputs = [getattr(node, "operand", 1.0) if e is None else e for e in node.edges]
                c = generic_cotangent(vjp, g, saved, [node, *inputs], node.params, primitive.selects)
                if c is not None:
                    self._generic[edge] = self._generic.get(edge, 0) + unbroadcast(c, edge.shape)


def _constants(node: Any) -> list[int]:
    """The positions among what VJPs take of arrays that are not tracked, such as a mask of zeros and ones."""
    if not node.primitive.saves or hasattr(node, "operand"):
        return []
    return [i for i, edge in enumerate(node.edges, 2) if edge is None]  # behind g and out
