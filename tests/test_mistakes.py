"""The errors a user can make with tensors: each is named, and says operation, shapes and what was wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
import nn
from autodiff import Tensor, arange, ones, tensor, zeros
from autodiff.errors import AutodiffError, DeviceError, DtypeError, OptionError
from nn import functional as F

A, B = ones(2, 3), ones(4, 5)
MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "add": (lambda: A + B, ValueError, r"add\(float32 \(2, 3\), float32 \(4, 5\)\)"),
    "tracked add": (
        lambda: A.clone().requires_grad_() * B,
        ValueError,
        r"multiply\(float32 \(2, 3\), float32 \(4, 5\)\)",
    ),
    "matmul": (lambda: A @ B, ValueError, r"matmul\(float32 \(2, 3\), float32 \(4, 5\)\)"),
    "matmul of a number": (lambda: A @ 2.0, ValueError, r"matmul\(float32 \(2, 3\), 2\.0\)"),
    "mm": (lambda: autodiff.mm(A, ones(3)), ValueError, r"mm takes.*\(2, 3\) and \(3,\)"),
    "dot": (lambda: autodiff.dot(ones(2), ones(3)), ValueError, r"matmul\(float32 \(2,\), float32 \(3,\)\)"),
    "outer": (lambda: autodiff.outer(A, A), ValueError, r"outer takes two vectors"),
    "cat": (lambda: autodiff.cat([A, B]), ValueError, r"cat along dim 0.*\(2, 3\), \(4, 5\)"),
    "cat of nothing": (lambda: autodiff.cat([]), ValueError, "cat needs at least one"),
    "stack": (lambda: autodiff.stack([A, B]), ValueError, r"stack needs.*\(2, 3\), \(4, 5\)"),
    "reshape": (lambda: A.reshape(4, 2), ValueError, r"6 entries of shape \(2, 3\).*\(4, 2\)"),
    "reshape -1": (lambda: A.reshape(4, -1), ValueError, r"shape \(2, 3\).*\(4, -1\)"),
    "reshape two -1": (lambda: A.reshape(-1, -1), ValueError, r"\(-1, -1\)"),
    "reshape of nothing": (lambda: zeros(0, 3).reshape(0, -1), ValueError, r"\(0, -1\)"),
    "reshape by floats": (lambda: A.reshape(2.0, 3), TypeError, "a shape is made of integers"),
    "view": (lambda: A.view(7), ValueError, r"\(7,\)"),
    "expand": (lambda: A.expand(4, 3), ValueError, r"broadcast_to\(float32 \(2, 3\), shape=\(4, 3\)\)"),
    "expand to less": (lambda: A.expand(3), ValueError, r"shape \(2, 3\) does not expand to \(3,\)"),
    "permute": (lambda: A.permute(0, 0), ValueError, "an axis stands twice"),
    "permute too few": (lambda: A.permute(0), ValueError, "permute needs each of 2 axes"),
    "squeeze axis": (lambda: A.squeeze(5), IndexError, "no axis 5 in a tensor of 2 dimensions; give one of -2 to 1"),
    "sum axis": (lambda: A.sum(2), IndexError, "no axis 2"),
    "sum axis twice": (lambda: A.sum((0, -2)), ValueError, "an axis stands twice"),
    "sum axis kind": (lambda: A.sum("a"), TypeError, "an axis is an integer, not 'a'"),
    "softmax axis": (lambda: A.softmax(-3), IndexError, "no axis -3"),
    "transpose axis": (lambda: A.transpose(0, 2), IndexError, "no axis 2"),
    "movedim": (lambda: A.movedim((0, 1), (0,)), ValueError, "as many destinations"),
    "t": (lambda: ones(1, 2, 3).t(), ValueError, r"at most 2 dimensions, not shape \(1, 2, 3\)"),
    "flatten": (lambda: A.flatten(1, 0), ValueError, "the first is behind the last"),
    "unflatten": (lambda: A.unflatten(1, (2, 2)), ValueError, r"\(2, 2\)"),
    "split": (lambda: A.split([1, 1], 1), ValueError, r"\(1, 1\) do not add up to 3"),
    "split negative": (lambda: A.split([4, -1], 1), ValueError, "do not add up"),
    "split 0": (lambda: A.split(0), ValueError, "above 0, not 0"),
    "split float": (lambda: A.split(1.5), TypeError, "made of integers"),
    "chunk 0": (lambda: A.chunk(0), ValueError, "above 0, not 0"),
    "narrow": (lambda: A.narrow(1, 2, 2), ValueError, r"narrow from 2, 2 long, leaves dim 1 of shape \(2, 3\)"),
    "gather": (lambda: A.gather(0, tensor([0])), ValueError, r"an index of shape \(1,\).*\(2, 3\)"),
    "gather out of range": (lambda: A.gather(0, tensor([[5]])), IndexError, "index 5 is out of range.*size 2"),
    "size of an axis": (lambda: A.size(2), IndexError, "no axis 2"),
    "unbind of 0-d": (lambda: tensor(1.0).unbind(), IndexError, "0-d tensor has no axis"),
    "max of nothing": (lambda: zeros(0).max(), ValueError, r"no entries.*shape \(0,\)"),
    "argmax of nothing": (lambda: zeros(0, 3).argmax(0), ValueError, "no entries"),
    "amax of nothing": (lambda: zeros(0, 3).amax(0), ValueError, r"amax\(float32 \(0, 3\)"),
    "item": (lambda: A.item(), ValueError, r"shape \(2, 3\) is not one number"),
    "index": (lambda: A[5], IndexError, r"index\(float32 \(2, 3\), key=5\).*out of bounds"),
    "too many indices": (lambda: A[0, 0, 0], IndexError, r"index\(float32 \(2, 3\).*too many indices"),
    "float index": (lambda: A[tensor([0.5])], TypeError, "holds integers or booleans, not float32"),
    "number index": (lambda: A[0.5], IndexError, "index"),
    "word index": (lambda: A["a"], IndexError, "index"),
    "mask of another shape": (lambda: A[tensor([True, False, True])], IndexError, "boolean index"),
    "two Ellipses": (lambda: A[..., ...], IndexError, "index"),
    "assignment index": (lambda: A.clone().__setitem__(5, 1.0), IndexError, "put.*out of bounds"),
    "assignment shape": (
        lambda: A.clone().__setitem__(0, ones(2)),
        ValueError,
        r"put: float32 \(2,\) cannot be written at 0 of float32 \(2, 3\)",
    ),
    "assignment of a word": (
        lambda: A.clone().__setitem__(0, "a"),
        TypeError,
        "no entry of a float32 tensor can be made of 'a'",
    ),
    "copy_": (lambda: A.clone().copy_(ones(2)), ValueError, r"\(2,\).*\(2, 3\)"),
    "operand": (lambda: A + "a", TypeError, r"add takes tensors, arrays and numbers, not 'a'"),
    "reflected operand": (lambda: None - A, TypeError, "subtract takes tensors, arrays and numbers, not None"),
    "list operand": (lambda: A * [1, 2, 3], TypeError, "multiply takes"),
    "complex operand": (lambda: A < 1j, TypeError, "less takes real numbers"),
    "complex array": (lambda: A * np.array([1j], np.clongdouble), TypeError, "multiply takes"),
    "order": (lambda: A < "a", TypeError, "less takes"),
    "huge integer": (lambda: tensor([1], dtype=autodiff.uint8) + 2**70, TypeError, "add"),
    "integer power": (lambda: tensor([2]) ** -1, DtypeError, "power.*negative integer powers"),
    "integer powers": (lambda: tensor([2, 1]) ** tensor([1, -1]), DtypeError, r"power.*negative.*\.float\(\)"),
    "unsigned power": (lambda: tensor([2]).to(autodiff.uint8) ** -1, DtypeError, "power.*negative integer powers"),
    "negative booleans": (lambda: -tensor([True]), TypeError, r"negative\(bool \(1,\)\)"),
    "where": (lambda: autodiff.where(A, A, A), TypeError, "condition of booleans, not of float32"),
    "where, differentiable": (lambda: autodiff.where(A.clone().requires_grad_(), A, A), TypeError, "of booleans"),
    "mask": (lambda: A.masked_fill(A.clone().requires_grad_(), 0), TypeError, "a mask holds booleans, not float32"),
    "clamp": (lambda: A.clamp(), TypeError, "clamp needs"),
    "device": (lambda: A.to("cuda"), RuntimeError, "no device 'cuda'"),
    "device of creation": (lambda: zeros(2, device="cuda:0"), RuntimeError, "no device"),
    "dtype": (lambda: A.to(dtype="what"), TypeError, "is not a dtype"),
    "ragged": (lambda: tensor([[1], [1, 2]]), TypeError, "no tensor can be made"),
    "ragged Tensor": (lambda: Tensor([[1], [1, 2]]), TypeError, "no tensor can be made"),
    "None": (lambda: tensor(None), TypeError, "no tensor can be made"),
    "from_numpy": (lambda: autodiff.from_numpy([1]), TypeError, "takes an array"),
    "shape": (lambda: zeros(2.5), TypeError, "a shape is made of integers"),
    "negative shape": (lambda: zeros(-1), ValueError, r"no shape has a length below 0, as \(-1,\)"),
    "arange": (lambda: arange(0, 3, -1), ValueError, "from 0 to 3 in steps of -1"),
    "arange 0": (lambda: arange(0, 3, 0), ValueError, "steps of 0"),
    "integer randn": (lambda: autodiff.randn(2, dtype=autodiff.int64), TypeError, "floating or complex, not int64"),
    "empty randint": (lambda: autodiff.randint(5, 5, (2,)), ValueError, "no integer from 5 up to but not including 5"),
    "backward of many": (
        lambda: (A.clone().requires_grad_() * 2).backward(),
        RuntimeError,
        r"shape \(2, 3\) needs a gradient",
    ),
    "layer_norm over a number": (lambda: F.layer_norm(A, 3), TypeError, "layer_norm takes the shape .* as a tuple"),
    "rms_norm over a number": (lambda: F.rms_norm(A, 3), TypeError, "rms_norm takes the shape .* as a tuple"),
    "LayerNorm of no integer": (lambda: nn.LayerNorm(3.5), TypeError, "a shape is made of integers"),
    "strides of no integer": (lambda: A.new_empty_strided((2.5,), (1,)), TypeError, "a shape is made of integers"),
    "backward of none": (lambda: A.sum().backward(), RuntimeError, "does not require grad"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_raises_a_named_error(name: str) -> None:
    """Each is an AutodiffError and the builtin kind, and says operation, shapes and what was wrong."""
    make, kind, message = MISTAKES[name]
    with pytest.raises(AutodiffError, match=message) as caught:
        make()
    assert isinstance(caught.value, kind)
    assert isinstance(caught.value, (RuntimeError, OptionError, DeviceError))


def test_an_error_inside_a_rule_names_the_forward_line() -> None:
    """What goes wrong in a VJP carries the operation and the user's line."""
    x = ones(2, requires_grad=True)
    y = x.sum()
    y.grad_fn.params["axis"] = "no axis"
    with pytest.raises(Exception) as caught:  # noqa: PT011
        y.backward()
    assert any(re.search(r"backward pass of sum, .*test_mistakes\.py:\d+", note) for note in caught.value.__notes__)
