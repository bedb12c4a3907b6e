"""A model or a function, run once and noted: what was given, what came out, and the names of all tensors in it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from autodiff.kinds import described
from autodiff.random import default_generator
from autodiff.tensors.tensor import Tensor
from autodiff.unregistered import overlooked
from autodiff.viz.errors import DrawingError
from autodiff.viz.recorded import Call, paths_in
from autodiff.viz.trace import Trace
from autodiff.viz.values import tensors_in

UNREGISTERED = "called, but not a part of the model; use ModuleList"


class Run(NamedTuple):
    """What was seen of one run.

    Attributes:
        trace: the operations.
        given, returned: the tensors among the inputs and the outputs, with their names.
        calls: the calls of modules by their ids, with the modules.
        names: of parameters, buffers and inputs, by the identity of the tensors.
        parameters, inputs: the identities of the parameters and of the inputs.
        strangers: for the ids of calls of modules that are no part of the model, what is said of them.
    """

    trace: Trace
    given: list[tuple[str, Any]]
    returned: list[tuple[str, Any]]
    calls: dict[str, Call]
    names: dict[int, str]
    parameters: set[int]
    inputs: set[int]
    strangers: dict[str, str]


def run(
    program: Any, inputs: tuple[Any, ...], keywords: dict[str, Any], asked_by: str, tell: Callable[[Any], Any]
) -> Run:
    """Call ``program`` once, as it is, and put back buffers and random numbers.

    Raises:
        DrawingError: it cannot be called with these inputs.
    """
    refuse_shapes((*inputs, *keywords.values()), asked_by)
    given = list(_given(program, inputs, keywords, asked_by))
    trace = Trace(tell)
    for _, value in given:
        if trace.item(value) is None:
            trace.source(value)
    with as_it_was(program), trace.noting():
        output = program(*inputs, **keywords)
    returned = [(name, tensor) for name, tensor in tensors_in(output) if isinstance(tensor, Tensor)]
    for _, tensor in returned:
        if trace.item(tensor) is None:
            trace.source(tensor)
    calls, strangers = _calls_of(trace, program)
    parameters, buffers = _members(program, calls, strangers)
    names = {id(value): name for name, value in given} | buffers | parameters
    return Run(trace, given, returned, calls, names, set(parameters), {id(value) for _, value in given}, strangers)


def _given(program: Any, inputs: tuple[Any, ...], keywords: dict[str, Any], asked_by: str) -> Iterator[tuple[str, Any]]:
    """The tensors and arrays in the inputs, named as the program names its arguments."""
    called = getattr(program, "forward", program)
    try:
        signature = inspect.signature(called)
    except (TypeError, ValueError):  # of a builtin
        arguments: dict[str, Any] = {f"input {i}": x for i, x in enumerate(inputs)} | keywords
    else:
        try:
            arguments = dict(signature.bind(*inputs, **keywords).arguments)
        except TypeError as error:
            name = type(program).__name__ if hasattr(program, "forward") else getattr(program, "__name__", "it")
            raise DrawingError(
                f"{asked_by} runs {name} on inputs, as in {asked_by}(model, x), and it cannot be called so: {error}"
            ) from None
    for name, value in arguments.items():
        if isinstance(value, np.ndarray):
            yield name, value
        else:
            yield from tensors_in(value, name)


def refuse_shapes(inputs: Iterable[Any], asked_by: str) -> None:
    """Raise DrawingError for a shape in place of an input."""
    for shape in inputs:
        if isinstance(shape, (tuple, list)) and shape and all(type(n) is int for n in shape):
            sizes = ", ".join(map(str, shape))
            raise DrawingError(f"{asked_by} calls the model with inputs, not with a shape {shape}; give zeros({sizes})")


def check_model(model: Any, asked_by: str) -> None:
    """Raise DrawingError for what is no model."""
    if not hasattr(model, "named_modules") or isinstance(model, type):
        raise DrawingError(f"{asked_by} takes a model and its inputs, not {described(model)}")


@contextmanager
def as_it_was(program: Any) -> Iterator[None]:
    """Put back at the end what a forward pass changes: buffers and the state of the random numbers."""
    buffers: Iterable[Tensor] = program.buffers() if hasattr(program, "buffers") else ()
    before = [(buffer, buffer.detach().numpy().copy()) for buffer in buffers]
    state = default_generator.get_state()
    try:
        yield
    finally:
        default_generator.set_state(state)
        for buffer, array in before:
            np.copyto(buffer._array, array)


def _calls_of(trace: Trace, program: Any) -> tuple[dict[str, Call], dict[str, str]]:
    """The calls of a trace with their paths, and what is to be said of those of modules outside the model."""
    own, apart = paths_in(program), _paths_apart(program)
    calls: dict[str, Call] = {}
    strangers: dict[str, str] = {}
    roots: dict[str, dict[int, str]] = {}  # of each call the paths in the outermost module around it
    for id_, entered in trace.entered.items():
        module = entered.module()
        roots[id_] = roots[entered.parent] if entered.parent else own or paths_in(module)
        path = roots[id_].get(id(module))
        if path is None and own and module is not None:
            around = calls[entered.parent].module if entered.parent else None
            path = apart.get(id(module)) or paths_in(around).get(id(module)) or entered.kind
            if entered.parent not in strangers:
                strangers[id_] = UNREGISTERED
        kind = f"{entered.kind}.{entered.method}" if entered.method else entered.kind
        level = calls[entered.parent].level + 1 if entered.parent else 0
        calls[id_] = Call(entered.parent, level, path or kind, kind, module)
    return calls, strangers


def _paths_apart(program: Any) -> dict[int, str]:
    """The names of the modules that a model holds in plain containers: "layers[0]"."""
    found: dict[int, str] = {}
    for each in overlooked(program) if hasattr(program, "named_modules") else ():
        name = each.path.partition(".")[2]
        for i, held in enumerate(each.held):
            for path, module in held.named_modules() if hasattr(held, "named_modules") else ():
                found.setdefault(id(module), f"{name}[{i}]" + (f".{path}" if path else ""))
    return found


def _members(program: Any, calls: dict[str, Call], strangers: Iterable[str]) -> tuple[dict[int, str], dict[int, str]]:
    """The paths of parameters and of buffers by identity; with the class in front where there are several models."""
    roots = [program] if hasattr(program, "named_parameters") else []
    if not roots:
        outermost = [call.module for call in calls.values() if call.level == 0 and call.module is not None]
        roots = list({id(module): module for module in outermost if any(True for _ in module.parameters())}.values())
    owners = [(root, f"{type(root).__name__}." if len(roots) > 1 else "") for root in roots]
    owners += [(calls[id].module, f"{calls[id].path}.") for id in strangers if calls[id].module is not None]
    parameters: dict[int, str] = {}
    buffers: dict[int, str] = {}
    for owner, lead in owners:
        for path, tensor in owner.named_parameters():
            parameters.setdefault(id(tensor), lead + path)
        for path, tensor in owner.named_buffers():
            buffers.setdefault(id(tensor), lead + path)
    return parameters, buffers


def outputs_of(found: Run) -> list[Tensor]:
    """The outputs that are on the tape."""
    return [tensor for _, tensor in found.returned if tensor._node is not None]
