"""What a tensor's value and its gradient say of its history agree, or an error says why they cannot."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff import Tensor, grad, no_grad, tensor
from autodiff.engine.primitive import Primitive, primitives
from autodiff.errors import GraphError, InPlaceError, ShapeError
from autodiff.utils.checkpoint import checkpoint


def leaf() -> Tensor:
    return tensor([1.0, 2.0], requires_grad=True)


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("value", [lambda a: 2.0, lambda a: a.sum(), lambda a: autodiff.ones(1)])
@pytest.mark.parametrize("of_leaf", [False, True])
def test_a_view_made_under_no_grad_is_not_written_while_recording(
    depth: int, value: Callable[[Tensor], Any], of_leaf: bool
) -> None:
    """Nor is a view of it, whatever is written; nothing was written before the refusal."""
    a = leaf()
    b = a if of_leaf else a * 1
    with no_grad():
        view = b[:]
    for _ in range(depth):
        view = view[:1]
    for write in (lambda: view.mul_(value(a)), lambda: view.__setitem__(0, value(a)), lambda: view.zero_()):
        with pytest.raises(InPlaceError, match="no_grad"):
            write()
    assert b.tolist() == [1.0, 2.0]
    with no_grad():
        view.mul_(2.0)
    assert b.tolist()[0] == 2.0


def test_a_view_of_a_base_that_was_cut_off_is_cut_off_too() -> None:
    """The base was written and taken out of the graph: the view shows the new value, which has no gradient."""
    a = leaf()
    base = a.sin()
    view = base[...]
    base.mul_(3.0)
    base.detach_()
    with pytest.raises(GraphError, match=r"went through detach_\(\)"):
        view.sum().backward()
    assert a.grad is None


def test_a_view_of_memory_that_its_base_gave_up_is_refused() -> None:
    """The base was written and given other data: nobody knows the history of what the view shows."""
    a = leaf()
    base = a.sin()
    view = base[...]
    base.mul_(3.0)
    base.data = autodiff.ones(2)
    with pytest.raises(InPlaceError, match="make the view again"):
        view.sum().backward()
    (base[...] * a).sum().backward()
    assert a.grad is not None


@pytest.mark.parametrize("data", [autodiff.ones(1, 2), autodiff.ones(2, dtype=autodiff.float64), autodiff.ones(3)])
def test_data_of_another_kind_between_forward_and_backward_is_refused(data: Tensor) -> None:
    """A gradient of the old shape and dtype fits no new leaf; the next graph fits it."""
    a = leaf()
    loss = (a * a).sum()
    a.data = data
    with pytest.raises(InPlaceError, match=r"assign .data after backward"):
        loss.backward()
    (a * 2).sum().backward()
    assert a.grad is not None
    assert (a.grad.shape, a.grad.dtype) == (data.shape, data.dtype)


def test_data_of_the_same_kind_is_taken_between_forward_and_backward() -> None:
    """What the graph saved is the old value, as in PyTorch; hooks of the leaf stay."""
    a = leaf()
    seen: list[Any] = []
    a.register_hook(lambda g: seen.append(g.tolist()))
    loss = (a * a).sum()
    a.data = autodiff.zeros(2)
    loss.backward()
    assert a.grad is not None
    assert a.grad.tolist() == [2.0, 4.0]
    a.data = autodiff.ones(3)

    grad((a * 2).sum(), a)
    assert seen == [[2.0, 4.0], [2.0, 2.0, 2.0]]


def test_data_of_a_tensor_inside_the_graph_keeps_shape_and_dtype() -> None:
    """What follows in the graph has been told its shape."""
    y = leaf() * 2
    with pytest.raises(ShapeError, match="inside the graph"):
        y.data = autodiff.ones(3)
    y.data = autodiff.ones(2)
    assert y.tolist() == [1.0, 1.0]


def _own(y: Tensor) -> Tensor:
    y.retain_grad()
    y.mul_(3.0)
    return y


def _by_view(y: Tensor) -> Tensor:
    y.retain_grad()
    y[:1].mul_(3.0)
    return y


def _by_entry(y: Tensor) -> Tensor:
    y.retain_grad()
    y[0] = 5.0
    return y


def _of_view(y: Tensor) -> Tensor:
    view = y[:]
    view.retain_grad()
    y.mul_(3.0)
    return view


def _in_shape(y: Tensor) -> Tensor:
    y.retain_grad()
    return y.unsqueeze_(0)


@pytest.mark.parametrize("change", [_own, _by_view, _by_entry, _of_view, _in_shape])
def test_retain_grad_survives_a_change_in_place(change: Callable[[Tensor], Tensor]) -> None:
    """The gradient that is retained is that of the present value, as in PyTorch."""
    kept = change(leaf() * 2)
    (kept * kept.detach()).sum().backward()
    assert kept.grad is not None
    assert kept.grad.tolist() == kept.tolist()


def test_threads_lose_no_gradient() -> None:
    """NumPy lets other threads run while it adds long arrays; each backward pass is in the sum all the same."""
    w = autodiff.zeros(200_000, requires_grad=True)
    rounds, workers = 30, 4

    def work() -> None:
        for _ in range(rounds):
            (w * 1.0).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert w.grad is not None
    assert np.unique(w.grad.numpy()).tolist() == [rounds * workers]


def test_a_checkpoint_restores_the_shape_of_what_is_not_kept() -> None:
    """A VJP reads the shape of an input whose value it does not keep, with and without a checkpoint."""
    scaled = Primitive(
        "scaled_for_checkpoint",
        lambda x, y: np.sum(x) * y,
        lambda g, out, x, y: np.broadcast_to(np.sum(g * y), x.shape),
        lambda g, out, x, y: g * 1,
        keeps=("y", ""),
    )
    try:
        for wrapped in (lambda f, *xs: f(*xs), checkpoint):
            x, y = leaf(), tensor(3.0)
            loss = wrapped(lambda x, y: scaled(x, y).exp(), x, y)
            (slope,) = grad(loss, x)
            assert slope.tolist() == pytest.approx([3 * loss.item()] * 2)
    finally:
        del primitives["scaled_for_checkpoint"]


def test_a_view_says_that_it_requires_grad_when_what_it_looks_into_was_written() -> None:
    """Its history is brought up to date before anything is said of it, asked of it, or refused."""
    written, other = autodiff.ones(2), tensor([[1.0], [2.0]])
    views = [written[:1], written[...], other.t()]
    written *= leaf()
    other += leaf()[0]
    assert [view.requires_grad for view in views] == [True] * 3
    assert [view.is_leaf for view in views] == [False] * 3
    assert all(view.grad_fn is not None for view in views)
    assert "grad_fn" in repr(views[0])
    views[1].retain_grad()
    (views[1] * views[1]).sum().backward()
    assert (views[1].retains_grad, views[1].grad.tolist()) == (True, [2.0, 4.0])
    with pytest.raises(GraphError, match=r"detach\(\)\.numpy"):
        views[2].numpy()


@pytest.mark.parametrize("turn", [lambda x: x.t_(), lambda x: x.unsqueeze_(0), lambda x: x.transpose_(0, 1)])
def test_a_new_shape_under_no_grad_keeps_the_place_in_the_graph(turn: Callable[[Tensor], Any]) -> None:
    """A leaf stays a leaf and gets its gradient in the new shape; a result stays one."""
    a = tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    b = a * 3
    with no_grad():
        turn(a)
        turn(b)
    assert (a.requires_grad, a.is_leaf, b.requires_grad, b.is_leaf) == (True, True, True, False)
    assert (b.shape, b.flatten().tolist()) == (a.shape, [3.0, 6.0, 9.0])
    (a * a.detach()).sum().backward()
    assert a.grad is not None
    assert a.grad.tolist() == a.tolist()
    a.detach_()  # it is no view
    b.detach_()


def test_a_view_keeps_what_it_looks_into_through_a_new_shape() -> None:
    """A view that is turned in place is a view still, and written through."""
    x = autodiff.zeros(2, 3)
    view = x[:1]
    view.squeeze_()
    view += leaf()[0]
    assert x.tolist() == [[1.0] * 3, [0.0] * 3]
    assert x.requires_grad


@pytest.mark.parametrize("stop", [lambda a: a.requires_grad_(False), lambda a: a.detach_()])
@pytest.mark.parametrize("depth", [0, 1])
def test_a_tracked_view_of_what_was_taken_out_of_the_graph_is_not_written(
    stop: Callable[[Tensor], Any], depth: int
) -> None:
    """The write would be in the history of one and not of the other; nothing was written before the refusal."""
    a = leaf()
    view = a[:]
    for _ in range(depth):
        view = view[:1]
    stop(a)
    for write in (lambda: view.mul_(2.0), lambda: view.__setitem__(0, 5.0), lambda: view.zero_()):
        with pytest.raises(InPlaceError, match="does not require grad"):
            write()
    assert a.tolist() == [1.0, 2.0]
    twin = tensor([1.0, 2.0])
    part = twin[:].requires_grad_()
    with pytest.raises(InPlaceError, match="does not require grad"):
        part[:] += 1
    assert twin.tolist() == [1.0, 2.0]


def test_the_inputs_of_a_backward_pass_retain_their_gradient() -> None:
    """As in PyTorch, one that is no leaf goes on adding up its gradient in later passes."""
    a = leaf()
    b = a * 2
    b.sum().backward(inputs=[b], retain_graph=True)
    assert (b.retains_grad, b.grad.tolist(), a.grad) == (True, [1.0, 1.0], None)
    (b * 3).sum().backward()
    assert b.grad.tolist() == [4.0, 4.0]


def test_a_gradient_of_an_old_shape_is_refused_by_name() -> None:
    """What was added up for the old data does not add up with what comes for the new."""
    a = leaf()
    (a * a).sum().backward()
    a.data = autodiff.ones(1, 2)
    with pytest.raises(InPlaceError, match=r"set \.grad = None"):
        (a * a).sum().backward()


def test_a_view_of_a_tensor_in_another_shape_is_refused_by_name() -> None:
    """Also where the steps of the view make no sense of the new shape; it can be printed all the same."""
    base = autodiff.zeros(2, 3)
    views = [base.transpose(0, 1), base.diagonal(), base[0, 1:]]
    base.unsqueeze_(0)
    base += leaf()[0]
    for view in views:
        assert repr(view).startswith("tensor([")
        with pytest.raises(InPlaceError, match="make the view again"):
            view.sum()


def test_a_strided_number_that_was_written_passes_its_gradient() -> None:
    """The cotangent of a number may be one of NumPy's, which has no memory to look into."""
    a = tensor(2.0, requires_grad=True)
    b = a + a * 2
    b.as_strided((), ()).mul_(3.0)
    assert grad(b, a)[0].item() == 9.0


