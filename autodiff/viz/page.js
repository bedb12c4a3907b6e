// What the page knows: graph.nodes, graph.groups (modules), graph.edges, graph.notes, graph.looks, graph.kinds.
const $ = id => document.getElementById(id), canvas = $("graph"), side = $("details"), pen = canvas.getContext("2d");
const nodes = new Map(graph.nodes.map(n => [n.id, n])), groups = new Map(graph.groups.map(g => [g.id, g]));
const LINE = 14, GAP = 20, ROW = 34, LANE = 12, MOST_LANES = 5000, HEAD = 24;
const FONT = "Helvetica,Arial,sans-serif", BIG = `13px ${FONT}`, SMALL = `10px ${FONT}`;
let places = new Map(), boxes = [], frames = [], arrows = [], whole, view = null, chosen = null, hits = [], hit = -1;
let dark = false, waiting = false;

const item = id => nodes.get(id) || groups.get(id);
// What stands for an item on the page: itself, or the outermost closed module around it.
function shown(id) {
  let at = id;
  for (let g = item(id).in; g; g = groups.get(g).in) if (!groups.get(g).open) at = g;
  return at;
}
// The item that stands for `id` directly inside the open module `parent`.
function within(id, parent) {
  for (;;) {
    const up = item(id).in;
    if (up === parent) return id;
    if (!up) return null;
    id = up;
  }
}
const widths = new Map();
function wide(text, font) {
  const key = font + text;
  if (!widths.has(key)) { pen.font = font; widths.set(key, pen.measureText(text).width); }
  return widths.get(key);
}
const lines = id => groups.has(id) ? ["+ " + groups.get(id).name] : nodes.get(id).lines;
const mean = list => list.length ? list.reduce((a, b) => a + b, 0) / list.length : 0;
const most = (list, least) => { let m = least; for (const x of list) if (x > m) m = x; return m; };

// --- layout: rows, each below all it was made from; an arrow that passes a row has a lane in it ------------------------

