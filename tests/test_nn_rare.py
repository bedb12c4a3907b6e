"""Parts of nn that few programs use, beside PyTorch's: pruning, orthogonal weights, losses that own a layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
import nn
from autodiff.errors import OptionError, ShapeError
from nn.attention import SDPBackend, sdpa_kernel
from nn.utils import parametrizations, prune

Numbers = list[Any]


def filled(lib: Any, module: Any, seed: int = 0) -> Any:
    """The module in float64, its parameters with the same numbers in both libraries."""
    draw = np.random.default_rng(seed)
    for p in module.double().parameters():
        p.data = lib.tensor(draw.standard_normal(tuple(p.shape)))
    return module


def inputs(lib: Any, *shape: int, seed: int = 1) -> Any:
    return lib.tensor(np.random.default_rng(seed).standard_normal(shape)).requires_grad_()


def of(x: Any) -> Any:
    return x.detach().numpy().copy()


def alike(program: Callable[[Any], Numbers]) -> None:
    """The program gives the same names, shapes and numbers with both libraries."""
    mine, theirs = program(autodiff), program(peer())
    assert len(mine) == len(theirs)
    for a, b in zip(mine, theirs, strict=True):
        if isinstance(b, np.ndarray):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
        else:
            assert a == b


def state(module: Any) -> Numbers:
    parts: Numbers = [[name for name, _ in module.named_parameters()], [name for name, _ in module.named_buffers()]]
    return parts + [list(module.state_dict()), *map(of, module.state_dict().values())]


@pytest.mark.parametrize("options", [
    [("l1_unstructured", {"amount": 0.3}), ("ln_structured", {"amount": 0.5, "n": 2, "dim": 0})],
    [("ln_structured", {"amount": 1, "n": 1, "dim": 1}), ("l1_unstructured", {"amount": 7})],
    [("ln_structured", {"amount": 1, "n": math.inf, "dim": -1}), ("ln_structured", {"amount": 1, "n": 2, "dim": 0})],
    [("identity", {}), ("l1_unstructured", {"amount": 0})],
])  # fmt: skip
def test_pruning_leaves_what_it_leaves_in_pytorch(options: list[tuple[str, dict[str, Any]]]) -> None:
    """Names, masks, gradients and outputs after each pruning, and after the pruning was made permanent."""

    def program(lib: Any) -> Numbers:
        layer, x = filled(lib, lib.nn.Conv2d(3, 4, 3)), inputs(lib, 2, 3, 5, 5)
        tools, found = import_module(f"{lib.__name__}.nn.utils.prune"), []
        for name, given in options:
            getattr(tools, name)(layer, "weight", **given)
            found += [*state(layer), of(layer(x)), of(layer.weight), tools.is_pruned(layer)]
        layer(x).sum().backward()
        found.append(of(layer.weight_orig.grad))
        tools.remove(layer, "weight")
        return [*found, *state(layer), of(layer(x)), tools.is_pruned(layer)]

    alike(program)


def test_pruning_over_several_tensors_and_by_masks_and_methods_of_a_program() -> None:
    """The smallest entries of all; a mask that is given; a subclass that says what is kept."""

    def program(lib: Any) -> Numbers:
        tools: Any = import_module(f"{lib.__name__}.nn.utils.prune")
        a, b = filled(lib, lib.nn.Linear(4, 3)), filled(lib, lib.nn.Linear(3, 5), 2)

        class Every(tools.BasePruningMethod):  # type: ignore[misc, name-defined]
            PRUNING_TYPE = "unstructured"

            def compute_mask(self, t: Any, default_mask: Any) -> Any:
                mask = default_mask.clone()
                mask.view(-1)[::2] = 0
                return mask

        for amount in (0.2, 5):
            tools.global_unstructured([(a, "weight"), (b, "weight")], tools.L1Unstructured, amount=amount)
        tools.custom_from_mask(a, "bias", lib.tensor([1.0, 0.0, 1.0]))
        Every.apply(b, "bias")
        return [*state(a), *state(b), of(tools.L1Unstructured(amount=1).prune(lib.tensor([3.0, -1.0, 2.0])))]

    alike(program)


def test_random_pruning_takes_as_much_as_it_is_told() -> None:
    """Entries, or whole channels; more than there is, and what is no amount, are refused."""
    layer = nn.Linear(10, 8)
    prune.random_unstructured(layer, "weight", 0.25)
    assert (layer.weight == 0).sum() == 20
    prune.random_structured(layer, "weight", 3, 0)
    assert (layer.weight == 0).all(1).sum() == 3
    for amount in (-1, 1.5, "all", 9):
        with pytest.raises(OptionError, match="amount"):
            prune.ln_structured(nn.Linear(2, 2), "weight", amount, 2, 0)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="no parameter 'other'"):
        prune.identity(layer, "other")
    with pytest.raises(OptionError, match="not pruned"):
        prune.remove(layer, "bias")


@pytest.mark.parametrize("use_trivialization", [True, False])
@pytest.mark.parametrize("orthogonal_map", [None, "matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_orthogonal_weights_stay_so_and_train_as_in_pytorch(
    shape: tuple[int, int], orthogonal_map: str | None, use_trivialization: bool
) -> None:
    """With random columns in the base of matrices that are not square, only the first losses are the same."""
    ours: list[Any] = []

    def program(lib: Any) -> Numbers:
        layer, x, y = filled(lib, lib.nn.Linear(shape[1], shape[0])), inputs(lib, 2, shape[1]), inputs(lib, 2, shape[0])
        if not use_trivialization:
            orthonormal = np.linalg.qr(np.random.default_rng(3).standard_normal((max(shape), min(shape))))[0]
            layer.weight.data = lib.tensor(orthonormal if shape[0] >= shape[1] else orthonormal.T.copy())
        lib.nn.utils.parametrizations.orthogonal(
            layer, "weight", orthogonal_map, use_trivialization=use_trivialization)  # fmt: skip
        optimizer = lib.optim.SGD(layer.parameters(), lr=0.1)
        losses: Numbers = []
        for _ in range(4):
            optimizer.zero_grad()
            loss = ((layer(x) - y) ** 2).sum()
            loss.backward()
            optimizer.step()
            losses.append(of(loss))
        ours.append(layer.weight)
        exact = shape[0] == shape[1] or not use_trivialization
        return [list(layer.state_dict()), *losses[: None if exact else 1]]

    alike(program)
    weight = ours[0] if shape[0] >= shape[1] else ours[0].T
    assert autodiff.allclose(weight.T @ weight, autodiff.eye(min(shape)).double(), atol=1e-10)


def test_orthogonal_weights_refuse_what_is_no_matrix_and_no_map() -> None:
    """A bias, a name of no map; what has no inverse cannot be assigned, what has can."""
    with pytest.raises(ShapeError, match="is a matrix"):
        parametrizations.orthogonal(nn.Linear(2, 2), "bias")
    with pytest.raises(OptionError, match="orthogonal_map"):
        parametrizations.orthogonal(nn.Linear(2, 2), "weight", "qr")
    layer: Any = parametrizations.orthogonal(nn.Linear(3, 3))
    turned = autodiff.eye(3).flip(0)
    layer.weight = turned
    assert autodiff.allclose(layer.weight, turned, atol=1e-6)


def test_losses_with_a_layer_of_their_own_are_those_of_pytorch() -> None:
    """Log-probabilities, losses, predictions and gradients; with groups that no target is in."""

    def program(lib: Any) -> Numbers:
        adaptive = filled(lib, lib.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [3, 8], div_value=2.0, head_bias=True))
        x, target = inputs(lib, 6, 8), lib.tensor([0, 19, 4, 2, 7, 8])
        found: Numbers = [str(adaptive), *state(adaptive), of(adaptive.log_prob(x)), of(adaptive.predict(x))]
        for at in (target, target % 3):
            output, loss = adaptive(x, at)
            found += [of(output), of(loss), *map(of, lib.autograd.grad(loss, [x, adaptive.head.weight]))]
        found.append(of(adaptive(x[0], target[1]).output))
        for more in ((), (4, 3)):
            loss = filled(lib, lib.nn.LinearCrossEntropyLoss(8, 10, out_features=more, bias=True, label_smoothing=0.1))
            classes = lib.tensor(np.arange(6 * int(np.prod(more))).reshape(6, *more) % 10)
            chances = lib.tensor(np.random.default_rng(5).random((6, 10, *more))).softmax(1)
            found += [str(loss), *state(loss), of(loss(x, classes)), of(loss(x, chances))]
        options = lib.nn.LinearCrossEntropyOptions()
        weight = inputs(lib, 5, 8, seed=4)
        made = lib.nn.functional.linear_cross_entropy(x, weight, target % 5, ignore_index=1, options=options)
        return [*found, of(made), *map(of, lib.autograd.grad(made, [x, weight]))]

    alike(program)
    with pytest.raises(OptionError, match="cutoffs"):
        nn.AdaptiveLogSoftmaxWithLoss(4, 10, [5, 2])
    with pytest.raises(OptionError, match="from 0 to 9"):
        nn.AdaptiveLogSoftmaxWithLoss(4, 10, [5])(autodiff.ones(1, 4), autodiff.tensor([10]))
    with pytest.raises(ShapeError, match="takes input"):
        nn.AdaptiveLogSoftmaxWithLoss(4, 10, [5])(autodiff.ones(1, 3), autodiff.tensor([1]))


def test_batch_norms_are_converted_to_those_of_several_processes() -> None:
    """With their state and mode, at any depth; they compute the same."""

    def program(lib: Any) -> Numbers:
        model = lib.nn.Sequential(lib.nn.BatchNorm1d(3), lib.nn.Sequential(lib.nn.BatchNorm1d(3, affine=False))).eval()
        converted = lib.nn.SyncBatchNorm.convert_sync_batchnorm(filled(lib, model))
        return [str(converted), *state(converted), converted[0].training]

    alike(program)
    x = autodiff.randn(4, 3, 2, 2)
    assert autodiff.equal(nn.SyncBatchNorm(3)(x), nn.BatchNorm2d(3)(x))
    with pytest.raises(ShapeError, match="takes inputs"):
        nn.SyncBatchNorm(3)(autodiff.ones(3))


def test_layers_of_a_program_call_the_inner_constructors() -> None:
    """``_ConvNd`` with all its arguments, and the mixin of lazy layers."""

    def program(lib: Any) -> Numbers:
        pair = lib.nn.modules.utils._pair

        class Own(lib.nn.modules.conv._ConvNd):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__(4, 2, pair(3), pair(1), pair(1), pair(1), False, pair(0), 2, True, "zeros")

            def forward(self, x: Any) -> Any:
                options = self.stride, self.padding, self.dilation, self.groups
                return lib.nn.functional.conv2d(x, self.weight, self.bias, *options)

        class Scale(lib.nn.modules.lazy.LazyModuleMixin, lib.nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.factor = lib.nn.UninitializedParameter()

            def initialize_parameters(self, x: Any) -> None:
                if self.has_uninitialized_params():
                    with lib.no_grad():
                        self.factor.materialize((x.shape[-1],))
                        self.factor.fill_(2.0)

            def forward(self, x: Any) -> Any:
                return x * self.factor

        own, scale = filled(lib, Own()), Scale()
        found = [str(own), own.transposed, lib.nn.ConvTranspose1d(1, 1, 1).transposed]
        found += [isinstance(lib.nn.Conv1d(1, 1, 1), lib.nn.modules.conv._ConvNd), of(own(inputs(lib, 1, 4, 5, 5)))]
        is_lazy = lib.nn.parameter.is_lazy
        found += [is_lazy(scale.factor), of(scale(lib.ones(2, 3))), is_lazy(scale.factor)]
        return [*found, of(scale(lib.ones(3))), type(scale).__name__]

    alike(program)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_of_convolutions_by_name(n: int) -> None:
    """``nn.grad`` gives those by inputs and weights."""

    def program(lib: Any) -> Numbers:
        x, w = inputs(lib, 2, 4, *(6,) * n), inputs(lib, 6, 2, *(3,) * n, seed=2)
        g = inputs(lib, 2, 6, *(3,) * n, seed=3)
        by_input, by_weight = getattr(lib.nn.grad, f"conv{n}d_input"), getattr(lib.nn.grad, f"conv{n}d_weight")
        return [of(by_input(x.shape, w, g, 2, 1, 1, 2)), of(by_weight(x, w.shape, g, stride=2, padding=1, groups=2))]

    alike(program)


def test_small_tools_do_what_they_do_in_pytorch() -> None:
    """Prefixes of state dicts, permutations of sequences, layers without first values."""

    def program(lib: Any) -> Numbers:
        named = {"module.a": 1, "b": 2, "module.c": 3}
        lib.nn.modules.utils.consume_prefix_in_state_dict_if_present(named, "module.")
        lazy = lib.nn.utils.skip_init(lib.nn.Linear, 3, 2, bias=False)
        return [list(named.items()), str(lazy)]

    alike(program)
    assert nn.utils.rnn.apply_permutation(autodiff.tensor([[1, 2]]), autodiff.tensor([1, 0])).tolist() == [[2, 1]]
    layer = nn.Conv2d(1, 1, 1)
    assert nn.utils.convert_conv2d_weight_memory_format(layer, autodiff.channels_last) is layer
    with sdpa_kernel(SDPBackend.MATH), pytest.raises(OptionError, match="SDPBackend"):
        sdpa_kernel("math")  # type: ignore[arg-type]
