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
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

import autodiff
import nn
import optim
from autodiff.files import write_whole
from autodiff.viz import DrawingError, draw
from examples import command
from examples.idx import Mnist, load_mnist
from examples.plotting import learning_curve
from examples.progress import progress

__all__ = ["Epoch", "evaluate", "learn", "main", "make_model", "to_tensor", "train", "write_pictures"]

PROGRAM = "python -m examples.mnist"
PICTURE, GRAPH, WEIGHTS = "learning_curve.png", "graph.svg", "weights"
FINAL_RATE = 0.03  # of the first learning rate: small steps at the end settle what large ones found
SHIFT = 1  # pixels: a digit drawn a little to the side is the same digit

criterion = nn.CrossEntropyLoss()


def make_model() -> nn.Sequential:
    """Two convolutions and one dense layer: 11,386 parameters, (N, 1, 28, 28) -> (N, 10)."""
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


def train(model: nn.Module, data: Mnist, epochs: int, batch_size: int, lr: float) -> list[Epoch]:
    """Train with Adam, the learning rate falling a little with every step, and print a line for each epoch.

    Raises:
        FloatingPointError: the loss became infinite or NaN.

    """
    count = len(data.train_images)
    optimizer = optim.Adam(model.parameters(), lr=lr)
    steps = epochs * math.ceil(count / batch_size)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, FINAL_RATE ** (1 / steps))
    padded = np.pad(data.train_images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    shifted = sliding_window_view(padded, (28, 28), axis=(1, 2))  # [image, down, right]: nothing is copied yet
    history = []
    for number in range(1, epochs + 1):
        start, total_loss, correct = time.perf_counter(), 0.0, 0
        model.train()
        bar = progress(autodiff.randperm(count).split(batch_size), f"epoch {number}/{epochs}")
        for batch in bar:
            chosen = batch.numpy()
            down, right = autodiff.randint(0, 2 * SHIFT + 1, (2, len(chosen))).numpy()
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
        draw(criterion(model(images), labels), params=names).save(out / GRAPH)
    except DrawingError as error:
        print(f"{PROGRAM}: {GRAPH} was not written: {error}", file=sys.stderr)


def learn(options: Namespace) -> None:
    """Read the data, train, and write what was learned; all mistakes that can be foreseen are found before the work."""
    data = load_mnist(options.data)
    command.check_writable([options.json] if options.json else [])
    options.out.mkdir(parents=True, exist_ok=True)
    command.check_writable(options.out / name for name in (PICTURE, GRAPH, WEIGHTS))

    autodiff.manual_seed(options.seed)
    model = make_model()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{parameters:,} parameters, {len(data.train_images):,} training and {len(data.test_images):,} test images")
    start = time.perf_counter()
    history = train(model, data, options.epochs, options.batch_size, options.lr)
    seconds = time.perf_counter() - start

    autodiff.save(model.state_dict(), options.out / WEIGHTS)
    write_pictures(model, data, history, options.out)
    if options.json:
        results = {
            "seed": options.seed,
            "batch_size": options.batch_size,
            "lr": options.lr,
            "parameters": parameters,
            "train_images": len(data.train_images),
            "test_images": len(data.test_images),
            "test_accuracy": history[-1].test_accuracy,
            "seconds": seconds,
            "epochs": [epoch._asdict() for epoch in history],
        }
        write_whole(options.json, json.dumps(results, indent=1) + "\n")
    written = ", ".join(name for name in (PICTURE, GRAPH, WEIGHTS) if (options.out / name).exists())
    print(f"test accuracy {history[-1].test_accuracy:.2%} after {seconds:.0f} s; in {options.out.resolve()}: {written}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    parser = command.Parser(prog=PROGRAM, description="Train a small convolutional network on handwritten digits.")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the four IDX files (default: 6,000 embedded images)")
    parser.add_argument("--epochs", type=command.positive(int), default=10, help="passes over the data (10)")
    parser.add_argument("--batch-size", type=command.positive(int), default=50, help="images a step (50)")
    parser.add_argument("--lr", type=command.positive(float), default=0.005, help="first learning rate (0.005)")
    parser.add_argument("--seed", type=command.natural, default=0, help="of weights, order and shifts (0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as data, too")
    parser.add_argument("--out", type=Path, metavar="DIR", default=Path(), help="where to write (default: here)")
    options = parser.parse_args(arguments)
    return command.run(PROGRAM, lambda: learn(options))


if __name__ == "__main__":
    raise SystemExit(main())
