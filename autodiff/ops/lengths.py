"""The slope of a length: the norm of a vector is not smooth at the origin, though many functions of it are.

For F(x) = f(n) with n = |x| and g = f'(n) the gradient is g x / n. Where g is 0 at the origin, the gradient has a
derivative there, f''(0) times the identity: the limit of g / n is dg/dn. The numbers g = 0 and n = 0 do not tell it,
but the recorded graph of g does.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.engine.tape import Node, reachable
from autodiff.engine.values import TensorBase, wrap
from autodiff.engine.walk import walk
from autodiff.kernels.arrays import as_array
from autodiff.ops.arrays import detached

# Behind these, which have no kinks, a cotangent may vanish, as that of a side that is not taken does.
MULTIPLES = ("gate", "negative", "multiply", "divide", "reciprocal", "reshape", "sum", "broadcast_to")
LENGTHS = ("absolute", "hypot", "norm", "pnorm")


def _parts(g: Any, out: Any, limit: Any) -> tuple[Any, Any, Any]:
    """The limit, a factor and a divisor: 1 and out but at the origin, where the divisor is 1.

    The factor is 0 there where there is a limit, since what it is for cancels, and else NaN.
    """
    origin = as_array(detached(out) == 0)
    if limit is None:
        limit = np.where(origin & as_array(detached(g) != 0), math.nan, 0).astype(out.dtype)
    factor = np.where(origin, np.where(np.isnan(detached(limit)), math.nan, 0), 1).astype(out.dtype)
    return limit, factor, out + origin.astype(out.dtype)


def _per_length(g: Any, x: Any, out: Any, limit: Any = None) -> Any:
    """``g x / out``, where g / out, two small arrays often, may leave the dtype's range though the whole does not."""
    whole = np.where(out == 0, 1, out)
    try:
        with np.errstate(over="raise", under="raise"):
            return x * (g / whole)
    except FloatingPointError:
        return g * (x / whole)


def _to_g(v: Any, c: Any, g: Any, x: Any, out: Any, limit: Any = None) -> Any:
    _, factor, whole = _parts(g, out, limit)
    return v * (x / whole) * factor


def _to_x(v: Any, c: Any, g: Any, x: Any, out: Any, limit: Any = None) -> Any:
    limit, factor, whole = _parts(g, out, limit)
    return v * (g / whole * factor + limit)


def _to_out(v: Any, c: Any, g: Any, x: Any, out: Any, limit: Any = None) -> Any:
    _, factor, whole = _parts(g, out, limit)
    return -v * (x / whole) * (g / whole) * factor


# g x / out for an entry x of a vector of length out. At the origin every slope between -1 and 1 is right; 0 is the one
# in the middle. The slope jumps there, so that it has no derivative: NaN, unless g / out has a limit, which is given
# for the origin and is 0 elsewhere.
per_length = Primitive("per_length", _per_length, _to_g, _to_x, _to_out,
                       lambda v, c, g, x, out, limit=None: v * x * as_array(detached(out) == 0).astype(x.dtype),
                       keeps=("g x out limit", "g out limit", "g x out limit", "x out"))


def without_derivative(x: Any, where: Any) -> Any:
    """What is 0, and has in the places ``where`` no derivative by ``x``, of any order: NaN."""
    return kink(x, where=np.broadcast_to(as_array(where), x.shape))


def _kink_x(g: Any, out: Any, x: Any, where: Any) -> Any:
    """NaN where the cotangent is not 0, so that something depends on the derivative, which has none of its own."""
    unknown = g * np.where(where, math.nan, 0).astype(x.dtype)
    return np.where(np.isnan(unknown) & (g == 0), 0, unknown) + g * kink(x, where=where)


# What is 0, with a derivative that nobody knows.
kink = Primitive("kink", lambda x, where: np.zeros(x.shape, x.dtype), _kink_x, keeps="x")


def node_given(x: Any) -> Any:
    """The node of what a VJP was given: of a Tensor, or in place of a value that is not kept; None of an array."""
    return x if isinstance(x, Node) else getattr(x, "_node", None)


def limit_at_origin(g: Any, given: Any, out: Any, alone: bool = True) -> Any:
    """The limit of g / out where out is 0, NaN where there is none, and 0 elsewhere; None if out is nowhere 0.

    There is a limit, dg/dout, where g is 0 for every value of all else that it depends on.

    Args:
        g: the cotangent of ``out``. An array, of a walk that is not recorded, needs no limit: None.
        given: what the VJP was given as ``out``, a Tensor or a node.
        out: lengths, or what is 0 where they are.
        alone: whether the slope has no derivative by anything else, either, where there is no limit, and the limit none
            by ``out``, where it is not dg/dout.
    """
    if not isinstance(g, TensorBase) or (end := node_given(given)) is None:
        return None
    origin = as_array(detached(out) == 0)
    if not origin.any():
        return None
    cotangents = as_array(detached(g))
    dtype = cotangents.dtype
    smooth = origin & (cotangents == 0)
    limit: Any = np.zeros(origin.shape, dtype)
    if g._node is not None and smooth.any():
        path = path_between(g._node, end)
        if not _is_diagonal(smooth, g, end, path, alone):
            smooth = np.zeros_like(smooth)
        elif path:
            seed = wrap(smooth.astype(dtype))
            limit = walk({g._node: seed}, {end}, True, wrap, observe=lambda *_: None)[end]
            if alone and limit._node is not None and end in reachable((limit._node,), since=end.number - 1):
                limit = detached(limit) + without_derivative(limit, True)
    return np.where(smooth, limit, np.where(origin, math.nan, 0).astype(dtype))


