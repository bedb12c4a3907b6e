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
from autodiff.ops.deferred import Deferred, Rule, deferred, numbers, patient
from autodiff.ops.transcendental import exp, relu, sigmoid, tanh


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


def _patient(rule: Rule) -> Callable[..., Any]:
    """The rule's VJP, which may take and give what waits."""

    @wraps(rule.vjp)
    def vjp(g: Any, *arguments: Any) -> Any:
        if type(g) is Deferred or (type(g) is ndarray and g.size >= MANY):
            read = [arguments[i] for i in rule.reads]
            made = deferred(rule, g, *read, arguments=arguments)
            return rule.vjp(numbers(g), *arguments) if made is None else made
        return rule.vjp(g, *arguments)

    return vjp


SLOPES = {tanh: "tanh_back", sigmoid: "sigmoid_back", relu: "relu_back"}  # which have kernels


def take_kernels() -> None:
    """Let kernels make the forward passes, and VJPs, that NumPy makes in few calls."""
    for primitive in (add, subtract, multiply, divide, negative, square, exp, *SLOPES):
        if primitive is not exp and primitive not in SLOPES:  # which have one
            primitive.forward = _of_long(primitive.forward, 0)
        patient.add(primitive)
        for i, (vjp, keeps) in enumerate(zip(primitive.vjps, primitive.keeps, strict=True)):
            names = arguments_of(vjp)
            rule = Rule(vjp, [*map(names.index, keeps.split())], len(names), SLOPES.get(primitive, ""))
            primitive._vjps[i] = vjp if primitive is add else _patient(rule)  # add hands on what comes
