"""nn's modules: the tree, state dicts, hooks, containers, and errors with their place."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import autodiff
import nn
import optim
from autodiff.errors import DeviceError, DtypeError, OptionError, ShapeError, StateDictError


@pytest.fixture(autouse=True)
def _seed() -> None:
    autodiff.manual_seed(0)


class MLP(nn.Module):
    def __init__(self, hidden: int = 4) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, hidden), nn.Linear(hidden, 2)])
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(2, 2))
        self.register_buffer("scale", autodiff.ones(1))
        self.register_buffer("cache", autodiff.zeros(1), persistent=False)

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return self.head(x) * self.scale


# --- the tree


def test_parts_are_plain_attributes_and_listed() -> None:
    """What is assigned is found in the instance and in its registry; it moves, becomes None and goes in both."""
    layer = nn.Linear(2, 3)
    assert vars(layer)["weight"] is layer._parameters["weight"] is layer.weight
    layer.weight = nn.Parameter(autodiff.ones(3, 2))
    assert layer._parameters["weight"] is layer.weight
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    layer(autodiff.ones(1, 2))
    layer.bias = nn.Identity()
    assert "bias" not in layer._parameters
    assert layer._modules["bias"] is layer.bias
    del layer.weight
    assert not list(layer.parameters())
    with pytest.raises(AttributeError, match="weight"):
        _ = layer.weight


def test_names_follow_the_tree_and_shared_parts_come_once() -> None:
    """Names are PyTorch's dotted paths; a tied parameter is listed under its first name, and saved under both."""
    model = MLP()
    names = [name for name, _ in model.named_parameters()]
    assert names == [f"layers.{i}.{n}" for i in (0, 1) for n in ("weight", "bias")] + ["head.1.weight", "head.1.bias"]
    assert [n for n, _ in model.named_buffers()] == ["scale", "cache"]
    assert [n for n, _ in model.named_children()] == ["layers", "head"]
    assert [n for n, _ in model.named_modules()] == ["", "layers", "layers.0", "layers.1", "head", "head.0", "head.1"]
    model.head[1].weight = model.layers[1].weight = nn.Parameter(autodiff.ones(2, 2))
    assert len(list(model.parameters())) == 5
    assert len(list(model.named_parameters(remove_duplicate=False))) == 6
    assert {"head.1.weight", "layers.1.weight"} <= set(model.state_dict())
    model.again = model.head
    assert sum(m is model.head for m in model.modules()) == 1
    assert model.get_submodule("head.1") is model.head[1]
    assert model.get_parameter("layers.1.weight") is model.head[1].weight
    assert model.get_buffer("scale") is model.scale
    for get in (model.get_submodule, model.get_parameter, model.get_buffer):
        with pytest.raises(AttributeError, match="has no"):
            get("head.7")


def test_misuse_of_attributes_is_refused() -> None:
    """Parts before super().__init__(), things in the place of parts, and impossible names are errors."""

    class Early(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"before it calls super"):
        Early()
    layer = nn.Linear(2, 2)
    with pytest.raises(DtypeError, match="'weight' is a parameter"):
        layer.weight = autodiff.ones(2, 2)
    with pytest.raises(OptionError, match="no dot"):
        layer.register_parameter("a.b", None)
    with pytest.raises(OptionError, match="already"):
        layer.register_buffer("in_features", None)
    with pytest.raises(DtypeError, match="Parameter"):
        layer.register_parameter("extra", autodiff.ones(1))  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match="Module has no forward"):
        nn.Module()()


