"""One call, made with this library and with PyTorch: values, shapes, dtypes, and gradients of first and second order.

A case names the entry of the vocabulary it covers, says the call once for both libraries, and gives the shapes of its
inputs. ``check`` tries it on contiguous and on transposed memory in float64, and in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import autodiff

__all__ = ["CASES", "Case", "case", "check", "numbers"]

Array = np.ndarray[Any, Any]


class Case(NamedTuple):
    """A call ``call(lib, *inputs)``; ``order`` is that of the derivatives compared, 0 for values alone."""

    name: str
    call: Callable[..., Any]
    inputs: tuple[Array, ...]
    order: int
    float32: bool
    title: str

    def __str__(self) -> str:
        return self.title

    @property
    def family(self) -> str:
        """The module of cases it stands in."""
        return self.call.__module__.rpartition(".")[2]


CASES: dict[str, list[Case]] = {}


def numbers(shape: Sequence[int], low: float = -2.0, high: float = 2.0, seed: int = 0) -> Array:
    """Different numbers of that shape between ``low`` and ``high``, in no order, none of them a multiple of 1/8."""
    count = math.prod(shape)
    places = (np.random.default_rng(seed + count).permutation(count) + 0.37) / max(count, 1)
    return (low + (high - low) * places).reshape(tuple(shape))


def case(
    name: str,
    call: Callable[..., Any],
    *inputs: Any,
    low: float = -2.0,
    high: float = 2.0,
    order: int = 2,
    float32: bool = True,
) -> None:
    """Add a case of the entry ``name`` ("sum", "max:binary"): inputs are shapes, filled with numbers, or arrays."""
    arrays = tuple(x if isinstance(x, np.ndarray) else numbers(x, low, high, i) for i, x in enumerate(inputs))
    known = CASES.setdefault(name, [])
    shapes = " ".join("x".join(map(str, x.shape)) or "0d" for x in arrays)
    known.append(Case(name, call, arrays, order, float32, f"{name}-{len(known)}-{shapes}"))


def check(found: Case) -> None:
    """Compare the call in both libraries; raises AssertionError where they differ."""
    for transposed in (False, True):
        _compare(found, np.float64, transposed, found.order)
    if found.float32:
        _compare(found, np.float32, False, min(found.order, 1))


def _compare(found: Case, dtype: Any, transposed: bool, order: int) -> None:
    import torch  # the oracle, where it is installed

    results = [_run(lib, found, dtype, transposed, order) for lib in (autodiff, torch)]
    precise = dtype == np.float64
    for ours, theirs in zip(*results, strict=True):
        assert (ours is None) == (theirs is None), f"{found}: one gradient of two is missing"
        if ours is None:
            continue
        where = f"{found}, {np.dtype(dtype)}{', transposed' if transposed else ''}"
        assert ours.shape == theirs.shape, f"{where}: shape {ours.shape}, PyTorch {theirs.shape}"
        assert ours.dtype == theirs.dtype, f"{where}: dtype {ours.dtype}, PyTorch {theirs.dtype}"
        scale = np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0) if theirs.dtype.kind in "fc" else 0.0
        near, floor = (1e-6, 1e-9) if precise else (1e-4, 1e-5)
        np.testing.assert_allclose(ours, theirs, rtol=near, atol=floor * max(float(scale), 1e-3), err_msg=where)


def _run(lib: Any, found: Case, dtype: Any, transposed: bool, order: int) -> list[Array | None]:
    """The outputs, and the gradients of each order, as arrays."""
    inputs = [_leaf(lib, x, dtype, transposed, order > 0) for x in found.inputs]
    outputs = _tensors(found.call(lib, *inputs))
    results: list[Array | None] = [_plain(x) for x in outputs]
    leaves = [x for x in inputs if x.requires_grad]
    carried = [x for x in outputs if x.requires_grad]
    for level in range(order):
        if not leaves or not carried:
            results += [None] * len(leaves)  # a gradient that is constant has none
            continue
        total = sum((x * lib.tensor(_weights(x.shape).astype(_plain(x).dtype))).sum() for x in carried)
        last = level == order - 1
        gradients = lib.autograd.grad(total, leaves, create_graph=not last, allow_unused=True)
        results += [None if g is None or not _plain(g).any() else _plain(g) for g in gradients]  # None or zeros: alike
        carried = [g for g in gradients if g is not None and g.requires_grad]
    return results


def _leaf(lib: Any, x: Array, dtype: Any, transposed: bool, traced: bool) -> Any:
    if x.dtype.kind != "f":
        return lib.tensor(x)
    array = np.array(x, dtype=dtype)
    if transposed and array.ndim > 1:
        array = np.ascontiguousarray(array.T)
        leaf = lib.tensor(array).permute(*reversed(range(array.ndim))).detach()
    else:
        leaf = lib.tensor(array)
    return leaf.requires_grad_(traced)


def _weights(shape: Sequence[int]) -> Array:
    return np.cos(np.arange(math.prod(shape)) * 1.3 + 0.4).reshape(tuple(shape))


def _tensors(result: Any) -> list[Any]:
    if isinstance(result, (tuple, list)):
        return [x for part in result for x in _tensors(part)]
    return [result] if hasattr(result, "requires_grad") else []


def _plain(x: Any) -> Array:
    return np.asarray(x.detach().clone().numpy())  # PyTorch makes numbers of symbolic zeros only where it copies
