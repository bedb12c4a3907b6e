"""What differs after a line of a program of views and writes, and what both libraries know of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autodiff.engine.versions import owner_of

FLAGS = ("requires_grad", "is_leaf", "grad", "retains_grad")
NO_GRAD_BASE = "created in no_grad mode and its base or another view of its base has been modified"
OF_MANY = "This view is the output of a function that returns multiple views"


def looks_into_graph(x: Any) -> bool:
    """Whether ours is a view of a tensor in the graph, or of one that was when the view was made under no_grad."""
    while hasattr(x, "_base"):
        x = x._base[0]
        if x is None or x._node is not None:
            return True
    return False


def is_untied(x: Any) -> bool:
    """Whether ours is outside the graph and a view of a tensor inside it."""
    return x._node is None and looks_into_graph(x)


def is_leaf_and_view(x: Any) -> bool:
    """Whether ours is a leaf and a view of another tensor in the graph."""
    return x._node is not None and not x._node.edges and looks_into_graph(x)


class Outcome(NamedTuple):
    """What differs: ``kind`` of thing, of the tensor ``name``, ours, PyTorch's, and the machine with its program."""

    kind: str
    name: str
    ours: Any
    theirs: Any
    machine: Any

    def line(self) -> str:
        return str(self.machine.program[-1])

    def they_say(self, *words: str) -> bool:
        return self.ours is None and any(word in str(self.theirs) for word in words)

    def we_say(self, *words: str) -> bool:
        return self.theirs is None and any(word in str(self.ours) for word in words)

    def uses(self, fits: Callable[[Any], bool]) -> bool:
        """Whether the line names a tensor of ours that fits."""
        words = re.findall(r"\b[a-h]\b", self.line())
        before = self.machine.before
        return any(fits(before[word]) for word in words if word in before)

    def has_line(self, pattern: str) -> bool:
        """Whether the line at which they differ has it."""
        return bool(re.search(pattern, self.line()))

    def is_of_gradient(self) -> bool:
        return self.kind in ("gradient", "grad") or (self.kind == "value" and "autograd.grad" in self.line())

    def mine(self) -> Any:
        return self.machine.ours.scope[self.name]

    def peer(self) -> Any:
        return self.machine.theirs.scope[self.name]

    def peers_in_line(self) -> list[Any]:
        """PyTorch's tensors in the order in which the line names them."""
        tensors = self.machine.theirs.tensors()
        return [tensors[word] for word in re.findall(r"\b[a-h]\b", self.line()) if word in tensors]

    def pairs(self) -> list[tuple[Any, Any]]:
        """The tensors that the line names, of both libraries."""
        ours, theirs = self.machine.ours.tensors(), self.machine.theirs.tensors()
        return [(ours[n], theirs[n]) for n in re.findall(r"\b[a-h]\b", self.line()) if n in ours and n in theirs]

    def peers_history(self) -> str:
        """The names of all nodes from which PyTorch's tensor was made whose gradient was asked for."""
        nodes = [self.machine.theirs.scope[self.machine.asked[0]].grad_fn]
        for node in nodes:
            nodes += [n for n, _ in getattr(node, "next_functions", ()) if n is not None and n not in nodes]
        return " ".join(type(node).__name__ for node in nodes)

    def hooks_view(self) -> bool:
        """Whether a hook was registered on a view, which PyTorch records anew after a write, without the hook."""
        asks = re.compile(r"\b([a-h])\.(?:register_hook|retain_grad)|inputs=\[([a-h])")
        names = (asks.findall(line) for line in self.machine.program)
        tensors = self.machine.theirs.tensors()
        return any(tensors[name]._is_view() for found in names for pair in found for name in pair if name in tensors)

    def is_plain(self) -> bool:
        """Whether neither a gradient is missing nor one that is no leaf's is retained."""
        missing = self.kind == "gradient" and (self.ours is None or self.theirs is None)
        return not (missing or self.has(r"inputs=|retain_grad"))

    def has_same_values(self) -> bool:
        """Whether a line that was refused here changed no value in PyTorch."""
        ours, theirs = self.machine.ours.state(), self.machine.theirs.state()
        return all(np.allclose(ours[name]["value"], theirs[name]["value"], 1e-6, 1e-6) for name in theirs)

    def is_constant(self) -> bool:
        """Whether PyTorch's gradients of its tensor are zero."""
        x, others = self.peer(), self.machine.theirs.tensors().values()
        tracked = [y for y in others if y is not x and y.requires_grad and y.is_leaf and not y._is_view()]
        grad = self.machine.theirs.lib.autograd.grad
        found = grad(x.sum(), tracked, retain_graph=True, allow_unused=True) if tracked else ()
        return not any(bool(g.any()) for g in found if g is not None)

    def is_recorded_anew(self) -> bool:
        """Whether PyTorch recorded a view anew after a write, by its place in memory."""
        return "AsStrided" in self.peers_history() and not self.has("as_strided")

    def is_lost(self) -> bool:
        """Whether PyTorch refuses to look at a flag of a view."""
        words = (OF_MANY, NO_GRAD_BASE)
        return self.kind in FLAGS and any(word in str(self.theirs) for word in words)

    def of_base(self) -> Any:
        """What a flag of a view is by its base in PyTorch, or a leaf in between that is a view itself."""
        x, tracked = self.mine(), bool(self.peer()._base.requires_grad)
        while hasattr(x, "_base") and x._base[0] is not None:
            x = x._base[0]
            tracked = tracked or is_leaf_and_view(x) or (x._node is not None and not x._node.edges)
        tracked = tracked and not is_untied(self.mine())
        return {"requires_grad": tracked, "is_leaf": not tracked, "retains_grad": False}.get(self.kind, self.ours)

    def has_no_history(self) -> bool:
        """Whether PyTorch's view has no history, or only what a write gave to it, or PyTorch has lost it."""
        try:
            made_by = self.peer().grad_fn
        except RuntimeError:
            return self.kind == "requires_grad"
        return made_by is None or type(made_by).__name__ == "AsStridedBackward0"

    def is_view(self) -> bool:
        return bool(self.machine.theirs.scope[self.name]._is_view())

    def has(self, pattern: str) -> bool:
        return any(re.search(pattern, line) for line in self.machine.program)

    def shares_memory(self) -> bool:
        """Whether two tensors that the line names lie in the same memory."""
        named = [x for name, x in self.machine.ours.tensors().items() if re.search(rf"\b{name}\b", self.line())]
        owners = [id(owner_of(x._array)) for x in named]
        return len(set(owners)) < len(owners)
