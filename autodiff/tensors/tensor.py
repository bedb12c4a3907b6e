"""Tensor: an array with a node; its operators and methods are one line each over primitives and functions."""

from __future__ import annotations

import contextlib
import copy
import sys
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from autodiff.dtypes import DIFFERENTIABLE, get_default_dtype
from autodiff.engine import modes
from autodiff.engine.apply import apply
from autodiff.engine.backward import accumulate_grad, gradients, tensors_of
from autodiff.engine.call_sites import place_of_user
from autodiff.engine.tape import Node, new_leaf
from autodiff.engine.values import result_class, wrap
from autodiff.engine.views import node_of
from autodiff.errors import DtypeError, GraphError, InPlaceError, ShapeError
from autodiff.functions import splitting
from autodiff.functions.axes import size_of
from autodiff.functions.documented import add_examples
from autodiff.functions.more_examples import METHODS
from autodiff.kernels.layout import copied
from autodiff.kinds import described, repair_of
from autodiff.numpy_api import protocol as numpy_protocol
from autodiff.tensors import printing
from autodiff.tensors.devices import check_device
from autodiff.tensors.leaves import THROUGH_DATA, array_from_data, leave_graph, node_again
from autodiff.tensors.lost_history import warn_inner, warn_of_math
from autodiff.tensors.methods.conversion import ConversionMethods
from autodiff.tensors.methods.creation import CreationMethods
from autodiff.tensors.methods.elementwise import ElementwiseMethods
from autodiff.tensors.methods.hooks import HookMethods
from autodiff.tensors.methods.in_place import InPlaceMethods
from autodiff.tensors.methods.linear_algebra import LinearAlgebraMethods
from autodiff.tensors.methods.operators import Operators
from autodiff.tensors.methods.reductions import ReductionMethods
from autodiff.tensors.methods.shaping import ShapingMethods
from autodiff.tensors.sizes import gives_sizes

__all__ = ["Tensor"]

Array = np.ndarray[Any, Any]


