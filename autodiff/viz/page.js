const svg = document.getElementById("graph"), side = document.getElementById("details");
const nodes = new Map(graph.nodes.map(n => [n.id, n])), groups = new Map(graph.groups.map(g => [g.id, g]));
const CH = 7.4, LINE = 14, GAP = 20, ROW = 34;
let places, reach, view = null, chosen = null;

const el = (name, attributes, text) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const k in attributes) e.setAttribute(k, attributes[k]);
  if (text !== undefined) e.textContent = text;
  return e;
};
// What stands for an item on the page: itself, or the outermost closed module around it.
function shown(id) {
  let at = id;
  for (let g = (nodes.get(id) || groups.get(id)).in; g; g = groups.get(g).in) if (!groups.get(g).open) at = g;
  return at;
}
// The item that stands for `id` directly inside the open module `parent`.
function within(id, parent) {
  for (;;) {
    const up = (nodes.get(id) || groups.get(id)).in;
    if (up === parent) return id;
    if (!up) return null;
    id = up;
  }
}
function layout(parent, inside, arrows) {
  const items = inside.get(parent) || [], known = new Set(items);
  const from = new Map(items.map(i => [i, new Set()])), to = new Map(items.map(i => [i, new Set()]));
  for (const [a, b] of arrows.get(parent) || [])
    if (known.has(a) && known.has(b)) { from.get(b).add(a); to.get(a).add(b); }
  const rank = new Map(), left = new Map(items.map(i => [i, from.get(i).size]));
  const queue = items.filter(i => !left.get(i));
  for (let k = 0; k < queue.length; k++) {
    const i = queue[k];
    rank.set(i, Math.max(0, ...[...from.get(i)].map(j => (rank.get(j) ?? -1) + 1)));
    for (const j of to.get(i)) { left.set(j, left.get(j) - 1); if (!left.get(j)) queue.push(j); }
  }
  for (const i of items) {
    if (!rank.has(i)) rank.set(i, 0);
    if (!from.get(i).size && to.get(i).size) rank.set(i, Math.min(...[...to.get(i)].map(j => rank.get(j) ?? 1)) - 1);
  }
  const rows = new Map(), sizes = new Map(), at = new Map();
  for (const i of items) {
    (rows.get(rank.get(i)) || rows.set(rank.get(i), []).get(rank.get(i))).push(i);
    const g = groups.get(i), texts = g ? [g.name] : nodes.get(i).lines;
    const inner = g && g.open ? layout(i, inside, arrows) : null;
    sizes.set(i, inner ? { w: Math.max(inner.w, g.name.length * CH) + 20, h: inner.h + 36, inner }
                       : { w: Math.max(...texts.map(t => t.length)) * CH + 16, h: texts.length * LINE + 12 });
  }
  let y = 0, low = 0, high = 0;
  for (const [, row] of [...rows].sort((a, b) => a[0] - b[0])) {
    const wish = i => { const p = [...from.get(i)].filter(j => at.has(j)).map(j => at.get(j).x);
                        return p.length ? p.reduce((a, b) => a + b) / p.length : 0; };
    const want = new Map(row.map(i => [i, wish(i)]));
    row.sort((a, b) => want.get(a) - want.get(b));
    const width = row.reduce((s, i) => s + sizes.get(i).w + GAP, -GAP);
    let x = [...want.values()].reduce((a, b) => a + b) / row.length - width / 2;
    for (const i of row) {
      const s = sizes.get(i);
      at.set(i, { x: x + s.w / 2, y, ...s });
      low = Math.min(low, x); high = Math.max(high, x + s.w); x += s.w + GAP;
    }
    y += Math.max(...row.map(i => sizes.get(i).h)) + ROW;
  }
  return { at, low, w: high - low, h: Math.max(0, y - ROW) };
}
function placed(l, left, top, out) {
  for (const [i, p] of l.at) {
    const q = { x: left + p.x - l.low, y: top + p.y, w: p.w, h: p.h };
    out.set(i, q);
    if (p.inner) placed(p.inner, q.x - p.inner.w / 2, q.y + 26, out);
  }
  return out;
}
function draw(fit) {
  const inside = new Map(), arrows = new Map(), visible = [], edges = new Map();
  const add = (map, key, value) => (map.get(key) || map.set(key, []).get(key)).push(value);
  const seen = new Set();
  for (const n of graph.nodes) {
    for (let id = shown(n.id); id && !seen.has(id); id = (nodes.get(id) || groups.get(id)).in) {
      seen.add(id); visible.push(id); add(inside, (nodes.get(id) || groups.get(id)).in, id);
    }
  }
  for (const [s, t, text] of graph.edges) {
    const a = shown(s), b = shown(t);
    if (a === b) continue;
    edges.set(a + " " + b + " " + text, [a, b, text]);
    for (let g = nodes.get(s).in; ; g = groups.get(g).in) {   // the innermost open module around both
      const x = within(a, g), y = within(b, g);
      if (x && y) { if (x !== y) add(arrows, g, [x, y]); break; }
      if (!g) break;
    }
  }
  const whole = layout("", inside, arrows);
  places = placed(whole, 0, 0, new Map());
  svg.replaceChildren();
  reach = 20 + 0.7 * Math.max(0, ...visible.filter(id => !groups.get(id)?.open).map(id => places.get(id).w));
  for (const id of visible.reverse()) if (groups.get(id)?.open) frame(id);
  for (const [a, b, text] of edges.values()) edge(places.get(a), places.get(b), text);
  for (const id of visible) if (!groups.get(id)?.open) box(id);
  if (fit || !view) view = { x: -20, y: -20, w: whole.w + 40, h: whole.h + 40 };
  look();
  find();
}
function frame(id) {
  const p = places.get(id), g = el("g", { class: "frame", id });
  g.append(el("rect", { x: p.x - p.w / 2, y: p.y, width: p.w, height: p.h, rx: 8 }));
  g.append(el("text", { x: p.x, y: p.y + 16, class: "small" }, "\u2212 " + groups.get(id).name));
  g.onclick = () => tap(() => toggle(id));
  svg.append(g);
}
function edge(a, b, text) {
  const y = a.y + a.h, to = b.y - 5, m = (y + to) / 2;
  const bow = to - y > 2 * ROW && Math.abs(a.x - b.x) < 20 ? reach : 0;   // around what lies between
  svg.append(el("path", { class: "edge", d: `M${a.x},${y}C${a.x + bow},${m} ${b.x + bow},${m} ${b.x},${to}` }));
  svg.append(el("path", { fill: "#8c959f", d: `M${b.x - 3},${to}l6,0l-3,5z` }));
  if (text) svg.append(el("text", { x: (a.x + b.x) / 2 + bow * 0.75, y: m + 3, class: "small" }, text));
}
function box(id) {
  const p = places.get(id), n = nodes.get(id), g = el("g", { class: "box", id });
  const texts = n ? n.lines : ["+ " + groups.get(id).name], [fill, stroke] = graph.looks[n ? n.look : "module"];
  g.append(el("rect", { x: p.x - p.w / 2, y: p.y, width: p.w, height: p.h, rx: 6, fill, stroke }));
  texts.forEach((t, i) => g.append(el("text", { x: p.x, y: p.y + 16 + LINE * i, class: i ? "small" : "" }, t)));
  g.onclick = () => tap(() => { if (n) tell(n); else toggle(id); });
  svg.append(g);
}
function tell(n) {
  chosen = n.id;
  const list = document.createElement("dl"), put = (tag, text) => {
    const e = document.createElement(tag); e.textContent = text; list.append(e); };
  put("dt", "name"); put("dd", n.lines[0]);
  for (const k in n.more) { put("dt", k); put("dd", n.more[k]); }
  side.replaceChildren(list);
  find();
}
function toggle(id) { groups.get(id).open = !groups.get(id).open; draw(); }
function find() {
  const word = document.getElementById("search").value.toLowerCase();
  let hits = 0;
  for (const g of svg.querySelectorAll(".box")) {
    const n = nodes.get(g.id);
    const texts = n ? [...n.lines, ...Object.values(n.more)] : [groups.get(g.id).name, ...graph.nodes.filter(
      m => word && shown(m.id) === g.id).flatMap(m => m.lines)];
    const hit = word && texts.some(t => t.toLowerCase().includes(word));
    hits += hit ? 1 : 0;
    g.classList.toggle("found", !!hit); g.classList.toggle("dim", !!word && !hit);
    g.classList.toggle("chosen", g.id === chosen);
  }
  document.getElementById("note").textContent = word ? hits + " found" : graph.notes.join("; ");
}
let from = null, moved = false;
const tap = f => { if (!moved) f(); };
const look = () => svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
const scale = () => Math.max(view.w / svg.clientWidth, view.h / svg.clientHeight) || 1;
svg.onpointerdown = e => { from = [e.clientX, e.clientY]; moved = false; };
window.onpointerup = () => { from = null; };
svg.onpointermove = e => {
  if (!from) return;
  const dx = e.clientX - from[0], dy = e.clientY - from[1];
  if (!moved && Math.abs(dx) + Math.abs(dy) < 4) return;
  moved = true; view.x -= dx * scale(); view.y -= dy * scale(); from = [e.clientX, e.clientY]; look();
};
svg.onwheel = e => {
  e.preventDefault();
  const f = Math.exp(e.deltaY / 500), r = svg.getBoundingClientRect();
  const x = view.x + view.w * (e.clientX - r.left) / r.width, y = view.y + view.h * (e.clientY - r.top) / r.height;
  view = { x: x - (x - view.x) * f, y: y - (y - view.y) * f, w: view.w * f, h: view.h * f };
  look();
};
const all = open => { for (const g of graph.groups) g.open = open; draw(true); };
document.getElementById("all").onclick = () => all(true);
document.getElementById("none").onclick = () => all(false);
document.getElementById("fit").onclick = () => draw(true);
document.getElementById("search").oninput = find;
document.getElementById("search").onkeydown = e => {   // opens whatever hides a hit
  if (e.key !== "Enter") return;
  const word = e.target.value.toLowerCase();
  for (const n of graph.nodes) if (n.lines.some(t => t.toLowerCase().includes(word)))
    for (let g = n.in; g; g = groups.get(g).in) groups.get(g).open = true;
  draw(true);
};
draw(true);
