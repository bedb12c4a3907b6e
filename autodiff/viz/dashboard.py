"""A watched training as one page of HTML that needs no other file, no network and no program."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from autodiff.viz.charts import Chart, Spread, charts_of, colour, spreads_of, ticks
from autodiff.viz.findings import Finding, findings_in
from autodiff.viz.fonts import width
from autodiff.viz.watching import Histogram, Record

WIDE, TALL, LEFT, TOP, BOTTOM, RIGHT = 420, 220, 58, 28, 26, 12
STYLE = """
.watch{font:13px Helvetica,Arial,sans-serif;color:#1f2328;--line:#d0d7de;--soft:#57606a;--card:#ffffff;--bad:#d1242f}
.watch .grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(340px,1fr));gap:12px}
.watch .card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:6px}
.watch svg{width:100%;height:auto;display:block}.watch svg text{fill:currentColor}.watch .soft{color:var(--soft)}
.watch ul{margin:8px 0 12px;padding:0;list-style:none}.watch li{padding:3px 0}.watch .bad{color:var(--bad)}
.watch li.bad::before{content:"\\25B2  "}.watch li.good::before{content:"\\2713  "}.watch li.good{color:#1a7f37}
.watch table{border-collapse:collapse;width:100%}.watch td,.watch th{text-align:right;padding:2px 6px;color:inherit}
.watch td:first-child,.watch th:first-child{text-align:left}.watch tr{background:none}
.watch tr+tr td{border-top:1px solid var(--line)}
.watch i{display:inline-block;width:9px;height:9px;border-radius:2px;margin-right:6px}
@media(prefers-color-scheme:dark){.watch{color:#e6edf3;--line:#30363d;--soft:#9198a1;--card:#161b22;--bad:#ff7b72}
.watch li.good{color:#3fb950}.watch-page{background:#0d1117}}
"""


def page_of(record: Record, title: str) -> str:
    """The whole page."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"></head>\n'
        f'<body class="watch-page">\n{fragment_of(record, title)}\n</body></html>\n'
    )


def fragment_of(record: Record, title: str) -> str:
    """What stands in the page, or in a cell of a notebook."""
    names = list(record.entries)
    found = findings_in(record)
    heading = f"{html.escape(title)} <span class='soft'>{len(record.losses):,} steps"
    if record.losses:
        heading += f", loss {record.losses[-1]:.4g}"
    if record.rates:
        heading += f", learning rate {record.rates[-1][1]:g}"
    items = [f'<li class="bad">{html.escape(str(finding))}</li>' for finding in found]
    if not found:
        items = [f'<li class="good">{"all layers learn" if record.samples else "nothing was seen yet"}</li>']
    cards = [f'<div class="card">{chart_svg(chart, names)}</div>' for chart in charts_of(record)]
    cards += [f'<div class="card">{spreads_svg(spreads_of(record))}</div>'] if spreads_of(record) else []
    cards += [f'<div class="card">{_table(record, found)}</div>'] if record.samples else []
    return (
        f'<div class="watch"><style>{STYLE}</style><h3>{heading}</span></h3><ul>{"".join(items)}</ul>'
        f'<div class="grid">{"".join(cards)}</div></div>'
    )


class _Axes:
    """Where points lie in a chart."""

    def __init__(self, xs: Sequence[float], ys: Sequence[float], log: bool) -> None:
        self.log = log
        self.low, self.high = _widened(min(ys), max(ys), log)
        self.start = min(xs)
        self.end = max(*xs, self.start + 1)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """The point in the picture."""
        low, high = self.low, self.high
        share = math.log(y / low) / math.log(high / low) if self.log else (y - low) / (high - low)
        across = LEFT + (x - self.start) / (self.end - self.start) * (WIDE - LEFT - RIGHT)
        return across, TALL - BOTTOM - share * (TALL - TOP - BOTTOM)

    def drawn(self) -> list[str]:
        """Lines at a few round heights, and numbers on both sides."""
        out = []
        for tick in ticks(self.low, self.high, self.log):
            _, y = self.place(self.start, tick)
            out.append(f'<path d="M{LEFT},{y:.1f}H{WIDE - RIGHT}" stroke="currentColor" stroke-opacity=".15"/>')
            out.append(f'<text x="{LEFT - 5}" y="{y + 3.5:.1f}" font-size="10" text-anchor="end">{tick:.6g}</text>')
        for tick in ticks(self.start, self.end, log=False):
            x, _ = self.place(tick, self.low)
            out.append(f'<text x="{x:.1f}" y="{TALL - 9}" font-size="10" text-anchor="middle">{tick:,.6g}</text>')
        return out


def chart_svg(chart: Chart, names: Sequence[str]) -> str:
    """One chart: axes with a few numbers, and a curve for each name."""
    curves = {name: _drawable(points, chart.log) for name, points in chart.curves.items()}
    xs = [x for points in curves.values() for x, _ in points]
    ys = [y for points in curves.values() for _, y in points]
    title = html.escape(chart.title)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {TALL}" role="img" aria-label="{title}">',
        f'<text x="{LEFT}" y="16" font-size="12" font-weight="bold">{title}</text>',
    ]
    if not xs:
        return "".join([*out, f'<text x="{LEFT}" y="{TALL / 2}" font-size="11">no finite number</text></svg>'])
    if chart.line and min(ys) / 100 < chart.line[0] < max(ys) * 100:
        ys.append(chart.line[0])
    axes = _Axes(xs, ys, chart.log)
    out += axes.drawn()
    if chart.line and axes.low <= chart.line[0] <= axes.high:
        _, y = axes.place(axes.start, chart.line[0])
        out.append(f'<path d="M{LEFT},{y:.1f}H{WIDE - RIGHT}" stroke="currentColor" stroke-dasharray="4"/>')
        out.append(f'<text x="{WIDE - RIGHT}" y="{y - 3:.1f}" font-size="9" text-anchor="end">{chart.line[1]}</text>')
    for name, points in curves.items():
        way = " ".join("{:.1f},{:.1f}".format(*axes.place(x, y)) for x, y in points)
        look = f'fill="none" stroke="{colour(name, names, curves)}" stroke-width="1.6" stroke-linejoin="round"'
        last = f"{name}: {chart.curves[name][-1][1]:.4g}"
        out.append(f'<polyline points="{way}" {look}><title>{html.escape(last)}</title></polyline>')
    return "".join([*out, "</svg>"])


def _drawable(points: list[tuple[float, float]], log: bool) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if math.isfinite(y) and (y > 0 or not log)]


def _widened(low: float, high: float, log: bool) -> tuple[float, float]:
    """A range in which something can be drawn."""
    if log:
        return (low / 1.2, high * 1.2) if high > 1.5 * low else (low / 2, high * 2)
    room = 0.05 * (high - low) or abs(high) * 0.1 or 1.0
    return (0.0 if 0 <= low < high * 0.7 else low - room), high + room


def spreads_svg(spreads: Sequence[Spread]) -> str:
    """Activations, a row for each layer: bars are the last sample, the line is the first one."""
    row, names = 30, max(width(spread.layer, 10) for spread in spreads)
    left = min(names + 10, 200)
    tall = TOP + row * len(spreads) + 6
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {tall}" role="img" aria-label="activations">',
        '<text x="8" y="16" font-size="12" font-weight="bold">activations: now (bars) and at first (line)</text>',
    ]
    layers = [spread.layer for spread in spreads]
    for i, spread in enumerate(spreads):
        y = TOP + row * (i + 1) - 6
        low, high = min(spread.first.low, spread.last.low), max(spread.first.high, spread.last.high)
        bars = _outline(spread.last, low, high, left, y, row - 9)
        line = _outline(spread.first, low, high, left, y, row - 9)
        said = html.escape(f"{spread.layer}: {spread.last.low:.3g} to {spread.last.high:.3g}")
        out.append(f'<text x="8" y="{y - 3}" font-size="10">{html.escape(spread.layer)}<title>{said}</title></text>')
        look = f'fill="{colour(spread.layer, layers)}" fill-opacity=".75"'
        out.append(f'<path d="{bars}Z" {look}><title>{said}</title></path>')
        out.append(f'<path d="{line}" fill="none" stroke="currentColor" stroke-opacity=".6"/>')
        out.append(f'<text x="{WIDE - 4}" y="{y - 3}" font-size="9" text-anchor="end">{low:.2g} to {high:.2g}</text>')
    return "".join([*out, "</svg>"])


