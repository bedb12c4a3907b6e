"""A picture from the sizes of its frequencies alone: ``python -m examples.phase_retrieval``.

A detector of light counts photons: it sees the modulus of a wave and not its phase. A complex picture, a digit whose
phases are another digit, passes through one random mask after another, and the moduli of the Fourier transforms are
all that is known. Gradient descent on the complex picture, from noise, finds it, up to one phase of the whole.

Reference: E. Candes, X. Li, M. Soltanolkotabi (2015), "Phase retrieval via Wirtinger flow: theory and algorithms".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff
import nn
import optim
from autodiff import Tensor, fft
from autodiff.data.idx import load_mnist
from examples.command import Parser
from examples.pictures import curves, images
from examples.progress import losses_of
from examples.report import Options, Report, Row, argument_parser, main, picture

Array = NDArray[Any]
PROGRAM = "examples.phase_retrieval"
MASKS, STEPS, QUICK_STEPS, LR, MOMENTUM = 8, 400, 30, 2.0, 0.5
TO_BEAT = 1e-6


def scene(options: Options) -> Array:
    """The picture (28, 28): a five of light, whose phases are a seven."""
    data = load_mnist(vars(options).get("data"))
    five, seven = (data.train_images[data.train_labels == digit][0] / 255 for digit in (5, 7))
    wave: Array = (0.2 + 0.8 * five) * np.exp(1j * np.pi * seven)
    return wave


def moduli(wave: Tensor, masks: Tensor) -> Any:
    """What the detector sees behind each mask: (28, 28) and (M, 28, 28) -> (M, 28, 28)."""
    return fft.fft2(masks * wave, norm="ortho").abs()


def turned(found: Array, truth: Array) -> Array:
    """``found`` times the phase that brings it nearest to ``truth``: moduli do not tell it."""
    overlap = np.vdot(found, truth)
    turned: Array = found * overlap / np.abs(overlap)
    return turned


def retrieve(seen: Tensor, masks: Tensor, steps: int) -> tuple[Array, list[float]]:
    """The wave whose moduli are nearest to those seen, and the loss of each step."""
    start = autodiff.randn(2, *seen.shape[1:], dtype=autodiff.float64) / 2
    wave = nn.Parameter(autodiff.complex(start[0], start[1]))
    optimizer = optim.SGD([wave], lr=LR, momentum=MOMENTUM)

    def step() -> float:
        optimizer.zero_grad()
        loss = (moduli(wave, masks) - seen).square().sum() / (2 * len(masks))  # whose steepest step is of length 1
        loss.backward()
        optimizer.step()
        return float(loss.item())

    losses = losses_of(step, steps, "steps")
    return wave.detach().numpy(), losses


def run(options: Options) -> Report:
    """Make the picture, see it, retrieve it."""
    truth = scene(options)
    phases = np.random.default_rng(options.seed).integers(0, 4, (MASKS, *truth.shape))
    masks = autodiff.tensor(np.exp(0.5j * np.pi * phases))
    seen = moduli(autodiff.tensor(truth), masks)
    autodiff.manual_seed(options.seed)
    found, losses = retrieve(seen, masks, QUICK_STEPS if options.quick else STEPS)
    found = turned(found, truth)
    error = float(np.linalg.norm(found - truth) / np.linalg.norm(truth))
    if path := picture(options, "phase_retrieval.png"):
        shown = {"true modulus": np.abs(truth), "one pattern": seen[0].numpy(), "found modulus": np.abs(found)}
        images(path, shown | {"found phase": np.abs(np.angle(found))}, 4)
    if path := picture(options, "phase_retrieval_loss.png"):
        curves(path, {"loss": {"moduli": losses}}, "step")
    rows = [Row("phase retrieval: relative error of the wave", error, None if options.quick else TO_BEAT)]
    return Report({"error": error, "losses": losses}, rows)


def parser() -> Parser:
    """The common options, and where the images are."""
    return argument_parser(PROGRAM, __doc__, data=True)


if __name__ == "__main__":
    raise SystemExit(main(PROGRAM, __doc__, run, parser=parser()))
