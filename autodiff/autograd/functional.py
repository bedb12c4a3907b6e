"""``torch.autograd.functional``'s names for what ``autodiff.func`` does: inputs in, numbers out.

``inputs`` is a tensor or a tuple of them, and so are the results. They stand outside the graph, unless
``create_graph``. With ``strict`` it is an error that an output does not depend on an input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.engine import modes
from autodiff.engine.values import wrap
from autodiff.errors import ShapeError
from autodiff.func.derivatives import push_of
from autodiff.func.jacobians import jacobian_by_columns, jacobian_of
from autodiff.func.trace import Trace, fitting


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of ``func`` at ``inputs``: of shape (*output, *input), a tuple over outputs of tuples over inputs.

    ``strategy="forward-mode"`` goes column by column; ``vectorize`` changes nothing here.

    >>> from autodiff import tensor
    >>> jacobian(lambda x: x.exp(), tensor([0.0, 1.0]))
    tensor([[1.0000, 0.0000],
            [0.0000, 2.7183]])
    """
    with modes.set_grad_enabled(create_graph):
        trace = _trace(func, inputs, strict)
        return jacobian_by_columns(trace) if strategy == "forward-mode" else jacobian_of(trace)


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of ``func``, which returns one number: of shape (*input, *input), a tuple of tuples over inputs."""
    slopes = _slopes(func, isinstance(inputs, tuple), strict)
    return jacobian(slopes, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of ``func``, and the product of ``v`` with its Jacobian; ``v`` is 1 by default, for one number."""
    with modes.set_grad_enabled(create_graph):
        trace = _trace(func, inputs, strict)
        return trace.output, _pulled(trace, v)


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of ``func``, and the product of its Jacobian with ``v``; ``v`` is 1 by default, for one number."""
    with modes.set_grad_enabled(create_graph):
        trace = _trace(func, inputs, strict)
        return trace.output, push_of(trace)(*_directions(v, trace.variables, "inputs"))


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output of ``func``, which is one number, and the product of ``v`` with its Hessian."""
    with modes.set_grad_enabled(create_graph):
        trace = _second_trace(func, inputs, strict)
        return trace.aux, _pulled(trace, v)


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output of ``func``, which is one number, and the product of its Hessian with ``v``."""
    with modes.set_grad_enabled(create_graph):
        trace = _second_trace(func, inputs, strict)
        return trace.aux, push_of(trace)(*_directions(v, trace.variables, "inputs"))


def _trace(func: Callable[..., Any], inputs: Any, strict: bool, has_aux: bool = False) -> Trace:
    args = inputs if isinstance(inputs, tuple) else (inputs,)
    argnums = tuple(range(len(args))) if isinstance(inputs, tuple) else 0
    return Trace(func, args, argnums=argnums, strict=strict, has_aux=has_aux)


def _second_trace(func: Callable[..., Any], inputs: Any, strict: bool) -> Trace:
    slopes = _slopes(func, isinstance(inputs, tuple), strict, has_aux=True)
    return _trace(slopes, inputs, strict, has_aux=True)


def _slopes(func: Callable[..., Any], several: bool, strict: bool, has_aux: bool = False) -> Callable[..., Any]:
    """The function that gives the gradient of ``func``, and its value beside it where that is wanted."""

    def slopes(*args: Any) -> Any:
        trace = _trace(func, args if several else args[0], strict)
        gradient = _pulled(trace, None)
        return (gradient, trace.output) if has_aux else gradient

    return slopes


def _pulled(trace: Trace, v: Any) -> Any:
    from_leaves = trace.pull(_directions(v, trace.outputs, "outputs"))
    return trace.in_structure(from_leaves)


def _directions(v: Any, values: list[Any], what: str) -> list[Any]:
    """``v``, checked, or 1 where there is one value of one entry."""
    if v is not None:
        return fitting(v, values, "v: the vectors")
    if len(values) != 1 or values[0].numel() != 1:
        raise ShapeError(f"v may be left out only for {what} of one entry, not shapes {[x.shape for x in values]}")
    return [wrap(np.ones(values[0].shape, values[0].dtype))]
