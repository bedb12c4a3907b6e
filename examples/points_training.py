"""The points, the networks and the recipes of ``examples.points``, and one training run as a value."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import autodiff
import nn
import optim

Array = NDArray[Any]
PLAIN, WIDE, DEEP = (2, 5, 3, 1), (2, 10, 5, 1), (2, 5, 10, 5, 3, 1)
SIGMOID_GAIN = 4.0  # the sigmoid's slope is 1/4 at most: weights four times as large keep a gradient's size
GRID = 40  # points of a decision surface along each axis
RECORDS = 200  # points of a learning curve


def points(name: str) -> tuple[Array, Array]:
    """The points (N, 2) and their labels (N, 1): "linear", 100 at random, or "xor", 21 on two crossing lines.

    >>> places, labels = points("xor")
    >>> places.shape, int(labels.sum())
    ((21, 2), 10)
    """
    if name == "linear":
        places = autodiff.rand(100, 2).numpy()
        return places, (places[:, :1] <= places[:, 1:]).astype(np.float32)
    pairs = []
    for i in range(11):
        pairs.append((i / 10, i / 10, 0.0))
        if i != 5:
            pairs.append((i / 10, 1 - i / 10, 1.0))
    table = np.array(pairs, np.float32)
    return table[:, :2], table[:, 2:]


def dense(nn: Any, widths: tuple[int, ...], hidden: Any = None, last: Any = None) -> Any:
    """Linear layers of these widths, the ``hidden`` activation between them and ``last`` at the end; or sigmoids.

    ``nn`` is this library's or PyTorch's.
    """
    layers: list[Any] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), (hidden or nn.Sigmoid)()]
    layers[-1] = (last or nn.Sigmoid)()
    return nn.Sequential(*layers)


def convolutional() -> nn.Sequential:
    """Nine numbers as a picture of 3 x 3, a convolution of 2 x 2 over it, and one number of the four it gives."""
    return nn.Sequential(
        nn.Linear(2, 9),
        nn.Tanh(),
        nn.Unflatten(1, (1, 3, 3)),
        nn.Conv2d(1, 1, kernel_size=2),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(4, 1),
        nn.Sigmoid(),
    )


def scaled(model: nn.Module, fill: Callable[[Any], object]) -> nn.Module:
    """The model with weights made by ``fill`` and biases of 0."""
    for name, parameter in model.named_parameters():
        if name.endswith("weight"):
            fill(parameter)
        else:
            nn.init.zeros_(parameter)
    return model


for_sigmoid = partial(nn.init.xavier_uniform_, gain=SIGMOID_GAIN)
for_tanh = partial(nn.init.xavier_uniform_, gain=nn.init.calculate_gain("tanh"))
for_relu = partial(nn.init.kaiming_normal_, nonlinearity="relu")

MODELS: dict[str, Callable[[], nn.Module]] = {
    "plain": lambda: scaled(dense(nn, PLAIN), for_sigmoid),
    "unscaled": lambda: dense(nn, PLAIN),
    "wide": lambda: scaled(dense(nn, WIDE), for_sigmoid),
    "deep": lambda: dense(nn, DEEP),
    "deep, repaired": lambda: scaled(dense(nn, DEEP), for_sigmoid),
    "tanh": lambda: scaled(dense(nn, PLAIN, nn.Tanh), for_tanh),
    "relu": lambda: scaled(dense(nn, PLAIN, nn.ReLU), for_relu),
    "convolution": lambda: scaled(convolutional(), for_tanh),
    "no activation": lambda: scaled(dense(nn, PLAIN, nn.Identity, nn.Identity), for_sigmoid),
}

RECIPES: dict[str, Callable[[Any], optim.Optimizer]] = {
    "sgd": lambda parameters: optim.SGD(parameters, lr=0.1),
    "sgd 0.05": lambda parameters: optim.SGD(parameters, lr=0.05),
    "sgd 0.2": lambda parameters: optim.SGD(parameters, lr=0.2),
    "momentum": lambda parameters: optim.SGD(parameters, lr=0.1, momentum=0.9),
    "adam": lambda parameters: optim.Adam(parameters, lr=0.01),
    "steps": lambda parameters: optim.SGD(parameters, lr=0.5),
}


def falling(epoch: int, epochs: int) -> float:
    """What the learning rate 0.5 is multiplied by, so that it is 0.5, 0.2 and 0.1 for a third of the epochs each."""
    return (1.0, 0.4, 0.2)[min(3 * epoch // epochs, 2)]


class Job(NamedTuple):
    """One training run; ``share`` of the points are learnt from, and the others are the test."""

    model: str = "plain"
    recipe: str = "sgd"
    data: str = "xor"
    seed: int = 0
    epochs: int = 10_000
    share: float = 1.0


class Run(NamedTuple):
    """What a run came to: loss and accuracy on the points it learnt from, accuracy on the others, and its history.

    ``norms`` has a row for each of ``epochs`` and a column for each layer: the norm of its weights' gradient.
    """

    loss: float
    accuracy: float
    test_accuracy: float | None
    epochs: list[int]
    losses: list[float]
    norms: list[list[float]]
    places: Array
    labels: Array
    outputs: Array
    surface: Array


def make_step(model: Any, optimizer: Any, criterion: Any) -> Callable[[Any, Any], object]:
    """One step of training on one sample, in this library's words or PyTorch's: they are the same."""

    def step(x: Any, y: Any) -> object:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        return optimizer.step()

    return step


def train(job: Job, noted: Callable[[], None] = lambda: None) -> Run:
    """Train on one sample at a time, and look at all of them now and then; ``noted`` is called each time.

    Random numbers come from the seed of the job alone, so that a run is the same wherever and whenever it is made.
    """
    autodiff.manual_seed(job.seed)
    places, labels = points(job.data)
    model = MODELS[job.model]()
    optimizer = RECIPES[job.recipe](model.parameters())
    schedule = optim.lr_scheduler.LambdaLR(
        optimizer, partial(falling, epochs=job.epochs) if job.recipe == "steps" else lambda epoch: 1.0
    )
    criterion = nn.MSELoss()
    step = autodiff.compile(make_step(model, optimizer, criterion))  # without compile: the same bits, more slowly
    count = int(job.share * len(places))
    x, y = autodiff.tensor(places), autodiff.tensor(labels)
    samples = list(zip(x[:count].split(1), y[:count].split(1), strict=True))

    run = Run(0.0, 0.0, None, [], [], [], places, labels, labels, labels)
    for epoch in range(job.epochs):
        if epoch % max(1, job.epochs // RECORDS) == 0:
            _record(run, epoch, model, criterion, x[:count], y[:count])
            noted()
        for place, label in samples:
            step(place, label)
        schedule.step()
    _record(run, job.epochs, model, criterion, x[:count], y[:count])

    with autodiff.no_grad():
        outputs = model(x).numpy()
        grid = np.linspace(0, 1, GRID, dtype=np.float32)
        square = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
        surface = model(autodiff.tensor(square)).numpy().reshape(GRID, GRID)
    right = (outputs > 0.5) == (labels > 0.5)
    test = float(right[count:].mean()) if count < len(places) else None
    return run._replace(
        loss=run.losses[-1], accuracy=float(right[:count].mean()), test_accuracy=test, outputs=outputs, surface=surface
    )


def _record(run: Run, epoch: int, model: nn.Module, criterion: nn.Module, x: Any, y: Any) -> None:
    """Write down the loss over all points and the gradient norm of each layer's weights; the weights stay."""
    loss = criterion(model(x), y)
    weights = [parameter for name, parameter in model.named_parameters() if name.endswith("weight")]
    run.epochs.append(epoch)
    run.losses.append(loss.item())
    run.norms.append([float((g * g).sum().sqrt()) for g in autodiff.autograd.grad(loss, weights)])
