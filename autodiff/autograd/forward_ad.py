"""``torch.autograd.forward_ad``: dual tensors, whose tangents go along with the operations.

A tangent is computed when it is asked for, by two passes back along the tape: the first is linear in its cotangent, and
the second differentiates it by that. So operations on dual tensors have to be recorded, and no tangent comes out of
``no_grad``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from autodiff.autograd.gradients import grad
from autodiff.engine import modes
from autodiff.engine.tape import is_leaf, reachable
from autodiff.engine.values import wrap
from autodiff.errors import DtypeError, GraphError, ShapeError
from autodiff.kinds import described
from autodiff.tensors.creation import zeros_like
from autodiff.tensors.tensor import Tensor

_levels: list[list[tuple[Any, Any]]] = []  # the dual tensors of each level, with their tangents


class UnpackedDualTensor(NamedTuple):
    """A value, and its tangent, None where it has none."""

    primal: Any
    tangent: Any


def enter_dual_level() -> int:
    """Begin a level; ``exit_dual_level`` ends it."""
    if _levels:
        raise GraphError("there is one level of dual tensors at a time; func.jvp of a jvp goes further")
    _levels.append([])
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level; raises GraphError where none has begun."""
    if not _levels:
        raise GraphError("exit_dual_level: no level has begun")
    _levels.pop()


@contextlib.contextmanager
def dual_level() -> Iterator[int]:
    """A block in which there are dual tensors.

    >>> import autodiff
    >>> with dual_level():
    ...     x = make_dual(autodiff.tensor(2.0), autodiff.tensor(1.0))
    ...     unpack_dual(x**3)
    UnpackedDualTensor(primal=tensor(8.), tangent=tensor(12.))
    """
    level = enter_dual_level()
    try:
        yield level
    finally:
        exit_dual_level()


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> Any:
    """``tensor`` with a tangent.

    Raises:
        GraphError: no level has begun.
        DtypeError: these are no floating or complex tensors of one dtype.
        ShapeError: they have different shapes.
    """
    if not _levels:
        raise GraphError("make_dual is called inside of `with forward_ad.dual_level():`")
    for x in (tensor, tangent):
        dtype = x.dtype if isinstance(x, Tensor) else None
        if dtype is None or dtype.kind not in "fc" or dtype != tensor.dtype:
            raise DtypeError(f"make_dual takes two floating tensors of one dtype, not {described(x)}")
    if tensor.shape != tangent.shape:
        raise ShapeError(f"a tangent has the shape {tuple(tensor.shape)} of its tensor, not {tuple(tangent.shape)}")
    with modes.enable_grad():
        dual: Any = tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()
    _levels[-1].append((dual, tangent))
    return dual


def unpack_dual(tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
    """The value of ``tensor``, and its tangent: the derivative along those of the dual tensors it was made from.

    Raises GraphError where no level has begun.
    """
    if not _levels:
        raise GraphError("unpack_dual is called inside of `with forward_ad.dual_level():`")
    if tensor._node is None:
        return UnpackedDualTensor(tensor, None)
    behind = set(reachable([tensor._node]))
    pairs = [(x, v) for x, v in _levels[-1] if x._node in behind]
    if not pairs:
        return UnpackedDualTensor(tensor, None)
    duals = {x._node for x, _ in pairs}
    tracked = any(is_leaf(node) and node not in duals for node in behind) or any(v.requires_grad for _, v in pairs)
    tangent = _tangent(tensor, pairs, tracked)
    return UnpackedDualTensor(tensor if tracked else tensor.detach(), tangent)


def _tangent(y: Any, pairs: list[tuple[Any, Any]], record: bool) -> Any:
    # An irregular cotangent: primitives may treat one that is zero, or cancels, as that of a branch not taken.
    point = np.cos(1.0 + np.arange(y.numel())).reshape(y.shape).astype(y.dtype)
    cotangent: Any = wrap(point).requires_grad_()
    pulled = grad(y, [x for x, _ in pairs], cotangent, create_graph=True, materialize_grads=True)
    linear = [(g, v) for g, (_, v) in zip(pulled, pairs, strict=True) if g.requires_grad]
    if not linear:
        return zeros_like(y)
    given = [v for _, v in linear]
    (tangent,) = grad(
        [g for g, _ in linear], cotangent, given, retain_graph=True, create_graph=record, materialize_grads=True
    )
    return tangent