def test_train_freeze_apply_and_zero_grad_reach_everything() -> None:
    """Each of them walks the whole tree."""
    model = MLP()
    model.eval()
    assert not any(m.training for m in model.modules())
    assert model.train() is model
    assert all(m.training for m in model.modules())
    seen: list[nn.Module] = []
    model.apply(seen.append)
    assert seen[-1] is model
    assert len(seen) == 7
    model(autodiff.ones(1, 3)).sum().backward()
    model.zero_grad(set_to_none=False)
    assert all(p.grad is not None and not p.grad.numpy().any() for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    assert not model.requires_grad_(False)(autodiff.ones(1, 3)).requires_grad


def test_conversions_keep_the_parameters_and_their_optimizer() -> None:
    """double() changes arrays inside the same Parameters, so that an optimizer made before goes on."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    before = model.double()[0].weight.detach().clone()
    loss = model(autodiff.ones(1, 2, dtype=autodiff.float64)).sum()
    assert loss.dtype == np.float64
    loss.backward()
    optimizer.step()
    assert not np.array_equal(before.numpy(), model[0].weight.detach().numpy())
    assert model.half()[0].bias.dtype == np.float16
    assert model.to("cpu").to(autodiff.float32).float()[0].bias.dtype == np.float32
    with pytest.raises(DeviceError):
        model.to("cuda")
    with pytest.raises(DtypeError, match="floating"):
        model.to(autodiff.int64)


def test_copies_and_pickles_are_whole_and_apart() -> None:
    """deepcopy and pickle keep values, tied parameters and registries, and share nothing with the original."""
    model = MLP()
    model.layers[1].weight = nn.Parameter(autodiff.ones(2, 2))
    model.head[1].weight = model.layers[1].weight
    model.layers[0] = nn.Linear(3, 2)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        x = autodiff.rand(2, 3)
        np.testing.assert_array_equal(model(x).detach().numpy(), twin(x).detach().numpy())
        assert twin.head[1].weight is twin.layers[1].weight is twin.head[1]._parameters["weight"]
        assert isinstance(twin.head[1].weight, nn.Parameter)
        with autodiff.no_grad():
            twin.head[1].weight.zero_()
        assert model.head[1].weight.detach().numpy().all()


# --- state dicts


def test_state_dict_round_trip() -> None:
    """What one model saves another takes over; the cache that is not persistent stays out."""
    one, two = MLP(), MLP()
    state = one.state_dict()
    assert "scale" in state
    assert "cache" not in state
    assert repr(two.load_state_dict(state)) == "<All keys matched successfully>"
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
        assert not np.shares_memory(a.detach().numpy(), b.detach().numpy())
    assert next(iter(one.state_dict(prefix="net."))) == "net.scale"


def test_load_state_dict_lists_all_faults_and_changes_nothing() -> None:
    """Missing and unexpected keys and other shapes are named together, and no parameter is half-way new."""
    model, state = MLP(), MLP().state_dict()
    before = [p.detach().clone() for p in model.parameters()]
    state["extra"] = state.pop("head.1.bias")
    state["layers.0.weight"] = autodiff.ones(7, 3)
    with pytest.raises(StateDictError) as error:
        model.load_state_dict(state)
    for part in (
        "Error(s) in loading state_dict for MLP:",
        'Missing key(s) in state_dict: "head.1.bias"',
        'Unexpected key(s) in state_dict: "extra"',
        "size mismatch for layers.0.weight: the state_dict has shape (7, 3), the module (4, 3)",
    ):
        assert part in str(error.value)
    for a, b in zip(before, model.parameters(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.detach().numpy())
    del state["layers.0.weight"]
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert (missing, unexpected) == (["layers.0.weight", "head.1.bias"], ["extra"])


def test_loading_makes_an_older_graph_stale() -> None:
    """A backward pass through weights that were loaded over is an error, not a wrong gradient."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    loss = model(autodiff.ones(1, 2)).sum()
    model.load_state_dict(model.state_dict())
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


# --- calling


def test_errors_name_the_module_they_come_from() -> None:
    """The path from the outermost module, the layer and its sizes stand before the message, once."""
    model = MLP()
    model.layers[1] = nn.Linear(10, 4)
    with pytest.raises(ShapeError, match=r"^in MLP\.layers\.1 \(Linear\(10, 4\)\): linear with a weight"):
        model(autodiff.ones(1, 3))
    outer = nn.Sequential(OrderedDict(first=nn.Identity(), net=nn.Sequential(model)))
    with pytest.raises(ShapeError, match=r"^in Sequential\.net\.0\.layers\.1 \(Linear\(10, 4\)\): linear with"):
        outer(autodiff.ones(1, 3))


def test_foreign_errors_keep_their_message_and_get_a_note() -> None:
    """An error of the user's own keeps type and message; one note, not one for each level, says where."""

    class Broken(nn.Module):
        def forward(self, x: Any) -> Any:
            raise KeyError("mine")

    with pytest.raises(KeyError) as error:
        nn.Sequential(nn.Sequential(nn.ReLU(), Broken()))(autodiff.ones(1))
    assert error.value.args == ("mine",)
    assert error.value.__notes__ == ["in Sequential.0.1 (Broken())"]


def test_hooks_see_and_replace_arguments_and_outputs() -> None:
    """Pre-hooks come before, hooks after forward, in order or in front; a handle takes them away."""
    layer, calls = nn.Identity(), []
    pre = layer.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    layer.register_forward_hook(lambda module, args, output: calls.append("late"))
    first = layer.register_forward_hook(lambda module, args, output: calls.append("early"), prepend=True)
    with layer.register_forward_hook(lambda module, args, kwargs, output: output * 2, with_kwargs=True):
        assert layer(autodiff.ones(1)).item() == 4
    assert calls == ["early", "late"]
    pre.remove()
    first.remove()
    assert layer(autodiff.ones(1)).item() == 1
    assert calls == ["early", "late", "late"]


def test_containers_behave_like_lists_and_dicts() -> None:
    """Index, slice, replace, insert, pop and iterate; names stay 0, 1, 2."""
    net = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
    assert net[-1] is net[2]
    assert [type(m) for m in net[:2]] == [nn.Linear, nn.ReLU]
    assert net[1:](autodiff.ones(1, 2)).shape == (1, 1)
    net[1] = nn.Tanh()
    net.insert(1, nn.Identity()).append(nn.Sigmoid())
    assert [type(m).__name__ for m in net] == ["Linear", "Identity", "Tanh", "Linear", "Sigmoid"]
    assert isinstance(net.pop(1), nn.Identity)
    del net[-1]
    assert list(net._modules) == ["0", "1", "2"]
    with pytest.raises(IndexError):
        net[3]
    with pytest.raises(DtypeError):
        nn.Sequential(3)
    named = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh()))
    assert named.a is named[0]
    assert len(nn.ModuleList([nn.ReLU()]) + [nn.Tanh()]) == 2
    table = nn.ModuleDict({"a": nn.ReLU()})
    table["b"] = nn.Linear(1, 1)
    assert list(table) == ["a", "b"]
    assert "b" in table
    table.pop("a")
    assert dict(table.items()) == {"b": table["b"]}


