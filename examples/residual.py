"""A residual network with batch norm learns handwritten digits: ``python -m examples.residual``.

Each block adds the output of its two convolutions to its input, so that the gradient has a way past them and depth does
no harm. Batch norm keeps every channel at one scale. The same net without the additions is trained beside it.

Reference: K. He, X. Zhang, S. Ren, J. Sun (2016), "Deep residual learning for image recognition".
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import autodiff
import optim
from autodiff.data.idx import Mnist, load_mnist
from autodiff.viz import Watch
from examples import command
from examples.mnist import evaluate, step_on_noise, to_tensor
from examples.peer import torch_ratio
from examples.pictures import curves
from examples.progress import progress
from examples.report import Options, Report, Row, argument_parser, main, picture

CHANNELS, BLOCKS = (8, 16, 32), 2  # channels of each stage, and residual blocks in each stage
EPOCHS, BATCH, LR, MOMENTUM, L2 = 4, 50, 0.05, 0.9, 5e-4
TO_BEAT = 0.97


def make_model(lib: Any = autodiff, residual: bool = True, blocks: int = BLOCKS) -> Any:
    """(N, 1, 28, 28) -> (N, 10) by stages of 14 x 14, 7 x 7 and 4 x 4 pixels; without ``residual`` nothing is added."""
    nn, Module = lib.nn, lib.nn.Module

    def convolution(inputs: int, outputs: int, stride: int = 1) -> list[Any]:
        return [nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs)]

    class Block(Module):  # type: ignore[misc, valid-type]  # the module of either library
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.found = nn.Sequential(*convolution(inputs, outputs, stride), nn.ReLU(), *convolution(outputs, outputs))
            self.kept = nn.Identity()
            if inputs != outputs:
                self.kept = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

        def forward(self, x: Any) -> Any:
            found = self.found(x)
            return lib.relu(found + self.kept(x) if residual else found)

    layers, inputs = [*convolution(1, CHANNELS[0], 2), nn.ReLU()], CHANNELS[0]
    for outputs in CHANNELS:
        for _ in range(blocks):
            layers.append(Block(inputs, outputs, 1 if inputs == outputs else 2))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10))


def sgd(model: Any, lib: Any = autodiff) -> Any:
    """Gradient descent with momentum and an L2 penalty."""
    return lib.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=L2)


def build_step(lib: Any) -> Callable[[], object]:
    """One step on a batch of random pixels, the same with PyTorch and with this library."""
    model = make_model(lib)
    return step_on_noise(model, sgd(model, lib), BATCH, lib)


def train(
    model: Any, data: Mnist, epochs: int, name: str, pages: Path | None = None
) -> tuple[list[float], list[float]]:
    """The training loss of each step and, after each epoch, the test accuracy; the learning rate falls to 0.

    A page in the folder ``pages`` shows what the layers did.
    """
    count, losses, accuracies = len(data.train_images), [], []
    loss, optimizer = autodiff.nn.CrossEntropyLoss(), sgd(model)
    steps = epochs * -(-count // BATCH)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    watch = Watch(model, optimizer, title=f"{name} net") if pages else None
    for epoch in range(epochs):
        model.train()
        bar = progress(autodiff.randperm(count).split(BATCH), f"{name} {epoch + 1}/{epochs}")
        for batch in bar:
            chosen = batch.numpy()
            images, labels = to_tensor(data.train_images[chosen]), autodiff.tensor(data.train_labels[chosen])
            optimizer.zero_grad()
            value = loss(model(images), labels)
            value.backward()
            optimizer.step()
            scheduler.step()
            if watch:
                watch(value)
            losses.append(value.item())
            bar.set_postfix_str(f"loss {losses[-1]:.3f}", refresh=False)
        accuracies.append(evaluate(model, data.test_images, data.test_labels)[1])
    if pages and watch:
        pages.mkdir(parents=True, exist_ok=True)
        watch.save(pages / f"{name}.html")
        print(f"{name} net:", *(map(str, watch.findings()) if watch.findings() else ["all layers learn"]), sep="\n  ")
    return losses, accuracies


def run(options: Options) -> Report:
    """Both nets and their picture, and the time of a step beside PyTorch's."""
    data, blocks = load_mnist(vars(options).get("data")), BLOCKS
    if options.quick:
        blocks, few = 1, (data.train_images[:500], data.train_labels[:500])
        data = Mnist(*few, data.test_images[:200], data.test_labels[:200])
    ratio = torch_ratio(build_step, *((1, 1) if options.quick else (10, 5)))
    losses, accuracies = {}, {}
    for name, residual in (("residual", True), ("plain", False)):
        autodiff.manual_seed(options.seed)
        model = make_model(residual=residual, blocks=blocks)
        losses[name], accuracies[name] = train(model, data, EPOCHS, name, vars(options).get("watch"))
    if path := picture(options, "residual.png"):
        curves(path, {"training loss": losses}, "step")

    rows = [
        Row("residual net: test accuracy", accuracies["residual"][-1], None if options.quick else TO_BEAT, ">=", ".2%"),
        Row("the same without additions: test accuracy", accuracies["plain"][-1], None, ">=", ".2%"),
        Row("residual net: time of a step, PyTorch's / ours", ratio, 1.0, ">=", ".2f"),
    ]
    return Report({"losses": losses, "accuracies": accuracies, "torch_ratio": ratio}, rows)


def parser() -> command.Parser:
    """The common options, where the images are, and where to write what the layers did."""
    result = argument_parser("examples.residual", __doc__, data=True)
    result.add_argument("--watch", type=Path, metavar="DIR", help="write a page for each net: what its layers did")
    return result


if __name__ == "__main__":
    raise SystemExit(main("examples.residual", __doc__, run, parser=parser()))
