"""Structural zeros: a cotangent that is zero because its entry was not selected stays zero where a slope is infinite.

``where(x > 0, log(x), 0)`` sends the logarithm the cotangent 0 at x = 0, and 0 * inf is NaN. The walk would have to
look at every cotangent for NaN. It looks only when in doubt: once NumPy has reported an invalid operation, or below a
selection that may have left out a NaN.
"""

from __future__ import annotations

import math
from cmath import isfinite
from collections.abc import Callable, Iterator, Sequence
from threading import get_ident
from typing import Any

import numpy as np

from autodiff.kernels.arrays import as_array

Array = np.ndarray[Any, Any]
FINITE = (-0.7, 1.3)  # of two signs, so that a slope that jumps at 0 differs between them
INTERVALS = ((0.2, 0.8), (1.2, 1.8))  # between the poles of the functions that have some

UNKNOWN = np.array(math.nan)
vdot = np.vdot

in_doubt: set[int] = set()  # the threads whose walk is to look


def doubt(*_: Any) -> None:
    """Let the walk of this thread look for NaN in cotangents until it ends (``no_doubt``)."""
    in_doubt.add(get_ident())


def no_doubt() -> None:
    """Let this thread's walks look no more: the one that was in doubt is over."""
    in_doubt.discard(get_ident())


noting_nan = np.errstate(all="ignore", invalid="call", call=doubt)


@np.errstate(all="ignore")
def settle(
    vjp: Callable[..., Any],
    arguments: tuple[Any, ...],
    params: dict[str, Any],
    c: Any,
    constants: Sequence[int] = (),
    general: Any = 0,
) -> Any:
    """``c = vjp(*arguments, **params)``, finite where it does not depend on what made it infinite or NaN.

    A VJP is linear in its cotangent, the first argument. Where it gives one and the same number whatever finite value
    stands for the infinities and NaN among the others, that number is right: a row that was masked does not reach a
    product of matrices. Where it gives 0 whatever all the others are, 0 is right: the slope of ``log`` at 0 does not
    matter to a cotangent of 0. Of the ``constants`` among the arguments the zeros are certain, so that a mask stops
    an infinite cotangent. Zeros of the cotangent where the ``general`` one is not 0 are no structural ones.
    """
    open_ = ~np.isfinite(plain(c))
    floating = [i for i, value in enumerate(arguments) if plain(value).dtype.kind in "fc"]
    arrays = [plain(value) if i in floating else value for i, value in enumerate(arguments)]
    arrays[0] = np.where((arrays[0] == 0) & (general != 0), general, arrays[0])
    spoiled = {i: ~np.isfinite(arrays[i]) if i else np.isinf(arrays[i]) for i in floating if i or constants}
    if open_.any() and any(places.any() for places in spoiled.values()):
        first, second = (_tried(vjp, _replaced(arrays, spoiled, number), params) for number in FINITE)
        agreed = open_ & (first == second) & np.isfinite(first)
        if agreed.any():
            known = vjp(*_replaced(arguments, spoiled, FINITE[0]), **params)
            c, open_ = np.where(agreed, known, c), open_ & ~agreed
    for kept in (constants, ()) if constants else ((),):
        for low, high in INTERVALS:
            if open_.any():
                zero = open_
                for values in _draws(arrays, [i for i in floating[1:] if i not in kept], low, high, kept != ()):
                    zero = zero & as_array(_tried(vjp, values, params) == 0)
                c, open_ = np.where(zero, 0, c), open_ & ~zero
    return c


def _tried(vjp: Callable[..., Any], values: list[Any], params: dict[str, Any]) -> Any:
    """What a VJP makes of numbers that were made up, NaN where it does not take them."""
    try:
        return vjp(*values, **params)
    except Exception:  # a maximum that is no entry, a matrix without an inverse
        return UNKNOWN


def generic(g: Any) -> Array:
    """Random numbers where ``g`` is not 0."""
    return np.where(plain(g) == 0, 0, next(_draws([plain(g)], [0], *INTERVALS[0]))[0]).astype(plain(g).dtype)


@np.errstate(all="ignore")
def generic_cotangent(
    vjp: Callable[..., Any], g: Array, saved: Any, like: list[Any], params: dict[str, Any], selects: bool
) -> Array | None:
    """The cotangent for ``g`` with random numbers for values, which are ``like`` these nodes and numbers.

    A primitive that ``selects`` reads the values themselves, since they say what is selected.
    """
    values = list(like) if saved is None else [plain(v) if isinstance(v, np.ndarray) else v for v in saved]
    for i, node in enumerate(like):
        if hasattr(node, "edges") and not selects and node.dtype.kind in "fc":
            values[i] = next(_draws([np.zeros(node.shape, node.dtype)], [0], *INTERVALS[i % 2]))[0]
    c = _tried(vjp, [g, *values], params)
    return None if c is None or c is UNKNOWN else np.where(np.isfinite(c), c, 1).astype(c.dtype)


def non_finite(value: Any) -> bool:
    """Whether a floating or complex array or tensor has a NaN or an infinity in it."""
    if type(value) is np.ndarray:  # a finite sum of squares says no in one pass
        flat = value.ravel("K")  # no copy of what is only transposed
        if isfinite(vdot(flat, flat)):
            return False
    if value.dtype.kind not in "fc":
        return False
    if type(value) is not np.ndarray and hasattr(value, "__read__"):  # an array of ``compile``
        return bool(value.__read__(non_finite))
    array = plain(value)
    return not np.isfinite(array).all()


def plain(value: Any) -> Array:
    """The array of a tensor or a number; of anything else one that is not of numbers."""
    return as_array(value.detach().numpy() if hasattr(value, "__primitive__") else value)


def _replaced(values: Sequence[Any], spoiled: dict[int, Array], number: float) -> list[Any]:
    """``values`` with ``number`` in the places that are ``spoiled``; Python numbers stay such, and decide no dtype."""
    return [
        v if i not in spoiled or not spoiled[i].any() else number if isinstance(v, (float, int))
        else np.where(spoiled[i], number, v) for i, v in enumerate(values)
    ]  # fmt: skip


def _draws(
    arrays: list[Any], floating: list[int], low: float, high: float, signed: bool = False
) -> Iterator[list[Any]]:
    """``arrays`` twice, with random numbers of an interval in place of those at ``floating``, of their signs if asked.

    What a certain 0 stops may depend on a sign: 0**y for y < 0 is infinite, though 0 for y > 0.
    """
    rng: Any = np.random.default_rng(0)
    for _ in range(2):
        drawn = [rng.uniform(low, high, v.shape).astype(v.dtype) if i in floating else v for i, v in enumerate(arrays)]
        yield [np.where(arrays[i] < 0, -v, v) if signed and i in floating and v.dtype.kind == "f" else v
               for i, v in enumerate(drawn)]  # fmt: skip
