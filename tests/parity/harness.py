"""A program written once and run twice, with this library and with PyTorch, and what comes out compared.

``same(program)`` compares what ``program(lib)`` gives with either library, ``compare(call, *arrays)`` a call of tensors
made of arrays and its gradients, ``compare_modules(models, call, *arrays)`` two modules of one state. Values, shapes,
dtypes, structure and ``requires_grad`` must be PyTorch's. Whatever asks for PyTorch is skipped where it is not
installed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

import autodiff

Array = np.ndarray[Any, Any]
LIBRARIES = ("autodiff", "nn", "optim", "torch")


class Near(NamedTuple):
    """How far a number may be from PyTorch's.

    By ``relative`` of itself, and besides by ``absolute`` or by ``of_largest`` of the largest entry, whichever is more.
    """

    relative: float = 0.0
    absolute: float = 0.0
    of_largest: float = 0.0


EXACT = Near()


def peer(module: str = "") -> Any:
    """PyTorch, or a module of it; the test that asks for it is skipped where it is not installed."""
    path = f"torch.{module}".strip(".")
    return pytest.importorskip(path, reason="PyTorch, which says what is right here, is not installed")


def both(program: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, Any]:
    """What ``program(lib, *args, **options)`` gives with this library and with PyTorch."""
    torch = peer()
    return program(autodiff, *args, **options), program(torch, *args, **options)


def same(program: Callable[..., Any], *args: Any, near: Near = EXACT, **options: Any) -> None:
    """Raise AssertionError where the program does not give what it gives with PyTorch."""
    agree(*both(program, *args, **options), near)


def compare(call: Callable[..., Any], *arrays: Array, near: Near = EXACT) -> None:
    """Compare ``call(lib, *tensors)`` in both libraries: what it returns, and the gradient of each tensor."""
    ours, theirs = both(run, call, arrays)
    agree(ours, theirs, near)


def run(lib: Any, call: Callable[..., Any], arrays: Iterable[Array]) -> tuple[Any, list[Any]]:
    """What the call returns, and what the backward pass from all of it delivers to tensors of the arrays."""
    leaves = [leaf(lib, array) for array in arrays]
    outputs = call(lib, *leaves)
    return outputs, delivered(lib, outputs, leaves)


# --- modules


def twins(make: Callable[[Any], Any]) -> tuple[Any, Any]:
    """The modules ``make(lib)`` in float64, ours with PyTorch's state; names and their order are the same."""
    ours, theirs = (model.double() for model in both(make))
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    ours.load_state_dict({key: value.numpy() for key, value in state.items()})
    assert ours.training == theirs.training
    return ours, theirs


def compare_modules(
    models: tuple[Any, Any], call: Callable[..., Any], *arrays: Array, near: Near, near_gradients: Near | None = None
) -> None:
    """Compare ``call(lib, module, *tensors)``: what it returns, and the gradients of tensors and parameters."""

    def found(lib: Any, model: Any) -> tuple[Any, list[Any]]:
        leaves = [leaf(lib, array) for array in arrays]
        outputs = call(lib, model, *leaves)
        return outputs, delivered(lib, outputs, [*leaves, *model.parameters()])

    (ours, mine), (theirs, wanted) = found(autodiff, models[0]), found(peer(), models[1])
    agree(ours, theirs, near, "output")
    assert any(gradient is not None for gradient in wanted), "there is no gradient to compare"
    gradients_agree(mine, wanted, near_gradients or near)


# --- tensors and gradients


def numbers(shape: Sequence[int], low: float = -2.0, high: float = 2.0, seed: int = 0) -> Array:
    """Different numbers of that shape between ``low`` and ``high``, in no order, none of them a multiple of 1/8."""
    count = math.prod(shape)
    places = (np.random.default_rng(seed + count).permutation(count) + 0.37) / max(count, 1)
    return (low + (high - low) * places).reshape(tuple(shape))


def leaf(lib: Any, array: Array) -> Any:
    """A tensor of the array, which requires grad if it is floating; ours has the array's layout in memory."""
    tensor = lib.from_numpy(array) if lib is autodiff else lib.tensor(array.copy())
    return tensor.requires_grad_(array.dtype.kind == "f")


