"""Results lie in memory as PyTorch's do: a view looks into the memory into which it looks there, or is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.base import CASES
from parity.harness import both, flat
from parity.layouts import by_columns, by_rows, differences, steps

import autodiff
import nn
from autodiff import Tensor, grad, no_grad, tensor
from autodiff.errors import InPlaceError, ShapeError

EXCEPTIONS = {
    "diagonal_scatter": "PyTorch keeps the gaps of a sliced input",
    "select_scatter": "as diagonal_scatter",
    "slice_scatter": "as diagonal_scatter",
    "linalg.lstsq:grad_oriented": "PyTorch's solution is the upper part of a longer array",
    "quantile": "several quantiles along an inner axis lie in another order of axes",
    "nanquantile": "as quantile",
    "binary_cross_entropy_with_logits": "PyTorch's lies as the target does, where only that one lies by columns",
    "gru_cell": "PyTorch's lies as the state does, where that one lies by columns",
    "histogramdd": "PyTorch gives the edges that it was given back themselves",
}


@pytest.mark.parametrize("name", CASES)
def test_results_lie_in_memory_as_in_pytorch(name: str) -> None:
    """Their steps, and which inputs they look into, for inputs that lie by rows, by columns, with gaps, stretched."""
    wrong = [line for case in CASES[name] for line in differences(case)]
    if name in EXCEPTIONS:
        assert wrong, f"{name} is no exception any more"
    else:
        assert not wrong, "\n".join(wrong)


LAYERS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "linear": (lambda nn: nn.Linear(3, 4), (2, 5, 3)),
    "conv": (lambda nn: nn.Conv2d(2, 3, 2), (2, 2, 4, 5)),
    "conv_transpose": (lambda nn: nn.ConvTranspose1d(2, 3, 2), (2, 2, 4)),
    "lstm": (lambda nn: nn.LSTM(3, 4, 2, bidirectional=True), (5, 2, 3)),
    "lstm, batch first": (lambda nn: nn.LSTM(3, 4, batch_first=True), (5, 2, 3)),
    "gru, batch first": (lambda nn: nn.GRU(3, 4, batch_first=True), (5, 2, 3)),
    "cell": (lambda nn: nn.GRUCell(3, 4), (5, 3)),
    "encoder": (lambda nn: nn.TransformerEncoderLayer(4, 2, 8, 0.0), (5, 2, 4)),
    "encoder, batch first": (lambda nn: nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True), (5, 2, 4)),
    "batch norm": (lambda nn: nn.BatchNorm2d(2), (3, 2, 4, 5)),
    "layer norm": (lambda nn: nn.LayerNorm(3), (2, 5, 3)),
    "group norm": (lambda nn: nn.GroupNorm(2, 4), (2, 4, 3)),
    "PReLU": (lambda nn: nn.PReLU(4), (2, 4, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("kind", [by_rows, by_columns])
def test_layers_and_their_gradients_lie_in_memory_as_in_pytorch(name: str, kind: Any) -> None:
    """What a layer returns, and what the backward pass puts into ``.grad`` of the input and of the parameters."""
    make, shape = LAYERS[name]

    def found(lib: Any) -> list[Any]:
        layer = make(nn if lib is autodiff else lib.nn)
        x = kind(lib, np.cos(np.arange(np.prod(shape)).reshape(shape)).astype(np.float32), 0).requires_grad_()
        outputs = flat(layer(x))
        sum((y * y).sum() for y in outputs).backward()
        return [steps(y) for y in (*outputs, x.grad, *(p.grad for p in layer.parameters()))]

    ours, theirs = both(found)
    assert ours == theirs


@pytest.mark.parametrize("turn", [
    lambda x: x, lambda x: x.t(), lambda x: x.view(2, 3, 2, 1).permute(3, 1, 0, 2), lambda x: x.view(3, 4).mT,
    lambda x: x.view(1, 3, 2, 2).transpose(1, 3),
])  # fmt: skip
def test_a_deep_copy_lies_in_memory_as_what_was_copied(turn: Callable[[Any], Any]) -> None:
    """A view of the copy shares its memory or not as in PyTorch."""

    def found(lib: Any) -> Any:
        x = copy.deepcopy(turn(lib.tensor(np.arange(12.0).reshape(2, 6))))
        flat, shown = x.ravel(), x.numpy().strides
        x.zero_()
        return shown, flat.tolist()

    ours, theirs = both(found)
    assert ours == theirs


# --- views, without PyTorch


def leaf(*shape: int) -> Tensor:
    return autodiff.arange(float(np.prod(shape))).reshape(shape).clone().requires_grad_()


def test_a_write_through_a_view_of_what_was_picked_is_not_lost() -> None:
    """Also while recording: both the picked and the factor get their gradients."""
    x, w = leaf(2, 3), leaf(4)
    y = x[:, tensor([2, 0])] * 1
    y.view(-1).mul_(w)
    assert y.tolist() == [[0.0, 0.0], [10.0, 9.0]]
    slope, factor = grad(y.sum(), (x, w))
    assert slope.tolist() == [[1.0, 0.0, 0.0], [3.0, 0.0, 2.0]]
    assert factor.tolist() == [2.0, 0.0, 5.0, 3.0]


@pytest.mark.parametrize("turn", [
    lambda x: x.t(), lambda x: x[:, ::2], lambda x: x[:, :2], lambda x: x[0].expand(2, 3), lambda x: x.flip(0).t(),
])  # fmt: skip
def test_view_is_refused_where_it_would_have_to_copy(turn: Callable[[Tensor], Tensor]) -> None:
    """The error says what lies there, and what to call; those calls work."""
    x = turn(leaf(2, 3).detach())
    for call in (lambda: x.view(-1), lambda: x.view_as(autodiff.zeros(x.numel())), lambda: x.view(1, x.numel())):
        with pytest.raises(ShapeError, match=r"stride .* use reshape\(\), .* contiguous\(\)\.view\(\)"):
            call()
    assert x.reshape(-1).tolist() == x.contiguous().view(-1).tolist() == x.flatten().tolist() == x.ravel().tolist()


@pytest.mark.parametrize("view", [
    lambda x: x.view(6, 4), lambda x: x.view(-1), lambda x: x.transpose(0, 1).view(3, 2, 2, 2),
    lambda x: x[:, 1].view(2, 2, 2), lambda x: x.view_as(autodiff.zeros(4, 6)), lambda x: x.reshape(24),
    lambda x: x.flatten(1), lambda x: x.ravel(),
    lambda x: x.contiguous(), lambda x: x.unflatten(2, (2, 2)), lambda x: x.as_strided((2, 2), (1, 5), 3),
    lambda x: x.view(autodiff.int32), lambda x: x.unfold(2, 2, 2), lambda x: x.diagonal(),
    lambda x: x.mT, lambda x: x.T, lambda x: x.movedim(0, 2), lambda x: x.squeeze(),
    lambda x: x.unsqueeze(0), lambda x: x.narrow(1, 1, 2),
    lambda x: x.tensor_split(2, 2)[1], lambda x: x.hsplit(3)[2], lambda x: x.unbind(1)[1], lambda x: x.chunk(2)[1],
])  # fmt: skip
def test_a_view_and_its_base_see_each_others_writes(view: Callable[[Tensor], Tensor]) -> None:
    """What is written into one is read from the other."""
    x = leaf(2, 3, 4).detach()
    y, before = view(x), x.tolist()
    y.zero_()
    assert x.tolist() != before
    x.fill_(7)
    assert (y == view(x)).all()


@pytest.mark.parametrize("copied", [
    lambda x: x.t().reshape(-1), lambda x: x.t().flatten(), lambda x: x[:, ::2].ravel(), lambda x: x.t().contiguous(),
    lambda x: x[:, 0].ravel(), lambda x: x.clone(), lambda x: x[[0, 1]], lambda x: x * 1,
])  # fmt: skip
def test_a_copy_does_not_see_writes(copied: Callable[[Tensor], Tensor]) -> None:
    """Where the memory does not allow a view, reshape and flatten copy; ravel does so even for entries with gaps."""
    x = leaf(2, 3).detach()
    y = copied(x)
    before = y.tolist()
    x.fill_(7)
    assert y.tolist() == before


def test_reading_in_another_dtype_is_a_view_outside_the_graph() -> None:
    """The last axis makes up for another size; while recording, a write into it would be lost, and is refused."""
    x = tensor([1.0, 2.0])
    assert x.view(autodiff.int32).tolist() == [0x3F800000, 0x40000000]
    assert x.view(autodiff.uint8).shape == (8,)
    assert x.view(dtype=autodiff.float64).shape == (1,)
    with pytest.raises(ShapeError, match=r"use \.to\(\)"):
        tensor([1.0]).view(autodiff.float64)
    y = leaf(2) * 1
    assert not y.view(autodiff.int32).requires_grad
    with pytest.raises(InPlaceError):
        y.view(autodiff.int32).zero_()


# --- as_strided


def test_as_strided_shows_the_memory_of_its_tensor() -> None:
    """By default from where the tensor begins; a number counts from where the memory does."""
    x = autodiff.arange(12).view(3, 4)
    assert x[1:].as_strided((2, 2), (1, 4)).tolist() == [[4, 8], [5, 9]]
    assert x[1:].as_strided((2,), (2,), 1).tolist() == [1, 3]
    assert x.t().as_strided((3,), (1,)).tolist() == [0, 1, 2]
    assert x[0].expand(5, 4).as_strided((4,), (1,)).tolist() == [0, 1, 2, 3]
    assert x.as_strided((), (), 5).tolist() == 5
    assert x.as_strided((2, 0), (9, 9), 3).shape == (2, 0)


@pytest.mark.parametrize("arguments", [
    ((2,), (-1,), 3), ((2,), (1,), -1), ((3, 4), (4, 2)), ((12,), (1,), 1), ((2, 2), (1,)), ((-1,), (1,)),
])  # fmt: skip
def test_as_strided_outside_the_memory_is_refused(arguments: Any) -> None:
    """So are steps and offsets below 0."""
    with pytest.raises(ShapeError, match="as_strided"):
        autodiff.arange(12).view(3, 4).as_strided(*arguments)


def test_as_strided_of_no_entries() -> None:
    """NumPy forgets where an empty part of a memory begins, so that it is asked for; what shows nothing may stand."""
    x = autodiff.arange(12)
    with pytest.raises(ShapeError, match="give the storage_offset"):
        x[3:3].as_strided((2,), (1,))
    assert x[3:3].as_strided((2,), (1,), 3).tolist() == [3, 4]
    assert x[:0].as_strided((0,), (1,), 7).tolist() == x.as_strided((0, 2), (1, 1), 99).tolist() == []


def test_the_gradient_of_as_strided_reaches_entries_that_share_memory() -> None:
    """What comes to one place of memory is shared by the entries of a stretched tensor that lie there."""
    w = leaf(3)
    wide = (w * 2).expand(2, 3)
    wide.retain_grad()
    shown = wide.as_strided((2, 2), (1, 1))
    (shown * tensor([[1.0, 10.0], [100.0, 1000.0]])).sum().backward()
    assert wide.grad is not None
    assert w.grad is not None
    assert wide.grad.tolist() == [[0.5, 55.0, 500.0]] * 2
    assert w.grad.tolist() == [2.0, 220.0, 2000.0]


def test_as_strided_of_memory_that_is_no_entry_has_no_gradient() -> None:
    """It is refused rather than lost; outside the graph that memory may be read and written."""
    x = leaf(6) * 1
    with pytest.raises(ShapeError, match="gradient would be lost"):
        x[::2].as_strided((3,), (1,))
    y = x.detach()[1:4]
    y.as_strided((6,), (1,), 0).add_(1)
    assert x.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_a_recorded_write_through_as_strided_reaches_its_base() -> None:
    """The base is written where the view looks, whatever lies between."""
    x, w = leaf(3, 4), leaf(3, 2)
    base = x * 1
    base.t().as_strided((3, 2), (4, 1), 1).mul_(w)
    slope, factor = grad((base * base.detach()).sum(), (x, w))
    wanted = np.ones((3, 4))
    wanted[:, 1:3] = w.tolist()
    assert slope.tolist() == (wanted * base.detach().numpy()).tolist()
    assert factor.tolist() == (x * base.detach())[:, 1:3].tolist()


# --- entries that overlap


@pytest.mark.parametrize("overlapping", [
    lambda x: x[0].expand(2, 3), lambda x: x[:, :1].expand(2, 3), lambda x: x.as_strided((2, 2), (1, 1)),
    lambda x: x.unfold(1, 2, 1), lambda x: x[0].expand(2, 3).t(),
])  # fmt: skip
def test_entries_that_share_memory_are_not_written(overlapping: Callable[[Tensor], Tensor]) -> None:
    """The last write would win; one number for all of them may be filled in, and some of them may be written."""
    x = leaf(2, 3).detach()
    y, before = overlapping(x), x.tolist()
    for write in (lambda: y.mul_(2.0), lambda: y.copy_(y + 1), lambda: y.__setitem__(..., y + 1)):
        with pytest.raises(InPlaceError, match=r"more than one element of the written-to tensor .* clone\(\)"):
            write()
    assert x.tolist() == before
    y[0, 0] = 5.0
    assert (y[0, 0] == 5.0).all()
    y.fill_(7.0)
    assert (y == 7).all()


# --- layouts, without PyTorch


@pytest.mark.parametrize("turn", [lambda x: x, lambda x: x.permute(2, 0, 1), lambda x: x.transpose(0, 1)[:, ::2]])
def test_copies_and_tensors_like_another_have_its_order_of_axes(turn: Callable[[Tensor], Tensor]) -> None:
    """Without its gaps: sorted by their steps, the axes are the same."""
    x = turn(leaf(2, 3, 4).detach())
    order = np.argsort(x.stride())
    for make in (Tensor.clone, autodiff.zeros_like, autodiff.ones_like, autodiff.empty_like, autodiff.rand_like, abs):
        y = make(x)
        assert np.argsort(y.stride()).tolist() == order.tolist()
        assert y.permute(tuple(order[::-1].tolist())).is_contiguous()


def test_the_first_operand_decides_on_the_order_of_axes() -> None:
    """Where it is not stretched, and whatever the others are."""
    x, y = leaf(2, 3), leaf(3, 2)
    with no_grad():
        z = x.t() + y
    for by_column in (x.t() + y, x.t() > y, x.t() ** y, autodiff.where(x.t() > 1, y, y), z):
        assert by_column.stride() == (1, 3)
    for by_row in (y + x.t(), y < x.t(), autodiff.maximum(y, x.t()), x[0].expand(3, 3) * x[0]):
        assert by_row.is_contiguous()


def test_the_gradient_of_a_leaf_can_be_viewed_as_the_leaf() -> None:
    """It has the leaf's layout: programs flatten the gradients of parameters by view."""
    layer, x = nn.Linear(3, 4), leaf(3, 5)
    (layer(x.t()) ** 2).sum().backward()
    assert all(p.grad is not None and p.grad.view(-1).shape == (p.numel(),) for p in layer.parameters())
    turned = leaf(4, 3).detach().t().requires_grad_()
    (turned * autodiff.ones(3, 4)).exp().sum().backward()
    assert turned.grad is not None
    assert turned.grad.stride() == turned.stride()
    w = leaf(2, 3)
    (w.t() @ autodiff.ones(2, 5) * leaf(5, 3).t()).sum().backward()
    assert w.grad is not None
    assert w.grad.view(-1).shape == (6,)