function ranked(items, from, to) {
  const rank = new Map(), left = new Map(items.map(i => [i, from.get(i).size])), queue = items.filter(i => !left.get(i));
  for (let k = 0; k < queue.length; k++) {
    const i = queue[k];
    let r = 0;
    for (const j of from.get(i)) r = Math.max(r, (rank.get(j) ?? -1) + 1);
    rank.set(i, r);
    for (const j of to.get(i)) { left.set(j, left.get(j) - 1); if (!left.get(j)) queue.push(j); }
  }
  for (const i of items) if (!rank.has(i)) rank.set(i, 0);
  for (const i of items)
    if (!from.get(i).size && to.get(i).size) {
      let r = Infinity;
      for (const j of to.get(i)) r = Math.min(r, rank.get(j));
      rank.set(i, r - 1);
    }
  return rank;
}
function sized(i, inside, wires) {
  const g = groups.get(i);
  if (g && g.open) {
    const inner = layout(i, inside, wires);
    return { w: Math.max(inner.w, wide("\u2212 " + g.name, SMALL) + 10) + 20, h: inner.h + HEAD + 12, inner };
  }
  const texts = lines(i);
  let w = 0;
  texts.forEach((t, k) => { w = Math.max(w, wide(t, k ? SMALL : BIG)); });
  return { w: w + 18, h: texts.length * LINE + 12 };
}
function layout(parent, inside, wires) {
  const items = inside.get(parent) || [], known = new Set(items);
  const from = new Map(items.map(i => [i, new Set()])), to = new Map(items.map(i => [i, new Set()]));
  for (const [a, b] of wires.get(parent)?.inner || [])
    if (known.has(a) && known.has(b)) { from.get(b).add(a); to.get(a).add(b); }
  const rank = ranked(items, from, to), rows = new Map(), sizes = new Map(), at = new Map(), lanes = new Map();
  const row = r => rows.get(r) || rows.set(r, []).get(r);
  let count = 0;
  for (const i of items) { row(rank.get(i)).push(i); sizes.set(i, sized(i, inside, wires)); }
  const last = most(rank.values(), -Infinity), start = -most([...rank.values()].map(r => -r), -Infinity);
  const spans = new Map(items.map(i => [i, [rank.get(i) + 1, most([...to.get(i)].map(j => rank.get(j)), 0)]]));
  for (const i of wires.get(parent)?.out || []) spans.get(i)[1] = last + 1;   // what leaves the module goes to its end
  for (const [source, i] of wires.get(parent)?.into || [])   // and what enters it comes from its beginning
    spans.set(">" + source, [start, Math.max(rank.get(i), spans.get(">" + source)?.[1] ?? -Infinity)]);
  for (const [first, end] of spans.values()) count += Math.max(0, end - first);
  if (count <= MOST_LANES)
    for (const [i, [first, end]] of spans) for (let r = first; r < end; r++) row(r).push(i + " " + r);
  const above = key => {
    const [i, r] = key.split(" ");
    if (i[0] === ">" && !lanes.has(i + " " + (r - 1))) return [1e6];
    const sources = r ? [[i, +r - 1]] : [...from.get(i)].map(j => [j, rank.get(i) - 1]);
    return sources.map(([j, q]) => lanes.get(j + " " + q) || at.get(j)).filter(Boolean).map(p => p.x);
  };
  let y = 0, low = 0, high = 0;
  for (const [, keys] of [...rows].sort((a, b) => a[0] - b[0])) {
    const want = new Map(keys.map(k => [k, mean(above(k))]));
    keys.sort((a, b) => want.get(a) - want.get(b));
    let x = 0, tall = 0;
    const offsets = [], own = [];
    for (const k of keys) {
      const s = sizes.get(k) || { w: LANE, h: 0 };
      offsets.push(x + s.w / 2);
      if (sizes.has(k)) own.push(want.get(k) - x - s.w / 2);
      tall = Math.max(tall, s.h); x += s.w + GAP;
    }
    const shift = mean(own);
    keys.forEach((k, n) => {
      const s = sizes.get(k), place = { x: offsets[n] + shift, y, w: s ? s.w : LANE, h: s ? s.h : tall, bottom: y + tall };
      if (s) { at.set(k, Object.assign(place, { inner: s.inner })); } else lanes.set(k, place);
      low = Math.min(low, place.x - place.w / 2); high = Math.max(high, place.x + place.w / 2);
    });
    y += tall + ROW;
  }
  return { at, lanes, rank, start, last, low, w: high - low, h: Math.max(0, y - ROW) };
}
function placed(l, left, top) {
  l.left = left - l.low; l.top = top;
  for (const [i, p] of l.at) {
    const q = { x: l.left + p.x, y: top + p.y, w: p.w, h: p.h, bottom: top + p.bottom, inner: p.inner };
    places.set(i, q);
    if (p.inner) placed(p.inner, q.x - p.inner.w / 2, q.y + HEAD);
  }
}
// The way of an arrow: where it begins, the lanes it takes, where it ends, and all that it covers.
function way(a, b, text, g, layouts) {
  const p = places.get(a), q = places.get(b), mids = [], down = [];
  const take = (inner, key, from, to) => {
    for (let r = from; r < to; r++) {
      const lane = inner.lanes.get(key + " " + r);
      if (lane) mids.push([inner.left + lane.x, inner.top + lane.y, inner.top + lane.bottom]);
    }
  };
  let x = a, y = b;
  for (; item(x).in !== g; x = item(x).in) {   // out of the modules around `a`
    const inner = layouts.get(item(x).in);
    take(inner, x, inner.rank.get(x) + 1, inner.last + 1);
  }
  for (; item(y).in !== g; y = item(y).in) down.unshift(y);
  take(layouts.get(g), x, layouts.get(g).rank.get(x) + 1, layouts.get(g).rank.get(y));
  for (const i of down) {   // into those around `b`
    const inner = layouts.get(item(i).in);
    take(inner, ">" + a, inner.start, inner.rank.get(i));
  }
  const xs = [p.x, q.x, ...mids.map(m => m[0])];
  return { a, b, text, mids, x: p.x, y: p.y + p.h, bottom: p.bottom, toX: q.x, toY: q.y,
           left: Math.min(...xs) - 8, right: most(xs, -Infinity) + 80 };
}
function arrange(fit) {
  const inside = new Map(), wires = new Map(), edges = new Map(), seen = new Set();
  const wired = g => wires.get(g) || wires.set(g, { inner: [], out: new Set(), into: [] }).get(g);
  for (const n of graph.nodes)
    for (let id = shown(n.id); id && !seen.has(id); id = item(id).in) {
      seen.add(id);
      const g = item(id).in;
      (inside.get(g) || inside.set(g, []).get(g)).push(id);
    }
  for (const [s, t, text] of graph.edges) {
    const a = shown(s), b = shown(t), key = a + " " + b + " " + text;
    if (a === b || edges.has(key)) continue;
    let g = item(a).in, x = a;   // the innermost open module around both
    while (within(b, g) === null) { wired(g).out.add(x); x = g; g = item(g).in; }
    let y = b;
    for (; item(y).in !== g; y = item(y).in) wired(item(y).in).into.push([a, y]);
    wired(g).inner.push([x, y]);
    edges.set(key, [a, b, text, g]);
  }
  places = new Map();
  whole = layout("", inside, wires);
  placed(whole, 0, 0);
  const layouts = new Map([["", whole]]);
  for (const [id, p] of places) if (p.inner) layouts.set(id, p.inner);
  frames = []; boxes = [];
  for (const id of places.keys()) (groups.get(id)?.open ? frames : boxes).push(id);
  arrows = [...edges.values()].map(([a, b, text, g]) => way(a, b, text, g, layouts));
  document.body.dataset.boxes = boxes.length;
  if (chosen && !places.has(chosen)) choose(shown(chosen));
  if (fit || !view) fitted();
  find();
  look();
}
function fitted() {
  const w = canvas.clientWidth || 800, h = canvas.clientHeight || 600;
  const k = Math.min(1.5, w / (whole.w + 40), h / (whole.h + 40));
  view = { k, x: w / 2 - k * whole.w / 2, y: Math.max(20 * k, h / 2 - k * whole.h / 2) };
  if (k < 0.5) view = { k: 0.8, x: w / 2 - 0.8 * whole.w / 2, y: 20 };   // a long graph begins at its top
}

