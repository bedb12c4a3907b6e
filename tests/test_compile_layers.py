"""Every layer in both modes, and every optimizer with its options: compiled, they come to the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled import Way, replays, side_by_side

import autodiff
import nn
import optim
from autodiff.errors import AutodiffWarning

F = nn.functional
RNG = np.random.default_rng(0)
LAYERS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(3, 4), (5, 3)),
    "bilinear features": (lambda: nn.Sequential(nn.Linear(3, 4), nn.Unflatten(1, (2, 2)), nn.Flatten()), (5, 3)),
    "conv1d": (lambda: nn.Conv1d(2, 3, 3), (4, 2, 9)),
    "conv2d": (lambda: nn.Conv2d(2, 3, 3, padding=1, stride=2), (4, 2, 8, 8)),
    "conv2d groups": (lambda: nn.Conv2d(4, 4, 3, groups=4), (2, 4, 6, 6)),
    "conv3d": (lambda: nn.Conv3d(1, 2, 2), (2, 1, 4, 4, 4)),
    "conv transpose": (lambda: nn.ConvTranspose2d(2, 3, 3), (2, 2, 5, 5)),
    "batch norm": (lambda: nn.BatchNorm1d(3), (6, 3)),
    "batch norm of images": (lambda: nn.BatchNorm2d(3), (4, 3, 5, 5)),
    "layer norm": (lambda: nn.LayerNorm(4), (5, 4)),
    "group norm": (lambda: nn.GroupNorm(2, 4), (3, 4, 5)),
    "instance norm": (lambda: nn.InstanceNorm2d(3, affine=True, track_running_stats=True), (3, 3, 4, 4)),
    "local response norm": (lambda: nn.LocalResponseNorm(2), (3, 4, 5)),
    "rms norm": (lambda: nn.RMSNorm(4), (5, 4)),
    "dropout": (lambda: nn.Dropout(0.5), (5, 4)),
    "dropout of channels": (lambda: nn.Dropout2d(0.5), (5, 4, 3, 3)),
    "alpha dropout": (lambda: nn.AlphaDropout(0.3), (5, 4)),
    "rrelu": (nn.RReLU, (5, 4)),
    "prelu": (nn.PReLU, (5, 4)),
    **{
        kind.__name__: (kind, (5, 4))
        for kind in (
            nn.ReLU, nn.GELU, nn.Sigmoid, nn.ELU, nn.SELU, nn.CELU, nn.SiLU, nn.Mish, nn.LeakyReLU, nn.Softplus,
            nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Softsign, nn.Tanhshrink, nn.Softshrink, nn.Hardshrink,
            nn.GLU, nn.Tanh, nn.ReLU6, nn.LogSigmoid, nn.Identity,
        )
    },
    "softmax": (lambda: nn.Softmax(1), (5, 4)),
    "log softmax": (lambda: nn.LogSoftmax(1), (5, 4)),
    "softmin": (lambda: nn.Softmin(1), (5, 4)),
    "max pool": (lambda: nn.MaxPool2d(2), (2, 3, 6, 6)),
    "max pool 1d": (lambda: nn.MaxPool1d(2), (2, 3, 6)),
    "average pool": (lambda: nn.AvgPool2d(2), (2, 3, 6, 6)),
    "adaptive average pool": (lambda: nn.AdaptiveAvgPool2d(2), (2, 3, 5, 5)),
    "adaptive max pool": (lambda: nn.AdaptiveMaxPool2d(2), (2, 3, 5, 5)),
    "lp pool": (lambda: nn.LPPool2d(2, 2), (2, 3, 6, 6)),
    "rnn": (lambda: nn.RNN(3, 4), (5, 2, 3)),
    "lstm": (lambda: nn.LSTM(3, 4), (5, 2, 3)),
    "lstm both ways": (lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True, dropout=0.3), (5, 2, 3)),
    "gru": (lambda: nn.GRU(3, 4), (5, 2, 3)),
    "lstm cell": (lambda: nn.LSTMCell(3, 4), (5, 3)),
    "transformer": (lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), (2, 3, 4)),
    "padding": (lambda: nn.Sequential(nn.ReflectionPad2d(1), nn.ConstantPad2d(1, 2.0)), (2, 2, 4, 4)),
    "upsampling": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), (2, 2, 3, 3)),
    "upsampling, nearest": (lambda: nn.Upsample(scale_factor=2), (2, 2, 3, 3)),
    "unfold": (lambda: nn.Unfold(2), (2, 2, 4, 4)),
    "pixel shuffle": (lambda: nn.PixelShuffle(2), (2, 4, 3, 3)),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)), (5, 3)),
    "embedding": (lambda: nn.Embedding(7, 4), (5, 3)),
    "bag of embeddings": (lambda: nn.EmbeddingBag(7, 4), (5, 3)),
}  # fmt: skip
AS_IT_STANDS: dict[str, tuple[Any, tuple[int, ...]]] = {  # they read numbers
    "batch norm over all": (lambda: nn.BatchNorm2d(3, momentum=None), (4, 3, 5, 5)),
    "spectral norm": (lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(3, 4)), (5, 3)),
}


def layer(make: Any, shape: tuple[int, ...], train: bool) -> Any:
    """A training step of one layer, whose input has a factor that is trained too."""
    takes_numbers = "Embedding" not in type(make()).__name__

    def build() -> Way:
        model = make().train(train)
        factor = autodiff.tensor(np.ones(shape, np.float32), requires_grad=True)
        optimizer = optim.SGD([factor, *model.parameters()], lr=0.01, momentum=0.5)

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            out = model(x * factor if takes_numbers else x)
            out = out[0] if isinstance(out, tuple) else out
            loss = (out * out).sum()
            loss.backward()
            optimizer.step()
            return loss

        return Way(step, [factor, *model.parameters(), *model.buffers()], optimizer)

    def data(i: int) -> Any:
        return (RNG.normal(size=shape).astype(np.float32) if takes_numbers else RNG.integers(0, 7, shape),)

    return side_by_side(build, data)


@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer(name: str, train: bool) -> None:
    """Six steps on other data each, with the gradients, the parameters, their momentum, and the running statistics."""
    assert replays(layer(*LAYERS[name], train))


@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", AS_IT_STANDS)
def test_a_layer_that_runs_as_it_stands(name: str, train: bool) -> None:
    """What cannot be compiled is right all the same."""
    layer(*AS_IT_STANDS[name], train)


OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "dampening": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.3, maximize=True),
    "adam": lambda p: optim.Adam(p, lr=0.1),
    "amsgrad": lambda p: optim.Adam(p, lr=0.1, weight_decay=0.1, amsgrad=True),
    "a rate in a tensor": lambda p: optim.Adam(p, lr=autodiff.tensor(0.01)),
    "adamw": lambda p: optim.AdamW(p, lr=0.1, maximize=True),
    "adamax": lambda p: optim.Adamax(p),
    "nadam": lambda p: optim.NAdam(p),
    "nadam, decoupled": lambda p: optim.NAdam(p, weight_decay=0.1, decoupled_weight_decay=True),
    "radam": lambda p: optim.RAdam(p),
    "adagrad": lambda p: optim.Adagrad(p, lr_decay=0.1),
    "rmsprop": lambda p: optim.RMSprop(p),
    "centered": lambda p: optim.RMSprop(p, momentum=0.9, centered=True, weight_decay=0.1),
    "adadelta": lambda p: optim.Adadelta(p),
    "asgd": lambda p: optim.ASGD(p),
    "rprop": lambda p: optim.Rprop(p),
    "groups": lambda p: optim.AdamW([{"params": [q], "lr": 0.01 * (i + 1)} for i, q in enumerate(p)]),
}
READ_NUMBERS: dict[str, Any] = {
    "adafactor": lambda p: optim.Adafactor(p),
    "muon": lambda p: optim.Muon([q for q in p if q.ndim == 2]),
}


def training(make: Any) -> Any:
    def build() -> Way:
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        optimizer = make(model.parameters())

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        return Way(step, list(model.parameters()), optimizer)

    def between(i: int, way: Way) -> None:
        for group in way.optimizer.param_groups:
            if i == 4 and not isinstance(group["lr"], autodiff.Tensor):
                group["lr"] *= 0.5

    return side_by_side(
        build, lambda i: tuple(RNG.normal(size=(5, n)).astype(np.float32) for n in (3, 2)), 16, between
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer(name: str) -> None:
    """Rates, counters and bias corrections are those of each step; the rate is changed midway."""
    assert replays(training(OPTIMIZERS[name]))


@pytest.mark.parametrize("name", READ_NUMBERS)
def test_an_optimizer_that_runs_as_it_stands(name: str) -> None:
    """Optimizers that read numbers of arrays are right all the same, and say why."""
    compiled = training(READ_NUMBERS[name])
    assert not compiled.programs
    assert "asks for a number" in compiled.said[0]


def test_lbfgs_runs_as_it_stands() -> None:
    """It looks at losses, as numbers, to choose its next point: right all the same, and it says why."""
    ways = []
    for _ in range(2):
        w = autodiff.tensor([3.0, -2.0], requires_grad=True)
        optimizer = optim.LBFGS([w], max_iter=3)

        def step(x: Any, w: Any = w, optimizer: Any = optimizer) -> Any:
            def closure() -> Any:
                optimizer.zero_grad()
                loss = ((w - x) ** 2).sum() + (w**4).sum()
                loss.backward()
                return loss

            return optimizer.step(closure)

        ways.append((w, step))
    (plain, step), (w, other) = ways
    compiled = autodiff.compile(other)
    step(autodiff.ones(2))
    compiled(autodiff.ones(2))
    with pytest.warns(AutodiffWarning, match="not compiled"):
        compiled(autodiff.zeros(2))
    step(autodiff.zeros(2))
    for i in range(3):
        assert step(autodiff.full((2,), float(i))).item() == compiled(autodiff.full((2,), float(i))).item()
        assert w.tolist() == plain.tolist()
    assert not compiled.programs