def test_new_axes_have_steps() -> None:
    """As if they had been put in by unsqueeze, whatever NumPy says of them."""
    x = leaf(2, 3)
    assert x[None].stride() == x.unsqueeze(0).stride() == (6, 3, 1)
    assert x[:, None].stride() == (3, 3, 1)
    assert x[..., None].stride() == (3, 1, 1)


def test_a_part_without_entries_has_no_place_of_its_own() -> None:
    """NumPy forgets where it begins, so a view of what lies there is refused, unless the place is given."""
    x = autodiff.arange(4.0)
    for part in (x[2:2], x.split([2, 0, 2])[1], x.narrow(0, 3, 0)):
        with pytest.raises(ShapeError, match="storage_offset"):
            part.as_strided((2,), (1,))
        assert part.as_strided((2,), (1,), 1).tolist() == [1, 2]
        assert part.as_strided((0, 2), (2, 1)).shape == (0, 2)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 1), (1, 3), (2, 1, 1)])
def test_factors_have_memory_of_their_own(shape: tuple[int, ...]) -> None:
    """They are cut from one array, of which a view of the memory would show the others."""
    x = autodiff.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    for tracked in (False, True):
        a = x.clone().requires_grad_(tracked)
        calls = [autodiff.linalg.svd, autodiff.linalg.qr, *([autodiff.linalg.eigh] if shape[-1] == shape[-2] else [])]
        for part in (part.detach() for call in calls for part in call(a)):
            with pytest.raises(ShapeError, match="leaves the memory"):
                part.as_strided((part.numel() + 1,), (1,))
