"""What the backward pass reads, checked: was it freed, was it changed in place, is it finite."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.call_sites import file_and_line, line_of, place_of_user, source_of
from autodiff.engine.primitive import Primitive
from autodiff.engine.tape import Node, Recompute
from autodiff.engine.versions import change_after, last_change
from autodiff.errors import GraphError, InPlaceError, NonFiniteError
from autodiff.kernels.lending import as_lent, copies
from autodiff.kernels.structural_zeros import non_finite
from autodiff.kinds import describe


def saved_or_raise(node: Node) -> tuple[Any, ...]:
    """The saved values of ``node``.

    Raises GraphError if they were freed, InPlaceError if they were changed in place.
    """
    recompute: Recompute | None = getattr(node, "recompute", None)
    if node.saved is None and recompute is not None:
        recompute.restore(node)
    number = node.number if recompute is None else recompute.number
    if (saved := node.saved) is None:
        raise GraphError(
            f"the graph behind {called_at(node)}, was freed by an earlier backward pass; "
            "call the earlier one with retain_graph=True, or detach() what is carried over, as in h = h.detach()"
        )
    if copies:
        saved = _take_copies(node)
    for array in saved_arrays(node) if number < last_change() else ():
        change = change_after(number, array)
        if change is not None and array is saved[0] and _has_inputs(node):
            saved = (node.primitive.forward(*saved[1:], **node.params), *saved[1:])  # type: ignore[union-attr]
        elif change is not None:
            raise InPlaceError(
                f"an array of shape {array.shape} that the backward pass of {called_at(node)}, "
                f"needs was changed in place{change.by} at {line_of(change.place)}; {change.repair}"
            )
    return saved


def _take_copies(node: Node) -> tuple[Any, ...]:
    """Give ``node`` the copies of what it was lent and was overwritten since."""
    node.saved = as_lent(node.saved or ())
    node.params = dict(zip(node.params, as_lent(tuple(node.params.values())), strict=True))
    return node.saved


def _has_inputs(node: Node) -> bool:
    """Whether what ``node`` saved is enough to compute its value anew, as that of a maximum that relu overwrote."""
    saved, primitive = node.saved or (), node.primitive
    has_all = all(isinstance(x, (np.ndarray, float, int, complex)) for x in saved[1:])
    return has_all and bool(primitive and primitive.vjps)


def saved_arrays(node: Node) -> list[np.ndarray[Any, Any]]:
    """The arrays that the VJPs of ``node`` read: what it saved, and the indices and masks among its parameters."""
    values = (*(node.saved or ()), *node.params.values())
    return [x for part in values for x in (part if isinstance(part, tuple) else (part,)) if isinstance(x, np.ndarray)]


def take_fingerprints(node: Node) -> None:
    """Write down at ``node`` fingerprints of what its VJPs read, for ``compare_fingerprints`` (``detect_anomaly``)."""
    node.fingerprints = _fingerprints(node)


def compare_fingerprints(node: Node) -> None:
    """Raise InPlaceError where what the VJPs of ``node`` read is not what it was when its fingerprints were taken."""
    if copies and node.saved is not None:
        _take_copies(node)
    if hasattr(node, "fingerprints") and node.fingerprints != _fingerprints(node):
        raise InPlaceError(
            f"an array that the backward pass of {called_at(node)}, needs was changed behind the "
            "graph's back, through NumPy; change a copy() of it, or after backward()"
        )


def _fingerprints(node: Node) -> list[int]:
    return [hash(array.tobytes()) for array in saved_arrays(node)]


def non_finite_result(primitive: Primitive, arrays: Any, out: np.ndarray[Any, Any]) -> NonFiniteError:
    """The error of a forward pass whose result is not finite, to be raised."""
    place = place_of_user()
    return NonFiniteError(
        f"{primitive.name}, called at {line_of(place)} ({source_of(place)}), is the first operation whose result is "
        f"not finite: {describe(out)}; its inputs: {'; '.join(describe(a) for a in arrays)}",
        primitive.name,
        *file_and_line(place),
    )


def check_cotangent(node: Node, edge: Node, g: Any, c: Any) -> None:
    """Raise NonFiniteError where ``node`` made of ``g`` a cotangent ``c`` for its input ``edge`` that is not finite."""
    if c is not g and non_finite(c):
        raise NonFiniteError(
            f"the backward pass of {called_at(node)}, gave its input {edge.name()} a gradient that "
            f"is not finite: {describe(c)}, from a gradient of {describe(g)}",
            node.name(),
            *file_and_line(node.place),
        )


def called_at(node: Node) -> str:
    """The operation of ``node`` and where the user's code called it, as errors name them."""
    source = source_of(node.place)
    return f"{node.name()}, called at {node.where}" + (f" ({source})" if source else "")
