"""State dicts of modules, and copying one into the tensors of a module: all of it, or nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autodiff.dtypes import DIFFERENTIABLE, is_known
from autodiff.engine.values import wrap
from autodiff.engine.versions import changed
from autodiff.errors import StateDictError
from autodiff.kernels.lending import keep_lent
from autodiff.kinds import state_of
from autodiff.tensors.tensor import Tensor

from .explained import check_begun
from .registry import Registered

EXTRA = "_extra_state"  # the key of what a module keeps beside its tensors


class IncompatibleKeys(NamedTuple):
    """The keys that ``load_state_dict(strict=False)`` did not find, and those it did not use."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if self.missing_keys or self.unexpected_keys:
            return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"
        return "<All keys matched successfully>"


class Stateful(Registered):
    """The part of a module that gives and takes a state dict."""

    if TYPE_CHECKING:

        named_modules: Any  # of Module

    def _state(self) -> Iterator[tuple[str, Tensor]]:
        """Parameters and persistent buffers by their keys; a shared tensor comes under each of its keys."""
        for path, module in self.named_modules(None, "", remove_duplicate=False):
            for name, tensor in (*module._parameters.items(), *module._buffers.items()):
                if tensor is not None and name not in module._passing:
                    yield f"{path}.{name}" if path else name, tensor

    def state_dict(
        self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """All parameters and persistent buffers by their paths, sharing their memory.

        ``keep_vars`` gives the parameters themselves instead of tensors outside the graph.
        """
        check_begun(self)
        state: dict[str, Any] = OrderedDict() if destination is None else destination
        for hook in self._hooks_of("state_before"):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(state, prefix, keep_vars)
        if self._has_extra_state():
            state[f"{prefix}{EXTRA}"] = self.get_extra_state()
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._hooks_of("state_after"):
            replaced = hook(self, state, prefix, {})
            state = state if replaced is None else replaced
        return state

    def get_extra_state(self) -> Any:
        """What a state dict has of this module beside its tensors; a subclass defines it, and ``set_extra_state``."""
        raise NotImplementedError(f"{type(self).__name__} has no get_extra_state(); define what a state dict keeps")

    def set_extra_state(self, state: Any) -> None:
        """Take over what ``get_extra_state`` gave; a subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} has no set_extra_state(); define what becomes of it")

    def _has_extra_state(self) -> bool:
        return type(self).get_extra_state is not Stateful.get_extra_state

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Put the module's own tensors into ``destination``; a subclass may put in more."""
        for name, tensor in (*self._parameters.items(), *self._buffers.items()):
            if tensor is not None and name not in self._passing:
                destination[prefix + name] = tensor if keep_vars else tensor.detach()

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy the values of a ``state_dict`` (tensors or arrays) into this module: all of them, or none.

        Args:
            state_dict: values by path.
            strict: keys that are missing or unexpected are an error.
            assign: take over the arrays themselves, with their dtype, instead of copying the numbers.

        Raises StateDictError listing what is missing, unexpected, or of another shape.
        """
        name = type(self).__name__
        given = self._prepared(state_of(name, state_dict), strict)
        further = {f"{path}.{EXTRA}" if path else EXTRA: module for path, module in self.named_modules()
                   if module._has_extra_state()}  # fmt: skip
        tensors = {key: value for key, value in given.items() if key not in further}
        absent = [key for key in further if key not in given]
        found = copy_state(dict(self._state()), tensors, strict, assign, name, absent)
        for key in further.keys() - set(absent):
            further[key].set_extra_state(given[key])
        for _, module in self.named_modules():
            for hook in module._hooks_of("load_after"):
                hook(module, found)
        return found

    def _prepared(self, state_dict: Mapping[str, Any], strict: bool) -> Mapping[str, Any]:
        """The state dict, or a copy that hooks and modules with a ``_load_from_state_dict`` of their own have changed.

        Raises StateDictError with the messages that they leave.
        """
        faults: list[str] = []
        given = state_dict
        for path, module in list(self.named_modules()):
            own = type(module)._load_from_state_dict is not Stateful._load_from_state_dict
            hooks = module._hooks_of("load_before")
            if not (own or hooks):
                continue
            state_dict = OrderedDict(state_dict) if state_dict is given else state_dict
            arguments: tuple[Any, ...] = state_dict, f"{path}." if path else "", {}, strict, [], [], faults
            for hook in hooks:
                hook(*arguments)
            module._load_from_state_dict(*arguments)
        if faults:
            raise StateDictError("\n\t".join([f"Error(s) in loading state_dict for {type(self).__name__}:", *faults]))
        return state_dict

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *further: Any) -> None:
        """Before anything is loaded, a subclass may change the copy of the state dict; ``prefix`` begins its keys."""


def copy_state(
    own: Mapping[str, Tensor], state_dict: Mapping[str, Any], strict: bool, assign: bool, name: str,
    absent: Sequence[str] = (),
) -> IncompatibleKeys:  # fmt: skip
    """Copy values by key into the tensors ``own`` of the module called ``name``; see ``Module.load_state_dict``.

    Keys that are ``absent`` are missing, too.
    """
    given = {key: _array_of(key, value) for key, value in state_dict.items()}
    missing = [*(key for key in own if key not in given), *absent]
    unexpected = [key for key in given if key not in own]
    faults = _listed("Missing", missing) + _listed("Unexpected", unexpected) if strict else []
    faults += [
        f"size mismatch for {key}: the state_dict has shape {given[key].shape}, the module {tensor.shape}."
        for key, tensor in own.items()
        if key in given and given[key].shape != tensor.shape and not hasattr(tensor, "materialize")
    ]
    if assign:
        faults += [
            f"{key} is {given[key].dtype.name} in the state_dict, which has no gradients; give floats."
            for key, tensor in own.items()
            if key in given and tensor.requires_grad and given[key].dtype.kind not in DIFFERENTIABLE
        ]
    if faults:
        lines = "".join(f"\n\t{fault}" for fault in faults)
        raise StateDictError(f"Error(s) in loading state_dict for {name}:{lines}")
    for key, tensor in own.items():
        if key in given and hasattr(tensor, "materialize"):  # of a lazy module, which takes over the shape
            tensor.materialize(given[key].shape)
        if key in given and assign:
            tensor.data = wrap(given[key])
        elif key in given:
            keep_lent(tensor._array)
            np.copyto(tensor._array, given[key], casting="unsafe")
            changed(tensor._array)
    return IncompatibleKeys(missing, unexpected)


def _listed(what: str, keys: list[str]) -> list[str]:
    return [f"{what} key(s) in state_dict: " + ", ".join(f'"{key}"' for key in keys) + ". "] if keys else []


def _array_of(key: str, value: Any) -> np.ndarray[Any, Any]:
    array = value._array if isinstance(value, Tensor) else np.asarray(value)
    if not is_known(array.dtype):
        raise StateDictError(f"{key!r} of the state_dict is {value!r:.60}, not a tensor or an array")
    return array
