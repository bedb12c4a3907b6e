"""The primitive: an operation is its name, its forward in plain NumPy, and one VJP for each input."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np

from autodiff.engine.call_sites import of_library
from autodiff.engine.first_use import FirstUse, arguments_of, too_few
from autodiff.errors import OptionError
from autodiff.kernels.lending import lend
from autodiff.kernels.structural_zeros import doubt

ndarray = np.ndarray
VJP = Callable[..., Any]

primitives: dict[str, Primitive] = {}


class Primitive:
    """An operation that can be differentiated: one row of the table of derivatives.

    >>> square = Primitive("doctest_square", np.square, lambda g, out, x: g * 2 * x, keeps="x")
    >>> square(np.array([1.0, 3.0]))
    array([1., 9.])

    Args:
        name: what pictures, errors and reports call the operation. A primitive of yours replaces an earlier one of
            yours by the same name, as when a notebook cell runs again; the library's own names are refused.
        forward: ``forward(*inputs, **params) -> out`` on ndarrays. Inputs can be differentiated, params are static.
        vjps: for each input ``vjp(g, out, *inputs, **params)``, its cotangent for the cotangent ``g`` of ``out``,
            written with operators, ``np.`` functions and other primitives, so that it runs on ndarrays (fast) and on
            Tensors (recorded, hence differentiable again). It may be as large as ``out`` where the forward broadcast
            the input: the walk sums it back.
        keeps: the arguments whose values the VJPs read, by the names they have there ("out", "x y"): one string for
            all, or one for each VJP. The tape keeps these and nothing else; in place of another input that is
            tracked a VJP gets its node, which still knows ``shape`` and ``dtype``.
        each: ``each(i, g, out, *inputs, **params)``, the VJP of input ``i`` of a primitive with any number of inputs;
            it keeps nothing.
        floating: integers are converted to the default dtype first, because the result is floating.
        counts: booleans are converted to integers first, because the result is a number.
        promotes: inputs of different dtypes are converted to a common one, of all kinds or of those that it names
            ("iuf": no booleans); otherwise they are an error.
        view: the result may share memory with the input.
        selects: entries of an input may be left out; then their cotangent is 0, whatever it was computed from.
        real: complex inputs are refused; otherwise the VJPs hold for them as they stand, for functions with a complex
            derivative (``autodiff.ops.complex_numbers`` says what else there is).
        lends: kept inputs that PyTorch does not keep, so that programs may overwrite them: they are copied then.

    Raises:
        OptionError: the name is the library's, ``keeps`` does not fit the VJPs, or the VJPs do not fit the forward.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        *vjps: VJP,
        keeps: str | tuple[str, ...] = "",
        each: VJP | None = None,
        floating: bool = False,
        counts: bool = False,
        promotes: bool | str = True,
        view: bool = False,
        selects: bool = False,
        real: bool = False,
        lends: str = "",
    ) -> None:
        if vjps and isinstance(forward, np.ufunc) and forward.nin != len(vjps):
            raise too_few(name, len(vjps), forward.nin)
        self.name, self.forward, self.vjps = name, forward, vjps
        self.keeps = (keeps,) * len(vjps) if isinstance(keeps, str) else keeps
        self.plans = _Plans(name, vjps, self.keeps, lends)
        self.saves = any(self.keeps)
        self.differentiable = bool(vjps) or each is not None
        self.floating, self.counts, self.view = floating, counts, view
        self.selects, self.real, self.promotes = selects, real, "biufc" if promotes is True else promotes or ""
        ufunc = getattr(forward, "__wrapped__", forward)
        self.elementwise = isinstance(ufunc, np.ufunc) and ufunc.nin > 1 and ufunc.signature is None
        self._each = each
        self._vjps = list(vjps)
        for i, vjp in enumerate(vjps):
            self._vjps[i] = FirstUse(name, vjps, i, partial(self._vjps.__setitem__, i, vjp))
        # Empty if each visit of a node asks vjps_for: a selection that looks at no values may have left out a NaN.
        self.fixed_vjps = [] if selects and not self.saves else self._vjps
        self._register()

    def _register(self) -> None:
        """Enter the primitive into the table; raises OptionError for a name of the library's."""
        frame = sys._getframe(2)
        while frame.f_code.co_name == "__init__" and frame.f_back is not None:  # of a subclass
            frame = frame.f_back
        self._defined_in = frame.f_code
        taken = primitives.get(self.name)
        if taken is not None and of_library(taken._defined_in):
            raise OptionError(f"{self.name!r} is a primitive of the library's already; choose another name")
        primitives[self.name] = self

    def vjps_for(self, count: int) -> Sequence[VJP]:
        """The VJPs of ``count`` inputs; a subclass may make them anew for each visit of a node (see ``Joint``)."""
        if self._each is not None:
            return [partial(self._each, i) for i in range(count)]
        doubt()
        return self._vjps

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """Apply the primitive: recorded where an input is a Tensor, plain NumPy otherwise."""
        for x in inputs:
            if type(x) is not ndarray and (record := getattr(x, "__primitive__", None)) is not None:
                return record(self, inputs, params)
        return self.forward(*inputs, **params)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


class _Plans(dict[int, Callable[[tuple[Any, ...]], tuple[Any, ...]]]):
    """Selects what the tape saves out of ``(out, *inputs, None, *nodes)``.

    A key in binary is a leading 1 and one bit for each input, the last input first, set if the input is tracked: 0b101
    means two inputs, of which the first is tracked. The last inputs may be optional.
    """

    def __init__(self, name: str, vjps: tuple[VJP, ...], keeps: tuple[str, ...], lends: str = "") -> None:
        if len(keeps) != len(vjps):
            raise OptionError(f"{name}: keeps has {len(keeps)} strings for {len(vjps)} VJPs; give one for each VJP")
        self._name = name
        self._kept: list[set[int]] = []  # for each VJP the positions of what it reads: 0 is out, 1 the first input
        self._lent = {arguments_of(vjps[0]).index(argument) for argument in lends.split()}
        for i, names in enumerate(keeps):
            has = arguments_of(vjps[i]) if names else []
            if unknown := ", ".join(sorted(set(names.split()) - set(has))):
                raise OptionError(f"{name}: keeps names {unknown}, but VJP {i} takes g, {', '.join(has)}")
            self._kept.append({has.index(argument) for argument in names.split()})

    def __missing__(self, key: int) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
        count = key.bit_length()
        if count > len(self._kept) + 1:
            raise too_few(self._name, len(self._kept), count - 1)
        wanted = set().union(*(self._kept[i] for i in range(count - 1) if key >> i & 1))
        self[key] = select = itemgetter(*(i if i in wanted else count + i for i in range(count)))
        if lent := self._lent & wanted & {*range(count)}:
            self[key] = partial(_lending, select, lent)
        return self[key]


def _lending(select: Callable[..., tuple[Any, ...]], places: set[int], values: tuple[Any, ...]) -> tuple[Any, ...]:
    saved = list(select(values))
    for i in places:
        saved[i] = lend(saved[i])
    return tuple(saved)
