"""Whole Jacobians and Hessians, and products of a Hessian with a vector."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar, overload

import numpy as np

from autodiff.engine.values import wrap
from autodiff.func.derivatives import grad_and_value, jvp, push_of, vjp
from autodiff.func.trace import Argnums, Trace
from autodiff.func.trees import leaves_of, unflatten
from autodiff.tensors.tensor import Tensor

__all__ = ["hessian", "hvp", "jacfwd", "jacrev", "vhp"]

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A")  # what is returned beside the output


@overload
def jacrev(
    func: Callable[P, tuple[Any, A]], argnums: Argnums = 0, *, has_aux: Literal[True], chunk_size: int | None = None
) -> Callable[P, tuple[Any, A]]: ...
@overload
def jacrev(
    func: Callable[P, Any], argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Callable[P, Any]: ...
def jacrev(
    func: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Callable[..., Any]:
    """The function that gives the Jacobian of ``func``, one backward pass for each entry of the output.

    For an output of shape (*o) and an argument of shape (*i) it has shape (*o, *i); for trees of outputs it is the tree
    of the outputs, with the tree of the arguments in place of each leaf. (``chunk_size`` changes nothing here.)

    >>> import numpy as np
    >>> jacrev(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _traced(jacobian_of, func, argnums, has_aux)


def _traced(
    compute: Callable[[Trace], Any], func: Callable[..., Any], argnums: Argnums, has_aux: bool
) -> Callable[..., Any]:
    """The function that traces a call of ``func`` and computes the Jacobian of the trace, with ``aux`` if wanted."""

    @wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        trace = Trace(func, args, kwargs, argnums, has_aux).real_only()
        result = compute(trace)
        return (result, trace.aux) if has_aux else result

    return jacobian


def jacobian_of(trace: Trace) -> Any:
    """The Jacobian of ``trace``, row by row."""
    blocks = []
    for k, y in enumerate(trace.outputs):
        rows = []
        for one in _units(y):
            cotangents = [None] * k + [one] + [None] * (len(trace.outputs) - k - 1)
            rows.append(trace.pull(cotangents))
        block = [_stacked([row[i] for row in rows], y, x) for i, x in enumerate(trace.variables)]
        blocks.append(trace.in_structure(block))
    return unflatten(trace.shape_of_output, blocks)


def _units(x: Tensor) -> Any:
    """Tensors like ``x`` that are 1 in one entry and 0 elsewhere, in the order of the entries."""
    for i in range(x.numel()):
        one = np.zeros(x.shape, x.dtype)
        one.reshape(-1)[i] = 1
        yield wrap(one)


def _stacked(parts: list[Any], first: Tensor, second: Tensor, axis: int = 0) -> Tensor:
    """``parts``, one for each entry of ``first`` (axis 0) or ``second`` (axis -1), as one block of the Jacobian."""
    shape = (*first.shape, *second.shape)
    if not parts:
        return wrap(np.zeros(shape, first.dtype))
    block: Tensor = np.stack(parts, axis)  # type: ignore[assignment]
    result: Tensor = block.reshape(shape)
    return result


@overload
def jacfwd(
    func: Callable[P, tuple[Any, A]], argnums: Argnums = 0, *, has_aux: Literal[True], chunk_size: int | None = None
) -> Callable[P, tuple[Any, A]]: ...
@overload
def jacfwd(
    func: Callable[P, Any], argnums: Argnums = 0, has_aux: bool = False, *, chunk_size: int | None = None
) -> Callable[P, Any]: ...
def jacfwd(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, chunk_size: int | None = None
) -> Callable[..., Any]:
    """``jacrev`` column by column: one ``jvp`` for each entry of the arguments, for few arguments and many outputs.

    >>> from autodiff import tensor
    >>> jacfwd(lambda x: x**2)(tensor([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    return _traced(jacobian_by_columns, func, argnums, has_aux)


def jacobian_by_columns(trace: Trace) -> Any:
    """The Jacobian of ``trace``, column by column."""
    push = push_of(trace)
    zeros = [wrap(np.zeros(x.shape, x.dtype)) for x in trace.variables]
    blocks: list[list[Tensor]] = [[] for _ in trace.outputs]
    for i, x in enumerate(trace.variables):
        columns = [leaves_of(push(*zeros[:i], one, *zeros[i + 1 :])) for one in _units(x)]
        for k, y in enumerate(trace.outputs):
            blocks[k].append(_stacked([column[k] for column in columns], y, x, axis=-1))
    return unflatten(trace.shape_of_output, [trace.in_structure(block) for block in blocks])


def hessian(func: Callable[P, Any], argnums: Argnums = 0) -> Callable[P, Any]:
    """The function that gives the second derivatives of ``func``: the Jacobian of its Jacobian.

    For an output of shape (*o) and an argument of shape (*i), (*o, *i, *i).

    >>> import numpy as np
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 1.0]))
    array([[2., 6.],
           [6., 0.]])
    """
    return jacrev(jacrev(func, argnums), argnums)


def hvp(func: Callable[..., R], primals: Any, tangents: Any) -> tuple[R, tuple[Any, ...]]:
    """The value of ``func``, which returns one number, and the product of its Hessian with ``tangents``.

    The product is a tuple, one entry for each primal. No row of the Hessian is made: the product is the derivative of
    the gradient along the tangents.

    >>> from autodiff import tensor
    >>> hvp(lambda x: (x**3).sum(), (tensor([1.0, 2.0]),), (tensor([1.0, 1.0]),))
    (tensor(9.), (tensor([ 6., 12.]),))

    Reference: Pearlmutter (1994), "Fast exact multiplication by the Hessian".
    """
    _, product, value = jvp(_gradients(func, primals), primals, tangents, has_aux=True)
    return value, product


def vhp(func: Callable[..., R], primals: Any, cotangents: Any) -> tuple[R, tuple[Any, ...]]:
    """``hvp`` from the other side: faster, and equal where second derivatives do not depend on their order.

    >>> from autodiff import tensor
    >>> vhp(lambda x: (x**3).sum(), (tensor([1.0, 2.0]),), (tensor([1.0, 1.0]),))
    (tensor(9.), (tensor([ 6., 12.]),))
    """
    _, pull, value = vjp(_gradients(func, primals), *primals, has_aux=True)
    return value, pull(tuple(cotangents))


def _gradients(func: Callable[..., Any], primals: Any) -> Callable[..., Any]:
    """The function that gives the gradients by all arguments, and the value beside them."""
    return grad_and_value(func, tuple(range(len(primals))))