def path_between(start: Node, end: Node) -> set[Node]:
    """The nodes through which ``start`` depends on ``end``, which is not among them."""
    path: set[Node] = {end}
    for node in reversed(reachable((start,), since=end.number)):
        if not path.isdisjoint(node.edges):
            path.add(node)
    return path - {end} if start in path else set()


def with_what_meets_it(path: set[Node], start: Node, end: Node, only: tuple[str, ...] = ()) -> set[Node]:
    """``path`` and what else leads to it, by ``only`` these primitives, or through more than one entry; no leaves."""
    wider = path | {start}
    stack = list(wider)
    while stack:
        for edge in stack.pop().edges:
            if edge is None or edge in wider or edge is end or not edge.edges:
                continue
            if edge.name() in only if only else math.prod(edge.shape) > 1:
                wider.add(edge)
                stack.append(edge)
    return wider


def response(start: Node, end: Node, path: set[Node], seed: Any) -> tuple[Any, dict[Node, float]]:
    """What a walk with the cotangent ``seed`` of ``start`` brings to ``end``, and to nodes beside ``path``, at most."""
    beside: dict[Node, float] = {} if start.edges else {start: float(np.abs(seed).max())}

    def observe(node: Node, edge: Node, _: Any, c: Any) -> None:
        if (node in path or node is start) and edge not in path and edge is not end:
            beside[edge] = float(np.maximum(beside.get(edge, 0.0), np.abs(c).max(initial=0.0)))  # NaN stays

    others = {edge for node in path | {start} for edge in node.edges if edge is not None} - path
    found = walk({start: seed}, {end} | others, True, observe=observe)
    return as_array(found.get(end, np.zeros(end.shape, end.dtype))), beside


def _is_diagonal(smooth: Any, g: Any, end: Node, path: set[Node], alone: bool) -> bool:
    """Whether g, where it is ``smooth``, changes with the same entry of the value of ``end`` alone.

    One walk gives the sums of the columns of dg/dout; with weights, which are powers of 2 and change no digit, it must
    give the same sums, weighted. What leads from the path to other nodes must be 0, if ``alone``, or else to other
    lengths that were made from what ``end`` was made from.
    """
    weights = 2.0 ** (np.arange(smooth.size) * 3 % 7).reshape(smooth.shape)
    wider = with_what_meets_it(path, g._node, end, MULTIPLES)
    sums, _ = response(g._node, end, wider, as_array(smooth, g.dtype))
    weighted, beside = response(g._node, end, wider, as_array(weights * smooth, g.dtype))
    if not np.array_equal(weights * sums, weighted):
        return False
    others = [node for node, size in beside.items() if size != 0]
    if alone or not others:
        return not others
    sources, origins = set(reachable(others)), set(reachable((end,)))
    return sources.isdisjoint(origins) or not any(node.name() in LENGTHS for node in sources - origins)


def _to_side(g: Any, given: Any, side: Any, out: Any) -> Any:
    limit = limit_at_origin(g, given, out)
    return per_length(g, side, out) if limit is None else per_length(g, side, out, limit)


def _absolute_x(g: Any, out: Any, x: Any) -> Any:
    """The slope is -1, 0 or 1, and 0 of NaN, as PyTorch's, for which ``np.sign`` is NaN.

    The slope of the slope is 0, at 0 too, but for a function of the size that has one, such as its square; NaN where
    it is infinite.
    """
    if x.dtype.kind == "c":
        return _to_side(g, out, np.conj(x), np.absolute(x))
    slope = g * np.subtract(as_array(x > 0), as_array(x < 0), dtype=x.dtype)
    limit = limit_at_origin(g, out, x, alone=False)
    if limit is None:
        return slope
    none = ~np.isfinite(detached(limit))
    return slope + x * np.where(none, 0, limit) + without_derivative(x, none & as_array(detached(g) == 0))


hypot = Primitive("hypot", np.hypot, lambda g, out, x, y: _to_side(g, out, x, out),
                                     lambda g, out, x, y: _to_side(g, out, y, out),
                  keeps=("out x", "out y"), floating=True, real=True)

absolute = Primitive("absolute", np.absolute, _absolute_x, keeps="x")
