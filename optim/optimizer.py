"""Optimizer: parameters in groups with options, the state of each parameter, and the step that changes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self, TypeVar, overload

import numpy as np

from autodiff.engine.modes import enable_grad, layer
from autodiff.engine.values import wrap
from autodiff.engine.versions import changed
from autodiff.errors import DtypeError, OptionError, StateDictError
from autodiff.kernels.layout import pairs
from autodiff.kernels.lending import keep_lent, lent
from autodiff.kinds import check_function, described, parameters_of, state_of
from autodiff.tensors.scalars import Scalar, looked_at, settle
from autodiff.tensors.tensor import Tensor
from autodiff.unregistered import asked, behind_nothing, not_given, say_overlooked

from . import rules
from .hooks import Hooked
from .options import Limit, limits_of, names_of, plain, required
from .states import Slot, alike, entries, fitted_state, merged_options

Array = np.ndarray[Any, Any]
Group = dict[str, Any]
State = dict[str, Any]
R = TypeVar("R")
ParamsT = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]  # for annotations of programs


def number(option: Any) -> Any:
    """An option that is a number, or a tensor of one, as a number of Python's."""
    return float(option) if type(option) is not float and hasattr(option, "__float__") else option  # not of ``compile``


def filled(x: Array, value: float = 0) -> Tensor:
    """A tensor of the shape, dtype and layout of ``x``, with ``value`` everywhere, in both parts of a complex one."""
    tensor: Tensor = wrap(np.full_like(x, complex(value, value) if x.dtype.kind == "c" else value))
    return tensor


