"""``torch.utils._pytree``: nested containers taken apart, mapped, and put together again; the name is PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from autodiff.func.trees import flatten, map_leaves, unflatten


class TreeSpec(NamedTuple):
    """A tree without its leaves: their positions stand in their places."""

    structure: Any
    num_leaves: int


def tree_flatten(tree: Any) -> tuple[list[Any], TreeSpec]:
    """The leaves of dicts, lists, tuples and named tuples in order, and what they were taken from.

    >>> leaves, spec = tree_flatten({"a": [1, 2], "b": (3,)})
    >>> leaves, tree_unflatten([10 * x for x in leaves], spec)
    ([1, 2, 3], {'a': [10, 20], 'b': (30,)})
    """
    leaves, structure = flatten(tree)
    return leaves, TreeSpec(structure, len(leaves))


def tree_unflatten(leaves: Any, treespec: TreeSpec) -> Any:
    """The tree with other leaves."""
    return unflatten(treespec.structure, list(leaves))


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any) -> Any:
    """The tree with ``func`` of each leaf, and of those at its place in the ``rests``.

    >>> tree_map(lambda x, y: x + y, {"a": [1, 2]}, {"a": [10, 20]})
    {'a': [11, 22]}
    """
    if not rests:
        return map_leaves(func, tree)
    leaves, structure = flatten(tree)
    columns = [leaves, *(flatten(rest)[0] for rest in rests)]
    return unflatten(structure, [func(*row) for row in zip(*columns, strict=True)])


def tree_map_only(kind: Any, func: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with ``func`` of each leaf of that class, or of one of several.

    >>> tree_map_only(int, lambda x: -x, [1, "a"])
    [-1, 'a']
    """
    return map_leaves(lambda x: func(x) if isinstance(x, kind) else x, tree)


def tree_leaves(tree: Any) -> list[Any]:
    """The leaves in order."""
    return flatten(tree)[0]


tree_iter = tree_leaves


def tree_structure(tree: Any) -> TreeSpec:
    """The tree without its leaves."""
    return tree_flatten(tree)[1]


def tree_all(pred: Callable[[Any], bool], tree: Any) -> bool:
    """Whether ``pred`` is true of all leaves."""
    return all(map(pred, tree_leaves(tree)))


def tree_any(pred: Callable[[Any], bool], tree: Any) -> bool:
    """Whether ``pred`` is true of a leaf."""
    return any(map(pred, tree_leaves(tree)))
