"""Programs that reach into modules and optimizers, whose dicts are live."""

from __future__ import annotations

import copy
import pickle
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
import nn
import optim
from autodiff import ones, tensor, zeros
from autodiff.errors import AttributeNameError, DtypeError, OptionError, StateDictError
from optim.optimizer import Optimizer


def linear() -> nn.Linear:
    return nn.Linear(2, 1)


WRITES: dict[str, Callable[[Any, Any], Any]] = {
    "item": lambda members, value: members.__setitem__("weight", value),
    "update": lambda members, value: members.update(weight=value),
    "or": lambda members, value: members.__ior__({"weight": value}),
    "out and in": lambda members, value: (members.pop("weight"), members.setdefault("weight", value)),
    "cleared": lambda members, value: (members.clear(), members.update({"bias": None, "weight": value})),
}


@pytest.mark.parametrize("way", WRITES)
def test_what_is_written_into_the_parameters_is_what_the_module_computes_with(way: str) -> None:
    """By each method of a dict; a tensor that was computed too, whose gradient reaches what it was made of."""
    module, source = linear(), ones(1, 2, requires_grad=True)
    WRITES[way](module._parameters, source * 3)
    assert module.weight.tolist() == [[3, 3]]
    assert dict(module.named_parameters())["weight"] is module.weight
    module(ones(1, 2)).sum().backward()
    assert source.grad is not None
    assert source.grad.tolist() == [[3, 3]]


@pytest.mark.parametrize("take", [lambda d, k: d.pop(k), lambda d, k: d.clear()], ids=["pop", "clear"])
def test_what_is_taken_out_is_no_attribute_any_more(take: Callable[[Any, str], Any]) -> None:
    """So that a plain tensor can take its place, as weight normalisation by hand does it."""
    module = linear()
    take(module._parameters, "weight")
    assert not hasattr(module, "weight")
    module.weight = ones(1, 2)
    assert "weight" not in dict(module.named_parameters())
    with pytest.raises(KeyError):
        del module._parameters["weight"]


def test_buffers_and_modules_are_live_too() -> None:
    """Filled by a constructor that never assigns an attribute, and swapped afterwards."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self._parameters["w"] = nn.Parameter(ones(2))
            self._buffers["b"] = ones(1)
            self._modules["m"] = nn.Identity()

        def forward(self, x: Any) -> Any:
            return self.m(x) * self.w + self.b

    module = Own()
    assert list(module.state_dict()) == ["w", "b"]
    module._buffers["b"] = ones(1) * 5
    module._modules["m"] = nn.ReLU()
    assert module(-ones(2)).tolist() == [5, 5]
    module._modules.popitem()
    assert not hasattr(module, "m")
    with pytest.raises(KeyError):
        module._modules.popitem()


def test_an_attribute_that_is_no_member_stays_what_is_found() -> None:
    """As in PyTorch, where the dicts are asked only after the attributes."""
    module = linear()
    module.__dict__["scale"] = 3
    module._parameters["scale"] = nn.Parameter(ones(1))
    assert module.scale == 3
    del module._parameters["scale"]
    assert module.scale == 3


COPIES: dict[str, Callable[[Any], Any]] = {
    "deep": copy.deepcopy,
    "pickled": lambda module: pickle.loads(pickle.dumps(module)),
    "by hand": lambda module: _by_hand(module),
}


def _by_hand(module: Any) -> Any:
    twin = module.__new__(type(module))
    twin.__dict__ = module.__dict__.copy()
    twin._parameters, twin._buffers = twin._parameters.copy(), twin._buffers.copy()
    twin._modules = copy.copy(twin._modules)
    return twin


@pytest.mark.parametrize("way", COPIES)
def test_the_dicts_of_a_copy_are_its_own(way: str) -> None:
    """Writing into them changes the copy, and only that."""
    module = linear()
    before, twin = module.weight, COPIES[way](module)
    twin._parameters["weight"] = module.weight * 2
    assert module.weight is before
    assert twin.weight.tolist() == (before * 2).tolist()
    assert twin(ones(1, 2)).tolist() == ((before * 2).sum() + module.bias).reshape(1, 1).tolist()


def test_a_shallow_copy_has_the_very_dicts() -> None:
    """As in PyTorch: a write is seen by both."""
    module = linear()
    twin = copy.copy(module)
    twin._parameters["weight"] = nn.Parameter(ones(1, 2))
    assert module.weight is twin.weight


def test_a_module_says_what_it_keeps_and_how_it_comes_back() -> None:
    """__getstate__ and __setstate__ of the user's, the second by way of Module's."""
    found = copy.deepcopy(_Cached())
    assert (found.cache, found.layer(ones(2)).shape) == (7, (2,))
    found._modules["layer"] = nn.Identity()
    assert found.layer(3) == 3


class _Cached(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.cache = nn.Linear(2, 2), 3

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "cache": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.cache = 7


def test_a_deleted_attribute_may_be_a_buffer_of_that_name() -> None:
    """A plain one, and a parameter."""
    module = linear()
    module.scale = 3
    for name in ("scale", "weight"):
        delattr(module, name)
        module.register_buffer(name, ones(1, 2))
    assert list(module.state_dict()) == ["bias", "scale", "weight"]
    assert [name for name, _ in module.named_parameters()] == ["bias"]


@pytest.mark.parametrize("name", ["cuda", "cpu", "to", "float", "double", "half", "bfloat16", "type", "compile"])
def test_an_attribute_may_hide_a_conversion(name: str) -> None:
    """The model that has the module is converted all the same; train and modules stay what they are."""
    module = linear()
    setattr(module, name, False)
    assert nn.Sequential(module).double()[0].weight.dtype == np.float64
    with pytest.raises(AttributeNameError):
        module.train = False


def test_a_module_converts_what_else_it_holds() -> None:
    """By an _apply of its own, which each conversion of a model above it calls."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.grid = nn.Linear(1, 1), ones(2)

        def _apply(self, fn: Any, *options: Any) -> Any:
            super()._apply(fn)
            self.grid = fn(self.grid)
            return self

    for convert in (nn.Module.double, lambda m: m.to(autodiff.float64)):
        model = nn.Sequential(Own())
        convert(model)
        assert (model[0].grid.dtype, model[0].layer.weight.dtype) == (np.float64, np.float64)
    assert linear()._get_name() == "Linear"


