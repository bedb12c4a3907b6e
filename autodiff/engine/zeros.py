"""Structural zeros of a walk: the zeros of cotangents that are there because entries were not selected."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.tape import Node, reachable
from autodiff.kernels.structural_zeros import plain, settle


class StructuralZeros:
    """The nodes of one walk to which such zeros come; made when the walk first meets a cotangent that is not finite."""

    def __init__(self, cotangents: dict[Node, Any]) -> None:
        self._nodes = {node for node, g in cotangents.items() if not plain(g).all()}
        for node in reachable(cotangents, leaves=False):
            primitive: Any = node.primitive
            has_mask = None in node.edges and primitive.saves and not hasattr(node, "operand")  # or another constant
            if node in self._nodes or primitive.selects or has_mask:
                self._nodes.update(node.edges)

    def settled(self, node: Node, vjp: Any, arguments: tuple[Any, ...], c: Any) -> Any:
        """The cotangent ``c`` that a VJP of ``node`` made, without the NaN that such zeros made at a pole."""
        if node not in self._nodes or not node.primitive.vjps:
            return c
        return settle(vjp, arguments, node.params, c)
