"""One call, made with this library and with PyTorch: values, shapes, dtypes, and gradients of first and second order.

A case names the entry of the vocabulary it covers, says the call once for both libraries, and gives the shapes of its
inputs. ``check`` tries it on contiguous and on transposed memory in float64, and in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from parity.harness import Array, Near, agree, both, flat, numbers, plain, weights

PRECISE, SINGLE = Near(1e-6, 1e-12, of_largest=1e-9), Near(1e-4, 1e-8, of_largest=1e-5)


class Case(NamedTuple):
    """A call ``call(lib, *inputs)``; ``order`` is that of the derivatives compared, 0 for values alone.

    ``tracking`` is False where PyTorch's result does not require grad, since it holds nothing of the inputs, and ours
    does.
    """

    name: str
    call: Callable[..., Any]
    inputs: tuple[Array, ...]
    order: int
    float32: bool
    tracking: bool
    title: str

    def __str__(self) -> str:
        return self.title

    @property
    def family(self) -> str:
        """The module of cases it stands in."""
        return self.call.__module__.rpartition(".")[2]


CASES: dict[str, list[Case]] = {}


def case(
    name: str,
    call: Callable[..., Any],
    *inputs: Any,
    low: float = -2.0,
    high: float = 2.0,
    order: int = 2,
    float32: bool = True,
    tracking: bool = True,
) -> None:
    """Add a case of the entry ``name`` ("sum", "max:binary"): inputs are shapes, filled with numbers, or arrays."""
    arrays = tuple(x if isinstance(x, np.ndarray) else numbers(x, low, high, i) for i, x in enumerate(inputs))
    known = CASES.setdefault(name, [])
    shapes = " ".join("x".join(map(str, x.shape)) or "0d" for x in arrays)
    known.append(Case(name, call, arrays, order, float32, tracking, f"{name}-{len(known)}-{shapes}"))


def check(found: Case) -> None:
    """Compare the call in both libraries; raises AssertionError where they differ."""
    for transposed in (False, True):
        _compare(found, np.float64, transposed, found.order)
    if found.float32:
        _compare(found, np.float32, False, min(found.order, 1))


def _compare(found: Case, dtype: Any, transposed: bool, order: int) -> None:
    where = f"{found}, {np.dtype(dtype)}{', transposed' if transposed else ''}"
    near = PRECISE if dtype == np.float64 else SINGLE
    agree(*both(_outputs_and_gradients, found, dtype, transposed, order), near, where)


def _outputs_and_gradients(lib: Any, found: Case, dtype: Any, transposed: bool, order: int) -> list[Any]:
    """The outputs, and the gradients of each order; a gradient that is constant, or zero everywhere, is None."""
    inputs = [_leaf(lib, x, dtype, transposed, order > 0) for x in found.inputs]
    outputs = flat(found.call(lib, *inputs))
    results: list[Any] = [outputs if found.tracking else [x.detach() for x in outputs]]
    leaves = [x for x in inputs if x.requires_grad]
    carried = [x for x in outputs if x.requires_grad]
    for level in range(order):
        gradients = [None] * len(leaves)
        if leaves and carried:
            cotangents = [lib.tensor(weights(x)) for x in carried]
            last = level == order - 1
            gradients = lib.autograd.grad(carried, leaves, cotangents, create_graph=not last, allow_unused=True)
        results.append([None if g is None or not plain(g).any() else plain(g) for g in gradients])
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
