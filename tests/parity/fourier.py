"""Cases of the discrete Fourier transforms, of short-time ones and of windows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from parity.base import case, numbers

OF_COMPLEX, OF_REAL, TO_REAL = ("fft", "ifft"), ("rfft", "ihfft"), ("irfft", "hfft")
ONE: list[dict[str, Any]] = [
    {}, {"n": 5}, {"n": 2, "dim": 0, "norm": "backward"}, {"dim": 1, "norm": "ortho"},
    {"n": 6, "dim": -2, "norm": "forward"},
]  # fmt: skip
SEVERAL: list[dict[str, Any]] = [
    {}, {"s": (2, 5)}, {"dim": (0, 2), "norm": "ortho"}, {"s": (4, -1), "dim": (2, 0), "norm": "forward"},
]  # fmt: skip


def _twice(lib: Any, y: Any) -> list[Any]:
    """The transform as it lies in memory, and something of it that is not linear."""
    return [y, (lib.view_as_real(y.resolve_conj()) if y.is_complex() else y) ** 2 * 0.3]


def _call(name: str, paired: bool, options: dict[str, Any]) -> Callable[..., Any]:
    def of_pair(lib: Any, x: Any, y: Any) -> Any:
        return _twice(lib, getattr(lib.fft, name)(x + y * 1j, **options))

    def of_one(lib: Any, x: Any) -> Any:
        return _twice(lib, getattr(lib.fft, name)(x, **options))

    return of_pair if paired else of_one


for names, paired in ((OF_COMPLEX, True), (OF_COMPLEX, False), (OF_REAL, False), (TO_REAL, True), (TO_REAL, False)):
    for name in names:
        for options in ONE:
            case(f"fft.{name}", _call(name, paired, options), *[(3, 4, 3)] * (1 + paired))
        for options in SEVERAL:
            case(f"fft.{name}n", _call(f"{name}n", paired, options), *[(3, 4, 3)] * (1 + paired))
        case(f"fft.{name}2", _call(f"{name}2", paired, {}), *[(3, 4, 3)] * (1 + paired))
        case(f"fft.{name}2", _call(f"{name}2", paired, {"s": (5, 2), "norm": "ortho"}), *[(3, 4, 3)] * (1 + paired))
        case(f"fft.{name}n", _call(f"{name}n", paired, {"dim": 0, "s": 4}), *[(3, 2)] * (1 + paired))
case("fft.fftn", lambda lib, x: lib.fft.fftn(x, dim=()), (2, 3))
case("fft.fft", lambda lib, x: lib.fft.fft(x), np.arange(4), order=0)
case("fft.rfft", lambda lib, x: lib.fft.rfft(x, 3), np.arange(4) > 1, order=0)
for name in ("fftshift", "ifftshift"):
    for dim in (None, 0, -1, (0, 1), (0, 0)):
        case(f"fft.{name}", lambda lib, x, name=name, dim=dim: getattr(lib.fft, name)(x, dim), (5, 4))
for n in (5, 4, 1):
    case("fft.fftfreq", lambda lib, n=n: [lib.fft.fftfreq(n), lib.fft.fftfreq(n, 0.1, dtype=lib.float64)], order=0)
    case("fft.rfftfreq", lambda lib, n=n: [lib.fft.rfftfreq(n), lib.fft.rfftfreq(n, d=0.1)], order=0)


def _pieces(lib: Any, x: Any, w: Any, **options: Any) -> list[Any]:
    y = lib.stft(x, 6, window=w, return_complex=True, **options)
    with warnings.catch_warnings(action="ignore"):  # PyTorch advises against pairs
        return [*_twice(lib, y), x.stft(6, 2, window=w, return_complex=False)]


def _joined(lib: Any, x: Any, y: Any, w: Any, **options: Any) -> list[Any]:
    made = lib.istft(x + y * 1j, 6, window=w, **options)
    return [*_twice(lib, made), (x + y * 1j).istft(6, 2, window=w, **options)]


def _without_window(lib: Any, x: Any, y: Any) -> Any:
    with warnings.catch_warnings(action="ignore"):  # PyTorch advises against it
        return lib.istft(x + y * 1j, 6, 2, 4)


POSITIVE = numbers((6,), 0.3, 1.0, 4)
for more in ({}, {"hop_length": 3, "normalized": True}, {"pad_mode": "constant", "onesided": False},
             {"pad_mode": "circular"}, {"pad_mode": "replicate"}, {"center": False}):  # fmt: skip
    for shape in ((13,), (2, 8)):
        case("stft", lambda lib, x, w, more=more: _pieces(lib, x, w, **more), shape, POSITIVE)
case("stft", lambda lib, x, w: lib.stft(x, 7, 2, 4, w, return_complex=True), (13,), POSITIVE[:4])
for more in ({}, {"normalized": True, "length": 5}, {"center": False}):
    for shape in ((4, 3), (2, 4, 4)):
        case("istft", lambda lib, x, y, w, more=more: _joined(lib, x, y, w, **more), shape, shape, POSITIVE)
case("istft", lambda lib, x, y, w: _joined(lib, x, y, w, return_complex=True), (6, 3), (6, 3), POSITIVE)
case("istft", _without_window, (4, 3), (4, 3))
for name in ("hann", "hamming", "blackman", "bartlett", "kaiser"):
    for n in (0, 1, 2, 7, 8):

        def windows(lib: Any, name: str = name, n: int = n) -> list[Any]:
            make = getattr(lib, f"{name}_window")
            double = {"dtype": lib.float64}  # in float32 PyTorch rounds the cosines before they cancel
            return [make(n, **double), make(n, False, **double), make(n, periodic=True, **double)]

        case(f"{name}_window", windows, order=0)
for name in ("hann", "bartlett"):
    case(f"{name}_window", lambda lib, name=name: getattr(lib, f"{name}_window")(6), order=0)
case("hamming_window", lambda lib: lib.hamming_window(5, True, 0.6, 0.3, dtype=lib.float64), order=0)
case("kaiser_window", lambda lib: lib.kaiser_window(9, False, beta=3.0, dtype=lib.float64), order=0)
