"""Several processes train one network on handwritten digits, each with its part of the batch.

``python -m autodiff.distributed -n 2 -m examples.distributed`` starts two. Their weights are those of one process with
the joined batch, to rounding; with ``--check`` the first process trains alone afterwards and compares.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff
import nn
import optim
from autodiff import distributed
from autodiff.data import DataLoader, DistributedSampler, mnist
from examples import command

PROGRAM = "python -m autodiff.distributed -n 2 -m examples.distributed"


def make_model() -> nn.Module:
    """(N, 1, 28, 28) -> (N, 10)."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def train(model: nn.Module, loader: Any, epochs: int, sampler: DistributedSampler) -> None:
    """Adam, in an order that depends on the epoch alone."""
    optimizer, criterion = optim.Adam(model.parameters(), lr=0.002), nn.CrossEntropyLoss()
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        for images, labels in loader:
            optimizer.zero_grad()
            criterion(model(images), labels).backward()
            optimizer.step()


@autodiff.no_grad()
def accuracy(model: nn.Module, images: Any, labels: Any) -> float:
    """The share of the images that all processes get right, each looking at its part."""
    rank, size = distributed.get_rank(), distributed.get_world_size()
    right = (model(images[rank::size]).argmax(1) == labels[rank::size]).sum().double()
    distributed.all_reduce(right)
    return float(right) / len(labels)


def learn(epochs: int, batch: int, check: bool, data: Path | None) -> None:
    """Train together and, to compare, alone."""
    distributed.init_process_group("mpi")
    rank, size = distributed.get_rank(), distributed.get_world_size()
    train_set, test_set = mnist(folder=data)
    autodiff.manual_seed(0)
    model = make_model()
    start = {name: x.clone() for name, x in model.state_dict().items()}
    sampler = DistributedSampler(train_set)
    begin = time.perf_counter()
    loader = DataLoader(train_set, batch_size=batch // size, sampler=sampler)
    train(nn.parallel.DistributedDataParallel(model), loader, epochs, sampler)
    seconds = time.perf_counter() - begin
    share = accuracy(model, *test_set[:])
    if rank == 0:
        print(f"{size} processes: test accuracy {share:.2%} after {seconds:.1f} s")
    if check and rank == 0:
        alone, whole = make_model(), DistributedSampler(train_set, 1, 0)
        alone.load_state_dict(start)
        train(alone, DataLoader(train_set, batch_size=batch // size * size, sampler=whole), epochs, whole)
        pairs = zip(model.parameters(), alone.parameters(), strict=True)
        worst = max(float(np.abs((x - y).detach().numpy()).max()) for x, y in pairs)
        print(f"the weights of one process differ by {worst:.1e} at most")
    distributed.barrier()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the processes."""
    parser = command.Parser(prog=PROGRAM, description="Several processes train one network on handwritten digits.")
    parser.add_argument("--epochs", type=command.positive(int), default=3, help="passes over the data (3)")
    parser.add_argument("--batch", type=command.positive(int), default=100, help="images a step, of all together (100)")
    parser.add_argument("--check", action="store_true", help="compare with one process")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the four IDX files (default: 6,000 images)")
    options = parser.parse_args(arguments)
    learn(options.epochs, options.batch, options.check, options.data)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