def test_buffers_follow_assignment() -> None:
    """A Buffer registers itself; assigning a tensor to its name replaces it, and a bare tensor is not registered."""
    module = nn.Module()
    module.mean = nn.Buffer(autodiff.zeros(2))
    module.count = nn.Buffer(autodiff.zeros(1), persistent=False)
    module.plain = autodiff.zeros(1)
    module.mean = autodiff.ones(2)
    assert list(module.state_dict()) == ["mean"]
    assert module.state_dict()["mean"].tolist() == [1, 1]
    assert [name for name, _ in module.named_buffers()] == ["mean", "count"]


# --- a network learns


def test_xor_is_learnt() -> None:
    """A 2-5-3-1 net of sigmoids separates the XOR points."""
    x = autodiff.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = autodiff.tensor([[0.0], [1.0], [1.0], [0.0]])
    model = nn.Sequential(nn.Linear(2, 5), nn.Sigmoid(), nn.Linear(5, 3), nn.Sigmoid(), nn.Linear(3, 1), nn.Sigmoid())
    optimizer, criterion = optim.Adam(model.parameters(), lr=0.05), nn.MSELoss()
    for _ in range(600):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01
    assert ((model(x) > 0.5) == (y > 0.5)).all()


def test_train_and_eval_ask_each_module() -> None:
    """A layer may do more when the mode changes, as low-rank adapters do, which merge their weights for evaluation."""
    asked = []

    class Merging(nn.Linear):
        def train(self, mode: bool = True) -> Any:
            asked.append(mode)
            return super().train(mode)

    model = nn.Sequential(nn.ModuleList([Merging(1, 1)]), Merging(1, 1))
    model.eval()
    assert asked == [False, False]
    assert not any(module.training for module in model.modules())
    assert model.train() is model
    assert asked == [False, False, True, True]


class Counting(nn.Module):
    """A module that keeps a number beside its tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self.weight = 0, nn.Parameter(autodiff.ones(1))

    def get_extra_state(self) -> Any:
        return {"count": self.count}

    def set_extra_state(self, state: Any) -> None:
        self.count = state["count"]


def test_a_state_dict_has_what_a_module_keeps_beside_its_tensors() -> None:
    """It goes to the module that gave it; where it is missing, or no module takes it, loading is strict."""
    model, other = nn.Sequential(nn.Linear(1, 1), Counting()), nn.Sequential(nn.Linear(1, 1), Counting())
    model[1].count = 3
    state = model.state_dict()
    assert list(state) == ["0.weight", "0.bias", "1.weight", "1._extra_state"]
    assert not other.load_state_dict(state).missing_keys
    assert other[1].count == 3
    del state["1._extra_state"]
    with pytest.raises(StateDictError, match=r'Missing key.*"1._extra_state"'):
        other.load_state_dict(state)
    assert other.load_state_dict(state, strict=False).missing_keys == ["1._extra_state"]
    with pytest.raises(StateDictError, match="Unexpected key"):
        nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1, bias=False)).load_state_dict(
            {"0.weight": [[1.0]], "0.bias": [1.0], "1.weight": [[1.0]], "1._extra_state": autodiff.ones(1)}
        )
    with pytest.raises(NotImplementedError, match="get_extra_state"):
        nn.Linear(1, 1).get_extra_state()


def test_a_module_takes_the_place_of_another() -> None:
    """At a path; strict, only where there is one."""
    model = nn.Sequential(nn.Sequential(nn.Linear(1, 2)), nn.ReLU())
    model.set_submodule("0.0", nn.Linear(1, 3))
    assert model[0][0].out_features == 3
    model.set_submodule("0.new", nn.Identity())
    assert list(dict(model[0].named_children())) == ["0", "new"]
    with pytest.raises(AttributeError, match=r"has no module .0\.other."):
        model.set_submodule("0.other", nn.Identity(), strict=True)
    with pytest.raises(ValueError, match="path"):
        model.set_submodule("", nn.Identity())


def test_a_module_by_old_names_of_dtypes_and_devices() -> None:
    """``type`` converts, ``to_empty`` and ``compile`` leave it as it is."""
    layer = nn.Linear(1, 1).type(autodiff.float64)
    assert layer.weight.dtype == autodiff.float64
    assert layer.type("torch.FloatTensor").weight.dtype == autodiff.float32
    assert layer.to_empty(device="cpu") is layer
    with pytest.raises(DeviceError):
        layer.to_empty(device="cuda")
    assert layer.compile() is None