@result_class
class Tensor(
    Operators,
    ElementwiseMethods,
    LinearAlgebraMethods,
    ReductionMethods,
    ShapingMethods,
    ConversionMethods,
    InPlaceMethods,
    CreationMethods,
    HookMethods,
):
    """An n-dimensional array that can remember how it was computed.

    ``Tensor(2, 3)`` is a tensor of that shape and ``Tensor([1, 2])`` one of those numbers in the default dtype, as in
    old PyTorch programs; ``autodiff.tensor`` keeps the dtype and is what new ones use.

    >>> x = Tensor([1.0, 2.0]).requires_grad_()
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ("__dict__",)  # for attributes of the user's; made when the first is set
    __array_priority__ = 1000.0
    __hash__ = object.__hash__

    _grad: Tensor | None

    def __init__(self, *data: Any, size: Any = None, requires_grad: bool = False, device: Any = None) -> None:
        if device is not None:
            check_device(device)
        if size is not None:
            self._array = np.zeros(size_of(size), get_default_dtype())
        elif gives_sizes(data):
            self._array = np.zeros(size_of(data) if data else 0, get_default_dtype())
        else:
            self._array = array_from_data(data[0], get_default_dtype(), True)
        self._node = self._grad = self._base = self._untracked_because = None
        self.requires_grad = requires_grad

    # --- in the graph -------------------------------------------------------------------------------------------

    @property
    def grad(self) -> Tensor | None:
        """What backward passes have added up for this leaf; None before the first."""
        if self._grad is None and self._node is not None and self._node.primitive is not None:
            warn_inner(self._node)
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is self:
            raise GraphError("a tensor cannot be its own gradient; assign a clone()")
        if value is not None:
            if not isinstance(value, Tensor):
                raise DtypeError(f"the gradient of a tensor of shape {self.shape} is a tensor, not {described(value)}")
            if value.shape != self.shape:
                raise ShapeError(f"the gradient of a tensor of shape {self.shape} has that shape, not {value.shape}")
            if value.dtype != self.dtype:
                kind = self.dtype.name
                raise DtypeError(f"the gradient of a tensor of {kind} is of that dtype, not {value.dtype.name}")
        self._grad = value

    @property
    def grad_fn(self) -> Node | None:
        """The node that made this tensor; None for a leaf."""
        return None if self.is_leaf else self._node

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user rather than by a recorded operation."""
        node = node_of(self)
        return node is None or node.primitive is None

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient of this tensor can be asked for."""
        return node_of(self) is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not isinstance(value, (bool, np.bool_)):
            raise DtypeError(f"requires_grad is True or False, not {described(value)}")
        if not value and not self.is_leaf:
            raise GraphError("only a leaf can stop requiring grad; use detach() for a tensor outside the graph")
        if value and self._node is None:
            if self._array.dtype.kind not in DIFFERENTIABLE:
                given = f"not {self._array.dtype}; use .float()"
                raise DtypeError(f"only a floating or complex tensor can require grad, {given}")
            self._node = node_again(self)
        elif not value and self._node is not None:
            leave_graph(self, "was told not to, by requires_grad_(False),")

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set ``requires_grad``, and return the tensor."""
        self.requires_grad = requires_grad
        return self

    def detach(self) -> Tensor:
        """The same memory outside the graph."""
        result: Tensor = wrap(self._array)
        result._untracked_because = ("went through detach()", place_of_user())
        return result

    @property
    def data(self) -> Tensor:
        """The same memory outside the graph; assigned, the tensor takes over the other's memory."""
        result: Tensor = wrap(self._array)
        result._untracked_because = (THROUGH_DATA, place_of_user())
        return result

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise DtypeError(f"the data of a tensor is a tensor, not {described(value)}; {repair_of(value)}")
        node, array = self._node, value._array
        if node is not None and (node.shape != array.shape or node.dtype != array.dtype):
            if not self.is_leaf:
                raise ShapeError(
                    f"a tensor inside the graph keeps its shape and dtype, {node.dtype} {node.shape}; its data cannot "
                    f"be {array.dtype} {array.shape}"
                )
            self._node = new_leaf(self, array)  # a graph that was made of the old data does not know the new
            if hasattr(node, "hooks"):
                self._node.hooks = node.hooks
        self._array = array

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Add the gradient of this tensor to ``.grad`` of every leaf it was made from (or of ``inputs``).

        Args:
            gradient: the cotangent to start from, of this tensor's shape; 1 for a tensor of one entry.
            retain_graph: keep the graph for another pass; by default it is freed, unless ``create_graph``.
            create_graph: record the pass itself, so that the gradients can be differentiated.
            inputs: the tensors that are to receive their gradient; all leaves by default.

        Raises:
            GraphError: nothing was recorded, the graph was freed, or there are several entries and no ``gradient``.
            InPlaceError: what the pass needs was changed in place.
        """
        targets = None if inputs is None else tensors_of(inputs, "inputs")
        found = gradients([self], [gradient], targets, retain_graph, create_graph, fill=True)
        accumulate_grad(found, create_graph)

    # --- as NumPy and Python see it -------------------------------------------------------------------------------

    __primitive__ = staticmethod(apply)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if node_of(self) is not None and modes.is_grad_enabled():
            raise GraphError(
                "an array cannot remember how this tensor was made; np.stack(...) joins tensors, "
                ".detach().numpy() gives numbers without history"
            )
        return np.array(self._array, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return numpy_protocol.array_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return numpy_protocol.array_function(function, args, kwargs)

    def numpy(self, *, force: bool = False) -> Array:
        """The array itself, sharing its memory.

        Raises GraphError for a tensor in the graph, unless by ``force`` or under ``no_grad``.
        """
        if not force and node_of(self) is not None and modes.is_grad_enabled():
            raise GraphError("an array cannot remember how this tensor was made; use .detach().numpy()")
        return self._array

    def __dlpack__(self, **options: Any) -> Any:
        return self.numpy().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()

    def item(self) -> int | float | bool:
        """The one entry as a Python number; raises ShapeError where there is not one entry."""
        try:
            return self._array.item()
        except ValueError:
            text = f"a tensor of shape {self.shape} is not one number; .any(), .all() or .sum() make it one"
            raise ShapeError(text) from None

    def tolist(self) -> list[Any]:
        """The entries as nested lists of Python numbers."""
        return self._array.tolist()

    def __bool__(self) -> bool:
        return bool(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        if self._node is not None and "math" in sys._getframe(1).f_code.co_names:  # of whoever asks for the number
            warn_of_math()
        return float(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self._array.dtype.kind not in "biu":
            raise DtypeError(f"only an integer tensor can be an index, not one of {self._array.dtype}")
        return int(self.item())

    def __len__(self) -> int:
        if not self._array.ndim:
            raise DtypeError("a 0-d tensor has no length")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        if not self._array.ndim:
            raise DtypeError("a 0-d tensor cannot be iterated over; item() gives its number")
        return iter(splitting.unbind(self))

    def __contains__(self, value: Any) -> bool:
        return bool((self._array == (value._array if isinstance(value, Tensor) else value)).any())

    def __repr__(self) -> str:
        notes: tuple[str, ...] = ()
        with contextlib.suppress(InPlaceError):  # a view of a tensor in another shape is shown as it is
            node_of(self)
        if self._node is not None:
            notes = (f"grad_fn=<{self._node.name()}>",) if self._node.edges else ("requires_grad=True",)
        return printing.array_text(self._array, get_default_dtype(), notes)

    def __format__(self, spec: str) -> str:
        if self._array.ndim and spec:
            raise DtypeError(f"a tensor of shape {self.shape} has no format {spec!r}; item() gives a number, which has")
        return str(self) if self._array.ndim else format(self.item(), spec)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        if not self.is_leaf:
            raise GraphError("only a leaf can be copied with its place in the graph; use detach() or clone()")
        twin: Self = _rebuilt(type(self), copied(self._array), self.requires_grad)
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        twin._grad = None if self._grad is None else copy.deepcopy(self._grad, memo)
        return twin

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuilt, (type(self), self._array, self.requires_grad), self.__dict__ or None


def _rebuilt(cls: type[Any], array: Array, requires_grad: bool) -> Any:
    """A leaf of class ``cls``, by ``copy`` and ``pickle``."""
    tensor = object.__new__(cls)
    tensor._array, tensor._node, tensor._grad = array, None, None
    tensor.requires_grad = requires_grad
    return tensor


add_examples({name: getattr(Tensor, name) for name in METHODS}, METHODS)
