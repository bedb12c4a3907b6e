"""What is measured: training steps, written once with PyTorch's names and run with either library.

Where the numbers also fit into a function of plain NumPy, ``pure`` has it for the libraries that differentiate those.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks import pure
from examples import gpt, mnist, mnist_mlp

__all__ = ["WORKLOADS", "Program", "Workload"]

Array = np.ndarray[Any, Any]
Loss = Callable[[], Any]


class Program(NamedTuple):
    """One workload on one library.

    Args:
        step: does the work once and returns what came out, a tensor.
        parameters: the tensors it differentiates by, as they were at the beginning.
        data: its other inputs, in the order in which a pure function takes them.
        loss: the forward pass alone.
        cotangent: what the backward pass starts from, where that is not 1; the last that a pure function takes.
    """

    step: Callable[[], Any]
    parameters: list[Any]
    data: list[Array]
    loss: Loss
    cotangent: Array | None = None


class Workload(NamedTuple):
    """A line of the table.

    Args:
        group: what bounds its time: overhead, also in small nets, dense, convolution or model.
        name: what the table calls it.
        build: ``build(lib)`` makes it with PyTorch or with this library.
        pure: ``pure(peer, parameters, *data)``, the same loss with NumPy's names; None where those do not reach.
        each: the time is divided by this many.
    """

    group: str
    name: str
    build: Callable[[Any], Program]
    pure: Callable[..., Any] | None = None
    each: int = 1


def _random(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def _labels(count: int, classes: int = 10) -> Array:
    return np.random.default_rng(1).integers(0, classes, count)


def _start_alike(lib: Any, model: Any) -> None:
    """Give a model the numbers that the other library's begins with: small ones, by the size of each array."""
    random = np.random.default_rng(2)
    with lib.no_grad():
        for p in model.parameters():
            width = np.prod(p.shape[1:]) if p.ndim > 1 else p.shape[0]
            p.copy_(lib.tensor(random.uniform(-1, 1, tuple(p.shape)).astype(np.float32) / np.float32(width) ** 0.5))


def _training(lib: Any, model: Any, optimizer: Callable[[Any], Any], data: list[Array], loss: Any) -> Program:
    """Steps of training: ``loss(model, *data)`` from the same numbers on either library."""
    _start_alike(lib, model)
    tensors, descent = [lib.tensor(array) for array in data], optimizer(model)
    forward = partial(loss, model, *tensors)

    def step() -> Any:
        descent.zero_grad()
        value = forward()
        value.backward()
        descent.step()
        return value

    return Program(step, list(model.parameters()), data, forward)


def _gradient(lib: Any, inputs: list[Array], function: Callable[..., Any], fixed: int = 0) -> Program:
    """The gradient of ``function`` by its inputs, but for the first few, which are ``fixed``."""
    tensors = [lib.tensor(array, requires_grad=i >= fixed) for i, array in enumerate(inputs)]
    forward = partial(function, *tensors)
    g = lib.tensor(_random(*forward().shape, seed=3))

    def step() -> Any:
        for tensor in tensors:
            tensor.grad = None
        out = forward()
        out.backward(g)
        return out

    return Program(step, tensors[fixed:], inputs[:fixed], forward, g.numpy())


def _sgd(lib: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda model: lib.optim.SGD(model.parameters(), lr=0.1, **options)


# --- small graphs: what is measured is the price of an operation ------------------------------------------------------


def xor(lib: Any, samples: int) -> Program:
    """A step of a 2-5-3-1 net of sigmoids: zero_grad, forward, mean squared error, backward, SGD."""
    nn = lib.nn
    model = nn.Sequential(nn.Linear(2, 5), nn.Sigmoid(), nn.Linear(5, 3), nn.Sigmoid(), nn.Linear(3, 1), nn.Sigmoid())
    criterion = nn.MSELoss()
    return _training(
        lib, model, _sgd(lib), [_random(samples, 2), _random(samples, 1)], lambda model, x, y: criterion(model(x), y)
    )


def chain(lib: Any, length: int) -> Program:
    """A product of many factors, one after another."""
    inputs = [np.array(numbers, np.float32) for numbers in ([1.0, 0.5, 0.2], [1.0, 0.99, 1.01])]
    return _gradient(lib, inputs, lambda x, y: pure.chain(None, [x, y], None, length=length))


def gradient_penalty(lib: Any) -> Program:
    """A critic whose gradient by its input is to have norm 1 (Gulrajani et al. 2017): a gradient of a gradient."""
    nn = lib.nn
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))

    def loss(model: Any, x: Any) -> Any:
        x = x.detach().requires_grad_()
        scores = model(x)
        (slope,) = lib.autograd.grad(scores.sum(), x, create_graph=True)
        return ((slope.norm(dim=1) - 1) ** 2).mean() + scores.mean()

    return _training(lib, model, _sgd(lib), [_random(32, 2)], loss)


