"""Programs written for PyTorch, in old idioms and new, run here with other imports and nothing else changed.

Each program takes the four names that its import lines would bind. It gives the losses in the order of training (or
what else should fall), and figures in which no random number has a part, which are the same on both libraries.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import Near, agree, peer
from torch_programs.chances import normalizing_flow, reinforce, wgan_gp
from torch_programs.images import mnist_cnn, two_layer, vae
from torch_programs.start import Result
from torch_programs.texts import char_rnn, gpt

import autodiff
import nn
import optim

Program = Callable[[Any, Any, Any, Any], Result]
PROGRAMS: dict[Program, float] = {  # what the first loss at least falls to, as a part of it
    two_layer: 0.02, mnist_cnn: 0.5, vae: 0.5, char_rnn: 0.7, gpt: 0.8,
    wgan_gp: 0.4, normalizing_flow: 0.3, reinforce: 0.75,
}  # fmt: skip
programs = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)


@functools.cache
def _ours(program: Program) -> Result:
    autodiff.manual_seed(0)
    return program(autodiff, nn, nn.functional, optim)


@programs
def test_a_program_written_for_pytorch_learns(program: Program) -> None:
    """It runs as it stands, and its loss falls below the share that is stated."""
    losses, _ = _ours(program)
    assert np.isfinite(losses).all()
    assert losses[-1] < PROGRAMS[program] * losses[0]


@programs
def test_its_first_figures_are_those_of_pytorch(program: Program) -> None:
    """From the same weights, and where nothing is drawn, the figures agree to four digits after the point."""
    torch = peer()
    torch.manual_seed(0)
    torch.set_num_threads(1)  # for such small arrays threads only wait for one another
    _, theirs = program(torch, torch.nn, torch.nn.functional, torch.optim)
    agree(_ours(program)[1], theirs, Near(1e-4, 1e-4))


def test_the_names_of_import_lines_are_found() -> None:
    """What ``import torch`` brings stands under ``autodiff``, and the imports of a program find the same."""
    import nn.functional as F
    from autodiff.autograd import Variable
    from autodiff.utils.data import DataLoader
    from optim.lr_scheduler import StepLR

    assert autodiff.nn is nn
    assert autodiff.optim is optim
    assert autodiff.nn.functional is F
    assert autodiff.autograd.Variable is Variable
    assert autodiff.utils.data.DataLoader is DataLoader
    assert autodiff.optim.lr_scheduler.StepLR is StepLR
