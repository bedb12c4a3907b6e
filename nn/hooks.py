"""Functions that a module calls before and after its forward, and the handles that take them away again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

__all__ = ["Hooks", "RemovableHandle"]

_number = count().__next__
Registry = dict[int, tuple[Callable[..., Any], bool]]


class RemovableHandle:
    """Takes a hook away: by ``remove()``, or at the end of a ``with`` block."""

    def __init__(self, registry: Registry, number: int) -> None:
        self._registry, self._number = registry, number

    def remove(self) -> None:
        """Take the hook away; once it is gone, nothing happens."""
        self._registry.pop(self._number, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class Hooks:
    """The hooks of one module, in the order in which they run."""

    def __init__(self) -> None:
        self.before: Registry = {}
        self.after: Registry = {}

    def add(self, registry: Registry, hook: Callable[..., Any], prepend: bool, with_kwargs: bool) -> RemovableHandle:
        """Enter a hook, at the end or in front, and return its handle."""
        number = _number()
        others = dict(registry) if prepend else {}
        if prepend:
            registry.clear()
        registry[number] = (hook, with_kwargs)
        registry.update(others)
        return RemovableHandle(registry, number)

    def run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """``module.forward`` between its hooks; a hook that returns something replaces the arguments or the output."""
        for hook, with_kwargs in tuple(self.before.values()):
            result = hook(module, args, kwargs) if with_kwargs else hook(module, args)
            if result is not None and with_kwargs:
                args, kwargs = result
            elif result is not None:
                args = result if isinstance(result, tuple) else (result,)
        output = module.forward(*args, **kwargs)
        for hook, with_kwargs in tuple(self.after.values()):
            result = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
            output = output if result is None else result
        return output