def _outline(histogram: Histogram, low: float, high: float, left: float, bottom: float, tall: float) -> str:
    """The upper edge of the bars of a histogram in the range from ``low`` to ``high``."""
    right, most = WIDE - 70, max(histogram.counts) or 1
    scale = (right - left) / ((high - low) or 1.0)
    step = ((histogram.high - histogram.low) or (high - low) or 1.0) / len(histogram.counts)
    path = f"M{left + (histogram.low - low) * scale:.1f},{bottom:.1f}"
    for i, count in enumerate(histogram.counts):
        x = left + (histogram.low + (i + 1) * step - low) * scale
        path += f"V{bottom - tall * math.sqrt(count / most):.1f}H{min(x, right):.1f}"  # the root shows rare values
    return f"{path}V{bottom:.1f}"


def _table(record: Record, found: Sequence[Finding]) -> str:
    """The last numbers of each layer; a layer of which something is said is marked."""
    sample, names = record.samples[-1], list(record.entries)
    marked = {finding.layer: finding.kind for finding in reversed(found)}
    rows = ["<tr><th>layer</th><th>gradient</th><th>weights</th><th>update</th><th></th></tr>"]
    for layer in names:
        numbers = (part.get(layer) for part in (sample.gradients, sample.weights, sample.updates))
        cells = "".join(f"<td>{'-' if value is None else f'{value:.3g}'}</td>" for value in numbers)
        chip = f'<i style="background:{colour(layer, names)}"></i>'
        kind = html.escape(marked.get(layer, ""))
        rows.append(f'<tr><td>{chip}{html.escape(layer)}</td>{cells}<td class="bad">{kind}</td></tr>')
    return f"<table>{''.join(rows)}</table>"
