"""Copying a state dict into the tensors of a module: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from autodiff.dtypes import is_known
from autodiff.engine.values import wrap
from autodiff.engine.versions import changed
from autodiff.errors import StateDictError
from autodiff.kernels.lending import keep_lent
from autodiff.kinds import state_of
from autodiff.tensors.tensor import Tensor


class IncompatibleKeys(NamedTuple):
    """The keys that ``load_state_dict(strict=False)`` did not find, and those it did not use."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if self.missing_keys or self.unexpected_keys:
            return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"
        return "<All keys matched successfully>"


def prepared(module: Any, base: Any, state_dict: Mapping[str, Any], strict: bool) -> Mapping[str, Any]:
    """A copy of the state dict, changed by the modules whose ``_load_from_state_dict`` is not ``base``.

    Raises StateDictError with the messages that they leave.
    """
    faults: list[str] = []
    state_dict = state_of(type(module).__name__, state_dict)
    own = [x for x in module.named_modules() if type(x[1])._load_from_state_dict is not base]
    if own:
        state_dict = dict(state_dict)
    for path, each in own:
        each._load_from_state_dict(state_dict, f"{path}." if path else "", {}, strict, [], [], faults)
    if faults:
        raise StateDictError("\n\t".join([f"Error(s) in loading state_dict for {type(module).__name__}:", *faults]))
    return state_dict


def copy_state(
    own: Mapping[str, Tensor], state_dict: Mapping[str, Any], strict: bool, assign: bool, name: str
) -> IncompatibleKeys:
    """Copy values by key into the tensors ``own`` of the module called ``name``; see ``Module.load_state_dict``."""
    given = {key: _array_of(key, value) for key, value in state_dict.items()}
    missing = [key for key in own if key not in given]
    unexpected = [key for key in given if key not in own]
    faults = _listed("Missing", missing) + _listed("Unexpected", unexpected) if strict else []
    faults += [
        f"size mismatch for {key}: the state_dict has shape {given[key].shape}, the module {tensor.shape}."
        for key, tensor in own.items()
        if key in given and given[key].shape != tensor.shape and not hasattr(tensor, "materialize")
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