def weights(output: Any, k: int = 0) -> Array:
    """The cotangent of the k-th output: different numbers of its shape and dtype."""
    shape = tuple(output.shape)
    return np.cos(np.arange(math.prod(shape)) * 1.3 + 0.4 + k).reshape(shape).astype(plain(output).dtype)


def delivered(lib: Any, outputs: Any, leaves: Sequence[Any], cotangents: Sequence[Array] | None = None) -> list[Any]:
    """What a backward pass from all tensors among the outputs puts into ``.grad`` of the leaves, which was None."""
    for x in leaves:
        x.grad = None
    found = flat(outputs)
    cotangents = [weights(x, k) for k, x in enumerate(found)] if cotangents is None else cotangents
    tracked = [(x, lib.tensor(g)) for x, g in zip(found, cotangents, strict=True) if x.requires_grad]
    if tracked:
        lib.autograd.backward([x for x, _ in tracked], [g for _, g in tracked])
    return [x.grad for x in leaves]


def flat(result: Any) -> list[Any]:
    """The tensors of a result, those in containers too, in order."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (tuple, list)):
        return [x for part in result for x in flat(part)]
    return [result] if is_tensor(result) else []


def is_tensor(x: Any) -> bool:
    """Whether x is a tensor of either library."""
    return hasattr(x, "requires_grad")


def plain(x: Any) -> Array:
    """The numbers of a tensor, an array or a number."""
    if is_tensor(x):
        x = x.detach().resolve_conj().clone().numpy()  # PyTorch makes numbers of symbolic zeros only where it copies
    return np.asarray(x)


# --- comparison


def agree(ours: Any, theirs: Any, near: Near = EXACT, where: str = "result") -> None:
    """Raise AssertionError where one result is not the other, in structure, shapes, dtypes, numbers or tracking.

    Containers are compared entry by entry, dicts in the order of their keys, and what is no number by ``==``.
    """
    assert kind(ours) is kind(theirs), f"{where}: a {kind(ours).__name__}, PyTorch a {kind(theirs).__name__}"
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), f"{where}: keys {list(ours)}, PyTorch {list(theirs)}"
        for key in theirs:
            agree(ours[key], theirs[key], near, f"{where}[{key!r}]")
    elif isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs), f"{where}: {len(ours)} entries, PyTorch {len(theirs)}"
        for i, (mine, wanted) in enumerate(zip(ours, theirs, strict=True)):
            agree(mine, wanted, near, f"{where}[{i}]")
    elif is_tensor(theirs) or isinstance(theirs, (np.ndarray, np.generic, int, float)):
        _numbers_agree(plain(ours), plain(theirs), near, where)
        tracked = [x.requires_grad for x in (ours, theirs) if is_tensor(x)]
        assert tracked in ([], [True] * 2, [False] * 2), f"{where}: requires_grad is {tracked[0]}, not PyTorch's"
    else:
        assert ours == theirs, f"{where}: {ours!r}, PyTorch {theirs!r}"


def gradients_agree(ours: Sequence[Any], theirs: Sequence[Any], near: Near) -> None:
    """Raise AssertionError where gradients differ; where one library gives none, the other's must be zero."""
    for i, (mine, wanted) in enumerate(zip(ours, theirs, strict=True)):
        if mine is None or wanted is None:
            assert not any(plain(x).any() for x in (mine, wanted) if x is not None), f"gradient {i} is missing"
        else:
            agree(mine, wanted, near, f"gradient {i}")


def kind(x: Any) -> type:
    """The type in which two results must agree: tensors, and the tuples that libraries define, count as one."""
    if is_tensor(x):
        return autodiff.Tensor
    own = isinstance(x, tuple) and type(x).__module__.partition(".")[0] in LIBRARIES
    return tuple if own else type(x)


def _numbers_agree(ours: Array, theirs: Array, near: Near, where: str) -> None:
    assert ours.shape == theirs.shape, f"{where}: shape {ours.shape}, PyTorch {theirs.shape}"
    assert ours.dtype == theirs.dtype, f"{where}: dtype {ours.dtype}, PyTorch {theirs.dtype}"
    floating = theirs.dtype.kind in "fc"
    largest = float(np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0)) if floating else 0.0
    atol = max(near.absolute, near.of_largest * largest)
    np.testing.assert_allclose(ours, theirs, rtol=near.relative, atol=atol, err_msg=where)
