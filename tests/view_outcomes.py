"""What differs after a line of a program of views and writes, and what both libraries know of it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from autodiff.engine.versions import rewritten
from autodiff.engine.views import node_of
from autodiff.errors import InPlaceError
from autodiff.kernels.lending import owner_of

FLAGS = ("requires_grad", "is_leaf", "grad", "retains_grad")
NO_GRAD_BASE = "created in no_grad mode and its base or another view of its base has been modified"
OF_MANY = "This view is the output of a function that returns multiple views"


def now(x: Any) -> Any:
    """The node of ours, brought up to date."""
    with contextlib.suppress(InPlaceError):
        node_of(x)
    return x._node


def base_of(x: Any) -> Any:
    """What ours is a view of; None if that is gone, which only the view of one under no_grad outlives."""
    base = x._base[0]
    return base() if isinstance(base, ref) else base


def is_recorded(x: Any) -> bool:
    """Whether ours is a view that was made while recording, or of what was outside the graph."""
    return bool(getattr(x, "_base", None)) and not isinstance(x._base[0], ref)


def looks_into_graph(x: Any) -> bool:
    """Whether ours is a view of a tensor in the graph, or made under no_grad of one that is gone."""
    while getattr(x, "_base", None):
        x = base_of(x)
        if x is None or now(x) is not None:
            return True
    return False


def is_untied(x: Any) -> bool:
    """Whether ours is outside the graph and a view of a tensor inside it."""
    return now(x) is None and looks_into_graph(x)


def seems_untied(x: Any) -> bool:
    """``is_untied`` without a look: where the memory was written by a recorded operation a look would decide."""
    known = x
    while is_recorded(known):
        known = known._base[0]
        if known._node is not None and x._node is None and id(owner_of(x._array)) not in rewritten:
            return True
    return x._node is None and bool(getattr(known, "_base", None))


def requires_whole_grad(x: Any) -> bool:
    """Whether PyTorch's is a tensor of integers that requires grad."""
    return not x.is_floating_point() and bool(x.requires_grad)


def is_leaf_and_view(x: Any) -> bool:
    """Whether ours is a leaf and a view of another tensor in the graph."""
    return now(x) is not None and not x._node.edges and looks_into_graph(x)


