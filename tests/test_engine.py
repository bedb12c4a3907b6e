"""The engine: making, walking and freeing the tape, backward and grad, the modes, changes in place."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import os
import re
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff import Tensor, detect_anomaly, enable_grad, grad, inference_mode, no_grad, ones, set_grad_enabled, tensor
from autodiff.autograd import backward
from autodiff.engine.tape import reachable
from autodiff.errors import AutodiffError, DtypeError, GraphError, InPlaceError, NonFiniteError, ShapeError

HERE = re.escape(os.path.abspath(__file__))


def leaf(*values: float) -> Tensor:
    return tensor(list(values), dtype=autodiff.float64, requires_grad=True)


def line() -> int:
    """The line of the caller."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


@contextmanager
def no_garbage() -> Iterator[None]:
    """Nothing of ours made within is left for the garbage collector."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield
        gc.collect()
        left = [x for x in gc.garbage if type(x).__module__.startswith(("autodiff", "numpy"))]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == []


# --- the tape ---------------------------------------------------------------------------------------------------------


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
        try:
            USES[use](x)
        except AutodiffError:
            assert "error" in use or use == "second backward"
        x.grad = None


def array_ref(x: Tensor) -> weakref.ref[Any]:
    return weakref.ref(x._array)


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
def test_a_row_keeps_only_what_its_walk_will_read(name: str) -> None:
    """Saved are arrays where a wanted gradient reads them, and nothing else."""
    function, expected = KEEPS[name]
    node = function(ones(3, 3, requires_grad=True, **C64), ones(3, 3, **C64)).grad_fn
    arrays = tuple(isinstance(kept, np.ndarray) for kept in node.saved)
    assert arrays == expected


# --- backward and grad ------------------------------------------------------------------------------------------------


def test_gradients_add_up_over_backward_passes_and_uses() -> None:
    """A leaf used many times and walked to twice has the sum of all of it."""
    x = leaf(1.0, 2.0)
    for _ in range(2):
        (x * x + x * 3 + x + x).sum().backward()
    assert x.grad.tolist() == [14, 18]
    x.grad = None
    (x * 1).sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_the_graph_is_freed_by_default_and_says_so() -> None:
    """A second pass names the line of the freed operation and retain_graph; with retain_graph it adds up."""
    x = leaf(3.0)
    y = x * x
    made = line() - 1
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [12]
    with pytest.raises(
        GraphError, match=rf"multiply, called at {HERE}:{made} \(y = x \* x\), was freed.*retain_graph=True"
    ):
        y.backward()
    assert x.grad.tolist() == [12]


def test_what_saved_nothing_can_be_walked_again() -> None:
    """As in PyTorch, a view made once may be used by the losses of many steps."""
    w = leaf(1.0, 2.0)
    column = (w + 0.0).reshape(2, 1)
    for step in range(3):
        (column * tensor([[1.0], [2.0]], **C64)).sum().backward()
        assert w.grad.tolist() == [1 + step, 2 * (1 + step)]


def test_orders_one_to_three_agree_with_closed_forms() -> None:
    """x**4 sin(x): the first three derivatives to the last digits."""
    x = tensor(1.3, requires_grad=True, **C64)
    y = x**4 * autodiff.sin(x)
    derivatives = []
    for _ in range(3):
        (y,) = grad(y, x, create_graph=True)
        derivatives.append(y.item())
    s, c, v = np.sin(1.3), np.cos(1.3), 1.3
    expected = [
        4 * v**3 * s + v**4 * c,
        12 * v**2 * s + 8 * v**3 * c - v**4 * s,
        24 * v * s + 36 * v**2 * c - 12 * v**3 * s - v**4 * c,
    ]
    np.testing.assert_allclose(derivatives, expected, rtol=1e-14)


def test_backward_with_create_graph_leaves_differentiable_gradients() -> None:
    """A gradient penalty: the gradient of a sum of squared gradients."""
    x = leaf(1.0, 2.0)
    (x**3).sum().backward(create_graph=True)
    penalty = (x.grad**2).sum()  # sum of 9 x^4
    x.grad = None
    penalty.backward()
    np.testing.assert_allclose(x.grad.numpy(), [36, 36 * 8], rtol=1e-14)


def test_grad_goes_to_any_tensor_and_leaves_grad_alone() -> None:
    """Inputs may be leaves or results; .grad is not touched, and what the walk did not need is not freed."""
    x = leaf(2.0)
    h = x * x
    y = h * h
    to_h, to_x = grad(y, [h, x], retain_graph=True)
    assert (to_h.tolist(), to_x.tolist(), x.grad, h.grad) == ([8], [32], None, None)
    grad(y, h)
    assert grad(h, x)[0].tolist() == [4]
    assert grad(x, x)[0].tolist() == [1]


def test_grad_of_an_unused_input() -> None:
    """It is an error that names the input, None with allow_unused, zeros with materialize_grads."""
    x, other = leaf(2.0), leaf(1.0, 2.0)
    y = x * 3
    with pytest.raises(GraphError, match=r"input 1, of shape \(2,\), was not used .*allow_unused=True"):
        grad(y, [x, other], retain_graph=True)
    assert grad(y, [x, other], retain_graph=True, allow_unused=True)[1] is None
    zeros = grad(y, [x, other], materialize_grads=True)[1]
    assert (zeros.tolist(), zeros.dtype) == ([0, 0], other.dtype)


def test_grad_outputs_weigh_the_outputs() -> None:
    """The gradient is that of the weighted sum of all outputs, which may share parts of the graph."""
    x = leaf(1.0, 2.0)
    h = x * x
    a, b = h + 1, h.sum()
    (g,) = grad([a, b], x, grad_outputs=[tensor([1.0, 10.0]), tensor(100.0)])
    assert g.tolist() == [202, 440]
    h = x * x
    (g,) = grad([h.sum(), h.sum()], x)
    assert g.tolist() == [4, 8]


def test_the_same_output_twice_counts_twice() -> None:
    """Cotangents of one tensor add up."""
    x = leaf(1.0)
    y = x * 2
    assert grad([y, y], x)[0].tolist() == [4]


def test_backward_to_chosen_inputs_reaches_no_others() -> None:
    """inputs= takes leaves and results; only they receive a gradient."""
    x, w = leaf(2.0), leaf(3.0)
    h = x * w
    (h * h).backward(inputs=[x, h])
    assert (x.grad.tolist(), w.grad, h.grad.tolist()) == ([36], None, [12])
    with pytest.raises(GraphError, match="no inputs"):
        (x * w).backward(inputs=[])


def test_several_outputs_are_walked_together() -> None:
    """backward over a list of outputs gives the gradient of their sum in one pass."""
    x = leaf(1.0, 2.0)
    h = x.exp()
    backward([h.sum(), (h * h).sum()])
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1, 2]) + 2 * np.exp([2, 4]), rtol=1e-14)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("make", [
    lambda a, b: a + b, lambda a, b: a.reshape(2) + b.reshape(2), lambda a, b: a + b + a,
    lambda a, b: (a - 0) + (b + 0),
    lambda a, b: autodiff.cat([a, b])[:2] + autodiff.cat([b, a])[:2],
])  # fmt: skip
def test_gradients_share_no_memory(make: Callable[[Tensor, Tensor], Tensor], create_graph: bool) -> None:
    """Neither two gradients nor a gradient and the seed are the same memory."""
    a, b, seed = leaf(1.0, 2.0), leaf(3.0, 4.0), tensor([1.0, 1.0], **C64)
    make(a, b).backward(seed, create_graph=create_graph)
    arrays = [a.grad._array, b.grad._array, seed._array]
    assert not any(np.shares_memory(x, y) for i, x in enumerate(arrays) for y in arrays[:i])


def test_requires_grad_taken_away_and_given_back_under_a_live_graph() -> None:
    """A leaf receives a gradient if it asks for one when the pass comes by."""
    x = leaf(1.0)
    y, z = x * 2, x * 3
    x.requires_grad = False
    y.backward()
    assert x.grad is None
    x.requires_grad_()
    z.backward()
    assert x.grad.tolist() == [3]


def test_a_leaf_that_is_gone_costs_nothing() -> None:
    """The walk goes on where the tensor of a leaf was dropped."""
    x = leaf(2.0)
    y = leaf(5.0) * x
    y.backward()
    assert x.grad.tolist() == [5]


def test_seeds_are_checked() -> None:
    """Many entries need a gradient, of the output's shape; one entry of any shape does not."""
    x = leaf(1.0, 2.0)
    with pytest.raises(GraphError, match=r"shape \(2,\) needs a gradient"):
        (x * 2).backward()
    with pytest.raises(ShapeError, match=r"shape \(2,\) has that shape, not \(3,\)"):
        (x * 2).backward(ones(3))
    (x[:1] * 2).reshape(1, 1).backward()
    (x * 2).backward(np.array([1, 2]))
    assert x.grad.tolist() == [4, 4]


