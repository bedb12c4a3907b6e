"""The tensors a graph was asked for."""

from __future__ import annotations

from collections.abc import Iterable

from autodiff.engine.tape import Node
from autodiff.errors import GraphError
from autodiff.tensors.tensor import Tensor
from autodiff.viz.errors import DrawingError

__all__ = ["nodes_of", "tensors_of"]


def tensors_of(output: Tensor | Iterable[Tensor], what: str) -> list[Tensor]:
    """One output or several, checked: each is a tensor with a history, or a leaf of one."""
    tensors = [output] if isinstance(output, Tensor) or not isinstance(output, Iterable) else list(output)
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise DrawingError(f"{what}: an output is a {type(tensor).__name__}, expected a tensor, or several")
        if tensor._node is None:
            raise GraphError(
                f"{what}: nothing was recorded of an output of shape {tensor.shape}; make it of tensors with "
                "requires_grad=True, outside no_grad()"
            )
    return tensors


def nodes_of(output: Tensor | Iterable[Tensor], what: str) -> list[Node]:
    """The nodes of one output or several."""
    return [tensor._node for tensor in tensors_of(output, what) if tensor._node is not None]
