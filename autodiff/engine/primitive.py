"""The row: a primitive operation is its name, its forward in plain NumPy, and one VJP for each input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from operator import itemgetter
from typing import Any

import numpy as np

__all__ = ["Primitive", "primitives"]

VJP = Callable[..., Any]

primitives: dict[str, Primitive] = {}


class Primitive:
    """One row of the table of derivatives.

    >>> square = Primitive("doctest_square", np.square, lambda g, out, x: g * 2 * x, keeps="x")
    >>> square(np.array([1.0, 3.0]))
    array([1., 9.])

    Args:
        name: unique; what pictures, errors and reports call the operation.
        forward: ``forward(*inputs, **params) -> out`` on ndarrays. Inputs can be differentiated, params are static.
        vjps: for each input ``vjp(g, out, *inputs, **params)``, its cotangent for the cotangent ``g`` of ``out``,
            written with operators, ``np.`` functions and other primitives, so that it runs on ndarrays (fast) and on
            Tensors (recorded, hence differentiable again). It may be as large as ``out`` where the forward broadcast
            the input: the walk sums it back.
        keeps: the arguments whose values the VJPs read, by the names they have there ("out", "x y"): one string for
            all, or one for each VJP. The tape keeps these and nothing else; in place of another input that is
            tracked a VJP gets its node, which still knows ``shape`` and ``dtype``.
        each: ``each(i, g, out, *inputs, **params)``, the VJP of input ``i`` in a row with any number of inputs; it
            keeps nothing.
        floating: integers are converted to the default dtype first, because the result is floating.
        promotes: inputs of different dtypes are converted to a common one; otherwise they are an error.
        view: the result may share memory with the input.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        *vjps: VJP,
        keeps: str | tuple[str, ...] = "",
        each: VJP | None = None,
        floating: bool = False,
        promotes: bool = True,
        view: bool = False,
    ) -> None:
        if name in primitives:
            raise ValueError(f"there is a primitive {name!r} already")
        self.name = name
        self.forward = forward
        self.vjps: tuple[VJP, ...] | _Each = vjps if each is None else _Each(each)
        self.keeps = (keeps,) * len(vjps) if isinstance(keeps, str) else keeps
        self.plans = _Plans(vjps, self.keeps)
        self.saves = any(self.keeps)
        self.floating = floating
        self.promotes = promotes
        self.view = view
        primitives[name] = self

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """Apply the row: recorded where an input is a Tensor, plain NumPy otherwise."""
        for x in inputs:
            record = None if type(x) is np.ndarray else getattr(x, "__primitive__", None)
            if record is not None:
                return record(self, inputs, params)
        return self.forward(*inputs, **params)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


class _Plans(dict[int, Callable[[tuple[Any, ...]], tuple[Any, ...]]]):
    """What picks that which the tape keeps out of ``(out, *inputs, None, *nodes)``.

    The bits of the key say which inputs are tracked, and one more how many there are: the last may be optional.
    """

    def __init__(self, vjps: tuple[VJP, ...], keeps: tuple[str, ...]) -> None:
        self._arguments = vjps[0].__code__.co_varnames[1 : 2 + len(vjps)] if vjps else ()
        self._keeps = [names.split() for names in keeps]

    def __missing__(self, key: int) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
        count = key.bit_length()
        wanted = {name for i, names in enumerate(self._keeps) if i + 1 < count and key >> i & 1 for name in names}
        self[key] = itemgetter(*(i if self._arguments[i] in wanted else count + i for i in range(count)))
        return self[key]


class _Each:
    """The VJPs of a row with any number of inputs, one after another without end."""

    def __init__(self, each: VJP) -> None:
        self._each = each

    def __iter__(self) -> Iterator[VJP]:
        return (partial(self._each, i) for i in count())
