"""Changes in place: recorded, seen through views, and refused where a gradient would be wrong."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers import leaf, line_of
from parity.harness import Near, compare

import autodiff
from autodiff import Tensor, grad, no_grad, ones, tensor
from autodiff.engine.tape import reachable
from autodiff.errors import AutodiffError, DtypeError, GraphError, InPlaceError, ShapeError
from nn import functional

C64 = {"dtype": autodiff.float64}


def iadd(x: Tensor, w: Tensor) -> None:
    x += w


def iall(x: Tensor, w: Tensor) -> None:
    x -= 1
    x *= w
    x /= 2
    x **= 2


def slices(x: Tensor, w: Tensor) -> None:
    x[1:] = w[:2] * 3
    x[0] = 5


def numbered(x: Tensor, w: Tensor) -> None:
    x[[0, 2]] = w[:2]
    x[1] *= w[0]


def masked(x: Tensor, w: Tensor) -> None:
    x[x > 1.5] = w[0]


def recurrence(x: Tensor, w: Tensor) -> None:
    for i in range(1, 3):
        x[i] = x[i - 1] * 2 + w[i]
        x[i] += x[i - 1]


def chained(x: Tensor, w: Tensor) -> None:
    x *= w
    y = x[1:]
    y[0] = w[0]
    y *= 2
    x[1:][1] -= w[2]


IN_PLACE: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "+=": iadd,
    "-= *= /= **=": iall,
    "add_": lambda x, w: x.add_(w, alpha=2).sub_(w * w).mul_(w).div_(w + 1),
    "zero_": lambda x, w: x.zero_(),
    "zero_ then": lambda x, w: x.zero_().add_(w),
    "fill_": lambda x, w: x.fill_(w[0]),
    "copy_": lambda x, w: x.copy_(w),
    "copy_ broadcast": lambda x, w: x.copy_(w[:1]),
    "clamp_": lambda x, w: x.clamp_(1.5, 2.5),
    "slices": slices,
    "integer lists": numbered,
    "mask": masked,
    "recurrence": recurrence,
    "views": chained,
    "whole": lambda x, w: x.__setitem__(slice(None), w * w),
    "None and ellipsis": lambda x, w: x.__setitem__((..., None), w[:, None]),
}


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("name", IN_PLACE)
def test_changes_in_place_inside_the_graph_agree_with_torch(name: str, tracked: bool) -> None:
    """Values and gradients of tensors that are changed under recording are PyTorch's."""

    def changed(lib: Any, a: Any, w: Any) -> Any:
        x = a * 1 if tracked else a.detach().clone()
        IN_PLACE[name](x, w)
        return x.detach(), (x * x).sum()

    compare(changed, np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 5.0]), near=Near(1e-14))


CHANGES: dict[str, Callable[[Tensor], Any]] = {
    "+=": lambda y: y.__iadd__(1),
    "x[0] = v": lambda y: y.__setitem__(0, 9.0),
    "zero_": lambda y: y.zero_(),
    "through a view": lambda y: no_grad(lambda: y[1:].add_(1))(),
    "through a reshape": lambda y: no_grad(lambda: y.reshape(2, 1).mul_(2))(),
    "through detach": lambda y: y.detach().add_(1),
    "through data": lambda y: y.data.mul_(0.9),
    "like an optimizer": lambda y: no_grad(lambda: y.sub_(ones(2, **C64)))(),
}
NEEDS: dict[str, Callable[[Tensor], Tensor]] = {
    "an input": lambda y: y * y,
    "another input": lambda y: leaf(1.0, 2.0) * y,
    "a view of it": lambda y: y.reshape(2, 1) @ leaf(1.0).reshape(1, 1),
}


@pytest.mark.parametrize("need", NEEDS)
@pytest.mark.parametrize("change", CHANGES)
def test_what_backward_needs_and_finds_changed_is_an_error_naming_both_lines(change: str, need: str) -> None:
    """However the memory was changed, there is no silent wrong gradient."""
    y = leaf(1.0, 2.0) * 1
    z = NEEDS[need](y).sum()
    CHANGES[change](y)
    made, changed = re.escape(line_of(NEEDS[need])), re.escape(line_of(CHANGES[change]))
    with pytest.raises(InPlaceError, match=rf"called at {made} .* in place( through \.data)? at {changed};.*clone\(\)"):
        z.backward()


