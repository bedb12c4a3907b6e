"""Notes of one step: every call of NumPy's that it makes, with the arrays that it takes and gives."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from threading import get_ident
from typing import Any

import numpy as np

from autodiff.compiling.calls import Call, Reading, Stream, Strict, forward_function, mapped, parts
from autodiff.compiling.numbers import Changed, Number, Numbers
from autodiff.compiling.traced import Ref, Traced, refused
from autodiff.compiling.undo import Undo
from autodiff.engine.call_sites import place_of_user
from autodiff.engine.primitive import Primitive
from autodiff.engine.values import TensorBase
from autodiff.errors import CompileError
from autodiff.kernels.blas import is_held
from autodiff.kernels.lending import owner_of
from autodiff.numpy_api.protocol import WRITERS
from autodiff.tensors.scalars import Scalar

Array = np.ndarray[Any, Any]
STATIC = {  # functions of shapes and dtypes: what they say always holds
    np.shape, np.ndim, np.size, np.result_type, np.may_share_memory, np.shares_memory, np.can_cast, np.iscomplexobj,
    np.isrealobj, np.min_scalar_type,
}  # fmt: skip
VALUES = (np.ndarray, np.generic)
COPIES = {np.copy, np.ndarray.copy, np.ndarray.astype}
INERT = {"params", "param_names", "foreach", "fused", "capturable", "differentiable"}  # options that change nothing
PRODUCTS = {np.dot, np.ndarray.dot}  # whose third argument is what they write into
WRITING = {operator.setitem, np.ndarray.fill, np.ndarray.put, np.ndarray.sort, np.ndarray.partition, *WRITERS}


def writes_first(function: Any) -> bool:
    """Whether a function writes into its first argument, and returns nothing."""
    return function in WRITING or getattr(function, "__name__", "") == "at"


def is_elementwise(function: Any) -> bool:
    """Whether each entry of the one result depends on those at the same place only."""
    return isinstance(function, np.ufunc) and function.signature is None and function.nout == 1


def _now(x: Any) -> Any:
    return x.value if isinstance(x, Number) else x.array if isinstance(x, Ref) else x


def _number_in(tensor: Any) -> float:
    array = tensor._array
    return float(array._ref.array if isinstance(array, Traced) else array)


def same_bits(x: Any, y: Any) -> bool:
    """Whether two results are the same, to the last bit and to the layout."""
    x, y = (each._array if isinstance(each, TensorBase) else each for each in (x, y))
    if isinstance(x, (tuple, list)):
        return type(x) is type(y) and len(x) == len(y) and all(map(same_bits, x, y))
    if x is None or y is None or isinstance(x, dict):
        return bool(x == y)
    x, y = np.asarray(x), np.asarray(y)
    return layout(x) == layout(y) and bool(x.tobytes() == y.tobytes())


def layout(x: Any) -> Any:
    """Shape and dtype of an array, and how it lies in memory where that can differ."""
    return x.shape, x.dtype, x.strides if x.ndim > 1 and x.size > 1 else ()


class Capture:
    """The notes of one run of a step.

    Args:
        lasting: arrays that are known to be there before and after the step.
        undo: what puts back all that the run changes.

    Attributes:
        calls: the notes.
        numbers: what Python computed.
        constants: tensors that the step seems to have made.
        tensors: the tensors that were given traced arrays, with the array and the gradient they had.
        visit: what the latest VJPs belong to; empty if there was no backward pass.
    """

    def __init__(self, lasting: dict[int, Array], undo: Undo) -> None:
        self.calls: list[Call] = []
        self.refs: list[Ref] = []
        self.numbers = Numbers()
        self.tensors: dict[int, tuple[Any, Array, Any, Any]] = {}
        self.streams: dict[int, Any] = {}
        self.constants: list[Any] = []
        self.part = self.visit = ""
        self._thread = get_ident()
        self._lasting, self._undo = lasting, undo
        self._roots: dict[int, Ref] = {}
        self._known: dict[Any, Ref] = {}
        self._inside = self._real = False  # in one piece of the step; in NumPy

    def new(self, array: Array, kind: str, root: Ref | None = None) -> Ref:
        """The Ref that stands for an array from now on."""
        ref = Ref(self, array, kind, root)
        self._known.setdefault(self._key(array), ref)  # a view of all of it comes to the same place
        self._roots.setdefault(id(owner_of(array)), ref.root)
        return ref

    @staticmethod
    def _key(array: Array) -> Any:
        return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype, id(owner_of(array))

    def lift(self, array: Array) -> Ref:
        """The Ref of an array that the step has from elsewhere."""
        if isinstance(array, Traced):
            if array._capture is not self or get_ident() != self._thread:
                raise CompileError("an array of one step that is being compiled is used in another step or thread")
            return array._ref
        known = self._known.get(self._key(array))
        if known is not None:
            return known
        owner = owner_of(array)
        root = self._roots.get(id(owner))
        if root is None:
            is_cell = any(owner is cell for cell in self.numbers.cells.values())
            kind = "cell" if is_cell else "lasting" if id(owner) in self._lasting else "constant"
            if kind == "constant" and self._inside:  # made by this piece, which may change it later
                return Ref(self, array.copy(order="K"), kind, None) if array.flags.writeable else self.new(array, kind)
            root = None if owner is array else self.lift(owner)
        elif root.kind == "temporary":
            raise CompileError("NumPy was handed a part of an array that the notes do not know")
        owned = self._known.get(self._key(array))  # a view of all of its owner stands for that
        return owned or self.new(array, kind if root is None else root.kind, root)

    def swap(self, tensor: Any) -> None:
        """Give ``tensor`` a traced array in place of its own, until the notes are complete."""
        if id(tensor) not in self.tensors and not isinstance(tensor._array, Traced):
            self._undo.keep(tensor)
            self.tensors[id(tensor)] = tensor, tensor._array, tensor._grad, tensor._node
            tensor._array = self.lift(tensor._array).traced
            if tensor._array._ref.root.kind == "constant":  # which the step may change: each time it begins with a copy
                self.constants.append(tensor)
                tensor._array = self.call(np.copy, (tensor._array,), {"order": "K"})
            if tensor._grad is not None:
                self.swap(tensor._grad)

    def lifted(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The inputs of a primitive, with traced arrays."""
        for x in inputs:
            if isinstance(x, TensorBase):
                self.swap(x)
        return tuple([self.lift(x).traced if isinstance(x, np.ndarray) else x for x in inputs])

    def forward(self, primitive: Any, arrays: Any, params: dict[str, Any]) -> Any:
        """The value of a primitive."""
        return self.named(primitive.name, self.run, forward_function(primitive), tuple(arrays), params)

    def vjps(self, primitive: Any, vjps: Any, lift: Any) -> Any:
        """The VJPs of a visit of a node; what they compute together is noted by itself (``Joint``, ``Function``)."""
        self.visit = f"{primitive.name}, backward"
        if lift is not None or type(primitive).vjps_for is not Primitive.vjps_for:
            return vjps
        return [lambda *args, _vjp=vjp, **params: self.named(self.visit, self.run, _vjp, args, params) for vjp in vjps]

    def named(self, part: str, function: Any, *args: Any) -> Any:
        """``function(*args)``, noted as a part of this name."""
        before, self.part = self.part, part
        try:
            return function(*args)
        finally:
            self.part = before

    def run(self, function: Any, args: Any, params: Any) -> Any:
        """``function(*args, **params)``, noted call by call, or as one call if that does not come to the same bits."""
        if self._inside:
            return function(*args, **params)
        traced, params = mapped((tuple(args), params), lambda x: x if isinstance(x, Number) else self.lift(x).traced)
        values, constants = mapped((traced, params), lambda x: x.value if isinstance(x, Number) else x._ref.array)
        begin, known, self._inside = len(self.calls), (len(self._known), len(self._roots)), True
        try:
            with np.errstate(all="ignore"):  # garbage is no reason to doubt
                out = mapped(function(*traced, **params), lambda x: self.lift(x).traced)
            expected = self._really(function, values, constants)
            if same_bits(mapped(out, lambda x: x._ref.array), expected):
                return out
        except Exception:  # whatever it is, the one call raises it again, or does better
            pass
        finally:
            self._inside = False
        del self.calls[begin:]
        for found, size in zip((self._known, self._roots), known, strict=True):
            while len(found) > size:  # of what is not noted
                found.popitem()
        return self.call(function, traced, params)

    def call(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Make one call and note it."""
        is_strict = isinstance(function, np.ufunc) and np.geterr()["over"] == "raise"
        if is_held():
            raise CompileError("NumPy is called in a way that a program cannot repeat")
        refs, kw = mapped((tuple(args), dict(kwargs)), lambda x: x if isinstance(x, Number) else self.lift(x))
        out = kw.pop("out", None)
        takes = function.nin if isinstance(function, np.ufunc) else 2 if function in PRODUCTS else len(refs)
        if len(refs) > takes:
            refs, out = refs[:takes], refs[takes]
        (out,) = out if isinstance(out, tuple) else (out,)
        writes = [out] if out is not None else [refs[0]] if writes_first(function) else []
        for ref in writes:
            self._before_write(ref.root)
        is_new = out is not None and not (kw or is_strict) and is_elementwise(function) and out.is_private()
        values, values_kw = mapped((refs, kw if out is None or is_new else {**kw, "out": out}), _now)
        try:
            result = self._really(function, values, values_kw)
        except FloatingPointError:  # which the step may catch
            raise CompileError("NumPy is called in a way that a program cannot repeat") from None
        if is_new and layout(result) == layout(out.array):
            writes = []
        elif is_new:
            np.copyto(out.array, result, "same_kind")
        function = Strict(function) if is_strict else function
        call = Call(function, refs, kw, writes[out is None :], writes, False, self.part, place_of_user(3))
        if not writes:
            if isinstance(refs[0] if refs else None, Ref) and result is values[0]:
                return refs[0].traced
            result = self._results(call, result)
        if out is not None and not writes:
            made: Any = call.outs[0]
            out.traced._ref, made.traced = made, out.traced  # it stands where the other did
        if call.outs or writes:
            self.calls.append(call)
        return out.traced if out is not None else result

    def _before_write(self, root: Ref) -> None:
        """Keep what is about to be changed, if it outlives the step."""
        if root.kind == "constant":  # what is not noted would read there what the notes have made
            raise CompileError("the step writes into an array that it has made without its being noted")
        if root.kind == "lasting":
            self._undo.keep(root.array)

    def _really(self, function: Any, values: Any, kwargs: Any) -> Any:
        before, self._real = self._real, True
        try:
            return function(*values, **kwargs)
        finally:
            self._real = before

    def _results(self, call: Call, result: Any) -> Any:
        if isinstance(result, dict) or not parts(result, VALUES):
            if call.function in STATIC or isinstance(result, (tuple, np.dtype)):
                return result
            raise refused(getattr(call.function, "__name__", repr(call.function)))
        call.are_listed = isinstance(result, (tuple, list))
        if call.are_listed and any(isinstance(each, (tuple, list)) for each in result):
            raise CompileError(f"{call.function} gives arrays in lists")
        return mapped(result, partial(self._result, call), object)

    def _result(self, call: Call, result: Any) -> Any:
        if not isinstance(result, VALUES):
            call.outs.append(None)
            return result
        array = np.asarray(result)
        root = self._roots.get(id(owner_of(array))) if array.base is not None else None
        call.is_view = root is not None
        ref = self.new(array, "temporary" if root is None else root.kind, root)
        call.outs.append(ref)
        return ref.traced

    def read(self, x: Any, test: Callable[[Any], Any]) -> Any:
        """What ``test`` says of a value; the program holds only where it says the same."""
        ref = self.lift(x)
        reading = Reading(test, test(ref.array), place_of_user(3))
        self.calls.append(Call(reading, (ref,), {}, [], part=self.part, place=reading.place))
        return reading.value

    def update(self, optimizer: Any, group: dict[str, Any], touched: list[Any]) -> None:
        """A step of one group of an optimizer's parameters, its options and counters as Numbers."""
        states = [optimizer.state[p] for p in group["params"] if p in optimizer.state]
        begun = [(state, state.keys() | ()) for state in (optimizer.state, group, *states)]
        places = [(state, name, name) for state in states for name, x in state.items() if type(x) in (int, float)]
        places += [(vars(x), "number", name) for state in states for name, x in state.items() if type(x) is Scalar]
        for x in (*group["params"], *(x for x in parts(states, TensorBase) if type(x) is not Scalar)):
            self.swap(x)
        same: dict[str, Number] = {}  # those of several parameters are, and are computed once
        for place, key, name in places:
            self._undo.keep(place)
            read = self.numbers.read(operator.getitem, place, key)
            place[key] = same[name] if same.setdefault(name, read) == read else read
        given = {name: self._option(group, name) for name in group if name not in INERT}
        self.named(type(optimizer).__name__, optimizer._update, {**group, **given}, touched)
        if any(state.keys() != before for state, before in begun):
            raise Changed(", as the state of an optimizer comes into being")
        self.numbers.stores += [(place, k, place[k]) for place, k, _ in places if isinstance(place[k], Number)]

    def _option(self, group: dict[str, Any], name: str) -> Any:
        """An option of a group, as a Number where it is one."""
        value, read = group[name], self.numbers.read(operator.getitem, group, name)
        if isinstance(value, TensorBase):
            return self.numbers.read(_number_in, value)
        if type(value) is tuple and all(type(each) in (int, float) for each in value):
            return tuple(self.numbers.new(operator.getitem, read, i) for i in range(len(value)))
        return read if type(value) in (int, float) else self.numbers.decided(read)

    def end(self) -> None:
        """Leave everything as it was before the notes were taken."""
        self._undo()
        for ref in self.refs:  # or the step's arrays would stay until the next search for cycles
            ref.forget()

    def stream(self, generator: Any) -> Any:
        """What draws random numbers for the step."""
        self._undo.keep(generator)
        self.streams[id(generator)] = generator
        return generator.numpy if self._real else Stream(self, generator)
