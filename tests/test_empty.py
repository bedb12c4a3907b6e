"""Nothing to work on: every call of the vocabulary on operands of size 0 gives what it gives in PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from parity.base import CASES, PRECISE, SINGLE, Case, _outputs_and_gradients
from parity.harness import Array, agree, peer

import autodiff
from autodiff.errors import AutodiffError
from nn import functional

peer()

NOT_COMPARED = {
    "nn.functional.pdist": "PyTorch crashes",
    "nn.functional.scaled_dot_product_attention": "PyTorch crashes",
    **dict.fromkeys(["gru", "lstm", "rnn_relu", "rnn_tanh"], "PyTorch crashes"),
    "conv_tbc": "PyTorch takes kernels of length 0, and gives the bias then",
    "resize_": "PyTorch shows memory that was never written",
    "nn.functional.multi_margin_loss": "PyTorch shows memory that was never written",
    "nn.functional.multilabel_margin_loss": "PyTorch shows memory that was never written",
    "nn.functional.group_norm": "PyTorch's gradients of the weights are memory that was never written",
    "nn.functional.batch_norm": "PyTorch checks no shapes where there are no channels; see the test below",
    "nn.functional.instance_norm": "PyTorch checks no shapes where there are no channels; see the test below",
    "block_diag": "PyTorch's gradient is shifted by a row",
    "bincount": "PyTorch forgets the dtype of the weights",
    "__setitem__": "PyTorch checks no shapes where nothing is written",
    **{f"segment_reduce:{how}": "PyTorch does not compare the batches of lengths and data; see tests/test_segments.py"
       for how in ("sum", "mean", "prod", "max", "min", "amax", "amin")},
    "linalg.cholesky_ex": "the matrix is 0 then, not of size 0: it has no factor, and ours says so",
}


def _emptied(inputs: tuple[Array, ...]) -> Iterator[tuple[Array, ...]]:
    """The inputs with a 0 in each axis in turn: of one input, and of all that share this length."""
    seen = set()
    for i, x in enumerate(inputs):
        for axis, length in enumerate(x.shape):
            alone = [_without(y, [axis] if i == j else []) for j, y in enumerate(inputs)]
            alike = [_without(y, [a for a, n in enumerate(y.shape) if n == length]) for y in inputs]
            before = [_without(y, [axis] if y.shape[axis : axis + 1] == (length,) else []) for y in inputs]
            back = axis - x.ndim
            behind = [_without(y, [back] if y.ndim >= -back and y.shape[back] == length else []) for y in inputs]
            for found in (alone, alike, before, behind):
                if (shapes := tuple(y.shape for y in found)) not in seen:
                    seen.add(shapes)
                    yield tuple(found)


def _without(x: Array, axes: list[int]) -> Array:
    shape = list(x.shape)
    for axis in axes:
        shape[axis] = 0
    return np.zeros(shape, x.dtype) if axes else x


NAMES = [name for name in CASES if name not in NOT_COMPARED]


def _compare(case: Case, dtype: Any = np.float64) -> bool:
    """Whether PyTorch takes the operands; if so, values and gradients are its own; else our errors have names."""
    order, near = (case.order, PRECISE) if dtype == np.float64 else (min(case.order, 1), SINGLE)
    try:
        theirs = _outputs_and_gradients(peer(), case, dtype, False, order)
    except (RuntimeError, IndexError, ValueError, TypeError, AssertionError):
        with suppress(AutodiffError):
            _outputs_and_gradients(autodiff, case, dtype, False, order)
        return False
    ours = _outputs_and_gradients(autodiff, case, dtype, False, order)
    agree(ours, theirs, near, f"{case.title} with shapes {[x.shape for x in case.inputs]}")
    return True


@pytest.mark.filterwarnings("ignore")  # PyTorch's own, and NumPy's of 0 / 0
@pytest.mark.parametrize("name", NAMES)
def test_a_call_takes_operands_of_size_0_where_pytorch_does(name: str) -> None:
    """Values, shapes, dtypes and two orders of gradients; what is refused there may be refused here."""
    for case in CASES[name]:
        for inputs in _emptied(case.inputs):
            for dtype in (np.float64, np.float32):
                _compare(case._replace(inputs=inputs, tracking=False), dtype)


@pytest.mark.parametrize("name", ["linear", "gather", "median", "norm", "index_add", "cross_entropy", "combinations"])
def test_some_calls_do_take_operands_of_size_0(name: str) -> None:
    """The test above compares something."""
    name = f"nn.functional.{name}" if name in ("linear", "cross_entropy") else name
    cases = (case._replace(inputs=inputs, tracking=False) for case in CASES[name] for inputs in _emptied(case.inputs))
    assert any(_compare(case) for case in cases)


@pytest.mark.parametrize("shape", [(0, 3), (2, 3, 0), (0, 3, 4)])
def test_nothing_does_not_move_running_statistics(shape: tuple[int, ...]) -> None:
    """As in PyTorch: there is no mean to move towards."""
    for lib, layers in ((autodiff, functional), (peer(), peer().nn.functional)):
        mean, variance = lib.ones(3), lib.ones(3)
        x = lib.zeros(*shape).requires_grad_()
        y = layers.batch_norm(x, mean, variance, training=True)
        y.sum().backward()
        assert tuple(y.shape) == tuple(x.grad.shape) == shape
        np.testing.assert_array_equal(mean.numpy(), 1)
        np.testing.assert_array_equal(variance.numpy(), 1)


def test_a_broadcast_of_nothing_is_undone() -> None:
    """A vector of no entries beside (1, 2, 0): the cotangent of each has its shape."""
    x, y = autodiff.zeros(0, requires_grad=True), autodiff.zeros(1, 2, 0, requires_grad=True)
    (x + y).sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    assert (x.grad.shape, y.grad.shape) == ((0,), (1, 2, 0))
