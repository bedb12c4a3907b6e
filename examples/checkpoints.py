"""Where the training of a program is kept, so that it can go on after it was stopped."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import autodiff
from autodiff.data.idx import DataError


class Checkpoint(NamedTuple):
    """Where a training is kept, so that it can go on after it was stopped.

    Args:
        path: the file.
        every: so many steps there is a new one; and after each epoch.
        run: what decides how the training goes; a checkpoint of another run is refused.
        saved: the state to go on from, or None.
    """

    path: Path
    every: int
    run: dict[str, Any]
    saved: dict[str, Any] | None = None

    def resumed(self) -> Checkpoint:
        """With the state that the file has, where there is one.

        Raises:
            DataError: it is the checkpoint of another run.
            FileFormatError: the file is no checkpoint.

        """
        if not self.path.exists():
            return self
        saved = autodiff.load(self.path)
        run = saved.get("run") if isinstance(saved, dict) else None
        if not isinstance(run, dict):
            raise DataError(self.path, "another file", "a checkpoint of this program", "start anew without --resume")
        for name, value in self.run.items():
            if run.get(name) != value:
                found, expected = f"a checkpoint with {name} {run.get(name)}", f"one with {value}"
                raise DataError(self.path, found, expected, "start anew without --resume")
        return self._replace(saved=saved)


def checksum(*arrays: NDArray[Any]) -> int:
    """A number that tells these arrays from others.

    >>> checksum(np.arange(3)) == checksum(np.arange(3)) != checksum(np.ones(3))
    True
    """
    result = 0
    for array in arrays:
        result = zlib.crc32(np.ascontiguousarray(array).data, result)
    return result
