"""Checkpoints: a part of the forward pass saves nothing; the backward pass computes it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from autodiff.engine import modes
from autodiff.engine.call_sites import line_of, place_of_user
from autodiff.engine.tape import Node, is_leaf, reachable
from autodiff.engine.values import TensorBase
from autodiff.engine.versions import change_after, next_number
from autodiff.errors import GraphError, InPlaceError, OptionError
from autodiff.func.trees import leaves_of
from autodiff.kinds import check_function
from autodiff.random import default_generator

R = TypeVar("R")


class CheckpointError(GraphError):
    """The second call of a checkpoint's function recorded other operations than the first."""


def checkpoint(
    function: Callable[..., R],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    determinism_check: str = "default",
    **kwargs: Any,
) -> R:
    """``function(*args, **kwargs)``, whose operations keep no arrays for the backward pass.

    The first backward pass that needs them calls ``function`` again. The graph is the same as without the checkpoint:
    derivatives of any order, hooks, and parameters that the function reads from elsewhere work as usual. Random
    numbers of the default generator are the same in both calls.

    Args:
        function: records the same operations each time it is called with the same arguments.
        args: its arguments.
        use_reentrant: accepted as in PyTorch, without effect.
        preserve_rng_state: draw the same random numbers again.
        determinism_check: "default" compares operations, shapes and dtypes of both calls; "none" does not.
        kwargs: keyword arguments of ``function``.

    Raises (in backward):
        CheckpointError: the second call recorded other operations than the first.
        InPlaceError: an argument or a parameter was changed in place in between.

    >>> import autodiff
    >>> x = autodiff.tensor(0.5, requires_grad=True)
    >>> y = checkpoint(lambda x: x.exp().exp().exp(), x)
    >>> y.backward()
    >>> abs(x.grad - y * x.exp() * x.exp().exp()).item() < 1e-4
    True

    Reference: Griewank and Walther (2000), "Algorithm 799: revolve"; Chen et al. (2016), "Training deep nets with
    sublinear memory cost".
    """
    if determinism_check not in ("default", "none"):
        raise OptionError(f'determinism_check is "default" or "none", not {determinism_check!r}')
    check_function("what is checkpointed", function, "tensors")
    if not modes.is_grad_enabled():
        return function(*args, **kwargs)
    region = _Region(function, args, kwargs, preserve_rng_state, determinism_check == "default")
    start = next_number()
    result = function(*args, **kwargs)
    nodes = _made_since(start, result)
    region.enter(nodes, start)
    return result


def get_device_states(*args: Any) -> tuple[list[int], list[Any]]:
    """No accelerators, and no states of their generators.

    >>> get_device_states()
    ([], [])
    """
    return [], []


def set_device_states(devices: Sequence[int], states: Sequence[Any], *, device_type: str | None = None) -> None:
    """Nothing: there are no accelerators."""


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    *,
    preserve_rng_state: bool = True,
) -> Any:
    """``functions`` (a Sequential, or a list) one after another in ``segments`` checkpoints; the last keeps all.

    Raises OptionError for fewer than one segment, or more than there are functions.
    """
    steps = list(functions)
    if not 1 <= segments <= len(steps):
        raise OptionError(f"segments={segments} for {len(steps)} functions; expected at least 1, and at most that many")
    size = len(steps) // segments
    for i in range(segments - 1):
        part = _chain(steps[i * size : (i + 1) * size])
        input = checkpoint(part, input, preserve_rng_state=preserve_rng_state)
    return _chain(steps[(segments - 1) * size :])(input)


