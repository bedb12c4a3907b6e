"""nn.utils: clipping, vectors, reparameterized weights and packed sequences."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
from parity.harness import Near, same

import autodiff
import nn
from autodiff.errors import NonFiniteError, OptionError, ShapeError, StateDictError
from nn.utils import parametrizations, parametrize, rnn, stateless

RANDOM = np.random.default_rng(0)
GRADIENTS = [RANDOM.normal(size=shape).astype(np.float32) for shape in ((3, 4), (5,), ())]


NEAR, ROUGH = Near(1e-5, 1e-6), Near(1e-4, 1e-6)


def with_gradients(lib: Any) -> list[Any]:
    params = [lib.tensor(np.zeros_like(g)).requires_grad_() for g in GRADIENTS]
    for p, g in zip(params, GRADIENTS, strict=True):
        p.grad = lib.tensor(g)
    return [*params, lib.tensor(np.zeros(2, np.float32)).requires_grad_()]


def close(ours: Any, theirs: Any, near: Near = NEAR) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=near.relative, atol=near.absolute)


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, math.inf])
@pytest.mark.parametrize("max_norm", [0.5, 1000.0])
def test_clipped_norms_are_pytorchs(norm_type: float, max_norm: float) -> None:
    """The norm that is returned and the gradients that are left, given a list, a generator or one tensor."""

    def clipped(lib: Any) -> list[Any]:
        utils, params = lib.nn.utils, with_gradients(lib)
        found = [utils.clip_grad_norm_((p for p in params), max_norm, norm_type)]
        found += [utils.clip_grad_norm_(params[0], 0.1, norm_type)]
        found += [utils.get_total_norm([p.grad for p in params[:3]], norm_type)]
        utils.clip_grads_with_norm_(params, 0.1, lib.tensor(7.0))
        return [*found, *(p.grad for p in params)]

    same(clipped, near=NEAR)


def test_clipped_values_are_pytorchs() -> None:
    """Every entry is cut to the bounds, also where the gradient's memory is read-only."""

    def clipped(lib: Any) -> list[Any]:
        params = with_gradients(lib)
        lib.nn.utils.clip_grad_value_(params, 0.3)
        return [p.grad for p in params]

    same(clipped, near=NEAR)
    x = autodiff.zeros(3, requires_grad=True)
    x.grad = autodiff.ones(1).expand(3)
    nn.utils.clip_grad_value_(x, 0.5)
    assert x.grad.tolist() == [0.5] * 3


def test_a_norm_that_is_not_finite_is_an_error_if_wanted() -> None:
    """error_if_nonfinite stops before anything is changed; without it, NaN comes out."""
    x = autodiff.zeros(2, requires_grad=True)
    x.grad = autodiff.tensor([1.0, math.nan])
    with pytest.raises(NonFiniteError, match="norm of order"):
        nn.utils.clip_grad_norm_(x, 1.0, error_if_nonfinite=True)
    assert x.grad[0].item() == 1
    assert math.isnan(nn.utils.clip_grad_norm_(x, 1.0).item())


