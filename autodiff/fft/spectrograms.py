"""The transform of short pieces of a signal, and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.dtypes import to_real
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.fft.one_axis import fft, ifft, irfft, rfft
from autodiff.functions.arrays import array_of, constant
from autodiff.functions.complex_names import is_complex, view_as_real
from autodiff.functions.joining import cat
from autodiff.functions.shaping import expand, transpose
from autodiff.ops.indexing import index
from autodiff.ops.shaping import overlap_add, pad, slide

__all__ = ["istft", "stft"]


def stft(
    input: Any, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Any = None,
    center: bool = True, pad_mode: str = "reflect", normalized: bool = False, onesided: bool | None = None,
    return_complex: bool | None = None,
) -> Value:  # fmt: skip
    """The short-time Fourier transform: the ``fft`` of pieces of a signal, ``hop_length`` apart, times a window.

    Args:
        input: signals, real or complex, (L,) or (B, L).
        n_fft: the length of a piece.
        hop_length: from one piece to the next; a quarter of ``n_fft`` where it is not given.
        win_length: the length of the window, in the middle of a piece; ``n_fft`` where it is not given.
        window: (win_length,), by which each piece is multiplied; ones where it is not given.
        center: whether pieces are around their times instead of behind them; the signal then goes on at both ends.
        pad_mode: how it goes on: "reflect", "constant" (zeros), "replicate" or "circular".
        normalized: divide by the root of ``n_fft``.
        onesided: give the frequencies F up to the middle, n_fft // 2 + 1 of n_fft; so it is where all is real.
        return_complex: False gives pairs of floats instead of complex numbers; wanted where all is real.

    Returns:
        Frequencies over times, (F, T) or (B, F, T); with pairs (F, T, 2) or (B, F, T, 2).

    Raises:
        DtypeError: integers were given.
        ShapeError: the signal is shorter than a piece, or the window does not fit.
        OptionError: an option has no such value.

    Reference: Allen & Rabiner 1977, "A unified approach to short-time Fourier analysis and synthesis".

    >>> import autodiff
    >>> signal = autodiff.tensor([1.0, 0.0, -1.0, 0.0, 1.0, 0.0, -1.0, 0.0])
    >>> autodiff.stft(signal, n_fft=4, hop_length=4, center=False, return_complex=True).abs()
    tensor([[0., 0.],
            [2., 2.],
            [0., 0.]])
    """
    hop, length = _lengths("stft", n_fft, hop_length, win_length, window)
    if input.dtype.kind not in "fc" or input.ndim not in (1, 2):
        kind = ShapeError if input.dtype.kind in "fc" else DtypeError
        raise kind(f"stft takes floats (L,) or (B, L), not {input.dtype.name} {tuple(input.shape)}")
    whole = is_complex(input) or (window is not None and is_complex(window))
    if return_complex is None and not whole:
        raise OptionError("stft of real numbers: say return_complex=True, or False for pairs of floats")
    if whole and onesided:
        raise OptionError("stft of complex numbers has no conjugate half; leave onesided away")
    signal = _continued(input, n_fft // 2, pad_mode) if center else input
    if n_fft > signal.shape[-1]:
        raise ShapeError(f"stft: a piece of n_fft={n_fft} does not fit into a signal of {signal.shape[-1]}")
    pieces = slide(signal, axis=signal.ndim - 1, size=n_fft, step=hop)
    if window is not None or length < n_fft:
        pieces = pieces * _whole_window(window, length, n_fft, input)
    of_real = not whole and onesided is not False
    spectra = (rfft if of_real else fft)(pieces, norm="ortho" if normalized else None)
    result = transpose(spectra, -2, -1)
    return result if return_complex is not False else view_as_real(result)


def istft(
    input: Any, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Any = None,
    center: bool = True, normalized: bool = False, onesided: bool | None = None, length: int | None = None,
    return_complex: bool = False,
) -> Value:  # fmt: skip
    """The signal whose ``stft`` with the same options is nearest to the input: its inverse, where it has one.

    The pieces are multiplied by the window, added up where they overlap, and divided by the sum of the squares of
    their windows.

    Args:
        input: complex, frequencies over times (F, T) or (B, F, T).
        n_fft: the length of a piece; this and the next five are those of ``stft``.
        hop_length: from one piece to the next.
        win_length: the length of the window.
        window: (win_length,).
        center: whether the signal went on at both ends, which are cut off.
        normalized: multiply by the root of ``n_fft``.
        onesided: whether F is n_fft // 2 + 1; without it, F tells unless ``n_fft`` is 1.
        length: of the result, which is cut or continued by zeros; L where it is not given, without a rest.
        return_complex: give a complex signal, of all frequencies.

    Returns:
        (L,) or (B, L), real unless ``return_complex``.

    Raises:
        DtypeError: the input is not complex, or the window is and the result is not.
        ShapeError: the shape is not that of an ``stft``, or at a time all windows are 0.
        OptionError: an option has no such value.

    Reference: Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform".

    >>> import autodiff
    >>> signal, window = autodiff.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), autodiff.hann_window(4)
    >>> spectra = autodiff.stft(signal, 4, window=window, return_complex=True)
    >>> autodiff.istft(spectra, 4, window=window, length=6)
    tensor([1., 2., 3., 4., 5., 6.])
    """
    hop, size = _lengths("istft", n_fft, hop_length, win_length, window)
    of_real = _is_onesided(input, n_fft, onesided)
    if hop > size:
        raise OptionError(f"istft: pieces hop_length={hop} apart leave gaps between windows of {size}")
    if return_complex and of_real:
        raise OptionError("istft: half of the frequencies makes a real signal; return_complex=True needs all of them")
    if window is not None and is_complex(window) and not return_complex:
        raise DtypeError("istft: a complex window makes a complex signal; say return_complex=True")
    spectra, norm = transpose(input, -2, -1), "ortho" if normalized else None
    if return_complex:
        pieces = ifft(spectra, norm=norm)
    else:
        pieces = irfft(index(spectra, key=(..., slice(n_fft // 2 + 1))), n_fft, norm=norm)
    weights = _whole_window(window, size, n_fft, pieces)
    total = (input.shape[-1] - 1) * hop + n_fft
    summed = overlap_add(pieces * weights, axis=pieces.ndim - 2, step=hop, shape=(*input.shape[:-2], total))
    squares = expand(weights * weights, (input.shape[-1], n_fft))
    envelope = overlap_add(squares, axis=0, step=hop, shape=(total,))
    first = n_fft // 2 if center else 0
    last = first + length if length is not None else total - first
    kept = (..., slice(first, min(last, total)))
    summed, envelope = index(summed, key=kept), index(envelope, key=kept)
    if not envelope.shape[-1] or np.abs(array_of(envelope)).min() < 1e-11:
        raise ShapeError("istft: at some time of the result all windows are 0, so that the signal is not known there")
    return _with_zeros(summed / envelope, 0, max(last - total, 0))


def _lengths(name: str, n_fft: int, hop: int | None, size: int | None, window: Any) -> tuple[int, int]:
    """From one piece to the next, and the length of the window."""
    hop, size = n_fft // 4 if hop is None else hop, n_fft if size is None else size
    if n_fft < 1 or hop < 1 or not 1 <= size <= n_fft:
        raise OptionError(
            f"{name}: n_fft={n_fft}, hop_length={hop} and win_length={size} are above 0, and no window is longer than "
            "a piece"
        )
    if window is not None and tuple(window.shape) != (size,):
        raise ShapeError(f"{name}: a window of win_length={size} numbers is needed, not {tuple(window.shape)}")
    return hop, size


def _is_onesided(input: Any, n_fft: int, onesided: bool | None) -> bool:
    """Whether the input of ``istft`` has half of the frequencies."""
    if not is_complex(input):
        raise DtypeError(f"istft takes complex numbers, not {input.dtype.name}; view_as_complex makes them of pairs")
    if input.ndim not in (2, 3) or 0 in input.shape:
        raise ShapeError(f"istft takes frequencies over times (F, T) or (B, F, T), not {tuple(input.shape)}")
    found = input.shape[-2] != n_fft if onesided is None else onesided
    wanted = n_fft // 2 + 1 if found else n_fft
    if input.shape[-2] != wanted:
        raise ShapeError(f"istft: onesided={found} and n_fft={n_fft} make {wanted} frequencies, not {input.shape[-2]}")
    return found


def _whole_window(window: Any, size: int, n_fft: int, like: Any) -> Any:
    """The window (n_fft,), with zeros around one that is shorter."""
    if window is None:
        window = constant(np.ones(size, to_real(like.dtype)), like)
    before = (n_fft - size) // 2
    return _with_zeros(window, before, n_fft - size - before)


def _with_zeros(x: Any, before: int, after: int) -> Any:
    """``x`` with so many zeros at the ends of its last axis."""
    return pad(x, widths=((0, 0),) * (x.ndim - 1) + ((before, after),), value=0) if before or after else x


def _continued(signal: Any, more: int, mode: str) -> Any:
    """The signal (*, L), which goes on at both ends by ``more`` entries: (*, L + 2 more)."""
    n = signal.shape[-1]
    if mode not in ("reflect", "constant", "replicate", "circular"):
        raise OptionError(f'stft: pad_mode is "reflect", "constant", "replicate" or "circular", not {mode!r}')
    most = {"reflect": n - 1, "circular": n, "replicate": more if n else 0}.get(mode, more)
    if more > most:
        raise ShapeError(f"stft: {mode!r} continues a signal of {n} by {most} at most, not by {more}; see center")
    if mode == "constant":
        return _with_zeros(signal, more, more)
    if mode == "replicate":
        ends = (expand(index(signal, key=(..., at)), (*signal.shape[:-1], more)) for at in (slice(1), slice(n - 1, n)))
        before, after = ends
    elif mode == "reflect":
        back = slice(n - 2, n - 2 - more if n - 2 - more >= 0 else None, -1)
        before, after = index(signal, key=(..., slice(more, 0, -1))), index(signal, key=(..., back))
    else:
        before, after = index(signal, key=(..., slice(n - more, n))), index(signal, key=(..., slice(more)))
    return cat([before, signal, after], -1)
