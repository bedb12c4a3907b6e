"""``torch.signal.windows``: windows of M numbers, symmetric unless ``sym=False`` makes them fit side by side.

All take ``dtype``, floating, the default dtype where it is not given; ``device``, the CPU; ``requires_grad``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff.errors import OptionError
from autodiff.functions.axes import size_of
from autodiff.tensors import windows
from autodiff.tensors.tensor import Tensor


def bartlett(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``bartlett_window``: a triangle; raises what that does.

    >>> bartlett(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return windows.bartlett_window(M, not sym, dtype=dtype, device=device, requires_grad=requires_grad)


def blackman(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``blackman_window``; raises what that does.

    >>> blackman(5)[1:4]
    tensor([0.3400, 1.0000, 0.3400])
    """
    return windows.blackman_window(M, not sym, dtype=dtype, device=device, requires_grad=requires_grad)


def hamming(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``hamming_window``; raises what that does.

    >>> hamming(5)
    tensor([0.0800, 0.5400, 1.0000, 0.5400, 0.0800])
    """
    return windows.hamming_window(M, not sym, dtype=dtype, device=device, requires_grad=requires_grad)


def hann(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``hann_window``: a raised cosine; raises what that does.

    >>> hann(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return windows.hann_window(M, not sym, dtype=dtype, device=device, requires_grad=requires_grad)


def kaiser(
    M: int, *, beta: float = 12.0, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """``kaiser_window``; raises OptionError for ``beta`` below 0, and what that does.

    >>> kaiser(5, beta=2.0)
    tensor([0.4387, 0.8348, 1.0000, 0.8348, 0.4387])
    """
    if beta < 0:
        raise OptionError(f"kaiser needs beta of at least 0, not {beta}")
    return windows.kaiser_window(M, not sym, beta, dtype=dtype, device=device, requires_grad=requires_grad)


def general_hamming(
    M: int, *, alpha: float = 0.54, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """alpha - (1 - alpha) cos(2 pi k / n); raises what ``hamming_window`` does.

    >>> general_hamming(5, alpha=0.5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return windows.cosines("general_hamming", M, not sym, (alpha, alpha - 1), dtype, device, requires_grad)


def general_cosine(
    M: int, *, a: Iterable[float], sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """a_0 - a_1 cos(2 pi k / n) + a_2 cos(4 pi k / n) - ...; raises OptionError where ``a`` is empty.

    >>> general_cosine(5, a=[0.5, 0.5])
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    weights = tuple(float(w) * (-1) ** k for k, w in enumerate(a))
    if not weights:
        raise OptionError("general_cosine needs at least one weight in a")
    return windows.cosines("general_cosine", M, not sym, weights, dtype, device, requires_grad)


def nuttall(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Four cosines with small side lobes.

    Reference: Heinzel et al. 2002, "Spectrum and spectral density estimation by the discrete Fourier transform".

    >>> nuttall(5)[1:4]
    tensor([0.2270, 1.0000, 0.2270])
    """
    return general_cosine(
        M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, dtype=dtype, device=device,
        requires_grad=requires_grad,
    )  # fmt: skip


def cosine(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Half a sine wave, sin(pi (k + 1/2) / n).

    >>> cosine(3)
    tensor([0.5000, 1.0000, 0.5000])
    """
    places, last = _places(M, sym)
    return windows.made("cosine", np.sin(np.pi * (places + 0.5) / (last + 1)), M, dtype, device, requires_grad)


def gaussian(
    M: int, *, std: float = 1.0, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A bell, exp(-(k - n / 2)^2 / (2 std^2)); raises OptionError where ``std`` is not above 0.

    >>> gaussian(3)
    tensor([0.6065, 1.0000, 0.6065])
    """
    if std <= 0:
        raise OptionError(f"gaussian needs std above 0, not {std}")
    places, last = _places(M, sym)
    return windows.made("gaussian", np.exp(-(((places - last / 2) / std) ** 2) / 2), M, dtype, device, requires_grad)


def exponential(
    M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """exp(-|k - center| / tau), the centre in the middle unless given.

    Raises OptionError where ``tau`` is not above 0, or a symmetric window has a centre of its own.

    >>> exponential(3)
    tensor([0.3679, 1.0000, 0.3679])
    """
    if tau <= 0:
        raise OptionError(f"exponential needs tau above 0, not {tau}")
    if sym and center is not None:
        raise OptionError("exponential has its centre in the middle; give sym=False with a centre of its own")
    places, last = _places(M, sym)
    middle = last / 2 if center is None else center
    return windows.made("exponential", np.exp(-np.abs(places - middle) / tau), M, dtype, device, requires_grad)


def _places(length: int, sym: bool) -> tuple[Any, int]:
    """The places of the numbers, and the last of them; without ``sym`` that of one number more."""
    (length,) = size_of((length,))
    return np.arange(length), length - 1 if sym or length == 1 else length
