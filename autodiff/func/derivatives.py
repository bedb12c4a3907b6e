"""Gradients of functions, and products of a vector with a Jacobian from either side."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar, overload

import numpy as np

from autodiff.engine import modes
from autodiff.engine.backward import gradients
from autodiff.engine.values import wrap
from autodiff.errors import ShapeError
from autodiff.func.trace import Argnums, Trace, fitting, helpers
from autodiff.func.trees import unflatten
from autodiff.tensors.creation import zeros_like
from autodiff.tensors.tensor import Tensor

__all__ = ["grad", "grad_and_value", "jvp", "linearize", "value_and_grad", "vjp"]

# What is made of a function has its parameters. A gradient is Any: it has the structure of one of them, and a type that
# picked it out would not let checkers of types read a lambda.
P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A")  # what is returned beside the output


@overload
def grad(
    func: Callable[P, tuple[Any, A]], argnums: Argnums = 0, *, has_aux: Literal[True]
) -> Callable[P, tuple[Any, A]]: ...
@overload
def grad(func: Callable[P, Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[P, Any]: ...
def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that gives the gradient of ``func``, which returns one number, by its arguments ``argnums``.

    The gradient has the structure of the argument; of several arguments there is a tuple. It is an array where the
    argument is one, and a tensor otherwise. With ``has_aux`` the function returns ``(output, aux)`` and its gradient
    ``(gradient, aux)``.

    >>> import numpy as np
    >>> slope = grad(lambda x: np.sin(x) * x)
    >>> slope(np.array([0.0, 1.0])[0]), grad(slope)(np.float64(0.0))
    (np.float64(0.0), np.float64(2.0))

    Raises:
        ShapeError: the output is not one number.
        DtypeError: an argument is not floating, or the output is not a tensor.
    """

    @wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        trace, slopes = _gradient(func, args, kwargs, argnums, has_aux)
        return (slopes, trace.aux) if has_aux else slopes

    return gradient


