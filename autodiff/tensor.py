"""Tensor: an array with a place in the graph; its operators and methods are one line over the rows and functions."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator
from typing import Any, Self

import numpy as np

from autodiff import modes, numpy_protocol, printing
from autodiff.changes import changed, next_number
from autodiff.dtypes import can_cast, get_default_dtype, result_dtype
from autodiff.errors import AxisError, DtypeError, GraphError, InPlaceError, NonFiniteError, ShapeError
from autodiff.functions import shaping
from autodiff.functions.axes import shape_of
from autodiff.graph import Leaf, Node, describe, non_finite, walk
from autodiff.methods import Methods
from autodiff.ops import arithmetic, comparison
from autodiff.ops.indexing import put
from autodiff.ops.linear_algebra import matmul
from autodiff.ops.shaping import astype
from autodiff.places import Place, line_of, place_of_user, source_of
from autodiff.primitive import Primitive

__all__ = ["Tensor", "accumulate", "apply", "gradients", "wrap"]

Array = np.ndarray[Any, Any]
ndarray = np.ndarray
new = object.__new__
NO_PARAMS: dict[str, Any] = {}
NUMBERS = (float, int, bool)


def wrap(array: Array, node: Node | None = None) -> Tensor:
    """A Tensor of ``array``, which is not copied, at ``node``."""
    tensor = new(Tensor)
    tensor._array = array
    tensor._node = node
    tensor._grad = None
    return tensor


def apply(primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any] = NO_PARAMS) -> Tensor:
    """Apply a row to tensors, arrays and numbers, and record it where an input is tracked.

    Raises:
        ShapeError, DtypeError, IndexError: the inputs do not fit the operation.
        NonFiniteError: under ``detect_anomaly``, the result is not finite.
    """
    arrays, edges, mask, bit, dtype, mixed = [], [], 0, 1, None, False
    for x in inputs:
        node = None
        if isinstance(x, Tensor):
            array, node = x._array, x._node
            if node is not None:
                mask |= bit
        else:
            array = _constant(primitive, x)
        if type(array) is ndarray:
            mixed = mixed or (dtype is not None and array.dtype is not dtype)
            dtype = array.dtype
        arrays.append(array)
        edges.append(node)
        bit <<= 1
    if mixed and primitive.vjps:
        promoted = _promoted(primitive, inputs, arrays)
        if promoted is not None:
            return apply(primitive, promoted, params)
    try:
        out = primitive.forward(*arrays, **params)
    except (ValueError, TypeError, IndexError) as error:
        raise _refused(primitive, arrays, params, error) from error
    if type(out) is not ndarray:
        out = np.asarray(out)
    if out.dtype is not dtype and primitive.vjps:  # integers where the result is floating, beside a Python float, ...
        promoted = _promoted(primitive, inputs, arrays)
        if promoted is not None:
            return apply(primitive, promoted, params)
    mode = modes.current()
    if mode.anomaly and non_finite(out):
        raise _not_finite(primitive, arrays, out)
    if not (mask and mode.recording and primitive.vjps):
        return _untracked(out, inputs, mask)
    keep = primitive.plans[mask]
    saved = [out if keep and keep[0] else None]
    for i, array in enumerate(arrays, 1):
        saved.append(array if keep and keep[i] else edges[i - 1])
    return wrap(out, record(primitive, tuple(edges), tuple(saved), params, out))


def binary(primitive: Primitive, x: Any, y: Any) -> Tensor:
    """``apply`` for two tensors of one dtype, or a floating one and a number: the commonest case, at half the price."""
    a, n = x._array, x._node
    if isinstance(y, Tensor):
        b, m = y._array, y._node
        if a.dtype is not b.dtype:
            return apply(primitive, (x, y))
    elif type(y) in NUMBERS and a.dtype.kind == "f":
        b, m = y, None
    else:
        return apply(primitive, (x, y))
    mode = modes.current()
    mask = (n is not None) + 2 * (m is not None)
    if not mask or not mode.recording or mode.anomaly:
        return apply(primitive, (x, y))
    try:
        out = primitive.forward(a, b)
    except (ValueError, TypeError) as error:
        raise _refused(primitive, [a, b], NO_PARAMS, error) from error
    if type(out) is not ndarray:
        out = np.asarray(out)
    keep = primitive.plans[mask]
    saved = (out if keep[0] else None, a if keep[1] else n, b if keep[2] else m)
    return wrap(out, record(primitive, (n, m), saved, NO_PARAMS, out))


def record(primitive: Primitive, edges: Any, saved: Any, params: dict[str, Any], out: Array) -> Node:
    """The node of ``out``; plain stores take half the time of an ``__init__``."""
    node = new(Node)
    node.primitive, node.edges, node.saved, node.params = primitive, edges, saved, params
    node.number, node.shape, node.dtype, node.place = next_number(), out.shape, out.dtype, place_of_user()
    return node


def _constant(primitive: Primitive, x: Any) -> Any:
    """An operand that is not a Tensor: an array or a Python number; a NumPy number counts as one of Python's."""
    if isinstance(x, ndarray) and x.dtype.kind in "biuf":
        return x.view(ndarray)
    if isinstance(x, np.generic) and x.dtype.kind in "biuf":
        return x.item()
    if isinstance(x, NUMBERS):
        return x
    raise DtypeError(f"{primitive.name} takes tensors, arrays and numbers, not {x!r:.60}; make a tensor of it with tensor(...)")


