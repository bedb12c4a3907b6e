"""What PyTorch does not keep for the backward pass may be changed in place before it: here too, and nothing changes.

Every call of a function, method and operator in the cases of parity, and every layer, is made again; each of its
inputs, parameters and results is overwritten in turn, and the backward pass runs. Where PyTorch's runs, ours must, and
give the gradients that it gives without the write.
"""

from __future__ import annotations

import gc
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from parity.base import CASES
from parity.harness import Near, agree, flat, is_tensor, numbers, peer, plain, twins, weights
from test_nn_parity import LAYERS, Layer, inputs_of

import autodiff
import nn
import optim
from autodiff.errors import InPlaceError
from autodiff.kernels import lending

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of PyTorch, of old names

NEAR = Near(1e-9, 1e-12)
Program = Callable[[Any], tuple[list[Any], list[Any], list[Any]]]  # the leaves, what may be overwritten, the results

# What PyTorch allows and we do not: it multiplies a matrix with a stack by copying or folding the operands.
REFUSED = {"matmul [(2, 1, 2, 3), (4, 3, 2)]", "matrix @ stack", "vector @ stack"}

A, B = numbers((2, 3), 0.2, 0.8), numbers((3, 2), 1.2, 1.8)
OPERATORS: dict[str, tuple[Callable[..., Any], ...] | tuple[Any, ...]] = {
    "c / x": (lambda x: 2 / x, A), "c ** x": (lambda x: 2**x, A), "x ** c": (lambda x: x**3, A),
    "x ** -1": (lambda x: x**-1, A), "x ** 0.5": (lambda x: x**0.5, A), "x % c": (lambda x: x % 0.3, A),
    "c % x": (lambda x: 2 % x, A), "x * y": (operator.mul, A, A + 1), "x / y": (operator.truediv, A, A + 1),
    "x ** y": (operator.pow, A, A + 1), "x % y": (operator.mod, A, A + 1), "abs": (abs, A), "-x": (operator.neg, A),
    "matrix @ matrix": (operator.matmul, A, B), "matrix @ vector": (operator.matmul, A, B[:, 0]),
    "matrix @ stack": (operator.matmul, A, np.stack([B, B])), "stack @ matrix": (operator.matmul, np.stack([A, A]), B),
    "stack @ stack": (operator.matmul, np.stack([A, A]), np.stack([B, B])),
    "vector @ stack": (operator.matmul, A[0], np.stack([B, B])),
    "stack @ vector": (operator.matmul, np.stack([A, A]), B[:, 0]),
    "x[i]": (lambda x: x[1], A), "x[indices]": (lambda x: x[[0, 0]], A), "x[mask]": (lambda x: x[x > 0.5], A),
}  # fmt: skip


class Kept(NamedTuple):
    """A tensor among the arguments of a call that was written down."""

    array: np.ndarray[Any, Any]
    tracked: bool


class Calls:
    """A library, or a part of one, that writes down the calls of its functions: name, arguments and options."""

    def __init__(self, part: Any, path: str, found: dict[str, Any]) -> None:
        self._part, self._path, self._found = part, path, found

    def __getattr__(self, name: str) -> Any:
        part = getattr(self._part, name)
        is_value = isinstance(part, (type, np.dtype, autodiff.dtype, float))
        return part if is_value else Calls(part, f"{self._path}.{name}".lstrip("."), self._found)

    def __call__(self, *args: Any, **options: Any) -> Any:
        given = mapped(_kept, (args, options))
        shapes: list[Any] = []
        mapped(lambda x: shapes.append(x.array.shape) if isinstance(x, Kept) else None, given)
        if shapes:
            words = mapped(lambda x: "" if isinstance(x, Kept) else x, given)
            self._found.setdefault(f"{self._path} {shapes} {words}", (self._path, *given))
        return self._part(*args, **options)


def _kept(x: Any) -> Any:
    return Kept(plain(x), x.requires_grad) if is_tensor(x) else x


def mapped(f: Callable[[Any], Any], tree: Any) -> Any:
    if type(tree) in (tuple, list):
        return type(tree)(mapped(f, x) for x in tree)
    return {key: mapped(f, x) for key, x in tree.items()} if type(tree) is dict else f(tree)


def _calls() -> dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """The calls of functions in all cases that have a gradient at points where it is finite."""
    found: dict[str, Any] = {}
    for case in (case for cases in CASES.values() for case in cases if case.order and case.tracking):
        if all(np.isfinite(x).all() for x in case.inputs):
            with np.errstate(all="ignore"):
                case.call(Calls(autodiff, "", found), *(_leaf(autodiff, x, x.dtype.kind == "f") for x in case.inputs))
    return found


def _leaf(lib: Any, array: np.ndarray[Any, Any], tracked: bool) -> Any:
    return lib.tensor(array.copy()).requires_grad_(tracked)


def of_call(function: Callable[[Any], Any], args: Any, options: Any) -> Program:
    """The call of ``function(lib)`` with inputs that are no leaves, so that they may be overwritten."""

    def program(lib: Any) -> tuple[list[Any], list[Any], list[Any]]:
        leaves, inputs = [], []

        def given(x: Any) -> Any:
            if isinstance(x, (np.dtype, autodiff.dtype)):
                return getattr(lib, x.name)
            if not isinstance(x, Kept):
                return x
            leaves.append(_leaf(lib, *x))
            inputs.append(leaves[-1].clone())
            return inputs[-1]

        with np.errstate(all="ignore"):
            outputs = flat(function(lib)(*mapped(given, args), **mapped(given, options)))
        return [x for x in leaves if x.requires_grad], [*inputs, *outputs], outputs

    return program


