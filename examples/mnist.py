"""A small convolutional network learns handwritten digits: ``python -m examples.mnist``.

It trains on the 5,000 embedded images (``--data DIR``: on all of MNIST) and writes three files: ``learning_curve.png``,
``graph.svg``, which is the recorded graph of one step from the images to the loss, and ``weights``, which
``model.load_state_dict(autodiff.load("weights"))`` reads back.
"""

from __future__ import annotations

import json
import math
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

import autodiff
import nn
import optim
from autodiff.io.files import write_whole
from autodiff.viz import DrawingError, draw
from examples import command
from examples.idx import Mnist, load_mnist
from examples.plotting import learning_curve
from examples.progress import progress

PROGRAM = "python -m examples.mnist"
PICTURE, GRAPH, WEIGHTS = "learning_curve.png", "graph.svg", "weights"

criterion = nn.CrossEntropyLoss()


def make_model(lib: Any = autodiff) -> Any:
    """Two convolutions and one dense layer: 11,386 parameters, (N, 1, 28, 28) -> (N, 10).

    ``lib`` is this library or PyTorch.
    """
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 12, kernel_size=5),  # 28 x 28 -> 24 x 24
        nn.MaxPool2d(2),  # -> 12 x 12
        nn.ReLU(),
        nn.Conv2d(12, 24, kernel_size=5),  # -> 8 x 8
        nn.MaxPool2d(2),  # -> 4 x 4
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 4 * 4, 10),
    )


def make_one_conv(lib: Any = autodiff) -> Any:
    """A convolution that keeps the size, and one dense layer: 125,866 parameters, (N, 1, 28, 28) -> (N, 10).

    The kernels start large, so that tanh is far from its linear part: near 0 the whole net would be linear, and right
    on 92 % of the images. ``lib`` is this library or PyTorch.
    """
    nn = lib.nn
    model = nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=5, padding="same"),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(16 * 28 * 28, 10),
    )
    nn.init.normal_(model[0].weight, std=4.0)
    for start_at_zero in (model[0].bias, model[3].weight, model[3].bias):
        nn.init.zeros_(start_at_zero)
    return model


def adam(model: Any, lr: float, lib: Any = autodiff, faster: float = 1.0) -> Any:
    """Adam, with a learning rate ``faster`` times as large for the layers that are convolutions."""
    layers: tuple[list[Any], list[Any]] = ([], [])
    for layer in model:
        layers[isinstance(layer, lib.nn.Conv2d)].extend(layer.parameters())
    return lib.optim.Adam([{"params": layers[0]}, {"params": layers[1], "lr": faster * lr}], lr=lr)


def falling(optimizer: Any, steps: int, epochs: int, final: float) -> optim.lr_scheduler.LRScheduler:
    """The learning rate falls a little with every step; small ones at the end settle what large ones found."""
    return optim.lr_scheduler.ExponentialLR(optimizer, final ** (1 / (steps * epochs)))


class Recipe(NamedTuple):
    """A model and how it learns best.

    Args:
        make: ``make(lib)``, the model; ``lib`` is this library or PyTorch.
        optimizer: ``optimizer(model, lr, lib)``.
        schedule: ``schedule(optimizer, steps, epochs)``, the learning rate over the steps; so many make an epoch.
        epochs, batch_size, lr: the defaults of the options.
        shift: a digit drawn up to so many pixels to the side is the same digit.
    """

    make: Callable[..., Any]
    optimizer: Callable[..., Any]
    schedule: Callable[[Any, int, int], optim.lr_scheduler.LRScheduler]
    epochs: int
    batch_size: int
    lr: float
    shift: int = 0


MODELS = {
    "two-conv": Recipe(make_model, adam, partial(falling, final=0.03), epochs=10, batch_size=50, lr=0.005, shift=1),
    "one-conv": Recipe(
        make_one_conv, partial(adam, faster=20.0), partial(falling, final=0.1), epochs=1, batch_size=50, lr=0.001
    ),
}


