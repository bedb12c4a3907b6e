"""What is seen of a graph: modules folded into boxes, equal neighbours counted, the rest left out.

A module's operations follow each other in the order of creation, whatever it calls, so that a box of them, or of
neighbours, is part of no cycle.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from autodiff.viz.facts import DrawnEdge, DrawnNode, Gradient, Group, Part
from autodiff.viz.reading import Frame, Reading

__all__ = ["View", "arranged"]

CUT = "cut"


class View(NamedTuple):
    """The boxes of a drawing, earlier ones first, its arrows, its open modules, and what has to be said about it."""

    nodes: list[DrawnNode]
    edges: list[DrawnEdge]
    groups: list[Group]
    notes: tuple[str, ...] = ()


def arranged(reading: Reading, max_nodes: int, constants: bool) -> View:
    """The view that was asked for or, where that has more than ``max_nodes``, the deepest level that fits.

    Where not even the outermost modules fit, as in a long graph without any, the middle is left out.
    """
    view = _view(reading, [frame.is_open for frame in reading.frames], constants)
    if len(view.nodes) <= max_nodes:
        return view
    total, levels = len(view.nodes), 1 + max((frame.level for frame in reading.frames if frame.is_open), default=-1)
    for level in range(levels - 1, -1, -1):
        view = _view(reading, [frame.is_open and frame.level < level for frame in reading.frames], constants)
        if len(view.nodes) <= max_nodes:
            note = f"{total:,} nodes are more than max_nodes={max_nodes}: drawn to depth {level}"
            return view._replace(notes=(note,))
    return _cut(view, max_nodes)


def _view(reading: Reading, is_open: list[bool], constants: bool) -> View:
    boxes = _boxes(reading, is_open)
    unit = _units(reading, boxes)
    leader = _merged(reading, boxes, unit)
    shown = _places_of_leaves(reading, unit, leader, is_open, constants)
    units = {node.id: at for node, at in zip(reading.nodes, unit, strict=True)}
    owner = {id: shown[id] if id in shown else leader[at] for id, at in units.items()}
    members: dict[str, list[DrawnNode]] = {at: [] for id, at in owner.items() if at and (at == id or id not in shown)}
    for node in reading.nodes:
        if owner[node.id]:
            members[owner[node.id]].append(node)
    times = Counter(leader.values())
    hidden = {node.id: str(node.shape) for node in reading.nodes if not owner[node.id]}
    group_of = _groups_of(reading, boxes, shown)
    nodes = []
    for at, inside in members.items():
        if at[0] != "m":
            operands = tuple(hidden.get(source) or owner.get(source, source) for source in inside[0].operands)
            nodes.append(inside[0]._replace(group=group_of[at], operands=operands))
        else:
            frame = reading.frames[int(at[1:])]
            outside = dict.fromkeys(owner.get(source, "") for node in inside for source in node.operands)
            operands = tuple(source for source in outside if source not in ("", at))
            nodes.append(_box(at, frame, inside, times[at])._replace(operands=operands))
    used = {node.group for node in nodes}
    for i in range(len(reading.frames) - 1, -1, -1):
        if f"m{i}" in used and reading.frames[i].parent >= 0:
            used.add(f"m{reading.frames[i].parent}")
    groups = [
        Group(f"m{i}", f"m{frame.parent}" if frame.parent >= 0 else "", frame.path, frame.kind)
        for i, frame in enumerate(reading.frames)
        if f"m{i}" in used
    ]
    return View(nodes, _edges(reading, owner), groups)


def _boxes(reading: Reading, is_open: list[bool]) -> list[int]:
    """For each call the outermost call around it that is not open, which swallows it; -1 where all are."""
    boxes: list[int] = []
    for i, frame in enumerate(reading.frames):
        around = boxes[frame.parent] if frame.parent >= 0 else -1
        boxes.append(around if around >= 0 else -1 if is_open[i] else i)
    return boxes


def _units(reading: Reading, boxes: list[int]) -> list[str]:
    """For each node the box it stands for: itself, or the module that swallows it."""
    return [
        node.id if call < 0 or boxes[call] < 0 else f"m{boxes[call]}"
        for node, call in zip(reading.nodes, reading.call_of, strict=True)
    ]


def _merged(reading: Reading, boxes: list[int], unit: list[str]) -> dict[str, str]:
    """For each box the first of the equal boxes right before it in the same module, or itself.

    They are in a row, each used by the next one alone, or side by side, with the same inputs and used by the same.
    """
    inside: dict[str, list[int]] = {}
    for i, node in enumerate(reading.nodes):
        if node.kind == "operation":
            inside.setdefault(unit[i], []).append(i)
    at = {node.id: i for i, node in enumerate(reading.nodes)}
    users, sources = _neighbours(reading, unit, at)
    before: dict[int, str] = {}  # the last box in each module
    leader: dict[str, str] = {}
    seen: set[int] = set()
    for each, indices in inside.items():
        call = reading.call_of[indices[0]]
        if each[0] == "m":
            call = reading.frames[int(each[1:])].parent
        last = before.get(call, "")
        equal = each[0] == "m" == last[:1] and _alike(reading, at, inside[last], indices, int(last[1:]), int(each[1:]))
        in_a_row = users.get(last) == {each}
        side_by_side = users.get(last) == users.get(each) and sources.get(last) == sources.get(each)
        equal = equal and (in_a_row or side_by_side)
        leader[each] = leader[last] if equal else each
        before[call] = each
        while call >= 0 and call not in seen:  # the first box in an open module stands between the neighbours of that
            seen.add(call)
            call = reading.frames[call].parent
            before[call] = ""
    return leader


def _neighbours(
    reading: Reading, unit: list[str], at: dict[str, int]
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """For each box those that use it, and those (or leaves that are no parameters) that it uses."""
    users: dict[str, set[str]] = {}
    sources: dict[str, set[str]] = {}
    for here, node in zip(unit, reading.nodes, strict=True):
        for source in node.operands:
            if source in at and reading.nodes[at[source]].kind != "parameter" and (there := unit[at[source]]) != here:
                users.setdefault(there, set()).add(here)
                sources.setdefault(here, set()).add(there)
    return users, sources


def _alike(reading: Reading, at: dict[str, int], first: list[int], second: list[int], one: int, other: int) -> bool:
    """Whether two boxes have the same structure, and the same shapes throughout."""
    if len(first) != len(second) or reading.frames[one].kind != reading.frames[other].kind:
        return False
    return _structure(reading, at, first) == _structure(reading, at, second)


def _structure(reading: Reading, at: dict[str, int], indices: list[int]) -> list[object]:
    places = {reading.nodes[i].id: place for place, i in enumerate(indices)}
    outside: dict[str, int] = {}
    lines: list[object] = []
    for i in indices:
        node = reading.nodes[i]
        inputs: list[object] = []
        for source in node.operands:
            if source in places:
                inputs.append(places[source])
            elif source in at:
                origin = reading.nodes[at[source]]
                number = outside.setdefault(source, len(outside))
                inputs.append((origin.kind == "parameter", origin.shape, origin.dtype, number))
            else:
                inputs.append(source)
        kind = reading.frames[reading.call_of[i]].kind
        lines.append((kind, node.name, node.shape, node.dtype, tuple(inputs)))
    return lines


def _places_of_leaves(
    reading: Reading, unit: list[str], leader: dict[str, str], is_open: list[bool], constants: bool
) -> dict[str, str]:
    """Where each leaf and constant is seen: by itself, in the one box that uses it, or ("") nowhere."""
    users: dict[str, set[str]] = {}
    for i, node in enumerate(reading.nodes):
        for source in node.operands:
            users.setdefault(source, set()).add(leader.get(unit[i], unit[i]))
    places = {}
    for node in reading.nodes:
        if node.kind == "operation":
            continue
        using = users.get(node.id, set())
        boxed = len(using) == 1 and next(iter(using))[0] == "m" and not node.is_output
        if node.kind == "constant":
            places[node.id] = node.id if constants or node.id in reading.named else ""
        else:
            places[node.id] = next(iter(using)) if boxed else node.id
    return places


def _groups_of(reading: Reading, boxes: list[int], shown: dict[str, str]) -> dict[str, str]:
    """The open module in which each node stands; a leaf stands in the innermost one that has all its users."""
    calls: dict[str, int] = {}
    for node, call in zip(reading.nodes, reading.call_of, strict=True):
        if node.kind != "operation":
            continue
        if call >= 0 and boxes[call] >= 0:
            call = reading.frames[boxes[call]].parent
        calls[node.id] = call
        for source in node.operands:
            if source in shown:
                calls[source] = _common(reading, calls.get(source, call), call)
    return {id: f"m{call}" if call >= 0 else "" for id, call in calls.items()} | {
        node.id: "" for node in reading.nodes if node.id not in calls
    }


def _common(reading: Reading, one: int, other: int) -> int:
    """The innermost call that is around two."""
    while one != other:
        if one < other:
            one, other = other, one
        one = reading.frames[one].parent  # a call comes behind the one around it
    return one


def _box(id: str, frame: Frame, inside: list[DrawnNode], times: int) -> DrawnNode:
    """What is said of a module that is drawn as one box."""
    operations = [node for node in inside if node.kind == "operation"]
    last = operations[-1]
    parts = tuple(Part(n.name, n.shape or (), n.gradient) for n in inside if n.kind in ("parameter", "leaf"))
    gradients = [part.gradient for part in parts if part.gradient is not None]
    return DrawnNode(
        id, "module", frame.path, last.shape, last.dtype, last.place, last.source, any(n.is_output for n in inside),
        group=f"m{frame.parent}" if frame.parent >= 0 else "", module=frame.kind, times=times,
        operations=len(operations), kept=sum(n.kept for n in inside), value=last.value,
        gradient=_together(gradients), parts=parts,
    )  # fmt: skip


def _together(gradients: list[Gradient]) -> Gradient | None:
    """The gradient of several parameters as if they were one, with the worst that is said of any."""
    if not gradients:
        return None
    norm = sum(g.norm**2 for g in gradients) ** 0.5
    states = {g.state for g in gradients}
    worst = next((state for state in ("NaN", "inf", "zero", "vanishing") if state in states), "")
    return Gradient(norm, sum(g.entries for g in gradients), worst, f"{norm:.3g}")


def _edges(reading: Reading, owner: dict[str, str]) -> list[DrawnEdge]:
    shapes = {node.id: node.shape for node in reading.nodes}
    edges: list[DrawnEdge] = []
    bundled: set[DrawnEdge] = set()
    for node in reading.nodes:
        for source in node.operands:
            start, end = owner.get(source, ""), owner.get(node.id, "")
            if not start or start == end:
                continue
            edge = DrawnEdge(start, end, shapes[source])
            if "m" in (start[0], end[0]):  # of equal arrows from or to a module one says enough
                if edge in bundled:
                    continue
                bundled.add(edge)
            edges.append(edge)
    return edges


def _cut(view: View, max_nodes: int) -> View:
    """The beginning and the end, and between them one box for one stretch of the order of creation."""
    total, head = len(view.nodes), max_nodes // 2
    cut = range(head, head + total - max_nodes)
    text = f"{len(cut):,} of {total:,} nodes left out (max_nodes={max_nodes})"
    if hidden := sum(view.nodes[i].is_output for i in cut):
        text += f", {hidden} of the outputs among them"
    place = {node.id: CUT if i in cut else node.id for i, node in enumerate(view.nodes)}
    nodes = [node for i, node in enumerate(view.nodes) if i not in cut]
    nodes.insert(head, DrawnNode(CUT, "left out", text))
    edges: dict[DrawnEdge, None] = {}
    plain: list[DrawnEdge] = []
    for edge in view.edges:
        start, end = place[edge.source], place[edge.target]
        if CUT not in (start, end):
            plain.append(edge)
        elif start != end:
            edges.setdefault(DrawnEdge(start, end, None))
    used = {node.group for node in nodes}
    groups = [group for group in view.groups if group.id in used or any(g.parent == group.id for g in view.groups)]
    nodes = [n._replace(operands=tuple(place.get(o, o) for o in n.operands)) for n in nodes]
    return View(nodes, plain + list(edges), groups)
