"""Gradients as values, and backward passes over several outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.engine.backward import accumulate, gradients
from autodiff.errors import DtypeError, GraphError, OptionError
from autodiff.tensors.creation import zeros_like
from autodiff.tensors.tensor import Tensor

__all__ = ["Variable", "backward", "grad"]


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradient of the sum of ``outputs`` for each of ``inputs``; ``.grad`` is left alone.

    Args:
        outputs: tensors of one entry, or of any shape with ``grad_outputs``.
        inputs: tensors anywhere in the graph.
        grad_outputs: the cotangent of each output, a tensor or an array; None for an output of one entry.
        retain_graph: keep the graph for another pass; by default as ``create_graph``.
        create_graph: record the pass, so that the gradients can be differentiated again.
        only_inputs: always so; ``backward`` is what fills ``.grad``.
        allow_unused: None for an input from which no output was made, instead of an error.
        is_grads_batched: refused; ``autodiff.func.vmap`` of ``autodiff.func.vjp`` takes several cotangents.
        materialize_grads: zeros instead of None for those.

    Raises:
        GraphError: an input does not require grad, or is unused and that is not allowed; or the graph was freed.
        ShapeError: a cotangent does not have the shape of its output.
        OptionError: options that contradict each other, or that there are not.

    >>> from autodiff import tensor
    >>> x = tensor(3.0, requires_grad=True)
    >>> (slope,) = grad(x**3, x, create_graph=True)
    >>> grad(slope, x)
    (tensor(18.),)
    """
    if is_grads_batched:
        raise OptionError("is_grads_batched=True: cotangents come one at a time; map autodiff.func.vjp over them")
    if not only_inputs:
        raise OptionError("only_inputs=False: grad() never fills .grad; use backward()")
    if materialize_grads and allow_unused is False:
        raise OptionError("materialize_grads=True makes zeros for unused inputs; allow_unused=False forbids them")
    wanted, ends = tensors_of(inputs, "inputs"), tensors_of(outputs, "outputs")
    found = gradients(ends, _seeds(grad_outputs, ends, "grad_outputs"), wanted, retain_graph, create_graph)
    result = [None if x._node is None else found.get(x._node) for x in wanted]
    for i, (x, g) in enumerate(zip(wanted, result, strict=True)):
        if g is None and materialize_grads:
            result[i] = zeros_like(x)
        elif g is None and not allow_unused:
            raise GraphError(
                f"input {i}, of shape {x.shape}, was not used to make the outputs; with allow_unused=True its "
                "gradient is None"
            )
    return tuple(result)


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradient of the sum of ``tensors`` to ``.grad`` of every leaf they were made from (or of ``inputs``)."""
    ends = tensors_of(tensors, "tensors")
    targets = None if inputs is None else tensors_of(inputs, "inputs")
    found = gradients(ends, _seeds(grad_tensors, ends, "grad_tensors"), targets, retain_graph, create_graph)
    accumulate(found, targets or ())


def Variable(data: Tensor, requires_grad: bool = False) -> Tensor:
    """``data``, which old PyTorch programs wrap before they can ask for its gradient."""
    if not isinstance(data, Tensor):
        raise DtypeError(f"Variable takes a tensor, not {data!r:.60}; use tensor(...) to make one")
    return data.detach().requires_grad_() if requires_grad else data


def tensors_of(given: Any, what: str) -> list[Tensor]:
    """One tensor or several, as a list; raises DtypeError for anything else."""
    listed = [given] if isinstance(given, Tensor) or not isinstance(given, Sequence) else list(given)
    for x in listed:
        if not isinstance(x, Tensor):
            raise DtypeError(f"{what} are tensors, not {x!r:.60}; use tensor(..., requires_grad=True) to make one")
    return listed


def _seeds(given: Any, outputs: list[Tensor], what: str) -> list[Any]:
    """The cotangent of each output, None where it is left out."""
    if given is None:
        return [None] * len(outputs)
    seeds = [given] if isinstance(given, (Tensor, np.ndarray, np.generic, int, float)) else list(given)
    if len(seeds) != len(outputs):
        raise GraphError(f"{what}: {len(seeds)} for {len(outputs)} outputs; give one for each, or None in its place")
    return seeds
