"""Declarations of discrete Fourier transforms; the references are the sums that define them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from autodiff.testing import strategies
from autodiff.testing.domain import complex_, real
from declared.base import declare

SIGNALS = strategies.shapes(min_dims=1).filter(lambda shape: 0 not in shape).map(lambda shape: (shape,))


@st.composite
def _how(draw: Any, shape: tuple[int, ...], count: int) -> dict[str, Any]:
    """Some different axes, a direction, and a norm."""
    axes = draw(st.permutations(range(len(shape))))[: draw(st.integers(1, count))]
    norm = draw(st.sampled_from([None, "backward", "ortho", "forward"]))
    return {"axes": tuple(axes), "inverse": draw(st.booleans()), "norm": norm}


def _transforms(shape: Any) -> Any:
    return _how(shape, len(shape))


def _to_lengths(shape: Any) -> Any:
    """An even or an odd length that has so many frequencies up to the middle."""
    def lengths(how: dict[str, Any]) -> Any:
        m = shape[how["axes"][-1]]
        return st.sampled_from([2 * m - 1, max(2 * m - 2, 1)]).map(lambda n: {**how, "n": n})

    return _how(shape, len(shape)).flatmap(lengths)


def _factor(n: int, inverse: bool, norm: str | None) -> float:
    divided = {None: inverse, "backward": inverse, "forward": not inverse, "ortho": 0.5}[norm]
    return float(n) ** -divided


def _sum(x: Any, axes: Any, inverse: bool, norm: str | None, **_: Any) -> Any:
    """Along one axis after another, by the matrix of all powers of a root of unity."""
    x = np.asarray(x, complex)
    for axis in axes:
        n = x.shape[axis]
        powers = np.exp((2j if inverse else -2j) * np.pi / n * np.outer(np.arange(n), np.arange(n)))
        x = np.moveaxis(np.tensordot(powers, x, (1, axis)), 0, axis) * _factor(n, inverse, norm)
    return x


def _half(x: Any, axes: Any, **how: Any) -> Any:
    return _sum(np.take(_sum(x, axes[-1:], **how), range(x.shape[axes[-1]] // 2 + 1), axes[-1]), axes[:-1], **how)


def _whole(x: Any, axes: Any, n: int, **how: Any) -> Any:
    """The other half is the conjugate of this one, which is cut where ``n`` is less."""
    last = axes[-1]
    x = np.moveaxis(_sum(x, axes[:-1], **how), last, -1)[..., : n // 2 + 1]
    rest = np.conj(x[..., 1 : n - n // 2][..., ::-1])
    return np.moveaxis(_sum(np.concatenate([x, rest], -1), (-1,), **how).real, -1, last)


declare("fft", complex_(real(-2, 2)), shapes=SIGNALS, kwargs=_transforms, ref=_sum)
declare("fft_of_real", real(-2, 2), shapes=SIGNALS, kwargs=_transforms, ref=_half, dtypes=[np.float32])
declare("fft_to_real", complex_(real(-2, 2)), shapes=SIGNALS, kwargs=_to_lengths, ref=_whole)
