"""What is seen of a graph: modules folded into boxes, equal neighbours counted, the rest left out.

A module's operations follow each other in the order of creation, whatever it calls, so that a box of them, or of
neighbours, is part of no cycle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import NamedTuple

from autodiff.viz.nodes import DrawnEdge, DrawnNode, Facts, Gradient, Group, Part
from autodiff.viz.recorded import Call

CUT = "cut"


class View(NamedTuple):
    """What a drawing shows, for the writers of all formats.

    Attributes:
        nodes: the boxes, earlier ones first.
        edges: the arrows.
        groups: the open modules.
        show: what is written in the boxes and on the arrows, as ``draw`` takes it.
        notes: what has to be said about the drawing.
        direction: where the arrows point, as ``draw`` takes it.
    """

    nodes: list[DrawnNode]
    edges: list[DrawnEdge]
    groups: list[Group]
    show: Collection[str]
    notes: tuple[str, ...] = ()
    direction: str = "TB"

    def nested(self) -> Iterator[tuple[int, DrawnNode | Group | None]]:
        """Boxes and open modules with how deep they stand; None is the end of the module opened last."""
        inside: dict[str, list[DrawnNode | Group]] = {}
        for node in self.nodes:
            inside.setdefault(node.group, []).append(node)
        for group in self.groups:
            inside.setdefault(group.parent, []).append(group)
        stack: list[tuple[int, DrawnNode | Group | None]] = [(0, item) for item in reversed(inside.get("", ()))]
        while stack:
            depth, item = stack.pop()
            yield depth, item
            if isinstance(item, Group):
                stack.append((depth, None))
                stack += [(depth + 1, each) for each in reversed(inside.get(item.id, ()))]


def arranged(facts: Facts, show: Collection[str], max_nodes: int) -> View:
    """The view that was asked for or, if that has more than ``max_nodes``, the deepest level that fits.

    If not even the outermost modules fit, as in a long graph without any, the middle is left out.
    """
    view = _folded(facts, show)._replace(notes=facts.notes)
    if len(view.nodes) <= max_nodes:
        return view
    total, levels = len(view.nodes), 1 + max((call.level for call in facts.calls.values() if call.is_open), default=-1)
    for level in range(levels - 1, -1, -1):
        view = _folded(_closed_from(level, facts), show)
        if len(view.nodes) <= max_nodes:
            note = f"{total:,} nodes are more than max_nodes={max_nodes}: drawn to depth {level}"
            return view._replace(notes=(note, *facts.notes))
    return _cut(view, max_nodes)._replace(notes=facts.notes)


def _closed_from(level: int, facts: Facts) -> Facts:
    return facts.opened(lambda call: call.is_open and call.level < level)


def _folded(facts: Facts, show: Collection[str]) -> View:
    """The view with all calls folded that are not open."""
    nodes, calls = facts.nodes, facts.calls
    unit = _units(facts)
    leader = _leaders(facts, unit)
    place = {id: leader[unit[id]] for id, node in nodes.items() if node.kind == "operation"}
    place |= _places_of_leaves(facts, unit, leader, "constants" in show)
    members: dict[str, list[DrawnNode]] = {
        place[id]: [] for id, node in nodes.items() if node.kind == "operation" or place[id] == id
    }
    for id, node in nodes.items():
        if place[id]:
            members[place[id]].append(node)
    times, groups = Counter(leader.values()), _groups_of(facts, unit)
    drawn = []
    for at, inside in members.items():
        if at in calls:
            taken = [operand for node in inside for operand in node.operands]
            sources = dict.fromkeys(place.get(o) for o in taken if not _in_a_box(facts, place, o))
            again = any(_in_a_box(facts, place, o) and place[o] != at for o in taken)
            box = _box(at, calls[at], inside, times[at])._replace(again=again, warning=facts.warnings.get(at, ""))
            drawn.append(box._replace(operands=tuple(source for source in sources if source and source != at)))
        else:  # a constant that is hidden is written as its shape
            operands = tuple(place.get(o, o) or str(nodes[o].shape) for o in nodes[at].operands)
            drawn.append(nodes[at]._replace(operands=operands, group=groups.get(at, "")))
    return View(drawn, _edges(facts, place), _open_groups(calls, {node.group for node in drawn}), show)


def _in_a_box(facts: Facts, place: dict[str, str], source: str) -> bool:
    """Whether an operand is a leaf that stands in the box of a module."""
    return source in facts.nodes and facts.nodes[source].kind != "operation" and place[source] in facts.calls


def _open_groups(calls: dict[str, Call], used: set[str]) -> list[Group]:
    """The calls ``used`` and those around them."""
    for id in reversed(calls):
        if id in used:
            used.add(calls[id].parent)
    return [Group(id, call.parent, call.path, call.kind) for id, call in calls.items() if id in used]


def _units(facts: Facts) -> dict[str, str]:
    """For each node the box that it belongs to: itself, or the outermost call around it that is not open."""
    closed = {"": ""}
    for id, call in facts.calls.items():
        closed[id] = closed[call.parent] or ("" if call.is_open else id)
    return {id: closed[node.group] or id for id, node in facts.nodes.items()}


def _leaders(facts: Facts, unit: dict[str, str]) -> dict[str, str]:
    """For each box the first of the equal boxes right before it in the same module, or itself.

    They follow each other, each used by the next one alone, or stand side by side, with the same inputs and users.
    """
    inside: dict[str, list[DrawnNode]] = {}
    for id, node in facts.nodes.items():
        if node.kind == "operation":
            inside.setdefault(unit[id], []).append(node)
    users, sources = _neighbours(facts, unit)
    before: dict[str, str] = {}  # the last box in each module
    leader: dict[str, str] = {}
    entered: set[str] = set()
    for each, operations in inside.items():
        call = facts.calls[each].parent if each in facts.calls else operations[0].group
        last = before.get(call, "")
        in_a_row = users.get(last) == {each}
        side_by_side = users.get(last) == users.get(each) and sources.get(last) == sources.get(each)
        leader[each] = leader[last] if (in_a_row or side_by_side) and _alike(facts, inside, last, each) else each
        before[call] = each
        while call and call not in entered:  # an open module, which separates the boxes before and after it
            entered.add(call)
            call = facts.calls[call].parent
            before[call] = ""
    return leader


def _neighbours(facts: Facts, unit: dict[str, str]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """For each box those that use it, and those (or leaves that are no parameters) that it uses."""
    users: dict[str, set[str]] = {}
    sources: dict[str, set[str]] = {}
    for id, node in facts.nodes.items():
        for source in node.operands:
            if source in facts.nodes and facts.nodes[source].kind != "parameter" and unit[source] != unit[id]:
                users.setdefault(unit[source], set()).add(unit[id])
                sources.setdefault(unit[id], set()).add(unit[source])
    return users, sources


def _alike(facts: Facts, inside: dict[str, list[DrawnNode]], one: str, other: str) -> bool:
    """Whether two boxes are modules of the same class and structure, and of the same shapes throughout."""
    if one not in facts.calls or other not in facts.calls or facts.calls[one].kind != facts.calls[other].kind:
        return False
    first, second = inside[one], inside[other]
    return len(first) == len(second) and _structure(facts, first) == _structure(facts, second)


def _structure(facts: Facts, operations: list[DrawnNode]) -> list[object]:
    """What the operations of a box are and how they are connected, whatever their ids."""
    numbers = {node.id: number for number, node in enumerate(operations)}  # what comes from outside gets the next ones
    lines: list[object] = []
    for node in operations:
        inputs: list[object] = []
        for operand in node.operands:
            source = facts.nodes.get(operand)
            if source is None:
                inputs.append(operand)
            else:
                number = numbers.setdefault(operand, len(numbers))
                inputs.append((number, source.kind == "parameter", source.shape, source.dtype))
        lines.append((facts.calls[node.group].kind, node.name, node.shape, node.dtype, inputs))
    return lines


def _places_of_leaves(facts: Facts, unit: dict[str, str], leader: dict[str, str], constants: bool) -> dict[str, str]:
    """Where each leaf and constant is drawn: by itself, in the box that uses it, or ("") nowhere.

    What several calls of one module use stands in the first of them.
    """
    users: dict[str, dict[str, None]] = {}
    for id, node in facts.nodes.items():
        for source in node.operands:
            users.setdefault(source, {})[leader[unit[id]]] = None
    places = {}
    for id, node in facts.nodes.items():
        using = users.get(id, {})
        if node.kind == "constant":
            places[id] = id if constants or id in facts.named else ""
        elif node.kind == "input":
            places[id] = id
        elif node.kind != "operation":
            called = {facts.calls[each][2:4] if each in facts.calls else each for each in using}
            boxed = len(called) == 1 and using.keys() <= facts.calls.keys() and not node.is_output
            places[id] = next(iter(using)) if boxed else id
    return places


def _groups_of(facts: Facts, unit: dict[str, str]) -> dict[str, str]:
    """The open module in which each node stands; a leaf stands in the innermost one that has all its users."""
    groups: dict[str, str] = {}
    for id, node in facts.nodes.items():
        if node.kind != "operation":
            continue
        groups[id] = group = facts.calls[unit[id]].parent if unit[id] in facts.calls else node.group
        for source in node.operands:
            if source in facts.nodes and facts.nodes[source].kind not in ("operation", "input"):
                groups[source] = _common(facts.calls, groups.get(source, group), group)
    return groups


def _common(calls: dict[str, Call], one: str, other: str) -> str:
    """The innermost call that is around two, "" if none is."""
    while one and one != other:
        if other and calls[one].level < calls[other].level:
            one, other = other, one
        one = calls[one].parent
    return one


def _box(id: str, call: Call, inside: list[DrawnNode], times: int) -> DrawnNode:
    """What is said of a module that is drawn as one box."""
    operations = [node for node in inside if node.kind == "operation"]
    last = operations[-1]
    returned = ", ".join(n.returned for n in inside if n.returned)
    parts = tuple(
        Part(n.name, n.shape or (), n.gradient, n.frozen) for n in inside if n.kind in ("parameter", "leaf")
    )
    return DrawnNode(
        id, "module", call.path, last.shape, last.dtype, last.place, last.source, any(n.is_output for n in inside),
        group=call.parent, module=call.kind, times=times, operations=len(operations), kept=sum(n.kept for n in inside),
        value=last.value, gradient=_together([part.gradient for part in parts if part.gradient is not None]),
        parts=parts, frozen=bool(parts) and all(part.frozen for part in parts), returned=returned,
    )  # fmt: skip


def _together(gradients: list[Gradient]) -> Gradient | None:
    """The gradient of several parameters as if they were one, with the worst that is said of any."""
    if not gradients:
        return None
    norm = sum(g.norm**2 for g in gradients) ** 0.5
    states = {g.state for g in gradients}
    worst = next((state for state in ("NaN", "inf", "zero", "vanishing") if state in states), "")
    return Gradient(norm, sum(g.entries for g in gradients), worst, f"{norm:.3g}")


def _edges(facts: Facts, place: dict[str, str]) -> list[DrawnEdge]:
    """The arrows between boxes; of equal arrows from or to a module one says enough."""
    edges: list[DrawnEdge] = []
    drawn: set[DrawnEdge] = set()
    for id, node in facts.nodes.items():
        for source in node.operands:
            start, end = place.get(source, ""), place[id]
            if not start or start == end or _in_a_box(facts, place, source):
                continue
            edge = DrawnEdge(start, end, facts.nodes[source].shape)
            if edge not in drawn or not {start, end} & facts.calls.keys():
                drawn.add(edge)
                edges.append(edge)
    return edges


def _cut(view: View, max_nodes: int) -> View:
    """The beginning and the end, and between them one box for one stretch of the order of creation."""
    total, head = len(view.nodes), max_nodes // 2
    left_out = view.nodes[head : head + total - max_nodes]
    text = f"{len(left_out):,} of {total:,} nodes left out (max_nodes={max_nodes})"
    if hidden := sum(node.is_output for node in left_out):
        text += f", {hidden} of the outputs among them"
    place = {node.id: node.id for node in view.nodes} | {node.id: CUT for node in left_out}
    nodes = [*view.nodes[:head], DrawnNode(CUT, "left out", text), *view.nodes[head + len(left_out) :]]
    nodes = [node._replace(operands=tuple(place.get(o, o) for o in node.operands)) for node in nodes]
    edges = [edge for edge in view.edges if CUT not in (place[edge.source], place[edge.target])]
    ends = dict.fromkeys((place[edge.source], place[edge.target]) for edge in view.edges)
    edges += [DrawnEdge(start, end, None) for start, end in ends if start != end and CUT in (start, end)]
    used = {node.group for node in nodes} | {group.parent for group in view.groups}
    groups = [group for group in view.groups if group.id in used]
    return View(nodes, edges, groups, view.show)
