"""Views that are written, or whose base is: hooks and retained gradients run where PyTorch's run."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
from autodiff import enable_grad, grad, no_grad, tensor
from autodiff.errors import GraphError
from nn import init

NAMES = "abcd"  # a tensor of the graph, a view of it, a view of the view, and another view of the first
CALLS = {
    "mul_": lambda x: x.mul_(5.0),
    "operator": lambda x: x.__imul__(5.0),
    "setitem": lambda x: x.__setitem__(0, x[0].detach() * 5.0),
    "itself": lambda x: x.add_(x * 2.0),
    "zero_": lambda x: x.zero_(),
}


def seen(lib: Any, call: str, kind: str, is_late: bool, names: tuple[str, str, str, str | None]) -> Any:
    """What a hook of one tensor saw, and the gradient of the leaf, when another was written and a third is used."""
    hooked, written, used, used_before = names
    leaf = lib.tensor([0.3, 0.5, 0.7, 0.2], dtype=lib.float64, requires_grad=True)
    a = leaf * 1
    b = a.view(2, 2)
    tensors = {"a": a, "b": b, "c": b[0], "d": a[1:3]}
    shown: list[Any] = []

    def look() -> list[bool]:  # PyTorch records a view anew when it is looked at
        return [x.is_leaf for x in tensors.values()]

    def hook(g: Any) -> Any:
        shown.append(np.array(g.detach().numpy()).tolist())
        return g * 2

    def ask() -> None:
        if kind == "retain_grad":
            tensors[hooked].retain_grad()
        else:
            tensors[hooked].register_hook(hook)

    before = None if used_before is None else tensors[used_before].sum() * 3
    if not is_late:
        ask()
    look()
    CALLS[call](tensors[written])
    look()
    if is_late:
        ask()
    loss = (tensors[used] * 2).sum()
    (loss if before is None else loss + before).backward()
    kept = tensors[hooked].grad if kind == "retain_grad" else None
    return leaf.grad.numpy().tolist(), shown, None if kept is None else kept.detach().numpy().tolist()


@pytest.mark.parametrize("is_late", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("kind", ["register_hook", "retain_grad"])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's, of .grad of what is no leaf
def test_hooks_of_views_run_where_those_of_torch_run(call: str, kind: str, is_late: bool) -> None:
    """A view that was written passes its gradient to its base, past the hooks of itself and of views in between.

    A hook from before the write is for what was made before it; a retained gradient is that of the tensor now. All
    combinations of the tensor that is asked, the one that is written, and those that are used before and after.
    """
    torch = peer()
    for names in product(NAMES, NAMES, NAMES, (None, *NAMES)):
        ours, theirs = (_flat(seen(lib, call, kind, is_late, names)) for lib in (autodiff, torch))
        np.testing.assert_allclose(ours, theirs, err_msg=str(names))


def _flat(shown: Any) -> np.ndarray[Any, Any]:
    """All numbers in nested lists, and how they are nested."""
    if isinstance(shown, (list, tuple)):
        return np.concatenate([[len(shown)], *map(_flat, shown)])
    return np.array([-1.0 if shown is None else shown])


def test_a_view_of_memory_that_its_base_gave_up_is_written_on_its_own() -> None:
    """From then on it is the base of its own views, and is not taken for out of date."""
    x = tensor([1.0, 2.0], requires_grad=True)
    base = x * 2
    view = base[:1]
    part = view[None]
    base.data = base.detach() * 5
    view.neg_()
    assert [grad(y.sum(), x, retain_graph=True)[0].tolist() for y in (view, part, view * part)] == [
        [-2.0, 0.0], [-2.0, 0.0], [8.0, 0.0]
    ]  # fmt: skip
    part.mul_(3.0)
    assert [grad(y.sum(), x, retain_graph=True)[0].tolist() for y in (part, view)] == [[-6.0, 0.0]] * 2
    assert grad(base.sum(), x)[0].tolist() == [2.0, 2.0]


def test_a_view_that_is_out_of_date_does_not_outlive_its_base_as_a_leaf() -> None:
    """What was written, taken out of the graph and made a leaf says nothing of where an older view came from."""
    x = tensor([1.0, 2.0], requires_grad=True)
    base = x * 2
    view = base[:1]
    base.mul_(3)
    base.detach_()
    base.requires_grad_()
    assert not view.requires_grad
    with pytest.raises(GraphError, match=r"detach_\(\)"):
        grad(view.sum(), x)


@pytest.mark.parametrize("how", ["method", "item", "view", "no_grad", "init"])
def test_a_base_that_is_written_after_it_was_cut_off_cuts_off_its_views(how: str) -> None:
    """An older view shows the new value, which has no gradient; untouched, it has that of its past."""
    a = tensor([1.0, 2.0], requires_grad=True)
    base = a.sin()
    view, other = base[...], a.cos()
    base.detach_()
    (untouched,) = grad(view.sum(), a, retain_graph=True)
    assert untouched.tolist() == a.cos().tolist()
    with no_grad() if how == "no_grad" else enable_grad():
        target = base[:1] if how == "view" else base
        if how == "init":
            init.constant_(target, 2.0)
        elif how == "item":
            target[0] = 2.0
        else:
            target.mul_(3.0)
    with pytest.raises(GraphError, match=r"went through detach_\(\)"):
        view.sum().backward()
    assert grad((view * other).sum(), a)[0].tolist() == (-a.sin() * base).tolist()