def test_a_write_changes_nothing_of_what_has_no_entries() -> None:
    """It may lie in the same memory."""
    a = tensor([[1.0], [2.0]], requires_grad=True)
    empty = a.tensor_split(2, 1)[1]
    squared = empty * empty
    a.detach().mul_(2.0)
    squared.sum().backward()
    assert a.grad is not None
    assert a.grad.tolist() == [[0.0], [0.0]]


def test_a_strided_number_of_a_tensor_in_another_shape_is_refused_by_name() -> None:
    """Laid out otherwise, the base has no such view but a copy, which NumPy makes a number without memory.

    Until the memory is written again the view has its own history, and nothing is refused.
    """
    a, w = tensor(2.0), leaf()
    view = a.as_strided((), ())
    view.mul_(w.sum())
    a.unsqueeze_(0)
    assert grad(view.sum(), w, retain_graph=True)[0].tolist() == [2.0, 2.0]
    a.add_(1.0)
    with pytest.raises(InPlaceError, match="another shape in place"):
        view.sum().backward()


@pytest.mark.parametrize("name", ["index_add", "index_copy", "index_reduce"])
@pytest.mark.parametrize(("shape", "index"), [((1, 1), [0]), ((2,), [0]), ((1, 2), [0, 1]), ((), [0])])
def test_slices_are_not_broadcast(name: str, shape: tuple[int, ...], index: list[int]) -> None:
    """There is one slice for each position, of the shape it has there, as in PyTorch."""
    x, more = autodiff.zeros(2, 2), ("prod",) if name == "index_reduce" else ()
    for method in (getattr(x, name), getattr(x, f"{name}_")):
        with pytest.raises(ShapeError):
            method(0, tensor(index), autodiff.ones(*shape) if shape else tensor(1.0), *more)
    assert x.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_numbers_are_not_joined_along_an_axis_they_do_not_have() -> None:
    """PyTorch refuses it too."""
    with pytest.raises(ShapeError, match=r"stack\(\)"):
        autodiff.cat([tensor(1.0), tensor(2.0)])


