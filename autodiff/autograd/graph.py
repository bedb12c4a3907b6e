"""``torch.autograd.graph``: nodes, and where PyTorch keeps what a backward pass needs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from autodiff.autograd.saved_tensors import disable_saved_tensors_hooks as disable_saved_tensors_hooks
from autodiff.autograd.saved_tensors import saved_tensors_hooks as saved_tensors_hooks
from autodiff.engine.tape import Node as Node
from autodiff.engine.values import TensorBase
from autodiff.engine.versions import changed
from autodiff.errors import GraphError
from autodiff.kinds import described, several


class GradientEdge(NamedTuple):
    """Where a gradient arrives: a node, and which of its outputs."""

    node: Any
    output_nr: int


def get_gradient_edge(tensor: Any) -> GradientEdge:
    """The node of ``tensor``; raises GraphError for one outside the graph.

    >>> import autodiff
    >>> get_gradient_edge(autodiff.ones(2, requires_grad=True) * 2).node.name()
    'multiply'
    """
    node = tensor._node if isinstance(tensor, TensorBase) else None
    if node is None:
        raise GraphError(f"get_gradient_edge takes a tensor that requires grad, not {described(tensor)}")
    return GradientEdge(node, 0)


@contextlib.contextmanager
def save_on_cpu(pin_memory: bool = False, device_type: str = "cuda") -> Iterator[None]:
    """A block as any other: everything is on the CPU."""
    yield


def increment_version(tensor: Any | Iterable[Any]) -> None:
    """Note that ``tensor``, or each of several, was changed in place behind the library's back.

    >>> import autodiff
    >>> x = autodiff.zeros(2)
    >>> before = x._version
    >>> increment_version(x)
    >>> x._version > before
    True
    """
    for x in several(tensor):
        changed(x._array)
