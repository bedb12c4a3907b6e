"""One operation of the program as it ran with inputs of several sizes: what it takes, in the graph that is built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.engine.call_sites import Place, line_of
from autodiff.export.errors import ExportError
from autodiff.export.graph import Graph, Name
from autodiff.export.recording import Operation, Recording, Value
from autodiff.export.sizes import Run, Size, size_from

Array = np.ndarray[Any, Any]


class Context:
    """The graph, the runs of the model, and what has a name so far."""

    def __init__(self, graph: Graph, recordings: Sequence[Recording], runs: Sequence[Run], model: Any) -> None:
        self.graph, self.recordings, self.runs = graph, recordings, runs
        self.results: dict[int, Name] = {}  # of the operations, by their numbers
        self.emit: Callable[[int], Name] | None = None
        self.inputs: list[Name] = []
        modules = model.named_modules() if hasattr(model, "named_modules") else ()
        self._paths = {id(module): path for path, module in modules}
        named = [*model.named_parameters(), *model.named_buffers()] if hasattr(model, "named_parameters") else []
        self._names = {id(tensor): name for name, tensor in named}
        self._constants: dict[int, Name] = {}

    def path(self, module: Any) -> str:
        """Where a module is in the model; its class, if it is not in it."""
        if module is None:
            return ""
        return self._paths.get(id(module), type(module).__name__)

    def refuse(self, why: str, place: Place, module: Any) -> ExportError:
        """The error that names the module and the line."""
        path = self.path(module)
        where = f"in {path or 'the model'} ({type(module).__name__}), " if module is not None else ""
        return ExportError(f"{where}at {line_of(place)}: {why}")

    def name(self, values: Sequence[Value], refuse: Any) -> Name:
        """What a value is called, given as it was in each of the runs; a constant becomes part of the model."""
        first = values[0]
        if any(value.depends != first.depends for value in values):
            raise refuse("it takes other values for inputs of another size")
        if first.depends:
            return self.inputs[first.input] if first.input is not None else self.results[first.number]
        if id(first) not in self._constants:
            self._constants[id(first)] = self._constant(values, refuse)
        return self._constants[id(first)]

    def _constant(self, values: Sequence[Value], refuse: Any) -> Name:
        """A constant; one whose size depends on the inputs is made in the graph."""
        arrays = [value.array for value in values]
        first, name = arrays[0], self._names.get(id(values[0].source), "")
        if all(_same(array, first) and array.dtype == first.dtype for array in arrays):
            return self.graph.constant(first, name=name)
        found = self._stretched(arrays)
        if found is None and values[0].number >= 0 and self.emit is not None:
            found = self.results[values[0].number] = self.emit(values[0].number)
        found = found or self._counted(arrays)
        if found is None:
            raise refuse(
                "it takes an array that depends on the inputs and was not computed by operations that can be exported, "
                "but by NumPy; it would be a constant of the model"
            )
        return found

    def _sizes(self, arrays: Sequence[Array]) -> list[Size] | None:
        if len({(array.ndim, array.dtype) for array in arrays}) > 1:
            return None
        sizes = [size_from(lengths, self.runs) for lengths in zip(*(array.shape for array in arrays), strict=True)]
        return None if None in sizes else [size for size in sizes if size is not None]

    def _stretched(self, arrays: Sequence[Array]) -> Name | None:
        """Arrays that say the same at each place of the axes that differ in length."""
        sizes = self._sizes(arrays)
        if sizes is None:
            return None
        first = tuple(slice(None) if size.fixed else slice(0, 1) for size in sizes)
        part = arrays[0][first]
        if all(_same(a[first], part) and _same(np.broadcast_to(part, a.shape), a) for a in arrays):
            return self.graph.node("Expand", self.graph.constant(part), self.graph.sizes(sizes))
        return None

    def _counted(self, arrays: Sequence[Array]) -> Name | None:
        """Whole numbers along one axis that follow one another in equal steps, as `arange` makes them."""
        sizes, longest = self._sizes(arrays), max(arrays, key=np.size)
        alone = sizes is not None and longest.ndim and longest.size == max(longest.shape) >= 3
        if not alone or sizes is None or longest.dtype != np.int64:
            return None
        start, step = int(longest.flat[0]), int(longest.flat[1] - longest.flat[0])
        if not all(_same(array.reshape(-1), start + step * np.arange(array.size)) for array in arrays):
            return None
        axis, g = longest.shape.index(longest.size), self.graph
        length = g.reshape(g.sizes([sizes[axis]]), [])
        counted = g.node("Range", g.constant(0, np.int64), length, g.constant(1, np.int64))
        scaled = g.node("Add", g.node("Mul", counted, g.constant(step, np.int64)), g.constant(start, np.int64))
        return scaled if longest.ndim == 1 else g.reshape(scaled, sizes)


def _same(x: Any, y: Any) -> bool:
    return x.shape == y.shape and np.array_equal(x, y, equal_nan=x.dtype.kind in "fc")


class Step:
    """An operation in each of the runs, and the graph."""

    def __init__(self, context: Context, operations: Sequence[Operation]) -> None:
        self.context, self.operations, self.g = context, operations, context.graph
        first = operations[0]
        self.name, self.dtype = first.name, first.result.array.dtype
        if self.dtype.kind == "c":
            raise self.refuse("its result is complex, which readers of ONNX do not know")
        if len({len(operation.inputs) for operation in operations}) > 1:
            raise self.refuse("it takes another number of inputs for inputs of another size")

    def refuse(self, why: str) -> ExportError:
        """The error for this operation."""
        first = self.operations[0]
        return self.context.refuse(f"{self.name} cannot be exported: {why}", first.place, first.module)

    @property
    def count(self) -> int:
        """The number of inputs, those that are None at the end not counted."""
        return sum(1 for x in self.operations[0].inputs if x is not None)

    @property
    def ndim(self) -> int:
        """Of the first input."""
        return int(self.operations[0].inputs[0].array.ndim)

    def x(self, i: int = 0, dtype: Any = None) -> Name:
        """Input ``i``, in the dtype that is wanted."""
        return self._name([operation.inputs[i] for operation in self.operations], dtype)

    def dtype_of(self, i: int) -> Any:
        """The dtype of input ``i``; None for a Python number, which takes that of the others."""
        given = self.operations[0].inputs[i]
        return given.array.dtype if isinstance(given, Value) else None

    def has(self, name: str) -> bool:
        """Whether a parameter was given, and not None."""
        return self.operations[0].params.get(name) is not None

    def array(self, name: str, dtype: Any = None) -> Name:
        """The array that a parameter is."""
        return self._name([operation.params[name] for operation in self.operations], dtype)

    def _name(self, values: list[Any], dtype: Any) -> Name:
        if all(isinstance(value, Value) for value in values):
            found = self.context.name(values, self.refuse)
            own = values[0].array.dtype
            return found if dtype is None or own == dtype else self.g.cast(found, dtype)
        if any(isinstance(value, Value) for value in values):
            raise self.refuse("it takes a number in place of a tensor for inputs of another size")
        if all(value == values[0] or value != value for value in values):
            return self.g.constant(values[0], dtype)
        size = size_from(values, self.context.runs) if all(float(value).is_integer() for value in values) else None
        if size is None:
            raise self.refuse("it takes a number that was computed from the values of the inputs")
        whole = Size(int(size.rest), tuple((name, int(factor)) for name, factor in size.factors))
        return self.g.reshape(self.g.cast(self.g.sizes([whole]), dtype or np.int64), [])

    def param(self, name: str, default: Any = None) -> Any:
        """A parameter that is the same for inputs of all sizes."""
        values = [operation.params.get(name, default) for operation in self.operations]
        if any(value != values[0] for value in values):
            raise self.refuse(f"its {name} depends on the size of the inputs: {values[0]!r:.60}, {values[1]!r:.60}")
        return values[0]

    def params(self, name: str) -> list[Any]:
        """A parameter in each of the runs."""
        return [operation.params[name] for operation in self.operations]

    def size(self, values: Sequence[int], what: str = "a size") -> Size:
        """The size that has these values in the runs."""
        found = size_from(values, self.context.runs)
        if found is None:
            raise self.refuse(f"{what} is not linear in the sizes of the inputs")
        return found

    def shape(self, i: int | None = None) -> list[Size]:
        """The shape of the result, or of input ``i``."""
        shapes = [(o.result if i is None else o.inputs[i]).array.shape for o in self.operations]
        return [self.size(axis, "the shape") for axis in zip(*shapes, strict=True)]

    def fixed(self, size: Size, what: str) -> int:
        """A size that must not depend on the inputs."""
        if not size.fixed:
            raise self.refuse(f"{what} must be the same for inputs of all sizes")
        return size.rest
