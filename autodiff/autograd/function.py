"""Operations with a backward pass of their own: ``Function``, one subclass for each."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import numpy as np

from autodiff.contexts import Block
from autodiff.dtypes import DIFFERENTIABLE, is_known
from autodiff.engine import modes
from autodiff.engine.broadcasting import broadcasts_to
from autodiff.engine.call_sites import asked_at, calls, place_of_user
from autodiff.engine.checks import take_fingerprints
from autodiff.engine.hooks import as_gradient
from autodiff.engine.primitive import Primitive
from autodiff.engine.tape import Node
from autodiff.engine.values import TensorBase, wrap
from autodiff.engine.versions import next_number
from autodiff.engine.views import rerecord_views
from autodiff.errors import DtypeError, GraphError, ShapeError
from autodiff.kernels.arrays import as_array
from autodiff.tensors.sparse import SparseTensor

Array = np.ndarray[Any, Any]
_BUNDLE: tuple[tuple[int, ...], np.dtype[Any]] = (), np.dtype(object)  # in place of a shape and a dtype


class FunctionCtx:
    """What the forward of one call keeps for its backward; a program may set any attribute on it.

    Attributes:
        needs_input_grad: for each argument of ``forward``, whether its gradient is wanted.
    """

    needs_input_grad: tuple[bool, ...] = ()
    _given: tuple[Any, ...] = ()
    _running: tuple[Any, ...] | None = None  # what saved_tensors gives while backward runs
    _edges: tuple[Node, ...] = ()
    _dirty: tuple[Any, ...] = ()
    _constant: tuple[Any, ...] = ()
    _materialize = True

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs, outputs and other tensors (or None) for ``saved_tensors`` in backward."""
        for x in tensors:
            if not (x is None or isinstance(x, (TensorBase, SparseTensor, np.ndarray))):
                raise DtypeError(f"save_for_backward keeps tensors, not {x!r:.60}; set an attribute of ctx instead")
        self._given = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` kept; raises GraphError after the graph was freed."""
        return self._given if self._running is None else self._running

    saved_variables = saved_tensors  # by its old name

    def mark_dirty(self, *tensors: Any) -> None:
        """Declare inputs that forward changed in place; it returns them too."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Declare outputs that have no gradient."""
        self._constant = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None for an output that was not used."""
        self._materialize = value


class Function:
    """An operation with a backward pass of its own: subclass it, and call ``apply``.

    ``forward(ctx, *args)`` computes, unrecorded, from tensors and anything else; ``backward(ctx, *gradients)`` gets the
    gradient of each output and returns that of each argument, None for what has none. Or ``forward(*args)`` only
    computes and ``setup_context(ctx, inputs, output)`` says what is kept. What backward computes from its gradients and
    ``ctx.saved_tensors`` is recorded under ``create_graph``, so that it can be differentiated again.

    >>> import autodiff
    >>> class Cube(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x**2
    >>> x = autodiff.tensor(2.0, requires_grad=True)
    >>> (slope,) = autodiff.grad(Cube.apply(x), x, create_graph=True)
    >>> slope.item(), autodiff.grad(slope, x)[0].item()
    (12.0, 12.0)
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """``forward(ctx, *args)``, or ``forward(*args)`` beside ``setup_context``."""
        raise NotImplementedError("a Function defines forward(ctx, *args) as a static method")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep what backward needs, where ``forward`` takes no ctx."""
        raise NotImplementedError

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradient of each argument of forward."""
        raise NotImplementedError("a Function defines backward(ctx, *gradients) as a static method")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: ``apply`` is what calls a Function."""
        raise GraphError(f"a Function is not made and called; use {type(self).__name__}.apply(...)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Call forward, and record the call where an argument is tracked.

        Raises:
            DtypeError: forward returned what is neither a tensor nor a tuple.
            InPlaceError: an input marked dirty cannot be changed.
        """
        ctx = FunctionCtx()
        rerecord_views(args)
        edges = tuple(x._node if isinstance(x, TensorBase) else None for x in args)
        if any(isinstance(x, SparseTensor) and x.requires_grad for x in args):
            raise DtypeError(f"{cls.__name__} gives no gradient to a sparse tensor; give its values() as an argument")
        ctx.needs_input_grad = tuple(edge is not None for edge in edges)
        with Block(modes.SETTING, recording=False, notes=None):  # what forward computes is noted as one call
            if cls.setup_context is Function.setup_context:
                returned = cls.forward(ctx, *args)
            else:
                returned = cls.forward(*args)
                cls.setup_context(ctx, args, returned)
        outputs = returned if isinstance(returned, tuple) else (returned,)
        if isinstance(returned, list) or not any(isinstance(y, (TensorBase, np.ndarray, np.generic)) for y in outputs):
            raise DtypeError(f"{cls.__name__}.forward returns a tensor or a tuple of them, not {returned!r:.60}")
        call = _Call(cls, ctx, edges, args, outputs)
        results = call.results()
        if (notes := modes.current().notes) is not None:
            for i, result in enumerate(results):
                if isinstance(result, TensorBase):
                    notes(_Unlisted(cls.__name__ + (f"[{i}]" if len(results) > 1 else "")), args, result, {})
        return results if isinstance(returned, tuple) else results[0]


class InplaceFunction(Function):
    """A ``Function`` by the name under which PyTorch's programs say that it may change its inputs."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace


class _Unlisted(Primitive):
    """A primitive made for one call, in no table."""

    vjps = fixed_vjps = ()  # type: ignore[assignment]

    def __init__(self, name: str, vjp: Callable[..., Any] | None = None, saves: bool = False) -> None:
        self.name, self._vjp, self.saves = name, vjp, saves
        self.floating = self.view = self.selects = self.elementwise = False
        self.promotes = ""

    def vjps_for(self, count: int) -> list[Any]:
        """The one VJP, for every input."""
        return [self._vjp] * count


class _Call:
    """One call of a Function, and its nodes.

    A single output has the node of the call itself. Each of several outputs has a node of its own above it; their
    VJPs wrap the cotangents in a ``_Bundle``, which the walk adds up like any other cotangent.
    """

    def __init__(self, cls: type[Function], ctx: FunctionCtx, edges: Any, args: Any, outputs: tuple[Any, ...]) -> None:
        self.ctx, self.outputs = ctx, outputs
        self.made: list[Node] = []
        if modes.current().recording and any(ctx.needs_input_grad):
            call = _CallPrimitive(cls, ctx._given, args, outputs)
            kept = (ctx, *(x._array if isinstance(x, TensorBase) else x for x in ctx._given))
            node = _node(call, edges, (kept, *edges), *(call.outputs[0] or _BUNDLE if len(outputs) == 1 else _BUNDLE))
            call.node = weakref.ref(node)
            self.made.append(node)
            if modes.current().anomaly:
                take_fingerprints(node)
        ctx._given = ()

    def results(self) -> tuple[Any, ...]:
        """The outputs of forward as apply returns them."""
        results = tuple(self._result(i, y) for i, y in enumerate(self.outputs))
        if self.ctx._dirty:  # later than the changes in place that forward made, which are its own
            for node in self.made:
                node.number = next_number()
        self.ctx._dirty = self.ctx._constant = ()  # an output that was kept here would be a cycle
        return results

    def _result(self, i: int, output: Any) -> Any:
        known = _description(output)
        if known is None:
            return output
        array = output._array if isinstance(output, TensorBase) else as_array(output)
        dirty = any(output is x for x in self.ctx._dirty)
        if not self.made or array.dtype.kind not in DIFFERENTIABLE or any(output is x for x in self.ctx._constant):
            return output if dirty else wrap(array)
        node = self.made[0]
        if len(self.outputs) > 1:
            node = _output_node(node, i, known)
            self.made.append(node)
        return output._write_result(wrap(array, node)) if dirty else wrap(array, node)


class _CallPrimitive(_Unlisted):
    """The primitive of one call, whose VJPs share one run of backward."""

    def __init__(self, cls: type[Function], saved: Any, args: tuple[Any, ...], outputs: tuple[Any, ...]) -> None:
        super().__init__(cls.__name__, saves=bool(saved))
        self.cls, self.outputs = cls, [_description(y) for y in outputs]
        self.sources = [_source(x, args, outputs) for x in saved]
        self.node: Callable[[], Node | None] = lambda: None

    def vjps_for(self, count: int) -> list[Any]:
        """The VJPs of the arguments for one visit of the call."""
        found: list[Any] = []

        def backward(i: int, g: Any, kept: tuple[Any, ...], *edges: Node | None) -> Any:
            if not found:
                found.extend(self.run(g, kept[0], kept[1:], edges))
            return found[i]

        return [partial(backward, i) for i in range(count)]

    def run(self, g: Any, ctx: FunctionCtx, arrays: tuple[Any, ...], edges: Any) -> list[Any]:
        """The cotangents of all arguments, for that of the output or the bundle of those of the outputs."""
        parts: dict[int, Any] = g.parts if isinstance(g, _Bundle) else {0: g}
        recorded = isinstance(next(iter(parts.values())), TensorBase)
        seeds = [self._seed(ctx, parts.get(j), known) for j, known in enumerate(self.outputs)]
        ctx._running = tuple(
            array if array is None or isinstance(array, SparseTensor) else wrap(array, self._node_of(source, edges))
            for array, source in zip(arrays, self.sources, strict=True)
        )
        ctx._edges = tuple(edge for edge in edges if edge is not None)
        try:
            with modes.enable_grad() if recorded else modes.no_grad(), asked_at(None):
                returned = self.cls.backward(ctx, *seeds)
        finally:
            del ctx._running, ctx._edges
        given = list(returned) if isinstance(returned, (tuple, list)) else [returned]
        if len(given) < len(edges) or any(c is not None for c in given[len(edges) :]):
            raise GraphError(f"{self._named()} returned {len(given)} gradients; forward took {len(edges)} arguments")
        return [self._checked(i, given[i], edge, recorded) for i, edge in enumerate(edges)]

    def _seed(self, ctx: FunctionCtx, g: Any, known: Any) -> Any:
        if g is not None:
            return as_gradient(g if isinstance(g, TensorBase) else wrap(as_array(g)))
        return wrap(np.zeros(*known)) if ctx._materialize and known is not None else None

    def _node_of(self, source: Any, edges: Any) -> Node | None:
        """The node of a saved tensor: of an argument, of an output, or of another tensor made before the call."""
        kind, which = source
        if kind == "argument":
            which = edges[which]
        elif kind == "output":
            call = self.node()
            which = call if len(self.outputs) == 1 else _output_node(call, which, self.outputs[which])
        return which

    def _checked(self, i: int, c: Any, edge: Node | None, recorded: bool) -> Any:
        """What backward returned for argument ``i`` as a cotangent, in a view: backward may keep the array itself."""
        if edge is None or c is None:
            return None
        if not isinstance(c, (TensorBase, np.ndarray, np.generic)):
            raise DtypeError(f"{self._named()} returned {c!r:.60} for argument {i}; expected a tensor or None")
        c = c if isinstance(c, TensorBase) else wrap(as_array(c))
        if c._array.shape != edge.shape and not broadcasts_to(edge.shape, c._array.shape):
            raise ShapeError(
                f"{self._named()} returned a gradient of shape {c._array.shape} for argument {i}, of shape {edge.shape}"
            )
        if not is_known(c._array.dtype):
            raise DtypeError(f"{self._named()} returned a gradient of {c._array.dtype} for argument {i}")
        c = as_gradient(c.to(edge.dtype))
        return wrap(c._array[...], c._node) if recorded else c._array[...]

    def _named(self) -> str:
        node = self.node()
        return f"{self.cls.__name__}.backward" + (f", of the call at {node.where}," if node is not None else "")


class _Bundle:
    """The cotangents of some of the outputs of a call, by their positions."""

    shape, dtype = _BUNDLE

    def __init__(self, parts: dict[int, Any]) -> None:
        self.parts = parts

    def __add__(self, other: _Bundle) -> _Bundle:
        parts = dict(self.parts)
        for j, g in other.parts.items():
            parts[j] = parts[j] + g if j in parts else g
        return _Bundle(parts)


def _output_node(call: Any, j: int, known: Any) -> Node:
    """The node of output ``j`` of a call with several outputs; ``known`` is its shape and dtype."""
    primitive = _Unlisted(f"{call.name()}[{j}]", lambda g, out, call: _Bundle({j: g}))
    return _node(primitive, (call,), (None, call), *known)


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator of a backward that computes outside the graph (in NumPy, say): a second derivative is an error."""

    def refuse(*_: Any) -> Any:
        name = backward.__qualname__.rpartition(".")[0]
        raise GraphError(f"{name} is marked once_differentiable, so its gradient has no gradient")

    @wraps(backward)
    def unrecorded(ctx: FunctionCtx, *gradients: Any) -> Any:
        with modes.no_grad():
            returned = backward(ctx, *gradients)
        if not modes.current().recording:
            return returned
        edges = (*ctx._edges, *(g._node for g in gradients if g is not None and g._node is not None))
        primitive = _Unlisted("once_differentiable", refuse)

        def tied(c: Any) -> Any:
            if c is None or not edges:
                return c
            array = c._array if isinstance(c, TensorBase) else as_array(c)
            return wrap(array, _node(primitive, edges, (None, *edges), array.shape, array.dtype))

        return tuple(map(tied, returned)) if isinstance(returned, (tuple, list)) else tied(returned)

    return unrecorded


def _node(primitive: Primitive, edges: Any, saved: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Node:
    node = Node()
    node.primitive, node.edges, node.saved, node.params = primitive, edges, saved, {}
    node.number, node.place = next_number(), place_of_user()
    node.shape, node.dtype, node.scope = shape, dtype, calls().now
    return node


def _description(value: Any) -> Any:
    """Shape and dtype of an output; None for what is neither a tensor nor an array."""
    array = value._array if isinstance(value, TensorBase) else value
    return (array.shape, array.dtype) if isinstance(array, (np.ndarray, np.generic)) else None


def _source(x: Any, args: tuple[Any, ...], outputs: tuple[Any, ...]) -> tuple[str, Any]:
    """Which argument or output of the call a saved tensor is, or else its node: a node of the call would be a cycle."""
    for kind, known in (("output", outputs), ("argument", args)):
        for i, y in enumerate(known):
            if x is y and x is not None:
                return kind, i
    return "other", x._node if isinstance(x, TensorBase) else None
