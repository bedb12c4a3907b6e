"""The oldest container, which today's ``ModuleDict`` and plain modules replace."""

from __future__ import annotations

from ..module import Module

__all__ = ["Container"]


class Container(Module):
    """A module of the modules given by name: ``Container(a=Linear(2, 1)).a``; a subclass says what it computes.

    >>> from nn import Container, Linear
    >>> Container(layer=Linear(2, 1)).layer
    Linear(in_features=2, out_features=1, bias=True)
    """

    def __init__(self, **modules: Module | None) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
