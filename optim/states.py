"""State dicts: what an optimizer or a schedule takes of one is checked as a whole, before anything of it changes."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from autodiff.engine.values import wrap
from autodiff.errors import StateDictError
from autodiff.kinds import described
from autodiff.tensors.scalars import Scalar
from autodiff.tensors.tensor import Tensor

IDLE = ("foreach", "fused", "capturable", "differentiable")  # options of PyTorch's that change nothing here


class Slot(NamedTuple):
    """What the state of a parameter has under one name.

    Args:
        kind: "array", "number" or "count", which is a whole number from 0 on; or "unused".
        shape, dtype: those of an array.
        length: None, or that of a list of such.
        needed: whether a step needs it.
        is_scalar: whether a number is one that programs see as a tensor.
    """

    kind: str = "array"
    shape: tuple[int, ...] = ()
    dtype: Any = None
    length: int | None = None
    needed: bool = True
    is_scalar: bool = False


def entries(value: Any, name: str, names: tuple[str, ...]) -> list[Any]:
    """The values of a mapping under ``names``; StateDictError where it is none, or has others."""
    if not isinstance(value, Mapping) or not all(key in value for key in names):
        what = f"a dict of {sorted(map(str, value))[:6]}" if isinstance(value, Mapping) else f"a {type(value).__name__}"
        raise StateDictError(f"{name} is a dict with {' and '.join(names)}, not {what}")
    return [value[key] for key in names]


def is_number(value: Any) -> bool:
    """Whether it is one real number, as Python's, NumPy's or a tensor's, that a float can stand for."""
    if isinstance(value, int):
        return abs(value) <= sys.float_info.max
    kind = getattr(getattr(value, "dtype", None), "kind", "f")
    return hasattr(type(value), "__float__") and getattr(value, "ndim", 0) == 0 and kind in "biuf"


def alike(own: Any, new: Any) -> bool:
    """Whether a plain value could stand in place of another: both are numbers, or words, or as many of them."""
    if own is None:
        return True
    if isinstance(own, Counter):
        return isinstance(new, Mapping) and all(
            isinstance(n, int) and is_number(n) for item in new.items() for n in item
        )
    if isinstance(own, Mapping):
        return isinstance(new, Mapping) and own.keys() == new.keys() and all(alike(own[key], new[key]) for key in own)
    if isinstance(own, (list, tuple)):
        same = isinstance(new, (list, tuple)) and len(own) == len(new)
        return same and all(alike(one, other) for one, other in zip(own, new, strict=True))
    if isinstance(own, bool):
        return is_number(new) and new in (0, 1)
    return is_number(new) if is_number(own) else type(own) is type(new)


def merged_options(own: Mapping[str, Any], new: Any, defaults: Mapping[str, Any], known: set[str], name: str) -> Any:
    """A group with the options of a saved one; ``known`` are the options of all optimizers.

    Raises StateDictError where an option is missing, or is one of another optimizer.
    """
    missing = [key for key in defaults if key not in new and key not in IDLE]
    foreign = [key for key in new if key not in own and key in known]
    if missing or foreign:
        faults = [f"lacks {missing}"] * bool(missing) + [f"has {foreign}"] * bool(foreign)
        raise StateDictError(f"the state_dict is not one of {name}: a group {' and '.join(faults)}")
    options = {key: value.detach().clone() if isinstance(value, Tensor) else value for key, value in new.items()}
    return {**own, **options, "params": own["params"]}


def fitted_state(slots: Mapping[str, Slot], saved: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The state of a parameter, with copies of the arrays.

    Raises StateDictError where a name is missing or unknown, or a value does not fit its place.
    """
    saved = {name: value for name, value in saved.items() if value is not None}
    if unknown := [name for name in saved if name not in slots]:
        kept = ", ".join(slots) or "nothing"
        raise StateDictError(f"{where} has {unknown}, and {kept} is kept here; is it of another optimizer?")
    if missing := [name for name, slot in slots.items() if slot.needed and name not in saved]:
        raise StateDictError(f"{where} lacks {missing}; is it of another optimizer, or of other options?")
    return {
        name: _fitted(slots[name], value, f"{where}: {name}")
        for name, value in saved.items()
        if slots[name].kind != "unused"
    }


def _fitted(slot: Slot, value: Any, where: str) -> Any:
    if slot.length is not None:
        if not isinstance(value, (list, tuple)) or len(value) != slot.length:
            raise StateDictError(f"{where} is {described(value)}, expected a list of {slot.length}")
        single = slot._replace(length=None)
        return [_fitted(single, each, f"{where}[{number}]") for number, each in enumerate(value)]
    if slot.kind == "array":
        return wrap(np.array(_array(slot, value, where)))
    if not is_number(value) or isinstance(value, bool):
        raise StateDictError(f"{where} is {described(value)}, expected a number")
    number = float(value)
    if slot.kind == "count" and not (0 <= number < 1 << 53 and number.is_integer()):
        raise StateDictError(f"{where} is {described(value)}, expected a whole number from 0 on")
    number = int(number) if slot.kind == "count" else number
    return Scalar(number) if slot.is_scalar else number


def _array(slot: Slot, value: Any, where: str) -> Any:
    array = value._array if isinstance(value, Tensor) else value
    if not hasattr(array, "shape") or not hasattr(array, "dtype"):
        raise StateDictError(f"{where} is {described(value)}, expected a tensor")
    array = np.asarray(array)
    if array.shape != slot.shape:
        raise StateDictError(f"{where} of shape {array.shape} does not fit its parameter, which needs {slot.shape}")
    if array.dtype != slot.dtype:
        raise StateDictError(f"{where} is {array.dtype}, and its parameter {slot.dtype.name}; convert one of them")
    return array
