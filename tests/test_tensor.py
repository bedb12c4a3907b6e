"""A Tensor as a Python value: numbers, text, copies, memory and attributes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from parity.harness import both

import autodiff
from autodiff import Tensor, arange, ones, tensor, zeros
from autodiff.errors import AutodiffError, AxisError, DtypeError, GraphError, ShapeError

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


@pytest.mark.parametrize("i", range(len(ZOO)))
def test_a_tensor_is_written_as_in_torch(i: int) -> None:
    """The text is PyTorch's, but for the length of its dtype's name, which may move the dtype to another line."""
    for dtype in (np.float32, np.float64, None):
        array = np.asarray(ZOO[i])
        array = array.astype(dtype) if dtype is not None and array.dtype.kind == "f" else array
        ours, theirs = both(lambda lib: repr(lib.tensor(array)).replace(f"{lib.__name__}.", ""))  # noqa: B023
        mine, wanted = ([line.rstrip() for line in text.partition("dtype")[0].split("\n")] for text in (ours, theirs))
        assert mine[:-1] == wanted[: ours.count("\n")]
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
    for wrong, error in ((zeros(3), ShapeError), (np.zeros(2, np.float32), DtypeError), (1.0, DtypeError)):
        with pytest.raises(error, match=r"gradient of a tensor of shape \(2,\)"):
            w.grad = wrong
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
    assert (x.flatten(1, 1) is x, x.view(24).ravel() is x) == (True, False)
    assert autodiff.broadcast_tensors(x, ones(4))[0] is x
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
