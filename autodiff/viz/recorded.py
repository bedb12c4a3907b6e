"""A recorded graph as it was asked for: its nodes, the calls of modules that made them, and the names of its leaves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from autodiff.engine.call_sites import Place, Scope, line_of, source_of
from autodiff.engine.tape import Node, reachable
from autodiff.errors import GraphError
from autodiff.kinds import described
from autodiff.tensors.tensor import Tensor
from autodiff.viz.errors import DrawingError
from autodiff.viz.values import tensors_in


class Call(NamedTuple):
    """One call of a module while the graph was recorded.

    Attributes:
        parent: the id of the call it was made from; "" for an outermost one.
        level: how many calls are around it.
        path: of the module in the model; the class name for the model itself.
        kind: the class name.
        module: None if it is gone, and in a drawing, which keeps no module alive.
        is_open: whether a drawing shows what is in it.
    """

    parent: str
    level: int
    path: str
    kind: str
    module: Any = None
    is_open: bool = True


class Recorded(NamedTuple):
    """The graph behind some outputs.

    Attributes:
        outputs: the tensors it was asked for.
        order: all nodes, the oldest first.
        calls: the calls of modules by their ids, "m0", "m1", ...; each stands behind the one around it.
        call_of: for each node the id of its call; "" outside of all calls.
        names: of leaves by their nodes, and of constants by the identity of their arrays.
        returned: what outputs are called in the container they stand in, by their nodes.
    """

    outputs: list[Tensor]
    order: list[Node]
    calls: dict[str, Call]
    call_of: dict[Node, str]
    names: dict[Node | int, str]
    returned: Mapping[Node, str] = MappingProxyType({})


def recorded(output: Any, params: Any, asked_by: str) -> Recorded:
    """The graph behind one output or several; ``params`` are names as ``viz.draw`` takes them."""
    outputs = checked(output, asked_by)
    order = creation_order(outputs)
    calls, call_of = calls_of(order, params)
    returned = {tensor._node: name for name, tensor in tensors_in(output) if name[:1] not in ("", "[")}
    return Recorded(outputs, order, calls, call_of, _names_of_parameters(calls) | names_of_tensors(params), returned)


def checked(output: Any, asked_by: str) -> list[Tensor]:
    """The outputs as a list, each of them a tensor with a history, or a leaf of one."""
    tensors: list[Any] = [tensor for _, tensor in tensors_in(output)]
    if not tensors:
        tensors = list(output) if isinstance(output, Iterable) else [output]
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise DrawingError(f"{asked_by}: an output is a {type(tensor).__name__}, expected a tensor, or several")
        if tensor._node is None:
            raise GraphError(
                f"{asked_by}: nothing was recorded of an output of shape {tensor.shape}; make it of tensors with "
                "requires_grad=True, outside no_grad()"
            )
    return tensors


def creation_order(outputs: Iterable[Tensor]) -> list[Node]:
    """All nodes from which ``outputs`` were made, the oldest first."""
    return reachable([tensor._node for tensor in outputs if tensor._node is not None])[::-1]


def calls_of(order: Iterable[Node], params: Any) -> tuple[dict[str, Call], dict[Node, str]]:
    """The calls of modules that made the nodes of ``order``, and for each node the id of its call."""
    calls: dict[str, Call] = {}
    call_of: dict[Node, str] = {}
    ids: dict[int, str] = {}
    paths: dict[int, dict[int, str]] = {}
    given = paths_in(params)
    for node in order:
        scope: Scope | None = getattr(node, "scope", None)
        inward: list[Scope] = []
        while scope is not None and id(scope) not in ids:
            inward.append(scope)
            scope = scope[2]
        here = "" if scope is None else ids[id(scope)]
        for each in reversed(inward):
            module, root, kind = each[0](), _root(each), each[1].__name__
            if id(root) not in paths:
                paths[id(root)] = paths_in(root)
            path = given.get(id(module)) or paths[id(root)].get(id(module)) or kind
            level = calls[here].level + 1 if here else 0
            ids[id(each)] = name = f"m{len(calls)}"
            calls[name] = Call(here, level, path, kind, module)
            here = name
        call_of[node] = here
    return calls, call_of


def _root(scope: Scope) -> Any:
    """The module of the outermost call around ``scope``."""
    while scope[2] is not None:
        scope = scope[2]
    return scope[0]()


def paths_in(model: Any) -> dict[int, str]:
    """The path of each module in a model by its identity; nothing for what is no model."""
    pairs = model.named_modules() if hasattr(model, "named_modules") else ()
    return {id(module): path for path, module in pairs}


def _names_of_parameters(calls: dict[str, Call]) -> dict[Node | int, str]:
    """The paths of the parameters of the outermost modules; with the class in front if there are several modules."""
    roots = {id(call.module): call.module for call in calls.values() if call.level == 0 and call.module is not None}
    owners = [root for root in roots.values() if any(True for _ in root.parameters())]
    names: dict[Node | int, str] = {}
    for root in owners:
        lead = f"{type(root).__name__}." if len(owners) > 1 else ""
        for path, parameter in root.named_parameters():
            if parameter._node is not None:
                names.setdefault(parameter._node, lead + path)
    return names


def names_of_tensors(params: Any) -> dict[Node | int, str]:
    """The name of each tensor by its node or, outside the graph, by its array; one with two names gets both."""
    pairs: Any = () if params is None else params
    if isinstance(params, Mapping):
        pairs = params.items()
    elif hasattr(params, "named_parameters"):
        pairs = params.named_parameters()
    names: dict[Node | int, str] = {}
    for pair in pairs if isinstance(pairs, Iterable) else [params]:
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise DrawingError(
                "draw: params are names with tensors: the model, its named_parameters(), or a dict; not "
                f"{described(pair)}"
            )
        name, tensor = pair
        if not isinstance(tensor, Tensor):
            raise DrawingError(f"draw: params has {name!r} as a {type(tensor).__name__}, expected names of tensors")
        key = id(tensor.numpy()) if tensor._node is None else tensor._node
        names[key] = f"{names[key]} = {name}" if key in names else str(name)
    return names


def place_finder() -> Callable[[Place], tuple[str, str]]:
    """A function that tells ``file:line`` of a place, relative to the working directory, and the source there.

    It remembers its answers, because the nodes of a loop ask for the same places again and again.
    """
    here = os.path.join(os.getcwd(), "")
    return cache(lambda place: (line_of(place).removeprefix(here), source_of(place)))
