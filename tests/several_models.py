"""Models of several kinds, each with what it is called with, to be drawn and summarised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autodiff
import nn
from autodiff import Tensor
from nn.utils.rnn import pack_padded_sequence


class Halves(nn.Module):
    """A U-net of two levels: what goes down is put beside what comes up."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.down = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1, stride=2)
        self.middle, self.up = nn.Conv2d(8, 8, 3, padding=1), nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.leave = nn.Conv2d(8, 1, 1)

    def forward(self, x: Any) -> Any:
        first = self.enter(x).relu()
        deep = self.middle(self.down(first).relu()).relu()
        return self.leave(autodiff.cat([first, self.up(deep)], dim=1))


class Siamese(nn.Module):
    """One encoder for two inputs, and their distance."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))

    def forward(self, left: Any, right: Any) -> Any:
        return (self.encoder(left) - self.encoder(right)).norm(dim=1)


class Packed(nn.Module):
    """An LSTM over sequences of several lengths; the classes of its last states."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm, self.head = nn.Embedding(11, 4), nn.LSTM(4, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, tokens: Any, lengths: Any) -> Any:
        packed = pack_padded_sequence(self.embed(tokens), lengths, batch_first=True, enforce_sorted=False)
        _, (hidden, _) = self.lstm(packed)
        return self.head(hidden[-1])


class Backbone(nn.Module):
    """Frozen features under a head that learns."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(144, 3)
        self.features.requires_grad_(False)
        self.features.eval()

    def forward(self, images: Any) -> Any:
        with autodiff.no_grad():
            features = self.features(images)
        logits = self.head(features)
        return {"logits": logits, "classes": logits.argmax(-1)}


class Block(nn.Module):
    """Causal attention and a perceptron, each beside a way around it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Any) -> Any:
        y = self.norm_1(x)
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        x = x + self.attention(y, y, y, attn_mask=mask, need_weights=False)[0]
        return x + self.mlp(self.norm_2(x))


class GPT(nn.Module):
    """Tokens and positions, three blocks, and a head that shares the weight of the tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(17, 8), nn.Embedding(5, 8)
        self.blocks = nn.Sequential(*(Block(8) for _ in range(3)))
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 17, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, tokens: Any) -> Any:
        x = self.tokens(tokens) + self.positions(autodiff.arange(tokens.shape[1]))
        return self.head(self.norm(self.blocks(x)))


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


class Adversaries(nn.Module):
    """A generator, and a discriminator that judges what it makes."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 4), nn.Tanh())
        self.discriminator = nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))

    def forward(self, noise: Any) -> Any:
        return self.discriminator(self.generator(noise))


class Slope(nn.Module):
    """The gradient of a network with respect to its input."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))

    def forward(self, x: Any) -> Tensor:
        x = x.detach().requires_grad_()
        with autodiff.enable_grad():
            (slope,) = autodiff.grad(self.net(x).sum(), x, create_graph=True)
        return slope


def integers(*shape: int, below: int = 5) -> Tensor:
    count = 1
    for n in shape:
        count *= n
    return (autodiff.arange(count) % below).reshape(*shape)


MODELS: dict[str, Callable[[], tuple[nn.Module, tuple[Any, ...]]]] = {
    "lenet": lambda: (lenet(), (autodiff.ones(2, 1, 28, 28),)),
    "gpt": lambda: (GPT(), (integers(2, 5),)),
    "u-net": lambda: (Halves(), (autodiff.ones(2, 1, 8, 8),)),
    "siamese": lambda: (Siamese(), (autodiff.ones(3, 4), autodiff.zeros(3, 4))),
    "packed": lambda: (Packed(), (integers(2, 5), autodiff.tensor([3, 5]))),
    "adversaries": lambda: (Adversaries(), (autodiff.ones(3, 2),)),
    "backbone": lambda: (Backbone(), (autodiff.ones(2, 1, 8, 8),)),
    "slope": lambda: (Slope(), (autodiff.ones(3, 2),)),
}
