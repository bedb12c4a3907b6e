"""PyTorch's ``torch.autograd.functional``, written with ``autodiff.func``.

``inputs`` is a tensor or a tuple of tensors, and so are the results, which are outside the graph without
``create_graph``. With ``strict`` an output that does not depend on an input is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

import numpy as np

from autodiff.engine import modes
from autodiff.engine.values import wrap
from autodiff.errors import ShapeError
from autodiff.func.derivatives import push_of
from autodiff.func.jacobians import jacobian_by_columns, jacobian_of
from autodiff.func.trace import Trace, fitting
from autodiff.tensors.tensor import Tensor

_Func = Callable[..., Any]
R = TypeVar("R")
T = TypeVar("T")  # a tensor or a tuple of them


@overload
def jacobian(
    func: Callable[..., Tensor],
    inputs: Tensor,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Tensor: ...
@overload
def jacobian(
    func: _Func,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any: ...
def jacobian(
    func: _Func,
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
        trace = _trace(func, inputs, strict).real_only()
        return jacobian_by_columns(trace) if strategy == "forward-mode" else jacobian_of(trace)


@overload
def hessian(
    func: _Func,
    inputs: Tensor,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Tensor: ...
@overload
def hessian(
    func: _Func,
    inputs: tuple[Tensor, ...],
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> tuple[tuple[Tensor, ...], ...]: ...
def hessian(
    func: _Func,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of ``func``, which returns one number: of shape (*input, *input), a tuple of tuples over inputs.

    Raises ShapeError where ``func`` does not return one number.
    """
    slopes = _slopes(func, isinstance(inputs, tuple), strict)
    return jacobian(slopes, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def vjp(
    func: Callable[..., R], inputs: T, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[R, T]:
    """The outputs of ``func``, and the product of ``v`` with its Jacobian; ``v`` is 1 by default, for one number.

    Raises ShapeError where ``v`` is left out and the result is not one number, or it has another shape than the tensor
    it goes with.
    """
    with modes.set_grad_enabled(create_graph):
        trace = _trace(func, inputs, strict)
        return trace.output, _pulled(trace, v)


def jvp(
    func: Callable[..., R], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[R, R]:
    """The outputs of ``func``, and the product of its Jacobian with ``v``; ``v`` is 1 by default, for one number.

    Raises ShapeError where ``v`` is left out and the result is not one number, or it has another shape than the tensor
    it goes with.
    """
    with modes.set_grad_enabled(create_graph):
        trace = _trace(func, inputs, strict)
        return trace.output, push_of(trace)(*_directions(v, trace.variables, "inputs"))


def vhp(
    func: Callable[..., R], inputs: T, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[R, T]:
    """The output of ``func``, which is one number, and the product of ``v`` with its Hessian.

    Raises ShapeError where ``v`` is left out and the result is not one number, or it has another shape than the tensor
    it goes with.
    """
    with modes.set_grad_enabled(create_graph):
        trace = _second_trace(func, inputs, strict)
        return trace.aux, _pulled(trace, v)


def hvp(
    func: Callable[..., R], inputs: T, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[R, T]:
    """The output of ``func``, which is one number, and the product of its Hessian with ``v``.

    Raises ShapeError where ``v`` is left out and the result is not one number, or it has another shape than the tensor
    it goes with.
    """
    with modes.set_grad_enabled(create_graph):
        trace = _second_trace(func, inputs, strict)
        return trace.aux, push_of(trace)(*_directions(v, trace.variables, "inputs"))


def _trace(func: _Func, inputs: Any, strict: bool, has_aux: bool = False) -> Trace:
    args = inputs if isinstance(inputs, tuple) else (inputs,)
    argnums = tuple(range(len(args))) if isinstance(inputs, tuple) else 0
    return Trace(func, args, argnums=argnums, strict=strict, has_aux=has_aux)


def _second_trace(func: _Func, inputs: Any, strict: bool) -> Trace:
    slopes = _slopes(func, isinstance(inputs, tuple), strict, has_aux=True)
    return _trace(slopes, inputs, strict, has_aux=True)


def _slopes(func: _Func, several: bool, strict: bool, has_aux: bool = False) -> _Func:
    """The function that returns the gradient of ``func``; with ``has_aux`` also the value of ``func``."""

    def slopes(*args: Any) -> Any:
        trace = _trace(func, args if several else args[0], strict)
        gradient = _pulled(trace, None)
        return (gradient, trace.output) if has_aux else gradient

    return slopes


def _pulled(trace: Trace, v: Any) -> Any:
    """The product of ``v`` with the Jacobian of the traced function."""
    return trace.in_structure(trace.pull(_directions(v, trace.outputs, "outputs")))


def _directions(v: Any, values: list[Any], what: str) -> list[Any]:
    """``v``, checked; where it is None, 1 for a single value of one entry."""
    if v is not None:
        return fitting(v, values, "v: the vectors")
    if len(values) != 1 or values[0].numel() != 1:
        raise ShapeError(f"v may be left out only for {what} of one entry, not shapes {[x.shape for x in values]}")
    return [wrap(np.ones(values[0].shape, values[0].dtype))]