class Optimizer(Hooked):
    """What all optimizers share; a subclass says in ``_update`` how a group of parameters changes.

    Of PyTorch's options about how a step is executed, ``foreach``, ``fused`` and ``capturable`` are taken and change
    nothing; ``differentiable=True`` is refused.

    Attributes:
        param_groups: dicts of ``params`` and options; the options may be changed between steps.
        defaults: the options of groups that do not set their own.
        state: for each parameter what its updates keep, by name.

    Raises:
        DtypeError: ``params`` are no tensors.
        OptionError: there are none, one was computed or is given twice, or an option has no such value.
    """

    param_groups: list[Group]
    defaults: Group
    state: defaultdict[Tensor, State]
    _by = " by an optimizer"  # what changes the parameters, as errors say it
    _own_limits: ClassVar[Mapping[str, Limit]]
    _memory: tuple[str, ...] = ()  # the arrays of a parameter's state, in the order in which the law takes them
    _further: Mapping[str, str] = {}  # arrays that it has where an option asks for them, with the option's name
    _takes_complex = True
    _takes_sparse = False
    _numbers: tuple[str, ...] = ()  # the numbers of a parameter's state, besides "step"
    _counts = True  # whether the law needs "step"
    _keeps_anything = True  # a user's law keeps what it likes

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._by = f" by {cls.__name__}.step()"
        if {"step", "_update", "_memory", "_slots"} & vars(cls).keys():
            cls._keeps_anything = not {"_memory", "_slots"} & vars(cls).keys()

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """One without parameters: a user's constructor may set them itself, and not call this one's.

        One that wraps another has properties of these names, which show those of the other.
        """
        self = super().__new__(cls)
        vars(self).update(defaults={}, param_groups=[], state=defaultdict(dict), _hooks={})
        return self

    def __init__(self, params: Iterable[Any], defaults: Group) -> None:
        if isinstance(params, (Tensor, np.ndarray, set)):
            raise DtypeError(f"params is a list of parameters, or of groups of them, not {type(params).__name__}")
        self.defaults, self.param_groups, self.state, self._hooks = defaults, [], defaultdict(dict), {}
        models = asked()  # before the generator of their parameters, which may be all that keeps one, is used up
        groups = parameters_of(type(self).__name__, params)
        if not groups:
            why = behind_nothing(models) or "was the generator of parameters used up before?"
            raise OptionError(f"there are no parameters to optimize; {why}")
        for group in groups if isinstance(groups[0], Mapping) else [{"params": groups}]:
            self.add_param_group(group)
        given = {id(p) for group in self.param_groups for p in group["params"]}
        say_overlooked(not_given(given, models), "this optimizer does not train what is there")

    def add_param_group(self, param_group: Group) -> None:
        """Optimize further parameters, with options of their own.

        A dict that is given is the group afterwards: it gets the options it lacks, and those set there later count.

        Raises:
            DtypeError: ``params`` are no tensors, or of no floating dtype.
            OptionError: a parameter was computed, or is in a group already, or an option has no such value.
        """
        if not isinstance(param_group, Mapping):
            raise DtypeError(f"a group is a dict with 'params', not {described(param_group)}")
        given = param_group.get("params", ())
        if isinstance(given, set):
            raise DtypeError("params in a set have no order; give a list")
        params = parameters_of("a group", given)
        group: Group = {"params": params, **{k: v for k, v in param_group.items() if k != "params"}}
        if params and isinstance(params[0], tuple):
            group["param_names"] = [name for name, _ in params]
            group["params"] = params = [parameter for _, parameter in params]
        known = {id(p) for other in self.param_groups for p in other["params"]}
        for p in params:
            if not isinstance(p, Tensor):
                raise DtypeError(f"an optimizer changes tensors, not {described(p)}")
            if not p.is_leaf:
                raise OptionError(f"a tensor of shape {p.shape} was computed, so it is no parameter; detach() it")
            if p.dtype.kind == "c" and not self._takes_complex:
                raise DtypeError(f"{type(self).__name__} changes real parameters, not {p.dtype.name}; use Adam")
            if id(p) in known:
                raise OptionError(f"a parameter of shape {p.shape} is given twice, in one group or in two")
            known.add(id(p))
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        self._check_all(group)
        if isinstance(param_group, dict):  # a program may keep it, and set options there
            param_group.update(group)
            group = param_group
        self.param_groups.append(group)

    @classmethod
    def _limits(cls) -> Mapping[str, Limit]:
        """The limits of the options, read when a class has its first instance, since signatures are slow to read."""
        if "_own_limits" not in vars(cls):
            bases = [base for base in reversed(cls.__mro__) if issubclass(base, Optimizer)]
            cls._own_limits = {name: limit for base in bases for name, limit in limits_of(base).items()}
        return cls._own_limits

    def _check_all(self, group: Group) -> None:
        if group.get("differentiable"):
            raise OptionError("differentiable=True: a step changes parameters outside the graph; set it to False")
        for name in self.defaults.keys() & group.keys():
            group[name] = plain(name, group[name])
        for name, limit in self._limits().items():
            if name in group:  # a subclass may have left out an option
                required(limit.allows(group[name]), name, group[name], limit.wish(group[name]))
        self._check(group)

    def _check(self, group: Group) -> None:
        """Raise where options of a group do not go together, or not with its parameters."""

    def _update(self, group: Group, touched: list[Array]) -> None:
        """Change the parameters of a group in place and add their arrays to ``touched``."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it updates")

    def _begin(self, state: State, x: Array, group: Group) -> None:
        """Fill the state of a parameter before its first step."""
        for name in self._memory:
            state[name] = filled(x)
        for name, option in self._further.items():
            if group[option]:
                state[name] = filled(x)

    def _with_gradients(
        self, group: Group, touched: list[Array], decoupled: bool = False, decay: float | None = None
    ) -> Iterator[tuple[State, list[Array]]]:
        """For each parameter that has a gradient its state, and arrays: itself, the gradient, and those of ``_memory``.

        Weight decay (the group's, or ``decay``) is added to the gradient; ``decoupled``, it is taken from the parameter
        instead.
        """
        decay, uphill = group.get("weight_decay") if decay is None else decay, group.get("maximize")
        states, memory = self.state, self._memory
        for p in group["params"]:
            if p._grad is None:
                continue
            x, g, state = p._array, p._grad._array, states[p]
            if uphill:
                g = -g
            if decay and decoupled:
                np.multiply(x, 1 - number(group["lr"]) * decay, x)
            elif decay:
                g = rules.added(g, decay, x)
            if not state:
                if p._grad.is_sparse and not self._takes_sparse:
                    raise DtypeError(f"{type(self).__name__} takes no sparse gradients; SGD, Adagrad, SparseAdam do")
                state["step"] = Scalar(0)  # the first of its entries, as in PyTorch
                self._begin(state, x, group)
            step = state.get("step")
            if type(step) is not Scalar:  # a program may have made it a number or a tensor
                step = state["step"] = Scalar(0 if step is None else int(step))
            step.number += 1
            arrays = [x, g]
            for name in memory:
                arrays.append(state[name]._array)
            touched.append(x)
            yield state, arrays if x.dtype.kind != "c" else [pairs(a) for a in arrays]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to 0 where they lie."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none or p._grad is None:
                    p._grad = None
                else:
                    p._grad = p._grad.detach().zero_()

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], R]) -> R: ...
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; with a ``closure``, which computes them, first call it.

        Returns what ``closure`` returns: the loss.
        """
        loss = None
        if closure is not None:
            check_function("a closure", closure, "no arguments that returns the loss")
            with enable_grad():
                loss = closure()
        touched: list[Array] = []
        if looked_at:
            settle()
        capture = layer().value.capture
        for group in self.param_groups:
            if lent:
                keep_lent(*(p._array for p in group["params"]))
            if capture is None:
                self._update(group, touched)
            else:
                capture.update(self, group, touched)
        if touched:
            changed(*touched, by=self._by)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """``{"state": ..., "param_groups": ...}``: plain containers, with numbers in place of the parameters."""
        for hook in tuple(self._hooks.get("state before", {}).values()):
            hook(self)
        numbers = {id(p): i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        options = [{name: value for name, value in group.items() if name != "params"} for group in self.param_groups]
        several = [[numbers[id(p)] for p in group["params"]] for group in self.param_groups]
        groups = [{**own, "params": given} for own, given in zip(options, several, strict=True)]
        state = {numbers[id(p)]: dict(state) for p, state in self.state.items()}
        made: dict[str, Any] = self._through_hooks("state after", {"state": state, "param_groups": groups})
        return made

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a ``state_dict``; its tensors are copied.

        Raises:
            StateDictError: groups, options, shapes or dtypes do not fit, or it is one of another optimizer.
            OptionError: an option has no such value.

        Nothing has changed then.
        """
        state_dict = self._through_hooks("load before", state_dict)
        state_dict = state_of(type(self).__name__, state_dict, ("param_groups", "state"))
        groups, state = entries(state_dict, "the state_dict of an optimizer", ("param_groups", "state"))
        numbers = self._numbers_of(groups, state)
        merged = [self._merged(own, new) for own, new in zip(self.param_groups, groups, strict=True)]
        loaded: defaultdict[Tensor, State] = defaultdict(dict)
        for group, several in zip(merged, numbers, strict=True):
            for number, p in zip(several, group["params"], strict=True):
                saved = state.get(number, {})
                if not isinstance(saved, Mapping) or saved:
                    loaded[p] = self._fitted(saved, p, group, f"the state of parameter {number}")
        for own, group in zip(self.param_groups, merged, strict=True):
            own.update(group)
        self.__setstate__({"state": loaded, "param_groups": self.param_groups})
        for hook in tuple(self._hooks.get("load after", {}).values()):
            hook(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over attributes; a subclass adds the options that a state of an older version lacks."""
        self.__dict__.update(state)

    def _numbers_of(self, groups: Any, state: Any) -> list[list[Any]]:
        """The numbers that a state dict has in place of the parameters of each group."""
        if not isinstance(groups, (list, tuple)) or not isinstance(state, Mapping):
            raise StateDictError("param_groups is a list and state a dict in the state_dict of an optimizer")
        numbers = [entries(group, "a group", ("params",))[0] for group in groups]
        if not all(isinstance(several, (list, tuple)) for several in numbers):
            raise StateDictError("the params of a group in a state_dict are a list of numbers")
        sizes, own = [len(several) for several in numbers], [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise StateDictError(f"the state_dict has groups of {sizes} parameters, the optimizer of {own}")
        every = [number for several in numbers for number in several]
        if not all(isinstance(number, int) for number in every) or len(set(every)) != len(every):
            raise StateDictError("the params of the groups in a state_dict are numbers, each of them once")
        if unknown := list(state.keys() - set(every)):
            raise StateDictError(f"the state_dict has the state of parameters that no group has: {unknown[:5]}")
        return numbers

    def _merged(self, own: Group, new: Group) -> Group:
        """A group with the options of a saved one."""
        group: Group = merged_options(own, new, self.defaults, names_of(_all_optimizers()), type(self).__name__)
        limits = self._limits()
        for name in self.defaults:
            here, value = own.get(name), group[name]
            if name not in limits and not alike(here, value):
                raise StateDictError(f"{name} is {described(value)} in the state_dict, and {described(here)} here")
        self._check_all(group)
        return group

    def _slots(self, p: Tensor, group: Group, saved: Mapping[str, Any]) -> dict[str, Slot]:
        """What the state of a parameter has after its first step."""
        array = Slot(shape=p.shape, dtype=p.dtype)
        numbers = dict.fromkeys(self._numbers, Slot("number", is_scalar=True))
        slots = {"step": Slot("count", needed=self._counts, is_scalar=True), **numbers}
        slots.update(dict.fromkeys(self._memory, array))
        for name, option in self._further.items():
            slots[name] = array._replace(needed=bool(group[option]))
        return slots

    def _fitted(self, saved: Any, p: Tensor, group: Group, where: str) -> State:
        """A copy of the state of ``p`` as a state dict has it."""
        if not isinstance(saved, Mapping):
            raise StateDictError(f"{where} is a {type(saved).__name__}, expected a dict")
        if self._keeps_anything:
            return {name: wrap(x._array.copy()) if isinstance(x, Tensor) else x for name, x in saved.items()}
        return fitted_state(self._slots(p, group, saved), saved, where)

    def __repr__(self) -> str:
        lines: list[str] = []
        for number, group in enumerate(self.param_groups):
            lines += ["", f"Parameter Group {number}"]
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name not in ("params", "param_names")]
        return "\n".join([f"{type(self).__name__} (", *lines[1:], ")"])


def _all_optimizers() -> list[type[Optimizer]]:
    found = [Optimizer]
    for one in found:
        found += one.__subclasses__()  # which the loop comes to then
    return found
