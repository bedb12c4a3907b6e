"""A small convolutional network learns handwritten digits: ``python -m examples.mnist``.

It trains on the 5,000 embedded images (``--data DIR``: on all of MNIST) and writes three files: ``learning_curve.png``,
``graph.svg``, which is the recorded graph of one step from the images to the loss, and ``weights``, which
``model.load_state_dict(autodiff.load("weights"))`` reads back. It keeps a ``checkpoint``: a run that was
stopped goes on from there with ``--resume``, and ends with the same bits as one that was not.
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
from autodiff.data import DataLoader, Dataset
from autodiff.data.idx import Mnist, load_mnist
from autodiff.io.files import write_whole
from autodiff.viz import DrawingError, Watch, draw
from examples import command
from examples.checkpoints import Checkpoint, checksum
from examples.plotting import learning_curve
from examples.progress import progress

PROGRAM = "python -m examples.mnist"
PICTURE, GRAPH, WEIGHTS, CHECKPOINT = "learning_curve.png", "graph.svg", "weights", "checkpoint"

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


class Digits(Dataset[Any]):
    """Images and labels, a batch at a time; each image is shifted at random by up to ``shift`` pixels."""

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.int64], shift: int) -> None:
        self.labels, self.shift = labels, shift
        padded = np.pad(images, ((0, 0), (shift,) * 2, (shift,) * 2))
        self.shifted = sliding_window_view(padded, (28, 28), axis=(1, 2))  # [image, down, right]: not copied yet

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, chosen: list[int]) -> tuple[autodiff.Tensor, autodiff.Tensor]:
        down, right = autodiff.randint(0, 2 * self.shift + 1, (2, len(chosen))).numpy()
        return to_tensor(self.shifted[chosen, down, right]), autodiff.tensor(self.labels[chosen])


class Training:
    """A model on its way through the epochs; ``state_dict`` has all that decides how it goes on."""

    def __init__(self, model: nn.Module, data: Mnist, epochs: int, batch_size: int, lr: float, recipe: Recipe) -> None:
        self.model, self.data, self.epochs, self.batch_size, self.lr = model, data, epochs, batch_size, lr
        self.optimizer = recipe.optimizer(model, lr)
        self.digits = Digits(data.train_images, data.train_labels, recipe.shift)
        self.scheduler = recipe.schedule(self.optimizer, math.ceil(len(data.train_images) / batch_size), epochs)
        self.history: list[Epoch] = []
        self.watch: Watch | None = None
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self.steps, self.total_loss, self.correct, self.seconds = 0, 0.0, 0, 0.0  # so far
        self.order = autodiff.get_rng_state()  # from which the order of the images is drawn

    def state_dict(self) -> dict[str, Any]:
        """The model and how it learns, the place in the data, what came out so far, and the random numbers to come."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "history": [list(epoch) for epoch in self.history],
            "so far": [self.steps, self.total_loss, self.correct, self.seconds],
            "order": self.order,
            "random": autodiff.get_rng_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.history = [Epoch(*epoch) for epoch in state["history"]]
        self.steps, self.total_loss, self.correct, self.seconds = state["so far"]
        self.order = state["order"]
        autodiff.set_rng_state(state["random"])

    def batches(self) -> list[list[int]]:
        """The numbers of the images of each step of this epoch, in the order that was drawn when it began."""
        now = autodiff.get_rng_state()
        autodiff.set_rng_state(self.order)
        batches = autodiff.randperm(len(self.digits)).split(self.batch_size)
        if self.steps:
            autodiff.set_rng_state(now)
        return [batch.tolist() for batch in batches]

    def step(self, images: autodiff.Tensor, labels: autodiff.Tensor) -> float:
        """Learn from a batch of images; returns the loss."""
        self.optimizer.zero_grad()
        logits = self.model(images)
        loss = criterion(logits, labels)
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        if self.watch:
            self.watch(loss)

        self.steps += 1
        self.total_loss += loss.item() * len(labels)
        self.correct += int((logits.argmax(1) == labels).sum())
        return float(loss.item())

    def epoch(self, after: Callable[[], None]) -> None:
        """The rest of an epoch, and a line about it; ``after`` is called after each step and at the end."""
        number, count, start = len(self.history) + 1, len(self.data.train_images), time.perf_counter() - self.seconds
        self.model.train()
        batches = self.batches()
        label = f"epoch {number}/{self.epochs}"
        loader = DataLoader(self.digits, batch_sampler=batches[self.steps :], collate_fn=tuple)
        bar = progress(loader, label, initial=self.steps, total=len(batches))
        for images, labels in bar:
            loss = self.step(images, labels)
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss is {loss} in epoch {number}; try a smaller --lr than {self.lr}")
            bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
            self.seconds = time.perf_counter() - start
            after()
        test = evaluate(self.model, self.data.test_images, self.data.test_labels)
        self.history.append(Epoch(self.total_loss / count, self.correct / count, *test, time.perf_counter() - start))
        print(
            f"epoch {number:{len(str(self.epochs))}}/{self.epochs}   training: loss {self.history[-1].train_loss:.4f}, "
            f"accuracy {self.history[-1].train_accuracy:.2%}   test: loss {self.history[-1].test_loss:.4f}, "
            f"accuracy {self.history[-1].test_accuracy:.2%}   {self.history[-1].seconds:.1f} s",
            flush=True,
        )
        self._begin_epoch()
        after()


