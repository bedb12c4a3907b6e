"""A small GPT learns verses letter by letter, and then writes some of its own: ``python -m examples.gpt``.

The text is that of ``examples/data/verses.txt``, seven poems in the public domain, or of ``--text FILE``. It is short:
what is learnt is these verses and not English.

Reference: Radford, Narasimhan, Salimans & Sutskever 2018 (GPT).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff
from examples import command
from examples.peer import torch_ratio
from examples.pictures import curves
from examples.progress import losses_of
from examples.report import Options, Report, Row, argument_parser, main, picture

VERSES = Path(__file__).parent / "data" / "verses.txt"
CONTEXT, WIDTH, HEADS, LAYERS = 64, 64, 4, 3
STEPS, BATCH, LR = 1500, 16, 3e-3


class Text:
    """A text as numbers, one for each of its different characters."""

    def __init__(self, text: str) -> None:
        self.characters = sorted(set(text))
        number = {character: i for i, character in enumerate(self.characters)}
        self.numbers = np.array([number[character] for character in text])

    def batch(self, rng: np.random.Generator, size: int, length: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Pieces of the text (size, length), and for each character the one that follows it."""
        starts = rng.integers(0, len(self.numbers) - length, size)
        pieces = self.numbers[starts[:, None] + np.arange(length + 1)]
        return pieces[:, :-1], pieces[:, 1:]

    def decode(self, numbers: list[int]) -> str:
        """The characters of these numbers."""
        return "".join(self.characters[i] for i in numbers)


def make_model(lib: Any, characters: int) -> Any:
    """Embeddings of characters and of places, layers of attention to what came before, and a linear map to logits."""
    nn = lib.nn
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
    return nn.ModuleDict({
        "characters": nn.Embedding(characters, WIDTH),
        "places": nn.Embedding(CONTEXT, WIDTH),
        "layers": nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False),
        "logits": nn.Linear(WIDTH, characters),
    })


def logits(lib: Any, model: Any, numbers: Any) -> Any:
    """For each character of ``numbers`` (N, T) the logits of the next one (N, T, characters)."""
    length = numbers.shape[1]
    past = lib.nn.Transformer.generate_square_subsequent_mask(length)
    x = model["characters"](numbers) + model["places"](lib.arange(length))
    return model["logits"](model["layers"](x, mask=past, is_causal=True))


def build_step(lib: Any, text: Text, steps: int, batch: int, seed: int = 0, model: Any = None) -> Callable[[], float]:
    """A function that makes one of ``steps`` training steps and returns its loss, in nats for each character."""
    rng, model = np.random.default_rng(seed), model or make_model(lib, len(text.characters))
    optimizer = lib.optim.AdamW(model.parameters(), lr=LR)
    schedule = lib.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    def step() -> float:
        inputs, targets = (lib.tensor(numbers) for numbers in text.batch(rng, batch, CONTEXT))
        optimizer.zero_grad()
        loss = lib.nn.functional.cross_entropy(logits(lib, model, inputs).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        schedule.step()
        return float(loss.item())

    return step


def train(model: Any, text: Text, steps: int, batch: int, seed: int) -> list[float]:
    """The loss of each step."""
    return losses_of(build_step(autodiff, text, steps, batch, seed, model), steps, "gpt")


def sample(model: Any, text: Text, count: int, seed: int, temperature: float = 0.8) -> str:
    """``count`` characters, each drawn from what the model says after those before it."""
    rng = np.random.default_rng(seed)
    numbers = [int(text.numbers[0])]
    with autodiff.no_grad():
        while len(numbers) < count:
            seen = autodiff.tensor([numbers[-CONTEXT:]])
            chances = (logits(autodiff, model, seen)[0, -1].double() / temperature).softmax(0).numpy()
            numbers.append(int(rng.choice(len(chances), p=chances)))
    return text.decode(numbers)


def bigram_entropy(text: Text) -> float:
    """The nats of a character given the one before it, by the counts of pairs in the whole text."""
    count = np.zeros((len(text.characters),) * 2)
    np.add.at(count, (text.numbers[:-1], text.numbers[1:]), 1)
    chances = count / np.maximum(count.sum(1, keepdims=True), 1)
    return float(-(count * np.log(np.where(count, chances, 1))).sum() / count.sum())


def run(options: Options) -> Report:
    """Training, a sample of what was learnt, and the time of a step beside PyTorch's."""
    text = Text((vars(options).get("text") or VERSES).read_text(encoding="utf-8"))
    steps, batch = (12, 4) if options.quick else (STEPS, BATCH)
    build = partial(build_step, text=text, steps=steps, batch=batch)
    ratio = torch_ratio(build, *((1, 1) if options.quick else (10, 5)))
    autodiff.manual_seed(options.seed)
    model = make_model(autodiff, len(text.characters))
    losses = train(model, text, steps, batch, options.seed)
    written = sample(model, text, 20 if options.quick else 400, options.seed)
    if path := picture(options, "gpt.png"):
        curves(path, {"loss in nats": {"GPT": losses}}, "step")
    print(written)

    final, counted = float(np.mean(losses[-50:])), bigram_entropy(text)
    rows = [
        Row("GPT: nats a character (pairs of characters)", final, None if options.quick else counted, "<", ".3f"),
        Row("GPT: time of a step, PyTorch's / ours", ratio, 1.0, ">=", ".2f"),
    ]
    return Report({"loss": final, "bigram": counted, "losses": losses, "sample": written, "torch_ratio": ratio}, rows)


def parser() -> command.Parser:
    """The common options, and another text."""
    result = argument_parser("examples.gpt", __doc__)
    result.add_argument("--text", type=Path, metavar="FILE", help="the text to learn (default: a few poems)")
    return result


if __name__ == "__main__":
    raise SystemExit(main("examples.gpt", __doc__, run, parser=parser()))
