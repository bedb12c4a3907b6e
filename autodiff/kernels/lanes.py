"""The choice between the two lanes: a kernel made for the shape where llvmlite is installed, and NumPy everywhere else.

Whoever computes decorates NumPy's function with ``faster``; nobody else knows that there are two. The routes are in
``kernels/llvm``, which is imported by the first call that could take one. ``AUTODIFF_LLVM=off`` turns all of it off.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from importlib.util import find_spec
from typing import Any, TypeVar

from autodiff.kernels.blas import are_deterministic_algorithms_enabled

F = TypeVar("F", bound=Callable[..., Any])

VARIABLE = "AUTODIFF_LLVM"  # "off": NumPy alone; "now": the first call of a shape compiles, and waits
_routes: dict[str, Callable[..., Any]] | None = None  # empty where the lane is off; None before it was looked for
_hurried: list[object] = []  # one for each block of ``settled``
_wanted = True
_waiting: list[Callable[[], None]] = []


def routes() -> dict[str, Callable[..., Any]]:
    """What kernels there are, by the names that ``faster`` was given; none where the lane is off."""
    global _routes
    if _routes is None:
        _routes = _found() if _wanted and os.environ.get(VARIABLE) != "off" else {}
    return _routes


@cache
def _found() -> dict[str, Callable[..., Any]]:
    if sys.platform == "win32" or find_spec("llvmlite") is None:  # nobody has tried it on Windows
        return {}
    from autodiff.kernels.llvm import ROUTES

    for function in _waiting:
        function()
    return ROUTES


def when_found(function: Callable[[], None]) -> None:
    """Have the function called when it turns out that there are kernels; what it prepares costs nothing till then."""
    _waiting.append(function)


def set_enabled(on: bool) -> None:
    """Let kernels be chosen, or NumPy compute everything."""
    global _routes, _wanted
    _routes, _wanted = None, on


@contextmanager
def settled() -> Iterator[None]:
    """In the block a kernel is made by the call that asks for it, which waits: so the same call gives the same bits."""
    me = object()
    try:  # an interrupt may come after each call
        _hurried.append(me)
        yield
    finally:
        if me in _hurried:
            _hurried.remove(me)


def is_hurried() -> bool:
    """Whether a kernel is made at once."""
    return bool(_hurried) or os.environ.get(VARIABLE) == "now" or are_deterministic_algorithms_enabled()


def routed(name: str, function: Callable[..., Any] | None, x: Any, *others: Any, **options: Any) -> Any:
    """What a kernel makes of the arguments of the route of this name; None where there is no kernel for them.

    The ``function`` is NumPy's way to the same, from the same arguments, with which a new kernel is compared; None
    where the caller does that.
    """
    if x.dtype.char == "f" and (found := routes() if _routes is None else _routes):
        return found[name](function, (x, *others), options)
    return None


def faster(
    name: str, opaque_from: int | None = None, elementwise: bool = False, takes_out: bool = False
) -> Callable[[F], F]:
    """Let the route of this name compute, where there is one and it gives a result; else the function.

    A route takes the same arguments, of which the first is an array of float32. What has so many numbers is
    one call for ``compile``, which cannot know whether there will be a kernel. Of an ``elementwise`` function it knows
    the route, and may make it in one pass with others; of one that ``takes_out``, that its last argument may be an
    array, without gaps, for the result.
    """

    def decorate(function: F) -> F:
        @wraps(function)
        def call(x: Any, *others: Any, **options: Any) -> Any:
            if _routes is not None and not _routes:  # the lane is off
                return function(x, *others, **options)
            if opaque_from and hasattr(x, "__once__") and x.size >= opaque_from and routes():
                return x.__once__(call, (x, *others), options)
            made = routed(name, function, x, *others, **options)
            return function(x, *others, **options) if made is None else made

        if elementwise:
            call.route = name  # type: ignore[attr-defined]
        call.takes_out = takes_out  # type: ignore[attr-defined]
        return call  # type: ignore[return-value]  # the wrapper takes what the function takes

    return decorate
