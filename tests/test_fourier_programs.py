"""The programs made of Fourier transforms, each in its short run, and the parts they are made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff
from examples import fourier_operator, phase_retrieval
from examples.report import main

pytest.importorskip("matplotlib")


def figures(program: Any, folder: Path, *options: str) -> dict[str, Any]:
    """What a run of a program writes as JSON."""
    parser = program.parser() if hasattr(program, "parser") else None
    arguments = ["--json", f"{folder}/figures.json", "--out", str(folder), *options]
    assert main("examples.x", program.__doc__, program.run, arguments, parser) == 0
    found: dict[str, Any] = json.loads((folder / "figures.json").read_text())
    return found


def test_the_operator_learns(tmp_path: Path) -> None:
    """The error falls, it is the same on a finer grid, and the pictures lie there."""
    found = figures(fourier_operator, tmp_path, "--quick")
    assert found["errors"]["training"][-1] < 0.9 * found["errors"]["training"][0]
    assert found["fine"] == pytest.approx(found["errors"]["test"][-1], rel=0.05)
    for name in ("fourier_operator", "fourier_operator_errors"):
        assert (tmp_path / f"{name}.png").stat().st_size > 1000


def test_the_equation_is_solved() -> None:
    """Hopf's and Cole's solution: u = -2 nu p' / p, where p obeys the equation of heat."""
    x, nu = np.arange(256) / 256, fourier_operator.VISCOSITY

    def exact(time: float) -> Any:
        decay = np.exp(-nu * (2 * np.pi) ** 2 * time)
        return 4 * np.pi * nu * decay * np.sin(2 * np.pi * x) / (1.1 + decay * np.cos(2 * np.pi * x))

    np.testing.assert_allclose(fourier_operator.burgers(exact(0)[None])[0], exact(1), atol=1e-9)


def test_waves_are_steep_and_end_smooth() -> None:
    """Random waves have no mean; twice as many steps of the solver change nothing that float32 could show."""
    start = fourier_operator.waves(4, 256, np.random.default_rng(0))
    np.testing.assert_allclose(start.mean(-1), 0, atol=1e-12)
    end = fourier_operator.burgers(start)
    assert np.abs(end - fourier_operator.burgers(start, 800)).max() < 1e-6
    assert np.abs(np.diff(end)).max() < np.abs(np.diff(start)).max()


def test_weights_of_frequencies_know_nothing_of_the_grid() -> None:
    """A layer gives the same at the points of a coarse grid and at the same ones of a fine grid."""
    layer = fourier_operator.Spectral()
    fine = autodiff.fft.irfft(autodiff.randn(2, fourier_operator.WIDTH, 8, dtype=autodiff.complex64), 128)
    of_fine, of_coarse = layer(fine)[..., ::2].detach().numpy(), layer(fine[..., ::2]).detach().numpy()
    np.testing.assert_allclose(of_fine, of_coarse, atol=1e-5)
    assert layer.weight.is_complex()


def test_the_picture_is_found(tmp_path: Path) -> None:
    """A whole run finds the wave to the last digits, from noise; a short one does not yet."""
    assert figures(phase_retrieval, tmp_path)["error"] < phase_retrieval.TO_BEAT
    for name in ("phase_retrieval", "phase_retrieval_loss"):
        assert (tmp_path / f"{name}.png").stat().st_size > 1000
    short = figures(phase_retrieval, tmp_path, "--quick")
    assert short["losses"][-1] < short["losses"][0] / 10
    assert short["error"] > 1e-3


def test_a_phase_of_the_whole_is_no_error() -> None:
    """What moduli do not tell is turned away."""
    wave = np.exp(1j * np.arange(12.0)).reshape(3, 4)
    np.testing.assert_allclose(phase_retrieval.turned(wave * np.exp(0.7j), wave), wave)


def test_complex_weights_keep_their_imaginary_parts_in_double_precision() -> None:
    """``double`` and ``half`` convert real weights alone, as in PyTorch."""
    layer = fourier_operator.Operator()
    before = layer.spectral[0].weight.detach().numpy().copy()
    layer.half().double()
    assert layer.lift.weight.dtype == autodiff.float64
    np.testing.assert_array_equal(layer.spectral[0].weight.detach().numpy(), before, strict=True)