def of_layer(found: Layer) -> Program:
    models = twins(lambda lib: getattr(lib.nn, found.name)(*found.args, **found.options))
    state = {key: value.numpy().copy() for key, value in models[1].state_dict().items()}

    def program(lib: Any) -> tuple[list[Any], list[Any], list[Any]]:
        model = models[0 if lib is autodiff else 1]
        model.load_state_dict({key: lib.tensor(value) for key, value in state.items()})
        given = inputs_of(lib, found, 0)
        inputs, parameters = [x.clone() if x.requires_grad else x for x in given], list(model.parameters())
        outputs = flat(model(*inputs))
        leaves = [*(x for x in given if x.is_leaf and x.requires_grad), *parameters]
        return leaves, [*inputs, *outputs, *parameters], outputs

    return program


def gradients(lib: Any, program: Program, place: int | None) -> list[Any] | None:
    """What the leaves get when the tensor at that place is overwritten; None where the write itself is refused."""
    lib.manual_seed(0)  # of functions that draw
    leaves, targets, outputs = program(lib)
    carried = [x for x in outputs if x.requires_grad]
    cotangents = [lib.tensor(weights(x)) for x in carried]
    if place is not None:
        try:
            with lib.no_grad():
                targets[place].fill_(1)
        except RuntimeError:
            return None
    found = lib.autograd.grad(carried, leaves, cotangents, allow_unused=True) if carried and leaves else ()
    return [plain(x) * 0 if g is None else plain(g) for x, g in zip(leaves, found, strict=bool(found))]


def check(program: Program) -> None:
    """Raise AssertionError where a write that PyTorch allows is refused here, or changes the gradients."""
    try:
        count = len(program(peer())[1])
    except (RuntimeError, TypeError, NotImplementedError):  # it has no derivative for a call of these arguments
        return
    wanted = None
    for place in range(count):
        try:
            if gradients(peer(), program, place) is None:
                continue
        except RuntimeError:  # it has overwritten what it saved
            continue
        wanted = wanted if wanted is not None else gradients(autodiff, program, None)
        agree(gradients(autodiff, program, place), wanted, NEAR, f"after a write to tensor {place}")


CALLS: dict[str, list[Any]] = {}
for _title, _call in _calls().items():
    if not any(_title.startswith(refused) for refused in REFUSED):
        CALLS.setdefault(_call[0], []).append(_call)


@pytest.mark.parametrize("path", CALLS)
def test_what_a_function_does_not_keep_may_be_overwritten(path: str) -> None:
    """The inputs and the results of six calls, of the function and of the method by its name."""
    for _, args, options in CALLS[path][:: len(CALLS[path]) // 6 + 1]:
        check(of_call(operator.attrgetter(path), args, options))
        if "." not in path and args and isinstance(args[0], Kept):
            for method in (path, f"{path}_"):
                if hasattr(autodiff.Tensor, method):
                    check(of_call(lambda lib, method=method: getattr(lib.Tensor, method), args, options))


@pytest.mark.parametrize("title", sorted(OPERATORS.keys() - REFUSED))
def test_what_an_operator_does_not_keep_may_be_overwritten(title: str) -> None:
    """Its operands and its result."""
    function, *arrays = OPERATORS[title]
    check(of_call(lambda _: function, tuple(Kept(array, True) for array in arrays), {}))


@pytest.mark.parametrize("found", LAYERS, ids=str)
def test_what_a_layer_does_not_keep_may_be_overwritten(found: Layer) -> None:
    """Its inputs, parameters and results."""
    check(of_layer(found))


def test_the_copy_is_made_at_the_first_write_and_freed_with_the_graph() -> None:
    """Nothing is copied without a write; the second write does not matter; under every way to write."""
    numbers = np.linspace(0.5, 1.0, 1000, dtype=np.float32)
    x = autodiff.tensor(numbers, requires_grad=True)
    gc.collect()
    others = set(lending.lent)  # of programs that other tests keep
    for write in (lambda h: h.zero_(), lambda h: h.__setitem__(0, 7.0), lambda h: nn.init.ones_(h)):
        h = x * 1
        y = autodiff.expm1(h)
        assert len(lending.lent.keys() - others) == 1
        assert not lending.copies
        with autodiff.no_grad():
            write(h)
            write(h.view(1000))
        assert len(lending.copies) == 1
        y.sum().backward()
        assert np.allclose(x.grad, np.exp(numbers))
        x.grad = None
        assert lending.lent.keys() <= others
        assert not lending.copies


def test_a_step_of_the_optimizer_between_forward_and_backward() -> None:
    """Of weights that PyTorch copies: the gradients are those at the weights of the forward pass."""
    layer = nn.InstanceNorm1d(1, affine=True)
    x = autodiff.tensor([[[1.0, 2.0, 4.0]]], requires_grad=True)
    wanted = autodiff.autograd.grad(layer(x)[0, 0, 0], x)[0]
    y = layer(x)
    layer.weight.grad = autodiff.ones(1)
    optim.SGD([layer.weight], lr=0.5).step()
    with autodiff.detect_anomaly():
        assert np.allclose(autodiff.autograd.grad(y[0, 0, 0], x)[0], wanted)


def test_what_pytorch_keeps_is_refused() -> None:
    """So the tests above can fail."""
    h = autodiff.ones(2, requires_grad=True) * 1
    y = h.sin()
    h.zero_()
    with pytest.raises(InPlaceError, match="sin"):
        y.sum().backward()
