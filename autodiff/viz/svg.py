"""A plain SVG that needs no engine: boxes in rows, each below everything it was made from."""

from __future__ import annotations

import html

from autodiff.viz.appearance import EDGE, LOOKS, NODE, SMALL, arrows, lines, look, tooltip
from autodiff.viz.boxes import View
from autodiff.viz.nodes import DrawnNode

CHARACTER, LINE, GAP, BETWEEN = 7.5, 15, 18, 34  # of the font, and around boxes, in points
Place = tuple[float, float, float, float]  # centre, top, width, height


def sketch(view: View, prefix: str = "") -> str:
    """The picture from top to bottom."""
    texts = {node.id: lines(node, view.show) for node in view.nodes}
    places = _placed(view, texts)
    reach = max((w for _, _, w, _ in places.values()), default=0) / 2 + GAP
    width = max((x for x, _, _, _ in places.values()), default=0) + reach + 2 * GAP  # room for the text of a bent arrow
    height = max((y + h for _, y, _, h in places.values()), default=0) + GAP + LINE * len(view.notes)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{prefix}graph" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" font-family="{NODE["fontname"]}, sans-serif" text-anchor="middle">',
        f'<rect id="{prefix}ground" width="100%" height="100%" fill="white"/>',
    ]
    out += [
        _arrow(places[edge.source], places[edge.target], reach, text, f"{prefix}e{i}")
        for i, (edge, text, _) in enumerate(arrows(view))
    ]
    out += [_box(node, texts[node.id], places[node.id], prefix) for node in view.nodes]
    for i, note in enumerate(view.notes):
        at = height - GAP / 2 - LINE * i
        out.append(f'<text x="{width / 2:.1f}" y="{at:.1f}" font-size="11">{html.escape(note)}</text>')
    return "\n".join([*out, "</svg>", ""])


def _placed(view: View, texts: dict[str, list[str]]) -> dict[str, Place]:
    """Rows from the top: a box stands below what it needs, a leaf right above its first user."""
    sources: dict[str, list[str]] = {node.id: [] for node in view.nodes}
    users: dict[str, list[str]] = {node.id: [] for node in view.nodes}
    for edge in view.edges:
        sources[edge.target].append(edge.source)
        users[edge.source].append(edge.target)
    rank: dict[str, int] = {}
    for node in view.nodes:
        rank[node.id] = max((rank.get(source, 0) + 1 for source in sources[node.id]), default=0)
    for node in view.nodes:
        if not sources[node.id] and users[node.id]:
            rank[node.id] = min(rank[user] for user in users[node.id]) - 1
    rows: dict[int, list[str]] = {}
    for node in view.nodes:
        rows.setdefault(rank[node.id], []).append(node.id)
    places: dict[str, Place] = {}
    top = float(GAP)
    for _, row in sorted(rows.items()):
        wanted = {id: _mean([places[s][0] for s in sources[id] if s in places]) for id in row}
        row.sort(key=wanted.__getitem__)
        sizes = {id: (max(map(len, texts[id])) * CHARACTER + 16, len(texts[id]) * LINE + 10.0) for id in row}
        left = _mean([wanted[id] for id in row]) - (sum(w for w, _ in sizes.values()) + GAP * (len(row) - 1)) / 2
        for id in row:
            width, height = sizes[id]
            places[id] = (left + width / 2, top, width, height)
            left += width + GAP
        top += max(h for _, h in sizes.values()) + BETWEEN
    shift = GAP - min((x - w / 2 for x, _, w, _ in places.values()), default=0)
    return {id: (x + shift, y, w, h) for id, (x, y, w, h) in places.items()}


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0


def _arrow(start: Place, end: Place, reach: float, text: str, id: str) -> str:
    """A curve from one box down to another; a long way straight down bends around what lies between."""
    (x, y, _, height), (to_x, to_y, _, _) = start, end
    top, middle = y + height, (y + height + to_y) / 2
    bow = reach / 0.75 if to_y - top > 2 * BETWEEN and abs(x - to_x) < 20 else 0  # a curve goes 3/4 of its way
    path = f"M{x:.1f},{top:.1f}C{x + bow:.1f},{middle:.1f} {to_x + bow:.1f},{middle:.1f} {to_x:.1f},{to_y - 5:.1f}"
    out = f'<g id="{id}" class="edge"><path d="{path}" fill="none" stroke="{EDGE["color"]}"/>'
    out += f'<path d="M{to_x - 3:.1f},{to_y - 6:.1f}l6,0l-3,6z" fill="{EDGE["color"]}"/>'
    if text:
        at = f'x="{(x + to_x) / 2 + bow * 0.75:.1f}" y="{middle:.1f}"'
        out += f'<text {at} font-size="9" fill="{EDGE["fontcolor"]}">{html.escape(text)}</text>'
    return out + "</g>"


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