def build_step(recipe: Recipe, lib: Any = autodiff) -> Callable[[], object]:
    """One step of the recipe on a batch of random pixels, the same with PyTorch and with this library."""
    model = recipe.make(lib)
    return step_on_noise(model, recipe.optimizer(model, recipe.lr, lib), recipe.batch_size, lib)


def step_on_noise(model: Any, optimizer: Any, batch_size: int, lib: Any) -> Callable[[], object]:
    """One training step of ``model`` on a batch of random pixels and labels."""
    loss, random = lib.nn.CrossEntropyLoss(), np.random.default_rng(0)
    pixels = lib.tensor(random.random((batch_size, 1, 28, 28), dtype=np.float32))
    labels = lib.tensor(random.integers(0, 10, batch_size))

    def step() -> None:
        optimizer.zero_grad()
        loss(model(pixels), labels).backward()
        optimizer.step()

    return step


def to_tensor(images: NDArray[np.uint8]) -> autodiff.Tensor:
    """Images (N, 28, 28) from 0 to 255 as a tensor (N, 1, 28, 28) from 0 to 1."""
    return autodiff.tensor(images[:, None].astype(np.float32) / 255)


class Epoch(NamedTuple):
    """What one pass over the training images came to."""

    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float


def train(
    model: nn.Module, data: Mnist, epochs: int, batch_size: int, lr: float, recipe: Recipe = MODELS["two-conv"]
) -> list[Epoch]:
    """Train with the optimizer, schedule and shifts of the recipe, and print a line for each epoch.

    Raises:
        FloatingPointError: the loss became infinite or NaN.

    """
    count = len(data.train_images)
    optimizer, shift = recipe.optimizer(model, lr), recipe.shift
    scheduler = recipe.schedule(optimizer, math.ceil(count / batch_size), epochs)
    padded = np.pad(data.train_images, ((0, 0), (shift, shift), (shift, shift)))
    shifted = sliding_window_view(padded, (28, 28), axis=(1, 2))  # [image, down, right]: nothing is copied yet
    history = []
    for number in range(1, epochs + 1):
        start, total_loss, correct = time.perf_counter(), 0.0, 0
        model.train()
        bar = progress(autodiff.randperm(count).split(batch_size), f"epoch {number}/{epochs}")
        for batch in bar:
            chosen = batch.numpy()
            down, right = autodiff.randint(0, 2 * shift + 1, (2, len(chosen))).numpy()
            images, labels = to_tensor(shifted[chosen, down, right]), autodiff.tensor(data.train_labels[chosen])

            optimizer.zero_grad()
            logits = model(images)
            loss = criterion(logits, labels)
            loss.backward()
            optimizer.step()
            scheduler.step()

            if not math.isfinite(loss.item()):
                raise FloatingPointError(f"the loss is {loss.item()} in epoch {number}; try a smaller --lr than {lr}")
            total_loss += loss.item() * len(chosen)
            correct += int((logits.argmax(1) == labels).sum())
            bar.set_postfix_str(f"loss {loss.item():.3f}", refresh=False)
        test = evaluate(model, data.test_images, data.test_labels)
        history.append(Epoch(total_loss / count, correct / count, *test, time.perf_counter() - start))
        print(
            f"epoch {number:{len(str(epochs))}}/{epochs}   training: loss {history[-1].train_loss:.4f}, "
            f"accuracy {history[-1].train_accuracy:.2%}   test: loss {history[-1].test_loss:.4f}, "
            f"accuracy {history[-1].test_accuracy:.2%}   {history[-1].seconds:.1f} s",
            flush=True,
        )
    return history