def _promoted(primitive: Primitive, inputs: tuple[Any, ...], arrays: list[Any]) -> tuple[Any, ...] | None:
    """The inputs in their common dtype, converted by a recorded ``astype``; None where they have it already."""
    dtype = result_dtype(*arrays)
    if primitive.floating and dtype.kind != "f":
        dtype = get_default_dtype()
    if not any(isinstance(a, ndarray) and a.dtype != dtype for a in arrays):
        return None
    if not primitive.promotes:
        raise DtypeError(
            f"{primitive.name} needs inputs of one dtype, not {', '.join(describe_operand(a) for a in arrays)}; "
            "convert one with .float(), .double() or .to(dtype)"
        )
    return tuple(
        astype(x, dtype=dtype) if isinstance(a, ndarray) and a.dtype != dtype else x
        for x, a in zip(inputs, arrays, strict=True)
    )


def _untracked(out: Array, inputs: tuple[Any, ...], mask: int) -> Tensor:
    """A Tensor outside the graph, which remembers why, where there is a reason to remember."""
    result = wrap(out)
    if mask and out.dtype.kind == "f":
        result._why = ("was made under no_grad", place_of_user())
    else:
        for x in inputs:
            if hasattr(x, "_why"):
                result._why = x._why
    return result


def describe_operand(array: Any) -> str:
    """Dtype and shape of an array, or a number, as errors show them."""
    return f"{array.dtype} {array.shape}" if isinstance(array, ndarray) else repr(array)


def _refused(primitive: Primitive, arrays: list[Any], params: dict[str, Any], error: Exception) -> Exception:
    """The named error for what NumPy refused, with what was given."""
    given = ", ".join(describe_operand(a) for a in arrays)
    settings = "".join(f", {k}={v!r:.60}" for k, v in params.items())
    kind = AxisError if isinstance(error, IndexError) else ShapeError if isinstance(error, ValueError) else DtypeError
    return kind(f"{primitive.name}({given}{settings}): {error}")


def _not_finite(primitive: Primitive, arrays: list[Any], out: Array) -> NonFiniteError:
    place = place_of_user()
    inputs = "; ".join(describe(a) for a in arrays)
    return NonFiniteError(
        f"{primitive.name}, called at {line_of(place)} ({source_of(place)}), is the first operation whose result is not "
        f"finite: {describe(out)}; its inputs: {inputs}"
    )


