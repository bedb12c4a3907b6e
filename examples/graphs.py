"""The pictures of ``docs/graphs.md``, each from a few lines of program: ``python -m examples.graphs`` draws them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import autodiff
import nn
import optim
from autodiff.data.idx import EMBEDDED, load_mnist
from autodiff.viz import Drawing, Watch, draw
from examples import command

PROGRAM = "python -m examples.graphs"


def scalar() -> Drawing:
    """A small expression, with data and gradient in every node."""
    a, b = autodiff.tensor(-4.0, requires_grad=True), autodiff.tensor(2.0, requires_grad=True)
    c = a + b
    d = a * b + b**3
    loss = ((c - d).tanh() * 0.5) ** 2 + 1.0
    loss.backward()
    return draw(loss, params={"a": a, "b": b}, show=("value", "grad"))


def sigmoids() -> Drawing:
    """XOR in a net of many sigmoids, whose first layers hardly get a gradient any more."""
    autodiff.manual_seed(0)
    layers = [layer for _ in range(4) for layer in (nn.Linear(2, 2), nn.Sigmoid())]
    model = nn.Sequential(*layers, nn.Linear(2, 1), nn.Sigmoid())
    inputs = autodiff.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    target = autodiff.tensor([[0.0], [1.0], [1.0], [0.0]])
    loss = nn.functional.mse_loss(model(inputs), target)
    loss.backward()
    return draw(loss, params={"inputs": inputs})


def lenet(depth: int | None = 1) -> Drawing:
    """A convolutional network and its loss: the modules at depth 1, every operation at depth None."""
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    images = autodiff.ones(8, 1, 28, 28)
    loss = nn.functional.cross_entropy(model(images), autodiff.tensor([0, 1, 2, 3, 4, 5, 6, 7]))
    return draw(loss, params={"images": images}, depth=depth, show=("shape", "bytes"))


class Block(nn.Module):
    """Attention of one head and a perceptron, each beside a way around it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Any) -> Any:
        """Tokens (N, T, width) to tokens of the same shape."""
        y = self.norm_1(x)
        weights = nn.functional.softmax(self.query(y) @ self.key(y).transpose(-2, -1), dim=-1)
        x = x + weights @ self.value(y)
        return x + self.down(nn.functional.relu(self.up(self.norm_2(x))))


class Transformer(nn.Module):
    """Twelve blocks between two dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(5, 16)
        self.blocks = nn.ModuleList(Block(16) for _ in range(12))
        self.head = nn.Linear(16, 5)

    def forward(self, x: Any) -> Any:
        """Tokens (N, T, 5) to tokens of the same shape."""
        x = self.embed(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def block() -> Drawing:
    """Twelve blocks of a transformer: the first one open, the other eleven counted."""
    model = Transformer()
    return draw(model(autodiff.ones(2, 7, 5)).mean(), depth=lambda path, module: path in ("Transformer", "blocks.0"))


def double_backward() -> Drawing:
    """The graph of a gradient, which can itself be differentiated."""
    x = autodiff.tensor([1.0, 2.0], requires_grad=True)
    (slope,) = autodiff.grad((x.sin() * x).sum(), x, create_graph=True)
    return draw(slope, params={"x": x})


class Frozen(nn.Module):
    """A frozen embedding, layers in a plain list, which the model does not know, and several outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(10, 4)
        self.tokens.requires_grad_(False)
        self.layers = [nn.Linear(4, 8), nn.Linear(8, 3)]

    def forward(self, numbers: Any) -> Any:
        """Numbers (N,) to logits (N, 3) and the numbers of the largest (N,)."""
        first, second = self.layers
        logits = second(first(self.tokens(numbers)).relu())
        return {"logits": logits, "choice": logits.argmax(-1)}


def model() -> Drawing:
    """A model that is run for its drawing: what no gradient passes through is drawn as well."""
    return draw(Frozen(), autodiff.tensor([1, 2, 3, 4, 5]))


def trained(model: nn.Module, title: str) -> Watch:
    """A net learns handwritten digits for 300 steps, and is watched."""
    data = load_mnist(EMBEDDED)
    images, labels = autodiff.tensor(data.train_images).flatten(1) / 255, autodiff.tensor(data.train_labels)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    with Watch(model, optimizer, every=10, title=title) as watch:
        for _ in range(300):
            chosen = autodiff.randint(0, len(labels), (64,))
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images[chosen]), labels[chosen])
            loss.backward()
            optimizer.step()
            watch(loss)
    return watch


def healthy() -> Watch:
    """Two layers of ReLU, which learn."""
    autodiff.manual_seed(0)
    layers = [nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)]
    return trained(nn.Sequential(*layers), "two layers of ReLU")


def vanishing() -> Watch:
    """Eight layers of sigmoids, of which the first hardly get a gradient."""
    autodiff.manual_seed(0)
    hidden = [layer for _ in range(7) for layer in (nn.Sigmoid(), nn.Linear(64, 64))]
    layers = [nn.Linear(784, 64), *hidden, nn.Sigmoid(), nn.Linear(64, 10)]
    return trained(nn.Sequential(*layers), "eight layers of sigmoids")


def step() -> Drawing:
    """A whole training step: forward pass, backward pass and update."""
    autodiff.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @autodiff.compile
    def train(inputs: Any, target: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(inputs), target)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        train(autodiff.ones(4, 2), autodiff.ones(4, 1))
    return draw(train)


GRAPHS: dict[str, Callable[[], Drawing | Watch]] = {
    "scalar.svg": scalar,
    "sigmoids.svg": sigmoids,
    "lenet.svg": lenet,
    "lenet_all.svg": lambda: lenet(None),
    "lenet.html": lenet,
    "block.svg": block,
    "model.svg": model,
    "double_backward.svg": double_backward,
    "step.svg": step,
    "healthy.png": healthy,
    "vanishing.png": vanishing,
}


def main(arguments: list[str] | None = None) -> int:
    """Draw all graphs into a directory; the exit code is 0, or 2 after a mistake."""
    parser = command.Parser(prog=PROGRAM, description="Draw the graphs of docs/graphs.md.")
    parser.add_argument("--out", type=Path, default=Path("docs/images/graphs"), help="the directory to write to")
    out: Path = parser.parse_args(arguments).out

    def program() -> None:
        out.mkdir(parents=True, exist_ok=True)
        for name, make in GRAPHS.items():
            make().save(out / name)
            print(out / name)

    return command.run(PROGRAM, program)


if __name__ == "__main__":
    raise SystemExit(main())
