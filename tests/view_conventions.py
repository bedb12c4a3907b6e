"""Where this library and PyTorch differ on purpose in programs of views and writes, and who is right."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from view_outcomes import FLAGS, NO_GRAD_BASE, OF_MANY, Outcome, is_leaf_and_view, is_untied

from autodiff.kernels.layout import is_stretched


class Convention(NamedTuple):
    """A difference that is meant, with its reason; ``ends`` says that nothing can be compared after it."""

    name: str
    holds: Callable[[Outcome], bool]
    reason: str
    ends: bool = True


ENTRY = re.compile(r"\] [-+*/]= ")
UNRECORDED = r"no_grad|inference_mode|enabled\(False|data|detach\(\)|\.step\(|requires_grad_\("

OF_SHAPES = (
    "expected shape compatible with", "attempting to assign a gradient of", "match the broadcast shape",
    "must match the size of tensor",
)  # fmt: skip
OF_NO_LEAF = (
    "a view of a leaf Variable that requires grad is being used", "can't optimize a non-leaf Tensor",
    "you can only change requires_grad flags of leaf variables", "(graph leaves) support the deepcopy protocol",
)  # fmt: skip
SHAPE_IN_PLACE = r"squeeze_|\bt_\(|transpose_"

CONVENTIONS = (
    Convention(
        "PyTorch has lost track of a view",
        lambda o: o.is_lost() and (o.kind == "grad" or o.ours == o.of_base()),
        "PyTorch refuses to look at a view of many, or made under no_grad, whose base was written; here it is known, "
        "and what is expected is what PyTorch says of other views.",
        ends=False,
    ),
    Convention(
        "a view made under no_grad, or before its base required grad",
        lambda o: (o.kind in ("requires_grad", "is_leaf") and is_untied(o.mine()) and o.has_no_history())
        or (o.kind == "grad" and o.theirs is None and is_untied(o.mine()) and not o.peer().is_leaf),
        "PyTorch says that it requires grad, since its base does, but no gradient passes from it to its base until one "
        "of them is written; here, as PyTorch documents no_grad, it does not require grad.",
        ends=False,
    ),
    Convention(
        "such a view is used",
        lambda o: o.uses(is_untied)
        and (
            o.kind == "requires_grad"
            or o.we_say("does not require grad")
            or o.they_say("(graph leaves) support the deepcopy protocol", "can't optimize a non-leaf Tensor")
        ),
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
            (o.kind in FLAGS and o.is_view() and not o.peer()._base.requires_grad)
            or ((o.has_cut_view() or o.is_cut_off()) and o.we_say("needs was changed in place"))
            or (o.has_cut_view() and o.is_of_gradient() and o.theirs is None)
            or ((o.is_of_gradient() or o.they_say("appears to not have been used in the graph")) and o.is_cut_off())
            or (o.has_cut_view() and o.they_say("a view of a leaf Variable that requires grad is being used"))
        ),
        "In PyTorch the view still requires grad, and no gradient passes; here it keeps the history it had when "
        "its base was taken out, if its base was not written before; what that needs and finds changed is an error.",
    ),
    Convention(
        "a view of memory that its base gave up is written, or was before",
        lambda o: o.descends(r"\.data = ")
        and (
            str(o.ours).endswith("changed in place and given other data since; make the view again")
            or o.they_say("Can't detach views in-place")
        ),
        "PyTorch goes on to take it for a view of its base, with other numbers; here it is on its own, or refused.",
    ),
    Convention(
        "a view of what was written and taken out of the graph, not looked at in between",
        lambda o: o.machine.blind
        and (
            (o.descends(r"detach_\(\)") and (o.kind in FLAGS or o.we_say("does not require grad")))
            or (o.descends(r"detach_\(\)") and o.they_say(*OF_NO_LEAF))
            or (o.descends(r"detach_\(\)") and o.is_of_gradient() and o.machine.is_right_unseen(o))
        ),
        "A look between the two brings the view up to date, in PyTorch too; without one nothing is left to do so, and "
        "it is refused.",
    ),
    Convention(
        "what is outside the graph retains no gradient",
        lambda o: o.kind == "retains_grad" and not o.machine.theirs.scope[o.name].requires_grad,
        "PyTorch remembers that it did.",
    ),
    Convention(
        "a gradient that does not depend on its input",
        lambda o: o.descends("create_graph=True")
        and ((o.kind == "requires_grad" and o.ours is False) or (o.machine.blind and o.we_say("does not require grad")))
        and o.is_constant(),
        "PyTorch's backward formula names the input and its derivative is 0; here it is outside the graph.",
    ),
    Convention(
        "a gradient for what was overwritten",
        lambda o: o.kind == "requires_grad" and o.ours is True and o.descends("create_graph=True")
        and not o.mine().any(),
        "It is zero and has no history in PyTorch; here it is zero by a history that another write left.",
    ),
    Convention(
        "a gradient that lies otherwise",
        lambda o: o.kind == "value" and o.has_line("as_strided") and o.descends(r"grad\(") and o.lay_otherwise(),
        "PyTorch's gradient of a transposed tensor is transposed, too; here all gradients lie by rows.",
    ),
    Convention(
        "a gradient's gradient for an inner tensor",
        lambda o: o.kind == "gradient" and o.descends(r"create_graph=True|\.grad\b") and not o.peer().is_leaf,
        "It depends on how VJPs are written: by which of the inner tensors they read.",
    ),
    Convention(
        "a gradient's gradient through a hook",
        lambda o: o.kind == "gradient" and o.machine.asked[2] == 2 and o.descends("register_hook"),
        "A hook of an inner tensor runs again where a VJP reads that tensor, which depends on how the VJP is written.",
    ),
    Convention(
        "the gradient of a leaf that was given up",
        lambda o: o.kind == "value" and o.has_line("backward") and o.descends(r"\.grad\b")
        and all(x._grad is not o.mine() for x in o.machine.ours.tensors().values()),
        "PyTorch's graph keeps the leaf, and goes on to add to its gradient; here nobody has the leaf any more.",
    ),
    Convention(
        "a gradient that is a view in PyTorch",
        lambda o: o.they_say("Can't detach views in-place") and o.descends(r"autograd\.grad|\.grad\b"),
        "Gradients share no memory here, so that they can be taken out of the graph in place.",
    ),
    Convention(
        "a power of -0.0",
        lambda o: o.kind == "value" and o.has_line(r"\*\*=") and o.differs_where(lambda a, b: np.isinf(a) & (a == -b)),
        "PyTorch takes x ** -0.5 for 1 / sqrt(x), which is -inf; that of C and NumPy is inf.",
    ),
    Convention(
        "the second order of 0 ** x",
        lambda o: o.kind == "gradient" and o.descends(r"\*\*|pow") and o.differs_where(lambda a, b: np.isnan(b)),
        "PyTorch multiplies 0 by inf; here it is 0.",
    ),
    Convention(
        "the second order of a length at 0",
        lambda o: o.kind == "gradient" and o.machine.asked[2] == 2 and o.descends(r"abs_?\("),
        "abs(x) ** 2 is x ** 2 here, at 0 too, whose second derivative is 2; PyTorch multiplies by the sign, 0.",
    ),
    Convention(
        "what was made of a leaf that is a view, before an unrecorded write",
        lambda o: o.is_of_gradient() and o.theirs is None and o.peer().is_leaf and o.peer()._is_view()
        and not o.peer()._base.requires_grad,
        "PyTorch records it anew as one of the leaf's base, which has no gradient, and the leaf gets none; here it "
        "keeps its history.",
    ),
    Convention(
        "the gradient of what was filled while stretched",
        lambda o: o.they_say("refers to a single memory location")
        and o.has_line(r"backward|grad\(|check")
        and o.descends("expand"),
        "PyTorch lets the stretched tensor be filled, and then cannot write its gradient, which is stretched too.",
    ),
    Convention(
        "a deep copy, or a gradient, that PyTorch does not write out",
        lambda o: (o.they_say("setStorage: sizes") and o.descends(r"deepcopy|grad\("))
        or (o.we_say("a view cannot be taken out of the graph") and o.descends("deepcopy")),
        "PyTorch copies the memory of a tensor with its gaps, or the one number that it shows many times; here it is "
        "written out.",
    ),
    Convention(
        "as_strided shows more than its tensor",
        lambda o: o.we_say("shows memory between or beyond the entries of a tensor"),
        "PyTorch loses the gradient of what is no entry of the tensor; here it is refused.",
    ),
    Convention(
        "a power of a negative number to one that is nearly whole",
        lambda o: o.kind == "value" and o.has_line(r"\*\*= \(?[a-h]")
        and bool((np.isnan(o.ours) != np.isnan(o.theirs)).any()),
        "Rounding decides on whether it is whole.",
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
        lambda o: o.descends(rf"({UNRECORDED}).*({SHAPE_IN_PLACE})" if o.is_plain() else SHAPE_IN_PLACE)
        and (
            o.is_of_gradient()
            or o.they_say(*OF_SHAPES)
            or o.we_say("could not be broadcast")
        ),
        "Under no_grad PyTorch gives the tensor a shape that its node does not know, and its gradient fails or has the "
        "old shape; it counts as a write of the values, so that views lose what was made of them.",
    ),
    Convention(
        "a negative power of integers",
        lambda o: o.we_say("Integers to negative integer powers are not allowed"),
        "PyTorch refuses a number, and takes tensors, of which it makes 0.",
    ),
    Convention(
        "as_strided of no entries",
        lambda o: o.has_line("as_strided") and 0 in o.peers_in_line()[-1].shape
        and (o.they_say("out of bounds for storage") or o.we_say("a tensor without entries begins")),
        "NumPy does not say where in memory it begins, so that it is refused.",
    ),
    Convention(
        "PyTorch's own fault",
        lambda o: o.has(SHAPE_IN_PLACE)
        and any("out != nullptr INTERNAL ASSERT FAILED" in str(said) for said in (o.theirs, o.machine.failures[1])),
        "It cannot move the retained gradient of a tensor that was turned in place, and has written when it says so.",
    ),
    Convention(
        "a gradient that is stretched in PyTorch",
        lambda o: (o.they_say("refers to a single memory location") or o.kind == "value")
        and o.has(r"autograd\.grad|\.grad\b")
        and any(is_stretched(x._array) is False and 0 in y.stride() for x, y in o.pairs()),
        "The gradient of a sum takes no memory there, and cannot be written; here it can.",
    ),
    Convention(
        "a view of a tensor in another shape",
        lambda o: any("another shape in place" in str(said) for said in (o.ours, o.machine.failures[0])),
        "PyTorch shows what the view was; what it shows of the new shape nobody knows: it is refused here, before "
        "anything is written.",
    ),
    Convention(
        "a leaf of another shape between forward and backward",
        lambda o: o.we_say("a leaf was given data of", "of data that it had before")
        or (o.we_say("was not used to make the outputs") and o.descends(rf"{SHAPE_IN_PLACE}|\.data = ")),
        "PyTorch gives the leaf a gradient of its old shape.",
    ),
    Convention(
        "PyTorch records a view anew after any write",
        lambda o: o.has(UNRECORDED)
        and any(x._is_view() for x in o.machine.theirs.tensors().values())
        and (
            (o.they_say("appears to not have been used in the graph") and o.peers_in_line()[-1]._is_view())
            or (o.is_of_gradient() and o.hooks_view())
            or (o.kind == "gradient" and (o.peer()._is_view() or o.has(r"requires_grad_\(")) and o.is_recorded_anew())
            or (o.we_say("needs was changed in place") and o.asks_for_view())
        ),
        "What was made of the view before an unrecorded write no longer passes its hooks and retained gradient; an "
        "unrecorded write leaves the history alone here.",
    ),
    Convention(
        "data exchanged between forward and backward",
        lambda o: o.descends(r"\.data = ")
        and (o.is_of_gradient() or o.they_say("expected shape compatible with")),
        "PyTorch keeps leaves, not their values, and mixes old values with new; here the gradient is that of the old.",
    ),
    Convention(
        "a detached base that was written since",
        lambda o: o.we_say("went through detach_()") and o.has(r"detach_\(\)"),
        "Its older views are constants as it is; their backward pass gives nothing in PyTorch, and is refused here.",
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
        "a deep copy of what is stretched, or has gaps",
        lambda o: o.lies_otherwise()
        and (
            o.they_say("more than one element of the written-to tensor refers to a single memory location")
            or o.kind == "value"
        ),
        "PyTorch copies the memory as it lies; here the entries, so that the copy can be written, and flattened as it "
        "is.",
    ),
    Convention(
        "a write by a view of the same memory",
        lambda o: o.kind == "value" and o.shares_memory(),
        "PyTorch writes while it reads; here the right side is computed before anything is written.",
    ),
    Convention(
        "memory that is stretched is written",
        lambda o: o.we_say("refers to a single memory location", "share memory, and those at")
        and (
            o.we_say("share memory, and those at")
            or o.has_line(r"(index_fill|index_put|masked_fill|masked_scatter)_\(")
            or o.has_line(r"\[[^=]*(\[|T\.tensor| > )[^=]*\] \S?= ")
            or o.descends("unfold")
            or o.has_same_values()
        ),
        "PyTorch refuses such writes, but lets these through, some with a warning, those to overlapping windows, and "
        "what writes what is there already; here all are refused.",
    ),
    Convention(
        "a stretched leaf and a view that PyTorch recorded anew",
        lambda o: o.kind == "gradient" and 0 in o.peer().stride() and o.is_recorded_anew(),
        "After an unrecorded write PyTorch takes the view for one of memory, and shares its gradient among entries "
        "that lie at one place; without the write it does not, and here neither.",
    ),
    Convention(
        "a view made under no_grad of an untracked tensor, or of one that is gone, is written, or its base is",
        lambda o: o.they_say("created in no_grad mode and is being modified inplace with grad mode enabled")
        or (o.kind == "retains_grad" and o.has_line(r"no_grad.*retain_grad") and o.peer()._is_view()),
        "PyTorch calls it ambiguous, and forgets retain_grad() there; here nothing was cut off when the view was made, "
        "and both know of the write.",
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
        lambda o: o.descends(r"\.data\b")
        and (o.we_say("needs was changed in place") or (o.is_of_gradient() and o.machine.is_right_with_copies(o))),
        "PyTorch does not count such a change, and its gradient is that of neither value.",
    ),
    Convention(
        "a part of many is written",
        lambda o: o.they_say(OF_MANY, NO_GRAD_BASE),
        "PyTorch refuses a write to an output of unbind, split or chunk, and the use of one, or of a view made under "
        "no_grad, after a write to its base; here these are as other views.",
    ),
    Convention(
        "the memory of both overlaps",
        lambda o: o.they_say("some elements of the input tensor and the written-to tensor refer to a single memory"),
        "PyTorch asks for a clone(); here the right side is computed before anything is written.",
    ),
)
