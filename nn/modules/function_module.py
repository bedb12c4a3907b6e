"""Layers that are a function of ``nn.functional`` with options: activations, losses, pooling and their like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from inspect import signature
from typing import Any, ClassVar, dataclass_transform

from nn.module import Module

_OLD = {"inplace", "size_average", "reduce"}  # options that are taken as in PyTorch, and that no function needs


@dataclass_transform(eq_default=False)
class FunctionModule(Module):
    """A layer that calls ``function`` with its inputs and, by name, with its options.

    A subclass names its function and annotates its options. These are the arguments of its constructor, in the order of
    the annotations, and attributes of its instances:

        class ELU(FunctionModule, function=F.elu):
            alpha: float = 1.0
            inplace: bool = False
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    function: ClassVar[Callable[..., Any]]
    passed: ClassVar[tuple[str, ...]]  # the options that the function takes
    shown: ClassVar[tuple[str, ...] | None] = None  # the options in the layer's text; None means all

    def __init_subclass__(cls, function: Callable[..., Any] | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if function is None and (hasattr(cls, "function") or "__init__" in vars(cls)):
            return  # an ordinary class derived from a layer
        _add_constructor(cls)
        if function is not None:
            options = {*cls.__dataclass_fields__, "training"} - _OLD
            cls.function = function
            cls.passed = tuple(name for name in signature(function).parameters if name in options)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The function of the inputs."""
        cls, options = type(self), {}
        for name in cls.passed:  # in place of a comprehension, which is a call of its own
            options[name] = getattr(self, name)
        return cls.function(*inputs, **named, **options)

    def extra_repr(self) -> str:
        """The options; ``inplace`` only where it is asked for."""
        names = [option.name for option in fields(self)] if self.shown is None else self.shown
        return ", ".join(f"{name}={getattr(self, name)}" for name in names if name != "inplace" or self.inplace)


def _add_constructor(cls: type[FunctionModule]) -> None:
    """Give a class the constructor that ``dataclass`` makes of its annotations, behind that of ``Module``."""
    dataclass(eq=False, repr=False, match_args=False)(cls)
    store_options = cls.__init__

    @wraps(store_options)
    def __init__(self: FunctionModule, *args: Any, **kwargs: Any) -> None:
        Module.__init__(self)
        store_options(self, *args, **kwargs)

    cls.__init__ = __init__  # type: ignore[assignment]
    for name in cls.__annotations__.keys() & vars(cls).keys():
        delattr(cls, name)  # the default, which is the constructor's; instances have the options
