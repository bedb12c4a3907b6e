"""Parameter: a tensor that a module owns and an optimizer changes; Buffer: one that is not trained."""

from __future__ import annotations

from typing import Any

from autodiff.tensors.creation import as_tensor, empty
from autodiff.tensors.tensor import Tensor

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter"]


class Parameter(Tensor):
    """A leaf that a ``Module`` registers when it is assigned as an attribute.

    It shares the memory of ``data`` (a tensor or array); without it, it is empty.

    >>> import autodiff
    >>> Parameter(autodiff.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        self._array = (empty(0) if data is None else as_tensor(data))._array
        self._node = self._grad = self._base = self._untracked_because = None
        self.requires_grad = requires_grad

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
    """A tensor that a ``Module`` registers as a buffer when it is assigned as an attribute.

    ``persistent`` says whether it is part of the ``state_dict``.
    """

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        self._array = (empty(0) if data is None else as_tensor(data))._array
        self._node = self._grad = self._base = self._untracked_because = None
        self.persistent = persistent


def is_lazy(param: Any) -> bool:
    """Whether a parameter or buffer has no shape yet."""
    return isinstance(param, (UninitializedParameter, UninitializedBuffer))


class UninitializedParameter(Parameter):
    """A parameter whose shape will be known when its module sees its first input."""

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(empty(0, dtype=dtype), requires_grad)

    def materialize(self, shape: tuple[int, ...], device: Any = None, dtype: Any = None) -> None:
        """Become a parameter of this shape; its values are not set yet."""
        self.data = empty(shape, dtype=dtype or self.dtype)
        self.__class__ = Parameter  # type: ignore[assignment]  # optimizers hold this object


class UninitializedBuffer(Buffer):
    """A buffer whose shape will be known when its module sees its first input."""

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: Any = None) -> None:
        super().__init__(empty(0, dtype=dtype))

    def materialize(self, shape: tuple[int, ...], device: Any = None, dtype: Any = None) -> None:
        """Become a buffer of this shape; its values are not set yet."""
        self.data = empty(shape, dtype=dtype or self.dtype)
        self.__class__ = Buffer  # type: ignore[assignment]
