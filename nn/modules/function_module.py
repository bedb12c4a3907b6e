"""Layers that are a function of ``nn.functional`` with options: activations, losses, pooling and their like."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial, wraps
from inspect import signature
from types import FunctionType
from typing import Any, ClassVar, dataclass_transform

from autodiff.errors import DtypeError
from autodiff.kinds import described
from autodiff.tensors.tensor import Tensor

from ..module import Module

_OLD = {"size_average", "reduce"}  # options that are taken as in PyTorch, and that no function needs


@dataclass(eq=False, repr=False, match_args=False)
class _Options:
    """The options of a layer as the fields of a class of its own, so that the layer itself is no dataclass."""


@dataclass_transform(eq_default=False)
class FunctionModule(Module):
    """A layer that calls ``function`` with its inputs and, by name, with its options.

    A subclass names its function and annotates its options. These are the arguments of its constructor, in the order of
    the annotations behind those of its base, and attributes of its instances:

        class ELU(FunctionModule, function=F.elu):
            alpha: float = 1.0
            inplace: bool = False

    A base of such classes that has no function says ``options=True``. The annotations of all other subclasses are
    ordinary ones.
    """

    function: ClassVar[Callable[..., Any]]
    passed: ClassVar[tuple[str, ...]]  # the options that the function takes
    shown: ClassVar[tuple[str, ...] | None] = None  # the options in the layer's text; None means all
    _declared: ClassVar[type[_Options]] = _Options

    def __init_subclass__(
        cls, function: Callable[..., Any] | None = None, options: bool = False, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if function is None and not options:
            return  # an ordinary class
        own = vars(cls)
        defaults = {name: own[name] for name in cls.__annotations__ if name in own}
        for name in defaults:
            delattr(cls, name)  # the default, which is the constructor's; instances have the options
        cls.__init__ = _AtFirstUse(partial(_constructor, cls))  # type: ignore[method-assign, assignment]
        cls._declared = _AtFirstUse(partial(_options, cls, defaults))  # type: ignore[assignment]
        if function is not None:
            cls.function = function
            cls.passed = _AtFirstUse(partial(_passed, cls))  # type: ignore[assignment]

    def forward(self, *inputs: Any, **named: Any) -> Tensor:
        """The function of the inputs."""
        cls = type(self)
        if not (cls.passed or named):
            return cls.function(*inputs)
        options = {}
        for name in cls.passed:  # in place of a comprehension, which is a call of its own
            options[name] = getattr(self, name)
        return cls.function(*inputs, **named, **options)

    def extra_repr(self) -> str:
        """The options; ``inplace`` only where it is asked for."""
        names = [option.name for option in fields(self._declared)] if self.shown is None else self.shown
        return ", ".join(f"{name}={getattr(self, name)}" for name in names if name != "inplace" or self.inplace)


class _AtFirstUse:
    """Stands in for an attribute of a class until it is asked for, since a program uses few of the layers.

    ``make`` makes the attribute and puts it in place of this one.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        made = self.make()
        return made.__get__(instance, owner) if isinstance(made, FunctionType) else made


def _options(cls: type[FunctionModule], defaults: dict[str, Any]) -> type[_Options]:
    """The options of a class as a dataclass, which is derived from those of its base."""
    names: dict[str, Any] = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__annotations__": cls.__annotations__,
        "__doc__": cls.__doc__ or cls.__name__,  # where there is none, dataclass writes a signature, which takes time
    }
    if hasattr(cls, "__post_init__"):
        names["__post_init__"] = cls.__post_init__  # so that the constructor calls it
    base: Any = super(cls, cls)
    options = type(cls.__name__, (base._declared,), {**names, **defaults})
    cls._declared = dataclass(eq=False, repr=False, match_args=False)(options)
    return cls._declared


def _passed(cls: type[FunctionModule]) -> tuple[str, ...]:
    """The names of the options that the function takes."""
    names = {*cls._declared.__dataclass_fields__, "training"} - _OLD
    cls.passed = tuple(name for name in signature(cls.function).parameters if name in names)
    return cls.passed


def _constructor(cls: type[FunctionModule]) -> Callable[..., None]:
    """The constructor of ``Module``, then the one that ``dataclass`` makes; tensors are no numbers."""
    store_options = cls._declared.__init__
    for name, hint in store_options.__annotations__.items():  # all that help() needs to say is the argument's type
        store_options.__annotations__[name] = re.sub(r"^InitVar\[(.*)\]$", r"\1", str(hint))

    hints = {name: str(hint) for name, hint in store_options.__annotations__.items() if name != "return"}

    @wraps(store_options)
    def __init__(self: FunctionModule, *args: Any, **kwargs: Any) -> None:
        super(FunctionModule, self).__init__()
        for name, value in (*zip(hints, args, strict=False), *kwargs.items()):
            if hasattr(value, "shape") and not re.search("Any|Tensor", hints.get(name, "Any")):
                raise DtypeError(
                    f"{cls.__name__} takes {name}: {hints[name]}, not {described(value)}; a layer is made first, and "
                    f"called with tensors then: {cls.__name__}(...)(input)"
                )
        store_options(self, *args, **kwargs)

    cls.__init__ = __init__  # type: ignore[method-assign, assignment]
    return __init__
