"""Rows of the table on long arrays: a kernel makes a rule's calls in one pass, which threads share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from autodiff.engine.first_use import arguments_of
from autodiff.engine.primitive import ndarray
from autodiff.kernels.blocks import MANY, lone
from autodiff.kernels.lanes import routed
from autodiff.ops.arithmetic import add, divide, multiply, negative, square, subtract
from autodiff.ops.transcendental import exp


def _applied(first: Any, rule: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return rule(*arguments)


def _of_long(rule: Callable[..., Any], *reads: int) -> Callable[..., Any]:
    """The rule, of whose arguments after the first it reads those at some places."""

    @wraps(rule)
    def call(x: Any, *others: Any) -> Any:
        if type(x) is ndarray and x.size >= MANY:
            read = [others[i] if i in reads else None for i in range(len(others))]
            given = lone(x) if any(type(y) is ndarray and y.shape == x.shape for y in read) else x
            if (made := routed("formula", _applied, x, rule, (given, *read))) is not None:
                return made
        return rule(x, *others)

    return call


def take_kernels() -> None:
    """Let kernels make the forward passes, and VJPs, that NumPy makes in few calls."""
    for primitive in (add, subtract, multiply, divide, negative, square, exp):
        if primitive is not exp:  # which has one
            primitive.forward = _of_long(primitive.forward, 0)
        for i, (vjp, keeps) in enumerate(zip(primitive.vjps, primitive.keeps, strict=True)):
            primitive._vjps[i] = _of_long(vjp, *map(arguments_of(vjp).index, keeps.split()))
