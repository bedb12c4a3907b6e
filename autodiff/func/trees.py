"""Trees of values: nested dicts, lists, tuples and named tuples, taken apart and put together again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of ``tree`` in order, and the tree with the position of each leaf in its place.

    Dicts, lists, tuples and named tuples are branches; everything else is a leaf, None too.

    >>> leaves, structure = flatten({"w": [1.0, 2.0], "b": (3.0,)})
    >>> leaves, structure
    ([1.0, 2.0, 3.0], {'w': [0, 1], 'b': (2,)})
    >>> unflatten(structure, [x * 10 for x in leaves])
    {'w': [10.0, 20.0], 'b': (30.0,)}
    """
    leaves: list[Any] = []

    def position(leaf: Any) -> int:
        leaves.append(leaf)
        return len(leaves) - 1

    return leaves, map_leaves(position, tree)


def unflatten(structure: Any, leaves: Any) -> Any:
    """The tree of that structure with ``leaves``."""
    return map_leaves(leaves.__getitem__, structure)


def leaves_of(tree: Any) -> list[Any]:
    """The leaves of ``tree`` in order."""
    return flatten(tree)[0]


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """The same tree with ``function`` of each leaf.

    >>> map_leaves(abs, {"a": -1, "b": [2, -3]})
    {'a': 1, 'b': [2, 3]}
    """
    if isinstance(tree, Mapping):
        pairs = [(key, map_leaves(function, value)) for key, value in tree.items()]
        return dict(pairs) if not isinstance(tree, dict) or type(tree) is dict else _alike(tree, pairs)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(map_leaves(function, value) for value in tree))
    if isinstance(tree, (list, tuple)):
        values = [map_leaves(function, value) for value in tree]
        return values if isinstance(tree, list) else tuple(values)
    return function(tree)


def _alike(tree: dict[Any, Any], pairs: list[tuple[Any, Any]]) -> Any:
    """A dict of the class of ``tree`` (ordered, with defaults) with other values."""
    twin = tree.copy()
    twin.update(pairs)
    return twin
