"""The tape: made, walked and freed without recursion; what a primitive keeps, and for how long."""

from __future__ import annotations

import subprocess
import sys
import weakref
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from helpers import leaf, memory, no_garbage

import autodiff
from autodiff import Tensor, grad, ones
from autodiff.errors import AutodiffError


@pytest.mark.parametrize("free", ["walked", "dropped"])
def test_a_chain_of_100000_operations_needs_no_recursion(free: str) -> None:
    """A chain far deeper than the stack is made, walked and freed."""
    x = leaf(1.0, 2.0)
    y = x
    for i in range(100_000):
        y = y + 1 if i % 2 else y * 1.0
    if free == "walked":
        y.sum().backward()
        assert x.grad.tolist() == [1, 1]
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None


def test_a_chain_is_walked_under_a_low_recursion_limit() -> None:
    """Making, walking to first and second order, drawing up and freeing use no more stack than one operation."""
    program = """
import sys, autodiff
x = autodiff.tensor([1.0], requires_grad=True)
(x * x).sum().backward(create_graph=True)
x.grad = None
import gc; gc.disable()
sys.setrecursionlimit(120)
y = x
for i in range(20000):
    y = y * 1.0
(g,) = autodiff.grad((y * y).sum(), x, create_graph=True)
(h,) = autodiff.grad(g.sum(), x)
assert h.item() == 2.0, h
repr(y), y.grad_fn
del y, g, h
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def failing(x: Tensor) -> None:
    (x @ ones(7, dtype=x.dtype)).sum().backward()


def twice(x: Tensor) -> None:
    y = (x * x).sum()
    y.backward()
    y.backward()


def spoiled(x: Tensor) -> None:
    y = x * 1
    z = y * y
    y += 1
    z.sum().backward()


USES: dict[str, Callable[[Tensor], Any]] = {
    "dropped": lambda x: (x * x).exp().sum(),
    "walked": lambda x: (x * x).exp().sum().backward(),
    "retained": lambda x: (x * x).exp().sum().backward(retain_graph=True),
    "grad": lambda x: grad((x * x).exp().sum(), x),
    "create_graph": lambda x: grad(grad((x * x).exp().sum(), x, create_graph=True)[0].sum(), x, create_graph=True),
    "many inputs": lambda x: autodiff.cat([x, x * 2, x.reshape(-1)]).reshape(3, 3).max(1).values.sum().backward(),
    "in place": lambda x: (x * 1).mul_(2).add_(x).sum().backward(),
    "NumPy": lambda x: np.sum(np.sin(x) ** 2).backward(),
    "forward error": failing,
    "second backward": twice,
    "backward error": spoiled,
    "seed error": lambda x: (x * x).backward(),
}


@pytest.mark.parametrize("use", USES)
def test_reference_counting_alone_frees_the_graph(use: str) -> None:
    """Dropped, walked, differentiated twice or failed: with gc off no cycle and no node is left."""
    x = leaf(1.0, 2.0, 3.0)
    with no_garbage():
        fails = "error" in use or use == "second backward"
        with pytest.raises(AutodiffError) if fails else nullcontext():
            USES[use](x)
        x.grad = None


def array_ref(x: Tensor) -> weakref.ref[Any]:
    return weakref.ref(memory(x))


def test_an_activation_nobody_needs_is_freed_during_the_forward_pass() -> None:
    """The input of add and relu, and a product by a constant, are not kept; what tanh gave is."""
    w = ones(50, 50, requires_grad=True)
    refs = []
    h = w @ ones(50, 50)
    refs.append(array_ref(h))
    h = h + 1
    refs.append(array_ref(h))
    h = h * 2
    refs.append(array_ref(h))
    h = autodiff.tanh(h)
    kept = array_ref(h)
    h = h.sum()
    assert [r() is None for r in refs] == [True] * 3
    assert kept() is not None
    h.backward()
    assert kept() is None


C64 = {"dtype": autodiff.float64}
KEEPS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], tuple[bool, ...]]] = {  # what is kept of (out, *inputs)
    "product by a constant": (lambda x, c: x * 2.0, (False, False, False)),
    "product by an untracked tensor": (lambda x, c: x * c, (False, False, True)),
    "product of two": (lambda x, c: x * (x + 0), (False, True, True)),
    "sum of two": (lambda x, c: x + c, (False, False, False)),
    "relu": (lambda x, c: autodiff.relu(x), (True, False)),
    "exp": (lambda x, c: autodiff.exp(x), (True, False)),
    "sin": (lambda x, c: autodiff.sin(x), (False, True)),
    "matmul with an untracked left": (lambda x, c: c @ x, (False, True, False)),
    "matmul with an untracked right": (lambda x, c: x @ c, (False, False, True)),
    "reshape": (lambda x, c: x.reshape(-1), (False, False)),
    "sum": (lambda x, c: x.sum(), (False, False)),
}


@pytest.mark.parametrize("name", KEEPS)
def test_a_primitive_keeps_only_what_its_walk_will_read(name: str) -> None:
    """Saved are arrays where a wanted gradient reads them, and nothing else."""
    function, expected = KEEPS[name]
    node = function(ones(3, 3, requires_grad=True, **C64), ones(3, 3, **C64)).grad_fn
    arrays = tuple(isinstance(kept, np.ndarray) for kept in node.saved)
    assert arrays == expected
