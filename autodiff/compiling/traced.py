"""Arrays that take notes: what NumPy is asked to do with one becomes a call of the program."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np

from autodiff.engine.call_sites import line_of, place_of_user, source_of
from autodiff.errors import CompileError

Array = np.ndarray[Any, Any]
FACTS = {"dtype", "flags", "itemsize", "nbytes", "ndim", "shape", "size", "strides"}  # what no call can change


class Ref:
    """One array of a program.

    Attributes:
        kind: "temporary", "input", "lasting" (it outlives the step) or "constant".
        array: its value while notes are taken; a lasting array, or a constant, is this in the program too.
        is_viewed: whether there is a view of it, which sees what is written there.
        root: the array whose memory it looks into, itself if it is no view.
        traced: what the step has in its place.
    """

    __slots__ = ("array", "is_viewed", "kind", "root", "traced")

    def __init__(self, capture: Any, array: Array, kind: str, root: Ref | None) -> None:
        self.array: Any = array
        self.kind, self.is_viewed = kind, False
        self.root = self if root is None else root
        self.root.is_viewed = root is not None
        self.traced: Any = Traced.of(self, capture)
        capture.refs.append(self)

    def is_private(self) -> bool:
        """Whether nothing but the step's own variable shows it."""
        return self.kind == "temporary" and not self.is_viewed and self.root is self

    def forget(self) -> None:
        """Let go of what only the taking of notes needs: of values shape and dtype are left."""
        self.traced = None
        if self.root.kind == "temporary":
            self.array = np.broadcast_to(np.zeros((), self.array.dtype), self.array.shape)


@cache
def garbage(dtype: np.dtype[Any]) -> Array:
    """What is read of a traced array by those that do not ask NumPy: nothing that could be taken for its value."""
    if dtype.kind not in "fciub":
        raise CompileError(f"arrays of {dtype} cannot be compiled")
    # a NaN that no data have, so that what comes of it is told from what comes of theirs; or 113
    content = b"\xff" * dtype.itemsize if dtype.kind in "fc" else np.array(113).astype(dtype).tobytes()
    return np.frombuffer(content, dtype).reshape(())


attribute = cache(operator.attrgetter)  # the same function each time


class Traced(np.ndarray[Any, Any]):
    """An array of a program. It has the shape and the dtype of its value, and garbage in the place of its numbers.

    NumPy hands all calls over to it. Code in C that does not ask, and code in another thread, reads the garbage: so
    a value that went past the notes never is right by chance.
    """

    _ref: Ref
    _capture: Any

    @classmethod
    def of(cls, ref: Ref, capture: Any) -> Traced:
        """The traced array of ``ref``."""
        x = ref.array
        made = np.ndarray.__new__(cls, x.shape, x.dtype, garbage(x.dtype).data, 0, (0,) * x.ndim)
        made._ref, made._capture = ref, capture
        return made

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(hasattr(x, "__primitive__") for x in inputs):  # a tensor, whose business it is
            return NotImplemented
        return self._capture.call(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(hasattr(kind, "__primitive__") for kind in types):
            return NotImplemented
        return self._capture.call(func, args, kwargs)

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_"):
            return np.ndarray.__getattribute__(self, name)
        if name in FACTS:
            return getattr(self._ref.array, name)
        if name == "base":
            root = self._ref.root
            return None if root is self._ref else root.traced
        if name == "item":
            return partial(_item, self)
        function = getattr(np.ndarray, name)
        if callable(function):
            return lambda *args, **kwargs: self._capture.call(function, (self, *args), kwargs)
        return self._capture.call(attribute(name), (self,), {})

    def __getitem__(self, key: Any) -> Any:
        return self._capture.call(operator.getitem, (self, key), {})

    def __setitem__(self, key: Any, value: Any) -> None:
        self._capture.call(operator.setitem, (self, key, value), {})

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self._capture.read(self, bool))

    def __index__(self) -> int:
        return int(self._capture.read(self, int))

    __int__ = __index__

    def __float__(self) -> float:
        raise refused("float()")

    def __run__(self, function: Any, args: Any, params: Any) -> Any:
        """Run ``function`` as one piece (see ``Capture.run``): for what notes cannot look into."""
        return self._capture.named(self._capture.visit, self._capture.run, function, args, params)

    def __once__(self, function: Any, args: Any, params: Any) -> Any:
        """Make one call of ``function``."""
        return self._capture.call(function, args, params)

    def __read__(self, test: Callable[[Any], Any]) -> Any:
        """What ``test`` says of the value; the program holds for values of which it says the same."""
        return self._capture.read(self, test)


def _item(x: Traced, *at: Any) -> Any:
    x = x[at] if len(at) > 1 else x.reshape(-1)[at[0] if at else 0]
    if x.dtype.kind in "biu":
        return x.__read__(bool if x.dtype.kind == "b" else int)
    raise refused(".item()")


def refused(asked: str) -> CompileError:
    """The error of a program that asks for numbers while notes are taken."""
    place = place_of_user(2)
    return CompileError(
        f"{asked} at {line_of(place)} ({source_of(place)}) asks for a number, or what else is no array, which a step "
        "does not have while it is written down; return the tensor, and read it outside of the step"
    )
