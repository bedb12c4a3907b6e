"""optim.swa_utils: averaged models and their state are PyTorch's, and the statistics of batch normalisation follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import Near, same

import autodiff
import nn
from autodiff.errors import OptionError, StateDictError
from optim import swa_utils

AVERAGES: list[Any] = [
    lambda lib: {},
    lambda lib: {"avg_fn": lib.get_ema_avg_fn(0.9)},
    lambda lib: {"avg_fn": lib.get_swa_avg_fn()},
    lambda lib: {"multi_avg_fn": lib.get_ema_multi_avg_fn(0.8), "use_buffers": True},
    lambda lib: {"multi_avg_fn": lib.get_swa_multi_avg_fn()},
]


@pytest.mark.parametrize("options", AVERAGES)
def test_averaged_models_are_pytorchs(options: Callable[[Any], dict[str, Any]]) -> None:
    """Five updates give PyTorch's averages, under its keys, and the buffers it gives."""

    def averaged(lib: Any) -> dict[str, Any]:
        tools, model = lib.optim.swa_utils, lib.nn.Linear(3, 2)
        model.register_buffer("seen", lib.tensor([0.0]))
        average = tools.AveragedModel(model, **options(tools))
        for step in range(5):
            for name, p in (*model.named_parameters(), *model.named_buffers()):
                p.data = lib.tensor(np.full(tuple(p.shape), step * step + len(name), np.float32))
            average.update_parameters(model)
        assert average.eval().training is False
        assert tuple(average(lib.tensor(np.ones((1, 3), np.float32))).shape) == (1, 2)
        return dict(average.state_dict())

    same(averaged, near=Near(1e-6))


def test_an_averaged_model_goes_on_from_its_state() -> None:
    """Its state dict has the averages and how many they are of."""
    model = nn.Linear(2, 1)
    first, again = swa_utils.AveragedModel(model), swa_utils.AveragedModel(nn.Linear(2, 1))
    first.update_parameters(model)
    again.load_state_dict(first.state_dict())
    for average in (first, again):
        model.weight.data = autodiff.full((1, 2), 4.0)
        average.update_parameters(model)
    assert again.n_averaged.item() == 2
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert a.tolist() == b.tolist()


class CountingBatchNorm(nn.Module):
    """What update_bn needs of a batch normalisation: the mean of what it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.momentum: float | None = 0.1
        self.reset_running_stats()

    def reset_running_stats(self) -> None:
        self.seen: list[float] = []

    def forward(self, x: Any) -> Any:
        if self.training:
            self.seen.append(x.item())
            assert self.momentum is None
        return x


def test_update_bn_counts_every_batch_once() -> None:
    """The statistics start anew and take each batch alike; momentum and mode are as before."""
    norm = CountingBatchNorm()
    norm.seen.append(99.0)
    model = nn.Sequential(norm).eval()
    swa_utils.update_bn([autodiff.tensor(1.0), (autodiff.tensor(2.0), "label"), [autodiff.tensor(3.0)]], model)
    assert (norm.seen, norm.momentum, model.training) == ([1.0, 2.0, 3.0], 0.1, False)
    swa_utils.update_bn(iter("nobody looks at this"), nn.Linear(1, 1))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: swa_utils.get_ema_avg_fn(2.0), OptionError, "decay"),
        (lambda: swa_utils.AveragedModel(nn.Linear(1, 1)).load_state_dict({}), StateDictError, "n_averaged"),
    ],
)
def test_errors_teach(make: Any, error: type[Exception], message: str) -> None:
    """Options and states that cannot be are refused by named errors when they are given."""
    with pytest.raises(error, match=message):
        make()
