"""Primitives whose cotangents come out of one computation: it is done once for each visit of a node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import is_
from typing import Any

from autodiff.engine.primitive import Primitive


class Joint(Primitive):
    """A primitive with one rule for the cotangents of all inputs, which share most of their work.

    >>> product = Joint("doctest_joint", lambda x, y: x * y, lambda g, out, x, y: (g * y, g * x), inputs=2, keeps="x y")
    >>> [vjp(1.0, None, 3.0, 5.0) for vjp in product.vjps_for(2)]
    [5.0, 3.0]

    Args:
        name, forward, floating, promotes, real, lends: as for ``Primitive``.
        rule: ``rule(g, out, *inputs, **params)``, the cotangents of all inputs in their order, written as a VJP is.
        inputs: how many there are; the last ones may be optional.
        keeps: the arguments that the rule reads.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        rule: Callable[..., tuple[Any, ...]],
        inputs: int,
        keeps: str,
        floating: bool = False,
        promotes: bool | str = True,
        real: bool = False,
        lends: str = "",
    ) -> None:
        rules = (rule,) * inputs
        super().__init__(
            name, forward, *rules, keeps=keeps, floating=floating, promotes=promotes, real=real, lends=lends
        )
        self.fixed_vjps, self.rule_of_all = [], rule

    def vjps_for(self, count: int) -> Sequence[Callable[..., Any]]:
        """The VJPs for one visit of a node: the first that is called computes the cotangents of all inputs."""
        given: tuple[Any, ...]
        found: tuple[Any, ...]
        given, found = (), ()

        def part(i: int, *arguments: Any, **params: Any) -> Any:
            nonlocal given, found
            if not found or not all(map(is_, given, arguments)):
                run = getattr(arguments[0], "__run__", None)  # of an array of ``compile``
                rule = self.rule_of_all
                given, found = arguments, run(rule, arguments, params) if run else rule(*arguments, **params)
            return found[i]

        return [partial(part, i) for i in range(count)]
