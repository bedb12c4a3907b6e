"""The drawing of a compiled step: forward pass, backward pass and update."""

from __future__ import annotations

from typing import Any

import pytest

import autodiff
import nn
import optim
from autodiff.viz import DrawingError, draw


def compiled() -> Any:
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def train(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return autodiff.compile(train)


def test_a_step_is_drawn_as_forward_backward_and_update() -> None:
    """Three parts, operations in them, and the calls of NumPy's in these; inputs and parameters stand beside."""
    step, x, y = compiled(), autodiff.ones(3, 2), autodiff.ones(3, 1)
    with pytest.raises(DrawingError, match="no program yet"):
        draw(step)
    for _ in range(4):
        step(x, y)
    parts = draw(step, depth=0)
    assert [n.name for n in parts.nodes if n.kind == "module"] == ["forward", "backward", "update"]
    drawing = draw(step)
    assert [group.name for group in drawing.groups] == ["forward", "backward", "update"]
    names = [n.name for n in drawing.nodes if n.kind == "module"]
    assert names[:4] == ["linear", "tanh", "linear", "mse"]
    assert "SGD" in names
    assert any(name.endswith("backward") for name in names)
    assert sum(n.kind == "input" for n in drawing.nodes) == 2
    whole = draw(step, depth=None)
    assert "dot" in {n.name for n in whole.nodes}
    assert any(n.is_output for n in whole.nodes)
    for each in (parts, drawing, whole):
        order = {n.id: i for i, n in enumerate(each.nodes) if n.kind in ("operation", "module")}
        assert all(order.get(e.source, -1) < order[e.target] for e in each.edges)
        assert "<svg" in each.svg()
