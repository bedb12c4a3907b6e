"""``autograd.grad``, with one cotangent or a batch of them."""

from __future__ import annotations

from typing import Any

from autodiff.engine import backward as engine
from autodiff.engine.values import TensorBase, Value, wrap
from autodiff.errors import ShapeError
from autodiff.functions.joining import stack
from autodiff.kinds import array_like, several


def grad(
    outputs: Any,
    inputs: Any = None,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Value, ...]:
    """The gradient of the sum of ``outputs`` for each of ``inputs``; ``.grad`` is left alone.

    Args:
        outputs: tensors of one entry, or of any shape with ``grad_outputs``.
        inputs: tensors anywhere in the graph.
        grad_outputs: the cotangent of each output, a tensor or an array; None for an output of one entry.
        retain_graph: keep the graph for another pass; by default as ``create_graph``.
        create_graph: record the pass, so that the gradients can be differentiated again.
        only_inputs: always so; ``backward`` is what fills ``.grad``.
        allow_unused: None for an input from which no output was made, instead of an error.
        is_grads_batched: the first axis of each of ``grad_outputs`` counts cotangents, and that of each result the
            gradients for them: the rows of a Jacobian for the rows of a unit matrix. There is a pass for each.
        materialize_grads: zeros instead of None for unused inputs.

    Raises:
        GraphError: an input does not require grad, or is unused and that is not allowed; or the graph was freed.
        ShapeError: a cotangent does not have the shape of its output.
        OptionError: options that contradict each other, or are not supported.

    >>> from autodiff import tensor
    >>> x = tensor(3.0, requires_grad=True)
    >>> (slope,) = grad(x**3, x, create_graph=True)
    >>> grad(slope, x)
    (tensor(18.),)
    """
    others = only_inputs, allow_unused, materialize_grads
    if not is_grads_batched:
        return engine.grad(outputs, inputs, grad_outputs, retain_graph, create_graph, *others)
    like = several(outputs)[0]
    batches: list[Any] = [
        x if x is None or isinstance(x, TensorBase) else wrap(array_like(x, like, "a batch of gradients"))
        for x in several(grad_outputs)
    ]
    counts = {len(x) if x.ndim else 0 for x in batches if x is not None}
    if len(counts) != 1 or not (count := counts.pop()):
        shapes = [None if x is None else tuple(x.shape) for x in batches]
        raise ShapeError(f"is_grads_batched=True: the first axes of grad_outputs have one length above 0, not {shapes}")
    rows = []
    for i in range(count):
        seeds = [None if x is None else x[i] for x in batches]
        kept = True if i < count - 1 else retain_graph
        rows.append(engine.grad(outputs, inputs, seeds, kept, create_graph, *others))
    return tuple(None if column[0] is None else stack(column) for column in zip(*rows, strict=True))  # type: ignore[misc]