def nested(x: Tensor) -> Tensor:
    return np.sum(x.detach() * 2)


NO_GRAD: dict[str, tuple[Callable[[], Tensor], str]] = {
    "nobody asked": (lambda: ones(2).sum(), "none of the tensors it was made from does; set requires_grad=True"),
    "integers": (lambda: tensor([1, 2]).sum(), "its dtype is int64"),
    "cast to integers": (lambda: leaf(1.5).long(), "its dtype is int64"),
    "comparison": (lambda: leaf(1.5) > 1, "its dtype is bool"),
    "detach": (lambda: (leaf(1.0).detach() * 2).sum(), rf"went through detach\(\) at {HERE}:%d "),
    "data": (lambda: leaf(1.0).data + 1, rf"went through \.data at {HERE}:%d "),
    "nested function": (
        lambda: nested(leaf(1.0)),
        rf"went through detach\(\) at {HERE}:{nested.__code__.co_firstlineno + 1} ",
    ),
    "no_grad": (lambda: no_grad(lambda: leaf(1.0) * 2)() + 1, rf"was made under no_grad at {HERE}:%d "),
    "np.sum under no_grad": (lambda: no_grad(lambda: np.sum(leaf(1.0)))(), rf"was made under no_grad at {HERE}:%d "),
}


