"""Initial values: those of layers, the laws of nn.init, and the factors of nonlinearities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from parity.harness import Near, same

import autodiff
import nn
from autodiff.errors import OptionError, ShapeError


@pytest.fixture(autouse=True)
def _seed() -> None:
    autodiff.manual_seed(0)


def bounds(tensor: Any) -> tuple[float, float]:
    return float(tensor.detach().numpy().min()), float(tensor.detach().numpy().max())


@pytest.mark.parametrize(
    "make", [lambda: nn.Linear(100, 200), lambda: nn.Conv2d(4, 64, 5), lambda: nn.Conv1d(50, 64, 4, groups=2)]
)
def test_layers_start_as_pytorchs_do(make: Any) -> None:
    """Weight and bias are uniform up to 1 / sqrt(fan_in), here 0.1, in float32."""
    autodiff.manual_seed(0)  # unseeded, the extremes of 64 numbers now and then stay within 0.8 of the bound
    for parameter in make().parameters():
        low, high = bounds(parameter)
        assert parameter.dtype == np.float32
        assert -0.1 <= low < -0.08
        assert 0.08 < high <= 0.1


def test_the_seed_decides_the_initial_values() -> None:
    """The default generator gives the same layer for the same seed, and another for another."""
    layers = [(autodiff.manual_seed(seed), nn.Linear(3, 3))[1] for seed in (1, 1, 2)]
    assert layers[0].weight.tolist() == layers[1].weight.tolist() != layers[2].weight.tolist()


def test_initial_distributions_have_their_moments() -> None:
    """Each random initialisation has the bound or standard deviation its formula says."""
    x = autodiff.empty(400, 100, 2)  # fan_in 200, fan_out 800
    uniform = {
        math.sqrt(6 / 1000): lambda: nn.init.xavier_uniform_(x),
        2 * math.sqrt(6 / 1000): lambda: nn.init.xavier_uniform_(x, gain=2),
        math.sqrt(6 / 200): lambda: nn.init.kaiming_uniform_(x, nonlinearity="relu"),
        math.sqrt(3 / 800): lambda: nn.init.kaiming_uniform_(x, mode="fan_out", nonlinearity="linear"),
        0.5: lambda: nn.init.uniform_(x, -0.5, 0.5),
    }
    for bound, fill in uniform.items():
        fill()
        np.testing.assert_allclose(bounds(x), (-bound, bound), rtol=1e-3)
    normal = {
        math.sqrt(2 / 1000): lambda: nn.init.xavier_normal_(x),
        math.sqrt(2 / 200): lambda: nn.init.kaiming_normal_(x, nonlinearity="relu"),
        3.0: lambda: nn.init.normal_(x, std=3.0),
    }
    for std, fill in normal.items():
        fill()
        np.testing.assert_allclose(x.numpy().std(), std, rtol=0.02)
    nn.init.trunc_normal_(x, std=1.0, a=-1.0, b=0.5)
    assert -1 <= bounds(x)[0] < bounds(x)[1] <= 0.5


def test_exact_initialisations() -> None:
    """Constants, the identity and orthogonal matrices; a Parameter is filled without being recorded."""
    weight = nn.Parameter(autodiff.empty(3, 5))
    assert nn.init.constant_(weight, 2.0) is weight
    assert weight.is_leaf
    assert weight.tolist() == [[2.0] * 5] * 3
    assert nn.init.eye_(weight).tolist() == np.eye(3, 5).tolist()
    assert nn.init.ones_(weight).sum().item() == 15
    assert nn.init.zeros_(weight).sum().item() == 0
    for shape in ((3, 5), (5, 3), (4, 2, 2)):
        q = nn.init.orthogonal_(autodiff.empty(*shape), gain=2.0).numpy().reshape(shape[0], -1)
        small = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
        np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-5)
    with pytest.raises(ShapeError):
        nn.init.xavier_uniform_(autodiff.empty(3))
    with pytest.raises(OptionError, match="no gain for 'cube'"):
        nn.init.calculate_gain("cube")


@pytest.mark.parametrize(
    ("shape", "groups"), [((4, 2, 3), 1), ((4, 2, 3), 2), ((6, 2, 3, 3), 3), ((3, 4, 2, 3, 1), 1), ((2, 5, 1, 2, 4), 2)]
)
def test_dirac_is_pytorchs(shape: tuple[int, ...], groups: int) -> None:
    """The kernels that give the input back, with groups too."""
    same(lambda lib: lib.nn.init.dirac_(lib.empty(*shape), groups))


def test_sparse_columns() -> None:
    """Each column has its part of zeros, at random places, among numbers of the given spread."""
    w = nn.init.sparse_(autodiff.empty(1000, 200), 0.1234, std=2.0).numpy()
    assert ((w == 0).sum(0) == 124).all()
    assert 100 < (w == 0).sum(1).max() * 5 < 400
    np.testing.assert_allclose(w[w != 0].std(), 2.0, rtol=0.02)


@pytest.mark.parametrize(
    "name", ["linear", "conv1d", "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
)
def test_gains_are_pytorchs(name: str) -> None:
    """The factor of every nonlinearity."""
    same(lambda lib: float(lib.nn.init.calculate_gain(name)), near=Near(1e-15))
    same(lambda lib: lib.nn.init.calculate_gain("leaky_relu", 0.3))


def cumulative(name: str, x: np.ndarray) -> np.ndarray:
    """The distribution functions of the standard laws."""
    if name == "uniform":
        return np.clip((x + 1) / 2, 0, 1)
    normal = np.array([0.5 * (1 + math.erf(v / 2**0.5)) for v in x])
    if name == "normal":
        return normal
    low, high = (0.5 * (1 + math.erf(v / 2**0.5)) for v in (-1.0, 0.5))
    return np.clip((normal - low) / (high - low), 0, 1)


FILLS: list[tuple[str, Any]] = [
    ("uniform", lambda w: nn.init.uniform_(w, -1, 1)),
    ("uniform", lambda w: nn.init.xavier_uniform_(w) / math.sqrt(6 / 300)),
    ("uniform", lambda w: nn.init.kaiming_uniform_(w, a=math.sqrt(5)) * math.sqrt(200)),
    ("uniform", lambda w: nn.init.kaiming_uniform_(w, mode="fan_out", nonlinearity="relu") / math.sqrt(6 / 100)),
    ("normal", lambda w: (nn.init.normal_(w, 3.0, 2.0) - 3) / 2),
    ("normal", lambda w: nn.init.xavier_normal_(w, gain=2.0) / 2 / math.sqrt(2 / 300)),
    ("normal", lambda w: nn.init.kaiming_normal_(w) / math.sqrt(2 / 200)),
    ("truncated", lambda w: nn.init.trunc_normal_(w, a=-1.0, b=0.5)),
]


@pytest.mark.parametrize(("law", "fill"), FILLS)
def test_initial_values_follow_their_law(law: str, fill: Any) -> None:
    """Of 20,000 values no part lies further from the distribution function than chance allows once in a million."""
    autodiff.manual_seed(1)
    x = np.sort(np.ravel(fill(autodiff.empty(100, 200, dtype=autodiff.float64)).numpy()))
    ranks = np.arange(len(x) + 1) / len(x)
    f = cumulative(law, x)
    distance = max(np.abs(f - ranks[1:]).max(), np.abs(f - ranks[:-1]).max())
    assert distance < math.sqrt(math.log(2e6) / 2 / len(x))  # Dvoretzky, Kiefer & Wolfowitz 1956


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.init.dirac_(autodiff.empty(2, 2)), ShapeError, "3 to 5 axes"),
        (lambda: nn.init.dirac_(autodiff.empty(3, 1, 1), groups=2), OptionError, "2 groups"),
        (lambda: nn.init.sparse_(autodiff.empty(2), 0.5), ShapeError, "a matrix"),
    ],
)
def test_errors_teach(make: Any, error: type[Exception], message: str) -> None:
    """Shapes and numbers that cannot be are refused by named errors."""
    with pytest.raises(error, match=message):
        make()
