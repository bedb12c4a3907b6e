"""A plain SVG that needs no engine: boxes in rows, each below everything it was made from."""

from __future__ import annotations

import html

from autodiff.viz.appearance import EDGE, LOOKS, NODE, SMALL, arrows, lines, look, tooltip
from autodiff.viz.boxes import View
from autodiff.viz.fonts import width
from autodiff.viz.nodes import DrawnNode

LINE, GAP, BETWEEN, LANE = 15, 18, 34, 12  # of the font, around boxes, and beside an arrow that passes, in points
MOST_LANES = 5000  # of a graph in which more arrows than that pass boxes, each goes straight
Place = tuple[float, float, float, float]  # centre, top, width, height
Lane = tuple[str, int]  # where what comes from a box passes a row
Key = str | Lane


class _Layout:
    """Boxes in rows, each below all it was made from; an arrow that passes a row has a lane in it.

    Attributes:
        rank: the row of each box.
        places: of boxes and lanes.
        rows: top and bottom of each row.
    """

    def __init__(self, view: View, texts: dict[str, list[str]]) -> None:
        self.sources: dict[str, list[str]] = {node.id: [] for node in view.nodes}
        self.users: dict[str, list[str]] = {node.id: [] for node in view.nodes}
        for edge in view.edges:
            self.sources[edge.target].append(edge.source)
            self.users[edge.source].append(edge.target)
        self.sizes = {id: (_wide(lines) + 16, len(lines) * LINE + 10.0) for id, lines in texts.items()}
        self.rank: dict[str, int] = {}
        self.places: dict[Key, Place] = {}
        self.rows: dict[int, tuple[float, float]] = {}
        self._rank()
        self._place(self._members())

    def _rank(self) -> None:
        """A box stands below what it needs, a leaf right above its first user."""
        for id, sources in self.sources.items():
            self.rank[id] = max((self.rank.get(source, 0) + 1 for source in sources), default=0)
        for id, sources in self.sources.items():
            if not sources and self.users[id]:
                self.rank[id] = min(self.rank[user] for user in self.users[id]) - 1

    def _members(self) -> dict[int, list[Key]]:
        """The boxes and lanes of each row."""
        rows: dict[int, list[Key]] = {}
        for id, rank in self.rank.items():
            rows.setdefault(rank, []).append(id)
        last = {id: max((self.rank[user] for user in users), default=0) for id, users in self.users.items()}
        passed = {id: range(self.rank[id] + 1, last[id]) for id in self.rank}
        if sum(map(len, passed.values())) <= MOST_LANES:
            for id, ranks in passed.items():
                for rank in ranks:
                    rows[rank].append((id, rank))
        return rows

    def _above(self, key: Key) -> list[float]:
        """Where the arrows into a box, or along a lane, come from."""
        if isinstance(key, str):
            keys: list[Key] = [(source, self.rank[key] - 1) for source in self.sources[key]]
        else:
            keys = [(key[0], key[1] - 1)]
        found = [each if each in self.places else each[0] for each in keys if isinstance(each, tuple)]
        return [self.places[each][0] for each in found if each in self.places]

    def _place(self, members: dict[int, list[Key]]) -> None:
        top = float(GAP)
        for rank, row in sorted(members.items()):
            wanted = {key: _mean(self._above(key)) for key in row}
            row.sort(key=wanted.__getitem__)
            sizes = {key: self.sizes[key] if isinstance(key, str) else (LANE, 0.0) for key in row}
            left, ats = 0.0, []
            for key in row:
                ats.append(left + sizes[key][0] / 2)
                left += sizes[key][0] + GAP
            shift = _mean([wanted[key] - at for key, at in zip(row, ats, strict=True) if isinstance(key, str)])
            for key, at in zip(row, ats, strict=True):  # boxes where they want to be, whatever passes them
                self.places[key] = (at + shift, top, *sizes[key])
            bottom = top + max(h for _, h in sizes.values())
            self.rows[rank] = top, bottom
            top = bottom + BETWEEN
        shift = GAP - min((x - w / 2 for x, _, w, _ in self.places.values()), default=0)
        self.places = {key: (x + shift, y, w, h) for key, (x, y, w, h) in self.places.items()}

    def way(self, source: str, target: str) -> list[tuple[float, float]]:
        """The points from one box down to another, in pairs: a curve leads to the first, a line to the second."""
        x, y, _, height = self.places[source]
        points = [(x, y + height), (x, self.rows[self.rank[source]][1])]
        for rank in range(self.rank[source] + 1, self.rank[target]):
            if (source, rank) in self.places:
                x = self.places[source, rank][0]
                points += [(x, self.rows[rank][0]), (x, self.rows[rank][1])]
        x, y, _, _ = self.places[target]
        return [*points, (x, y - 5)]


