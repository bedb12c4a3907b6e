"""What a step can reach: the tensors, arrays and modules behind its function, and what it depends on of them."""

from __future__ import annotations

import dis
import gc
import random
import sys
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from operator import attrgetter, call, is_
from sysconfig import get_path
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any

import numpy as np

from autodiff.dtypes import get_default_dtype
from autodiff.engine.call_sites import inside_library, of_library
from autodiff.engine.tape import is_leaf
from autodiff.engine.values import TensorBase
from autodiff.errors import CompileError
from autodiff.handles import mark
from autodiff.tensors.scalars import Scalar

contents, node_of = attrgetter("cell_contents"), attrgetter("_node")
PASSED = (
    str, bytes, int, float, complex, type(None), type, ModuleType, BuiltinFunctionType, CodeType, FrameType, np.dtype,
    Scalar,  # whose number is read where an optimizer computes with it
)  # fmt: skip
PLAIN = {bool, float, int, str}
FIXED = {*PLAIN, MemberDescriptorType}  # of a class: what its objects share, and what stands in slots
GONE = (LookupError, ValueError)  # what is there no more raises
MOST = 100  # entries of a dict or list that is watched
Fact = tuple[Callable[[Any], Any], Any]  # a function, and what it is asked about


def reached(*roots: Any) -> list[Any]:
    """Everything that functions, methods and objects refer to, also the user's classes and modules."""
    stack, seen = list(roots), {}  # type: tuple[list[Any], dict[int, Any]]
    while stack:
        x = stack.pop()
        if id(x) not in seen and (_is_scope(x) or not isinstance(x, PASSED)):
            seen[id(x)] = x
            stack += _behind(x)
    return list(seen.values())


def _behind(x: Any) -> list[Any]:
    if isinstance(x, TensorBase):
        return [x._grad]
    if isinstance(x, (np.ndarray, ModuleType)):
        return []
    if isinstance(x, type):
        return [*x.__mro__, *(value for name, value in vars(x).items() if name[:2] != "__" or callable(value))]
    if isinstance(x, FunctionType):
        held = [*map(x.__globals__.get, variables_of(x)), *map(contents, _cells([x]))]
        held += [vars(scope).get(name) for scope in filter(_is_scope, held) for name in _attributes_of(x)]
        return [x.__defaults__, x.__kwdefaults__, *(x.__closure__ or ()), *held]
    return gc.get_referents(x)


def _is_scope(x: Any) -> bool:
    """Whether it is a class or a module of the user's."""
    if not isinstance(x, (type, ModuleType)):
        return False
    name = x.__module__ if isinstance(x, type) else x.__name__
    path = getattr(sys.modules.get(name), "__file__", None) or ""
    is_builtin = name in sys.builtin_module_names
    return not (is_builtin or inside_library[path] or path.startswith((get_path("stdlib"), get_path("purelib"))))


def variables_of(function: FunctionType) -> list[str]:
    """The global variables that a function of the user's may read."""
    names = {} if of_library(function.__code__) else _names(function.__code__, "LOAD_GLOBAL")
    return [name for name in names if name in function.__globals__]


def _attributes_of(function: FunctionType) -> dict[str, None]:
    return {} if of_library(function.__code__) else _names(function.__code__, "LOAD_ATTR", "LOAD_METHOD")


def _names(code: CodeType, *instructions: str) -> dict[str, None]:
    """The names that these instructions of a function, and of the functions inside it, read, in their order."""
    names = dict.fromkeys(x.argval for x in dis.get_instructions(code) if x.opname in instructions)
    for inner in code.co_consts:
        names |= _names(inner, *instructions) if isinstance(inner, CodeType) else {}
    return names


class Facts:
    """What calls that are alike have in common: what variables, attributes, dicts and lists hold.

    Args:
        quick: what is looked at in each call.
        deep: modules, hooks and leaves, which are looked at when any has changed anywhere.
    """

    def __init__(self, quick: list[Fact], deep: list[Fact]) -> None:
        self._quick = list(zip(*quick, (mark.__getitem__, 0), strict=True))  # all functions, and all that they take
        self._all = list(zip(*quick, *deep, strict=True)) or [(), ()]
        self.values, self._known = list(map(call, *self._all)), list(map(call, *self._quick))

    def hold(self) -> bool:
        """Whether all is as it was: the same objects, or equal numbers and strings."""
        try:
            if all(map(is_, map(call, *self._quick), self._known)):
                return True
            if not all(map(_is_same, map(call, *self._all), self.values)):
                return False
        except GONE:
            return False
        self._known = list(map(call, *self._quick))
        return True


def each(get: Callable[[Any], Any], of: Iterable[Any]) -> list[Fact]:
    """What ``get`` says of each of several things."""
    return [(get, x) for x in of]