# --- small nets with parts that draw, keep statistics, or count steps -------------------------------------------------


def _small(lib: Any, model: Any, optimizer: Callable[[Any], Any], *shape: int) -> Program:
    """A classifier of three classes; the forward pass alone is that of its evaluation, which draws nothing."""
    program = _training(
        lib, model, optimizer, [_random(*shape), _labels(shape[0], 3)],
        lambda model, x, y: lib.nn.functional.cross_entropy(model(x), y),
    )  # fmt: skip

    def loss() -> Any:
        model.eval()
        try:
            return program.loss()
        finally:
            model.train()

    return program._replace(loss=loss)


def normed(lib: Any) -> Program:
    """Batch norm, dropout and Adam on 32 samples of eight numbers."""
    nn = lib.nn
    model = nn.Sequential(
        nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 16), nn.BatchNorm1d(16),
        nn.ReLU(), nn.Linear(16, 3),
    )  # fmt: skip
    return _small(lib, model, lambda model: lib.optim.Adam(model.parameters(), lr=0.01), 32, 8)


def small_convolutional(lib: Any) -> Program:
    """A convolution, pooling and a linear layer on eight pictures of 8x8, with momentum."""
    nn = lib.nn
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3))
    return _small(lib, model, _sgd(lib, momentum=0.9), 8, 1, 8, 8)


# --- dense nets and long arrays ---------------------------------------------------------------------------------------


def mlp(lib: Any, samples: int, adam: bool = False) -> Program:
    """A step of the net of ``examples.mnist_mlp``, with its momentum and L2 penalty, or with Adam."""

    def optimizer(model: Any) -> Any:
        return lib.optim.Adam(model.parameters(), lr=0.001) if adam else mnist_mlp.sgd(model, 0.02, lib)

    return _training(
        lib, mnist_mlp.make_model(lib), optimizer, [_random(samples, 784), _labels(samples)],
        lambda model, x, y: lib.nn.functional.cross_entropy(model(x), y),
    )  # fmt: skip


def elementwise(lib: Any) -> Program:
    """Products and functions of a million numbers."""
    inputs = [_random(1000, 1000), _random(1000, 1000, seed=1)]
    return _gradient(lib, inputs, lambda x, y: (lib.sigmoid(x * y) + lib.tanh(x) * lib.exp(-y * y)).mean())


# --- convolution and pooling ------------------------------------------------------------------------------------------