@overload
def grad_and_value(
    func: Callable[P, tuple[R, A]], argnums: Argnums = 0, *, has_aux: Literal[True]
) -> Callable[P, tuple[Any, tuple[R, A]]]: ...
@overload
def grad_and_value(func: Callable[P, R], argnums: Argnums = 0, has_aux: bool = False) -> Callable[P, tuple[Any, R]]: ...
def grad_and_value(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """``grad`` that returns ``(gradient, value)``, or ``(gradient, (value, aux))``.

    Raises ShapeError where ``func`` does not return one number.

    >>> from autodiff import tensor
    >>> grad_and_value(lambda x: x**2)(tensor(3.0))
    (tensor(6.), tensor(9.))
    """

    @wraps(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        trace, slopes = _gradient(func, args, kwargs, argnums, has_aux)
        return slopes, (trace.output, trace.aux) if has_aux else trace.output

    return both


@overload
def value_and_grad(
    func: Callable[P, tuple[R, A]], argnums: Argnums = 0, *, has_aux: Literal[True]
) -> Callable[P, tuple[tuple[R, A], Any]]: ...
@overload
def value_and_grad(func: Callable[P, R], argnums: Argnums = 0, has_aux: bool = False) -> Callable[P, tuple[R, Any]]: ...
def value_and_grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """``grad_and_value`` in the other order, that of its name.

    >>> from autodiff import tensor
    >>> value_and_grad(lambda x: x**2)(tensor(3.0))
    (tensor(9.), tensor(6.))
    """
    both = grad_and_value(func, argnums, has_aux)

    @wraps(func)
    def turned(*args: Any, **kwargs: Any) -> Any:
        slopes, value = both(*args, **kwargs)
        return value, slopes

    return turned


def _gradient(func: Any, args: Any, kwargs: Any, argnums: Argnums, has_aux: bool) -> tuple[Trace, Any]:
    trace = Trace(func, args, kwargs, argnums, has_aux)
    if len(trace.outputs) != 1 or trace.outputs[0].shape != ():
        shapes = [y.shape for y in trace.outputs]
        raise ShapeError(f"grad takes a function that returns one number, not shapes {shapes}; jacrev takes any")
    slopes = trace.pull([wrap(np.ones((), trace.outputs[0].dtype))])
    return trace, trace.in_structure(slopes)


@overload
def vjp(
    func: Callable[..., R], *primals: Tensor, has_aux: Literal[False] = False
) -> tuple[R, Callable[[Any], tuple[Tensor, ...]]]: ...
@overload
def vjp(
    func: Callable[..., R], *primals: Any, has_aux: Literal[False] = False
) -> tuple[R, Callable[[Any], tuple[Any, ...]]]: ...
@overload
def vjp(
    func: Callable[..., tuple[R, A]], *primals: Any, has_aux: Literal[True]
) -> tuple[R, Callable[[Any], tuple[Any, ...]], A]: ...
def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of ``func`` at ``primals``, and the function from its cotangents to those of the primals.

    Law: ``pull(v)`` is ``v @ J`` for the Jacobian J; it can be called again and again, and gives a tuple, one entry for
    each primal.

    >>> from autodiff import tensor
    >>> value, pull = vjp(lambda x, y: x * y, tensor(2.0), tensor(3.0))
    >>> value, pull(tensor(1.0))
    (tensor(6.), (tensor(3.), tensor(2.)))
    """
    trace = Trace(func, primals, has_aux=has_aux)

    def pull(cotangents: Any) -> Any:
        return trace.in_structure(trace.pull(fitting(cotangents, trace.outputs, "the cotangents")))

    return (trace.output, pull, trace.aux) if has_aux else (trace.output, pull)


def linearize(func: Callable[..., R], *primals: Any) -> tuple[R, Callable[..., R]]:
    """The value of ``func`` at ``primals``, and the function from tangents of them to that of the value.

    Law: ``push(*v)`` is ``J @ v``, exact: the pullback is linear in its cotangent, and its derivative by that is J.

    Reference: Griewank and Walther (2008), Evaluating Derivatives, section 3; the trick is Jamie Townsend's (2017).

    >>> from autodiff import tensor
    >>> value, slope = linearize(lambda x: x**2, tensor(3.0))
    >>> value, slope(tensor(1.0))
    (tensor(9.), tensor(6.))
    """
    trace = Trace(func, primals)
    push = push_of(trace)
    return trace.output, lambda *tangents: trace.presented(push(*tangents))


def push_of(trace: Trace) -> Callable[..., Any]:
    """The function from tangents of the variables of ``trace`` to those of its outputs."""
    # An irregular cotangent: primitives may treat one that is zero, or cancels, as that of a branch not taken.
    points = [wrap(np.cos(1.0 + np.arange(y.numel())).reshape(y.shape).astype(y.dtype)) for y in trace.outputs]
    cotangents = [x.requires_grad_() for x in points]
    helpers.update([x._node for x in cotangents])
    with modes.enable_grad():
        pulled = trace.pull(cotangents, record=True)

    def push(*tangents: Any) -> Any:
        given = fitting(tangents, trace.variables, "the tangents")
        record = modes.current().recording and (trace.connected or any(v.requires_grad for v in given))
        pairs = [(g, v) for g, v in zip(pulled, given, strict=True) if g._node is not None]
        found: dict[Any, Any] = {}
        if pairs:
            found = gradients([g for g, _ in pairs], [v for _, v in pairs], cotangents, True, record)
        results = [found.get(u._node) for u in cotangents]
        return unflatten(
            trace.shape_of_output,
            [zeros_like(y) if t is None else t for t, y in zip(results, trace.outputs, strict=True)],
        )

    return push


@overload
def jvp(
    func: Callable[..., R], primals: Any, tangents: Any, *, strict: bool = False, has_aux: Literal[False] = False
) -> tuple[R, R]: ...
@overload
def jvp(
    func: Callable[..., tuple[R, A]], primals: Any, tangents: Any, *, strict: bool = False, has_aux: Literal[True]
) -> tuple[R, R, A]: ...
def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> tuple[Any, ...]:
    """The value of ``func`` at ``primals``, and its derivative along ``tangents``: ``J @ v``.

    >>> from autodiff import tensor
    >>> jvp(lambda x: x**3, (tensor(2.0),), (tensor(1.0),))
    (tensor(8.), tensor(12.))
    """
    trace = Trace(func, tuple(primals), has_aux=has_aux, strict=strict)
    tangent = trace.presented(push_of(trace)(*tangents))
    return (trace.output, tangent, trace.aux) if has_aux else (trace.output, tangent)
