"""Optimizer: parameters in groups with options, the state of each parameter, and the step that changes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from autodiff.changes import changed
from autodiff.errors import DtypeError, OptionError, StateDictError
from autodiff.modes import enable_grad
from autodiff.recording import wrap
from autodiff.tensor import Tensor

__all__ = ["Optimizer", "required"]

Group = dict[str, Any]


def required(holds: bool, name: str, value: Any, wanted: str) -> None:
    """Raise OptionError where an option does not hold what is ``wanted`` of it."""
    if not holds:
        raise OptionError(f"{name} is {wanted}, not {value!r}")


class Optimizer:
    """What all optimizers share; a subclass says in ``_update`` how a group of parameters changes.

    Attributes:
        param_groups: dicts of ``params`` and options; the options may be changed between steps.
        defaults: the options of groups that do not say otherwise.
        state: for each parameter what its updates remember, by name.
    """

    param_groups: list[Group]
    defaults: Group
    state: defaultdict[Tensor, dict[str, Any]]

    def __init__(self, params: Iterable[Any], defaults: Group) -> None:
        if isinstance(params, (Tensor, np.ndarray, set)):
            raise DtypeError(f"params is a list of parameters, or of groups of them, not {type(params).__name__}")
        self.defaults, self.param_groups, self.state = defaults, [], defaultdict(dict)
        groups = list(params)
        if not groups:
            raise OptionError("there are no parameters to optimize; was the generator of parameters used up before?")
        for group in groups if isinstance(groups[0], Mapping) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Group) -> None:
        """Optimize further parameters, with options of their own.

        Raises:
            DtypeError: ``params`` are no tensors, or of no floating dtype.
            OptionError: a parameter was computed, or is in a group already, or an option has no such value.
        """
        if not isinstance(param_group, Mapping):
            raise DtypeError(f"a group is a dict with 'params', not {param_group!r:.60}")
        given = param_group.get("params", ())
        if isinstance(given, set):
            raise DtypeError("params in a set have no order; give a list")
        params = [given] if isinstance(given, Tensor) else list(given)
        group: Group = {"params": params, **{k: v for k, v in param_group.items() if k != "params"}}
        if params and isinstance(params[0], tuple):
            group["param_names"] = [name for name, _ in params]
            group["params"] = params = [parameter for _, parameter in params]
        known = {id(p) for other in self.param_groups for p in other["params"]}
        for p in params:
            if not isinstance(p, Tensor):
                raise DtypeError(f"an optimizer changes tensors, not {p!r:.60}")
            if not p.is_leaf:
                raise OptionError(f"a tensor of shape {p.shape} was computed, so it is no parameter; detach() it")
            if id(p) in known:
                raise OptionError(f"a parameter of shape {p.shape} is given twice, in one group or in two")
            known.add(id(p))
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        self._check(group)
        self.param_groups.append(group)

    def _check(self, group: Group) -> None:
        """Raise OptionError where an option of a group has no such value."""

    def _update(self, group: Group, touched: list[np.ndarray[Any, Any]]) -> None:
        """Change the parameters of a group in place and add their arrays to ``touched``."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it updates")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to 0 where they lie."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none or p._grad is None:
                    p._grad = None
                else:
                    p._grad = p._grad.detach().zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; with a ``closure``, which computes them, first call it.

        Returns what ``closure`` returns: the loss.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        touched: list[np.ndarray[Any, Any]] = []
        for group in self.param_groups:
            self._update(group, touched)
        if touched:
            changed(*touched)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """``{"state": ..., "param_groups": ...}``: plain containers, with numbers in place of the parameters."""
        numbers = {id(p): i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        groups = [{**group, "params": [numbers[id(p)] for p in group["params"]]} for group in self.param_groups]
        return {"state": {numbers[id(p)]: dict(state) for p, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a ``state_dict``; its tensors are copied, in the dtype of their parameter.

        Raises StateDictError where groups or shapes do not fit.
        """
        groups, state = state_dict["param_groups"], state_dict["state"]
        sizes = [len(group["params"]) for group in groups]
        own = [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise StateDictError(f"the state_dict has groups of {sizes} parameters, the optimizer of {own}")
        numbers = [number for group in groups for number in group["params"]]
        params = [p for group in self.param_groups for p in group["params"]]
        loaded: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for number, p in zip(numbers, params, strict=True):
            if number in state:
                loaded[p] = {name: _fitted(name, value, p) for name, value in state[number].items()}
        for group, new in zip(self.param_groups, groups, strict=True):
            merged = {**group, **new, "params": group["params"]}
            self._check(merged)
            group.update(merged)
        self.state = loaded

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name not in ("params", "param_names")]
        return "\n".join([*lines, ")"])


def _fitted(name: str, value: Any, p: Tensor) -> Any:
    """A value of the state: numbers as they are, arrays and tensors as a tensor of the parameter's dtype."""
    if name == "step":
        return int(value)
    array = value._array if isinstance(value, Tensor) else value
    if not hasattr(array, "shape"):
        return array
    if tuple(array.shape) != p.shape:
        raise StateDictError(f"{name} of shape {tuple(array.shape)} does not fit a parameter of shape {p.shape}")
    return wrap(np.asarray(array).astype(p.dtype))
