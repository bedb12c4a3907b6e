"""A model as a file of ONNX: it is run with inputs of several sizes, and what it computed is written down."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from autodiff.engine.modes import no_grad
from autodiff.errors import DtypeError, OptionError
from autodiff.export.composed import COMPOSED
from autodiff.export.elementwise import ELEMENTWISE
from autodiff.export.errors import ExportError
from autodiff.export.graph import Graph, Name
from autodiff.export.layers import LAYERS
from autodiff.export.moving import MOVING
from autodiff.export.onnx_format import model_bytes, needed
from autodiff.export.picking import PICKING
from autodiff.export.recording import Recording, Value
from autodiff.export.shaping import SHAPING
from autodiff.export.sizes import Run
from autodiff.export.steps import Context, Step
from autodiff.func.trees import leaves_of
from autodiff.io.files import write_whole
from autodiff.kinds import described
from autodiff.random import default_generator
from autodiff.tensors.creation import from_numpy
from autodiff.tensors.tensor import Tensor

Axes = Mapping[str, Mapping[int, str]]
TABLE = {**ELEMENTWISE, **COMPOSED, **SHAPING, **MOVING, **PICKING, **LAYERS}
LAST = object()


def onnx(
    model: Any,
    args: Any,
    f: str | os.PathLike[str],
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dynamic_axes: Axes | None = None,
) -> None:
    """Write a model, as it computes in evaluation, to a file of ONNX, which other programs run without this library.

    The model is run with the inputs, and with others of other sizes. What is the same in all runs becomes part of the
    file; what grows with the sizes is computed from them. So Python's loops and conditions are those of these runs.

    Args:
        model: a module, or a function of tensors.
        args: its input, or a tuple of its inputs.
        f: the path of the file, written whole or not at all.
        input_names: "input", or "input_0", "input_1", ..., by default.
        output_names: "output", or "output_0", ..., by default.
        dynamic_axes: the axes whose size may differ, with a name: ``{"input": {0: "batch", 1: "time"}}``. By default
            the first axis of each input, "batch"; ``{}`` for none.

    Raises:
        ExportError: something cannot be exported; the message names the module and the line. Nothing is written.
        FileFormatError: the package onnx is not installed.

    Reference: "Open Neural Network Exchange", https://onnx.ai/onnx/operators.
    """
    needed()
    inputs = list(args) if isinstance(args, (tuple, list)) else [args]
    for given in inputs:
        if not isinstance(given, Tensor):
            raise DtypeError(f"export.onnx takes tensors as inputs, not {described(given)}")
    if not inputs:
        raise OptionError("export.onnx needs the inputs of the model, such as zeros(1, 3)")
    names = _names("input", input_names, len(inputs))
    axes = {name: {0: "batch"} for name, x in zip(names, inputs, strict=True) if x.ndim} if dynamic_axes is None else {
        name: dict(each) for name, each in dynamic_axes.items()}  # fmt: skip
    if unknown := [name for name in axes if name not in names]:
        raise OptionError(f"dynamic_axes has {unknown[0]!r}, which is none of the inputs {names}")
    runs = _runs(names, inputs, axes)
    with _evaluating(model), no_grad():
        recordings = [_recorded(model, inputs, names, axes, run, i) for i, run in enumerate(runs)]
    where = {symbol: (name, axis) for name, each in axes.items() for axis, symbol in reversed(each.items())}
    context = Context(Graph(where), recordings, runs, model)
    context.inputs = names
    for name in names:
        context.graph.free(name)
    _build(context)
    results = _results(context, _names("output", output_names, len(recordings[0].outputs)))
    shown = [(name, x.dtype, [axes.get(name, {}).get(axis, n) for axis, n in enumerate(x.shape)])
             for name, x in zip(names, inputs, strict=True)]  # fmt: skip
    context.graph.tidy()
    write_whole(f, model_bytes(context.graph, type(model).__name__, shown, results))


def _names(kind: str, given: Sequence[str] | None, count: int) -> list[Name]:
    if given is None:
        return [kind] if count == 1 else [f"{kind}_{i}" for i in range(count)]
    if len(given) != count or len(set(given)) != count:
        raise OptionError(f"{kind}_names has {len(given)} names, expected {count} different ones")
    return list(given)


def _runs(names: list[Name], inputs: list[Tensor], axes: Axes) -> list[Run]:
    """The sizes of the runs: all at least 2, since what is 1 may be so by chance, and two more for each."""
    sizes: dict[str, int] = {}
    for name, x in zip(names, inputs, strict=True):
        for axis, symbol in axes.get(name, {}).items():
            if not 0 <= axis < x.ndim:
                raise OptionError(f"dynamic_axes has axis {axis} of {name!r}, whose shape is {tuple(x.shape)}")
            sizes.setdefault(symbol, max(2, x.shape[axis]))
    others = [{**sizes, symbol: size + more} for symbol, size in sizes.items() for more in (1, 3)]
    return [sizes, *others]


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """The model in evaluation; afterwards it is as it was, and so are the random numbers."""
    modules = list(model.modules()) if hasattr(model, "modules") else []
    modes, state = [module.training for module in modules], default_generator.get_state()
    try:
        if modules:
            model.eval()
        yield
    finally:
        default_generator.set_state(state)
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def _recorded(model: Any, inputs: list[Tensor], names: list[Name], axes: Axes, run: Run, turn: int) -> Recording:
    recording = Recording()
    given = []
    for i, (name, x) in enumerate(zip(names, inputs, strict=True)):
        tensor = from_numpy(_resized(x.detach().numpy(), {a: run[n] for a, n in axes.get(name, {}).items()}, turn))
        recording.input(tensor, i)
        given.append(tensor)
    try:
        output = recording.run(lambda: model(*given))
    except Exception as error:
        if not turn and all(x.shape == y.shape for x, y in zip(given, inputs, strict=True)):
            raise
        sizes = ", ".join(f"{name} {size}" for name, size in run.items())
        raise ExportError(
            f"the model fails with other sizes ({sizes}): {error}; give dynamic_axes, {{}} where no size may differ"
        ) from error
    for leaf in leaves_of(output):
        if isinstance(leaf, Tensor):
            recording.outputs.append(recording.value(leaf))
    if not recording.outputs:
        raise ExportError(f"the model returns {described(output)}, expected tensors")
    return recording


def _resized(array: Any, sizes: Mapping[int, int], turn: int) -> Any:
    """An array with other sizes, in each turn with the same numbers at other places, so that constants show."""
    for axis, size in sizes.items():
        array = np.take(array, np.arange(size) % max(array.shape[axis], 1), axis)
    rolled = np.roll(array.reshape(-1), turn).reshape(array.shape)
    if rolled.dtype.kind == "f":
        rolled = rolled * (1 - rolled.dtype.type(turn) / 64)
    return np.ascontiguousarray(rolled).reshape(array.shape)


def _build(context: Context) -> None:
    first = context.recordings[0]
    for recording in context.recordings:
        if recording.fault:
            what, place, module = recording.fault
            raise context.refuse(f"{what} cannot be exported", place, module)
    names = [[operation.name for operation in recording.operations] for recording in context.recordings]
    for other in names[1:]:
        if other != names[0]:
            at = next((i for i, pair in enumerate(zip(names[0], other, strict=False)) if len(set(pair)) > 1), LAST)
            operation = first.operations[at if isinstance(at, int) else -1]
            raise context.refuse(
                "from here on the model computes something else for inputs of another size or with other values",
                operation.place, operation.module,
            )  # fmt: skip
    steps = list(zip(*(recording.operations for recording in context.recordings), strict=True))

    def emit(number: int) -> Name:
        step, before = Step(context, steps[number]), context.graph.scope
        context.graph.scope = "/".join(filter(None, (context.path(steps[number][0].module), step.name)))
        if step.name not in TABLE:
            raise step.refuse("it has no counterpart in ONNX here")
        found = TABLE[step.name](step)
        context.graph.scope = before
        return found

    context.emit = emit
    for number, operations in enumerate(steps):
        if operations[0].result.depends:
            context.results[number] = emit(number)


def _results(context: Context, names: list[Name]) -> list[tuple[Name, Any, list[int | str]]]:
    """The outputs under their names."""
    shown = []
    for name, *values in zip(names, *(recording.outputs for recording in context.recordings), strict=True):
        found = context.name(values, partial(_of_output, name))
        wanted = context.graph.free(name)
        context.graph.nodes.append(_renamed(context, found, wanted))
        shown.append((wanted, values[0].array.dtype, _shown(context, values)))
    return shown


def _of_output(name: Name, why: str) -> ExportError:
    return ExportError(f"{name} of the model cannot be exported: {why}")


def _renamed(context: Context, found: Name, wanted: Name) -> Any:
    context.graph.node("Identity", found)
    return context.graph.nodes.pop()._replace(outputs=(wanted,))


def _shown(context: Context, values: Sequence[Value]) -> list[int | str]:
    """The shape of an output, with names for sizes that may differ."""
    shape: list[int | str] = []
    for axis, lengths in enumerate(zip(*(value.array.shape for value in values), strict=True)):
        plain = [n for n in context.runs[0] if [run[n] for run in context.runs] == list(lengths)]
        fixed = all(length == lengths[0] for length in lengths)
        shape.append(lengths[0] if fixed else plain[0] if plain else f"size_{axis}")
    return shape
