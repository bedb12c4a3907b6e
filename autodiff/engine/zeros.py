"""Structural zeros of a walk: the zeros of cotangents that are there because entries were not selected."""

from __future__ import annotations

from typing import Any

from autodiff.engine.tape import Node, reachable
from autodiff.kernels.structural_zeros import plain, settle


class StructuralZeros:
    """The nodes of one walk to which such zeros come; made when the walk first meets a cotangent that is not finite."""

    def __init__(self, cotangents: dict[Node, Any]) -> None:
        self._nodes: set[Node | None] = {node for node, g in cotangents.items() if not plain(g).all()}
        for node in reachable(cotangents, leaves=False):
            if node in self._nodes or (node.primitive is not None and node.primitive.selects) or _constants(node):
                self._nodes.update(node.edges)

    def settled(self, node: Node, vjp: Any, arguments: tuple[Any, ...], c: Any) -> Any:
        """The cotangent ``c`` that a VJP of ``node`` made, without the NaN that such zeros made at a pole."""
        constants, primitive = _constants(node), node.primitive
        if primitive is None or not primitive.vjps or not (constants or node in self._nodes):  # a Function runs once
            return c
        return settle(vjp, arguments, node.params, c, constants)


def _constants(node: Node) -> list[int]:
    """The positions among what VJPs take of arrays that are not tracked, such as a mask of zeros and ones."""
    if node.primitive is None or not node.primitive.saves or hasattr(node, "operand"):
        return []
    return [i for i, edge in enumerate(node.edges, 2) if edge is None]  # behind g and out
