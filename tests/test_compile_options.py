"""Every option of every optimizer, one after another: the compiled step has the bits of the step as it stands."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import numpy as np
import pytest
from compiled import Way, replays, side_by_side

import nn
import optim

RNG = np.random.default_rng(0)
LAWS = [
    optim.SGD, optim.Adam, optim.AdamW, optim.Adamax, optim.NAdam, optim.RAdam, optim.Adagrad, optim.RMSprop,
    optim.Adadelta, optim.ASGD, optim.Rprop,
]  # fmt: skip
OTHER: dict[str, Any] = {  # than the default
    "lr": 0.03, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1, "maximize": True, "amsgrad": True,
    "momentum": 0.9, "dampening": 0.2, "nesterov": True, "decoupled_weight_decay": True, "momentum_decay": 0.01,
    "lr_decay": 0.1, "initial_accumulator_value": 0.5, "alpha": 0.7, "centered": True, "rho": 0.8, "lambd": 0.01,
    "t0": 3, "etas": (0.4, 1.3), "step_sizes": (1e-5, 1.0),
}  # fmt: skip
NEEDED = {
    "nesterov": {"momentum": 0.9}, "dampening": {"momentum": 0.9}, "decoupled_weight_decay": {"weight_decay": 0.1},
}  # fmt: skip
WITHOUT_MEANING = {"params", "foreach", "fused", "capturable", "differentiable"}


def training(law: Any, given: dict[str, Any]) -> Way:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer = law(model.parameters(), **given)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    return Way(step, list(model.parameters()), optimizer)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_each_option(law: Any) -> None:
    """Twelve steps on other data each, with the gradients, the parameters and all that the optimizer keeps."""
    options = inspect.signature(law).parameters.keys() - WITHOUT_MEANING
    assert options <= OTHER.keys(), "an option that the test does not know"
    for name in sorted(options):
        build = partial(training, law, {**NEEDED.get(name, {}), name: OTHER[name]})
        compiled = side_by_side(build, lambda i: (RNG.normal(size=(5, 3)).astype(np.float32),), 12)
        assert replays(compiled), (name, compiled.said)