def sketch(view: View, prefix: str = "") -> str:
    """The picture from top to bottom."""
    texts = {node.id: lines(node, view.show) for node in view.nodes}
    layout = _Layout(view, texts)
    places = layout.places
    notes = max((width(note, 11) for note in view.notes), default=0.0)
    wide = max((x + w / 2 for x, _, w, _ in places.values()), default=0.0) + 2 * GAP  # room for the text of an arrow
    wide, height = max(wide, notes + GAP), max((y + h for _, y, _, h in places.values()), default=0.0)
    height += GAP + LINE * len(view.notes)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{prefix}graph" viewBox="0 0 {wide:.0f} {height:.0f}" '
        f'width="{wide:.0f}" height="{height:.0f}" font-family="{NODE["fontname"]}, sans-serif" text-anchor="middle">',
        f'<rect id="{prefix}ground" width="100%" height="100%" fill="white"/>',
    ]
    drawn = [(layout.way(edge.source, edge.target), text) for edge, text, _ in arrows(view)]
    out += [_arrow(way, f"{prefix}e{i}") for i, (way, _) in enumerate(drawn)]
    out += [_box(node, texts[node.id], places[node.id], prefix) for node in view.nodes]
    out += [_label(way, text) for way, text in drawn if text]
    for i, note in enumerate(view.notes):
        at = height - GAP / 2 - LINE * i
        out.append(f'<text x="{wide / 2:.1f}" y="{at:.1f}" font-size="11">{html.escape(note)}</text>')
    return "\n".join([*out, "</svg>", ""])


def _wide(texts: list[str]) -> float:
    """How wide the lines of a box are at most, the first of them large and bold."""
    return max(width(text, 10 if i else 13, bold=not i) for i, text in enumerate(texts))


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0


def _arrow(way: list[tuple[float, float]], id: str) -> str:
    """Lines through the rows, beside the boxes that stand there, and curves between the rows."""
    (x, y), (to_x, to_y) = way[0], way[-1]
    path = f"M{x:.1f},{y:.1f}"
    for i, (x, y) in enumerate(way[1:], 1):
        if i % 2:
            path += f"L{x:.1f},{y:.1f}"
        else:
            before_x, before_y = way[i - 1]
            middle = (before_y + y) / 2
            path += f"C{before_x:.1f},{middle:.1f} {x:.1f},{middle:.1f} {x:.1f},{y:.1f}"
    out = f'<g id="{id}" class="edge"><path d="{path}" fill="none" stroke="{EDGE["color"]}"/>'
    return f'{out}<path d="M{to_x - 3:.1f},{to_y - 1:.1f}l6,0l-3,6z" fill="{EDGE["color"]}"/></g>'


def _label(way: list[tuple[float, float]], text: str) -> str:
    """What an arrow carries, beside its first curve; a white rim keeps it apart from what it crosses."""
    x, y = (way[1][0] + 2 * way[2][0]) / 3, (way[1][1] + 2 * way[2][1]) / 3 - 1
    style = f'font-size="9" fill="{EDGE["fontcolor"]}" paint-order="stroke" stroke="white" stroke-width="3"'
    return f'<text x="{x + 5:.1f}" y="{y:.1f}" text-anchor="start" {style}>{html.escape(text)}</text>'


def _box(node: DrawnNode, texts: list[str], place: Place, prefix: str) -> str:
    (x, y, width, height), colours = place, LOOKS[look(node)]
    dash = ' stroke-dasharray="4"' if "dashed" in colours["style"] else ""
    out = [
        f'<g id="{prefix}{node.id}" class="node"><title>{html.escape(tooltip(node))}</title>',
        f'<rect x="{x - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="{6 if "rounded" in colours["style"] else 0}" fill="{colours.get("fillcolor", "white")}" '
        f'stroke="{colours["color"]}" stroke-width="{colours.get("penwidth", "1.2")}"{dash}/>',
    ]
    for i, text in enumerate(texts):
        weight, size, colour = ("bold", "13", NODE["fontcolor"]) if i == 0 else ("normal", "10", SMALL["color"])
        at = y + 17 + LINE * i
        out.append(
            f'<text x="{x:.1f}" y="{at:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}">'
            f"{html.escape(text)}</text>"
        )
    return "".join([*out, "</g>"])
