"""What a step can reach: the tensors, arrays and modules behind its function, and what it depends on of them."""

from __future__ import annotations

import dis
import gc
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, compress
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
MOST = 100  # entries of a dict or list that is watched
END = object()
Part = tuple[Any, list[bool]]  # a container, and of each thing that it holds whether it counts


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


class Each:
    """A container of what a function gives for each of several things, each time anew."""

    def __init__(self, get: Callable[[Any], Any], of: Iterable[Any]) -> None:
        self._get, self._of = get, list(of)

    def __iter__(self) -> Iterator[Any]:
        return map(self._get, self._of)

    def __len__(self) -> int:
        return len(self._of)


class Facts:
    """What calls that are alike have in common: what variables, attributes, dicts and lists hold.

    Args:
        parts: what is looked into at each call.
        structure: modules, hooks and leaves, which are looked into when any has changed anywhere.
    """

    def __init__(self, parts: list[Part], structure: list[Part]) -> None:
        self._quick, self._all = _one(parts, mark), _one([*parts, *structure], [END])
        self.values, self._known = list(_counted(*self._all)), list(_counted(*self._quick))

    def hold(self) -> bool:
        """Whether all is as it was: the same objects, or equal numbers and strings."""
        return all(map(is_, _counted(*self._quick), self._known)) or self._hold_after_all()

    def _hold_after_all(self) -> bool:
        now = list(_counted(*self._all))
        if len(now) != len(self.values) or not all(map(_is_same, now, self.values)):
            return False
        self._known = list(_counted(*self._quick))
        return True


def _one(parts: list[Part], last: list[Any]) -> Any:
    """Containers, ``last`` behind them: where one has grown, its object is found in another place; and a mask."""
    containers, masks = zip(*parts, strict=True) if parts else ((), ())
    return (*containers, last), [*chain(*masks), True]


def _counted(containers: Iterable[Any], mask: Iterable[bool]) -> Iterator[Any]:
    return compress(chain.from_iterable(containers), mask)


def all_of(container: Any) -> Part:
    """A part of which all counts."""
    return container, [True] * len(container)


def unchanged(before: list[tuple[Any, list[Any]]]) -> list[Part]:
    """Parts of what containers held before a run; objects that it has put there do not count.

    Raises CompileError for another number or string: what a step counts, it may decide by.
    """
    alike = [(container, was) for container, was in before if len(container) == len(was)]
    for container, was in alike:
        for x, y in zip(container, was, strict=True):
            if not _is_same(x, y) and {type(x), type(y)} <= PLAIN:
                told = f"Python changes {y!r:.20} to {x!r:.20} in it"
                raise CompileError(f"{told}; keep what counts outside, or in a tensor")
    return [(container, [x is y for x, y in zip(container, was, strict=True)]) for container, was in alike]


def _is_same(x: Any, y: Any) -> bool:
    return x is y or (type(x) is type(y) and type(x) in PLAIN and bool(x == y))


def is_module(x: Any) -> bool:
    """Whether it is a module, of whatever class."""
    return hasattr(type(x), "named_buffers")


def is_optimizer(x: Any) -> bool:
    """Whether it is an optimizer, of whatever class."""
    return hasattr(x, "param_groups") and hasattr(x, "state")


def variables(found: list[Any]) -> list[Any]:
    """Containers of what a step may compute with besides the numbers of arrays: a weight that is annealed, a loss."""
    functions = [x for x in found if isinstance(x, FunctionType) and not of_library(x.__code__)]
    names = {name for x in functions for name in _attributes_of(x)}
    held: list[Any] = [Each(contents, _cells(functions))]
    held += [Each(x.__globals__.get, variables_of(x)) for x in functions]
    lists = [x for each in held for x in each if type(x) is list and len(x) <= MOST]
    held += lists
    aside = set(map(id, lists))  # dicts and lists that are there, or of which not all counts
    for x in found:
        known = attributes(x)
        aside.add(id(known))
        if _is_scope(x):
            held.append(Each(vars(x).get, [name for name in vars(x) if name in names]))
        elif is_optimizer(x):  # whose numbers are read each time
            held += [x.param_groups, Each(known.get, ["state"])]
            held.append(Each(len, [x.state, *(group["params"] for group in x.param_groups)]))
            aside.update(id(each) for group in x.param_groups for each in (group, group["params"]))
        elif not is_module(x):
            plain = {name for name, value in known.items() if type(value) in PLAIN}
            held.append(Each(known.get, [name for name in known if name in (plain if _is_ours(x) else names)]))
        if _is_ours(x):
            aside.update(id(value) for value in known.values() if isinstance(value, (dict, list)))
        else:
            fixed = [name for name in names - known.keys() if type(getattr(type(x), name, None)) in FIXED]
            held.append(Each(partial(_attribute, x), fixed))
    inside = [x for x in found if isinstance(x, (dict, list)) and len(x) <= MOST and id(x) not in aside]
    held += [x.values() if isinstance(x, dict) else Each(partial(_entry, x), range(len(x))) for x in inside]
    return [x for x in held if len(x)] + [Each(call, [get_default_dtype])]


def _entry(x: list[Any], i: int) -> Any:
    """An entry of a list that may be shorter by now; what was appended is the log of a training rather than a fact."""
    return x[i] if i < len(x) else END


def _cells(functions: list[Any]) -> list[Any]:
    return [cell for x in functions for cell in x.__closure__ or () if gc.get_referents(cell)]


def _attribute(x: Any, name: str) -> Any:
    return getattr(x, name, None)


def holders(found: list[Any]) -> list[Any]:
    """What a run may leave something in besides arrays: variables, attributes, dicts, lists, global random numbers."""
    functions = [x for x in found if isinstance(x, FunctionType) and not of_library(x.__code__)]
    known = [x for x in found if isinstance(x, dict) or type(x) is list]
    return [*functions, *_cells(functions), *known, *map(attributes, found), random, np.random]


def structure(found: list[Any]) -> list[Any]:
    """Containers of what modules are made of, of leaves, and of hooks."""
    leaves = [x for x in found if isinstance(x, TensorBase) and is_leaf(x._node)]
    groups = [group["params"] for x in found if is_optimizer(x) for group in x.param_groups]
    hooks = [value.values() for x in found if _is_ours(x) for value in attributes(x).values() if type(value) is dict]
    modules = [vars(x).values() for x in found if is_module(x)]
    return [Each(node_of, leaves), Each(_hooks_of, leaves), *groups, *hooks, *modules]


def attributes(x: Any) -> dict[str, Any]:
    """What an object that is neither a function nor a tensor has in its ``__dict__``."""
    found = getattr(x, "__dict__", None)
    return found if isinstance(found, dict) and not isinstance(x, (FunctionType, ModuleType, TensorBase)) else {}


def _is_ours(x: Any) -> bool:
    """Whether its class is this library's."""
    return type(x).__module__.partition(".")[0] in ("autodiff", "nn", "optim")


def _hooks_of(leaf: Any) -> Any:
    return getattr(leaf._node, "hooks", None)
