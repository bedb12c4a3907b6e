"""Values: TensorBase, an array with a node; ``record`` makes the node and the tensor of a result."""

from __future__ import annotations

from sys import _getframe
from typing import Any, TypeVar

import numpy as np

from autodiff.engine.call_sites import calls, inside_library, place_of_user
from autodiff.engine.primitive import Primitive
from autodiff.engine.tape import Node
from autodiff.engine.value import Operand as Operand
from autodiff.engine.value import Value as Value
from autodiff.engine.versions import next_number

Array = np.ndarray[Any, Any]
C = TypeVar("C", bound="type[TensorBase]")
new = object.__new__
NO_OUT = (None,)  # saved of a primitive that keeps nothing: no out, and the nodes in place of the inputs


class TensorBase:
    """An array, and the node that says how it was computed.

    Attributes of the one class that users see, ``Tensor``: ``_array``; ``_node``, None outside the graph; ``_grad``;
    ``_untracked_because``, set only if it, or a tracked input, was cut off: what happened, where, and for a leaf the
    node that it had; ``_base``, set only for a view: (base, primitive, params, array of the base), where base is a
    weak reference if a tensor of the graph was viewed under ``no_grad``. Else the last two are None, or empty where
    ``record`` made it.
    """

    __slots__ = ("__weakref__", "_array", "_base", "_grad", "_node", "_untracked_because")

    _array: Array
    _node: Node | None
    _grad: Any
    _untracked_because: tuple[Any, ...] | None
    _base: tuple[Any, Primitive, dict[str, Any], Array] | None


_results: Any = TensorBase


def result_class(cls: C) -> C:
    """Class decorator: results of primitives are of this class from now on."""
    global _results
    _results = cls
    return cls


def wrap(array: Array, node: Node | None = None) -> Any:
    """A Tensor of ``array``, which is not copied, at ``node``."""
    tensor = new(_results)
    tensor._array = array
    tensor._node = node
    tensor._grad = tensor._base = tensor._untracked_because = None  # to ask an empty slot takes long
    return tensor


def record(
    primitive: Primitive, edges: Any, arrays: Any, key: int, params: dict[str, Any], out: Array, depth: int = 3
) -> Any:
    """The tensor of ``out`` at a new node, the record of one call of a primitive.

    Args:
        primitive: what was called.
        edges: for each input its node, or None.
        arrays: for each input its array, or a number.
        key: which inputs are tracked (see ``Primitive.plans``).
        params: the static parameters of the call.
        out: the value.
        depth: how many calls there are at least between here and the user's code, an operator and ``apply`` for one.
    """
    node = new(Node)  # plain stores, which are faster than an __init__
    node.primitive = primitive
    node.edges = edges
    # Tuples, which the garbage collector leaves alone once it has seen only arrays in them.
    node.saved = primitive.plans[key]((out, *arrays, None, *edges)) if primitive.saves else NO_OUT + edges
    node.params = params
    node.number = next_number()
    node.shape = out.shape
    node.dtype = out.dtype
    here = calls()
    node.scope = here.now
    place = here.place
    if place is None:
        frame = _getframe(depth)
        code = frame.f_code
        place = place_of_user(depth + 2) if inside_library[code.co_filename] else (code, frame.f_lasti)
    node.place = place
    tensor = new(_results)  # wrap(out, node), without another call
    tensor._array = out
    tensor._node = node
    tensor._grad = None
    return tensor
