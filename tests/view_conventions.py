"""Where this library and PyTorch differ on purpose in programs of views and writes, and who is right."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

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


    def is_of_gradient(self) -> bool:
        return self.kind in ("gradient", "grad") or (self.kind == "value" and "autograd.grad" in self.line())

    def is_view(self) -> bool:
        return bool(self.machine.theirs.scope[self.name]._is_view())

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


ENTRY = re.compile(r"\] [-+*/]= ")
UNRECORDED = r"no_grad|inference_mode|enabled\(False|data|detach\(\)"
FLAGS = ("requires_grad", "is_leaf", "grad", "retains_grad")

SHAPE_IN_PLACE = r"squeeze_|\bt_\(|transpose_"

NO_GRAD_BASE = "A view was created in no_grad mode and its base or another view of its base has been modified"

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
        "a leaf of its own, and a view",
        lambda o: o.they_say("leaf variable has been moved into the graph interior")
        or (o.kind in FLAGS and is_leaf_and_view(o.machine.ours.scope[o.name])),
        "Once its base requires grad PyTorch takes a leaf for a view's result; here it stays a leaf.",
    ),
    Convention(
        "a view of what was written and taken out of the graph",
        lambda o: o.has(r"detach_\(\)|requires_grad_\(False")
        and (
            o.we_say("needs was changed in place")
            or (o.kind in FLAGS and o.is_view())
            or (o.kind == "gradient" and o.theirs is None)
        ),
        "In PyTorch the view still requires grad, and no gradient passes; here it keeps the history it had when "
        "its base was taken out, if its base was not written before; what that needs and finds changed is an error.",
    ),
    Convention(
        "what is outside the graph retains no gradient",
        lambda o: o.kind == "retains_grad" and not o.machine.theirs.scope[o.name].requires_grad,
        "PyTorch remembers that it did.",
    ),
    Convention(
        "a gradient that does not depend on its input",
        lambda o: o.kind == "requires_grad" and "create_graph=True" in o.line(),
        "PyTorch's backward formula names the input and its derivative is 0; here it is outside the graph.",
    ),
    Convention(
        "a gradient's gradient for an inner tensor",
        lambda o: o.kind == "gradient" and o.has("create_graph=True") and not o.machine.theirs.scope[o.name].is_leaf,
        "It depends on how VJPs are written: by which of the inner tensors they read.",
    ),
    Convention(
        "a leaf that was set free again",
        lambda o: o.kind == "gradient" and o.ours is None and o.has(r"requires_grad_\(False|detach_\(\)"),
        "It is a new leaf here: what was made before still fills its .grad, but does not lead to it in grad().",
    ),
    Convention(
        "a gradient that is a view in PyTorch",
        lambda o: o.they_say("Can't detach views in-place") and o.has(r"autograd\.grad|\.grad\b"),
        "Gradients share no memory here, so that they can be taken out of the graph in place.",
    ),
    Convention(
        "a power of -0.0",
        lambda o: o.kind == "value" and o.has(r"\*\*=") and bool(np.isinf(o.theirs).any()),
        "PyTorch takes x ** -0.5 for 1 / sqrt(x), which is -inf; that of C and NumPy is inf.",
    ),
    Convention(
        "the second order of 0 ** x",
        lambda o: o.kind == "gradient" and o.has(r"\*\*=|pow") and "nan" in repr(o.theirs),
        "PyTorch multiplies 0 by inf; here it is 0.",
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
        lambda o: o.has(SHAPE_IN_PLACE)
        and (
            o.is_of_gradient()
            or o.they_say("expected shape compatible with", "attempting to assign a gradient of", "INTERNAL ASSERT")
            or o.we_say("could not be broadcast")
        ),
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
        lambda o: o.we_say("a leaf was given data of", "of data that it had before")
        or (o.we_say("was not used to make the outputs") and o.has(SHAPE_IN_PLACE)),
        "PyTorch gives the leaf a gradient of its old shape.",
    ),
    Convention(
        "PyTorch records a view anew after any write",
        lambda o: o.has(UNRECORDED)
        and any(x._is_view() for x in o.machine.theirs.tensors().values())
        and (
            o.they_say("appears to not have been used in the graph")
            or (o.is_of_gradient() and o.has("register_hook|retain_grad|inputs="))
        ),
        "What was made of the view before an unrecorded write no longer passes its hooks and retained gradient; an "
        "unrecorded write leaves the history alone here.",
    ),
    Convention(
        "data exchanged between forward and backward",
        lambda o: o.has(r"\.data = ")
        and (o.is_of_gradient() or o.they_say("expected shape compatible with")),
        "PyTorch keeps leaves, not their values, and mixes old values with new; here the gradient is that of the old.",
    ),
    Convention(
        "PyTorch kept a tensor that detach_() changed",
        lambda o: o.they_say("Trying to use a saved tensor that has been detached in-place"),
        "Its value is what the gradient needs, and that is the same.",
    ),
    Convention(
        "an index put converts",
        lambda o: o.they_say("the source and destination dtypes match", "same scalar type", "same dtype"),
        "PyTorch converts what is written, but not at index arrays.",
    ),
    Convention(
        "an entry of an untracked view is written, two steps in one line",
        lambda o: o.they_say("a leaf Variable that requires grad is being used in") and bool(ENTRY.search(o.line())),
        "x[k] *= y writes a view of x and then x, and PyTorch takes x for a leaf in the second step.",
    ),
    Convention(
        "an optimizer of what is no leaf",
        lambda o: o.we_say("was computed, so it is no parameter"),
        "PyTorch takes what retains its gradient; here only leaves are parameters.",
    ),
    Convention(
        "a deep copy of what is stretched",
        lambda o: o.they_say("more than one element of the written-to tensor refers to a single memory location")
        or (o.kind == "value" and o.has("deepcopy") and o.has("expand")),
        "PyTorch copies the memory as it lies; here the entries, so that the copy can be written.",
    ),
    Convention(
        "a write by a view of the same memory",
        lambda o: o.kind == "value" and o.shares_memory(),
        "PyTorch writes while it reads; here the right side is computed before anything is written.",
    ),
    Convention(
        "memory that is stretched is written",
        lambda o: o.we_say("more than one element of the written-to tensor refers to a single memory location"),
        "PyTorch refuses most such writes, and lets some through; here all are refused.",
    ),
    Convention(
        "a view of an untracked tensor, made under no_grad, is written",
        lambda o: o.they_say("A view was created in no_grad mode and is being modified inplace with grad mode enabled"),
        "PyTorch calls it ambiguous; here nothing was cut off when the view was made, and both know of the write.",
    ),
    Convention(
        "PyTorch finds changed what it saved, and nothing that the gradient needs was changed",
        lambda o: o.they_say("has been modified by an inplace operation") and o.machine.is_right_with_copies(o),
        "PyTorch keeps other values, and counts changes of a tensor; here changes of memory are counted. Where PyTorch "
        "copies what it saved before a write, it finds the same gradient.",
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
        lambda o: o.has(r"\.data\b") and (o.kind == "gradient" or o.we_say("needs was changed in place")),
        "PyTorch does not count such a change, and its gradient is that of neither value.",
    ),
    Convention(
        "a part of many is written",
        lambda o: o.they_say("This view is the output of a function that returns multiple views", NO_GRAD_BASE),
        "PyTorch refuses a write to an output of unbind, split or chunk, and the use of one, or of a view made under "
        "no_grad, after a write to its base; here these are as other views.",
    ),
    Convention(
        "the memory of both overlaps",
        lambda o: o.they_say("some elements of the input tensor and the written-to tensor refer to a single memory"),
        "PyTorch asks for a clone(); here the right side is computed before anything is written.",
    ),
)
