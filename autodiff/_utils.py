"""What programs take from inside PyTorch: tensors as one vector, and back; a check; VJPs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autodiff.engine.value import Value
from autodiff.functions.joining import cat
from autodiff.ops.fused import log_softmax, softmax


def _flatten_dense_tensors(tensors: Sequence[Value]) -> Value:
    """The entries of all tensors, one after another, as one vector.

    >>> from autodiff import ones, zeros
    >>> _flatten_dense_tensors([ones(2), zeros(1, 2)])
    tensor([1., 1., 0., 0.])
    """
    return cat([x.reshape(-1) for x in tensors])


def _unflatten_dense_tensors(flat: Value, tensors: Sequence[Value]) -> tuple[Value, ...]:
    """Views of ``flat``, one after another, in the shapes of ``tensors``."""
    parts = flat.split([x.numel() for x in tensors])
    return tuple(part.reshape(x.shape) for part, x in zip(parts, tensors, strict=True))


def _assert(condition: Any, message: str) -> None:
    """Raise AssertionError with the ``message`` unless the condition holds.

    >>> _assert(1 < 2, "in order")
    """
    if not condition:
        raise AssertionError(message)


def _softmax_backward_data(grad_output: Value, output: Value, dim: int, input_dtype: Any = None) -> Any:
    """The cotangent of what softmax took, for that of its ``output``; ``input_dtype`` is that of both.

    >>> from autodiff import tensor
    >>> _softmax_backward_data(tensor([1.0, 0.0]), tensor([0.5, 0.5]), 0)
    tensor([ 0.2500, -0.2500])
    """
    return softmax.vjps[0](grad_output, output, None, axis=dim)


def _log_softmax_backward_data(grad_output: Value, output: Value, dim: int, input_dtype: Any = None) -> Any:
    """The same for log_softmax."""
    return log_softmax.vjps[0](grad_output, output, None, axis=dim)


def cond(pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Sequence[Any] = ()) -> Any:
    """``true_fn(*operands)`` where ``pred`` holds, else ``false_fn(*operands)``.

    >>> from autodiff import tensor
    >>> cond(tensor(True), lambda x: x + 1, lambda x: x - 1, (tensor(1.0),))
    tensor(2.)
    """
    return (true_fn if pred else false_fn)(*operands)


def while_loop(cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Sequence[Any]) -> Any:
    """What ``body_fn`` makes of the inputs, and of what it made, as long as ``cond_fn`` holds for it.

    >>> while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, 2 * x), (0, 1))
    (3, 8)
    """
    carried = tuple(carried_inputs)
    while cond_fn(*carried):
        carried = tuple(body_fn(*carried))
    return carried
