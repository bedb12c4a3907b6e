"""The boxes of a drawing inside their open modules."""

from __future__ import annotations

from collections.abc import Iterator

from autodiff.viz.facts import DrawnNode, Group
from autodiff.viz.view import View

__all__ = ["nested"]


def nested(view: View) -> Iterator[tuple[int, DrawnNode | Group | None]]:
    """Boxes and open modules with how deep they stand; None is the end of the module opened last."""
    inside: dict[str, list[DrawnNode]] = {}
    for node in view.nodes:
        inside.setdefault(node.group, []).append(node)
    within: dict[str, list[Group]] = {}
    for group in view.groups:
        within.setdefault(group.parent, []).append(group)
    yield from ((0, node) for node in inside.get("", ()))
    stack: list[tuple[int, Group | None]] = [(0, group) for group in reversed(within.get("", ()))]
    while stack:
        depth, at = stack.pop()
        yield depth, at
        if at is not None:
            yield from ((depth + 1, node) for node in inside.get(at.id, ()))
            stack.append((depth, None))
            stack += [(depth + 1, group) for group in reversed(within.get(at.id, ()))]