def test_a_clip_makes_an_older_graph_stale() -> None:
    """What is computed from a gradient knows that it was changed."""
    x = autodiff.ones(2, requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    penalty = (x.grad**2).sum()
    nn.utils.clip_grad_norm_(x, 0.1)
    with pytest.raises(RuntimeError, match="changed in place"):
        penalty.backward()


def test_parameters_become_a_vector_and_come_back() -> None:
    """Both ways the entries are the same; gradients pass, and the parameters share the vector's memory."""
    model = nn.Linear(3, 2)
    vector = nn.utils.parameters_to_vector(model.parameters())
    assert vector.tolist() == [*model.weight.detach().ravel().tolist(), *model.bias.tolist()]
    (vector * vector).sum().backward()
    close(model.weight.grad, 2 * model.weight.detach())
    new = autodiff.arange(8.0)
    nn.utils.vector_to_parameters(new, model.parameters())
    assert (model.weight.tolist(), model.bias.tolist()) == ([[0, 1, 2], [3, 4, 5]], [6, 7])
    new[0] = 9
    assert model.weight[0, 0].item() == 9
    with pytest.raises(ShapeError, match="8 entries"):
        nn.utils.vector_to_parameters(new[:7], model.parameters())


LENGTHS = [3, 1, 4]


def sequences(lib: Any, order: list[int]) -> list[Any]:
    arrays = [np.arange(n * 2, dtype=np.float64).reshape(n, 2) + 100 * n for n in LENGTHS]
    return [lib.tensor(arrays[i]).requires_grad_() for i in order]


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_is_pytorchs(batch_first: bool, side: str) -> None:
    """Padded to the longest, on either side, in either layout; what was put in comes out again."""

    def padded(lib: Any) -> Any:
        return lib.nn.utils.rnn.pad_sequence(sequences(lib, [0, 1, 2]), batch_first, -1.0, side)

    same(padded, near=NEAR)
    if side == "right":
        again = rnn.unpad_sequence(padded(autodiff), autodiff.tensor(LENGTHS), batch_first)
        for sequence, original in zip(again, sequences(autodiff, [0, 1, 2]), strict=True):
            close(sequence, original)


@pytest.mark.parametrize("enforce_sorted", [True, False])
@pytest.mark.parametrize("batch_first", [False, True])
def test_packing_is_pytorchs(enforce_sorted: bool, batch_first: bool) -> None:
    """Data, batch sizes, orders and gradients of packed sequences, and what padding them again gives."""
    order = [2, 0, 1] if enforce_sorted else [0, 1, 2]

    def packed_and_padded(lib: Any) -> list[Any]:
        utils, given = lib.nn.utils.rnn, sequences(lib, order)
        packed = utils.pack_sequence(given, enforce_sorted)
        again = utils.pack_padded_sequence(
            utils.pad_sequence(given, batch_first), [LENGTHS[i] for i in order], batch_first, enforce_sorted
        )
        padded, lengths = utils.pad_packed_sequence(packed, batch_first, 7.0, 5)
        (padded**2).sum().backward()
        assert (packed.sorted_indices is None) == enforce_sorted
        return [packed, again, padded, lengths, *(x.grad for x in given), *utils.unpack_sequence(again)]

    same(packed_and_padded, near=NEAR)


def test_other_parameters_for_one_call() -> None:
    """functional_call computes with the tensors it is given, ties what is tied, and leaves the module as it was."""
    layer = nn.Linear(2, 2, bias=False)
    model = nn.Sequential(layer, nn.Tanh(), layer)
    weight = autodiff.ones(2, 2, requires_grad=True)
    before = layer.weight
    out = stateless.functional_call(model, {"0.weight": weight}, autodiff.tensor([1.0, 2.0]))
    np.testing.assert_allclose(out.detach().numpy(), [2 * math.tanh(3)] * 2, rtol=1e-6)
    out.sum().backward()
    assert weight.grad is not None
    assert before.grad is None
    assert layer.weight is before
    with pytest.raises(StateDictError, match="nothing"):
        stateless.functional_call(model, {"nothing": weight}, autodiff.ones(2))


def test_a_block_in_which_a_module_has_other_tensors() -> None:
    """They are its own again behind the block, also after an error."""
    model = nn.Linear(2, 1, bias=False)
    before, weight = model.weight, autodiff.tensor([[2.0, 3.0]])
    with stateless._reparametrize_module(model, {"weight": weight}):
        assert model(autodiff.ones(2)).item() == 5
    assert model.weight is before
    with pytest.raises(ZeroDivisionError), stateless._reparametrize_module(model, {"weight": weight}):
        1 / 0  # noqa: B018
    assert model.weight is before


@pytest.mark.parametrize("dim", [0, 1, None])
@pytest.mark.parametrize("old", [True, False])
@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_weight_norm_is_pytorchs(dim: int | None, old: bool) -> None:
    """Keys, output and gradients, new style and old, for any axis."""

    def normed(lib: Any) -> tuple[list[str], list[Any]]:
        utils, layer = lib.nn.utils, lib.nn.Linear(3, 2)
        layer.weight.data, layer.bias.data = lib.tensor(GRADIENTS[0][:2, :3]), lib.tensor(GRADIENTS[1][:2])
        wrap = utils.weight_norm if old else utils.parametrizations.weight_norm
        layer = wrap(layer, dim=dim)
        keys = sorted(layer.state_dict())
        out = layer(lib.tensor(GRADIENTS[0]).reshape(4, 3))
        (out**2).sum().backward()
        found = [out, *(p.grad for _, p in sorted(layer.named_parameters()))]
        if old:
            utils.remove_weight_norm(layer)
        else:
            utils.parametrize.remove_parametrizations(layer, "weight")
        assert sorted(layer.state_dict()) == ["bias", "weight"]
        return keys, [*found, layer.weight]

    same(normed, near=ROUGH)


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.filterwarnings("ignore:.*spectral_norm.*:FutureWarning")
def test_spectral_norm_is_pytorchs(old: bool) -> None:
    """From the same vectors, two forwards in training and one in evaluation, with their gradients."""

    def normed(lib: Any) -> tuple[list[str], list[Any]]:
        utils, layer = lib.nn.utils, lib.nn.Linear(3, 4)
        layer.weight.data, layer.bias.data = lib.tensor(GRADIENTS[0].reshape(4, 3)), lib.tensor(GRADIENTS[1][:4])
        wrap = utils.spectral_norm if old else utils.parametrizations.spectral_norm
        layer = wrap(layer, n_power_iterations=2)
        inner = layer if old else layer.parametrizations.weight[0]
        u, v = (inner.weight_u, inner.weight_v) if old else (inner._u, inner._v)
        u.copy_(lib.tensor(np.full(4, 0.5, np.float32)))
        v.copy_(lib.tensor(np.full(3, 3**-0.5, np.float32)))
        found = []
        for mode in (True, True, False):
            layer.train(mode)
            layer.zero_grad()
            out = layer(lib.tensor(np.ones((1, 3), np.float32)))
            (out**2).sum().backward()
            found += [out, *(p.grad.clone() for _, p in sorted(layer.named_parameters()))]
        keys = sorted(layer.state_dict())
        if old:
            utils.remove_spectral_norm(layer)
            found.append(layer.weight)
        return keys, [*found, u, v]

    same(normed, near=ROUGH)


def test_the_spectral_norm_comes_near_one() -> None:
    """After many forwards the largest singular value is 1; a transposed convolution's outputs are its axis 1."""
    for layer, axis in ((nn.Linear(5, 4), 0), (nn.ConvTranspose1d(4, 3, 2), 1)):
        made = parametrizations.spectral_norm(layer, n_power_iterations=50)
        weight = np.moveaxis(made.weight.detach().numpy(), axis, 0)
        np.testing.assert_allclose(np.linalg.norm(weight.reshape(len(weight), -1), 2), 1, rtol=1e-4)


class Symmetric(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.triu() + x.triu(1).T


class Doubled(nn.Module):
    def forward(self, x: Any) -> Any:
        return 2 * x

    def right_inverse(self, x: Any) -> Any:
        return x / 2


def test_parametrized_tensors_are_computed_when_read() -> None:
    """Read, assigned, stacked, trained, copied and removed, a parametrized weight is what its parts make of it."""
    layer = nn.Linear(3, 3)
    value, parameter = layer.weight.detach().clone(), layer.weight
    parametrize.register_parametrization(layer, "weight", Doubled())
    close(layer.weight, value)
    assert layer.parametrizations.weight.original is parameter
    close(parameter, value / 2)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    close(layer.weight, 2 * (np.triu(value) / 2 + np.triu(value, 1).T / 2) + 0 * value)
    layer.weight = autodiff.ones(3, 3)
    close(layer.weight, autodiff.ones(3, 3))
    assert type(layer).__name__ == "ParametrizedLinear"
    assert isinstance(layer, nn.Linear)
    twin = copy.deepcopy(layer)
    twin.parametrizations.weight.original.data = autodiff.zeros(3, 3)
    close(layer.weight, autodiff.ones(3, 3))
    close(twin(autodiff.ones(3)), twin.bias)
    with parametrize.cached():
        assert layer.weight is layer.weight
    assert layer.weight is not layer.weight
    layer(autodiff.ones(3)).sum().backward()
    assert parameter.grad is not None
    assert parametrize.is_parametrized(layer, "weight")
    parametrize.remove_parametrizations(layer, "weight")
    assert layer.weight is parameter
    assert type(layer) is nn.Linear
    close(layer.weight, autodiff.ones(3, 3))
    assert not parametrize.is_parametrized(layer)


@pytest.mark.parametrize("affine", [True, False])
def test_a_fused_normalisation_gives_the_same(affine: bool) -> None:
    """A convolution, transposed or not, and a dense layer with a batch normalisation in evaluation are one layer."""
    pairs: list[Any] = [
        (nn.Conv2d(2, 3, 2), nn.BatchNorm2d(3, affine=affine), (2, 2, 4, 4), nn.utils.fuse_conv_bn_eval),
        (nn.ConvTranspose2d(2, 3, 2), nn.BatchNorm2d(3, affine=affine), (2, 2, 4, 4), nn.utils.fuse_conv_bn_eval),
        (nn.Linear(4, 3, bias=False), nn.BatchNorm1d(3, affine=affine), (5, 4), nn.utils.fuse_linear_bn_eval),
    ]
    for layer, norm, shape, fuse in pairs:
        for p in norm.parameters():
            nn.init.uniform_(p, 0.5, 2.0)
        norm(layer(autodiff.randn(*shape)))
        layer.eval(), norm.eval()
        x = autodiff.randn(*shape)
        np.testing.assert_allclose(
            fuse(layer, norm)(x).detach().numpy(), norm(layer(x)).detach().numpy(), rtol=1e-4, atol=1e-5
        )
    with pytest.raises(OptionError, match="eval"):
        nn.utils.fuse_linear_bn_eval(nn.Linear(1, 1), nn.BatchNorm1d(1))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: rnn.pad_sequence([autodiff.ones(1)], padding_side="top"), OptionError, "padding_side"),
        (lambda: rnn.pack_padded_sequence(autodiff.ones(2, 2), [1, 2]), OptionError, "do not fall"),
        (lambda: rnn.pack_padded_sequence(autodiff.ones(2, 2), [2, 0]), OptionError, "1 or more"),
        (lambda: rnn.pack_padded_sequence(autodiff.ones(2, 2), [3, 1]), ShapeError, "at most 2"),
        (lambda: rnn.pad_packed_sequence(rnn.pack_sequence([autodiff.ones(3)]), total_length=2), OptionError, "3 or"),
        (lambda: nn.utils.weight_norm(nn.Tanh()), OptionError, "no parameter 'weight'"),
        (lambda: nn.utils.remove_weight_norm(nn.Linear(1, 1)), OptionError, "has no weight_norm"),
        (lambda: nn.utils.spectral_norm(nn.Linear(0, 1)), OptionError, "no largest singular value"),
        (lambda: parametrize.register_parametrization(nn.Tanh(), "weight", Doubled()), OptionError, "to parametrize"),
        (lambda: parametrize.register_parametrization(nn.Linear(2, 1), "weight", nn.Flatten(0)), ShapeError, "unsafe"),
        (lambda: parametrize.remove_parametrizations(nn.Linear(1, 1), "weight"), OptionError, "not parametrized"),
    ],
)
def test_errors_teach(make: Any, error: type[Exception], message: str) -> None:
    """What cannot be is refused by named errors."""
    with pytest.raises(error, match=message):
        make()
