"""Small graphs, where overhead is everything: microseconds of ours and of PyTorch's, taking turns in one process.

``python -m benchmarks.small`` prints a table; PyTorch must be installed.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import torch

import autodiff

TURNS = 15


def chain(lib: Any, length: int = 1000) -> Callable[[], None]:
    """A chain of ``length`` products of three numbers each, forward and backward."""
    x, y = (lib.tensor([1.0, 0.5, 0.2], requires_grad=True) for _ in range(2))

    def run() -> None:
        product = x
        for _ in range(length):
            product = product * y
        product.sum().backward()

    return run


def xor_step(lib: Any, batch: int) -> Callable[[], None]:
    """A whole training step of a 2-5-3-1 net of sigmoids: zero_grad, forward, mean squared error, backward, SGD."""
    nn = lib.nn
    model = nn.Sequential(nn.Linear(2, 5), nn.Sigmoid(), nn.Linear(5, 3), nn.Sigmoid(), nn.Linear(3, 1), nn.Sigmoid())
    optimizer, loss = lib.optim.SGD(model.parameters(), lr=0.1), nn.MSELoss()
    random = np.random.default_rng(0)
    inputs, target = (lib.tensor(random.random((batch, n), np.float32)) for n in (2, 1))

    def run() -> None:
        optimizer.zero_grad()
        loss(model(inputs), target).backward()
        optimizer.step()

    return run


def microseconds(run: Callable[[], None], repeats: int) -> float:
    """The time of one run."""
    start = perf_counter()
    for _ in range(repeats):
        run()
    return (perf_counter() - start) / repeats * 1e6


def main() -> None:
    """Print the best time of each over the turns, and the ratio, PyTorch's / ours."""
    torch.set_num_threads(2)
    rows: list[tuple[str, Callable[[Any], Callable[[], None]], int, int]] = [
        ("one product in a chain of 1,000", chain, 1, 1000),
        ("XOR training step, 21 samples", lambda lib: xor_step(lib, 21), 100, 1),
        ("XOR training step, one sample", lambda lib: xor_step(lib, 1), 100, 1),
    ]
    print("| forward and backward | ours, µs | PyTorch, µs | ratio |\n|---|---|---|---|")
    for name, build, repeats, operations in rows:
        ours, theirs = build(autodiff), build(torch)
        turns = [(microseconds(ours, repeats), microseconds(theirs, repeats)) for _ in range(TURNS)]
        mine, peer = (min(times) / operations for times in zip(*turns, strict=True))
        print(f"| {name} | {mine:.3g} | {peer:.3g} | {peer / mine:.2f} |")


if __name__ == "__main__":
    main()
