"""A neural network learns what a partial differential equation does: ``python -m examples.fourier_operator``.

Burgers' equation u_t + u u_x = nu u_xx carries a wave along with itself until it is steep. The network maps the wave at
time 0 to that at time 1. Each of its layers multiplies the lowest frequencies by complex weights, and adds a linear map
of the channels at each point. So the weights know nothing of the grid: what has learned on 64 points works on 256.

Reference: Z. Li, N. Kovachki, K. Azizzadenesheli et al. (2021), "Fourier neural operator for parametric partial
differential equations".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff
import nn
import optim
from autodiff import Tensor, fft
from autodiff.viz.figures import canvas, save
from examples.pictures import curves
from examples.progress import progress
from examples.report import Options, Report, Row, main, picture

Array = NDArray[Any]
VISCOSITY, FINE, COARSE = 0.01, 256, 64  # points of the equation's grid, and of the grid that is learned from
WIDTH, MODES, LAYERS = 24, 16, 4  # channels, frequencies that have weights
TRAINING, TEST, EPOCHS, BATCH, LR, TO_BEAT = 512, 100, 40, 16, 3e-3, 0.02


def waves(count: int, points: int, rng: np.random.Generator) -> Array:
    """Random periodic waves (count, points) of mean 0; the amplitudes fall with the square of the frequency."""
    k = np.arange(1, min(FINE // 4, points // 2 - 1) + 1)
    spectrum = np.zeros((count, points // 2 + 1), complex)
    parts = rng.normal(size=(2, count, len(k)))
    spectrum[:, k] = (parts[0] + 1j * parts[1]) * 25 / ((2 * np.pi * k) ** 2 + 25)
    return np.asarray(np.fft.irfft(spectrum, points, norm="forward"))


def burgers(u: Array, steps: int = 400) -> Array:
    """The waves (N, points) one unit of time later, by frequencies: diffusion is exact, the rest Runge's and Kutta's.

    Of the product u u the upper third of the frequencies is left out, into which the others would fold.
    """
    points, k = u.shape[-1], np.arange(u.shape[-1] // 2 + 1)
    slope, dt = -1j * np.pi * k * (k < points / 3), 1 / steps
    half = np.exp(-VISCOSITY * (2 * np.pi * k) ** 2 * dt / 2)

    def carried(c: Array) -> Array:
        return np.asarray(dt * slope * np.fft.rfft(np.fft.irfft(c, points) ** 2))

    c = np.fft.rfft(u)
    for _ in range(steps):
        first = carried(c)
        second = carried(half * (c + first / 2))
        third = carried(half * c + second / 2)
        fourth = carried(half * (half * c + third))
        c = half * (half * (c + first / 6) + (second + third) / 3) + fourth / 6
    return np.asarray(np.fft.irfft(c, points))


class Spectral(nn.Module):
    """Multiplies the channels by a matrix for each of the lowest frequencies: (N, WIDTH, points), as long again."""

    def __init__(self) -> None:
        super().__init__()
        parts = autodiff.randn(2, WIDTH, WIDTH, MODES) / WIDTH
        self.weight = nn.Parameter(autodiff.complex(parts[0], parts[1]))

    def forward(self, v: Tensor) -> Any:
        """The frequencies that have no weights are left out; norm="forward" makes the others the same on any grid."""
        low = fft.rfft(v, norm="forward")[..., :MODES]
        return fft.irfft(autodiff.einsum("bik,iok->bok", low, self.weight), v.shape[-1], norm="forward")


class Operator(nn.Module):
    """(N, points) -> (N, points), on a grid of any length from 2 MODES on."""

    def __init__(self) -> None:
        super().__init__()
        self.lift, self.spectral = nn.Conv1d(2, WIDTH, 1), nn.ModuleList([Spectral() for _ in range(LAYERS)])
        self.local = nn.ModuleList([nn.Conv1d(WIDTH, WIDTH, 1) for _ in range(LAYERS)])
        self.project = nn.Sequential(nn.Conv1d(WIDTH, 64, 1), nn.GELU(), nn.Conv1d(64, 1, 1))

    def forward(self, u: Tensor) -> Any:
        """The waves and the places on the grid as two channels, and back."""
        places = (autodiff.arange(u.shape[-1]) / u.shape[-1]).expand(u.shape)
        v = self.lift(autodiff.stack([u, places], 1))
        for i, (spectral, local) in enumerate(zip(self.spectral, self.local, strict=True)):
            v = spectral(v) + local(v)
            v = v if i == LAYERS - 1 else nn.functional.gelu(v)
        return self.project(v)[:, 0]


def relative_error(found: Any, wanted: Any) -> Any:
    """The mean over the waves of |found - wanted| / |wanted|."""
    return ((found - wanted).square().sum(-1) / wanted.square().sum(-1)).sqrt().mean()


def draw(options: Options, errors: dict[str, list[float]], lines: dict[str, Array]) -> None:
    """The errors over the epochs, and some waves with what became of them, where a folder was given."""
    if path := picture(options, "fourier_operator_errors.png"):
        curves(path, {"relative error": errors}, "epoch", "error")
    if path := picture(options, "fourier_operator.png"):
        figure, axes = canvas(1, 3, (12, 3.2))
        for i, panel in enumerate(axes.flat):
            for (name, waves), style in zip(lines.items(), (":", "-", "--"), strict=True):
                panel.plot(np.arange(FINE) / FINE, waves[i], style, label=name)
        axes[0, 0].legend(frameon=False)
        save(figure, path)


def run(options: Options) -> Report:
    """Solve the equation, learn from the solutions, and compare on waves that were not learned from."""
    training, test, epochs, beat = (64, 8, 8, None) if options.quick else (TRAINING, TEST, EPOCHS, TO_BEAT)
    start = waves(training + test, FINE, np.random.default_rng(options.seed))
    pairs = [autodiff.tensor(u.astype(np.float32)) for u in (start, burgers(start))]
    learned, (first, last) = [x[:training, :: FINE // COARSE] for x in pairs], [x[training:] for x in pairs]
    autodiff.manual_seed(options.seed)
    model, steps = Operator(), epochs * (training // BATCH)
    optimizer = optim.Adam(model.parameters())
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, LR, steps)
    errors: dict[str, list[float]] = {"training": [], "test": []}
    for _ in progress(range(epochs), "epochs"):
        found = []
        for batch in autodiff.randperm(training).split(BATCH):
            optimizer.zero_grad()
            error = relative_error(model(learned[0][batch]), learned[1][batch])
            error.backward()
            optimizer.step()
            scheduler.step()
            found.append(error.item())
        with autodiff.no_grad():
            coarse, predicted = (model(x) for x in (first[:, :: FINE // COARSE], first))
        errors["training"].append(float(np.mean(found)))
        errors["test"].append(relative_error(coarse, last[:, :: FINE // COARSE]).item())
    fine = relative_error(predicted, last).item()
    draw(options, errors, {"at time 0": first.numpy(), "at time 1": last.numpy(), "predicted": predicted.numpy()})
    rows = [
        Row("Fourier operator: relative error, test", errors["test"][-1], beat, form=".2%"),
        Row("the same on a grid four times as fine", fine, beat, form=".2%"),
    ]
    return Report({"errors": errors, "fine": fine}, rows)


if __name__ == "__main__":
    raise SystemExit(main("examples.fourier_operator", __doc__, run))
