"""The memory of a program: each array has its place before the first replay, and each call is bound to its arrays."""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from autodiff.compiling.blocks import by_blocks
from autodiff.compiling.calls import Call, Draw, Strict, mapped, parts
from autodiff.compiling.capture import COPIES, PRODUCTS, is_elementwise
from autodiff.compiling.fusion import Pair, add_up, arranged, into, together, total
from autodiff.compiling.numbers import Changed, Number, Numbers
from autodiff.compiling.traced import Ref
from autodiff.errors import CompileError
from autodiff.kernels.blas import alone
from autodiff.kernels.layout import side_by_side

Array = np.ndarray[Any, Any]
Bound = Callable[[], Any]
BLANK = {np.zeros_like, np.ones_like, np.full_like}  # what they give depends on no value
WITH_OUT = {
    np.clip, np.concatenate, np.einsum, np.stack, np.ndarray.all, np.ndarray.any, np.ndarray.clip, np.ndarray.max,
    np.ndarray.min, np.ndarray.sum,
}  # fmt: skip


class Memory:
    """Where the arrays of a program are.

    Args:
        calls: the program.
        results: the arrays that are read after it.
        numbers: the numbers of the step.

    Attributes:
        pairs: the calls that a replay makes, each with a function without arguments that makes it.
        bytes: how much memory the temporary arrays take together.
        naive: how much they would take, had each its own.
    """

    def __init__(self, calls: list[Call], results: list[Ref], numbers: Numbers) -> None:
        self.pairs: list[Pair] = []
        self.bytes = self.naive = 0
        self._numbers = numbers
        self._arrays: dict[Ref, Array] = {}
        self._raw: dict[Ref, Array] = {}  # the memory of temporary arrays that are in use
        self._made: dict[Any, Array] = {}
        self._free: dict[int, list[Array]] = {}  # and of those that are not, by its size
        calls, rows = arranged(calls, results)
        self._writes = Counter(ref.root for call in calls for ref in call.written())
        self._last = {ref.root: i for i, call in enumerate(calls) if not call.is_view for ref in call.refs()}
        self._last.update((ref.root, len(calls)) for ref in results)
        for refs in rows:
            own = [x for x in refs if isinstance(x, Ref) and x.root is x and x.kind == "temporary"]
            like = [x for x in own if x not in self._arrays and x.array.dtype == own[-1].array.dtype]
            self._arrays.update(zip(like, side_by_side([x.array for x in like]), strict=True))
        for i, call in enumerate(calls):
            self._place(i, call)
        uses = Counter(ref.root for call in calls for ref in call.refs()) + Counter(ref.root for ref in results)
        self.pairs = by_blocks(together(self.pairs), uses)

    def array(self, ref: Ref) -> Array:
        """The array of ``ref``; one from elsewhere is itself."""
        if ref not in self._arrays:
            if ref.root.kind == "temporary":
                raise CompileError("an array is read before it is written")
            self._arrays[ref] = ref.array
        return self._arrays[ref]

    def _place(self, i: int, call: Call) -> None:
        """Find memory for the results of a call, bind it, and give memory back that nobody reads from then on."""
        outs = [out for out in call.outs if out is not None]
        if call.is_view:
            self._view(call)
        elif self._is_constant(call):
            self._arrays.update((out, out.array) for out in outs)
        else:
            done = {ref.root for ref in call.refs() if self._last[ref.root] == i}
            self._give_back(root for root in done if _may_be_written_over(root, call))
            for out in outs:
                if out.root.kind == "temporary" and out.root not in self._arrays:
                    self._allocate(out.root)
            if call.function not in (np.empty, np.empty_like):
                self.pairs.append((call, self._bind(call)))
            self._give_back(done)

    def _give_back(self, roots: Iterable[Ref]) -> None:
        """Free the memory of temporary arrays; what was freed last is taken first."""
        for root in roots:
            if root in self._raw:
                raw = self._raw.pop(root)
                self._free.setdefault(raw.size, []).append(raw)

    def _is_constant(self, call: Call) -> bool:
        """Whether a call always gives the same, which the notes have."""
        if call.writes or not call.outs or isinstance(call.function, Draw) or parts((call.args, call.kwargs), Number):
            return False
        if any(out is None or self._writes[out.root] != 1 for out in call.outs):
            return False
        return call.function in BLANK or all(
            root.kind == "constant" or (root.kind == "temporary" and self._arrays.get(root) is root.array)
            for root in (ref.root for ref in parts((call.args, call.kwargs)))
        )

    def _view(self, call: Call) -> None:
        args, kwargs = mapped((call.args, call.kwargs), self.array, Ref)
        made = call.function(*args, **kwargs)
        for out, array in zip(call.outs, made if call.are_listed else (made,), strict=True):
            if out is not None:
                self._arrays[out] = np.asarray(array)
                if out.array.size and not np.may_share_memory(self._arrays[out], self.array(out.root)):
                    raise CompileError("a view that is one no more")

    def _allocate(self, root: Ref) -> None:
        """Memory for an array: what is free, or new."""
        like = root.array
        low, high = np.lib.array_utils.byte_bounds(like)
        size = max(high - low, 1)
        self.naive += size
        if not self._free.get(size):
            self.bytes += size
            self._free[size] = side_by_side([np.empty(size, np.uint8)])
        raw = self._raw[root] = self._free[size].pop()
        key = id(raw), like.shape, like.dtype, like.strides
        if key not in self._made:  # one object for arrays that are alike, which the processor finds again
            at = like.__array_interface__["data"][0] - low
            self._made[key] = np.ndarray(like.shape, like.dtype, raw, at, like.strides)
        self._arrays[root] = self._made[key]

    def _bind(self, call: Call) -> Bound:
        """The call as a function without arguments."""
        function, (args, kwargs) = call.function, mapped((tuple(call.args), call.kwargs), self.array, Ref)
        if isinstance(function, np.ufunc):
            args = self._scalars(args)
        late = parts((args, kwargs), Number)
        made: Bound = partial(_late, function, args, kwargs) if late else partial(function, *args, **kwargs)
        if not any(call.outs):
            return made
        outs = [None if out is None else self.array(out) for out in call.outs]
        if getattr(function, "shares", False) and outs[0].flags.c_contiguous:  # type: ignore[union-attr]
            made = partial(function, *args, to=outs[0], **kwargs)
        with_out = None if late or call.are_listed else _with_out(call, args, kwargs, outs[0])
        return with_out or partial(_copied, made, outs, call.are_listed)

    def _scalars(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Python's numbers as arrays without axes, which NumPy takes faster, where that changes no dtype."""
        dtypes = {x.dtype for x in args if isinstance(x, np.ndarray)}
        if len(dtypes) != 1 or next(iter(dtypes)).kind != "f":
            return args
        (dtype,) = dtypes
        return tuple(
            self._numbers.cell(x, dtype) if isinstance(x, Number)
            else self._made.setdefault((dtype, type(x), repr(x)), np.array(x, dtype)) if type(x) in (int, float) else x
            for x in args
        )  # fmt: skip


def _may_be_written_over(root: Ref, call: Call) -> bool:
    """Whether the result may take the place of an argument, which is read entry by entry; not for one number."""
    if not is_elementwise(call.function) or call.writes or root.array.size == 1:
        return False
    x, out = root.array, call.outs[0].array  # type: ignore[union-attr]
    is_alike = (x.dtype, x.shape, x.strides) == (out.dtype, out.shape, out.strides)
    return is_alike and all(ref is root for ref in parts(call.args) if ref.root is root)


def _late(function: Any, args: Any, kwargs: Any) -> Any:
    """A call that takes numbers as Python's, of each replay."""
    args, kwargs = mapped((args, kwargs), operator.attrgetter("value"), Number)
    return function(*args, **kwargs)


def _fitted(x: Any, shape: tuple[int, ...]) -> Any:
    """An array that lies in memory as one of this shape does, as one of this shape; a single number without axes."""
    if not isinstance(x, np.ndarray) or not x.ndim or not x.flags.c_contiguous or x.size not in (1, math.prod(shape)):
        return x
    return x if x.shape == shape else x.reshape(shape if x.size > 1 else ())


def _with_out(call: Call, args: Any, kwargs: Any, out: Any) -> Bound | None:
    """The call with its result in ``out``; None for a function that knows no such thing."""
    function = call.function
    if function is add_up:
        return total(args, out)
    if isinstance(function, np.ufunc) and not kwargs:
        if function.signature is None:  # NumPy takes arrays of one shape faster
            args = [_fitted(x, out.shape) for x in args]
        return into(function, args, out)
    owner = getattr(function, "__self__", None)
    if isinstance(function, (np.ufunc, Strict)) or isinstance(owner, np.ufunc) or function in WITH_OUT or call.writes:
        return partial(function, *args, out=out, **kwargs)
    if function in PRODUCTS and out.flags.c_contiguous:
        return partial(args[0].dot, args[1], out) if isinstance(args[0], np.ndarray) else partial(np.dot, *args, out)
    takes_out = getattr(function, "takes_out", False) or getattr(function, "func", None) is alone  # a product
    if takes_out and out.flags.c_contiguous:
        return partial(function, *args, out)
    if function in (np.zeros, np.zeros_like):
        return partial(out.fill, 0)
    if function is np.ndarray.reshape and out.flags.c_contiguous and not kwargs:  # which copies, or it were a view
        return partial(operator.setitem, out.reshape(args[0].shape), ..., args[0])
    if function in COPIES:
        return partial(operator.setitem, out, ..., args[0])
    return None


def _copied(call: Bound, outs: list[Array | None], are_listed: bool) -> None:
    """Make a call, and copy its results to where they belong."""
    made = call()
    for out, array in zip(outs, made if are_listed else (made,), strict=True):
        if out is not None and array is not out:
            if np.shape(array) != out.shape:
                raise Changed
            out[...] = array
