"""Layers that are a function of ``nn.functional`` with options: activations, losses, pooling and their like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from inspect import signature
from typing import Any, ClassVar, TypeVar, dataclass_transform

from nn.module import Module

OLD = {"inplace", "size_average", "reduce"}  # options that are taken as in PyTorch, and that no function needs


@dataclass(init=False, eq=False, repr=False, match_args=False)
class FunctionModule(Module):
    """``function``, called with the inputs and, by name, with the layer's options.

    A subclass says which function it ``applies`` and annotates its options. They are the arguments of its constructor,
    in the order of their annotations, and attributes of its instances.
    """

    function: ClassVar[Callable[..., Any]]
    passed: ClassVar[tuple[str, ...]] = ()  # the options that the function takes
    shown: ClassVar[tuple[str, ...] | None] = None  # the options in the module's text; None stands for all

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The function of the inputs."""
        options = {}
        for name in self.passed:  # in place of a comprehension, which is a call of its own
            options[name] = getattr(self, name)
        return type(self).function(*inputs, **named, **options)

    def extra_repr(self) -> str:
        """The options; ``inplace`` only where it is asked for."""
        names = [option.name for option in fields(self)] if self.shown is None else self.shown
        return ", ".join(f"{name}={getattr(self, name)}" for name in names if name != "inplace" or self.inplace)


Layer = TypeVar("Layer", bound=FunctionModule)


@dataclass_transform(eq_default=False)
def with_options(cls: type[Layer]) -> type[Layer]:
    """Give a class of layers the constructor that ``dataclass`` makes of its options, behind ``Module``'s."""
    dataclass(eq=False, repr=False, match_args=False)(cls)
    store_options = cls.__init__

    @wraps(store_options)
    def __init__(self: Layer, *args: Any, **kwargs: Any) -> None:
        Module.__init__(self)
        store_options(self, *args, **kwargs)

    cls.__init__ = __init__  # type: ignore[assignment]
    for name in cls.__annotations__.keys() & vars(cls).keys():
        delattr(cls, name)  # the default, which is the constructor's; instances have the options
    return cls


@dataclass_transform(eq_default=False)
def applies(function: Callable[..., Any]) -> Callable[[type[Layer]], type[Layer]]:
    """Declare a class of layers that apply ``function``, each with its options."""

    def declare(cls: type[Layer]) -> type[Layer]:
        options = {*with_options(cls).__dataclass_fields__, "training"} - OLD
        cls.function = function
        cls.passed = tuple(name for name in signature(function).parameters if name in options)
        return cls

    return declare
