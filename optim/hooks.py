"""Hooks around an optimizer's steps and state dicts, and the note that a step was taken."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from autodiff.handles import RemovableHandle

Hook = Callable[..., Any]


def between_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """``step``, an optimizer's method, between the hooks; that it was called is noted for the schedules."""

    @wraps(step)
    def between(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._opt_called = True
        hooks = self._hooks
        if not hooks:
            return step(self, *args, **kwargs)
        for hook in tuple(hooks.get("step before", {}).values()):
            replaced = hook(self, args, kwargs)
            if replaced is not None:
                args, kwargs = replaced
        result = step(self, *args, **kwargs)
        for hook in tuple(hooks.get("step after", {}).values()):
            hook(self, args, kwargs)
        return result

    return between


class Hooked:
    """The registries of an optimizer's hooks; a subclass's own ``step`` runs between them too."""

    _hooks: dict[str, dict[int, Hook]]
    _opt_called = False  # since the first schedule was made
    _scheduled = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "step" in vars(cls):
            cls.step = between_hooks(cls.step)  # type: ignore[attr-defined]

    def _add_hook(self, moment: str, hook: Hook, prepend: bool = False) -> RemovableHandle:
        return RemovableHandle(self._hooks.setdefault(moment, {}), hook, prepend)

    def _through_hooks(self, moment: str, value: Any) -> Any:
        """What the hooks of a moment make of ``value``: one that returns None leaves it as it is."""
        for hook in tuple(self._hooks.get(moment, {}).values()):
            result = hook(self, value)
            value = value if result is None else result
        return value

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; the pair it may return replaces the arguments."""
        return self._add_hook("step before", hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return self._add_hook("step after", hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before a state dict is made."""
        return self._add_hook("state before", hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after a state dict is made; what it may return replaces it."""
        return self._add_hook("state after", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before one is loaded; what it may return is loaded instead."""
        return self._add_hook("load before", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` after a state dict was loaded."""
        return self._add_hook("load after", hook, prepend)
