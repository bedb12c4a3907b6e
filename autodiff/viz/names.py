"""The names of what a graph is made of: parameters by their paths, calls of modules by theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from autodiff.engine.call_sites import Scope
from autodiff.engine.tape import Node
from autodiff.tensors.tensor import Tensor
from autodiff.viz.errors import DrawingError

__all__ = ["Call", "called", "names_of_leaves", "names_of_modules", "names_of_tensors"]


class Call(NamedTuple):
    """One call of a module while the graph was recorded.

    Attributes:
        parent: the index of the call it was made from; -1 for the outermost.
        level: 0 for the outermost.
        path: of the module in the model; the class name where it is the model itself.
        kind: the class name.
        module: None where it is gone.
    """

    parent: int
    level: int
    path: str
    kind: str
    module: Any


def called(order: Iterable[Node], params: Any) -> tuple[list[Call], dict[Node, int]]:
    """The calls in which the nodes of ``order`` were made, each behind the one around it, and the call of each node."""
    calls: list[Call] = []
    known: dict[int, int] = {}
    paths: dict[int, dict[int, str]] = {}
    given = names_of_modules(params)
    of: dict[Node, int] = {}
    for node in order:
        scope: Scope | None = getattr(node, "scope", None)
        inward: list[Scope] = []
        while scope is not None and id(scope) not in known:
            inward.append(scope)
            scope = scope[2]
        here = -1 if scope is None else known[id(scope)]
        for each in reversed(inward):
            module, root = each[0](), _root(each)
            if id(root) not in paths:
                paths[id(root)] = names_of_modules(root)
            kind = each[1].__name__
            path = given.get(id(module)) or paths[id(root)].get(id(module)) or kind
            calls.append(Call(here, 0 if here < 0 else calls[here].level + 1, path, kind, module))
            here = known[id(each)] = len(calls) - 1
        of[node] = here
    return calls, of


def _root(scope: Scope) -> Any:
    outer: Scope | None = scope
    while outer is not None:
        scope, outer = outer, outer[2]
    return scope[0]()


def names_of_modules(model: Any) -> dict[int, str]:
    """The path of each module of a model by its identity; nothing for what is no model."""
    pairs = model.named_modules() if hasattr(model, "named_modules") else ()
    return {id(module): path for path, module in pairs}


def names_of_leaves(calls: list[Call]) -> dict[Node | int, str]:
    """The paths of the parameters of the outermost modules; with the class in front where there are several."""
    roots = {id(call.module): call.module for call in calls if call.level == 0 and call.module is not None}
    owners = [root for root in roots.values() if any(True for _ in root.parameters())]
    named: dict[Node | int, str] = {}
    for root in owners:
        lead = f"{type(root).__name__}." if len(owners) > 1 else ""
        for path, parameter in root.named_parameters():
            if parameter._node is not None:
                named.setdefault(parameter._node, lead + path)
    return named


def names_of_tensors(params: Any) -> dict[Node | int, str]:
    """The name of each tensor by its node or, outside the graph, by its array; one with two names gets both."""
    if params is None:
        pairs: Iterable[Any] = ()
    elif isinstance(params, Mapping):
        pairs = params.items()
    else:
        pairs = params.named_parameters() if hasattr(params, "named_parameters") else params
    names: dict[Node | int, str] = {}
    for name, tensor in pairs:
        if not isinstance(tensor, Tensor):
            raise DrawingError(f"draw: params has {name!r} as a {type(tensor).__name__}, expected names of tensors")
        key = id(tensor.numpy()) if tensor._node is None else tensor._node
        names[key] = f"{names[key]} = {name}" if key in names else str(name)
    return names
