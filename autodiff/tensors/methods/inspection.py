"""What a tensor holds, at a glance."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Info(NamedTuple):
    """What can be said of the entries of a tensor; range and mean are over those that are finite, None without any."""

    shape: tuple[int, ...]
    dtype: str
    minimum: float | None
    maximum: float | None
    mean: float | None
    nans: int
    infinities: int
    zeros: int

    def __str__(self) -> str:
        entries = int(np.prod(self.shape))
        text = f"{self.dtype} {self.shape}"
        if self.minimum is not None:
            text += f" in [{self.minimum:.4g}, {self.maximum:.4g}], mean {self.mean:.4g}"
        counts = {"NaN": self.nans, "infinite": self.infinities, "zero": self.zeros}
        return ", ".join([text, *(f"{count:,} of {entries:,} {name}" for name, count in counts.items() if count)])

    def __repr__(self) -> str:
        return str(self)


class InspectionMethods:
    """``x.info()``."""

    __slots__ = ()

    def info(self) -> Info:
        """Shape, dtype, range and mean of the entries, and how many are NaN, infinite or zero.

        >>> import autodiff
        >>> autodiff.tensor([0.0, 2.0, float("nan"), 4.0]).info()
        float32 (4,) in [0, 4], mean 2, 1 of 4 NaN, 1 of 4 zero
        """
        array: np.ndarray[Any, Any] = self._array  # type: ignore[attr-defined]
        finite = array[np.isfinite(array)]
        some = finite.size > 0
        return Info(
            array.shape,
            array.dtype.name,
            finite.min().item() if some else None,
            finite.max().item() if some else None,
            float(finite.mean(dtype=np.float64)) if some else None,
            int(np.isnan(array).sum()),
            int(np.isinf(array).sum()),
            int((array == 0).sum()),
        )
