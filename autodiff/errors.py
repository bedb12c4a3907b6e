"""The exceptions a user can meet; each also is the built-in kind that PyTorch or NumPy would raise in its place."""

from __future__ import annotations

from typing import Any

import numpy as np


class AutodiffError(Exception):
    """The base of this library's exceptions."""


class ShapeError(AutodiffError, ValueError, RuntimeError):
    """Shapes, axes or sizes that do not fit each other or the operation."""


class AxisError(ShapeError, IndexError):
    """An axis that a tensor does not have."""


class DtypeError(AutodiffError, TypeError, RuntimeError):
    """A dtype, or a kind of object, that the operation does not take."""


class DeviceError(AutodiffError, RuntimeError):
    """A device other than the CPU."""


class GraphError(AutodiffError, RuntimeError):
    """A backward pass that is impossible: nothing was recorded, the graph was freed, the seed does not fit."""


class InPlaceError(GraphError):
    """A change in place of something that the backward pass still needs, or that may not be changed."""


class NonFiniteError(AutodiffError, FloatingPointError, RuntimeError):
    """The first operation, forward or backward, whose result was NaN or infinite; raised by ``detect_anomaly``.

    Attributes:
        operation: its name.
        file, line: where the program called it.
    """

    def __init__(self, message: str, operation: str = "", file: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.operation, self.file, self.line = operation, file, line


class OptionError(AutodiffError, ValueError):
    """An option outside the values it can have: a negative learning rate, a reduction that does not exist."""


class StateDictError(AutodiffError, KeyError, RuntimeError):
    """A state dict that does not fit the module or optimizer it is loaded into."""

    __str__ = Exception.__str__  # KeyError would print the repr, with its line ends escaped


class FileFormatError(AutodiffError, ValueError):
    """A file that is damaged, or not of the format its reader expects."""


class WorkerError(AutodiffError, RuntimeError):
    """A worker of a data loader that does not answer: too slow for its timeout, or gone."""


def describe(value: Any) -> str:
    """Shape, dtype and range of an array, as errors show it; a number as it is.

    >>> describe(np.array([1.0, np.inf]))
    'float64 (2,) in [1, 1], 1 of 2 not finite'
    """
    value = value.detach().numpy() if hasattr(value, "__primitive__") else value
    if not isinstance(value, (np.ndarray, np.generic)):
        return repr(value)
    text = f"{value.dtype} {value.shape}"
    finite = np.extract(np.isfinite(value), value.real)
    if finite.size:
        text += f" in [{finite.min():.4g}, {finite.max():.4g}]"
    bad = value.size - finite.size
    return text + (f", {bad} of {value.size} not finite" if bad else "")


def describe_operand(array: Any) -> str:
    """Dtype and shape of an array, or a number, as errors show them."""
    return f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else repr(array)