def test_a_module_changes_what_is_loaded() -> None:
    """By a _load_from_state_dict of its own, which gets a copy; its messages are an error, and nothing is loaded."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = linear()

        def _load_from_state_dict(self, state_dict: Any, prefix: str, *further: Any) -> None:
            if state_dict.pop(f"{prefix}old", None) is not None:
                further[-1].append("too old")
            state_dict[f"{prefix}layer.bias"] = state_dict.pop(f"{prefix}bias")
            super()._load_from_state_dict(state_dict, prefix, *further)

    model = nn.Sequential(Own())
    state = {"0.layer.weight": ones(1, 2), "0.bias": ones(1)}
    model.load_state_dict(state)
    assert model[0].layer.bias.tolist() == [1]
    assert "0.bias" in state
    with pytest.raises(StateDictError, match="too old"):
        model.load_state_dict({**state, "0.bias": zeros(1), "0.old": ones(1)})
    assert model[0].layer.bias.tolist() == [1]


def test_the_hooks_of_a_module_can_be_read_and_taken_out() -> None:
    """By their numbers, as in PyTorch: counted, compared, deleted one by one, cleared, put in."""
    module, called = linear(), []
    for hooks, register in (
        (module._forward_hooks, module.register_forward_hook),
        (module._forward_pre_hooks, module.register_forward_pre_hook),
        (module._backward_hooks, module.register_full_backward_hook),
        (module._backward_pre_hooks, module.register_full_backward_pre_hook),
    ):
        assert (len(hooks), bool(hooks), hooks == {}) == (0, False, True)
        register(lambda *given: called.append(given))
        register(print)
        assert [hook for hook in hooks.values() if hook is print] == [print]
        for number, hook in list(hooks.items()):
            if hook is print:
                del hooks[number]
        assert "lambda" in repr(hooks)
        hooks.clear()
        assert not hooks
    module(ones(1, 2)).sum().backward()
    assert not called
    module._forward_hooks[7] = lambda *given: called.append(given)
    module(ones(1, 2))
    assert len(called) == 1


def test_state_dicts_pass_through_hooks_and_methods_of_subclasses() -> None:
    """Made part by part, so that each module may add to its own; loaded after hooks have changed a copy."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = linear()

        def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
            super()._save_to_state_dict(destination, prefix, keep_vars)
            destination[f"{prefix}version"] = ones(1)

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.own = Own()

        def state_dict(self, *args: Any, **kwargs: Any) -> Any:
            state = super().state_dict(*args, **kwargs)
            state[kwargs.get("prefix", "") + "outer"] = ones(1)
            return state

    model, seen = nn.Sequential(Outer()), []
    layer = model[0].own.layer
    layer.register_state_dict_pre_hook(lambda *given: seen.append(given))
    layer._register_state_dict_hook(lambda module, state, prefix, _: state.update({prefix + "hooked": ones(1)}))
    state = model.state_dict()
    names = ["version", "layer.weight", "layer.bias", "layer.hooked"]
    assert list(state) == [*(f"0.own.{name}" for name in names), "0.outer"]
    assert seen == [(layer, "0.own.layer.", False)]

    def cleaned(state: Any, prefix: str, *further: Any) -> None:
        for name in [name for name in state if not name.endswith(("weight", "bias"))]:
            del state[name]

    model._register_load_state_dict_pre_hook(cleaned)
    layer.register_load_state_dict_pre_hook(lambda module, state, prefix, *further: seen.append((module, prefix)))
    model.register_load_state_dict_post_hook(lambda module, keys: seen.append(keys.missing_keys))
    model.load_state_dict(state)
    assert seen[1:] == [(layer, "0.own.layer."), []]
    assert len(state) == 5


