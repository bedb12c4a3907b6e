"""New tensors like this one, as methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.dtypes import as_dtype
from autodiff.engine.values import TensorBase, Value
from autodiff.functions.axes import size_of
from autodiff.tensors.formats import strided
from autodiff.tensors.leaves import array_from_data, filled, leaf, strided_array
from autodiff.tensors.sizes import gives_sizes


class CreationMethods(TensorBase):
    """``x.new_zeros(2, 3)``, ``x.new_tensor([1, 2])``."""

    __slots__ = ()

    def new_tensor(
        self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
    ) -> Value:
        """A tensor with a copy of ``data``, in the dtype of this one."""
        return leaf(array_from_data(data, dtype or self._array.dtype, True), requires_grad, device)

    def new_zeros(
        self,
        *shape: Any,
        size: Any = (),
        dtype: Any = None,
        layout: Any = strided,
        device: Any = None,
        pin_memory: bool = False,
        requires_grad: bool = False,
    ) -> Value:
        """Zeros in the shape given and the dtype of this tensor."""
        return filled(np.zeros, shape or (size,), dtype or self._array.dtype, device, requires_grad)

    def new_ones(
        self,
        *shape: Any,
        size: Any = (),
        dtype: Any = None,
        layout: Any = strided,
        device: Any = None,
        pin_memory: bool = False,
        requires_grad: bool = False,
    ) -> Value:
        """Ones in the shape given and the dtype of this tensor."""
        return filled(np.ones, shape or (size,), dtype or self._array.dtype, device, requires_grad)

    def new_empty(
        self,
        *shape: Any,
        size: Any = (),
        dtype: Any = None,
        layout: Any = strided,
        device: Any = None,
        pin_memory: bool = False,
        requires_grad: bool = False,
    ) -> Value:
        """A tensor in the shape given and the dtype of this one, its entries undefined."""
        return filled(np.empty, shape or (size,), dtype or self._array.dtype, device, requires_grad)

    def new_empty_strided(
        self,
        size: Sequence[int],
        stride: Sequence[int],
        dtype: Any = None,
        layout: Any = strided,
        device: Any = None,
        pin_memory: bool = False,
        requires_grad: bool = False,
    ) -> Value:
        """A tensor like this one whose neighbours along each axis lie ``stride`` entries apart, its entries undefined.

        Raises ShapeError where there are not as many steps as axes, or one is below 0.

        >>> import autodiff
        >>> autodiff.ones(1).new_empty_strided((2, 3), (1, 2)).stride()
        (1, 2)
        """
        kind = self._array.dtype if dtype is None else as_dtype(dtype)
        return leaf(strided_array("new_empty_strided", size, stride, kind), requires_grad, device)

    def new_full(
        self,
        size: Any,
        fill_value: Any,
        *,
        dtype: Any = None,
        layout: Any = strided,
        device: Any = None,
        pin_memory: bool = False,
        requires_grad: bool = False,
    ) -> Value:
        """``fill_value`` in the shape given and the dtype of this tensor."""
        value = array_from_data(fill_value, dtype or self._array.dtype, True)
        return leaf(np.full(size_of((size,)), value), requires_grad, device)

    def new(self, *data: Any) -> Value:
        """A tensor of those sizes, or of a list or tensor of numbers, in the dtype of this one."""
        return self.new_empty(*(data or (0,))) if gives_sizes(data) else self.new_tensor(data[0])