def _chain(steps: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        for step in steps:
            x = step(x)
        return x

    return run


def _made_since(start: int, result: Any) -> list[Node]:
    """The nodes behind ``result`` that are younger than ``start``, in the order of their creation, leaves aside."""
    roots = [y._node for y in leaves_of(result) if isinstance(y, TensorBase) and y._node is not None]
    return [node for node in reachable(roots, since=start)[::-1] if node.primitive is not None]


class _Region:
    """A checkpointed call: the function with its arguments, and the operations that it recorded."""

    def __init__(
        self, function: Callable[..., Any], args: Any, kwargs: dict[str, Any], preserve: bool, check: bool
    ) -> None:
        self.call = function, args, kwargs
        self.preserve, self.check = preserve, check
        self.random_state = default_generator.get_state() if preserve else None
        self.place = line_of(place_of_user())
        self.signature: list[Any] = []
        self.fresh: list[Any] | None = None  # what the second call saved, node by node

    def enter(self, nodes: list[Node], start: int) -> None:
        """Drop the arrays that ``nodes`` saved, and attach a recompute record to each."""
        self.signature = [_signature(node) for node in nodes]
        edges = {edge for node in nodes for edge in node.edges if edge is not None}
        self.leaves = {edge for edge in edges if is_leaf(edge) and edge.number < start}
        self.start = start
        for i, node in enumerate(nodes):
            if _keeps_arrays(node):
                node.saved, node.recompute = None, _Place(self, i, node.number)

    def fetch(self, i: int) -> Any:
        """The number and the saved values of node ``i`` in the second call; each can be fetched once."""
        if self.fresh is None:
            self._refuse_changes()
            self.fresh = self._again()
        found, self.fresh[i] = self.fresh[i], None
        return found

    def _again(self) -> list[Any]:
        function, args, kwargs = self.call
        start, state = next_number(), default_generator.get_state() if self.preserve else None
        try:
            if self.random_state is not None:
                default_generator.set_state(self.random_state)
            with modes.enable_grad():
                nodes = _made_since(start, function(*args, **kwargs))
        finally:
            if state is not None:
                default_generator.set_state(state)
        signature = [_signature(node) for node in nodes]
        if len(nodes) != len(self.signature) or (self.check and signature != self.signature):
            pairs = zip(self.signature, signature, strict=False)
            differing = next((f": {a} was {b}" for a, b in pairs if a != b), "")
            raise CheckpointError(
                f"the function of the checkpoint at {self.place} made {len(self.signature)} operations at "
                f"first and {len(nodes)} when called again{differing}; it has to do the same each time"
            )
        return [_saved(node) if _keeps_arrays(node) or hasattr(node, "recompute") else None for node in nodes]

    def _refuse_changes(self) -> None:
        arrays = [x._array for x in leaves_of(self.call[1:]) if isinstance(x, TensorBase)]
        owners = [leaf.owner() for leaf in self.leaves]
        for array in (*arrays, *(x._array for x in owners if x is not None)):
            change = change_after(self.start, array)
            if change is not None:
                raise InPlaceError(
                    f"an array of shape {array.shape} that the checkpoint at {self.place} needs to compute again was "
                    f"changed in place at {line_of(change.place)}; {change.repair}"
                )


class _Place:
    """The recompute record of a node: its region, and its index there (see ``tape.Recompute``)."""

    def __init__(self, region: _Region, i: int, number: int) -> None:
        self._region: _Region | None = region
        self._i, self.number = i, number

    def restore(self, node: Node) -> None:
        """Restore the saved values of ``node``, once: a walk that frees them later frees them for good."""
        if self._region is None:
            return
        found = self._region.fetch(self._i)
        self._region = None
        self.number, saved = found
        node.saved = tuple(node.edges[j - 1] if j and kept is None else kept for j, kept in enumerate(saved))


def _keeps_arrays(node: Node) -> bool:
    return node.saved is not None and any(isinstance(kept, (np.ndarray, tuple)) for kept in node.saved)


def _saved(node: Node) -> tuple[int, list[Any]]:
    """The number and the saved values of ``node``; those of a checkpoint inside the checkpoint are recomputed."""
    if node.saved is None and hasattr(node, "recompute"):
        node.recompute.restore(node)
    number = node.recompute.number if hasattr(node, "recompute") else node.number
    return number, [None if isinstance(kept, Node) else kept for kept in node.saved or ()]


def _signature(node: Node) -> tuple[str, tuple[int, ...], str]:
    return node.name(), node.shape, str(node.dtype)