def conv(
    lib: Any, shape: tuple[int, ...], channels: int, size: int, stride: int = 1, groups: int = 1, first: bool = False
) -> Program:
    """A convolution that keeps the size, and its gradients; by its input not where it is the ``first`` layer."""
    inputs = [_random(*shape), _random(channels, shape[1] // groups, size, size, seed=1), _random(channels, seed=2)]
    conv2d = lib.nn.functional.conv2d
    return _gradient(lib, inputs, lambda x, w, b: conv2d(x, w, b, stride, size // 2, 1, groups), fixed=int(first))


def max_pool(lib: Any, shape: tuple[int, ...], size: int, stride: int, padding: int) -> Program:
    """Max pooling and its gradient."""
    return _gradient(lib, [_random(*shape)], lambda x: lib.nn.functional.max_pool2d(x, size, stride, padding))


def _conv(name: str, *shape: Any, stride: int = 1, groups: int = 1, first: bool = False) -> Workload:
    (_, _, size), options = shape, {"stride": stride, "groups": groups}
    return Workload(
        "convolution", name, lambda lib: conv(lib, *shape, first=first, **options),
        partial(pure.conv_first if first else pure.conv, padding=size // 2, **options),
    )  # fmt: skip


def _pool(name: str, *shape: Any) -> Workload:
    return Workload(
        "convolution", name, lambda lib: max_pool(lib, *shape), partial(pure.max_pool, size=shape[1], stride=shape[2],
                                                                        padding=shape[3])
    )  # fmt: skip


# --- whole models -----------------------------------------------------------------------------------------------------


def digits(lib: Any, name: str) -> Program:
    """A step of a net of ``examples.mnist``, with its optimizer."""
    recipe, samples = mnist.MODELS[name], mnist.MODELS[name].batch_size
    return _training(
        lib, recipe.make(lib), lambda model: recipe.optimizer(model, recipe.lr, lib),
        [_random(samples, 1, 28, 28), _labels(samples)],
        lambda model, x, y: lib.nn.functional.cross_entropy(model(x), y),
    )  # fmt: skip


def residual(lib: Any) -> Program:
    """A residual block with batch norm (He et al. 2015)."""
    nn = lib.nn
    found = nn.Sequential(
        nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32),
    )  # fmt: skip
    return _training(
        lib, found, _sgd(lib, momentum=0.9), [_random(32, 32, 16, 16)],
        lambda found, x: (lib.relu(x + found(x)) ** 2).mean(),
    )  # fmt: skip


def small_gpt(lib: Any) -> Program:
    """A step of the net of ``examples.gpt``: three layers, 64 wide, 16 texts of 64 characters."""
    numbers = np.random.default_rng(0).integers(0, 40, (gpt.BATCH, gpt.CONTEXT + 1))

    def loss(model: Any, numbers: Any, targets: Any) -> Any:
        return lib.nn.functional.cross_entropy(gpt.logits(lib, model, numbers).flatten(0, 1), targets.flatten())

    return _training(
        lib, gpt.make_model(lib, 40), lambda model: lib.optim.AdamW(model.parameters(), lr=gpt.LR),
        [numbers[:, :-1], numbers[:, 1:]], loss,
    )  # fmt: skip


def lstm(lib: Any) -> Program:
    """A step of an LSTM 64 wide over 24 times, and a linear map of its states to ten logits."""
    nn = lib.nn
    model = nn.ModuleDict({"lstm": nn.LSTM(16, 64), "logits": nn.Linear(64, 10)})

    def loss(model: Any, x: Any, y: Any) -> Any:
        return lib.nn.functional.cross_entropy(model["logits"](model["lstm"](x)[0]).flatten(0, 1), y)

    return _training(
        lib, model, lambda model: lib.optim.Adam(model.parameters(), lr=0.001),
        [_random(24, 32, 16), _labels(24 * 32)], loss,
    )  # fmt: skip


WORKLOADS = [
    Workload("overhead", "XOR step, 21 samples", partial(xor, samples=21), pure.xor),
    Workload("overhead", "XOR step, one sample", partial(xor, samples=1), pure.xor),
    Workload("overhead", "product in a chain of 1,000", partial(chain, length=1000),
             partial(pure.weighted, function=partial(pure.chain, length=1000)), each=1000),
    Workload("overhead", "gradient penalty", gradient_penalty, pure.gradient_penalty),
    Workload("small", "batch norm, dropout, Adam, 32 samples", normed),
    Workload("small", "one convolution, 8x8 x 8, momentum", small_convolutional),
    Workload("dense", "MNIST MLP, batch 32", partial(mlp, samples=32), pure.mlp),
    Workload("dense", "MNIST MLP, batch 256", partial(mlp, samples=256), pure.mlp),
    Workload("dense", "MNIST MLP, batch 256, Adam", partial(mlp, samples=256, adam=True), pure.mlp),
    Workload("dense", "a million numbers, elementwise", elementwise, pure.elementwise),
    _conv("5x5, 1 to 16 channels, 28x28 x 50", (50, 1, 28, 28), 16, 5, first=True),
    _conv("3x3, 32 channels, 32x32 x 16", (16, 32, 32, 32), 32, 3),
    _conv("3x3, 64 channels, 28x28 x 16", (16, 64, 28, 28), 64, 3),
    _conv("5x5, 16 channels, 28x28 x 16", (16, 16, 28, 28), 16, 5),
    _conv("3x3, 32 to 64, stride 2, 32x32 x 16", (16, 32, 32, 32), 64, 3, stride=2),
    _conv("1x1, 64 channels, 28x28 x 16", (16, 64, 28, 28), 64, 1),
    _conv("3x3 depthwise, 64 channels, 28x28 x 16", (16, 64, 28, 28), 64, 3, groups=64),
    _pool("max pool 2x2, 16 channels, 28x28 x 50", (50, 16, 28, 28), 2, 2, 0),
    _pool("max pool 3x3 stride 2, 64 channels, 28x28 x 16", (16, 64, 28, 28), 3, 2, 1),
    Workload("model", "one convolution, MNIST x 50", partial(digits, name="one-conv"), pure.one_conv),
    Workload("model", "LeNet, MNIST x 50", partial(digits, name="two-conv"), pure.lenet),
    Workload("model", "residual block, 32 channels, 16x16 x 32", residual),
    Workload("model", "GPT, 3 layers, 64 wide, 16 x 64", small_gpt),
    Workload("model", "LSTM, 64 wide, 24 times, batch 32", lstm, pure.lstm),
]  # fmt: skip
