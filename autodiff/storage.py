"""``torch.storage``: the memory that a tensor looks into, which other tensors may share."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.versions import changed
from autodiff.errors import DtypeError
from autodiff.kernels.lending import keep_lent, owner_of
from autodiff.kinds import described
from autodiff.named_dtypes import NAMED, dtype


class TypedStorage:
    """All numbers of a tensor's memory in the order in which they lie there; ``x.storage()`` makes one.

    Two tensors share memory where ``data_ptr`` of their storages is the same. What is written here is outside the
    graph, as a write through ``.data``.

    Raises DtypeError where it is made of anything but the array of a tensor.

    >>> import autodiff
    >>> x = autodiff.arange(6).reshape(2, 3)
    >>> list(x[1:].storage()), x[1:].storage().data_ptr() == x.storage().data_ptr()
    ([0, 1, 2, 3, 4, 5], True)
    """

    def __init__(self, array: np.ndarray[Any, Any], kind: np.dtype[Any] | None = None) -> None:
        if not isinstance(array, np.ndarray):
            raise DtypeError(f"a storage is made by storage() of a tensor, not of {described(array)}")
        self._array = array
        owner, kind = owner_of(array), kind or array.dtype
        whole = owner.nbytes // kind.itemsize
        self._entries: np.ndarray[Any, Any] = np.ndarray(whole, kind, owner.ravel("K").view(np.uint8))

    @property
    def dtype(self) -> dtype:
        """The dtype of the entries."""
        return NAMED[self._entries.dtype]

    def size(self) -> int:
        """How many entries there are."""
        return self._entries.size

    __len__ = size

    def nbytes(self) -> int:
        """How many bytes they take."""
        return self._entries.nbytes

    def element_size(self) -> int:
        """How many bytes one takes."""
        return self._entries.itemsize

    def data_ptr(self) -> int:
        """The address of the first."""
        return self._entries.ctypes.data

    def tolist(self) -> list[Any]:
        """The entries as numbers of Python."""
        return self._entries.tolist()

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage(self._array)

    def is_shared(self) -> bool:
        """False: no other process sees it."""
        return False

    def __getitem__(self, key: Any) -> Any:
        found = self._entries[key]
        return found.tolist() if isinstance(key, slice) else found.item()

    def __setitem__(self, key: Any, value: Any) -> None:
        keep_lent(self._array)
        self._entries[key] = value
        changed(self._array)

    def fill_(self, value: Any) -> TypedStorage:
        """Set every entry to one number."""
        self[:] = value
        return self

    def __repr__(self) -> str:
        return "\n".join([*(f" {x}" for x in self.tolist()), f"[{type(self).__name__} of {self.size()} entries]"])


class UntypedStorage(TypedStorage):
    """The memory of a tensor as bytes; ``x.untyped_storage()`` makes one.

    >>> import autodiff
    >>> autodiff.zeros(3).untyped_storage().nbytes()
    12
    """

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        super().__init__(array, np.dtype(np.uint8))


def is_storage(obj: Any) -> bool:
    """Whether it is the memory of a tensor.

    >>> is_storage([1.0])
    False
    """
    return isinstance(obj, TypedStorage)
