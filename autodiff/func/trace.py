"""Trace: one recorded call of a function, from which all transforms take derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakSet

import numpy as np

from autodiff.dtypes import COMPLEX, DIFFERENTIABLE
from autodiff.engine import modes
from autodiff.engine.backward import gradients
from autodiff.engine.tape import Node
from autodiff.engine.values import wrap
from autodiff.errors import DtypeError, GraphError, OptionError, ShapeError
from autodiff.func.trees import flatten, leaves_of, map_leaves, unflatten
from autodiff.kinds import check_function, described, repair_of
from autodiff.ops.shaping import reshape
from autodiff.tensors.creation import tensor, zeros_like
from autodiff.tensors.tensor import Tensor

Argnums = int | tuple[int, ...]

# Leaves to which a path does not lead out of a transform: the variables of calls that have returned, and the cotangents
# that only help to push tangents, on whose values nothing depends.
helpers: WeakSet[Node] = WeakSet()


def as_tensor(x: Any) -> Tensor:
    """A tensor, an array or a number as a floating or complex tensor; raises DtypeError for anything else."""
    if not isinstance(x, Tensor):
        if not isinstance(x, (np.ndarray, np.generic, float, complex)):
            repair = f"write {x}.0" if type(x) is int else repair_of(x)
            kinds = "only floating tensors, arrays and numbers can be differentiated by"
            raise DtypeError(f"{kinds}, not {described(x)}; {repair}")
        made: Tensor = wrap(np.asarray(x)) if isinstance(x, (np.ndarray, np.generic)) else tensor(x)
        return as_tensor(made)
    if x.dtype.kind not in DIFFERENTIABLE:
        raise DtypeError(f"only floating tensors can be differentiated by, not {x.dtype.name}; use .float()")
    return x


def picked(args: Sequence[Any], argnums: Argnums) -> Any:
    """The argument, or the tuple of those, that ``argnums`` names; raises OptionError where there is none."""
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    for i in numbers:
        if not -len(args) <= i < len(args):
            raise OptionError(f"argnums={argnums}: the function was called with {len(args)} positional arguments")
    return args[argnums] if isinstance(argnums, int) else tuple(args[i] for i in argnums)


def fitting(given: Any, values: Sequence[Any], what: str) -> list[Any]:
    """The leaves of ``given``, of which each has the shape of one of ``values``; raises ShapeError otherwise."""
    leaves = [x if isinstance(x, Tensor) else wrap(np.asarray(x)) for x in leaves_of(given)]
    if [x.shape for x in leaves] != [y.shape for y in values]:
        raise ShapeError(f"{what} have shapes {[x.shape for x in leaves]}; expected {[y.shape for y in values]}")
    return [x.to(y.dtype) for x, y in zip(leaves, values, strict=True)]


def is_array(x: Any) -> bool:
    """Whether ``x`` is an array or a number of NumPy's."""
    return isinstance(x, (np.ndarray, np.generic))


def as_array(y: Any) -> Any:
    """A tensor outside the graph as an array, without axes as a number of NumPy's; anything else as it is."""
    if not isinstance(y, Tensor) or y._node is not None:
        return y
    return y._array if y._array.ndim else y._array[()]