def test_a_changed_output_is_found_too() -> None:
    """exp keeps its result; changed, the pass is refused."""
    for change in (lambda y: y.mul_(2), lambda y: y.detach().mul_(2)):
        y = autodiff.exp(leaf(1.0))
        z = y + 1
        change(y)
        with pytest.raises(InPlaceError, match="exp"):
            z.backward()


def test_a_change_by_its_own_old_value_keeps_that_value() -> None:
    """x *= x needs what x was, which is copied before it is overwritten, through a view as well."""
    x = leaf(2.0, 3.0)
    y = (x * 1).mul_(x)
    y.mul_(y)
    y.mul_(y[:])
    y.sum().backward()  # ((x^2)^2)^2
    assert x.grad.tolist() == [8 * 2**7, 8 * 3**7]


@pytest.mark.parametrize("use", [
    lambda x, i: x[i], lambda x, i: autodiff.gather(x, 0, i), lambda x, i: x[:2][i > 0],
    lambda x, i: autodiff.where(i > 0, x[:2], 0.0), lambda x, i: x[(i, None)],
])  # fmt: skip
def test_an_index_changed_after_its_use_is_no_silent_wrong_gradient(use: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Where the index's own memory is kept its change is refused; where it was copied the gradient is right."""
    x, index = leaf(1.0, 2.0, 3.0), tensor([0, 1])
    (expected,) = grad(use(x, index).sum(), x)
    y = use(x, index).sum()
    index += 1
    try:
        assert grad(y, x)[0].tolist() == expected.tolist()
    except InPlaceError as error:
        assert "changed in place" in str(error)  # noqa: PT017


def test_a_slice_by_tensors_keeps_their_values() -> None:
    """The ends of a slice are read when it is taken."""
    x, i = leaf(1.0, 2.0, 3.0), tensor(1)
    y = x[i : i + 1]
    i += 1
    y.sum().backward()
    assert x.grad.tolist() == [0, 1, 0]


def test_leaves_change_in_place_only_outside_the_graph() -> None:
    """While recording it is an error; under no_grad, and through .data, it is how weights are updated."""
    w = leaf(1.0, 2.0)
    for change in (
        lambda: w.add_(1),
        lambda: w.zero_(),
        lambda: w.__setitem__(0, 1.0),
        lambda: w.__imul__(2),
        lambda: w.copy_(w),
    ):
        with pytest.raises(InPlaceError, match=r"leaf that requires grad.*no_grad"):
            change()
    assert w.tolist() == [1, 2]
    with no_grad():
        w -= 1
        w[0] = 7
    w.data.add_(1)
    assert (w.tolist(), w.requires_grad, w.is_leaf) == ([8, 2], True, True)
    (w * w).sum().backward()
    assert w.grad.tolist() == [16, 4]


VIEWS: dict[str, Callable[[Any], Any]] = {
    "reshape": lambda x: x.reshape(3, 2),
    "reshape of a transpose": lambda x: x.t().unsqueeze(1),
    "index": lambda x: x[1],
    "index of a reshape": lambda x: x.reshape(-1)[1:5:2],
    "narrow": lambda x: x.narrow(1, 0, 2),
    "diagonal": lambda x: x.diagonal(1),
    "unfold": lambda x: x.unfold(1, 1, 2),
    "integer and array": lambda x: x[:, 1],
    "flatten": lambda x: x.flatten().view(2, 3).mT.squeeze(),
}
THROUGH: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add_": lambda x, v, w: v.add_(w),
    "mul_ by the base": lambda x, v, w: v.mul_(x.sum() * w),
    "twice": lambda x, v, w: v.mul_(w).sub_(v.sum()),
    "zero_": lambda x, v, w: v.zero_(),
    "copy_": lambda x, v, w: v.copy_(w * 2),
    "item": lambda x, v, w: v.__setitem__(0, w),
    "base changed": lambda x, v, w: x.mul_(w),
    "both changed": lambda x, v, w: (x.mul_(w), v * 1, v.add_(w), x.add_(v.sum())),
    "base changed by index": lambda x, v, w: x.__setitem__((slice(None), 1), w),
}


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("change", THROUGH)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_and_what_it_looks_into_change_together_as_in_torch(view: str, change: str, tracked: bool) -> None:
    """Changed through either under recording, both have PyTorch's values, and gradients of their own histories."""

    def changed(lib: Any, a: Any, w: Any) -> Any:
        x = a * 1 if tracked else a.detach().clone()
        v, other = VIEWS[view](x), x[0]
        THROUGH[change](x, v, w)
        loss = (x * x).sum() + (v * v * v).sum() + other.sum() * 3
        return loss, x.detach(), v.detach(), other.detach()

    compare(changed, np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array(1.5), near=Near(1e-13))