def train(
    model: nn.Module,
    data: Mnist,
    epochs: int,
    batch_size: int,
    lr: float,
    recipe: Recipe = MODELS["two-conv"],
    checkpoint: Checkpoint | None = None,
    page: Path | None = None,
) -> list[Epoch]:
    """Train with the optimizer, schedule and shifts of the recipe, and print a line for each epoch.

    ``page`` is written after each epoch, and shows what losses and layers did so far.

    Raises:
        FloatingPointError: the loss became infinite or NaN.

    """
    training = Training(model, data, epochs, batch_size, lr, recipe)
    training.watch = Watch(model, training.optimizer, title="digits") if page else None
    if checkpoint and checkpoint.saved:
        training.load_state_dict(checkpoint.saved)
        print(f"going on in epoch {len(training.history) + 1} after {training.steps} steps", flush=True)

    def keep() -> None:
        if checkpoint and training.steps % checkpoint.every == 0:
            autodiff.save({"run": checkpoint.run, **training.state_dict()}, checkpoint.path)

    while len(training.history) < epochs:
        training.epoch(keep)
        if page and training.watch:
            training.watch.save(page)
    return training.history


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
    model.zero_grad()
    loss = criterion(model(images), labels)
    loss.backward(retain_graph=True)  # the drawing says how large the gradients of this step are
    try:
        draw(loss, params=names, depth=None).save(out / GRAPH)
    except DrawingError as error:
        print(f"{PROGRAM}: {GRAPH} was not written: {error}", file=sys.stderr)


def learn(options: Namespace) -> None:
    """Read the data, train, and write what was learned; all mistakes that can be foreseen are found before the work."""
    data, recipe = load_mnist(options.data), MODELS[options.model]
    epochs, batch_size = options.epochs or recipe.epochs, options.batch_size or recipe.batch_size
    lr = options.lr or recipe.lr
    command.check_writable(path for path in (options.json, options.watch) if path)
    options.out.mkdir(parents=True, exist_ok=True)
    command.check_writable(options.out / name for name in (PICTURE, GRAPH, WEIGHTS, CHECKPOINT))
    run = {"model": options.model, "seed": options.seed, "epochs": epochs, "batch_size": batch_size, "lr": lr}
    checkpoint = Checkpoint(options.out / CHECKPOINT, options.checkpoint_every, {**run, "data": checksum(*data)})
    if options.resume:
        checkpoint = checkpoint.resumed()

    autodiff.manual_seed(options.seed)
    model = recipe.make()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{parameters:,} parameters, {len(data.train_images):,} training and {len(data.test_images):,} test images")
    history = train(model, data, epochs, batch_size, lr, recipe, checkpoint, options.watch)
    seconds = sum(epoch.seconds for epoch in history)

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
    checkpoint.path.unlink(missing_ok=True)
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
    parser.add_argument("--watch", type=Path, metavar="FILE", help="write what the layers did, as a page (.html)")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint of a run that was stopped")
    parser.add_argument(
        "--checkpoint-every", type=command.positive(int), metavar="N", default=100, help="steps between two (100)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", default=Path(), help="where to write (default: here)")
    options = parser.parse_args(arguments)
    return command.run(PROGRAM, lambda: learn(options))


if __name__ == "__main__":
    raise SystemExit(main())
