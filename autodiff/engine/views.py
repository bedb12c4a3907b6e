"""Views: tensors that share the memory of another tensor, and their history after a change in place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from autodiff.engine.hooks import NodeHooks
from autodiff.engine.primitive import Primitive
from autodiff.engine.tape import NO_PARAMS
from autodiff.engine.values import record
from autodiff.engine.versions import rewritten
from autodiff.errors import InPlaceError
from autodiff.kernels.layout import note
from autodiff.kernels.lending import owner_of


class View(NamedTuple):
    """The primitives, with their params, that lead from a tensor to a view of it."""

    steps: tuple[tuple[Primitive, dict[str, Any]], ...]

    def __call__(self, x: Any) -> Any:
        """What the view shows of ``x``."""
        for primitive, params in self.steps:
            x = primitive(x, **params)
        return x


def mark_view(result: Any, x: Any, base: Any, primitive: Primitive, params: dict[str, Any]) -> None:
    """Mark ``result`` as a view of ``base`` if it shares the memory of ``x``; of ``x``, unrecorded, if that is None."""
    memory = result._array.base
    if memory is not None and (
        memory is x._array or memory is x._array.base or owner_of(result._array) is owner_of(x._array)
    ):
        result._base = (ref(x) if base is None else base, primitive, params, x._array)
        note(result._array)


def origin(x: Any, recorded: bool = False) -> tuple[Any, View]:
    """The tensor that the chain of views ``x`` begins with, and the view from there; ``x`` itself if it is no view.

    Raises InPlaceError as ``check_shape``.
    """
    steps: list[Any] = []
    while getattr(x, "_base", None) and type(x._base[0]) is not ref:
        base, primitive, params, _ = x._base
        if owner_of(base._array) is not owner_of(x._array):  # its data have been replaced
            break
        check_shape(x, recorded)
        steps.append((primitive, params))
        x = base
    return x, View(tuple(reversed(steps)))


def is_secret(root: Any, tracked: bool) -> bool:
    """Whether a write to ``root``, the origin of views, is hidden from a tensor of the graph that it looks into.

    A write of ``tracked`` values is hidden from any tensor that it looks into unrecorded, while that tensor is alive.
    """
    if not (getattr(root, "_base", None) and type(root._base[0]) is ref) or (base := root._base[0]()) is None:
        return False
    whole = origin(base)[0]
    return tracked or whole._node is not None or is_secret(whole, tracked)


def node_of(x: Any) -> Any:
    """The node of a tensor now: that of a view may be out of date."""
    if rewritten:
        rerecord_view(x)
    return x._node


def rerecord_views(values: Iterable[Any]) -> None:
    """Re-record those of ``values`` that are views whose memory was changed in place."""
    for x in values:
        if getattr(x, "_base", None):
            rerecord_view(x)


def rerecord_view(x: Any) -> None:
    """Re-record a view whose memory was changed in place; other values are left as they are.

    Raises InPlaceError if the base was given another shape: the view no longer means anything.
    """
    if not (getattr(x, "_base", None) and id(owner_of(x._array)) in rewritten):
        return
    past, written = x._node, rewritten[id(owner_of(x._array))].number
    if past is not None and past.number > written:
        return  # up to date, or a leaf that was made so since
    base, view = origin(x)
    node = base._node
    is_lost = getattr(base, "_base", None) and type(base._base[0]) is not ref  # its base has other memory
    if is_lost and past is not None and (node is None or node.number < written):
        raise InPlaceError(
            f"a view of shape {x._array.shape} was made of a tensor that was changed in place and given other data "
            "since; make the view again"
        )
    if node is None or (node.primitive is None and node.number > written):  # outside the graph, or made a leaf since
        why = getattr(base, "_untracked_because", None) or ("was cut off", past.place if past is not None else None)
        if past is not None and past.edges and len(why) == 2:  # the base, no leaf, was taken out of the graph
            x._node, x._untracked_because = None, why
    elif node.primitive is not None:
        x._node = node_in_base(base, view)
        NodeHooks.carry_retained(past, x._node)


def node_in_base(base: Any, view: View) -> Any:
    """A new node of ``view(base)``: its gradient goes to the base, and past the hooks of views in between."""
    node, array = base._node, base._array
    for primitive, params in view.steps:
        out = np.asarray(primitive.forward(array, **params))
        node = record(primitive, (node,), (array,), 3, params, out, 1)._node
        array = out
    return node


def check_shape(view: Any, recorded: bool = False) -> None:
    """Raise InPlaceError if what a recorded view looks into was given another shape: it no longer means anything.

    ``recorded`` says that it will be, whether or not it is.
    """
    base, primitive, params, array = view._base
    recorded = recorded or base._node is not None or view._node is not None
    if recorded and base._array is not array and _place(base._array, primitive.forward, params) != _place(view._array):
        raise InPlaceError(
            f"a view of shape {view._array.shape} was made of a tensor that has been given another shape in place, "
            f"{base._array.shape}; make the view again"
        )


def _place(array: Any, view: Any = lambda x: x, params: Any = NO_PARAMS) -> Any:
    """Where the entries of a view of an array lie; None if it has no such view."""
    try:
        seen = view(array, **params)
    except (ValueError, IndexError):
        return None
    return (seen.ctypes.data, seen.shape, seen.strides) if isinstance(seen, np.ndarray) else None  # a number is no view
