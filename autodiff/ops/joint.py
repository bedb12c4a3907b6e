"""Rows whose cotangents come out of one computation: it is done once in a walk, whichever inputs are tracked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

from autodiff.engine.primitive import Primitive

__all__ = ["Joint"]


class Joint(Primitive):
    """A row with one rule for the cotangents of all inputs, which share most of their work.

    >>> product = Joint("doctest_joint", lambda x, y: x * y, lambda g, out, x, y: (g * y, g * x), inputs=2, keeps="x y")
    >>> [vjp(1.0, None, 3.0, 5.0) for vjp, _ in zip(product.vjps, "xy")]
    [5.0, 3.0]

    Args:
        name, forward, floating, promotes: as for ``Primitive``.
        rule: ``rule(g, out, *inputs, **params)``, the cotangents of all inputs in their order, written as a VJP is.
        inputs: how many there are; the last ones may be optional.
        keeps: the arguments that the rule reads.
    """

    vjps: Any

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        rule: Callable[..., tuple[Any, ...]],
        inputs: int,
        keeps: str,
        floating: bool = False,
        promotes: bool = True,
    ) -> None:
        super().__init__(name, forward, *(rule,) * inputs, keeps=keeps, floating=floating, promotes=promotes)
        self.vjps = _Parts(rule)


class _Parts:
    """The VJPs of one walk over a node: the first that is called with a cotangent computes those of all inputs."""

    def __init__(self, rule: Callable[..., tuple[Any, ...]]) -> None:
        self._rule = rule

    def __iter__(self) -> Iterator[Callable[..., Any]]:
        last: Any = None
        found: tuple[Any, ...] = ()

        def part(i: int, g: Any, *arguments: Any, **params: Any) -> Any:
            nonlocal last, found
            if last is not g:
                last, found = g, self._rule(g, *arguments, **params)
            return found[i]

        return (partial(part, i) for i in count())
