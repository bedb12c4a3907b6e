"""The first use of a VJP, checked: a primitive that is defined wrongly is refused with the repair."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NoReturn

from numpy.lib.mixins import NDArrayOperatorsMixin

from autodiff.engine.broadcasting import broadcasts_to
from autodiff.errors import GraphError, OptionError

VJP = Callable[..., Any]


class FirstUse:
    """Stands in for a VJP until its first use: checks what it reads and what it returns, then calls ``done``."""

    def __init__(self, primitive: str, vjps: tuple[VJP, ...], position: int, done: Callable[[], None]) -> None:
        self.primitive, self.vjps, self.position, self.done = primitive, vjps, position, done

    def __call__(self, g: Any, *saved: Any, **params: Any) -> Any:
        """The cotangent of the input; refuses a VJP that reads what is not kept, or returns something else."""
        if len(saved) > len(self.vjps) + 1:
            raise too_few(self.primitive, len(self.vjps), len(saved) - 1)
        vjp, x, name = self.vjps[self.position], saved[1 + self.position], f"VJP {self.position} of {self.primitive}"
        arguments = [*arguments_of(vjp), *["one of its arguments"] * len(saved)]
        strict = [
            _NotKept(f"{name} reads {argument}", kept) if _is_missing(kept) else kept
            for argument, kept in zip(arguments, saved)  # noqa: B905  # the names of params may follow
        ]
        c = vjp(g, *strict, **params)
        if not (hasattr(c, "shape") and hasattr(c, "dtype")):
            raise GraphError(f"{name} returned {c!r:.60}; it returns the cotangent of its input, an array like g")
        if not broadcasts_to(x.shape, c.shape):
            raise GraphError(f"{name} returned a cotangent of shape {c.shape} for an input of shape {x.shape}")
        if c.dtype != x.dtype:
            raise GraphError(f"{name} returned a cotangent of {c.dtype.name} for a {x.dtype.name} input; convert it")
        self.done()
        return c


def too_few(primitive: str, vjps: int, inputs: int) -> OptionError:
    """The error of a primitive with fewer VJPs than inputs, to be raised."""
    return OptionError(f"{primitive} has {vjps} VJPs for {inputs} inputs; give one VJP for each input")


def arguments_of(vjp: VJP) -> list[str]:
    """The names of what a VJP takes after ``g``."""
    vjp = inspect.unwrap(vjp)
    code = getattr(vjp, "__code__", None)
    return list(code.co_varnames[: code.co_argcount] if code else inspect.signature(vjp).parameters)[1:]


def _is_missing(kept: Any) -> bool:
    """Whether a saved argument is not a value: a node in its place, or nothing."""
    return kept is None or hasattr(kept, "primitive")


class _NotKept(NDArrayOperatorsMixin):
    """In place of an argument that the tape does not keep: knows what its node knows, and refuses everything else."""

    def __init__(self, reading: str, node: Any) -> None:
        self._reading, self._node = reading, node
        if node is not None:
            self.shape, self.dtype, self.ndim = node.shape, node.dtype, len(node.shape)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise GraphError(f"{self._reading}, which the tape does not keep; name it in keeps")

    __array__ = __array_ufunc__ = __array_function__ = __getattr__ = _refuse
    __bool__ = __len__ = __getitem__ = __float__ = __repr__ = _refuse
