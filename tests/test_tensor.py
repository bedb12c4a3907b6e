"""A Tensor as a Python value: numbers, text, copies, memory, indexing, and the errors a user can make."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff import Tensor, arange, ones, tensor, zeros
from autodiff.errors import AutodiffError, AxisError, DeviceError, DtypeError, GraphError, OptionError, ShapeError

try:
    import torch
except ImportError:
    torch = None
needs_torch = pytest.mark.skipif(torch is None, reason="needs torch")


# --- as a number, a sequence, a key -----------------------------------------------------------------------------------


def test_one_entry_is_a_python_number() -> None:
    """item, float, int, bool and index give what the entry says; tracked or not, whatever the shape."""
    x = tensor([[2.75]], requires_grad=True)
    assert (x.item(), float(x), int(x), bool(x)) == (2.75, 2.75, 2, True)
    assert type(x.item()) is float
    assert type(tensor(3).item()) is int
    assert tensor(False).item() is False
    assert ["a", "b", "c"][tensor(1)] == "b"
    assert list(range(tensor(3))) == [0, 1, 2]
    assert not tensor(0.0)


def test_many_entries_are_no_number() -> None:
    """Each conversion is refused by name."""
    for convert in (Tensor.item, float, int, bool, lambda t: [1][t]):
        with pytest.raises(AutodiffError, match=r"shape \(2,\) is not one number"):
            convert(tensor([1, 2]))
    with pytest.raises(DtypeError, match="only an integer tensor can be an index"):
        [1, 2][tensor(1.0)]


def test_a_tensor_is_a_sequence_of_its_slices() -> None:
    """len, iteration, unpacking, membership and reversal go along the first axis; a 0-d tensor has none."""
    x = arange(6).reshape(3, 2)
    assert (len(x), [row.tolist() for row in x]) == (3, [[0, 1], [2, 3], [4, 5]])
    (a, b), *rest = x
    assert (a.item(), b.item(), len(rest)) == (0, 1, 2)
    assert (4 in x, 9 in x, tensor(5) in x) == (True, False, True)
    assert x.tolist() == [[0, 1], [2, 3], [4, 5]]
    for use in (len, iter, list, lambda t: t[0]):
        with pytest.raises((DtypeError, AxisError)):
            use(tensor(1.0))
    w = tensor([1.0, 2.0], requires_grad=True)
    sum(v * i for i, v in enumerate(w, 1)).backward()
    assert w.grad.tolist() == [1, 2]


def test_identity_makes_keys_and_equality_makes_masks() -> None:
    """Tensors are dictionary keys by identity; == compares entries, and with what is no number it is False."""
    x, y = tensor([1.0, 2.0]), tensor([1.0, 2.0])
    assert {x: "x", y: "y"}[x] == "x"
    assert (x == y).tolist() == [True, True]
    assert (x != 1).tolist() == [False, True]
    for other in (None, "a", [1.0, 2.0], object()):
        assert not (x == other)  # noqa: SIM201
        assert x != other


@pytest.mark.parametrize("spec", ["", ".2f", "8.3f", "e", "<10", "%"])
@pytest.mark.parametrize("value", [3.14159, 2.0, float("nan")])
def test_formats_are_those_of_the_number(spec: str, value: float) -> None:
    """f"{loss:.3f}" writes the number; more entries have no format, and write themselves."""
    x = tensor(value, dtype=autodiff.float64, requires_grad=True)
    assert format(x, spec) == format(value, spec)
    assert f"{tensor([1, 2])}" == "tensor([1, 2])"
    with pytest.raises(TypeError, match=r"shape \(2,\) has no format"):
        format(tensor([1.0, 2.0]), ".2f")


# --- as text ----------------------------------------------------------------------------------------------------------

RANDOM = np.random.default_rng(0).normal(size=(20, 20, 20))
ZOO: list[Any] = [
    3.0, 3, True, -2.5, 1e-5, 1e10, np.nan, np.inf, -np.inf, [1.0, 2.0], [1.5, -2.0], [1, -20, 300], [True, False],
    [1e-5, 1.0], [1e5, 1.0], [1e4, 1.5], [1000.0, 1.0], [1001.0, 1.0], [1e8, 1e8], [1e9], [np.nan, 1.0],
    [np.inf, -1.5], [np.nan, np.inf], [], [[], []], [[1.0, 2.0], [3.0, 4.5]], [[[1]], [[2]]], [[[[1.0]]]], [0.0],
    [0.0, 0.0], [1e-10], [0.1234567, 1234.5], [-1e-3, 1.0], [123456.0], [1e7, 2.0], [0.5, np.nan], [np.inf, 2.0],
    [-0.0, 1.0], [300.0, np.nan, -1.0], [[0.5, -np.inf], [100.25, 1.0]], RANDOM[0, 0], RANDOM[0, :3, :4],
    RANDOM[0].reshape(8, 50), RANDOM[:3], RANDOM, RANDOM * 1e6, RANDOM[:3, :4, :2] * 1e-6, np.arange(2000),
    np.arange(2000.0), np.arange(1000), np.arange(1001), np.arange(60).reshape(3, 4, 5), np.ones((1001, 2)),
    np.zeros((0, 3)), np.zeros((2, 0, 3)), np.arange(5, dtype=np.int32), np.arange(5, dtype=np.uint8),
    np.arange(40) > 20, np.ones(3, np.float16), np.arange(2400).reshape(2, 2, 600), np.arange(100.0) / 8,
]  # fmt: skip


@needs_torch
@pytest.mark.parametrize("i", range(len(ZOO)))
def test_a_tensor_is_written_as_in_torch(i: int) -> None:
    """The text is PyTorch's, but for the length of its dtype's name, which may move the dtype to another line."""
    for dtype in (np.float32, np.float64, None):
        array = np.asarray(ZOO[i])
        array = array.astype(dtype) if dtype is not None and array.dtype.kind == "f" else array
        ours, theirs = repr(tensor(array)), repr(torch.tensor(array)).replace("torch.", "")
        assert (
            ours.partition("dtype")[0].split("\n")[:-1] == theirs.partition("dtype")[0].split("\n")[: ours.count("\n")]
        )
        assert ours.split() == theirs.split()
        if array.dtype in (np.float32, np.int64, np.bool_):
            assert ours == theirs


def test_text_tells_of_the_graph() -> None:
    """A leaf says requires_grad, a result names the operation that made it."""
    x = ones(2, requires_grad=True)
    assert repr(x) == "tensor([1., 1.], requires_grad=True)"
    assert repr((x * 2).sum()) == "tensor(4., grad_fn=<sum>)"
    assert str(ones(0, 3, requires_grad=True)) == "tensor([], size=(0, 3), requires_grad=True)"


# --- memory, copies, attributes ---------------------------------------------------------------------------------------


def test_numpy_shares_memory_outside_the_graph() -> None:
    """numpy() and detach() look into the tensor; a tracked one refuses numpy()."""
    x = zeros(2)
    x.numpy()[0] = 5
    assert x.tolist() == [5, 0]
    w = ones(2, requires_grad=True)
    with pytest.raises(GraphError, match=r"use \.detach\(\)\.numpy\(\)"):
        w.numpy()
    w.detach().numpy()[1] = 7
    assert w.tolist() == [1, 7]


def test_data_is_read_and_assigned() -> None:
    """.data is the memory outside the graph; assigned, the leaf keeps its place and takes the new shape."""
    w = ones(2, requires_grad=True)
    w.data -= 0.5
    w.data[0] = 3.0
    assert (w.tolist(), w.data.requires_grad, w.requires_grad) == ([3, 0.5], False, True)
    w.data = zeros(3, dtype=autodiff.float64)
    (w * 2).sum().backward()
    assert (w.grad.tolist(), w.grad.dtype) == ([2, 2, 2], np.float64)
    with pytest.raises(DtypeError, match="the data of a tensor is a tensor"):
        w.data = np.zeros(3)


def test_grad_is_read_taken_away_and_assigned() -> None:
    """p.grad = None forgets, another tensor of the shape is taken, anything else is refused."""
    w = ones(2, requires_grad=True)
    (w * 3).sum().backward()
    w.grad = w.grad * 2
    assert w.grad.tolist() == [6, 6]
    w.grad = None
    (w * 3).sum().backward()
    assert w.grad.tolist() == [3, 3]
    for wrong in (zeros(3), np.zeros(2), 1.0):
        with pytest.raises(ShapeError, match=r"gradient of a tensor of shape \(2,\)"):
            w.grad = wrong if not isinstance(wrong, np.ndarray) else list(wrong)
    w.grad = ones(1).expand(2)
    (w * 3).sum().backward()
    assert w.grad.tolist() == [4, 4]


def test_requires_grad_set_later() -> None:
    """A tensor asks for its gradient from then on; what was made before does not know it."""
    x = ones(2)
    before = x * 2
    x.requires_grad = True
    assert (before.requires_grad, (x * 2).requires_grad, x.is_leaf, x.grad_fn) == (False, True, True, None)
    y = x * 2
    assert (y.is_leaf, y.grad_fn.name()) == (False, "multiply")


def test_copies_keep_what_a_leaf_is() -> None:
    """deepcopy and pickle bring back entries, dtype, requires_grad and, in a deepcopy, the gradient."""
    x = tensor([[1.5, np.nan]], dtype=autodiff.float16, requires_grad=True)
    x.grad = ones(1, 2, dtype=autodiff.float16)
    for twin in (copy.deepcopy(x), copy.copy(x), *(pickle.loads(pickle.dumps(x, p)) for p in range(2, 6))):
        assert type(twin) is Tensor
        assert (twin.dtype, twin.requires_grad, twin.is_leaf, repr(twin)) == (x.dtype, True, True, repr(x))
    twin = copy.deepcopy(x)
    twin.data.fill_(0)
    assert (x.tolist()[0][0], twin.grad.tolist()) == (1.5, [[1, 1]])
    both = copy.deepcopy([x, x])
    assert both[0] is both[1]


def test_shape_attributes() -> None:
    """The names by which programs ask for sizes, dtype, device and memory."""
    x = zeros(2, 3, 4)
    assert (x.shape, x.size(), x.size(-1), x.ndim, x.dim(), x.numel(), x.nelement()) == (
        (2, 3, 4),
        (2, 3, 4),
        4,
        3,
        3,
        24,
        24,
    )
    b, *rest = x.shape
    assert (b, rest) == (2, [3, 4])
    assert (x.is_contiguous(), x.mT.is_contiguous(), x.mT.contiguous().is_contiguous()) == (True, False, True)
    assert x.contiguous() is x
    assert (str(x.device), x.device == autodiff.device("cpu"), x.cpu() is x, x.to("cpu") is x) == (
        "cpu",
        True,
        True,
        True,
    )
    assert (x.is_floating_point(), x.long().is_floating_point()) == (True, False)
    assert x.to(x.long()).dtype == np.int64
    assert x.to("cpu", autodiff.float64).dtype == np.float64
    assert not np.shares_memory(x.to(x.dtype, copy=True).numpy(), x.numpy())
    assert (x.view_as(zeros(6, 4)).shape, ones(4).expand_as(x).shape, x.type_as(x.half()).dtype) == (
        (6, 4),
        (2, 3, 4),
        np.float16,
    )


# --- indexing ---------------------------------------------------------------------------------------------------------

Key = Any
INDICES: dict[str, Callable[[Any], Key]] = {  # m is autodiff, torch or numpy
    "number": lambda m: 1,
    "negative number": lambda m: -2,
    "numbers": lambda m: (1, 0, -1),
    "slice": lambda m: slice(1, 3),
    "steps": lambda m: (slice(None, None, 2), slice(1, None, 3)),
    "empty slice": lambda m: slice(2, 2),
    "out of range slice": lambda m: slice(1, 99),
    "None": lambda m: (None, 1, None),
    "Ellipsis": lambda m: (..., 0),
    "Ellipsis between": lambda m: (0, ..., slice(1)),
    "all": lambda m: ...,
    "list": lambda m: [0, 2, 0],
    "list in a tuple": lambda m: ([0, 2, 0], 1),
    "bool list": lambda m: [True, False, True, False],
    "mask": lambda m: m.tensor([True, False, True, True]),
    "matrix mask": lambda m: m.tensor([[True, False, True], [False] * 3, [True] * 3, [False, True, False]]),
    "mask and number": lambda m: (m.tensor([True, False, True, True]), 1),
    "mask behind": lambda m: (slice(None), m.tensor([True, False, True])),
    "integers": lambda m: m.tensor([3, 0, 0, -1]),
    "integer matrix": lambda m: m.tensor([[3, 0], [0, 1]]),
    "integers on two axes": lambda m: (m.tensor([3, 0]), m.tensor([1, 2])),
    "integers broadcast": lambda m: (m.tensor([[3], [0]]), m.tensor([1, 2])),
    "integers and slice": lambda m: (m.tensor([3, 0, 3]), slice(None), m.tensor([1, 0, 1])),
    "slice and integers": lambda m: (slice(1, None), m.tensor([1, 1])),
    "integers and None": lambda m: (None, m.tensor([1, 1]), ..., None),
    "0-d integer": lambda m: m.tensor(2),
    "0-d integers": lambda m: (m.tensor(2), m.tensor(-1)),
    "no integers": lambda m: m.tensor([], dtype=m.int64),
    "no entries by mask": lambda m: m.tensor([False] * 4),
    "slice by tensors": lambda m: slice(m.tensor(1), m.tensor(3)),
    "True": lambda m: True,
    "int32": lambda m: m.tensor([1, 1], dtype=m.int32),
}


@needs_torch
@pytest.mark.parametrize("name", INDICES)
def test_indexing_agrees_with_torch(name: str) -> None:
    """Values, shapes, gradients (of entries picked twice too) and assignments at every kind of index."""
    data = np.arange(24.0).reshape(4, 3, 2)
    results = []
    for m in (autodiff, torch):
        x = m.tensor(data, requires_grad=True)
        y = x[INDICES[name](m)]
        weights = np.random.default_rng(0).normal(size=tuple(y.shape))
        (y * m.tensor(weights)).sum().backward()
        z = x * 1
        value = m.tensor(-1.0, dtype=m.float64, requires_grad=True)
        z[INDICES[name](m)] = value
        (z * z).sum().backward()
        results.append([y.detach().numpy(), x.grad.numpy(), z.detach().numpy(), value.grad.numpy()])
    for got, expected in zip(*results, strict=True):
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=1e-14)


@pytest.mark.parametrize("key", [
    slice(None, None, -1), (slice(None), slice(2, 0, -1)), (slice(-1, None, -2), None),
    (np.array([1, 1]), slice(None, None, -1)),
    np.array([[True, False, True]] * 4), (np.newaxis, ..., 1), (np.int64(2), np.array(1)), range(3), [[0, 1], [2, 0]],
])  # fmt: skip
def test_indexing_as_numpy_has_it(key: Key) -> None:
    """What PyTorch lacks (negative steps) or NumPy programs write works as in NumPy, with gradients and assignment."""
    data = np.arange(24.0).reshape(4, 3, 2)
    plain = np.array(key) if isinstance(key, (range, list)) else key
    x = tensor(data, requires_grad=True)
    y = x[key]
    assert y.tolist() == data[plain].tolist()
    y.sum().backward()
    counts = np.zeros_like(data)
    np.add.at(counts, plain, 1)
    assert x.grad.tolist() == counts.tolist()
    z, expected = tensor(data), data.copy()
    z[key] = expected[plain] = 5
    assert z.tolist() == expected.tolist()


def test_slices_are_views_and_picks_are_copies() -> None:
    """A change through a slice or a single entry is seen in the tensor, as in PyTorch."""
    x = arange(6.0).reshape(2, 3)
    x[0].fill_(9)
    x[1][0].add_(1)
    x[:, 1:][1] = 0
    x[[0]].zero_()
    x[1, 0] += 10
    assert x.tolist() == [[9, 9, 9], [14, 0, 0]]


# --- mistakes ---------------------------------------------------------------------------------------------------------

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
    "gather out of range": (lambda: A.gather(0, tensor([[5]])), IndexError, "take_along_axis.*out of bounds"),
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
    "complex operand": (lambda: A * 1j, TypeError, "multiply takes"),
    "complex array": (lambda: A * np.array([1j]), TypeError, "multiply takes"),
    "order": (lambda: A < "a", TypeError, "less takes"),
    "huge integer": (lambda: tensor([1], dtype=autodiff.uint8) + 2**70, TypeError, "add"),
    "integer power": (lambda: tensor([2]) ** -1, ValueError, "power.*negative integer powers"),
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
    "integer randn": (lambda: autodiff.randn(2, dtype=autodiff.int64), TypeError, "floating, not int64"),
    "empty randint": (lambda: autodiff.randint(5, 5, (2,)), ValueError, "no integer from 5 up to but not including 5"),
    "backward of many": (
        lambda: (A.clone().requires_grad_() * 2).backward(),
        RuntimeError,
        r"shape \(2, 3\) needs a gradient",
    ),
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
    assert any(re.search(r"backward pass of sum, .*test_tensor\.py:\d+", note) for note in caught.value.__notes__)
