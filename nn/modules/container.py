"""Modules that hold modules or parameters: in sequence, in a list, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, overload

from autodiff.errors import AxisError, DtypeError, OptionError
from autodiff.kinds import described
from autodiff.tensors.tensor import Tensor

from ..module import Module, indented
from ..parameter import Parameter

if TYPE_CHECKING:
    from .member import Member

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]

T = TypeVar("T")


class _Container(Module):
    """A module that holds members of one kind: modules or parameters."""

    _kind: ClassVar[str]

    def _members(self) -> dict[str, Any]:
        raise NotImplementedError

    def _put(self, name: str, member: Any) -> None:
        raise NotImplementedError


class _Modules(_Container):
    _kind = "module"

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """A container calls none of its modules."""
        raise NotImplementedError(
            f"a {type(self).__name__} holds modules and calls none; call them, as in: for layer in layers: x = layer(x)"
        )

    def _members(self) -> dict[str, Any]:
        return self._modules

    def _put(self, name: str, member: Any) -> None:
        self.register_module(name, member)


class _Parameters(_Container):
    """A container of parameters and anything else, as attributes; a tensor that is put in becomes a parameter."""

    _kind = "parameter"

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}

    def _members(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in self._keys}

    def _put(self, name: str, member: Any) -> None:
        if isinstance(member, Tensor) and not isinstance(member, Parameter):
            member = Parameter(member)
        if isinstance(member, Parameter) and name not in self._keys:
            self.register_parameter(name, member)  # which looks at the name
        elif name not in self._keys and hasattr(self, name):
            raise OptionError(f"{name!r} is an attribute of {type(self).__name__} already; give another name")
        else:
            self.__setattr__(name, member)
        self._keys[name] = None

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._keys.pop(name, None)

    def __repr__(self) -> str:
        lines = [f"    ({name}): {self._in_brief(member)}" for name, member in self._members().items()]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"]) if lines else f"{type(self).__name__}()"

    def _in_brief(self, member: Any) -> str:
        if isinstance(member, Tensor):
            size = "x".join(map(str, member.shape))
            return f"{type(member).__name__} containing: [{self._numbers_in(member)} of size {size}]"
        return indented(repr(member)) if isinstance(member, Module) else f"Object of type: {type(member).__name__}"

    @staticmethod
    def _numbers_in(member: Tensor) -> str:
        return str(member.dtype)


class _Numbered(_Container, Generic[T]):
    """Members found by position; their names are "0", "1", ...

    Raises AxisError where there is no such member.
    """

    def _name(self, index: Any) -> str:
        position: int = index.__index__()
        if not -len(self) <= position < len(self):
            raise AxisError(f"there is no {self._kind} {position} in a {type(self).__name__} of {len(self)}")
        return list(self._members())[position]

    def __len__(self) -> int:
        return len(self._members())

    def __iter__(self) -> Iterator[T]:
        return iter(self._members().values())

    @overload
    def __getitem__(self, index: slice) -> Self: ...
    @overload
    def __getitem__(self, index: int) -> T: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._part(dict(list(self._members().items())[index]))
        return self._members()[self._name(index)]

    def _part(self, members: dict[str, Any]) -> Self:
        """A container of the same class with some of the members."""
        return type(self)(members.values())  # type: ignore[call-arg]

    def __setitem__(self, index: int, member: Any) -> None:
        self._put(self._name(index), member)


class _NumberedModules(_Modules, _Numbered["Member"]):
    """Modules found by position, which are renumbered when one is put in or taken out."""

    def _rename(self, modules: Iterable[Any]) -> None:
        """Hold ``modules`` in their order, and no others."""
        listed = list(modules)
        for module in listed:
            if not isinstance(module, Module):
                raise DtypeError(f"a {type(self).__name__} holds modules, not {described(module)}")
        for name in tuple(self._modules):
            delattr(self, name)
        for number, module in enumerate(listed):
            self.register_module(str(number), module)

    def __delitem__(self, index: Any) -> None:
        names = list(self._modules)[index] if isinstance(index, slice) else [self._name(index)]
        self._rename(module for name, module in self._modules.items() if name not in names)

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        self._put(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end; raises DtypeError for what is no module."""
        given: Any = modules
        if not isinstance(given, Iterable):
            raise DtypeError(f"{type(self).__name__} takes a list of modules, not {described(given)}; put it in [...]")
        for module in tuple(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Add a module before the one at ``index``; raises DtypeError for what is no module."""
        listed: list[Module] = list(self)
        listed.insert(index, module)
        self._rename(listed)
        return self

    def pop(self, key: int = -1) -> Member:
        """Take the module at the position ``key`` out."""
        module = self[key]
        del self[key]
        return module


class Sequential(_NumberedModules):
    """Modules one after another, each applied to the output of the one before.

    They are given in order, or with names in an ``OrderedDict``.

    Raises DtypeError for what is no module.

    >>> from nn.modules.activation import ReLU
    >>> Sequential(ReLU(), ReLU())[1:]
    Sequential(
      (1): ReLU()
    )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = len(args) == 1 and isinstance(args[0], Mapping)
        if None in args:
            raise DtypeError("Sequential takes modules, not None; nn.Identity() does nothing")
        for name, module in args[0].items() if named else ((str(i), module) for i, module in enumerate(args)):
            self.register_module(name, module)

    def forward(self, input: Any) -> Tensor:
        """The output of the last module."""
        for module in self._modules.values():
            input = module.__call__(input)  # type: ignore[operator]  # by name it is faster than module(input)
        return input

    def extend(self, sequential: Iterable[Module]) -> Self:
        """Add modules at the end."""
        return super().extend(sequential)

    def _part(self, members: dict[str, Any]) -> Self:
        return type(self)(members)


class ModuleList(_NumberedModules):
    """Modules in a list, which the module that owns the list calls.

    >>> len(ModuleList([Module(), Module()]))
    2
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def __repr__(self) -> str:
        """Equal neighbours in one line, as in PyTorch."""
        runs: list[tuple[int, int, str]] = []
        for number, text in enumerate(map(repr, self)):
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], number, text)
            else:
                runs.append((number, number, text))
        if not runs:
            return f"{type(self).__name__}()"
        lines = (
            f"({first}): {indented(text)}"
            if first == last
            else f"({first}-{last}): {last - first + 1} x {indented(text)}"
            for first, last, text in runs
        )
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"


class ParameterList(_Parameters, _Numbered[Any]):
    """Parameters in a list, named "0", "1", ...; a tensor that is put in becomes one, anything else is held as it is.

    >>> import autodiff
    >>> len(ParameterList([autodiff.ones(2), autodiff.ones(3)]))
    2
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def append(self, value: Any) -> Self:
        """Add a parameter at the end."""
        self._put(str(len(self)), value)
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add parameters at the end."""
        for value in tuple(values):
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> Self:
        return self.extend(values)


class _Named(_Container, Generic[T]):
    """Members by name."""

    def __getitem__(self, key: str) -> T:
        return self._members()[key]

    def __setitem__(self, key: str, member: Any) -> None:
        self._put(key, member)

    def __delitem__(self, key: str) -> None:
        self.pop(key)

    def __len__(self) -> int:
        return len(self._members())

    def __iter__(self) -> Iterator[str]:
        return iter(self._members())

    def __contains__(self, key: object) -> bool:
        return key in self._members()

    def _update(self, members: Any) -> None:
        for name, member in dict(members).items():
            self._put(name, member)

    def pop(self, key: str) -> T:
        """Take the member of this name out."""
        member = self._members()[key]
        delattr(self, key)
        return member

    def clear(self) -> None:
        """Take all members out."""
        for name in tuple(self._members()):
            delattr(self, name)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._members().keys()

    def values(self) -> Iterable[T]:
        """The members."""
        return self._members().values()

    def items(self) -> Iterable[tuple[str, T]]:
        """The names and their members."""
        return self._members().items()


class ModuleDict(_Modules, _Named["Member"]):
    """Modules by name.

    >>> list(ModuleDict({"first": Module()}))
    ['first']
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Put in the modules of a mapping or of pairs (name, module), in place of those with the same names.

        Raises DtypeError for modules without names.
        """
        if isinstance(modules, (list, tuple)) and any(isinstance(x, Module) for x in modules):
            raise DtypeError("a ModuleDict takes names with modules, as in {'first': module}; a ModuleList has none")
        self._update(modules)


class ParameterDict(_Parameters, _Named[Any]):
    """Parameters by name; a tensor that is put in becomes one, anything else is held as it is.

    >>> import autodiff
    >>> held = ParameterDict({"scale": autodiff.ones(2)})
    >>> [name for name, _ in held.named_parameters()]
    ['scale']
    """

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        self.update(parameters or {})

    def update(self, parameters: Mapping[str, Any] | ParameterDict | Iterable[tuple[str, Any]]) -> None:
        """Put in the parameters of a mapping or of pairs (name, value), in place of those with the same names."""
        self._update(parameters)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __or__(self, other: Mapping[str, Any] | ParameterDict) -> ParameterDict:
        return ParameterDict({**self._members(), **dict(other.items())})

    def __ror__(self, other: Mapping[str, Any]) -> ParameterDict:
        return ParameterDict({**other, **self._members()})

    def __ior__(self, other: Mapping[str, Any] | ParameterDict) -> Self:
        self.update(other)
        return self

    @staticmethod
    def _numbers_in(member: Tensor) -> str:
        return str(member.type())

    def copy(self) -> ParameterDict:
        """A new ParameterDict with the same members."""
        return ParameterDict(self._members())

    def get(self, key: str, default: Any = None) -> Any:
        """The member of this name, or ``default``."""
        return self[key] if key in self._keys else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The member of this name; ``default`` is put in where there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def popitem(self) -> tuple[str, Any]:
        """Take the last member out, with its name."""
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new ParameterDict with ``default`` under each of the names."""
        return ParameterDict(dict.fromkeys(keys, default))
