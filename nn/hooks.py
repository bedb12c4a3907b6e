"""Functions that a module calls before and after its forward, and in the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any

from autodiff.errors import GraphError
from autodiff.handles import RemovableHandle
from autodiff.ops.shaping import reshape
from autodiff.tensors.tensor import Tensor

from .explained import check_begun

Registry = dict[int, tuple[Callable[..., Any], bool]]


class Hooks:
    """The hooks of one module, in the order in which they run."""

    def __init__(self) -> None:
        self.before: Registry = {}
        self.after: Registry = {}
        self.back_before: Registry = {}
        self.back: Registry = {}
        self.state_before: Registry = {}
        self.state_after: Registry = {}
        self.load_before: Registry = {}
        self.load_after: Registry = {}

    def run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """``module.forward`` between its hooks; a hook that returns something replaces the arguments or the output."""
        for hook, with_kwargs in tuple(self.before.values()):
            result = hook(module, args, kwargs) if with_kwargs else hook(module, args)
            if result is not None and with_kwargs:
                args, kwargs = result
            elif result is not None:
                args = result if isinstance(result, tuple) else (result,)
        passage = _Passage(module, self) if self.back or self.back_before else None
        output = module.forward(*(args if passage is None else passage.enter(args)), **kwargs)
        for hook, with_kwargs in tuple(self.after.values()):
            result = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
            output = output if result is None else result
        return output if passage is None else passage.leave(output)


class _Passage:
    """One call of a module whose backward hooks run: a backward pass reaches its outputs first, then its inputs."""

    def __init__(self, module: Any, hooks: Hooks) -> None:
        self.module, self.hooks = module, hooks
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.reaches_inputs = False

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, as tensors whose gradients are gathered."""
        watched = _watched(args, self.inputs, self._at_inputs)
        self.reaches_inputs = any(x is not y for x, y in zip(args, watched, strict=True))
        return watched

    def leave(self, output: Any) -> Any:
        """The output (a tensor, or a tuple or list of them), as tensors whose gradients are gathered."""
        if not isinstance(output, (tuple, list)):
            return self.leave((output,))[0]
        watched = _watched(output, self.outputs, self._at_outputs)
        return list(watched) if type(output) is list else watched

    def _at_outputs(self) -> None:
        for hook, _ in tuple(self.hooks.back_before.values()):
            self._replace(self.outputs, hook(self.module, tuple(self.outputs)))
        if not self.reaches_inputs:
            for hook, _ in tuple(self.hooks.back.values()):
                hook(self.module, tuple(self.inputs), tuple(self.outputs))

    def _at_inputs(self) -> None:
        for hook, _ in tuple(self.hooks.back.values()):
            self._replace(self.inputs, hook(self.module, tuple(self.inputs), tuple(self.outputs)))

    def _replace(self, gradients: list[Any], result: Any) -> None:
        """Take what a hook returned. Of several gradients the pass has already used all but the last."""
        if result is None:
            return
        if sum(g is not None for g in gradients) > 1:
            raise GraphError(
                f"a backward hook of {type(self.module).__name__} replaces one of several gradients, which is not "
                "supported; use register_hook on the tensors themselves"
            )
        new = result if isinstance(result, (tuple, list)) else (result,)
        gradients[:] = [n if g is not None else None for g, n in zip(gradients, new, strict=True)]


def _watched(values: Sequence[Any], gradients: list[Any], when_complete: Callable[[], None]) -> tuple[Any, ...]:
    """The values, whose gradients a backward pass puts into ``gradients``.

    The last gradient to arrive calls ``when_complete``, which may replace it.
    """
    gradients[:] = [None] * len(values)
    missing: set[int] = set()

    def watched(position: int, x: Any) -> Any:
        if not isinstance(x, Tensor) or not x.requires_grad:
            return x
        alias: Tensor = reshape(x, shape=x.shape)  # its node adds up only the module's own uses of x
        if alias.requires_grad:
            missing.add(position)
            alias.register_hook(lambda g: seen(position, g))
        return alias

    def seen(position: int, g: Any) -> Any:
        gradients[position] = g
        missing.discard(position)
        if missing:
            return None
        when_complete()
        return gradients[position]

    return tuple(watched(position, x) for position, x in enumerate(values))


class Listed(MutableMapping[int, Callable[..., Any]]):
    """The hooks of one kind by their numbers, as programs read, remove and clear them."""

    def __init__(self, module: Hookable, kind: str) -> None:
        self._module, self._kind = module, kind

    def _registry(self) -> Registry:
        found: Registry = {} if self._module._hooks is None else getattr(self._module._hooks, self._kind)
        return found

    def __getitem__(self, number: int) -> Callable[..., Any]:
        return self._registry()[number][0]

    def __setitem__(self, number: int, hook: Callable[..., Any]) -> None:
        getattr(self._module._known(), self._kind)[number] = hook, False

    def __delitem__(self, number: int) -> None:
        del self._registry()[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._registry())

    def __len__(self) -> int:
        return len(self._registry())

    def __repr__(self) -> str:
        return repr(dict(self))


class Hookable:
    """The methods of a module that register hooks."""

    _hooks: Hooks | None
    _forward_hooks = property(lambda self: Listed(self, "after"))
    _forward_pre_hooks = property(lambda self: Listed(self, "before"))
    _backward_hooks = property(lambda self: Listed(self, "back"))
    _backward_pre_hooks = property(lambda self: Listed(self, "back_before"))

    def _hooks_of(self, kind: str) -> list[Callable[..., Any]]:
        return list(Listed(self, kind).values()) if self._hooks is not None else []

    def _known(self) -> Hooks:
        check_begun(self)
        self._hooks = self._hooks or Hooks()
        return self._hooks

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before each forward; what it returns, if not None, replaces the arguments."""
        return RemovableHandle(self._known().before, (hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after each forward; what it returns, if not None, replaces the output."""
        return RemovableHandle(self._known().after, (hook, with_kwargs), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when a backward pass reaches the module.

        What it returns, if not None, replaces the gradient of the output, of which there must be one only.
        """
        return RemovableHandle(self._known().back_before, (hook, False), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when a backward pass leaves the module.

        The gradients are tuples, with None for what requires none. What the hook returns, if not None, replaces the
        gradient of the input, of which there must be one only.
        """
        return RemovableHandle(self._known().back, (hook, False), prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """``register_full_backward_hook``, by its name in old programs."""
        return self.register_full_backward_hook(hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before the module's part of a state dict is made."""
        return RemovableHandle(self._known().state_before, (hook, False))

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` when the module's part of a state dict is there."""
        return RemovableHandle(self._known().state_after, (hook, False))

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, ...)`` with a copy of the state dict before it is loaded."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        def called(*arguments: Any) -> None:
            hook(self, *arguments) if with_module else hook(*arguments)

        return RemovableHandle(self._known().load_before, (called, False))

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after a state dict was loaded."""
        return RemovableHandle(self._known().load_after, (hook, False))
