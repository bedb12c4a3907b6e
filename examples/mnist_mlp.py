"""A fully connected net of any depth learns handwritten digits: ``python -m examples.mnist_mlp --widths 500 200``.

ReLU between the layers, softmax loss, batches of 32, an L2 penalty on the weights, and a learning rate that falls by a
tenth after each of ten epochs. The program that trains it is that of ``examples.mnist``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import autodiff
import optim
from autodiff.data.idx import Mnist, load_mnist
from examples import command
from examples.mnist import Recipe, build_step, train
from examples.peer import torch_ratio
from examples.pictures import curves
from examples.report import Options, Report, Row, argument_parser, main, picture

WIDTHS, MOMENTUM, L2, DECAY = (500, 200), 0.9, 1e-3, 0.9
ALL_IMAGES = 60_000
TO_BEAT = 0.98  # the course's own net had 95.14 %


def make_model(lib: Any = autodiff, widths: Sequence[int] = WIDTHS) -> Any:
    """(N, 1, 28, 28) -> (N, 10) by hidden layers of these widths; their weights keep the size of what passes ReLU.

    Reference: He, Zhang, Ren & Sun 2015, "Delving deep into rectifiers".
    """
    nn = lib.nn
    layers: list[Any] = [nn.Flatten()]
    for inputs, outputs in zip((784, *widths), (*widths, 10), strict=True):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        nn.init.kaiming_normal_(layers[-2].weight, nonlinearity="relu")
        nn.init.zeros_(layers[-2].bias)
    return nn.Sequential(*layers[:-1])


def sgd(model: Any, lr: float, lib: Any = autodiff) -> Any:
    """Gradient descent with momentum; the penalty L2 / 2 * sum(W^2) is on the weights alone, not on the biases."""
    weights = [parameter for parameter in model.parameters() if parameter.ndim == 2]
    biases = [parameter for parameter in model.parameters() if parameter.ndim == 1]
    return lib.optim.SGD([{"params": weights, "weight_decay": L2}, {"params": biases}], lr=lr, momentum=MOMENTUM)


def after_each_epoch(optimizer: Any, steps: int, epochs: int) -> optim.lr_scheduler.LRScheduler:
    """The learning rate times ``DECAY`` after so many steps as make an epoch."""
    return optim.lr_scheduler.StepLR(optimizer, steps, DECAY)


def recipe(widths: Sequence[int]) -> Recipe:
    """Ten epochs in batches of 32; digits shifted by a pixel cost nothing and are worth a quarter of a percent."""
    make = partial(make_model, widths=widths)
    return Recipe(make, sgd, after_each_epoch, epochs=10, batch_size=32, lr=0.02, shift=1)


def run(options: Options) -> Report:
    """Training and its picture, and the time of a step beside PyTorch's."""
    widths = vars(options).get("widths", WIDTHS)  # a program that runs several of these has no option for one of them
    data, plan = load_mnist(options.data), recipe(widths)
    if options.quick:
        data, plan = Mnist(data.train_images[:640], data.train_labels[:640], *data[2:]), plan._replace(epochs=2)
    ratio = torch_ratio(partial(build_step, plan), *((2, 1) if options.quick else (150, 7)))
    autodiff.manual_seed(options.seed)
    history = train(plan.make(), data, plan.epochs, plan.batch_size, plan.lr, plan)
    losses = {"training": [e.train_loss for e in history], "test": [e.test_loss for e in history]}
    accuracies = {"training": [e.train_accuracy for e in history], "test": [e.test_accuracy for e in history]}
    if path := picture(options, "mnist_mlp.png"):
        curves(path, {"softmax loss": losses, "accuracy": accuracies}, "epoch")

    beat = TO_BEAT if len(data.train_images) == ALL_IMAGES else None
    rows = [
        Row(f"dense net: accuracy on {len(data.test_images):,} images", accuracies["test"][-1], beat, ">=", ".2%"),
        Row("dense net: time of a step, PyTorch's / ours", ratio, 1.0, ">=", ".2f"),
    ]
    figures = {"test_accuracy": accuracies["test"][-1], "torch_ratio": ratio, "widths": list(widths)}
    return Report(figures | {"losses": losses, "accuracies": accuracies}, rows)


def parser() -> command.Parser:
    """The common options, where the images are, and the widths of the hidden layers."""
    result = argument_parser("examples.mnist_mlp", __doc__, data=True)
    result.add_argument(
        "--widths", type=command.positive(int), nargs="*", default=list(WIDTHS), help="hidden layers (default: 500 200)"
    )
    return result


if __name__ == "__main__":
    raise SystemExit(main("examples.mnist_mlp", __doc__, run, parser=parser()))