def test_a_gradient_that_is_there_is_changed_in_place_unless_the_pass_is_recorded() -> None:
    """As PyTorch documents it: who holds ``.grad`` sees the sum, and with ``create_graph`` keeps the old one."""
    a = leaf()
    (a * a).sum().backward()
    held = a.grad
    (a * a).sum().backward()
    assert a.grad is held
    (a * 3).sum().backward(create_graph=True)
    assert held is not None
    assert (held.tolist(), a.grad.tolist()) == ([4.0, 8.0], [7.0, 11.0])
    a.grad *= leaf()
    held = a.grad
    (a * 3).sum().backward()
    assert a.grad is held


FREEZES: list[Callable[[Tensor], Any]] = [lambda x: x.requires_grad_(False), lambda x: x.detach_()]


@pytest.mark.parametrize("freeze", FREEZES)
@pytest.mark.parametrize("times", [1, 2])
def test_a_leaf_that_is_set_free_again_is_the_same_leaf(freeze: Callable[[Tensor], Any], times: int) -> None:
    """As in PyTorch the graph made before leads to it, with the hooks that it had."""
    a, calls = leaf(), []
    a.register_hook(calls.append)
    loss = (a * a).sum()
    for _ in range(times):
        freeze(a)
        assert not (a * 2).requires_grad
        a.requires_grad_()
    after = (a * 3).sum()
    assert grad(loss, a, retain_graph=True)[0].tolist() == [2.0, 4.0]
    assert grad(loss + after, a, retain_graph=True)[0].tolist() == [5.0, 7.0]
    (loss + after).backward()
    assert a.grad is not None
    assert a.grad.tolist() == [5.0, 7.0]
    assert len(calls) == 3


@pytest.mark.parametrize("freeze", FREEZES)
def test_what_was_made_of_a_frozen_leaf_becomes_a_leaf_of_its_own(freeze: Callable[[Tensor], Any]) -> None:
    """It knows why it is outside the graph, and takes no other's place in it; nor does a leaf of another shape."""
    a, calls = leaf(), []
    a.register_hook(calls.append)
    loss = (a * a).sum()
    freeze(a)
    with pytest.raises(GraphError, match=r"detach_\(\)|requires_grad_\(False\)"):
        (a * 2).sum().backward()
    b = (a * 2).requires_grad_()
    a.data = autodiff.ones(3)
    a.requires_grad_().sum().backward()
    assert len(calls) == 1  # its hooks stay
    for x in (a, b):
        with pytest.raises(GraphError, match="not used to make the outputs"):
            grad(loss, x, retain_graph=True)


def test_an_untracked_view_is_written_whatever_shape_its_base_was_given() -> None:
    """Nothing was recorded, so there is no history that the write could contradict; a recorded one is refused."""
    base = autodiff.ones(2, 2)
    view = base.flatten()
    base.t_()
    view[:2] = 3.0
    assert base.tolist() == [[3.0, 1.0], [3.0, 1.0]]