class Tensor(Methods):
    """An n-dimensional array that can remember how it was computed.

    ``Tensor(2, 3)`` is a tensor of that shape and ``Tensor([1, 2])`` one of those numbers in the default dtype, as in
    old PyTorch programs; ``autodiff.tensor`` keeps the dtype and is what new ones use.

    >>> x = Tensor([1.0, 2.0]).requires_grad_()
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ("__weakref__", "_array", "_grad", "_node", "_why")
    __array_priority__ = 1000.0
    __hash__ = object.__hash__

    _array: Array
    _node: Node | None
    _grad: Tensor | None
    _why: tuple[str, Place]

    def __init__(self, *data: Any, requires_grad: bool = False) -> None:
        if len(data) != 1 or isinstance(data[0], int):
            self._array = np.zeros(shape_of(data), get_default_dtype())
        else:
            source = data[0]._array if isinstance(data[0], Tensor) else data[0]
            self._array = np.array(source, dtype=get_default_dtype())
        self._node = self._grad = None
        self.requires_grad = requires_grad

    # --- in the graph -------------------------------------------------------------------------------------------

    @property
    def grad(self) -> Tensor | None:
        """What backward passes have added up for this leaf; None before the first."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and (not isinstance(value, Tensor) or value.shape != self.shape):
            raise ShapeError(f"the gradient of a tensor of shape {self.shape} is a tensor of that shape, not {value!r:.60}")
        self._grad = value

    @property
    def grad_fn(self) -> Node | None:
        """The node that made this tensor; None for a leaf."""
        return None if self.is_leaf else self._node

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user rather than by a recorded operation."""
        return self._node is None or self._node.primitive is None

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient of this tensor can be asked for."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not value and not self.is_leaf:
            raise GraphError("only a leaf can stop requiring grad; use detach() for a tensor outside the graph")
        if value and self._node is None:
            if self._array.dtype.kind != "f":
                raise DtypeError(f"only a floating tensor can require grad, not one of {self._array.dtype}; use .float()")
            self._node = Leaf(self, self._array)
        elif not value:
            self._node = None

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Ask for a gradient of this leaf, or no longer."""
        self.requires_grad = requires_grad
        return self

    def detach(self) -> Tensor:
        """The same memory outside the graph."""
        result = wrap(self._array)
        result._why = ("went through detach()", place_of_user())
        return result

    @property
    def data(self) -> Tensor:
        """The same memory outside the graph; assigned, the tensor takes over the other's memory."""
        return wrap(self._array)

    @data.setter
    def data(self, value: Tensor) -> None:
        self._array = value._array
        if isinstance(self._node, Leaf):
            self._node.shape, self._node.dtype = value._array.shape, value._array.dtype

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Add the gradient of this tensor to ``.grad`` of every leaf it was made from (or of ``inputs``).

        Args:
            gradient: the cotangent to start from, of this tensor's shape; 1 for a tensor of one entry.
            retain_graph: keep the graph for another pass; by default it is freed, unless ``create_graph``.
            create_graph: record the pass itself, so that the gradients can be differentiated.
            inputs: the leaves that are to receive their gradient; all by default.

        Raises:
            GraphError: nothing was recorded, the graph was freed, or the tensor has several entries and no ``gradient``.
            InPlaceError: what the pass needs was changed in place.
        """
        targets = [inputs] if isinstance(inputs, Tensor) else inputs
        accumulate(gradients([self], [gradient], targets, retain_graph, create_graph))

    def _accumulate(self, g: Tensor) -> None:
        old = self._grad
        if old is None:
            self._grad = g
        elif old._node is None and g._node is None:
            np.add(old._array, g._array, out=old._array)
            changed(old._array)
        else:
            self._grad = old + g

    # --- as NumPy and Python see it -------------------------------------------------------------------------------

    def __primitive__(self, primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
        return apply(primitive, inputs, params)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return numpy_protocol.array_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return numpy_protocol.array_function(function, args, kwargs)

    def numpy(self) -> Array:
        """The array itself, sharing its memory; raises GraphError for a tensor in the graph."""
        if self._node is not None:
            raise GraphError("an array cannot remember how this tensor was made; use .detach().numpy()")
        return self._array

    def item(self) -> Any:
        """The one entry as a Python number."""
        if self._array.size != 1:
            raise ShapeError(f"item() needs a tensor of one entry, not of shape {self.shape}")
        return self._array.item()

    def tolist(self) -> Any:
        """The entries as nested lists of Python numbers."""
        return self._array.tolist()

    def __bool__(self) -> bool:
        return bool(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

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
        return iter(shaping.unbind(self))

    def __contains__(self, value: Any) -> bool:
        return bool((self._array == (value._array if isinstance(value, Tensor) else value)).any())

    def __repr__(self) -> str:
        notes = ""
        if self._node is not None:
            notes = ", requires_grad=True" if self.is_leaf else f", grad_fn=<{self._node.name}>"
        return printing.array_text(self._array, get_default_dtype(), notes)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        if not self.is_leaf:
            raise GraphError("only a leaf can be copied with its place in the graph; use detach() or clone()")
        twin = memo[id(self)] = _rebuilt(type(self), self._array.copy(), self.requires_grad)
        twin.__dict__.update(copy.deepcopy(getattr(self, "__dict__", {}), memo)) if hasattr(twin, "__dict__") else None
        twin._grad = None if self._grad is None else copy.deepcopy(self._grad, memo)
        return twin

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuilt, (type(self), self._array, self.requires_grad)

    # --- in place -----------------------------------------------------------------------------------------------------

    def __setitem__(self, key: Any, value: Any) -> None:
        key = shaping.plain_key(key)
        self._become(apply(put, (self, _cast(value, self._array.dtype)), {"key": key}))

    def _become(self, result: Any) -> Self:
        """Take over the value and the history of ``result``: what every method that ends in ``_`` comes to.

        Raises InPlaceError for a leaf that requires grad, and for a view of which the graph would not learn.
        """
        array, recording = self._array, modes.current().recording
        values, node = (result._array, result._node) if isinstance(result, Tensor) else (np.asarray(result), None)
        if recording and self._node is not None and self.is_leaf:
            raise InPlaceError("a leaf that requires grad cannot be changed in place while recording; use no_grad()")
        if node is not None and array.base is not None and (self._node is None or self._node.primitive.view):
            raise InPlaceError(
                "a change in place of a view is not recorded for the tensor it looks into; change that one by index "
                "(x[i] = ...), or a clone() of the view"
            )
        if np.broadcast_shapes(values.shape, array.shape) != array.shape:
            raise ShapeError(f"a result of shape {values.shape} does not fit in place into shape {array.shape}")
        if not can_cast(values.dtype, array.dtype):
            raise DtypeError(f"a result of {values.dtype} does not fit in place into {array.dtype}; convert first")
        if node is not None:
            node.saved = tuple(kept.copy() if kept is array else kept for kept in node.saved)
        np.copyto(array, values, casting="unsafe")
        changed(array)
        if recording and (node is not None or not self.is_leaf):
            self._node = node
        return self

    # --- operators ----------------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Tensor:
        return binary(arithmetic.add, self, other)

    def __sub__(self, other: Any) -> Tensor:
        return binary(arithmetic.subtract, self, other)

    def __mul__(self, other: Any) -> Tensor:
        return binary(arithmetic.multiply, self, other)

    def __truediv__(self, other: Any) -> Tensor:
        return binary(arithmetic.divide, self, other)

    def __pow__(self, other: Any) -> Tensor:
        return binary(arithmetic.power, self, other)

    def __matmul__(self, other: Any) -> Tensor:
        return binary(matmul, self, other)

    def __radd__(self, other: Any) -> Tensor:
        return apply(arithmetic.add, (other, self))

    def __rsub__(self, other: Any) -> Tensor:
        return apply(arithmetic.subtract, (other, self))

    def __rmul__(self, other: Any) -> Tensor:
        return apply(arithmetic.multiply, (other, self))

    def __rtruediv__(self, other: Any) -> Tensor:
        return apply(arithmetic.divide, (other, self))

    def __rpow__(self, other: Any) -> Tensor:
        return apply(arithmetic.power, (other, self))

    def __rmatmul__(self, other: Any) -> Tensor:
        return apply(matmul, (other, self))

    def __neg__(self) -> Tensor:
        return apply(arithmetic.negative, (self,))

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return apply(arithmetic.absolute, (self,))

    def __iadd__(self, other: Any) -> Self:
        return self._become(self + other)

    def __isub__(self, other: Any) -> Self:
        return self._become(self - other)

    def __imul__(self, other: Any) -> Self:
        return self._become(self * other)

    def __itruediv__(self, other: Any) -> Self:
        return self._become(self / other)

    def __ipow__(self, other: Any) -> Self:
        return self._become(self**other)

    def __eq__(self, other: object) -> Any:
        return apply(comparison.eq, (self, other))

    def __ne__(self, other: object) -> Any:
        return apply(comparison.ne, (self, other))

    def __lt__(self, other: Any) -> Tensor:
        return apply(comparison.lt, (self, other))

    def __le__(self, other: Any) -> Tensor:
        return apply(comparison.le, (self, other))

    def __gt__(self, other: Any) -> Tensor:
        return apply(comparison.gt, (self, other))

    def __ge__(self, other: Any) -> Tensor:
        return apply(comparison.ge, (self, other))

    def __and__(self, other: Any) -> Tensor:
        return apply(comparison.bitwise_and, (self, other))

    def __or__(self, other: Any) -> Tensor:
        return apply(comparison.bitwise_or, (self, other))

    def __xor__(self, other: Any) -> Tensor:
        return apply(comparison.bitwise_xor, (self, other))

    def __invert__(self) -> Tensor:
        return apply(comparison.bitwise_not, (self,))

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__


def _cast(value: Any, dtype: np.dtype[Any]) -> Any:
    """A value to be stored among entries of ``dtype``."""
    if isinstance(value, Tensor):
        return value.to(dtype)
    return value if isinstance(value, NUMBERS) else np.asarray(value, dtype=dtype)


def _rebuilt(cls: type[Any], array: Array, requires_grad: bool) -> Any:
    """A leaf of class ``cls``, by ``copy`` and ``pickle``."""
    tensor = new(cls)
    tensor._array, tensor._node, tensor._grad = array, None, None
    tensor.requires_grad = requires_grad
    return tensor


def gradients(
    outputs: list[Tensor],
    seeds: list[Any],
    inputs: Collection[Tensor] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> dict[Node, Tensor]:
    """Walk back from ``outputs`` and return the gradient of each leaf that is reached, or of ``inputs``.

    No two of the gradients share memory, and none shares it with a seed.
    """
    cotangents: dict[Node, Any] = {}
    for output, seed in zip(outputs, seeds, strict=True):
        node, g = _tracked(output), _seed(output, seed)
        g = g if create_graph else g._array
        cotangents[node] = cotangents[node] + g if node in cotangents else g
    targets = {_tracked(x) for x in inputs} if inputs is not None else ()
    retain = create_graph if retain_graph is None else retain_graph
    taken = {id(g) for g in cotangents.values()}
    found = {}
    if create_graph:
        with modes.enable_grad():
            found = walk(cotangents, targets, retain, wrap)
        for node, g in found.items():
            found[node] = g.clone() if id(g) in taken else g
            taken.add(id(g))
        return found
    for node, g in walk(cotangents, targets, retain).items():
        array = np.asarray(g)
        found[node] = wrap(array.copy() if id(g) in taken or array.base is not None else array)
        taken.add(id(g))
    return found


def accumulate(found: dict[Node, Tensor]) -> None:
    """Add gradients to ``.grad`` of the leaves they belong to."""
    for node, g in found.items():
        owner = node.owner() if isinstance(node, Leaf) else None
        if owner is not None:
            owner._accumulate(g)


def _tracked(tensor: Tensor) -> Node:
    """The node of a tensor; raises GraphError with the reason where it has none."""
    if tensor._node is not None:
        return tensor._node
    why = getattr(tensor, "_why", None)
    if why is not None:
        reason = f"it, or what it was made from, {why[0]} at {line_of(why[1])} ({source_of(why[1])})"
    elif tensor._array.dtype.kind != "f":
        reason = f"its dtype is {tensor._array.dtype}"
    else:
        reason = "none of the tensors it was made from does; set requires_grad=True on those"
    raise GraphError(f"a tensor of shape {tensor.shape} does not require grad: {reason}")


def _seed(output: Tensor, seed: Any) -> Tensor:
    """The cotangent to start from: 1 for a tensor of one entry, or what was given, checked."""
    if seed is None:
        if output._array.size != 1:
            raise GraphError(
                f"backward() of a tensor of shape {output.shape} needs a gradient of that shape; or reduce it first, "
                "as in loss.mean().backward()"
            )
        return wrap(np.ones(output.shape, output.dtype))
    given = seed if isinstance(seed, Tensor) else wrap(np.asarray(seed, dtype=output.dtype))
    if given.shape != output.shape:
        raise ShapeError(f"the gradient of a tensor of shape {output.shape} has that shape, not {given.shape}")
    return given.to(output.dtype)