def places_of(tensors: dict[str, Any]) -> dict[str, Any]:
    """In which memory each of ours lies."""
    return {name: id(owner_of(x._array)) for name, x in tensors.items()}


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

    def descends(self, pattern: str) -> bool:
        """Whether what differs was made of, or lies in one memory with, a tensor of a line that has the pattern."""
        memory = (*self.machine.memory, places_of(self.machine.ours.tensors()))
        grads, made, before = False, set[str](), None
        while made != before:  # what was made of a tensor before the line keeps it, or its memory, too
            before = set(made)
            for line, places in zip(self.machine.program, memory, strict=False):
                names = re.findall(r"\b[a-h]\b", line)
                if re.search(pattern, line) or made & set(names[1:]) or (grads and ".grad" in line):
                    grads = grads or "backward" in line
                    written = {places.get(name, name) for name in names[:1]}
                    made |= {*names[:1], *(name for name, place in places.items() if place in written)}
        return bool(made & self.concerned())

    def concerned(self) -> set[str]:
        """The names of the tensors that differ, or are used where something does."""
        tensors = self.machine.ours.tensors()
        if self.kind == "grad" and (self.machine.blind or "check" in self.line()):
            return set(tensors)  # it was filled by some backward pass before
        if self.kind.startswith("gradient"):
            source, targets, _ = self.machine.asked
            return {source, self.name} if self.name else {source, *targets}
        return {self.name, *re.findall(r"\b[a-h]\b", self.line())}

    def has_cut_view(self) -> bool:
        """Whether PyTorch has a view in the graph, or one that was and is lost, whose base is outside it."""
        views = [x for x in self.machine.theirs.tensors().values() if x._is_view()]
        return any(x.requires_grad and not x._base.requires_grad for x in views)

    def differs_where(self, fits: Callable[[Any, Any], Any]) -> bool:
        """Whether numbers differ only where ``fits(ours, theirs)``."""
        if not isinstance(self.ours, np.ndarray) or not isinstance(self.theirs, np.ndarray):
            return False
        near = self.machine.near()
        same = np.isclose(self.ours, self.theirs, near, near, equal_nan=True)
        return bool((same | fits(self.ours, self.theirs)).all())

    def lies_otherwise(self) -> bool:
        """Whether a tensor that was deeply copied, or one in its memory, has other steps in PyTorch."""
        ours, theirs = self.machine.ours.tensors(), self.machine.theirs.tensors()
        pairs = ((ours[name], theirs[name]) for name in ours.keys() & theirs.keys())
        return self.descends("deepcopy") and any(
            n > 1 and step != other
            for x, y in pairs if tuple(x.shape) == tuple(y.shape)
            for n, step, other in zip(y.shape, y.stride(), x.stride(), strict=True)
        )  # fmt: skip

    def lay_otherwise(self) -> bool:
        """Whether what the line makes a view of had other steps in PyTorch."""
        base, before = self.peer()._base, self.machine.before
        named = [before[name] for name in re.findall(r"\b[a-h]\b", self.line()) if name in before]
        return base is not None and all(tuple(x.stride()) != base.stride() for x in named)

    def has_line(self, pattern: str) -> bool:
        """Whether the line at which they differ has it."""
        return bool(re.search(pattern, self.line()))

    def is_of_gradient(self) -> bool:
        return self.kind in ("gradient", "grad") or (self.kind == "value" and self.has_line(r"\.grad|\.step\("))

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

    def peers_history(self, names: Iterable[str] = ()) -> list[Any]:
        """All nodes from which PyTorch's tensors were made, or the one whose gradient was asked for."""
        theirs = self.machine.theirs.tensors()
        nodes = []
        for name in names or self.machine.asked[:1]:
            with contextlib.suppress(RuntimeError, KeyError):  # PyTorch has lost track of it
                nodes.append(theirs[name].grad_fn)
        for node in nodes:
            nodes += [n for n, _ in getattr(node, "next_functions", ()) if n is not None and n not in nodes]
        return nodes

    def is_cut_off(self) -> bool:
        """Whether behind what differs PyTorch has a view that it recorded anew and from which no gradient goes on."""
        return self.has(r"detach_\(\)|requires_grad_\(False") and any(
            "AsStrided" in type(node).__name__ and not any(n for n, _ in node.next_functions)
            for node in self.peers_history(self.concerned())
        )  # fmt: skip

    def hooks_view(self) -> bool:
        """Whether a hook was registered on a view, which PyTorch records anew after a write, without the hook."""
        asks = re.compile(r"\b([a-h])\.(?:register_hook|retain_grad)|inputs=\[([a-h])")
        names = (asks.findall(line) for line in self.machine.program)
        tensors = self.machine.theirs.tensors()
        return any(tensors[name]._is_view() for found in names for pair in found for name in pair if name in tensors)

    def asks_for_view(self) -> bool:
        """Whether a gradient was asked for one of PyTorch's views, which it does not find behind the tensor."""
        tensors = self.machine.theirs.tensors()
        asked = re.findall(r"inputs=\[([a-h])|, ([a-h]), ", self.line())
        names = [n for pair in asked for n in pair if n] or self.machine.asked[1]
        return any(n in tensors and tensors[n]._is_view() for n in names)

    def is_plain(self) -> bool:
        """Whether neither a gradient is missing nor one that is no leaf's is retained."""
        missing = self.kind == "gradient" and (self.ours is None or self.theirs is None)
        return not (missing or self.has(r"inputs=|retain_grad"))

    def has_same_values(self) -> bool:
        """Whether a line that was refused here changed no value in PyTorch."""
        ours, theirs = self.machine.ours.state(), self.machine.theirs.state()
        return all(np.allclose(ours[name]["value"], theirs[name]["value"], 1e-6, 1e-6) for name in theirs)

    def is_constant(self) -> bool:
        """Whether PyTorch's gradients of its tensor are zero, or of one that is asked for and does not require grad."""
        ours, theirs = self.machine.ours.tensors(), self.machine.theirs.tensors()
        if self.name:
            return self.has_no_slope(self.peer())
        return any(n in ours and now(ours[n]) is None and self.has_no_slope(theirs[n]) for n in self.concerned())

    def has_no_slope(self, x: Any) -> bool:
        """Whether PyTorch's gradients of x for all its leaves are zero, as far as nothing on the way was changed."""
        if not x.is_floating_point() or not x.requires_grad:
            return False
        others = [y for y in self.machine.theirs.tensors().values() if y is not x and y.requires_grad]
        tracked = [y for y in others if not y._is_view() and y.is_leaf]
        grad = partial(self.machine.theirs.lib.autograd.grad, x.sum(), retain_graph=True, allow_unused=True)
        try:
            found = grad(tracked) if tracked else ()
        except RuntimeError as error:  # what it needs was changed or freed
            if "is output 0 of Relu, is at version" in str(error):  # whose second derivative is 0
                return True
            found = ()
            for y in others:  # those before what was changed
                with contextlib.suppress(RuntimeError):
                    found += grad(y)
            if all(g is None for g in found):
                return False
        return not any(bool(g.any()) for g in found if g is not None)

    def is_recorded_anew(self) -> bool:
        """Whether PyTorch recorded a view anew after a write, by its place in memory."""
        nodes = self.peers_history()
        return any("AsStrided" in type(node).__name__ for node in nodes) and not self.has("as_strided")

    def is_lost(self) -> bool:
        """Whether PyTorch refuses to look at a flag of a view."""
        words = (OF_MANY, NO_GRAD_BASE)
        return self.kind in FLAGS and any(word in str(self.theirs) for word in words)

    def of_base(self) -> Any:
        """What a flag of a view is by its base in PyTorch, or a leaf in between that is a view itself."""
        x, tracked = self.mine(), bool(self.peer()._base.requires_grad)
        while is_recorded(x):
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
