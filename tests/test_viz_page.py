"""The page of a graph, opened by a real browser without a network: what is seen, what keys do, how fast it is."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from drawings import chain
from several_models import MODELS

import autodiff
import nn
from autodiff.viz import Drawing, draw

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND",
    "--window-size=1200,900", "--virtual-time-budget=20000", "--enable-logging=stderr", "--dump-dom",
)  # fmt: skip


@pytest.fixture
def browser(tmp_path: Path) -> Any:
    """A function that opens a page, at a hash, runs a script in it, and returns what the script gives."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no browser is installed to open the page with (Debian: apt-get install chromium)")

    def opened(page: str, script: str, at: str = "") -> Any:
        ending = (
            f"<script>(async () => {{ {script} }})().then(found => {{ const pre = document.createElement('pre');"
            "pre.id = 'result'; pre.textContent = JSON.stringify(found); document.body.append(pre); });</script>"
        )
        (tmp_path / "page.html").write_text(page + ending, encoding="utf-8")
        line = [path, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "page.html").as_uri() + at]
        done = subprocess.run(line, check=True, capture_output=True, text=True, timeout=180)
        assert "Uncaught" not in done.stderr, done.stderr
        found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.DOTALL)
        assert found, done.stderr
        return json.loads(html.unescape(found[1]))

    return opened


def gpt(**options: Any) -> Drawing:
    model, inputs = MODELS["gpt"]()
    return draw(model, *inputs, **options)


def data_of(page: str) -> Any:
    return json.loads(page.split("const graph = ")[1].split(";\n", maxsplit=1)[0])


def test_the_page_needs_no_network() -> None:
    """The page is one file that names no other: nothing in it is loaded from anywhere."""
    page = gpt().text("html")
    assert not {word for word in ("src=", "href=", "@import", "url(", "fetch(", "import(") if word in page}
    data = data_of(page)
    assert {group["name"] for group in data["groups"] if group["open"]} == {"GPT"}
    assert len(data["nodes"]) > 100
    assert set(data["kinds"]) == {"operation", "module", "parameter", "input", "output"}
    assert set(data["looks"]["dark"]) == set(data["looks"]["light"])


def test_a_name_cannot_end_the_program() -> None:
    """What stands in a name is text, whatever it looks like."""
    x = autodiff.ones(2, requires_grad=True)
    page = draw((x * x).sum(), params={"</script><b>": x}).text("html")
    assert page.count("</script>") == 1


def test_modules_open_and_close(browser: Any) -> None:
    """At first the modules of the drawing are open, then all of them, then none."""
    drawing = gpt()
    script = "const found = [boxes.length]; all(true); found.push(boxes.length); all(false); found.push(boxes.length);"
    first, opened, closed = browser(drawing.text("html"), script + "return found;")
    data = data_of(drawing.text("html"))
    assert opened == len(data["nodes"])
    assert closed == 2  # the input, and the model
    assert closed < first < opened


def test_arrows_pass_beside_boxes(browser: Any) -> None:
    """Where everything is open, no lane of an arrow runs through a box, nor does a box lie over another."""
    script = """
    all(true);
    const through = arrows.filter(e => e.mids.some(([x, top, bottom]) => boxes.some(id => {
      const p = places.get(id);
      return Math.abs(x - p.x) < p.w / 2 && bottom > p.y + 1 && top < p.y + p.h - 1; })));
    const over = boxes.filter(a => boxes.some(b => { const p = places.get(a), q = places.get(b);
      return a < b && Math.abs(p.x - q.x) < (p.w + q.w) / 2 && p.y < q.y + q.h && q.y < p.y + p.h; }));
    return [arrows.length, through.length, over.length];"""
    count, through, over = browser(gpt().text("html"), script)
    assert count > 100
    assert (through, over) == (0, 0)


def test_a_search_jumps_to_hits_and_opens_what_hides_them(browser: Any) -> None:
    """Enter goes from hit to hit and around; names, shapes and lines are searched."""
    script = """
    const search = document.getElementById("search"), press = key => search.onkeydown({ key, target: search });
    search.value = "norm_2.weight"; search.oninput();
    const seen = [document.body.dataset.found, boxes.includes(hits[0])];
    for (let i = 0; i < 4; i++) { press("Enter"); seen.push(nodes.get(chosen).lines[0]); }
    const p = places.get(chosen);
    seen.push(boxes.includes(chosen), view.x + view.k * p.x > 0, view.x + view.k * p.x < canvas.clientWidth);
    return [...seen, document.getElementById("note").textContent];"""
    found = browser(gpt().text("html"), script)
    names = [f"blocks.{i}.norm_2.weight" for i in (0, 1, 2, 0)]
    assert found == ["3", False, *names, True, True, True, "1 of 3 found"]


