"""Changes in place: the memory of a tensor is written, and the write is recorded, through a view on its base."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from autodiff.dtypes import can_cast
from autodiff.engine import modes
from autodiff.engine.broadcasting import broadcasts_to
from autodiff.engine.hooks import NodeHooks, in_use
from autodiff.engine.tape import NO_PARAMS, Node, is_leaf
from autodiff.engine.values import TensorBase, record, wrap
from autodiff.engine.versions import BY_DATA, changed
from autodiff.engine.views import View, is_secret, node_in_base, node_of, origin, rerecord_view
from autodiff.errors import AxisError, DtypeError, InPlaceError, ShapeError
from autodiff.functions.index_keys import getitem, plain_key, stages
from autodiff.kernels.arrays import as_array
from autodiff.kernels.layout import is_stretched, overlaps
from autodiff.kernels.lending import keep_lent, owner_of
from autodiff.kinds import operands
from autodiff.ops.indexing import index, overwrite, put
from autodiff.ops.shaping import astype
from autodiff.tensors.leaves import DETACHED, THROUGH_DATA

Array = np.ndarray[Any, Any]


class OverwritingMethods(TensorBase):
    """``x[i] = v``, and the writes in which all methods that end in ``_`` end."""

    __slots__ = ()

    def __setitem__(self, key: Any, value: Any) -> None:
        first, *rest = stages(plain_key(key))
        if first is False:  # as in PyTorch nothing is written, and nothing recorded
            return
        if rest:
            getitem(self, first)[rest[0]] = value
        else:
            self._put(first, value)

    def _put(self, first: Any, value: Any, fills: bool = False) -> None:
        """``self[first] = value``; with ``fills`` one number for all, which entries that overlap may take too."""
        mode = modes.current()
        if mode.capture is not None:
            mode.capture.swap(self)
        array = self._array
        value = _stored(value, array.dtype)
        values, node = (value._array, value._node) if isinstance(value, TensorBase) else (value, None)
        constant = node is None and getattr(values, "ndim", 0) == 0
        traced = self._check_writable(node, first, constant + (constant and fills))
        below = traced and not array.flags.c_contiguous and getattr(self, "_base", None) and overlaps(array)
        part = self._part_of_base(first, node) if below else None
        try:
            array[first] = values
        except (ValueError, IndexError, TypeError) as error:
            kind = AxisError if isinstance(error, IndexError) else ShapeError
            given, where = operands([values]), f"at {first!r:.60} of {operands([array])}"
            raise kind(f"put: {given} cannot be written {where}: {error}") from None
        self._was_written(first, traced)
        if part is not None:
            self._put_below(part, values, node)
        elif traced:
            key = 4 + (self._node is not None) + 2 * (node is not None)
            past = self._before_write()._node
            written = record(put, (past, node), (array, values), key, {"key": first}, array, 1)
            self._follow(written._node)
        if mode.notes is not None:
            mode.notes(put, (self, value), self, {"key": first})

    def _part_of_base(self, first: Any, node: Node | None) -> View:
        """The view ``self[first]`` of the base; raises InPlaceError where two tracked numbers would go to one place."""
        root, view = origin(self)
        written = View((*view.steps, (index, {"key": first})))
        try:
            places = written(np.arange(root._array.size).reshape(root._array.shape))
        except IndexError as error:
            raise AxisError(f"put: no entries at {first!r:.60} of {operands([self._array])}: {error}") from None
        if node is not None and np.unique(places).size < np.size(places):
            raise _overlap(self._array)
        return written

    def _put_below(self, written: View, values: Any, node: Node | None) -> None:
        """Record the write to a part on the base alone: entries beside those written are the same numbers."""
        root = origin(self)[0]
        past, key = root._node, 4 + (root._node is not None) + 2 * (node is not None)
        edges, arrays = (past, node), (root._array, values)
        root._node = record(overwrite, edges, arrays, key, {"view": written}, root._array, 1)._node
        NodeHooks.carry_retained(past, root._node)
        rerecord_view(self)

    def _before_write(self) -> TensorBase:
        """The tensor as a write reads it: of a view the part of its base, whose gradient passes no hook of views.

        As in PyTorch the write of a view is one of its base; a hook of the view is for what was made of the view.
        """
        if in_use() and getattr(self, "_base", None):
            base, view = origin(self)
            if view.steps and base._node is not None:
                return wrap(self._array, node_in_base(base, view))
        return self

    def _write_result(self, result: Any) -> Self:
        """Write the value of ``result`` into this tensor, which takes over its history.

        Raises InPlaceError for a leaf that requires grad, and for memory that cannot be written.
        """
        mode = modes.current()
        if mode.capture is not None:
            mode.capture.swap(self)
        array = self._array
        values, node = (result._array, result._node) if isinstance(result, TensorBase) else (as_array(result), None)
        traced = self._check_writable(node)
        if node is not None and node.saved is not None:  # what the operation itself keeps is the value from before
            node.saved = tuple(
                kept.copy() if isinstance(kept, np.ndarray) and owner_of(kept) is owner_of(array) else kept
                for kept in node.saved
            )
        if values.shape != array.shape and not broadcasts_to(values.shape, array.shape):
            raise ShapeError(f"a result of shape {values.shape} does not fit in place into shape {array.shape}")
        if values.dtype is not array.dtype and not can_cast(values.dtype, array.dtype):
            raise DtypeError(f"a result of {values.dtype} does not fit in place into {array.dtype}; convert first")
        if node is not None and node.dtype != array.dtype:
            return self._write_result(astype(result, dtype=array.dtype))
        np.copyto(array, values, casting="unsafe")
        self._was_written(..., traced)
        if traced:
            self._follow(node)
        if mode.notes is not None:
            mode.notes(overwrite, (self, result), self, NO_PARAMS)
        return self

    def _was_written(self, key: Any, traced: bool) -> None:
        """Record that ``self[key]`` was written, in the history of its memory or outside the graph.

        A tensor that was taken out of the graph in place has no history any more: older views, which show what is
        written now, have none either, as after a write that is recorded.
        """
        if traced:
            changed(self._array, history=True)
            return
        because = getattr(self, "_untracked_because", None)
        if because is not None and because[0] == THROUGH_DATA:  # x.data of some tensor, or a view of that
            self._data_changed(key)
            return
        root: Any = self
        while getattr(root, "_base", None) and isinstance(root._base[0], TensorBase):
            root = root._base[0]
            because = getattr(root, "_untracked_because", None)
        changed(self._array, history=because is not None and because[0] == DETACHED)

    def _data_changed(self, key: Any) -> None:
        """Record that ``self[key]`` was written through ``.data``, and nothing beside it.

        Other changes count for all of the memory, as in PyTorch. It does not notice one through ``.data``, by which
        programs write what is not in use yet.
        """
        part = self._array[key]
        if isinstance(part, np.generic):  # a number, of which this is the view
            part = self._array[(*key, ...) if isinstance(key, tuple) else (key, ...)]
        changed(part if owner_of(part) is owner_of(self._array) else self._array, by=BY_DATA, apart=True)

    def _check_writable(self, node: Node | None, key: Any = ..., constant: int = 0) -> bool:
        """Whether a write of a value at that node, to ``key``, is to be recorded; InPlaceError where none is allowed.

        A constant (1) may go to entries that overlap, and where it fills (2) to stretched ones.
        """
        own, recording = self._node_to_change(node is not None), modes.current().recording
        traced = recording and (node is not None or own is not None)
        flags = self._array.flags
        if not flags.c_contiguous and constant < 2:
            _refuse_overlap(self._array, key, constant)
        if not flags.writeable:
            raise InPlaceError("the memory of this tensor is read-only; change a clone()")
        keep_lent(self._array)
        return traced

    def _node_to_change(self, tracked: bool) -> Node | None:
        """The node of this tensor; raises InPlaceError where the change, to ``tracked`` values, cannot be recorded.

        A leaf, or a view of one, must not change; that of a view must be known to the tensor it looks into.
        """
        recording = modes.current().recording
        if not getattr(self, "_base", None):  # the usual case, of which less is to be asked
            if recording and is_leaf(self._node):
                raise _leaf_changed()
            return self._node
        node: Node | None = node_of(self)
        if recording:
            root = origin(self, tracked)[0]
            if is_leaf(node) or is_leaf(root._node):
                raise _leaf_changed()
            if is_secret(root, tracked):
                raise InPlaceError(
                    "a change in place of a view that was made under no_grad is not recorded for the tensor it looks "
                    "into; make the view while recording, or change a clone() of it"
                )
            if root._node is None and node is not None:
                raise InPlaceError(
                    "what this view looks into does not require grad, though the view does: a write would not be in "
                    "the history of both; change a clone() of the view, or use no_grad()"
                )
        return node

    def _follow(self, node: Node | None) -> None:
        """After a write, take over the history ``node``; for a view, record the write on its base."""
        root, view = origin(self) if getattr(self, "_base", None) else (self, View(()))
        past = root._node
        if not view.steps:
            self._node = node
            NodeHooks.carry_retained(past, node)
            if getattr(self, "_base", None):  # what it looked into has other memory now
                self._base = None
            return
        key = 4 + (root._node is not None) + 2 * (node is not None)
        edges, arrays = (root._node, node), (root._array, self._array)
        root._node = record(overwrite, edges, arrays, key, {"view": view}, root._array, 1)._node
        NodeHooks.carry_retained(past, root._node)
        rerecord_view(self)

    def _become_view(self, view: Any, *args: Any, **kwargs: Any) -> Self:
        """Turn into ``view(self, ...)``: the same memory in another shape.

        The graph knows the shape, so this is recorded under ``no_grad`` too; a leaf stays a leaf.
        """
        node = self._node_to_change(False)
        past = wrap(self._array, None if is_leaf(node) else node)
        if getattr(self, "_base", None):
            past._base = self._base
        with modes.enable_grad():
            result = view(past, *args, **kwargs)
        if getattr(self, "_base", None):  # what is no view of another is none of its past
            self._base = getattr(result, "_base", None) or self._base
        if is_leaf(node):
            self.data = result  # type: ignore[misc]  # a property of Tensor
        else:
            NodeHooks.carry_retained(node, result._node)
            self._array, self._node = result._array, result._node
        return self


def _leaf_changed() -> InPlaceError:
    return InPlaceError("a leaf that requires grad is not changed in place while recording; use no_grad()")


def _refuse_overlap(array: Array, key: Any, constant: int) -> None:
    """Raise InPlaceError where entries of ``array[key]`` are one and the same, so that the last write would win."""
    try:
        written = array[key]
    except IndexError:
        return  # which the write reports
    if isinstance(written, np.ndarray) and (is_stretched(written) or (overlaps(written) and not constant)):
        raise _overlap(written)


def _overlap(array: Array) -> InPlaceError:
    return InPlaceError(
        "unsupported operation: more than one element of the written-to tensor refers to a single memory location, "
        f"in shape {array.shape} with strides {array.strides}; change a clone()"
    )


def _stored(value: Any, dtype: np.dtype[Any]) -> Any:
    """``value`` as it can be written among entries of ``dtype``: without leading axes of length 1.

    NumPy puts no list of one into a number.
    """
    if isinstance(value, (float, int, complex)):
        return value
    if isinstance(value, TensorBase):
        rerecord_view(value)
        shape = value._array.shape
        value = value.to(dtype) if value._array.dtype != dtype else value  # type: ignore[attr-defined]
    else:
        try:
            if value is None:  # of which NumPy makes NaN
                raise TypeError("it is nothing")
            value = as_array(value, dtype=dtype)
        except (ValueError, TypeError) as error:
            raise DtypeError(f"no entry of a {dtype} tensor can be made of {value!r:.60}: {error}") from None
        shape = value.shape
    if shape[:1] == (1,):
        return value.reshape(shape[next((i for i, n in enumerate(shape) if n != 1), len(shape)) :])
    return value