@pytest.mark.parametrize("name", NO_GRAD)
def test_an_error_says_why_there_is_no_gradient(name: str) -> None:
    """The four reasons, with the user's file and line where there is one, in backward and in grad."""
    make, reason = NO_GRAD[name]
    reason = reason.replace("%d", str(make.__code__.co_firstlineno))
    with pytest.raises(GraphError, match=rf"does not require grad: .*{reason}"):
        make().backward()
    with pytest.raises(GraphError, match=rf"does not require grad: .*{reason}"):
        grad(leaf(1.0).sum(), make())


def test_only_floating_leaves_can_require_grad() -> None:
    """Integers and booleans say so, and results cannot stop requiring grad."""
    for x in (tensor([1]), tensor([True])):
        with pytest.raises(DtypeError, match="only a floating tensor can require grad"):
            x.requires_grad = True
    with pytest.raises(GraphError, match="only a leaf"):
        (leaf(1.0) * 2).requires_grad = False


def test_nodes_know_the_line_that_asked_for_them() -> None:
    """Operators, methods, functions and NumPy's spellings all name the user's line."""
    x = leaf(1.0, 2.0)
    for make in (lambda: x * 2, lambda: x.sum(), lambda: autodiff.softmax(x, 0), lambda: np.sum(x), lambda: np.sin(x),
                 lambda: np.ones(2) * x, lambda: x[0], lambda: next(iter(x)), lambda: -x, lambda: x.std()):  # fmt: skip
        start, lines = (
            make.__code__.co_firstlineno,
            range(make.__code__.co_firstlineno, make.__code__.co_firstlineno + 2),
        )
        assert make().grad_fn.where in [f"{__file__}:{n}" for n in lines], start


# --- modes ------------------------------------------------------------------------------------------------------------


def recording() -> bool:
    """Whether an operation is recorded now, which is what is_grad_enabled must say."""
    recorded = (leaf(1.0) * 2).requires_grad
    assert recorded == autodiff.is_grad_enabled()
    return recorded


@no_grad
def bare() -> bool:
    return recording()


@no_grad()
def called() -> bool:
    return recording()


@inference_mode
def inferring() -> bool:
    return recording()


@set_grad_enabled(False)
def disabled() -> bool:
    return recording()


@no_grad()
@enable_grad()
def enabled() -> bool:
    return recording()


def test_modes_as_decorators() -> None:
    """With and without parentheses a function runs under its mode, and nothing else does."""
    assert recording()
    assert (bare(), called(), inferring(), disabled(), enabled()) == (False, False, False, False, True)
    assert recording()
    assert bare.__name__ == "bare"


def test_modes_as_contexts_nest_and_end_with_an_exception() -> None:
    """Each with-block puts back what it found, whatever happens inside."""
    with no_grad():
        assert not recording()
        with enable_grad():
            assert recording()
            with inference_mode():
                assert not recording()
            with inference_mode(False), set_grad_enabled(False):
                assert not recording()
            assert recording()
        with pytest.raises(KeyError), enable_grad():
            raise KeyError
        assert not recording()
    assert recording()
    switch = no_grad()
    with switch, switch:
        assert not recording()
    assert recording()


def test_set_grad_enabled_as_a_statement() -> None:
    """Called, it holds until it is called again."""
    try:
        set_grad_enabled(False)
        assert not recording()
    finally:
        set_grad_enabled(True)
    assert recording()


def test_generators_and_coroutines_run_under_their_own_mode() -> None:
    """A decorated generator switches only while its own code runs, takes what is sent in, and returns."""

    @no_grad()
    def steps() -> Any:
        received = yield recording()
        try:
            yield recording()
        except KeyError:
            yield received
        return recording()

    generator = steps()
    assert (next(generator), recording()) == (False, True)
    assert (generator.send(5), recording()) == (False, True)
    assert generator.throw(KeyError()) == 5
    with pytest.raises(StopIteration) as end:
        next(generator)
    assert (end.value.value, recording()) == (False, True)
    generator = steps()
    next(generator)
    generator.close()

    @no_grad
    async def coroutine() -> bool:
        await asyncio.sleep(0)
        return recording()

    async def main() -> list[bool]:
        async def other() -> bool:
            await asyncio.sleep(0)
            return recording()

        return await asyncio.gather(coroutine(), other(), coroutine())

    assert asyncio.run(main()) == [False, True, False]


