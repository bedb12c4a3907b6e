"""A program to be read: one plain NumPy function, a line for each call, with names from the user's program."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator
from functools import partial
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.lib import stride_tricks

from autodiff.compiling.calls import Call, Draw, Reading, Strict, mapped
from autodiff.compiling.numbers import Number
from autodiff.compiling.traced import Ref, attribute
from autodiff.engine.call_sites import line_of, source_of

MODULES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft, "np.lib.stride_tricks": stride_tricks}
PLAIN = {bool, complex, float, int, str}
FORMS: dict[Any, str] = {  # of calls with arguments alone
    np.add: "{} + {}", np.subtract: "{} - {}", np.multiply: "{} * {}", np.divide: "{} / {}",
    operator.getitem: "{}[{}]", operator.setitem: "{}[{}] = {}",
    **{attribute(name): f"{{}}.{name}" for name in ("T", "mT", "real", "imag")},
}  # fmt: skip


class Source:
    """The text of a program.

    Args:
        program: the program.

    Attributes:
        given: what the function takes besides the arguments of the step, by name.
        opaque: the names among these of functions that are no NumPy functions, and of what they take.
    """

    def __init__(self, program: Any) -> None:
        self.given: dict[str, Any] = {}
        self._program, self._taken = program, {"np", "step"}
        self._changed = {ref.root for call in program.calls for ref in call.writes}
        self._texts: dict[Any, str] = {ref: f"x{i}" for i, ref in enumerate(program.inputs) if ref is not None}
        lines = [f"\"\"\"Gives {program.gives}.\"\"\"", *self._lines()]
        results = ", ".join(self._text(ref) for ref in program.results)
        self.opaque = [name for name, x in self.given.items() if not isinstance(x, (np.ndarray, int, float))]
        takes = ", ".join([self._texts[ref] for ref in program.inputs if ref is not None] + list(self.given))
        self.text = "\n    ".join([f"def step({takes}):", *lines, f"return ({results},)"]) + "\n"

    def _lines(self) -> Iterator[str]:
        part = None
        for call in self._program.calls:
            if call.is_view:
                for i, out in enumerate(call.outs):
                    self._texts[out] = self._call(call) + (f"[{i}]" if call.are_listed else "")
                continue
            if call.part and call.part != part:
                part = call.part
                yield f"# {part}; {line_of(call.place)}: {source_of(call.place)}"
            yield self._line(call)

    def _line(self, call: Call) -> str:
        text = self._call(call)
        if isinstance(call.function, Reading) or not call.outs:
            return text
        if call.writes:
            return f"{text[:-1]}, out={self._text(call.outs[0])})"
        if call.outs[0] in self._changed and not call.outs[0].array.ndim:  # type: ignore[union-attr]
            text = f"np.asarray({text})"  # alone it would be a number of NumPy's, which nothing can be written into
        for out in call.outs:
            self._texts[out] = "_" if out is None else self._new(call.part.partition(",")[0] or "value")
        names = ", ".join(self._texts[out] for out in call.outs)
        return f"[{names}] = {text}" if call.are_listed else f"{names} = {text}"

    def _call(self, call: Call) -> str:
        """The call as an expression."""
        function: Any = call.function.function if isinstance(call.function, Strict) else call.function
        args = [self._text(x) for x in call.args]
        args += [f"{name}={self._text(x)}" for name, x in call.kwargs.items()]
        if isinstance(function, Reading):
            if function.test in (bool, int):
                return f"assert {args[0]} == {function.value!r}  # which the step decides by"
            return f"assert np.isfinite({args[0]}).all() == {not function.value}"
        if function in FORMS and not call.kwargs and not (call.outs and call.writes):
            return FORMS[function].format(*args)
        name = self._name(function)
        return f"{args[0]}.{name[1:]}({', '.join(args[1:])})" if name[0] == "." else f"{name}({', '.join(args)})"

    def _name(self, function: Any) -> str:
        """What a function is called: NumPy's by its path, a method with a dot in front, all else is given."""
        if isinstance(function, partial) and function.args and isinstance(function.args[0], (np.ufunc, type(np.dot))):
            return self._name(function.args[0])  # a product while BLAS has one thread
        owner, name = getattr(function, "__self__", None), getattr(function, "__name__", type(function).__name__)
        if isinstance(owner, np.ufunc):
            return f"np.{owner.__name__}.{name}"
        if getattr(np.ndarray, name, None) is function:
            return f".{name}"
        for path, module in MODULES.items():
            if getattr(module, name, None) is function:
                return f"{path}.{name}"
        if isinstance(function, Draw):
            return f"{self._give(function.generator.numpy, 'random')}.{function.name}"
        return self._give(function, re.sub(r"\W+", "_", name))

    def _text(self, x: Any) -> str:
        if isinstance(x, Ref):
            if x not in self._texts:
                self._texts[x] = self._outer(x)
            return self._texts[x]
        if isinstance(x, Number):
            return self._give(x.value, "number")
        if type(x) in (tuple, list):
            inside = ", ".join(map(self._text, x))
            return f"[{inside}]" if type(x) is list else f"({inside},)" if x else "()"
        if type(x) is slice:
            return f"slice({', '.join(map(self._text, (x.start, x.stop, x.step)))})"
        if isinstance(x, np.dtype) or (hasattr(x, "dtype") and not hasattr(x, "shape")):
            return f"np.dtype('{np.dtype(x)}')"
        if isinstance(x, type) and (issubclass(x, (np.generic, np.ndarray)) or x in PLAIN):
            return x.__name__ if x in PLAIN else f"np.{x.__name__}"
        if type(x) in PLAIN or x is None or x is ... or isinstance(x, np.generic):
            return repr(x) if isinstance(x, str) else re.sub(r"(?<!\.)\b(inf|nan)\b", r"np.\1", repr(x))
        return self._give(mapped(x, self._program.memory.array, Ref), type(x).__name__)

    def _outer(self, ref: Ref) -> str:
        """An array from outside of the program: a uniform constant is written out, all else is given."""
        array = self._program.memory.array(ref)
        if ref.kind == "constant" and array.size:
            first = array.flat[0]
            if (array == first).all() and array.flags.c_contiguous:
                return f"np.full({array.shape}, {self._text(first.item())}, '{array.dtype}')"
        default = "number" if ref.kind == "cell" else "array"
        return self._give(array, self._program.names.get(id(ref.root.array), default))

    def _give(self, value: Any, name: str) -> str:
        if known := [name for name, other in self.given.items() if other is value]:
            return known[0]
        made = self._new(name)
        self.given[made] = value
        return made

    def _new(self, name: str) -> str:
        name = re.sub(r"\W+", "_", name)
        made = next(x for x in chain([name], (f"{name}_{i}" for i in count(2))) if x not in self._taken)
        self._taken.add(made)
        return made
