"""Modules that hold parameters: in a list, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from autodiff.errors import AxisError
from autodiff.tensors.tensor import Tensor
from nn.module import Module
from nn.parameter import Parameter

__all__ = ["ParameterDict", "ParameterList"]


def _as_parameter(value: Any) -> Any:
    """A tensor as a parameter; a parameter as it is."""
    return value if isinstance(value, Parameter) or not isinstance(value, Tensor) else Parameter(value)


def _line(name: str, value: Any) -> str:
    return f"  ({name}): {type(value).__name__} of shape {tuple(value.shape)}, {value.dtype}"


class ParameterDict(Module):
    """Parameters by name; a tensor that is put in becomes one.

    >>> import autodiff
    >>> held = ParameterDict({"scale": autodiff.ones(2)})
    >>> [name for name, _ in held.named_parameters()]
    ['scale']
    """

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        self.update(parameters or {})

    def __getitem__(self, key: str) -> Any:
        return self._parameters[key]

    def __setitem__(self, key: str, parameter: Any) -> None:
        self.register_parameter(key, _as_parameter(parameter))

    def __delitem__(self, key: str) -> None:
        self.pop(key)

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._parameters)

    def __contains__(self, key: object) -> bool:
        return key in self._parameters

    def __or__(self, other: Mapping[str, Any] | ParameterDict) -> ParameterDict:
        return ParameterDict({**self._parameters, **dict(other.items())})

    def __ior__(self, other: Mapping[str, Any] | ParameterDict) -> Self:
        self.update(other)
        return self

    def copy(self) -> ParameterDict:
        """Another one of the same parameters."""
        return ParameterDict(dict(self._parameters))

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter of this name, or ``default``."""
        return self._parameters.get(key, default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The parameter of this name, which is put in where it is not there."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, parameters: Any) -> None:
        """Add parameters, or put them in the place of those of their names."""
        for name, parameter in dict(parameters.items() if hasattr(parameters, "items") else parameters).items():
            self[name] = parameter

    def pop(self, key: str) -> Any:
        """Take the parameter of this name out."""
        parameter = self._parameters[key]
        delattr(self, key)
        return parameter

    def popitem(self) -> tuple[str, Any]:
        """Take the last parameter out, with its name."""
        key = next(reversed(self._parameters))
        return key, self.pop(key)

    def clear(self) -> None:
        """Take all parameters out."""
        for name in tuple(self._parameters):
            delattr(self, name)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._parameters.keys()

    def values(self) -> Iterable[Any]:
        """The parameters."""
        return self._parameters.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """The names and their parameters."""
        return self._parameters.items()

    def __repr__(self) -> str:
        lines = [_line(name, value) for name, value in self._parameters.items()]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"]) if lines else f"{type(self).__name__}()"


class ParameterList(Module):
    """Parameters in a list, named "0", "1", ...; a tensor that is put in becomes one.

    >>> import autodiff
    >>> len(ParameterList([autodiff.ones(2), autodiff.ones(3)]))
    2
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def _name(self, index: Any) -> str:
        position: int = index.__index__()
        if not -len(self) <= position < len(self):
            raise AxisError(f"there is no parameter {position} in a {type(self).__name__} of {len(self)}")
        return str(position % len(self))

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parameters.values())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._parameters[self._name(index)]

    def __setitem__(self, index: int, parameter: Any) -> None:
        self.register_parameter(self._name(index), _as_parameter(parameter))

    def append(self, value: Any) -> Self:
        """Add a parameter at the end."""
        self.register_parameter(str(len(self)), _as_parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add parameters at the end."""
        for value in tuple(values):
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> Self:
        return self.extend(values)

    def __repr__(self) -> str:
        lines = [_line(name, value) for name, value in self._parameters.items()]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"]) if lines else f"{type(self).__name__}()"
