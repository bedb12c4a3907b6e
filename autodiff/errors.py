"""The exceptions a user can meet; each also is the built-in kind that PyTorch or NumPy would raise in its place."""

from __future__ import annotations

import re

from numpy.linalg import LinAlgError


class AutodiffError(Exception):
    """The base of this library's exceptions; in their texts a shape is a plain tuple, of an array or of a tensor."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(_with_tuples(each) if isinstance(each, str) else each for each in args))


def _with_tuples(text: str) -> str:
    """``text`` with ``(2, 3)`` for ``autodiff.Size([2, 3])``."""
    text = re.sub(r"autodiff\.Size\(\[(\d+)\]\)", r"(\1,)", text)
    return re.sub(r"autodiff\.Size\(\[([\d, ]*)\]\)", r"(\1)", text)


class ShapeError(AutodiffError, ValueError, RuntimeError):
    """Shapes, axes or sizes that do not fit each other or the operation."""


class AxisError(ShapeError, IndexError):
    """An axis that a tensor does not have."""


class LinalgError(AutodiffError, LinAlgError, RuntimeError):
    """A matrix without what was asked for: a singular one has no inverse, one of negative eigenvalues no factor."""


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


class AttributeNameError(OptionError, AttributeError):
    """A name that an attribute cannot have, or not yet: it hides a method, or comes before ``super().__init__()``."""


class StateDictError(AutodiffError, KeyError, RuntimeError):
    """A state dict that does not fit the module or optimizer it is loaded into."""

    __str__ = Exception.__str__  # KeyError would print the repr, with its line ends escaped


class AutodiffWarning(UserWarning):
    """Something that is allowed and hardly ever meant, such as layers that no optimizer will train."""


class FileFormatError(AutodiffError, ValueError):
    """A file that is damaged, or not of the format its reader expects."""


class WorkerError(AutodiffError, RuntimeError):
    """A worker of a data loader that does not answer: too slow for its timeout, or gone."""


class DistributedError(AutodiffError, RuntimeError):
    """Another process of the program that failed, ended, or did not answer in time."""


class CompileError(AutodiffError, RuntimeError):
    """A step that cannot be written down as a program, because it depends on something that is no array."""