// --- drawing: only what is seen, and texts only where they can be read ---------------------------------------------

function look() { if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; draw(); remember(); }); } }
function draw() {
  const ratio = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
  if (canvas.width !== w * ratio || canvas.height !== h * ratio) { canvas.width = w * ratio; canvas.height = h * ratio; }
  const style = getComputedStyle(document.documentElement), colour = name => style.getPropertyValue(name).trim();
  const ground = colour("--ground"), ink = colour("--ink"), soft = colour("--soft"), line = colour("--edge");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = ground; pen.fillRect(0, 0, w, h);
  pen.setTransform(ratio * view.k, 0, 0, ratio * view.k, ratio * view.x, ratio * view.y);
  const left = -view.x / view.k, top = -view.y / view.k, right = left + w / view.k, bottom = top + h / view.k;
  const sees = p => p.x + p.w / 2 > left && p.x - p.w / 2 < right && p.y + p.h > top && p.y < bottom;
  const plain = view.k < 0.3, word = $("search").value !== "", found = new Set(hits.map(shown));
  pen.textAlign = "left";
  for (const id of frames) {
    const p = places.get(id);
    if (!sees(p)) continue;
    pen.fillStyle = colour("--frame"); pen.strokeStyle = id === chosen ? colour("--mark") : colour("--line");
    pen.lineWidth = id === chosen ? 3 : 1;
    outline(p, 8); pen.fill(); pen.stroke();
    if (!plain) write("\u2212 " + groups.get(id).name, p.x - p.w / 2 + 10, p.y + 16, SMALL, soft);
  }
  strokes(left, top, right, bottom, line, plain);
  pen.textAlign = "center";
  for (const id of boxes) {
    const p = places.get(id);
    if (!sees(p)) continue;
    const [fill, stroke] = graph.looks[dark ? "dark" : "light"][nodes.has(id) ? nodes.get(id).look : "module"];
    pen.globalAlpha = word && !found.has(id) ? 0.3 : 1;
    const marked = id === chosen || (word && found.has(id));
    pen.fillStyle = fill; pen.strokeStyle = marked ? colour("--mark") : stroke; pen.lineWidth = marked ? 3 : 1.2;
    outline(p, 6); pen.fill(); pen.stroke();
    if (!plain) lines(id).forEach((t, i) => write(t, p.x, p.y + 17 + LINE * i, i ? SMALL : BIG, i ? soft : ink));
    pen.globalAlpha = 1;
  }
}
function outline(p, r) { pen.beginPath(); pen.roundRect(p.x - p.w / 2, p.y, p.w, p.h, r); }
function write(text, x, y, font, colour) { pen.font = font; pen.fillStyle = colour; pen.fillText(text, x, y); }
function strokes(left, top, right, bottom, line, plain) {
  const seen = arrows.filter(e => e.right > left && e.left < right && e.toY > top && e.y < bottom);
  pen.strokeStyle = line; pen.lineWidth = plain ? 1 / view.k : 1;
  pen.beginPath();
  for (const e of seen) {
    let x = e.x, y = e.bottom;
    pen.moveTo(x, e.y); pen.lineTo(x, y);
    for (const [mx, my, end] of [...e.mids, [e.toX, e.toY - 4, e.toY - 4]]) {
      const m = (y + my) / 2;
      if (plain) pen.lineTo(mx, my); else pen.bezierCurveTo(x, m, mx, m, mx, my);
      pen.lineTo(mx, end); x = mx; y = end;
    }
  }
  pen.stroke();
  if (plain) return;
  pen.fillStyle = line;
  pen.beginPath();
  for (const e of seen) { pen.moveTo(e.toX - 3, e.toY - 5); pen.lineTo(e.toX + 3, e.toY - 5); pen.lineTo(e.toX, e.toY); }
  pen.fill();
  const style = getComputedStyle(document.documentElement);
  pen.lineWidth = 3; pen.textAlign = "left"; pen.font = SMALL;
  for (const e of seen) if (e.text) {
    const next = e.mids[0] || [e.toX, e.toY - 4], x = (e.x + 2 * next[0]) / 3 + 5, y = (e.bottom + 2 * next[1]) / 3;
    pen.strokeStyle = style.getPropertyValue("--ground"); pen.strokeText(e.text, x, y);
    pen.fillStyle = style.getPropertyValue("--soft"); pen.fillText(e.text, x, y);
  }
}

