"""Zeros and ones told apart one image at a time, with binary cross-entropy: ``python -m examples.zeros_and_ones``.

A convolution and two dense layers, all sigmoid, learn from 100 images of each digit; twice: from pixels between 0 and
1, and from the bytes as the file has them, 0 to 255, on which exp overflows in a sigmoid written as 1 / (1 +
exp(-x)), and log(0) follows. Here neither gives a NaN or a warning.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import autodiff
import nn
import optim
from autodiff import Tensor
from autodiff.data.idx import load_mnist
from examples import command
from examples.pictures import curves
from examples.progress import progress
from examples.report import Options, Report, Row, argument_parser, main, picture

TEST_IMAGES = 2115  # zeros and ones among the 10,000 test images


class Digits(NamedTuple):
    """Pixels (N, 1, 28, 28) float32 from 0 to 255, and labels (N,), 0 or 1, to train and to test."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def load_digits(directory: Path | None, per_class: int) -> Digits:
    """The first ``per_class`` training zeros and as many ones, and all zeros and ones of the test images."""
    data = load_mnist(directory)
    chosen = np.concatenate([np.flatnonzero(data.train_labels == digit)[:per_class] for digit in (0, 1)])
    tested = np.flatnonzero(data.test_labels < 2)
    return Digits(
        _pixels(data.train_images[chosen]),
        autodiff.tensor(data.train_labels[chosen]),
        _pixels(data.test_images[tested]),
        autodiff.tensor(data.test_labels[tested]),
    )


def _pixels(images: NDArray[np.uint8]) -> Tensor:
    return autodiff.tensor(images[:, None].astype(np.float32))


def make_model() -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, 2), the probabilities of a zero and of a one."""
    return nn.Sequential(
        nn.Conv2d(1, 5, kernel_size=3),  # 28 x 28 -> 26 x 26
        nn.Sigmoid(),
        nn.Flatten(),
        nn.Linear(5 * 26 * 26, 100),
        nn.Sigmoid(),
        nn.Linear(100, 2),
        nn.Sigmoid(),
    )


def train(model: nn.Module, images: Tensor, labels: Tensor, epochs: int, label: str, lr: float = 0.1) -> list[float]:
    """Learn from one image after another; the mean loss of each epoch."""
    criterion, optimizer = nn.BCELoss(), optim.SGD(model.parameters(), lr=lr)
    wanted = autodiff.eye(2)[labels]
    losses = []
    for _ in progress(range(epochs), label):
        total = 0.0
        for chosen in autodiff.randperm(len(images)).split(1):
            optimizer.zero_grad()
            loss = criterion(model(images[chosen]), wanted[chosen])
            loss.backward()
            optimizer.step()
            total += loss.item()
        losses.append(total / len(images))
    return losses


@autodiff.no_grad()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The share of images whose likelier digit is the right one."""
    return float((model(images).argmax(1) == labels).float().mean().item())


def run(options: Options) -> Report:
    """Both trainings, from the same initial weights."""
    per_class, epochs = (20, 2) if options.quick else (100, 20)
    digits = load_digits(options.data, per_class)
    data: dict[str, Any] = {"test_images": len(digits.test_images)}
    losses = {}
    for name, key, scale in (("pixels 0 to 1", "", 255), ("pixels 0 to 255", "raw_pixel_", 1)):
        autodiff.manual_seed(options.seed)
        model = make_model()
        losses[name] = train(model, digits.train_images / scale, digits.train_labels, epochs, name)
        data[f"{key}losses"] = losses[name]
        data[f"{key}test_accuracy"] = accuracy(model, digits.test_images / scale, digits.test_labels)
    if path := picture(options, "zeros_and_ones.png"):
        curves(path, {"mean loss (binary cross-entropy)": losses}, "epoch")
    beat = 0.99 if len(digits.test_images) == TEST_IMAGES and not options.quick else None
    finite = sum(np.isfinite(data["raw_pixel_losses"]))
    rows = [
        Row(f"zeros and ones: accuracy, {len(digits.test_images):,} images", data["test_accuracy"], beat, ">=", ".2%"),
        Row("zeros and ones: epochs with a finite loss, raw pixels", int(finite), epochs, ">=", "d"),
        Row("zeros and ones: last loss, raw pixels", data["raw_pixel_losses"][-1]),
        Row("zeros and ones: accuracy, raw pixels", data["raw_pixel_test_accuracy"], None, ">=", ".2%"),
    ]
    return Report(data, rows)


def parser() -> command.Parser:
    """The common options, and where the images are."""
    return argument_parser("examples.zeros_and_ones", __doc__, data=True)


if __name__ == "__main__":
    raise SystemExit(main("examples.zeros_and_ones", __doc__, run, parser=parser()))
