"""The arguments of the transforms: axes, lengths along them, dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.dtypes import get_default_dtype, to_complex
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.axes import axes_of, length_of, shape_of
from autodiff.ops import fourier
from autodiff.ops.indexing import index
from autodiff.ops.shaping import cast, copy, pad

NORMS = (None, "backward", "ortho", "forward")


class Plan:
    """One call: what is transformed along which axes, to which lengths.

    Attributes:
        input: the tensor, its integers and halves converted.
        axes: from 0 up, different.
        sizes: the length along each, of the signal or of the whole spectrum.
        norm: which transform is divided, and by what.
    """

    def __init__(self, name: str, input: Any, axes: tuple[int, ...], sizes: Sequence[int | None], norm: Any) -> None:
        if norm not in NORMS:
            raise OptionError(f'{name}: norm is None, "backward", "ortho" or "forward", not {norm!r}')
        self.name, self.axes, self.norm = name, axes, norm
        self.input = cast(input, get_default_dtype()) if input.dtype.kind not in "fc" else input
        if self.input.dtype.char == "e":  # there is no complex number of halves
            self.input = cast(self.input, np.dtype(np.float32))
        self.sizes = [input.shape[a] if n is None else n for a, n in zip(axes, sizes, strict=True)]

    def to_complex(self, inverse: bool) -> Value:
        """All frequencies of the complex numbers."""
        x = self._fitted(self.sizes)
        if x.dtype.kind != "c" and len(self.axes) != 1:  # else the primitive converts, without a copy
            x = cast(x, to_complex(x.dtype))
        return fourier.fft(x, axes=self.axes, inverse=inverse, norm=self.norm) if self.axes else copy(x)

    def of_real(self, inverse: bool) -> Value:
        """The frequencies up to the middle, along the last axis, of real numbers."""
        self._some_axis()
        if self.input.dtype.kind == "c":
            whole = self.name.replace("rfft", "fft").replace("ihfft", "ifft")
            raise DtypeError(f"{self.name} takes real numbers, not {self.input.dtype.name}; {whole} takes complex ones")
        return fourier.fft_of_real(self._fitted(self.sizes), axes=self.axes, inverse=inverse, norm=self.norm)

    def to_real(self, inverse: bool, given: bool) -> Value:
        """The real numbers of which the input has the frequencies up to the middle, along the last axis.

        There is an even number of them unless the last of the sizes was ``given``.
        """
        self._some_axis()
        n = self.sizes[-1] if given else 2 * (self.input.shape[self.axes[-1]] - 1)
        x = self._fitted([*self.sizes[:-1], n // 2 + 1], n)
        x = cast(x, to_complex(x.dtype)) if x.dtype.kind != "c" else x
        return fourier.fft_to_real(x, axes=self.axes, n=n, inverse=inverse, norm=self.norm)

    def _some_axis(self) -> None:
        if not self.axes:
            raise ShapeError(f"{self.name} needs an axis along which the numbers are real, and has none")

    def _fitted(self, sizes: Sequence[int], last: int = 1) -> Any:
        """The input cut, or continued by zeros, to ``sizes`` along the axes."""
        x = self.input
        if any(n < 1 for n in (*sizes, last)):
            raise ShapeError(
                f"{self.name} of shape {tuple(x.shape)} to {list(sizes[:-1]) + [min(sizes[-1], last)]} along "
                f"{self.axes}: a transform has at least one point"
            )
        wanted = dict(zip(self.axes, sizes, strict=True))
        if any(n < x.shape[a] for a, n in wanted.items()):
            x = index(x, key=tuple(slice(wanted.get(a)) for a in range(x.ndim)))
        if any(n > x.shape[a] for a, n in wanted.items()):
            widths = tuple((0, wanted.get(a, n) - n) for a, n in enumerate(x.shape))
            x = pad(x, widths=widths, value=0)
        return x


def along(name: str, input: Any, n: Any, dim: Any, norm: Any) -> Plan:
    """The plan of a transform along one axis to ``n`` points."""
    axis, _ = length_of(input, dim)
    return Plan(name, input, (axis,), (None if n is None else shape_of((n,))[0],), norm)


def over(name: str, input: Any, s: Any, dim: Any, norm: Any) -> tuple[Plan, bool]:
    """The plan of a transform along several axes to ``s`` points, and whether the last length was given."""
    sizes = None if s is None else shape_of((s,))
    if dim is None:
        count = input.ndim if sizes is None else len(sizes)
        if count > input.ndim:
            raise ShapeError(f"{name}: {count} lengths s={sizes} for {input.ndim} axes, of shape {tuple(input.shape)}")
        axes = tuple(range(input.ndim - count, input.ndim))
    else:
        axes = axes_of(dim, input.ndim)
    if sizes is not None and len(sizes) != len(axes):
        raise ShapeError(f"{name}: {len(sizes)} lengths s={sizes} for {len(axes)} axes dim={dim}; give one for each")
    lengths = [None if n == -1 else n for n in sizes or (-1,) * len(axes)]
    return Plan(name, input, axes, lengths, norm), bool(lengths) and lengths[-1] is not None
