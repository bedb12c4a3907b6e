"""Modules that hold modules: in sequence, in a list, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, overload

from autodiff.errors import AxisError, DtypeError
from nn.module import Module, indented

__all__ = ["ModuleDict", "ModuleList", "Sequential"]


class _Numbered(Module):
    """Modules named "0", "1", ... and found by their positions."""

    def _listed(self) -> list[Any]:
        return list(self._modules.values())

    def _rename(self, modules: Iterable[Any]) -> None:
        """Hold ``modules`` in their order, and no others."""
        listed = list(modules)
        for module in listed:
            if not isinstance(module, Module):
                raise DtypeError(f"a {type(self).__name__} holds modules, not {module!r:.60}")
        for name in tuple(self._modules):
            delattr(self, name)
        for number, module in enumerate(listed):
            self.register_module(str(number), module)

    def _name(self, index: Any) -> str:
        position: int = index.__index__()
        if not -len(self) <= position < len(self):
            raise AxisError(f"there is no module {position} in a {type(self).__name__} of {len(self)}")
        return list(self._modules)[position]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    @overload
    def __getitem__(self, index: slice) -> Self: ...
    @overload
    def __getitem__(self, index: int) -> Any: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._part(dict(list(self._modules.items())[index]))
        return self._modules[self._name(index)]

    def _part(self, modules: dict[str, Any]) -> Self:
        raise NotImplementedError

    def __setitem__(self, index: int, module: Module) -> None:
        self.register_module(self._name(index), module)

    def __delitem__(self, index: Any) -> None:
        names = list(self._modules)[index] if isinstance(index, slice) else [self._name(index)]
        self._rename(module for name, module in self._modules.items() if name not in names)

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        self.register_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end."""
        for module in tuple(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Add a module before the one at ``index``."""
        listed = self._listed()
        listed.insert(index, module)
        self._rename(listed)
        return self

    def pop(self, index: int = -1) -> Any:
        """Take the module at ``index`` out."""
        module = self[index]
        del self[index]
        return module


class Sequential(_Numbered):
    """Modules one after another, each applied to the output of the one before.

    They are given in order, or with names in an ``OrderedDict``.

    >>> from nn.modules.activation import ReLU
    >>> Sequential(ReLU(), ReLU())[1:]
    Sequential(
      (1): ReLU()
    )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = len(args) == 1 and isinstance(args[0], Mapping)
        for name, module in args[0].items() if named else ((str(i), module) for i, module in enumerate(args)):
            self.register_module(name, module)

    def forward(self, input: Any) -> Any:
        """The output of the last module."""
        for module in self._modules.values():
            input = module.__call__(input)  # type: ignore[operator]  # by name, in half the time of module(input)
        return input

    def _part(self, modules: dict[str, Any]) -> Self:
        return type(self)(modules)


class ModuleList(_Numbered):
    """Modules in a list; what is computed with them is said elsewhere.

    >>> len(ModuleList([Module(), Module()]))
    2
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def _part(self, modules: dict[str, Any]) -> Self:
        return type(self)(modules.values())

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


class ModuleDict(Module):
    """Modules by name.

    >>> list(ModuleDict({"first": Module()}))
    ['first']
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.register_module(key, module)

    def __delitem__(self, key: str) -> None:
        self.pop(key)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add modules, or put them in the place of those of their names."""
        for name, module in dict(modules).items():
            self.register_module(name, module)

    def pop(self, key: str) -> Any:
        """Take the module of this name out."""
        module = self._modules[key]
        delattr(self, key)
        return module

    def clear(self) -> None:
        """Take all modules out."""
        for name in tuple(self._modules):
            delattr(self, name)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._modules.keys()

    def values(self) -> Iterable[Any]:
        """The modules."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """The names and their modules."""
        return self._modules.items()
