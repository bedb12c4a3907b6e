"""The facts of a compiled step: its calls of NumPy's, as forward pass, backward pass and update."""

from __future__ import annotations

from typing import Any

from autodiff.compiling.calls import Call as Noted
from autodiff.compiling.calls import Reading, parts
from autodiff.compiling.replay import Program
from autodiff.compiling.step import Step
from autodiff.compiling.traced import Ref
from autodiff.engine.primitive import primitives
from autodiff.viz.errors import DrawingError
from autodiff.viz.nodes import DrawnNode, Facts, opener
from autodiff.viz.recorded import Call, place_finder

PARTS = ("forward", "backward", "update")


def facts_of_step(step: Step[..., Any], depth: Any) -> Facts:
    """The facts of the program that a step wrote last.

    The three parts are open at depth 1, the operations in them at depth 2.

    Raises DrawingError for a step that wrote none yet.
    """
    if not step.programs:
        raise DrawingError("draw: this step has no program yet; it writes one when it is called the second time")
    return _Facts(step.programs[-1]).made(depth)


def _phases(calls: list[Noted]) -> list[int]:
    """For each call whether it belongs to the forward pass (0), the backward pass (1) or the update (2)."""
    back = [i for i, call in enumerate(calls) if call.part.endswith("backward")]
    first, last = (back[0], back[-1]) if back else (len(calls), len(calls))
    phases: list[int] = []
    for i, call in enumerate(calls):
        belongs = i <= last or not call.part or call.part in primitives
        phases.append(0 if i < first else 1 if belongs and (not phases or phases[-1] < 2) else 2)
    return phases


class _Facts:
    """How the calls of a program become boxes."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.nodes: dict[str, DrawnNode] = {}
        self.calls: dict[str, Call] = {}
        self.made_by: dict[Ref, str] = {}
        self.named: set[str] = set()
        self.place_of = place_finder()

    def made(self, depth: Any) -> Facts:
        """The facts with those parts open that ``depth`` says."""
        for i, ref in enumerate(self.program.inputs):
            if ref is not None:
                self._source(ref, "input", f"x{i}")
        calls, phase, part = self.program.calls, "", None
        for i, (call, number) in enumerate(zip(calls, _phases(calls), strict=True)):
            if phase != PARTS[number]:
                phase, part = PARTS[number], None
                outer = self._enter("", 0, phase)
            if call.part and call.part != part:
                part = call.part
                inner = self._enter(outer, 1, part)
            if not isinstance(call.function, Reading):
                self._operation(i, call, inner if part else outer)
        self._results()
        is_open = opener(depth)
        shut = {id: call._replace(is_open=is_open(call)) for id, call in self.calls.items()}
        return Facts(self.nodes, shut, self.named)

    def _enter(self, parent: str, level: int, name: str) -> str:
        id = f"m{len(self.calls)}"
        self.calls[id] = Call(parent, level, name, name)
        return id

    def _operation(self, number: int, call: Noted, group: str) -> None:
        operands = tuple(self._operand(ref) for ref in parts((call.args, call.kwargs)))
        place, source = self.place_of(call.place)
        written = [out for out in call.outs if out is not None] or call.writes
        shape, dtype = (written[0].array.shape, written[0].array.dtype.name) if written else ((), "")
        name = getattr(call.function, "__name__", type(call.function).__name__)
        id = f"n{number}"
        self.nodes[id] = DrawnNode(
            id, "operation", name, shape, dtype, place, source, operands=operands, group=group
        )
        for ref in (*call.outs, *call.writes):
            if ref is not None:
                self.made_by[ref] = id
                if not call.is_view:
                    self.made_by[ref.root] = id

    def _operand(self, ref: Ref) -> str:
        if ref in self.made_by or ref.root in self.made_by:
            return self.made_by.get(ref) or self.made_by[ref.root]
        name = self.program.names.get(id(ref.root.array), "")
        kind = "parameter" if name else "constant"  # momentum, numbers of the optimizer
        return self._source(ref.root, kind, name or kind)

    def _source(self, ref: Ref, kind: str, name: str) -> str:
        id = f"{'c' if kind == 'constant' else 's'}{len(self.nodes)}"
        self.nodes[id] = DrawnNode(id, kind, name, ref.array.shape, ref.array.dtype.name)
        self.made_by[ref] = id
        if kind == "input":
            self.named.add(id)
        return id

    def _results(self) -> None:
        """Mark what the step returns, and the gradients that it leaves."""
        names = self.program.gives.split(", ")[1:]
        names = [""] * (len(self.program.results) - len(names)) + [name.removeprefix("the ") for name in names]
        for ref, name in zip(self.program.results, names, strict=True):
            id = self.made_by.get(ref) or self.made_by.get(ref.root)
            if id:
                self.nodes[id] = self.nodes[id]._replace(is_output=True, returned=name)
                self.named.add(id)