def test_a_view_of_a_leaf_or_from_no_grad_is_no_way_round_the_graph() -> None:
    """While recording a leaf is not changed through its views, and no tensor through a view it does not know of."""
    w = leaf(1.0, 2.0)
    for change in (lambda: w[0].add_(1), lambda: w.reshape(2, 1).zero_(), lambda: w[:].__setitem__(0, 1.0)):
        with pytest.raises(InPlaceError, match=r"leaf that requires grad.*no_grad"):
            change()
    x = w * 1
    with no_grad():
        view = x[:1]
    with pytest.raises(InPlaceError, match=r"made under no_grad.*clone\(\)"):
        view.add_(w[0])
    assert (w.tolist(), x.tolist()) == ([1, 2], [1, 2])


@pytest.mark.parametrize("free", [lambda x: x.detach_(), lambda x: x.requires_grad_(False)])
def test_a_view_from_no_grad_is_free_once_what_it_looks_into_is(free: Callable[[Any], Any]) -> None:
    """Nothing is in the graph then but what a write brings, which the tensor it looks into would not know."""
    w = leaf(1.0, 2.0)
    with no_grad():
        view = w[:][:1]
    free(w)
    view[...] = 5.0
    view.squeeze().mul_(2)
    assert w.tolist() == [10, 2]
    with pytest.raises(InPlaceError, match=r"made under no_grad"):
        view.add_(leaf(1.0))
    w.requires_grad_()
    with pytest.raises(InPlaceError, match=r"made under no_grad"):
        view.add_(1)


@pytest.mark.parametrize("change", [
    lambda view, d: view.mul_(d), lambda view, d: view.fill_(d.sum()), lambda view, d: view.__setitem__(0, d[0]),
    lambda view, d: view.index_fill_(0, autodiff.tensor([1]), d.sum()),
])  # fmt: skip
def test_a_write_to_a_view_of_what_has_another_shape_now_writes_nothing(change: Callable[[Any, Any], Any]) -> None:
    """The write of tracked values would be recorded for the tensor, which the view no longer fits."""
    x = autodiff.tensor([1.0, 2.0, 3.0])
    view = x.swapaxes(0, -1)
    x.unsqueeze_(0)
    with pytest.raises(InPlaceError, match="another shape in place"):
        change(view, leaf(2.0, 3.0, 4.0) * 1)
    assert (x.tolist(), x.requires_grad) == ([[1, 2, 3]], False)


OVERLAPPING: dict[str, Callable[[Any], Any]] = {
    "expand": lambda x: x.expand(2, 3), "meshgrid": lambda x: autodiff.meshgrid(x, x, indexing="ij")[1],
    "unfold": lambda x: x.unfold(0, 2, 1), "as_strided": lambda x: x.as_strided((2, 2), (1, 1)),
    "expanded row": lambda x: x[1:].expand(2, 2).mT,
}  # fmt: skip
PARTS: dict[str, Callable[[Any, Any], Any]] = {
    "first": lambda y, x: y.__setitem__(0, x[: y.shape[1]] * 3), "last": lambda y, x: y.__setitem__(-1, x[0] ** 2),
    "entry": lambda y, x: y.__setitem__((0, 1), 2.0), "column": lambda y, x: y.__setitem__((slice(1), 1), x[2]),
    "operator": lambda y, x: y.__setitem__(1, y[1] * 3),
    "list": lambda y, x: y.__setitem__(([0, 1], [1, 0]), 3.0),
}  # fmt: skip


@pytest.mark.parametrize(("view", "part"), [
    (view, part) for view in OVERLAPPING for part in PARTS
    if view != "expanded row" or part in ("entry", "list")  # of which other parts hold one entry several times
])  # fmt: skip
def test_a_write_into_one_of_two_entries_that_share_memory_is_seen_in_both(view: str, part: str) -> None:
    """The gradient of all that the view shows, against central differences."""
    def shown(numbers: Any, tracked: bool) -> Any:
        leaf = tensor(numbers, requires_grad=tracked)
        x = leaf * 1.0
        y = OVERLAPPING[view](x)
        PARTS[part](y, leaf)
        weights = tensor(np.cos(np.arange(y.numel())).reshape(y.shape))
        return leaf, (y * weights).sum() + (x * x).sum()

    at = np.array([0.7, -1.2, 1.9])
    leaf, value = shown(at, True)
    value.backward()
    steps = 1e-6 * np.eye(3)
    slopes = [(shown(at + h, False)[1].item() - shown(at - h, False)[1].item()) / 2e-6 for h in steps]
    np.testing.assert_allclose(leaf.grad.numpy(), slopes, rtol=1e-8)


