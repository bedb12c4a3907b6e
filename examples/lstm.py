"""An LSTM learns to add, digit by digit, and to carry the one: ``python -m examples.lstm``.

It reads two numbers as text from their last digits on, a pair of digits at each step, and writes the digit of the sum.
It sees numbers of up to six digits and is then asked for sums of thirty: to carry is the same at any length.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff
from examples.peer import torch_ratio
from examples.pictures import curves
from examples.progress import losses_of
from examples.report import Options, Report, Row, main, picture

HIDDEN, WIDTH = 32, 8
STEPS, BATCH, LR = 600, 64, 0.01
SHORT, LONG, QUESTIONS = 6, 30, 500


def digits_of(number: int, length: int) -> list[int]:
    """The digits from the last on, with zeros after the first.

    >>> digits_of(123, 4)
    [3, 2, 1, 0]
    """
    return [int(digit) for digit in reversed(f"{number:0{length}d}")]


def sums(rng: np.random.Generator, count: int, length: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Digits of two numbers (length + 1, count, 2), and those of their sum (length + 1, count), last digits first."""
    pairs = [[int("".join(map(str, rng.integers(0, 10, length)))) for _ in range(2)] for _ in range(count)]
    asked = [[digits_of(number, length + 1) for number in pair] for pair in pairs]
    answers = [digits_of(sum(pair), length + 1) for pair in pairs]
    return np.array(asked).transpose(2, 0, 1), np.array(answers).T


def make_model(lib: Any) -> Any:
    """An embedding of digits, an LSTM over the pairs, and a linear map from its states to ten logits."""
    nn = lib.nn
    return nn.ModuleDict({
        "digits": nn.Embedding(10, WIDTH), "lstm": nn.LSTM(2 * WIDTH, HIDDEN), "logits": nn.Linear(HIDDEN, 10)
    })  # fmt: skip


def logits(model: Any, asked: Any) -> Any:
    """For each pair of digits (T, N, 2) the logits of the sum's digit (T, N, 10)."""
    return model["logits"](model["lstm"](model["digits"](asked).flatten(2))[0])


def build_step(lib: Any, seed: int = 0, model: Any = None) -> Callable[[], float]:
    """A function that makes one training step and returns its loss; the numbers are of one to six digits."""
    rng, model = np.random.default_rng(seed), model or make_model(lib)
    optimizer = lib.optim.Adam(model.parameters(), lr=LR)

    def step() -> float:
        asked, answers = (lib.tensor(x) for x in sums(rng, BATCH, int(rng.integers(1, SHORT + 1))))
        optimizer.zero_grad()
        loss = lib.nn.functional.cross_entropy(logits(model, asked).flatten(0, 1), answers.flatten())
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def train(model: Any, steps: int, seed: int) -> list[float]:
    """The loss of each step."""
    return losses_of(build_step(autodiff, seed, model), steps, "lstm")


def accuracy(model: Any, seed: int, length: int) -> float:
    """The share of sums of two numbers of ``length`` digits that are right in every digit."""
    asked, answers = sums(np.random.default_rng(seed), QUESTIONS, length)
    with autodiff.no_grad():
        found = logits(model, autodiff.tensor(asked)).argmax(-1).numpy()
    return float((found == answers).all(0).mean())


def add(model: Any, first: int, second: int) -> int:
    """The sum that the model computes."""
    length = len(str(max(first, second))) + 1
    asked = np.array([digits_of(first, length), digits_of(second, length)]).T[:, None]
    with autodiff.no_grad():
        found = logits(model, autodiff.tensor(asked)).argmax(-1).numpy()
    return int("".join(map(str, found[::-1, 0])))


def run(options: Options) -> Report:
    """Training, sums that are longer than any it has seen, and the time of a step beside PyTorch's."""
    ratio = torch_ratio(partial(build_step, seed=0), *((2, 1) if options.quick else (30, 7)))
    autodiff.manual_seed(options.seed)
    model = make_model(autodiff)
    losses = train(model, 60 if options.quick else STEPS, options.seed)
    short, long = (accuracy(model, options.seed + 1, length) for length in (SHORT, LONG))
    print(f"987654321 + 123456789 = {add(model, 987654321, 123456789)}")
    if path := picture(options, "lstm.png"):
        curves(path, {"softmax loss": {"LSTM": losses}}, "step")

    beat = None if options.quick else 0.99
    rows = [
        Row(f"LSTM: sums of {SHORT} digits, all digits right", short, beat, ">=", ".1%"),
        Row(f"LSTM: sums of {LONG} digits, all digits right", long, beat, ">=", ".1%"),
        Row("LSTM: time of a step, PyTorch's / ours", ratio, 1.0, ">=", ".2f"),
    ]
    return Report({"losses": losses, "accuracy": short, "long_accuracy": long, "torch_ratio": ratio}, rows)


if __name__ == "__main__":
    raise SystemExit(main("examples.lstm", __doc__, run))
