"""``profiler``: what is timed, and in which steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from parity.harness import peer

import autodiff
import nn
import optim
from autodiff.errors import OptionError
from autodiff.profiler import ProfilerActivity, profile, record_function, schedule, tensorboard_trace_handler

PLANS = [
    {"wait": 1, "warmup": 1, "active": 2}, {"wait": 0, "warmup": 1, "active": 1}, {"wait": 2, "warmup": 2, "active": 3},
    {"wait": 1, "warmup": 2, "active": 1, "repeat": 2}, {"wait": 1, "warmup": 1, "active": 2, "skip_first": 3},
    {"wait": 2, "warmup": 1, "active": 1, "repeat": 1, "skip_first": 1},
    {"wait": 2, "warmup": 1, "active": 1, "skip_first": 2, "skip_first_wait": 1},
]  # fmt: skip


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_a_schedule_is_pytorchs(plan: dict[str, int]) -> None:
    theirs = peer().profiler.schedule(**plan)
    assert [schedule(**plan)(i).name for i in range(20)] == [theirs(i).name for i in range(20)]


def train(steps: int, **options: Any) -> profile:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer, x = optim.SGD(model.parameters(), lr=0.1), autodiff.ones(2, 3)
    with profile(activities=[ProfilerActivity.CPU], **options) as prof:
        for _ in range(steps):
            with record_function("forward"):
                loss = nn.functional.mse_loss(model(x), autodiff.zeros(2, 1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            x[0] = 1.0
            prof.step()
    return prof


def test_operations_are_counted_forward_and_backward() -> None:
    """Blocks hold what is in them; nothing is recorded after the end, and training goes on as without."""
    prof = train(3)
    rows = {row.key: row for row in prof.key_averages()}
    counts = {name: row.count for name, row in rows.items()}
    expected = {
        "forward": 3, "linear": 6, "relu": 3, "mse": 3, "mse, backward": 3, "relu, backward": 3, "linear, backward": 15,
        "Optimizer.step#SGD.step": 3,
    }  # fmt: skip
    assert counts == expected
    inside = rows["linear"].cpu_time_total + rows["relu"].cpu_time_total + rows["mse"].cpu_time_total
    assert rows["forward"].cpu_time_total >= inside > 0
    assert rows["forward"].self_cpu_time_total == pytest.approx(rows["forward"].cpu_time_total - inside)
    total = len(prof.events())
    autodiff.ones(2, requires_grad=True).exp()
    with record_function("outside"):
        pass
    assert len(prof.events()) == total


def test_a_table_is_sorted_and_cut() -> None:
    table = train(2).key_averages().table(sort_by="count", row_limit=2).splitlines()
    assert table[1].split()[:2] == ["Name", "Self"]
    assert [line.split("%")[0].split()[:-1] for line in table[3:5]] == [["linear,", "backward"], ["linear"]]
    assert table[-1].startswith("Self CPU time total")
    assert len(train(1).key_averages().table(sort_by="self_cuda_time_total", row_limit=-1).splitlines()) == 13
    with pytest.raises(OptionError, match="sort_by"):
        train(1).key_averages().table(sort_by="name")


def test_a_schedule_chooses_the_steps(tmp_path: Path) -> None:
    said: list[tuple[int, int]] = []
    train(8, schedule=schedule(wait=1, warmup=1, active=2, repeat=2),
          on_trace_ready=lambda p: said.append((p.step_num, len(p.events()))))  # fmt: skip
    assert [step for step, _ in said] == [4, 8]
    assert said[0][1] == said[1][1] == 2 * 13
    train(2, schedule=schedule(wait=1, warmup=0, active=1), on_trace_ready=tensorboard_trace_handler(str(tmp_path)))
    (file,) = tmp_path.iterdir()
    events = json.loads(file.read_text())["traceEvents"]
    assert {"ph", "name", "ts", "dur"} <= set(events[0])


def test_second_derivatives_and_decorators_are_timed() -> None:
    @record_function("cube")
    def cube(x: Any) -> Any:
        return x**3

    x = autodiff.tensor([1.0, 2.0], requires_grad=True)
    with profile() as prof:
        (g,) = autodiff.grad(cube(x).sum(), x, create_graph=True)
        g.sum().backward()
    assert x.grad.tolist() == [6.0, 12.0]
    assert {"cube", "power", "power, backward", "multiply, backward"} <= {e.name for e in prof.events()}