// --- choosing, opening, searching ------------------------------------------------------------------------------------

function choose(id, move) {
  chosen = id;
  const list = document.createElement("dl"), n = nodes.get(id), g = groups.get(id);
  const put = (tag, text) => { const e = document.createElement(tag); e.textContent = text; list.append(e); };
  side.replaceChildren(list);
  if (!id) { side.textContent = "Click a box for what is known of it."; look(); return; }
  put("dt", "name"); put("dd", n ? n.lines[0] : g.name);
  if (g) { put("dt", "module"); put("dd", g.open ? "open" : "closed"); }
  for (const k in n ? n.more : {}) { put("dt", k); put("dd", n.more[k]); }
  if (n?.more.line) {
    const button = document.createElement("button");
    button.id = "copy"; button.textContent = "copy line (c)"; button.onclick = copy;
    side.append(button);
  }
  if (move) reveal(id);
  look();
}
function reveal(id) {   // into sight, as large as can be read
  const p = places.get(id), w = canvas.clientWidth, h = canvas.clientHeight;
  if (view.k < 0.6) view.k = 0.9;
  const x = view.x + view.k * p.x, y = view.y + view.k * (p.y + p.h / 2);
  if (x < 60 || x > w - 60 || y < 40 || y > h - 40) { view.x += w / 2 - x; view.y += h / 2 - y; }
}
async function copy() {
  const text = nodes.get(chosen)?.more.line;
  if (!text) return;
  try { await navigator.clipboard.writeText(text); } catch {
    const area = document.createElement("textarea");
    area.value = text; document.body.append(area); area.select(); document.execCommand("copy"); area.remove();
  }
  $("note").textContent = "copied: " + text;
}
function toggle(id) {
  const before = places.get(id), g = groups.get(id);
  g.open = !g.open;
  arrange();
  const after = places.get(id) || places.get(shown(id));   // what was clicked stays where it was
  view.x += view.k * (before.x - after.x); view.y += view.k * (before.y - after.y);
  choose(shown(id));
}
function find() {
  const word = $("search").value.trim().toLowerCase();
  const says = n => n.lines.some(t => t.toLowerCase().includes(word)) ||
                    Object.values(n.more).some(t => t.toLowerCase().includes(word));
  hits = word ? graph.nodes.filter(says).map(n => n.id) : [];
  hit = Math.min(hit, hits.length - 1);
  document.body.dataset.found = hits.length;
  $("note").textContent = word ? (hit >= 0 ? `${hit + 1} of ` : "") + hits.length + " found" : graph.notes.join("; ");
  look();
}
function jump(step) {   // to the next hit; what hides it is opened
  if (!hits.length) return;
  hit = (hit + step + hits.length) % hits.length;
  let closed = false;
  for (let g = item(hits[hit]).in; g; g = groups.get(g).in) if (!groups.get(g).open) closed = groups.get(g).open = true;
  if (closed) arrange();
  find();
  choose(hits[hit], true);
}
// Along an arrow, or to the nearest box beside.
function walk(key) {
  if (!chosen || !places.has(chosen)) { choose(boxes[0], true); return; }
  const p = places.get(chosen), to = key === "ArrowDown" ? ["a", "b"] : ["b", "a"];
  let next = arrows.find(e => e[to[0]] === chosen)?.[to[1]];
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const sign = key === "ArrowLeft" ? -1 : 1;
    next = boxes.filter(id => sign * (places.get(id).x - p.x) > 1 && Math.abs(places.get(id).y - p.y) < 60)
      .sort((a, b) => sign * (places.get(a).x - places.get(b).x))[0];
  }
  if (next) choose(next, true);
}
const all = open => { for (const g of graph.groups) g.open = open; arrange(true); };
function zoom(f, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const k = Math.min(4, Math.max(0.002, view.k * f));
  view = { k, x: x - (x - view.x) * k / view.k, y: y - (y - view.y) * k / view.k };
  look();
}
function theme(value) { dark = value; document.documentElement.dataset.theme = dark ? "dark" : "light"; look(); }

