"""``torch.autograd``'s names: gradients as values, backward passes over several outputs, the modes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff.creation import zeros_like
from autodiff.differentiation import accumulate, gradients
from autodiff.errors import GraphError
from autodiff.modes import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)
from autodiff.tensor import Tensor

__all__ = [
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]


def _listed(given: Any) -> list[Any]:
    return [given] if given is None or isinstance(given, Tensor) else list(given)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradient of the sum of ``outputs`` for each of ``inputs``; ``.grad`` is left alone.

    Args:
        outputs: tensors of one entry, or of any shape with ``grad_outputs``.
        inputs: tensors anywhere in the graph.
        grad_outputs: the cotangent of each output.
        retain_graph: keep the graph for another pass; by default as ``create_graph``.
        create_graph: record the pass, so that the gradients can be differentiated again.
        allow_unused: None for an input from which no output was made, instead of an error.
        materialize_grads: zeros instead of None for those.

    Raises GraphError where an input does not require grad, or is unused and that is not allowed.

    >>> from autodiff import tensor
    >>> x = tensor(3.0, requires_grad=True)
    >>> (slope,) = grad(x**3, x, create_graph=True)
    >>> grad(slope, x)
    (tensor(18.),)
    """
    wanted = _listed(inputs)
    ends = _listed(outputs)
    seeds = _listed(grad_outputs) if grad_outputs is not None else [None] * len(ends)
    found = gradients(ends, seeds, wanted, retain_graph, create_graph)
    result = [found.get(x._node) for x in wanted]
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
    ends = _listed(tensors)
    seeds = _listed(grad_tensors) if grad_tensors is not None else [None] * len(ends)
    targets = None if inputs is None else _listed(inputs)
    accumulate(gradients(ends, seeds, targets, retain_graph, create_graph), targets or ())


def __getattr__(name: str) -> Any:
    """``gradcheck`` and ``gradgradcheck``, which stand above this module and are loaded when they are asked for."""
    if name in ("gradcheck", "gradgradcheck"):
        import autodiff.testing.checking as checking

        return checking.gradcheck if name == "gradcheck" else checking.gradgradcheck
    raise AttributeError(f"module 'autodiff.autograd' has no attribute {name!r}")