def test_two_numbers_for_one_entry_are_refused() -> None:
    """The last one would win, and the gradient would go to both."""
    y = (ones(2).requires_grad_() * 2).expand(2, 2)
    with pytest.raises(InPlaceError, match="single memory location"):
        y[[0, 1]] = ones(2).requires_grad_() * 3


def test_a_change_in_place_at_the_top_of_a_program_knows_its_line() -> None:
    """However few calls stand between the program and the node, the place is the program's own."""
    code = "x = ones(3) * w\nx[0] = w\ny = x[1:]\ny += w\nz = x * 1"
    names: dict[str, Any] = {"ones": autodiff.ones, "w": leaf(2.0)}
    exec(compile(code, "program", "exec"), names)
    nodes = reachable([names["z"].grad_fn])
    assert [n.where for n in nodes if n.name() in ("put", "overwrite")] == ["program:4", "program:2"]


def test_a_tensor_in_a_new_shape_has_lost_its_old_views() -> None:
    """After x.t_() nobody knows what a view of the old x shows of the new one: it is refused, not guessed."""
    x = autodiff.zeros(2, 3, **C64)
    view = x[0]
    x.t_()
    x.add_(leaf(1.0))
    with pytest.raises(InPlaceError, match=r"another shape in place, \(3, 2\)"):
        view * 2
    assert (x * 1).shape == (3, 2)


def test_results_must_fit_where_they_are_put() -> None:
    """Shape and dtype of the tensor stay; a wider float comes back with its own dtype's gradient."""
    x = autodiff.zeros(3)
    for change, error in (
        (lambda: x.add_(ones(2, 3)), ShapeError), (lambda: tensor([1, 2]).add_(0.5), DtypeError),
        (lambda: x.__setitem__(slice(2), ones(3)), ShapeError), (lambda: ones(1).expand(3).add_(1), InPlaceError),
        (lambda: x.__setitem__(7, 1.0), IndexError), (lambda: x.__iadd__("a"), DtypeError),
    ):  # fmt: skip
        with pytest.raises(error) as caught:
            change()
        assert isinstance(caught.value, AutodiffError)
    w = leaf(1.0, 2.0, 3.0)
    x += w
    x.sum().backward()
    assert (x.dtype, w.grad.dtype) == (np.float32, np.float64)


def test_copies_of_leaves_are_leaves_of_their_own() -> None:
    """deepcopy copies memory and gradient; the twin has a graph of its own."""
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    twin = copy.deepcopy({"w": x})["w"]
    (twin * 3).sum().backward()
    assert (x.grad.tolist(), twin.grad.tolist(), twin.is_leaf) == ([2, 4], [5, 7], True)
    with pytest.raises(GraphError, match="only a leaf"):
        copy.deepcopy(x * 2)


@pytest.mark.parametrize("function", [
    lambda x: functional.max_pool2d(x[None, None], 2), lambda x: x.amax(0), lambda x: x.norm(dim=1),
])  # fmt: skip
def test_a_result_that_was_overwritten_is_computed_anew_where_the_inputs_are_kept(function: Any) -> None:
    """``relu(max_pool2d(x), inplace=True)``: what pooling keeps of its result does not stand in the way."""
    values = np.cos(np.arange(16.0)).reshape(4, 4)
    found = []
    for overwrite in (True, False):
        x = leaf(*values.ravel())
        y = function(x.reshape(4, 4)) - 0.0 if not overwrite else function(x.reshape(4, 4))
        y = functional.relu(y, inplace=overwrite) * 3
        (slope,) = grad(y.sum(), x, create_graph=True)
        curved = grad((slope * slope).sum(), x)[0].tolist() if slope.requires_grad else None
        found.append((slope.tolist(), curved))
    assert found[0] == found[1]


def test_it_is_not_computed_of_inputs_that_were_overwritten_too() -> None:
    """Then nothing is left to compute it from."""
    x = leaf(1.0, 2.0) * 1
    y = x.norm()
    y.mul_(2)
    x.mul_(2)
    with pytest.raises(InPlaceError):
        y.backward()
