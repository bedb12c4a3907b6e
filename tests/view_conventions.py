"""Where this library and PyTorch differ on purpose in programs of views and writes, and who is right."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from autodiff.engine.versions import owner_of
from autodiff.errors import InPlaceError


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


    def has(self, pattern: str) -> bool:
        return any(re.search(pattern, line) for line in self.machine.program)

    def shares_memory(self) -> bool:
        """Whether two tensors that the line names lie in the same memory."""
        named = [x for name, x in self.machine.ours.tensors().items() if re.search(rf"\b{name}\b", self.line())]
        owners = [id(owner_of(x._array)) for x in named]
        return len(set(owners)) < len(owners)


class Convention(NamedTuple):
    """A difference that is meant, with its reason; ``ends`` says that nothing can be compared after it."""

    name: str
    holds: Callable[[Outcome], bool]
    reason: str
    ends: bool = True


def is_untied(x: Any) -> bool:
    """Whether ours is a view outside the graph of a tensor inside it."""
    if x._node is not None:
        return False
    while hasattr(x, "_base"):
        x = x._base[0]
        if x is None or x._node is not None:
            return True
    return False


UNRECORDED = r"no_grad|inference_mode|enabled\(False|data|detach\(\)"
FLAGS = ("requires_grad", "is_leaf", "grad", "retains_grad")

SHAPE_IN_PLACE = r"squeeze_|\bt_\(|transpose_"

CONVENTIONS = (
    Convention(
        "PyTorch has lost track of a view",
        lambda o: o.kind in FLAGS and isinstance(o.theirs, RuntimeError),
        "PyTorch refuses to look at a view of many, or made under no_grad, whose base was written; here it is known.",
        ends=False,
    ),
    Convention(
        "a view made under no_grad, or before its base required grad",
        lambda o: o.kind in FLAGS and is_untied(o.machine.ours.scope[o.name]),
        "PyTorch says that it requires grad, since its base does, but no gradient passes from it to its base; here, as "
        "PyTorch documents no_grad, it does not require grad.",
        ends=False,
    ),
    Convention(
        "such a view is used",
        lambda o: o.uses(is_untied),
        "A result of it requires grad in PyTorch, and no leaf gets a gradient from it; here it is outside the graph.",
    ),
    Convention(
        "an integer tensor requires grad",
        lambda o: o.kind == "requires_grad" and "int" in str(o.machine.theirs.scope[o.name].dtype),
        "PyTorch lets some writes do so; integer tensors carry no gradient.",
    ),
    Convention(
        "a tensor inside the graph keeps its shape and dtype",
        lambda o: o.we_say("a tensor inside the graph keeps its shape and dtype"),
        "PyTorch takes .data of another shape, and the gradient fails or is wrong later.",
    ),
    Convention(
        "a shape changed in place",
        lambda o: o.they_say("returned an invalid gradient")
        or (o.kind == "gradient" and o.has(SHAPE_IN_PLACE)),
        "Under no_grad PyTorch gives the tensor a shape that its node does not know, and its gradient fails or has the "
        "old shape; it counts as a write of the values, so that views lose what was made of them.",
    ),
    Convention(
        "a view of a tensor in another shape",
        lambda o: isinstance(o.ours, InPlaceError) and "another shape in place" in str(o.ours),
        "PyTorch shows what the view was; what it shows of the new shape nobody knows: it is refused here.",
    ),
    Convention(
        "a leaf of another shape between forward and backward",
        lambda o: o.we_say("a leaf was given data of", "of data that it had before"),
        "PyTorch gives the leaf a gradient of its old shape.",
    ),
    Convention(
        "PyTorch records a view anew after any write",
        lambda o: o.has(UNRECORDED)
        and any(x._is_view() for x in o.machine.theirs.tensors().values())
        and (
            o.they_say("appears to not have been used in the graph")
            or (o.kind in ("gradient", "grad") and o.has("register_hook|retain_grad|inputs="))
        ),
        "What was made of the view before an unrecorded write no longer passes its hooks and retained gradient; an "
        "unrecorded write leaves the history alone here.",
    ),
    Convention(
        "data exchanged between forward and backward",
        lambda o: o.kind == "gradient" and o.has(r"\.data = "),
        "PyTorch keeps leaves, not their values, and mixes old values with new; here the gradient is that of the old.",
    ),
    Convention(
        "PyTorch kept a tensor that detach_() changed",
        lambda o: o.they_say("Trying to use a saved tensor that has been detached in-place"),
        "Its value is what the gradient needs, and that is the same.",
    ),
    Convention(
        "an index put converts",
        lambda o: o.they_say("Index put requires the source and destination dtypes match"),
        "PyTorch converts for all keys but index arrays.",
    ),
    Convention(
        "a write by a view of the same memory",
        lambda o: o.kind == "value" and o.shares_memory(),
        "PyTorch writes while it reads; here the right side is computed before anything is written.",
    ),
    Convention(
        "memory that is stretched is written",
        lambda o: o.we_say("stretched by expand()"),
        "PyTorch refuses most such writes, and lets some through; here all are refused.",
    ),
    Convention(
        "a view of an untracked tensor, made under no_grad, is written",
        lambda o: o.they_say("A view was created in no_grad mode and is being modified inplace with grad mode enabled"),
        "PyTorch calls it ambiguous; here nothing was cut off when the view was made, and both know of the write.",
    ),
    Convention(
        "PyTorch finds changed what it saved, and nothing that the gradient needs was changed",
        lambda o: o.they_say("has been modified by an inplace operation"),
        "PyTorch keeps other values, and counts changes of a tensor; here changes of memory are counted.",
    ),
    Convention(
        "PyTorch has freed more",
        lambda o: o.they_say("Trying to backward through the graph a second time"),
        "What saves nothing has nothing to free.",
    ),
    Convention(
        "more was freed here",
        lambda o: o.we_say("was freed by an earlier backward pass"),
        "Other values are kept.",
    ),
    Convention(
        "changed through .data",
        lambda o: o.we_say("needs was changed in place") and o.has("data"),
        "PyTorch does not count such a change, and its gradient is that of neither value.",
    ),
    Convention(
        "a part of many is written",
        lambda o: o.they_say("This view is the output of a function that returns multiple views"),
        "PyTorch refuses a write to an output of unbind, split or chunk, and its use after one; here it is any view.",
    ),
    Convention(
        "the memory of both overlaps",
        lambda o: o.they_say("some elements of the input tensor and the written-to tensor refer to a single memory"),
        "PyTorch asks for a clone(); here the right side is computed before anything is written.",
    ),
)
