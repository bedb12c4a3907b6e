"""The backward pass of a graph in words: one line for each operation, in the order in which it is walked."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from functools import lru_cache
from typing import Any, NamedTuple

from autodiff.engine.primitive import Primitive
from autodiff.engine.tape import Node
from autodiff.tensors.tensor import Tensor
from autodiff.viz.nodes import norm
from autodiff.viz.recorded import place_finder, recorded
from autodiff.viz.replay import Step, steps, values


class Flow(NamedTuple):
    """What an operation gives to one of its inputs.

    Attributes:
        to: the input, by its name or as ``number: operation``.
        rule: the formula of its gradient, as the source of the primitive has it.
        norm: the Euclidean norm of the gradient that it is given here.
    """

    to: str
    rule: str
    norm: float


class Explained(NamedTuple):
    """One step of the walk.

    Attributes:
        number: its place in the order of creation.
        operation: the name of the primitive, or of the leaf.
        place: ``file:line`` of the user's code, and ``source`` that line.
        shape: of the value and of its gradient.
        norm: the Euclidean norm of the gradient that arrives.
        outgoing: what goes on from here.
    """

    number: int
    operation: str
    place: str
    source: str
    shape: tuple[int, ...]
    norm: float
    outgoing: tuple[Flow, ...]


class Explanation(list[Explained]):
    """The steps of a backward walk; ``str()`` tells them."""

    def __str__(self) -> str:
        return "\n".join(_told(step) for step in self)

    __repr__ = __str__


def _told(step: Explained) -> str:
    arrives = f"a gradient of norm {step.norm:.4g} arrives"
    if not step.outgoing:
        return f"{step.number}: {step.operation} {step.shape}: {arrives} and stays, in .grad"
    lines = [f"{step.number}: {step.operation} {step.shape}, {step.place}  {step.source}".rstrip(), f"    {arrives}"]
    lines += [f"    to {flow.to} goes {flow.rule}, of norm {flow.norm:.4g}" for flow in step.outgoing]
    return "\n".join(lines)


def explain(loss: Tensor, params: Any = None) -> Explanation:
    """The backward walk from ``loss``, in order and in words. It changes nothing, not even ``.grad``.

    Each step names the operation, the line that called it, the norm of the gradient that arrives, and for each input
    the VJP as its source has it (``g`` is the gradient that arrives, ``out`` the result) and the norm of its result.

    Args:
        loss: a recorded tensor of one entry, before its graph is freed.
        params: names of tensors, as ``viz.draw`` takes them; those of the modules that were called are known.

    Raises:
        GraphError: ``loss`` was not recorded, has several entries, or its graph was freed.

    >>> import autodiff
    >>> x = autodiff.tensor(3.0, requires_grad=True)
    >>> print(explain((x * x).exp(), {"x": x}))
    2: exp (), <doctest ...>:1 ...
        a gradient of norm 1 arrives
        to 1: multiply goes g * out, of norm 8103
    1: multiply (), <doctest ...>:1 ...
        a gradient of norm 8103 arrives
        to x goes g * y, of norm 2.431e+04
        to x goes g * x, of norm 2.431e+04
    0: x (): a gradient of norm 4.862e+04 arrives and stays, in .grad
    """
    graph = recorded(loss, params, "explain")
    number = {node: i for i, node in enumerate(graph.order)}
    place_of = place_finder()

    def name(node: Node) -> str:
        return graph.names.get(node) or f"{number[node]}: {node.name()}"

    def explained(step: Step) -> Explained:
        node = step.node
        flows = tuple(Flow(name(edge), _rule(node.primitive, i), norm(c)) for i, edge, c in step.outgoing)
        title = graph.names.get(node) or node.name()
        return Explained(number[node], title, *place_of(node.place), node.shape, norm(step.incoming), flows)

    return Explanation(map(explained, steps(graph.order, graph.outputs, values(graph.order, graph.outputs))))


@lru_cache(maxsize=1024)
def _rule(primitive: Primitive, position: int) -> str:
    """The formula of the VJP of one input, from its source; the name of a function that is no lambda."""
    vjp: Any = primitive.vjps[position] if primitive.vjps else primitive.vjps_for(position + 1)[position]
    vjp = inspect.unwrap(getattr(vjp, "func", vjp))
    return _formula(vjp) or f"{getattr(vjp, '__name__', 'its rule').strip('_<>')}(g, ...)"


def _formula(function: Any) -> str:
    """What a lambda returns, as its source has it; "" if there is no source to read."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_name != "<lambda>":
        return ""
    spans = set(code.co_positions())  # several lambdas may begin in one line
    for node in ast.walk(_parsed(code.co_filename)):
        if isinstance(node, ast.Lambda):
            body = node.body
            if (body.lineno, body.end_lineno, body.col_offset, body.end_col_offset) in spans:
                return textwrap.shorten(ast.unparse(body), 100, placeholder=" ...")
    return ""


@lru_cache(maxsize=32)
def _parsed(filename: str) -> ast.Module:
    try:
        return ast.parse("".join(linecache.getlines(filename)))
    except SyntaxError:
        return ast.Module([], [])