def entries(x: Any) -> list[Fact]:
    """What a dict or a list holds, and, at the end, how much that is."""
    return [*(each(x.get, x) if isinstance(x, dict) else each(x.__getitem__, range(len(x)))), (len, x)]


def unchanged(before: list[tuple[Fact, Any]]) -> list[Fact]:
    """The facts that are as they were before a run; objects that it has put there do not count.

    Raises CompileError for another number or string: what a step counts, it may decide by.
    """
    kept = []
    for (get, of), was in before:
        try:
            now = get(of)
        except GONE:
            raise CompileError("Python takes away in it what was there before") from None
        if _is_same(now, was):
            kept.append((get, of))
        elif get is not len and {type(now), type(was)} <= PLAIN:
            told = f"Python changes {was!r:.20} to {now!r:.20} in it"
            raise CompileError(f"{told}; keep what counts outside, or in a tensor")
    return kept


def _is_same(x: Any, y: Any) -> bool:
    return x is y or (type(x) is type(y) and type(x) in PLAIN and bool(x == y))


def is_module(x: Any) -> bool:
    """Whether it is a module, of whatever class."""
    return hasattr(type(x), "named_buffers")


def is_optimizer(x: Any) -> bool:
    """Whether it is an optimizer, of whatever class."""
    return hasattr(x, "param_groups") and hasattr(x, "state")


def variables(found: list[Any]) -> list[Fact]:
    """What a step may compute with besides the numbers of arrays: a weight that is annealed, a loss."""
    functions = [x for x in found if isinstance(x, FunctionType) and not of_library(x.__code__)]
    names = {name for x in functions for name in _attributes_of(x)}
    facts = each(contents, _cells(functions))
    for x in functions:
        facts += each(x.__globals__.get, variables_of(x))
    held = {id(get(of)) for get, of in facts}
    aside: set[int] = set()  # dicts and lists of which not all counts
    for x in found:
        known = attributes(x)
        aside.add(id(known))
        if _is_scope(x):
            facts += each(vars(x).get, names & vars(x).keys())
        elif is_optimizer(x):  # whose numbers are read each time
            params = [group["params"] for group in x.param_groups]
            facts += [*entries(x.param_groups), (known.get, "state"), *each(len, [x.state, *params])]
            aside.update(map(id, (*x.param_groups, *params)))
        elif _is_ours(x) and not is_module(x):
            facts += each(known.get, [name for name, value in known.items() if type(value) in PLAIN])
        if _is_ours(x):
            aside.update(id(value) for value in known.values() if isinstance(value, (dict, list)))
        else:
            kinds = {name: type(getattr(type(x), name, None)) for name in names}
            facts += each(partial(_attribute, x), [name for name in names if name in known or kinds[name] in FIXED])
    for x in found:
        if isinstance(x, (dict, list)) and len(x) <= MOST and id(x) not in aside:
            # what is appended to a list that is no variable is the log of a training rather than a fact
            facts += entries(x) if isinstance(x, dict) or id(x) in held else entries(x)[:-1]
    return [*facts, (call, get_default_dtype)]


def _cells(functions: list[Any]) -> list[Any]:
    return [cell for x in functions for cell in x.__closure__ or () if gc.get_referents(cell)]


def _attribute(x: Any, name: str) -> Any:
    return getattr(x, name, None)


def holders(found: list[Any]) -> list[Any]:
    """What a run may leave something in besides arrays: variables, attributes, dicts, lists, global random numbers."""
    functions = [x for x in found if isinstance(x, FunctionType) and not of_library(x.__code__)]
    known = [x for x in found if isinstance(x, dict) or type(x) is list]
    return [*functions, *_cells(functions), *known, *map(attributes, found), random, np.random]


def structure(found: list[Any]) -> list[Fact]:
    """What modules are made of, and leaves, and hooks."""
    leaves = [x for x in found if isinstance(x, TensorBase) and is_leaf(x._node)]
    held = [group["params"] for x in found if is_optimizer(x) for group in x.param_groups]
    held += [value for x in found if _is_ours(x) for value in attributes(x).values() if type(value) is dict]
    held += [vars(x) for x in found if is_module(x)]
    return [*each(node_of, leaves), *each(_hooks_of, leaves), *chain.from_iterable(map(entries, held))]


def attributes(x: Any) -> dict[str, Any]:
    """What an object that is neither a function nor a tensor has in its ``__dict__``."""
    found = getattr(x, "__dict__", None)
    return found if isinstance(found, dict) and not isinstance(x, (FunctionType, ModuleType, TensorBase)) else {}


def _is_ours(x: Any) -> bool:
    """Whether its class is this library's."""
    return type(x).__module__.partition(".")[0] in ("autodiff", "nn", "optim")


def _hooks_of(leaf: Any) -> Any:
    return getattr(leaf._node, "hooks", None)