@autodiff.no_grad()
def evaluate(model: nn.Module, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[float, float]:
    """The mean loss of the model, and the share of images it gets right."""
    model.eval()
    total_loss, correct = 0.0, 0
    for start in range(0, len(images), 500):
        part = slice(start, start + 500)
        logits, target = model(to_tensor(images[part])), autodiff.tensor(labels[part])
        total_loss += criterion(logits, target).item() * len(target)
        correct += int((logits.argmax(1) == target).sum())
    return total_loss / len(images), correct / len(images)


def write_pictures(model: nn.Module, data: Mnist, history: list[Epoch], out: Path) -> None:
    """The learning curve, and the graph of one step; for one that cannot be made here a line says what is missing."""
    try:
        learning_curve(
            out / PICTURE,
            losses={"training": [e.train_loss for e in history], "test": [e.test_loss for e in history]},
            accuracies={"training": [e.train_accuracy for e in history], "test": [e.test_accuracy for e in history]},
        )
    except ImportError:
        print(f"{PROGRAM}: {PICTURE} was not written: pip install matplotlib", file=sys.stderr)
    images, labels = to_tensor(data.train_images[:64]), autodiff.tensor(data.train_labels[:64])
    names = {"images": images, **dict(model.named_parameters())}
    try:
        draw(criterion(model(images), labels), params=names, depth=None).save(out / GRAPH)
    except DrawingError as error:
        print(f"{PROGRAM}: {GRAPH} was not written: {error}", file=sys.stderr)


def learn(options: Namespace) -> None:
    """Read the data, train, and write what was learned; all mistakes that can be foreseen are found before the work."""
    data, recipe = load_mnist(options.data), MODELS[options.model]
    epochs, batch_size = options.epochs or recipe.epochs, options.batch_size or recipe.batch_size
    lr = options.lr or recipe.lr
    command.check_writable([options.json] if options.json else [])
    options.out.mkdir(parents=True, exist_ok=True)
    command.check_writable(options.out / name for name in (PICTURE, GRAPH, WEIGHTS))

    autodiff.manual_seed(options.seed)
    model = recipe.make()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{parameters:,} parameters, {len(data.train_images):,} training and {len(data.test_images):,} test images")
    start = time.perf_counter()
    history = train(model, data, epochs, batch_size, lr, recipe)
    seconds = time.perf_counter() - start

    autodiff.save(model.state_dict(), options.out / WEIGHTS)
    write_pictures(model, data, history, options.out)
    if options.json:
        results = {
            "model": options.model,
            "seed": options.seed,
            "batch_size": batch_size,
            "lr": lr,
            "parameters": parameters,
            "train_images": len(data.train_images),
            "test_images": len(data.test_images),
            "test_accuracy": history[-1].test_accuracy,
            "validation_loss": history[-1].test_loss,
            "seconds": seconds,
            "epochs": [epoch._asdict() for epoch in history],
        }
        write_whole(options.json, json.dumps(results, indent=1) + "\n")
    written = ", ".join(name for name in (PICTURE, GRAPH, WEIGHTS) if (options.out / name).exists())
    print(f"test accuracy {history[-1].test_accuracy:.2%} after {seconds:.0f} s; in {options.out.resolve()}: {written}")


def _defaults(field: str) -> str:
    """What the option is by default, as its help says it."""
    return ", ".join(f"{name}: {recipe._asdict()[field]}" for name, recipe in MODELS.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    parser = command.Parser(prog=PROGRAM, description="Train a small convolutional network on handwritten digits.")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the four IDX files (default: 6,000 embedded images)")
    parser.add_argument("--model", choices=MODELS, default="two-conv", help="which network (default: two-conv)")
    parser.add_argument("--epochs", type=command.positive(int), help=f"passes over the data ({_defaults('epochs')})")
    parser.add_argument("--batch-size", type=command.positive(int), help=f"images a step ({_defaults('batch_size')})")
    parser.add_argument("--lr", type=command.positive(float), help=f"first learning rate ({_defaults('lr')})")
    parser.add_argument("--seed", type=command.natural, default=0, help="of weights, order and shifts (0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as data, too")
    parser.add_argument("--out", type=Path, metavar="DIR", default=Path(), help="where to write (default: here)")
    options = parser.parse_args(arguments)
    return command.run(PROGRAM, lambda: learn(options))


if __name__ == "__main__":
    raise SystemExit(main())