// --- the state in the address ----------------------------------------------------------------------------------------

const first = graph.groups.filter(g => g.open).map(g => g.id).join();
let told = "";
function remember() {
  const open = graph.groups.filter(g => g.open).map(g => g.id).join(), state = new URLSearchParams();
  if (open !== first) state.set("open", graph.groups.every(g => g.open) ? "all" : open || "none");
  if (chosen) state.set("at", chosen);
  if ($("search").value) state.set("find", $("search").value);
  if (dark !== matchMedia("(prefers-color-scheme: dark)").matches) state.set("theme", dark ? "dark" : "light");
  if (view) state.set("view", [view.x, view.y, view.k].map(n => +n.toPrecision(4)).join());
  if (state.toString() === told) return;
  told = state.toString();
  clearTimeout(remember.later);
  remember.later = setTimeout(() => history.replaceState(null, "", "#" + told), 200);
}
function recall() {
  const state = new URLSearchParams(location.hash.slice(1)), open = state.get("open"), at = state.get("at");
  theme(state.has("theme") ? state.get("theme") === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  if (open) for (const g of graph.groups) g.open = open === "all" || open.split(",").includes(g.id);
  $("search").value = state.get("find") || "";
  arrange(true);
  const numbers = (state.get("view") || "").split(",").map(Number);
  if (numbers.length === 3 && numbers.every(isFinite)) view = { x: numbers[0], y: numbers[1], k: numbers[2] };
  if (at && item(at)) choose(shown(at), !state.has("view"));
}

// --- hands -----------------------------------------------------------------------------------------------------------

function under(e) {
  const r = canvas.getBoundingClientRect(), x = (e.clientX - r.left - view.x) / view.k, y = (e.clientY - r.top - view.y) / view.k;
  const holds = (p, h) => Math.abs(x - p.x) < p.w / 2 && y > p.y && y < p.y + h;
  return boxes.find(id => holds(places.get(id), places.get(id).h)) || frames.findLast(id => holds(places.get(id), HEAD));
}
let from = null, moved = false;
canvas.onpointerdown = e => { from = [e.clientX, e.clientY]; moved = false; canvas.setPointerCapture(e.pointerId); };
canvas.onpointermove = e => {
  if (!from) { canvas.style.cursor = under(e) ? "pointer" : "grab"; return; }
  const dx = e.clientX - from[0], dy = e.clientY - from[1];
  if (!moved && Math.abs(dx) + Math.abs(dy) < 4) return;
  moved = true; view.x += dx; view.y += dy; from = [e.clientX, e.clientY]; look();
};
canvas.onpointerup = e => {
  from = null;
  if (moved) return;
  const id = under(e);
  if (groups.has(id)) toggle(id); else choose(id || null);
};
canvas.onwheel = e => {
  e.preventDefault();
  const r = canvas.getBoundingClientRect();
  zoom(Math.exp(-e.deltaY / 500), e.clientX - r.left, e.clientY - r.top);
};
const keys = {
  "/": () => $("search").focus(), "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), "0": () => { fitted(); look(); },
  o: () => all(true), x: () => all(false), c: copy, d: () => theme(!dark), n: () => jump(1), N: () => jump(-1),
  "?": () => { $("help").open = !$("help").open; },
  Enter: () => { if (groups.has(chosen)) toggle(chosen); },
  Backspace: () => { const g = chosen && item(chosen).in; if (g) toggle(g); },
  Escape: () => choose(null),
};
window.onkeydown = e => {
  if (e.target === $("search") || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.target.tagName === "BUTTON" && e.key === "Enter") return;
  if (e.key.startsWith("Arrow")) { walk(e.key); e.preventDefault(); } else if (keys[e.key]) { keys[e.key](); e.preventDefault(); }
};
$("search").oninput = () => { hit = -1; find(); };
$("search").onkeydown = e => {
  if (e.key === "Enter") jump(e.shiftKey ? -1 : 1);
  if (e.key === "Escape") { e.target.value = ""; find(); canvas.focus(); }
};
$("all").onclick = keys.o; $("none").onclick = keys.x; $("fit").onclick = keys["0"]; $("theme").onclick = keys.d;
window.onresize = look;
window.onhashchange = () => { if (location.hash.slice(1) !== told) recall(); };
for (const [name, text] of Object.entries(graph.kinds)) {
  const row = document.createElement("div"), chip = document.createElement("i");
  chip.className = name; row.append(chip, text); $("legend").append(row);
}
$("legend").insertAdjacentHTML("beforebegin", "<style>" + ["light", "dark"].map(mode => Object.entries(graph.looks[mode]).map(
  ([name, [fill, stroke]]) => `[data-theme=${mode}] i.${name}{background:${fill};border-color:${stroke}}`).join("")).join("") + "</style>");
recall();
