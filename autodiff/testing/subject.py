"""A function at one point, as the checks see it: its value as the inputs move, and its pullback."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from autodiff.dtypes import DIFFERENTIABLE
from autodiff.engine import modes
from autodiff.engine.backward import grad
from autodiff.errors import DtypeError
from autodiff.kernels.layout import pairs
from autodiff.tensors.creation import from_numpy
from autodiff.tensors.tensor import Tensor

Array = np.ndarray[Any, Any]
Pullback = Callable[[Sequence[Array]], list[Any]]


def leaf(array: Array) -> Tensor:
    """A Tensor that looks into ``array`` and wants a gradient."""
    return from_numpy(array).requires_grad_()


def listed(given: Any) -> list[Any]:
    """One input or result, or several, as a list."""
    return list(given) if isinstance(given, (tuple, list)) else [given]


def plain(x: Any) -> Any:
    """The array of a Tensor, sharing its memory; anything else as it is."""
    return x._array if isinstance(x, Tensor) else x


def requires_grad(x: Any) -> bool:
    """Whether ``x`` is a Tensor that requires grad."""
    return isinstance(x, Tensor) and x.requires_grad


def is_floating(x: Any) -> bool:
    """Whether ``x`` is a floating or complex Tensor, array or number."""
    return x.dtype.kind in DIFFERENTIABLE if hasattr(x, "dtype") else isinstance(x, (float, complex))


def is_floating_array(x: Any) -> bool:
    """Whether ``x`` is a floating or complex array."""
    return isinstance(x, np.ndarray) and x.dtype.kind in DIFFERENTIABLE


def parts(x: Any) -> Any:
    """An array of complex numbers as one of pairs of real numbers, in the same memory; anything else as it is."""
    return pairs(x) if is_floating_array(x) else x


def joined(g: Array, dtype: np.dtype[Any]) -> Array:
    """An array of pairs as complex numbers, where ``dtype`` is complex."""
    return g[..., 0] + 1j * g[..., 1] if dtype.kind == "c" else g


class Subject:
    """``function`` at ``inputs``; ``arrays`` are those of the inputs that want a gradient, moved in place.

    Complex numbers are pairs of real ones here, in ``arrays``, outputs, cotangents and gradients: the slopes by both
    parts of both parts are the two Wirtinger derivatives.

    Args:
        function: takes Tensors (or what NumPy's protocols make of them); or a pair ``(forward, vjp)`` of functions on
            plain arrays, where ``vjp(g, *inputs)`` gives the gradient of each floating input, a tuple where there are
            several, for the cotangent ``g`` (a tuple where ``forward`` returns several).
        inputs: Tensors, arrays and anything else. Of Tensors those that require grad are checked; where none is
            a Tensor that does, all floating arrays are.
    """

    def __init__(self, function: Any, inputs: Sequence[Any], kwargs: dict[str, Any] | None = None) -> None:
        self.function, self.vjp = function if isinstance(function, tuple) else (function, None)
        self.kwargs = kwargs or {}
        wanting = [i for i, x in enumerate(inputs) if requires_grad(x)]
        wanting = wanting or [i for i, x in enumerate(inputs) if is_floating_array(x)]
        if not wanting:
            raise DtypeError("nothing to check: no input is a Tensor that requires grad, or a floating array")
        if self.vjp is None:
            self.inputs = [leaf(x) if i in wanting and isinstance(x, np.ndarray) else x for i, x in enumerate(inputs)]
        else:
            self.inputs = [plain(x) for x in inputs]
        self.positions = wanting
        self.arrays: list[Array] = [parts(plain(self.inputs[i])) for i in wanting]

    @property
    def sources(self) -> list[Any]:
        """The inputs that are checked."""
        return [self.inputs[i] for i in self.positions]

    @property
    def names(self) -> list[str]:
        """What the checked inputs are called."""
        return _names(self.function, self.positions)

    def evaluate(self) -> Array:
        """The floating outputs at the present inputs, one behind the other in float64, without recording."""
        if self.vjp is None and modes.current().recording:
            with modes.no_grad():
                return _flat(self.function(*self.inputs, **self.kwargs))
        return _flat(self.function(*self.inputs, **self.kwargs))

    def pull(self) -> tuple[list[Array], Pullback]:
        """The floating outputs, and the function from cotangents to the gradients of ``arrays`` (None: no path)."""
        results = [y for y in listed(self.function(*self.inputs, **self.kwargs)) if is_floating(y)]
        if self.vjp is None:
            return [parts(plain(y)) for y in results], lambda cotangents: self._backward(results, cotangents)
        return [parts(np.asarray(y)) for y in results], lambda cotangents: self._vjp(
            [joined(g, np.asarray(y).dtype) for y, g in zip(results, cotangents, strict=True)]
        )

    def _vjp(self, cotangents: Sequence[Array]) -> list[Any]:
        g = cotangents[0] if len(cotangents) == 1 else tuple(cotangents)
        grads = listed(self.vjp(g, *self.inputs, **self.kwargs))
        if len(grads) != len(self.arrays):
            raise DtypeError(f"the vjp returned {len(grads)} gradients; there are {len(self.arrays)} floating inputs")
        return [parts(np.asarray(g)) for g in grads]

    def _backward(self, results: list[Any], cotangents: Sequence[Array]) -> list[Any]:
        outputs, seeds = tracked(results, cotangents)
        if not outputs:
            return [None] * len(self.positions)
        return [parts(plain(g)) for g in grad(outputs, self.sources, seeds, retain_graph=True, allow_unused=True)]


def tracked(results: Sequence[Any], cotangents: Sequence[Array]) -> tuple[list[Tensor], list[Array]]:
    """The results that require grad, and their cotangents."""
    pairs = [(y, g) for y, g in zip(results, cotangents, strict=True) if requires_grad(y)]
    return [y for y, _ in pairs], [joined(g, y.dtype) for y, g in pairs]


def _flat(results: Any) -> Array:
    flat = [np.array(parts(np.asarray(plain(y))), dtype=np.float64).ravel() for y in listed(results) if is_floating(y)]
    return flat[0] if len(flat) == 1 else np.concatenate(flat) if flat else np.zeros(0)


def _names(function: Any, positions: Sequence[int]) -> list[str]:
    """The names of the inputs at ``positions`` in the signature of ``function``, or x0, x1, ..."""
    try:
        names = _parameters(function)
    except TypeError:  # not hashable
        names = []
    return [names[i] if i < len(names) else f"x{i}" for i in positions]


@lru_cache(maxsize=64)
def _parameters(function: Any) -> list[str]:
    """The names of the positional parameters of ``function``, as far as they are known."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    plain_kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in plain_kinds]