class Trace:
    """A call ``function(*args, **kwargs)``, recorded with a new variable for each leaf of the arguments.

    The variables replace the arguments in this call only. A function that also reads an argument in another way (from
    its closure, say) is therefore not differentiated by that, and nested derivatives have separate variables.

    What is differentiated by arrays comes out as arrays, unless it is tracked outside.

    Attributes:
        variables: the leaves of the arguments that ``argnums`` names, as the function got them.
        structure: the tree of those arguments.
        outputs: the leaves of the function's result.
        connected: whether the outputs depend on anything tracked outside, so that derivatives have to be recorded.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        kwargs: dict[str, Any] | None = None,
        argnums: Argnums | None = None,
        has_aux: bool = False,
        strict: bool = False,
    ) -> None:
        check_function("what is differentiated", function, "tensors")
        self.strict, self.recording = strict, modes.current().recording
        argnums = tuple(range(len(args))) if argnums is None else argnums
        leaves, self.structure = flatten(picked(args, argnums))
        self.variables = [_variable(x, self.recording) for x in leaves]
        self._arrays = [is_array(x) for x in leaves]
        replaced = unflatten(self.structure, self.variables)
        numbers = (argnums,) if isinstance(argnums, int) else argnums
        given = list(args)
        for i, x in zip(numbers, (replaced,) if isinstance(argnums, int) else replaced, strict=True):
            given[i] = x
        with modes.enable_grad():
            result = function(*given, **(kwargs or {}))
        self._aux = None
        if has_aux:
            if not (isinstance(result, tuple) and len(result) == 2):
                raise DtypeError(f"with has_aux=True the function returns (output, aux), not {result!r:.60}")
            result, self._aux = result
        self.outputs, self.shape_of_output = flatten(result)
        for y in self.outputs:
            if not isinstance(y, Tensor):
                raise DtypeError(
                    f"the function returned {y!r:.60}; expected tensors, for numbers that went through float(), item() "
                    "or numpy() have no derivative"
                )
        self._own = {x._node for x in self.variables if x._node is not None}
        helpers.update(self._own)
        self.connected = any(self._reaches_outside(y) for y in self.outputs)

    def real_only(self) -> Trace:
        """The trace itself, for a matrix of derivatives; raises DtypeError where something is complex.

        A function of complex numbers has two derivatives: one number for each entry does not say both.
        """
        for x in (*self.variables, *self.outputs):
            if x.dtype in COMPLEX:
                raise DtypeError(f"Jacobians and Hessians are of real numbers, not {x.dtype.name}; use view_as_real")
        return self

    @property
    def output(self) -> Any:
        """What the function returned, outside the graph of this call."""
        return self.presented(unflatten(self.shape_of_output, self.outputs))

    @property
    def aux(self) -> Any:
        """The second value that the function returned (``has_aux``)."""
        return self.presented(self._aux)

    def presented(self, tree: Any) -> Any:
        """``tree`` outside the graph of this call; as arrays where all arguments were arrays."""
        of_arrays = bool(self._arrays) and all(self._arrays)
        return map_leaves(lambda y: as_array(self._released(y)) if of_arrays else self._released(y), tree)

    def in_structure(self, leaves: Sequence[Any]) -> Any:
        """One value for each variable, as the tree of the arguments; an array where the argument was one."""
        shown = [as_array(y) if array else y for y, array in zip(leaves, self._arrays, strict=True)]
        return unflatten(self.structure, shown)

    def pull(self, cotangents: Sequence[Any], record: bool | None = None) -> list[Tensor]:
        """The cotangent of each variable for those of the outputs, None for zero: zeros where there is no path."""
        pairs = [(y, g) for y, g in zip(self.outputs, cotangents, strict=True) if g is not None and y._node is not None]
        if record is None:
            record = modes.current().recording and (self.connected or any(g.requires_grad for _, g in pairs))
        found: dict[Any, Any] = {}
        if pairs:
            found = gradients([y for y, _ in pairs], [g for _, g in pairs], self.variables, True, record)
        return [self._present(i, found.get(x._node), x) for i, x in enumerate(self.variables)]

    def _present(self, i: int, g: Any, x: Tensor) -> Tensor:
        if g is None and self.strict:
            raise GraphError(f"strict=True: the outputs do not depend on input {i}, of shape {x.shape}")
        return zeros_like(x) if g is None else g

    def _reaches_outside(self, y: Any) -> bool:
        if not isinstance(y, Tensor) or y._node is None or not self.recording:
            return False
        stack: list[Node] = [y._node]
        seen = set(stack)
        while stack:
            node = stack.pop()
            if node in self._own:
                if node.primitive is not None:
                    return True
            elif node.primitive is None:
                if node not in helpers:
                    return True
            else:
                new = {edge for edge in node.edges if edge is not None} - seen
                seen |= new
                stack.extend(new)
        return False

    def _released(self, y: Any) -> Any:
        return y.detach() if isinstance(y, Tensor) and not self._reaches_outside(y) else y


def _variable(x: Any, recording: bool) -> Tensor:
    """A new tensor with the numbers of ``x``: a leaf, or, where ``x`` is tracked, a node after that of ``x``."""
    x = as_tensor(x)
    if recording and x._node is not None:
        same: Tensor = reshape(x, shape=x.shape)
        return same
    fresh: Tensor = wrap(x._array)
    return fresh.requires_grad_()
