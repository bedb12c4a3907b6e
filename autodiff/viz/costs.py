"""What a model costs: multiply-adds of its operations, and the bytes that an optimizer adds to its parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod
from typing import Any

import numpy as np

from autodiff.errors import AutodiffError
from autodiff.random import default_generator
from autodiff.tensors.tensor import Tensor
from autodiff.viz.trace import Operation

Shapes = tuple[tuple[int, ...], ...]
Rule = Callable[[tuple[int, ...], Shapes, dict[str, Any]], int]  # of the shapes of result and inputs, and the params


def _contracted(out: tuple[int, ...], shapes: Shapes, params: dict[str, Any]) -> int:
    lengths: dict[Any, int] = {}
    for labels, shape in zip((params["left"], params["right"]), shapes, strict=False):
        for label, length in zip(labels, shape, strict=True):
            lengths[label] = max(length, lengths.get(label, 1))
    return prod(lengths.values())


def _recurrent(out: tuple[int, ...], shapes: Shapes, params: dict[str, Any]) -> int:
    """Of the states; what the input adds is a product of its own."""
    rows, weights = shapes[0][0], shapes[1]
    return rows * (prod(weights) + (prod(shapes[4]) if len(shapes) > 4 else 0))  # the fifth projects an LSTM's states


# Products only: operations on single elements cost what moving their numbers costs.
RULES: dict[str, Rule] = {
    "linear": lambda out, shapes, params: prod(out) * shapes[0][-1],
    "matmul": lambda out, shapes, params: prod(out) * shapes[0][-1],
    "contract": _contracted,
    "conv2d": lambda out, shapes, params: prod(out) * prod(shapes[1][1:]),
    "conv2d_input": lambda out, shapes, params: prod(shapes[0]) * prod(shapes[1][1:]),
    "conv2d_weight": lambda out, shapes, params: prod(shapes[0]) * prod(out[1:]),
    "attention": lambda out, shapes, params: prod(out[:-1]) * shapes[1][-2] * (shapes[1][-1] + shapes[2][-1]),
    "self_attention": lambda out, shapes, params: 2 * prod(out) * shapes[0][params["places"]],
    "rnn": _recurrent,
    "lstm": _recurrent,
    "gru": lambda out, shapes, params: shapes[0][0] * prod(shapes[1]),
}


def multiply_adds(operation: Operation) -> int:
    """How many products an operation adds up: those of matrices, convolutions, attention and recurrences."""
    rule = RULES.get(operation.name)
    return 0 if rule is None else rule(operation.shape, operation.shapes, operation.params)


def state_bytes(optimizer: Callable[[Any], Any], parameters: Iterable[Any]) -> tuple[int, int]:
    """The bytes that an optimizer keeps beside ``parameters``, and how many of their numbers it does not take.

    ``optimizer`` makes one of a list of parameters. It steps once with zeros of the shape of each parameter in turn.
    """
    total = refused = 0
    state = default_generator.get_state()
    try:
        for parameter in parameters:
            twin = Tensor(np.zeros(parameter.shape, parameter.dtype)).requires_grad_()
            twin.grad = Tensor(np.zeros(parameter.shape, parameter.dtype))
            try:
                total += _kept(optimizer([twin]), twin)
            except AutodiffError:  # Muon takes matrices only
                refused += twin.numel()
    finally:
        default_generator.set_state(state)
    return total, refused


def _kept(made: Any, twin: Any) -> int:
    try:
        made.step()
    except TypeError:  # LBFGS evaluates the loss
        made.step(lambda: (twin * 0.0).sum())
    arrays = [x for slots in made.state.values() for x in _arrays(slots)]
    return sum(array.nbytes for array in arrays)


def _arrays(value: Any) -> list[Any]:
    """The arrays in what an optimizer keeps of a parameter; its numbers are no weight."""
    if isinstance(value, Tensor):
        return [value.numpy()] if value.ndim else []
    if isinstance(value, np.ndarray):
        return [value] if value.ndim else []
    if isinstance(value, dict):
        return [x for inner in value.values() for x in _arrays(inner)]
    return [x for inner in value for x in _arrays(inner)] if isinstance(value, (list, tuple)) else []
