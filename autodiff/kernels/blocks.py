"""Elementwise functions of long arrays, in parts: what they make on the way is small, and threads share it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import numpy as np

from autodiff.kernels.lanes import routed, routes
from autodiff.kernels.threads import WorkQueue, workers

BLOCK = 1 << 17  # numbers; on shorter ones the calls cost more than a second thread saves
LONG = 2 * BLOCK  # numbers from which on a second thread pays
MANY = 2 * LONG  # numbers from which on it pays for a few products of arrays


def by_blocks(function: Callable[..., Any], *arrays: Any) -> Any:
    """``function(*arrays)``, elementwise; of long arrays of one shape and dtype by blocks, of all else at once."""
    first = arrays[0]
    if not isinstance(first, np.ndarray) or first.size < LONG:
        return function(*arrays)
    if hasattr(first, "__once__") and workers() > 1:  # an array of ``compile``: the threads share each replay, too
        return first.__once__(partial(by_blocks, function), arrays, {})
    for x in arrays:
        if type(x) is not np.ndarray or x.shape != first.shape or not x.flags.c_contiguous:
            return function(*arrays)

    def fill(out: Any, *blocks: Any) -> None:
        out[...] = function(*blocks)

    return _filled(fill, *arrays)


def shared(function: Callable[..., Any], route: str = "") -> Callable[[Any], Any]:
    """``function(x)``, elementwise, with an ``out`` like that of NumPy's; threads share long arrays.

    With a ``route`` a kernel of that name may do it (see ``lanes``).
    """

    @wraps(function)
    def of(x: Any, to: Any = None) -> Any:
        if x.nbytes < LONG:
            return function(x)
        if type(x) is not np.ndarray:
            return x.__once__(of, (x,), {}) if _is_one_call(x, route) else function(x)
        if route and (made := routed(route, function, x)) is not None:
            return made
        if x.size < LONG or x.dtype.kind != "f" or not x.flags.c_contiguous:
            return function(x)
        return _filled(lambda out, x: function(x, out=out), x, to=to)

    of.route = route  # type: ignore[attr-defined]  # which ``compile`` may make in one pass with others
    of.shares = True  # type: ignore[attr-defined]  # and which gives ``to``, if threads share the call
    return of


def sloped(route: str, slope: Callable[[Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """The VJP ``g * slope(out)`` of an elementwise function; of long arrays by blocks, or by a kernel."""

    def plain(g: Any, out: Any) -> Any:
        return g * slope(out)

    def vjp(g: Any, out: Any, x: Any, to: Any = None) -> Any:
        if g.nbytes < LONG:
            return g * slope(out)
        if type(g) is not np.ndarray:
            return g.__once__(vjp, (g, out, None), {}) if _is_one_call(g, route) else g * slope(out)
        if (made := routed(route, plain, lone(g), out)) is not None:
            return made
        if g.size < MANY or not (g.flags.c_contiguous and out.flags.c_contiguous and g.dtype == out.dtype):
            return g * slope(out)
        return _filled(lambda block, g, out: np.multiply(g, slope(out), out=block), g, out, to=to)

    vjp.route = route  # type: ignore[attr-defined]
    vjp.shares = True  # type: ignore[attr-defined]
    return vjp


def lone(x: Any) -> Any:
    """One number, also stretched over an array, as one without axes, as kernels take it; others as they are."""
    return x if x.size > 1 and any(x.strides) else x[(0,) * x.ndim + (...,)]


def _is_one_call(x: Any, route: str) -> bool:
    """Whether a long array is one of ``compile`` that threads share, or that a kernel may take."""
    return hasattr(x, "__once__") and ((x.size >= LONG and workers() > 1) or bool(route and routes()))


def _filled(fill: Callable[..., Any], *arrays: Any, to: Any = None) -> Any:
    """``to``, or an array like the first: block by block what ``fill(block, *blocks)`` makes of the arrays."""
    out, flat = np.empty_like(arrays[0]) if to is None else to, [x.reshape(-1) for x in arrays]
    taken = out.reshape(-1)
    queue = WorkQueue(-(-out.size // BLOCK), parallel=True)

    def work() -> None:
        for turn in queue.tiles(1):
            block = slice(turn.start * BLOCK, turn.stop * BLOCK)
            fill(taken[block], *(x[block] for x in flat))

    queue.run(work, products=False)
    return out
