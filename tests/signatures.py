"""What PyTorch says that its functions take: Python's signatures, its operators' schemas, the lines of docstrings."""

from __future__ import annotations

import inspect
import re
from typing import Any, NamedTuple

IGNORED = {"out", "names", "layout", "pin_memory", "memory_format", "_stacklevel"}
REQUIRED = inspect.Parameter.empty


class Argument(NamedTuple):
    """One argument as a signature has it."""

    name: str
    default: Any
    by_name_only: bool


def ours(call: Any, is_method: bool = False) -> list[Argument]:
    """The arguments of one of our functions; of a method without its tensor."""
    return [a for a in _of_python(call) if a.name not in IGNORED][is_method:]


def owner_in(peer: Any, namespace: str) -> Any:
    """The module or class of PyTorch's that has the functions of a namespace, "" for torch itself."""
    return getattr(peer, namespace) if namespace else peer


def theirs(peer: Any, namespace: str, name: str, documented: bool = True) -> list[list[Argument]]:
    """The arguments of PyTorch's function of that name, a list for each way to call it; [] where nothing says them."""
    call, is_method = getattr(owner_in(peer, namespace), name, None), namespace == "Tensor"
    if not callable(call) or isinstance(call, type):
        return []
    ways = []
    try:
        found = _of_python(call)
        ways = [] if any(a.name in ("*args", "kwargs") for a in found) else [found[is_method:]]
    except ValueError:
        pass
    prefix = "" if is_method or not namespace else f"{namespace}_"
    ways = ways or [way[is_method:] for way in _of_schemas(peer, prefix + name)]
    ways += _of_documentation(call, name) if documented else []
    return [[a for a in way if a.name not in IGNORED] for way in ways]


def _of_python(call: Any) -> list[Argument]:
    parameters = inspect.signature(call).parameters.values()
    stars = [("*" * (p.kind == p.VAR_POSITIONAL), p) for p in parameters]
    return [Argument(star + p.name, p.default, p.kind == p.KEYWORD_ONLY) for star, p in stars]


def _of_documentation(call: Any, name: str) -> list[list[Argument]]:
    """The arguments in the first lines of a docstring, where they are Python's."""
    ways = []
    for found in re.findall(rf"(?m)^(?:\w+\.)*{name}\((.*)\) *->", call.__doc__ or ""):
        try:
            ways.append(_of_python(eval(f"lambda {found}: 0", {"torch": None})))
        except (SyntaxError, NameError, AttributeError):
            continue
    return [way for way in ways if not any(a.name in ("*args", "kwargs") for a in way)]


def _of_schemas(peer: Any, name: str) -> list[list[Argument]]:
    ways = []
    for schema in peer._C._jit_get_schemas_for_operator(f"aten::{name}"):
        kinds = [str(a.type) for a in schema.arguments]
        given = " ".join([*kinds, *(str(value.type) for value in schema.returns)])
        if "Tensor" not in given or "t[]" in given or "Dimname" in str(schema):  # of lists, or by names of axes
            continue
        if not any(a.is_out for a in schema.arguments):
            ways.append([_of_schema(a) for a in schema.arguments])
    return ways


def _of_schema(argument: Any) -> Argument:
    default = argument.default_value if argument.has_default_value() else REQUIRED
    return Argument("input" if argument.name == "self" else argument.name, default, argument.kwarg_only)
