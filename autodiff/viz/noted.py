"""The facts of a model that was run for its drawing, of which the tape need not know anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np

from autodiff.engine.tape import Node, is_leaf
from autodiff.engine.values import TensorBase
from autodiff.kinds import described
from autodiff.viz.errors import DrawingError
from autodiff.viz.nodes import DrawnNode, Facts, Gradient, gradient_of, gradients_of, opener, short
from autodiff.viz.recorded import Recorded, creation_order, names_of_tensors, place_finder
from autodiff.viz.replay import values
from autodiff.viz.running import Run, outputs_of, run
from autodiff.viz.saved import bytes_kept
from autodiff.viz.trace import Operation, Source, number_text


def facts_of_run(
    program: Any, inputs: tuple[Any, ...], keywords: dict[str, Any], params: Any, depth: Any, show: Collection[str]
) -> Facts:
    """The facts of all that ``program`` computes from its inputs; the other arguments are those of ``draw``."""
    tell: Callable[[Any], Any] = (lambda x: short(x._array)) if "value" in show else lambda x: ""
    found = run(program, inputs, keywords, "draw", tell)
    if not found.trace.items:
        raise DrawingError(f"{described(program)} computes nothing with tensors; draw takes a model and its inputs")
    return _Facts(found, names_of_tensors(params), show).made(depth)


class _Facts:
    """How the items of a trace become boxes."""

    def __init__(self, found: Run, given: dict[Node | int, str], show: Collection[str]) -> None:
        self.found, self.given, self.show = found, given, show
        self.ids: dict[int, str] = {}
        self.nodes: dict[str, DrawnNode] = {}
        self.named: set[str] = set()
        self.returned = {found.trace.item(tensor): name for name, tensor in found.returned}
        self.kept, self.gradients = self._of_tape()
        self.place_of = place_finder()

    def made(self, depth: Any) -> Facts:
        """The facts with those modules open that ``depth`` says."""
        for number, item in enumerate(self.found.trace.items):
            node = self._operation(number, item) if isinstance(item, Operation) else self._source(number, item)
            if node is not None:
                if number in self.returned:
                    node = node._replace(is_output=True, returned=self.returned[number])
                    self.named.add(node.id)
                self.nodes[node.id] = node
        read = {operand for node in self.nodes.values() for operand in node.operands}
        for id, node in self.nodes.items():
            if node.kind == "input" and id not in read and not node.is_output:
                self.nodes[id] = node._replace(unread=True)
        is_open, calls = opener(depth), self.found.calls
        strangers = self.found.strangers
        notes = tuple(f"{_few(calls[id].path for id in strangers)}: {text}" for text in set(strangers.values()))
        shut = {id: call._replace(is_open=is_open(call), module=None) for id, call in calls.items()}
        return Facts(self.nodes, shut, self.named, notes, dict(strangers))

    def _of_tape(self) -> tuple[Counter[Node], dict[Node, Gradient]]:
        """What the tape knows more: the bytes that it keeps, and gradients."""
        outputs = outputs_of(self.found)
        order = creation_order(outputs)
        graph = Recorded(outputs, order, {}, {}, {})
        everywhere = "grad" in self.show and bool(outputs)
        return bytes_kept(order), gradients_of(graph, values(order, outputs) if everywhere else {}, everywhere)

    def _operation(self, number: int, item: Operation) -> DrawnNode:
        self.ids[number] = name = f"n{number}"
        operands = tuple(self._text(operand) for operand in item.operands)
        place, source = self.place_of(item.place)
        node = item.node()
        return DrawnNode(
            name, "operation", item.name, item.shape, item.dtype, place, source, operands=operands, group=item.call,
            kept=self.kept[node], value=item.said, gradient=self.gradients.get(node),
        )  # fmt: skip

    def _text(self, operand: int | str) -> str:
        """An operand as boxes have it: an id, a number, or "_"."""
        if isinstance(operand, str):
            return operand
        if operand in self.ids:
            return self.ids[operand]
        item = self.found.trace.items[operand]
        return number_text(_array(item.value).item()) if isinstance(item, Source) else "_"

    def _source(self, number: int, item: Source) -> DrawnNode | None:
        """The box of what was not computed here; None for a number without a name, which is written as an operand."""
        value, array = item.value, _array(item.value)
        node = value._node if isinstance(value, TensorBase) else None
        kind, name = self._kind(value, node), self.given.get(id(array), self.found.names.get(id(value), ""))
        if node is not None:
            name = self.given.get(node, name)
        if kind == "constant" and not name and not array.ndim and number not in self.returned:
            return None
        self.ids[number] = id_ = f"{'c' if kind == 'constant' else 'n'}{number}"
        if kind == "input" or id(array) in self.given:
            self.named.add(id_)
        place, source = ("", "") if node is None else self.place_of(node.place)
        said = short(array) if "value" in self.show and array.size else ""
        gradient = None if node is None else self.gradients.get(node)
        if gradient is None and is_leaf(node) and value._grad is not None:
            gradient = gradient_of(value._grad._array)
        return DrawnNode(
            id_, "parameter" if kind == "leaf" and name else kind, name or kind, array.shape, array.dtype.name, place,
            source, group=item.call, value=said, gradient=gradient, frozen=kind == "parameter",
        )  # fmt: skip

    def _kind(self, value: Any, node: Node | None) -> str:
        if id(value) in self.found.inputs:
            return "input"
        if node is None:
            return "parameter" if id(value) in self.found.parameters else "constant"
        return "leaf"


def _few(names: Iterable[str]) -> str:
    """Three names at most."""
    different = list(dict.fromkeys(names))
    return ", ".join(different[:3]) + (f" and {len(different) - 3} more" if len(different) > 3 else "")


def _array(value: Any) -> Any:
    return value._array if isinstance(value, TensorBase) else np.asarray(value)