def test_a_parameter_list_holds_anything() -> None:
    """Tensors become parameters, modules are modules, the rest stays what it is."""
    held = nn.ParameterList([nn.Parameter(ones(1)), ones(2), 3, None, nn.Linear(1, 1)])
    assert [type(x).__name__ for x in held] == ["Parameter", "Parameter", "int", "NoneType", "Linear"]
    assert list(held.state_dict()) == ["0", "1", "4.weight", "4.bias"]
    held[2] = "text"
    assert (held[2], held[-3], len(held[1:3])) == ("text", "text", 2)
    assert "(2): Object of type: str" in repr(held)
    with pytest.raises(DtypeError, match="parameter"):
        held[0] = 5
    with pytest.raises(DtypeError, match="float"):
        held.append(ones(2).long())


def test_a_parameter_dict_holds_anything() -> None:
    """And has what a dict has."""
    held = nn.ParameterDict({"a": ones(1), "b": 3, "c": None})
    assert (held.b, held["c"], held.get("z", 4), held.setdefault("b", 5)) == (3, None, 4, 3)
    assert list(held.state_dict()) == ["a"]
    assert held.popitem() == ("c", None)
    assert not hasattr(held, "c")
    assert list(held | {"z": 1}) == ["a", "b", "z"]
    assert list({"z": 1} | held) == ["z", "a", "b"]
    assert list(held.fromkeys(["x", "y"], ones(1)).parameters())
    assert list(held.copy()) == list(held)
    del held.a
    assert list(held) == ["b"]
    with pytest.raises(OptionError, match="another name"):
        held["keys"] = 3


def parameters() -> list[Any]:
    return [tensor([1.0, 2.0], requires_grad=True), tensor([[3.0]], requires_grad=True)]


def trained(make: Callable[[Any], Any], steps: int = 3) -> Any:
    held = parameters()
    optimizer = make(held)
    for _ in range(steps):
        optimizer.zero_grad()
        sum((p**2).sum() for p in held).backward()
        optimizer.step()
    return [p.tolist() for p in held], optimizer


class OnItsOwn(Optimizer):
    """Sets what a step needs, and never calls the constructor of its base."""

    def __init__(self, params: Any, lr: float) -> None:
        self.param_groups: Any = [{"params": list(params), "lr": lr}]

    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["step"] = state.get("step", 0) + 1
                p.data.add_(p.grad.data, alpha=-group["lr"])


class Around(Optimizer):
    """Has the groups of another optimizer, a state of its own, and the other's step."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.param_groups, self.state = inner, inner.param_groups, defaultdict(dict)

    def step(self, closure: Any = None) -> Any:
        return self.inner.step(closure)


class InFront(Around):
    """Shows the groups of another optimizer as a property, which nothing can be assigned to."""

    __init__ = lambda self, inner: setattr(self, "inner", inner)
    param_groups = property(lambda self: self.inner.param_groups)  # type: ignore[assignment]


def test_an_optimizer_of_the_users_need_not_call_super() -> None:
    """It steps, forgets gradients, is scheduled, hooked, saved and shown."""
    wanted, _ = trained(lambda held: optim.SGD(held, lr=0.1))
    for make in (lambda p: OnItsOwn(p, 0.1), *(lambda p, k=k: k(optim.SGD(p, lr=0.1)) for k in (Around, InFront))):
        called: list[Any] = []
        found, optimizer = trained(make)
        optimizer.register_step_post_hook(lambda *given, called=called: called.append(given))
        np.testing.assert_allclose(found[0], wanted[0], rtol=1e-6)
        schedule = optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
        optimizer.step()
        schedule.step()
        assert (optimizer.param_groups[0]["lr"], len(called)) == (0.05, 1)
        assert optimizer.state_dict()["param_groups"][0]["params"] == [0, 1]
        assert type(optimizer).__name__ in repr(optimizer)


def test_a_loaded_state_passes_through_setstate() -> None:
    """Where an optimizer of the user's adds options that older states lack."""

    class Own(Optimizer):
        def __init__(self, params: Any) -> None:
            super().__init__(params, {"lr": 0.1})

        def __setstate__(self, state: dict[str, Any]) -> None:
            super().__setstate__(state)
            for group in self.param_groups:
                group.setdefault("nesterov", False)

    optimizer = Own(parameters())
    optimizer.load_state_dict(optimizer.state_dict())
    assert optimizer.param_groups[0]["nesterov"] is False


def test_a_state_may_be_written_by_hand() -> None:
    """As programs do that share it among processes: the number of steps as a tensor, moments of zeros."""

    def prepared(held: Any) -> Any:
        optimizer = optim.Adam(held, lr=0.1)
        for p in held:
            optimizer.state[p].update(step=tensor(0.0), exp_avg=zeros(p.shape), exp_avg_sq=zeros(p.shape))
        return optimizer

    assert trained(prepared)[0] == trained(lambda held: optim.Adam(held, lr=0.1))[0]