def test_threads_have_modes_of_their_own() -> None:
    """A thread starts recording, whatever its maker does, and one decorated function serves several at once."""
    barrier, seen = threading.Barrier(2), []

    @no_grad()
    def inside() -> bool:
        barrier.wait()
        return recording()

    def work() -> None:
        seen.append(recording())
        seen.append(inside())
        seen.append(recording())

    with no_grad():
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(seen) == [False, False, True, True, True, True]


# --- detect_anomaly ---------------------------------------------------------------------------------------------------


def test_anomaly_in_the_forward_pass_names_operation_line_and_ranges() -> None:
    """The first result that is not finite stops the program."""
    x = leaf(0.0, 4.0)
    with detect_anomaly(), np.errstate(all="ignore"):
        y = x + 1
        called = rf"log, called at {HERE}:{line() + 2} "
        with pytest.raises(NonFiniteError, match=called + r".*1 of 2 not finite; its inputs.*\[0, 4\]"):
            autodiff.log(x) + y
        assert autodiff.is_anomaly_enabled()
    assert not autodiff.is_anomaly_enabled()
    with np.errstate(all="ignore"):
        assert not np.isfinite(autodiff.log(x).detach().numpy()).all()


def test_anomaly_in_the_backward_pass_names_the_forward_line_and_spares_the_weights() -> None:
    """The pole of sqrt is reported where sqrt was called; gradients and weights stay as they were."""
    w, scale = leaf(0.0, 4.0), leaf(1.0)
    with detect_anomaly():
        root = autodiff.sqrt(w)
        made = line() - 1
        with pytest.raises(
            NonFiniteError, match=rf"backward pass of sqrt, called at {HERE}:{made} \(root = .*not finite"
        ):
            (root * scale).sum().backward()
    assert (w.grad, scale.grad, w.tolist()) == (None, None, [0, 4])


def test_anomaly_finds_changes_behind_the_graphs_back() -> None:
    """An array that backward needs, written through NumPy, is found; one it does not need may be written."""
    array = np.array([1.0, 2.0])
    x, c = leaf(3.0, 4.0), autodiff.from_numpy(array)
    with detect_anomaly():
        y, z = (x * c).sum(), (x + c).sum()
        array[0] = 9
        z.backward()
        with pytest.raises(InPlaceError, match=r"multiply, called at .*changed behind the graph's back"):
            y.backward()
        (x * c).sum().backward()
    assert x.grad.tolist() == [10, 3]


# --- in place ---------------------------------------------------------------------------------------------------------


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
    torch = pytest.importorskip("torch")
    results = []
    for m in (autodiff, torch):
        a = m.tensor([1.0, 2.0, 3.0], dtype=m.float64, requires_grad=True)
        w = m.tensor([2.0, 3.0, 5.0], dtype=m.float64, requires_grad=True)
        x = a * 1 if tracked else m.tensor([1.0, 2.0, 3.0], dtype=m.float64)
        IN_PLACE[name](x, w)
        ((x * x).sum() + 0 * (a.sum() + w.sum())).backward()
        results.append([x.tolist(), a.grad.tolist(), w.grad.tolist()])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-14)


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
    made, changed = NEEDS[need].__code__.co_firstlineno, CHANGES[change].__code__.co_firstlineno
    with pytest.raises(InPlaceError, match=rf"called at {HERE}:{made} .* in place at {HERE}:{changed};.*clone\(\)"):
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
    torch = pytest.importorskip("torch")
    results = []
    for m in (autodiff, torch):
        a = m.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=m.float64, requires_grad=True)
        w = m.tensor(1.5, dtype=m.float64, requires_grad=True)
        x = a * 1 if tracked else a.detach().clone()
        v, other = VIEWS[view](x), x[0]
        THROUGH[change](x, v, w)
        ((x * x).sum() + (v * v * v).sum() + other.sum() * 3 + 0 * (a.sum() + w)).backward()
        results.append([x.tolist(), v.tolist(), other.tolist(), a.grad.tolist(), w.grad.tolist()])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13)


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


def test_a_change_in_place_at_the_top_of_a_program_knows_its_line() -> None:
    """However few calls stand between the program and the node, the place is the program's own."""
    code = "x = ones(3) * w\nx[0] = w\ny = x[1:]\ny += w\nz = x * 1"
    names: dict[str, Any] = {"ones": autodiff.ones, "w": leaf(2.0)}
    exec(compile(code, "program", "exec"), names)
    nodes = reachable([names["z"]._node])
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