def test_keys_walk_open_zoom_and_turn_the_lights_off(browser: Any) -> None:
    """Arrow keys follow arrows, Enter opens, Backspace closes around, d is for dark."""
    script = """
    const press = key => window.onkeydown({ key, target: document.body, preventDefault() {} });
    const found = [];
    choose("n0"); press("ArrowDown"); found.push(groups.get(chosen).name);
    press("Enter"); found.push(groups.get(chosen).open); press("ArrowUp");
    const k = view.k; press("+"); found.push(view.k > k);
    const ground = () => getComputedStyle(document.body).backgroundColor;
    const light = ground(); press("d"); found.push(light !== ground()); press("d"); found.push(light === ground());
    choose(graph.nodes.find(n => n.lines[0] === "embedding").id); press("Backspace"); found.push(groups.has(chosen));
    press("Escape"); found.push(chosen);
    return found;"""
    assert browser(gpt().text("html"), script) == ["tokens: Embedding", True, True, True, True, True, None]


def test_the_address_has_the_state(browser: Any) -> None:
    """What is open, chosen, searched for and seen is in the hash, and a page that is opened there is the same."""
    page = gpt().text("html")
    script = """
    document.getElementById("search").value = "norm"; all(true); theme(!dark); choose(boxes[5]);
    view = { x: 12, y: 34, k: 0.5 }; find(); draw(); remember();
    return [told, chosen];"""
    state, chosen = browser(page, script)
    script = """return [boxes.length, chosen, document.getElementById("search").value, dark, view.x, view.y, view.k];"""
    data = data_of(page)
    found = browser(page, script, at=f"#{state}")
    assert found == [len(data["nodes"]), chosen, "norm", True, 12, 34, 0.5]


def test_the_line_of_a_node_is_copied(browser: Any) -> None:
    """File, line and source, by the button and by the key."""
    script = """
    const copied = [];
    Object.defineProperty(navigator, "clipboard", { value: { writeText: async text => copied.push(text) } });
    choose(graph.nodes.find(n => n.more.line).id);
    document.getElementById("copy").click();
    await copy();
    return copied;"""
    first, second = browser(gpt(depth=None).text("html"), script)
    assert first == second
    assert "several_models.py:" in first


def test_details_and_legend_are_text(browser: Any) -> None:
    """What is known of a box stands beside the graph, and what the colours mean."""
    script = """
    choose(graph.nodes.find(n => n.lines[0] === "positions.weight").id);
    return [side.textContent, document.getElementById("legend").textContent];"""
    details, legend = browser(gpt(depth=None).text("html"), script)
    assert "positions.weight" in details
    assert "(5, 8)" in details
    assert "an operation" in legend
    assert "frozen" not in legend


@pytest.mark.parametrize("kind", ["chain", "modules"])
def test_ten_thousand_operations_stay_fluid(browser: Any, kind: str) -> None:
    """Opening all takes less than some seconds; a frame, a search and a jump take no time that can be noticed."""
    if kind == "chain":
        drawing = draw(chain(10_000), max_nodes=10)
    else:
        block = nn.Sequential(*(nn.Tanh() for _ in range(100)))
        model = nn.Sequential(*(block for _ in range(100)))
        drawing = draw(model, autodiff.ones(2), max_nodes=10)
    script = """
    let start = performance.now(); all(true); draw();
    const opened = performance.now() - start, frames = [];
    for (const k of [1, 0.1, 0.01])
      for (let i = 0; i < 40; i++) {
        view = { x: 100, y: -i * 50 * k, k }; start = performance.now(); draw(); frames.push(performance.now() - start);
      }
    start = performance.now();
    document.getElementById("search").value = "9999"; find(); jump(1); draw();
    return [boxes.length, opened, frames.sort((a, b) => a - b)[60], performance.now() - start];"""
    count, opened, frame, search = browser(drawing.text("html"), script)
    assert count >= 10_000
    assert opened < 8000
    assert frame < 33
    assert search < 1000
