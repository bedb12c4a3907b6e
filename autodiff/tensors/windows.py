"""Windows: weights that fall towards the ends of a piece of a signal, by PyTorch's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.errors import DtypeError
from autodiff.functions.axes import size_of
from autodiff.tensors.creation import leaf
from autodiff.tensors.leaves import dtype_or_default
from autodiff.tensors.tensor import Tensor

__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]


def hann_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A raised cosine (window_length,), 0 at the ends: sin(pi k / n)^2.

    Args:
        window_length: how many numbers.
        periodic: leave out the last of one number more, so that copies side by side make one wave; n is then
            ``window_length``, and one less for a symmetric window.
        dtype: floating; the default dtype where it is not given.
        device: the processor.
        requires_grad: whether it is tracked.

    Raises:
        ShapeError: the length is below 0.
        DtypeError: ``dtype`` is not floating.

    Reference: Harris 1978, "On the use of windows for harmonic analysis with the discrete Fourier transform".

    >>> hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return cosines("hann_window", window_length, periodic, (0.5, -0.5), dtype, device, requires_grad)


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype: Any = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """alpha - beta cos(2 pi k / n), which is not 0 at the ends; the other arguments are those of ``hann_window``.

    Raises DtypeError for a ``dtype`` that is not floating.

    >>> hamming_window(4)
    tensor([0.0800, 0.5400, 1.0000, 0.5400])
    """
    return cosines("hamming_window", window_length, periodic, (alpha, -beta), dtype, device, requires_grad)


def blackman_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """0.42 - 0.5 cos(2 pi k / n) + 0.08 cos(4 pi k / n); the arguments are those of ``hann_window``.

    Raises DtypeError for a ``dtype`` that is not floating.

    >>> blackman_window(4)[1:]
    tensor([0.3400, 1.0000, 0.3400])
    """
    return cosines("blackman_window", window_length, periodic, (0.42, -0.5, 0.08), dtype, device, requires_grad)


def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A triangle, 1 - |2 k / n - 1|, 0 at the ends; the arguments are those of ``hann_window``.

    Raises DtypeError for a ``dtype`` that is not floating.

    >>> bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    places = _places(window_length, periodic)
    return made("bartlett_window", 1 - np.abs(2 * places - 1), window_length, dtype, device, requires_grad)


def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """I0(beta sqrt(1 - (2 k / n - 1)^2)) / I0(beta), narrower where ``beta`` is larger; else as ``hann_window``.

    Raises DtypeError for a ``dtype`` that is not floating.

    Reference: Kaiser & Schafer 1980, "On the use of the I0-sinh window for spectrum analysis".

    >>> kaiser_window(4, beta=2.0)
    tensor([0.4387, 0.8348, 1.0000, 0.8348])
    """
    places = _places(window_length, periodic)
    weights = np.i0(beta * np.sqrt(np.maximum(1 - (2 * places - 1) ** 2, 0))) / np.i0(beta)
    return made("kaiser_window", weights, window_length, dtype, device, requires_grad)


def _places(length: int, periodic: bool) -> Any:
    """How far each number is from the first end to the other, 0 to 1."""
    (length,) = size_of((length,))
    return np.arange(length) / max(length if periodic else length - 1, 1)


def cosines(
    name: str, length: int, periodic: bool, weights: tuple[float, ...], dtype: Any, device: Any, requires_grad: bool
) -> Tensor:
    """A sum of cosines, the first of them constant, with these weights."""
    places = _places(length, periodic)
    waves = sum(w * np.cos(2 * np.pi * k * places) for k, w in enumerate(weights))
    return made(name, waves, length, dtype, device, requires_grad)


def made(name: str, weights: Any, length: int, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    """The window of these numbers, and 1 where there is but one; raises DtypeError for a dtype that is not floating."""
    chosen = dtype_or_default(dtype)
    if chosen.kind != "f":
        raise DtypeError(f"{name} gives floats, not {chosen}")
    return leaf((np.ones(1) if length == 1 else weights).astype(chosen), requires_grad, device)
