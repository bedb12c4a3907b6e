"""A training step that stands as it is and compiled, for tests that compare both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff
import nn
import optim
from nn import functional as F

CALLS, CHANGE = 12, 6


def batch(i: int) -> tuple[Any, Any]:
    draw = np.random.default_rng(i)
    return autodiff.tensor(draw.standard_normal((4, 6)).astype(np.float32)), autodiff.tensor(draw.integers(0, 3, 4))


def ones() -> nn.Parameter:
    return nn.Parameter(autodiff.ones(8, 6))


class Training:
    """A net and its optimizer; ``extra`` of its output is added to the loss."""

    def __init__(self, kind: Any = optim.SGD, **options: Any) -> None:
        self.model: Any = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
        self.optimizer = kind(self.model.parameters(), lr=0.1, **options)
        self.batch, self.history, self.factor = batch(99), [], 1.0  # type: tuple[Any, Any], list[int], float
        self.hidden = autodiff.zeros(3)
        self.extra: Any = lambda out: 0.0

    def step(self, x: Any, y: Any) -> Any:
        self.optimizer.zero_grad()
        out = self.model(x)
        loss = F.cross_entropy(out, y) + self.extra(out)
        loss.backward()
        self.optimizer.step()
        return loss

    def of_its_own(self) -> Any:
        return self.step(*self.batch)

    def by_helper(self, x: Any, y: Any) -> Any:
        return self.step(x, y) * self.scaled()

    def scaled(self) -> float:
        return self.factor

    def carrying(self, x: Any, y: Any) -> Any:
        out = self.model(x).mean(0) + self.hidden
        self.hidden = out.detach()
        return out.sum().detach()

    def results(self) -> list[Any]:
        found = [x.detach().numpy().copy() for x in self.model.state_dict().values()]
        found += [None if p.grad is None else p.grad.numpy().copy() for p in self.model.parameters()]
        for state in self.optimizer.state.values():
            found += [x.numpy().copy() if isinstance(x, autodiff.Tensor) else x for x in state.values()]
        return found


def compare(make: Callable[[bool], tuple[Training, Any, Any, Callable[[], Any]]]) -> Any:
    """Run a program as it stands and compiled, changed before call CHANGE, and compare all bits; returns the step."""
    runs: list[list[Any]] = []
    for is_compiled in (False, True):
        autodiff.manual_seed(0)
        training, step, batches, change = make(is_compiled)
        step, run = autodiff.compile(step) if is_compiled else step, []
        for i in range(CALLS):
            if i == CHANGE:
                change()
            args = batches(i)
            run.append([step(*args).detach().numpy(), *training.results(), *[x.numpy() for x in args]])
        runs.append(run)
    for i, (theirs, mine) in enumerate(zip(*runs, strict=True)):
        assert len(theirs) == len(mine)
        for x, y in zip(theirs, mine, strict=True):
            assert (x is y is None) or np.array_equal(x, y, equal_nan=True), i
    return step
