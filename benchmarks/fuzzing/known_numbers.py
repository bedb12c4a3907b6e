"""Known differences in values, gradients and flags, each with who is right."""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from benchmarks.fuzzing.compare import Difference, near, none_or_zeros
from benchmarks.fuzzing.kinds import (
    Known,
    agree,
    agree_aside,
    agree_beside,
    agree_changed,
    nan_behind_where,
)
from benchmarks.fuzzing.program import Leaf, Line, Program
from benchmarks.fuzzing.run import OURS, Value, peer, run


def _no_grad_view(program: Program, found: Difference) -> bool:
    made = rf"with lib.no_grad\(\): (\w+, )*{re.escape(found.where)}\b"
    return (found.kind == "value: tracked" and not found.ours.tracked
            and any(re.match(made, line.text) for line in program.lines))


# What has a slope that jumps: a layer by the name that it was given, too.
KINKS = r"elu|hard|shrink|relu|abs|smooth_l1|huber|\w+m\("


def _second_at_a_kink(program: Program, found: Difference) -> bool:
    lines = tuple(
        line if isinstance(line, Leaf) else Line(line.text.replace("zero_()", "fill_(0.317)").replace("0.0", "0.317"))
        for line in program.lines
    )
    kinks = agree_aside(program._replace(lines=lines)) or agree_beside(program, KINKS)
    return found.kind.startswith("gradient 2") and kinks


def _left_out(program: Program, found: Difference) -> bool:
    """Ties in the extremes of scatter_reduce and index_reduce, with the entries that are written, though left out."""
    lines = [line.text for line in program.lines if re.search("am(ax|in).*include_self=False", line.text)]
    itself = any(re.search(r"\((\w+), -?\d, \w+, \1, ", text) for text in lines)
    tied = itself or agree_aside(program) or agree_beside(program, "am(ax|in).*include_self=False")
    return bool(lines) and found.kind.startswith("gradient") and tied


def _shared(pattern: str, program: Program, found: Difference) -> bool:
    """Ties in the extremes of lines of a pattern."""
    lines = any(re.search(pattern, line.text) for line in program.lines)
    return lines and found.kind.startswith("gradient") and agree_aside(program)


NUMERIC = ("value", "gradient 1", "gradient 2", "gradient 1 or none", "gradient 2 or none")
DEGENERATE = "norm|svd|pinv|cond|eig|qr|std|cholesky|solve|inv|lstsq"


def _degenerate(program: Program, found: Difference) -> bool:
    named = any(re.search(DEGENERATE, line.text) for line in program.lines)
    return named and found.kind in NUMERIC and (
        agree_aside(program) or agree_beside(program, DEGENERATE) or agree_beside(program, DEGENERATE, alike=True))


UNORDERED = re.compile(r"kthvalue|topk|sort|median|mode|quantile|\blu\w*\(")  # and of equal pivots


def _order_of_ties(program: Program, found: Difference) -> bool:
    named = any(UNORDERED.search(line.text) for line in program.lines)
    return named and found.kind in ("value", "gradient 1", "gradient 2") and (
        agree_aside(program) or agree_beside(program, UNORDERED.pattern))


def _single(program: Program, found: Difference) -> bool:
    """In float64, and by less than a digit of float32."""
    mine, other = found.ours, found.theirs
    named = any(re.search("ardsigmoid|binary_cross_entropy|[gG]amma|psi|bessel", line.text) for line in program.lines)
    return (named and found.kind in ("value", "gradient 1", "gradient 2") and mine.dtype == "float64"
            and np.allclose(mine.array, other.array, rtol=1e-6, atol=1e-7, equal_nan=True))


def _strided_weights(program: Program, found: Difference) -> bool:
    """The libraries agree where the weights of batch_norm are contiguous."""
    lines = tuple(line if isinstance(line, Leaf) else
                  Line(re.sub(r"(batch_norm\(\w+, \w+, \w+, )(\w+), (\w+)", r"\1\2.clone(), \3.clone()", line.text))
                  for line in program.lines)
    return lines != program.lines and agree(program._replace(lines=lines))


def _hidden(program: Program, found: Difference) -> bool:
    """A write through .data, of which neither library knows; what a VJP reads is no longer what it was."""
    return found.kind.startswith("gradient") and any(re.search(r"= \w+\.data$", line.text) for line in program.lines)


def _retained_anew(program: Program, found: Difference) -> bool:
    """A tensor that was told to keep its gradient, and written before or after: under no_grad, or by another name."""
    if not any(line.text == f"{found.where}.retain_grad()" for line in program.lines):
        return False
    if found.kind == "gradient 1 or none" and found.theirs is None:
        return any(re.search(r"\w_\(|[-+*]=|\] =|inplace=True", line.text) for line in program.lines)
    written = r"with lib.no_grad\(\): .*(\w_\(|[-+*]=|\] =|inplace=True)"
    return found.kind == "gradient 1" and any(re.match(written, line.text) for line in program.lines)


def _infinite(program: Program, found: Difference) -> bool:
    """Numbers that differ for inputs that are infinite, NaN or about to overflow, and agree for ordinary ones."""
    ordinary = program.finite()
    return (str(ordinary) != str(program) and found.kind in ("value", "gradient 1", "gradient 2", "error")
            and (agree(ordinary) or agree(_without_refused(program).finite())))


STEPS = r"atan2|angle|sgn|sign|floor|ceil|round|trunc|frac|heaviside|fmod|remainder"


def _step(program: Program, found: Difference) -> bool:
    """The libraries agree where a step, of a function or of a mask, is not where a number of no size is."""
    return found.kind in NUMERIC and (
        agree_beside(program, STEPS)
        or agree_changed(program.in_double(), lambda text: re.sub(r"([<>]=?) 0(?![.\d])", r"\1 1.7e-06", text)))


def _singular(program: Program, found: Difference) -> bool:
    """The libraries agree about the determinant of a matrix that is not singular."""
    named = any(re.search(r"det\(", line.text) for line in program.lines)
    return named and found.kind in NUMERIC and (agree_aside(program) or agree_beside(program, r"det\("))


BESIDE_ITSELF = r"cosine_\w+\((\w+), \1\b"


def _beside_itself(program: Program, found: Difference) -> bool:
    """The cosine of a vector with itself is 1, and its gradient 0 but for the last digits of what cancels."""
    mine, other = found.ours, found.theirs
    if not (found.kind.startswith("gradient") and isinstance(mine, Value) and isinstance(other, Value)):
        return False
    tiny = 1e-6 if mine.dtype == "float32" else 1e-14
    if mine.shape != other.shape or not np.isfinite(mine.array).all():
        return False
    is_tiny = np.abs(mine.array - other.array).max(initial=0.0) < tiny
    return (is_tiny and "cosine_similarity" in str(program)) or agree_beside(program, BESIDE_ITSELF)


def _single_inside(program: Program, found: Difference) -> bool:
    """In float64, made of a result that float32 rounded."""
    mine, other = found.ours, found.theirs
    return (isinstance(mine, Value) and isinstance(other, Value)
            and found.kind in ("value", "gradient 1", "gradient 2") and mine.dtype == "float64"
            and any(value.dtype == "float32" for value in run(program, OURS).values.values())
            and near(mine.array.astype(np.float32), other.array.astype(np.float32)))


def _later_written(program: Program, found: Difference) -> bool:
    """The libraries agree without the writes behind the product."""
    at = next((k for k, line in enumerate(program.lines) if "kron(" in line.text), len(program.lines))
    written = r"\w_\(|[-+*/]=|\] =|inplace=True"
    rest = tuple(line for line in program.lines[at + 1 :] if not re.search(written, line.text))
    lines = (*program.lines[: at + 1], *rest)
    return found.kind.startswith("gradient") and lines != program.lines and agree(program._replace(lines=lines))


def _exponential_twice(program: Program, found: Difference) -> bool:
    """Large numbers of both signs that cancel."""
    mine, other = found.ours, found.theirs
    if "matrix_exp(" not in str(program) or not (isinstance(mine, Value) and isinstance(other, Value)):
        return False
    return np.abs(mine.array).max(initial=0.0) > 1e8 and np.allclose(mine.array, other.array, rtol=1e-2)


ACROSS_ITSELF = r"cross\((\w+), \1\b|(\w+)\.cross\(\2\b"


def _across_itself(program: Program, found: Difference) -> bool:
    """The product of a vector with itself is 0 here, and in PyTorch what the rounding of one of two products leaves."""
    return found.kind in NUMERIC and agree_beside(program, ACROSS_ITSELF)


def _source_is_larger(program: Program, found: Difference) -> bool:
    """The libraries agree where the source is cut to the shape of its index."""
    source = r"(scatter_reduce_?\((?:\w+, )?-?\d, (\w+), )(\w+)"
    return found.kind.startswith("gradient") and agree_changed(
        program, lambda text: re.sub(source, r"\1\3[tuple(map(slice, \2.shape))]", text))


def _shuffled_nothing(program: Program, found: Difference) -> bool:
    """PyTorch gives a tensor without entries back in the shape that it had, which may not fit what comes after."""
    if found.kind == "error":
        nothing = re.search(r"[(,] ?0[,)](.|\n)*pixel_(un)?shuffle", str(program))
        return str(found.ours) == "none" and nothing is not None
    made = rf"\b{re.escape(found.where)} = .*(pixel_(un)?shuffle|\w+m\()"
    return (found.kind == "value: shape" and 0 in found.ours.shape
            and any(re.search(made, line.text) for line in program.lines))


def _dtype_of_a_part(program: Program, found: Difference) -> bool:
    function = r"lib\.(nn\.functional\.)?binary_cross_entropy_with_logits"
    made = rf"(with lib.no_grad\(\): )?{re.escape(found.where)} = {function}"
    return found.kind == "value: dtype" and any(re.match(made, line.text) for line in program.lines)


def _windows(program: Program, found: Difference) -> bool:
    unfolded = any(".unfold(" in line.text for line in program.lines)
    written = any(re.search(r"\w_\(|[-+*]=|\] =|inplace", line.text) for line in program.lines)
    return unfolded and written and found.kind in ("value", "gradient 1", "gradient 2")


def _gaps(program: Program, found: Difference) -> bool:
    """The libraries agree where what a part is written into has no gaps."""
    written = r"(?<!lib)(\b\w+)(\.)((?:select|slice|diagonal)_scatter\()"
    free = r"(lib\.(?:select|slice|diagonal)_scatter\()(\w+)"
    return found.kind in NUMERIC and (
        agree_changed(program, lambda text: re.sub(written, r"\1.contiguous()\2\3", text))
        or agree_changed(program, lambda text: re.sub(free, r"\1\2.contiguous()", text)))


def _negative_length(program: Program, found: Difference) -> bool:
    """The libraries agree where the lengths of polar are positive."""
    return found.kind.startswith("gradient") and agree_changed(
        program, lambda text: re.sub(r"polar\((\w+)", r"polar(\1.abs() + 1", text))


def _half_written(program: Program, found: Difference) -> bool:
    """The libraries agree without the writes that both refuse."""
    rest = _without_refused(program)
    return found.kind == "value" and rest != program and agree(rest)


def _without_refused(program: Program) -> Program:
    """The program without the lines that both libraries refuse."""
    if (torch := peer()) is None:
        return program
    mine, other = run(program, OURS), run(program, torch)
    both = mine.errors.keys() & other.errors.keys()
    return program._replace(lines=tuple(line for k, line in enumerate(program.lines) if k not in both))


def _unsafe_written(program: Program, found: Difference) -> bool:
    """The libraries agree about the parts of split and chunk, or differ by what is known of those."""
    return found.kind in (*NUMERIC, "value: tracked") and agree_changed(
        program, lambda text: text.replace("unsafe_", ""))


def _of_whole_numbers(program: Program, found: Difference) -> bool:
    made = rf"{re.escape(found.where)} = lib\.(nn\.functional\.avg_pool|hinge_embedding_loss)"
    return found.kind == "value: dtype" and any(re.search(made, line.text) for line in program.lines)


def _without_order(program: Program, found: Difference) -> bool:
    """The libraries agree where the boundaries rise, as they have to."""
    boundaries = r"((?:bucketize|searchsorted)\(\w+(?:\.contiguous\(\))?, )(\w+(?:\.contiguous\(\))?)"
    rising = r"((?:searchsorted)\()(\w+(?:\.contiguous\(\))?)"
    return found.kind == "value" and (
        agree_changed(program, lambda text: re.sub(boundaries, r"\1lib.sort(\2)[0]", text))
        or agree_changed(program, lambda text: re.sub(rising, r"\1lib.sort(\2)[0]", text)))


def _converted(program: Program, found: Difference) -> bool:
    """An operand that was converted, and written after, or a result that was: PyTorch takes what is there now."""
    double = program.in_double()
    mixed = re.search(r"kron\(|float16|half\(\)", str(program)) is not None and str(double) != str(program)
    return found.kind.startswith("gradient 1") and mixed and agree(double)


def _turned(program: Program, found: Difference) -> bool:
    """A leaf of which the graph was made before it was given another shape: PyTorch's gradient has the old one."""
    turned = rf"with lib.no_grad\(\): {re.escape(found.where)}\.(t|unsqueeze|squeeze|transpose|swapaxes|swapdims)_\("
    return (found.kind.endswith("or none") and found.ours is None
            and any(re.match(turned, line.text) for line in program.lines))


def _made_of_nothing(program: Program, found: Difference) -> bool:
    """A result that no entry went into, of a function that gives new zeros in PyTorch; they must be zeros here."""
    made = rf"{re.escape(found.where)} = .*(matrix_norm|linalg.norm|trapz|trapezoid|cond)"
    empty = any(0 in value.shape for value in run(program, OURS).values.values())
    return (found.kind == "value: tracked" and found.ours.tracked and not found.ours.array.any() and empty
            and any(re.search(made, line.text) for line in program.lines))


def _sign(program: Program, found: Difference) -> bool:
    """Vectors of a decomposition, each of which is the other library's, or its negative."""
    made = rf"\b{re.escape(found.where)}\b.* = .*(eigh|svd|qr)"
    return (found.kind == "value" and any(re.search(made, line.text) for line in program.lines)
            and near(np.abs(found.ours.array), np.abs(found.theirs.array)))


def _bits(program: Program, found: Difference) -> bool:
    """Numbers read as others, which show each rounding: as what they were they are near."""
    named = isinstance(found.ours, Value) and re.search(r"\bview(_copy)?\(", str(program))
    if found.kind != "value" or not named or found.ours.array.dtype.kind != "i":
        return False
    ours, theirs = (np.ascontiguousarray(x.array).reshape(-1).view(np.uint8) for x in (found.ours, found.theirs))
    return any(len(ours) % size == 0 and near(ours.view(f"f{size}"), theirs.view(f"f{size}")) for size in (4, 8))


def _other_norm(text: str) -> str:
    """Frobenius's norm for the nuclear one."""
    text = re.sub(r"nuclear_norm\((\w+)\)", r"norm(\1)", text.replace("'nuc'", "'fro'"))
    return text.replace("nuclear_norm(", "frobenius_norm(")


def _stretched_leaf(program: Program, found: Difference) -> bool:
    """The leaf's memory is stretched, and written: PyTorch shares gradients between its equal entries."""
    leaf = next((line for line in program.leaves if line.name == found.where), None)
    written = r"\w_\(| [-+*]= |\] = |inplace=True"
    return (found.kind.startswith("gradient") and leaf is not None and "expand" in leaf.layout
            and any(re.search(written, line.text) for line in program.lines))


def _negative_circular(program: Program, found: Difference) -> bool:
    """PyTorch gives memory that it has not written; the libraries agree where another mode pads."""
    made = rf"\b{re.escape(found.where)} = .*pad\(.*-.*circular"
    if found.kind == "value":
        return any(re.search(made, line.text) for line in program.lines)
    lines = tuple(Line(line.text.replace("circular", "replicate")) if re.search(r"pad\(.*-.*circular", line.text)
                  else line for line in program.lines)
    return found.kind.startswith("gradient") and lines != program.lines and agree(program._replace(lines=lines))


def _detached_and_written(program: Program, found: Difference) -> bool:
    """A view of a tensor that was taken out of the graph in place and written since."""
    cut = [k for k, line in enumerate(program.lines) if re.search(r"\w\.detach_\(\)", line.text)]
    written = any(re.search(r"\w_\(|[-+*]=|\] =", line.text) for k in cut for line in program.lines[k - 1 :])
    cut_off = found.kind == "value: tracked" and found.theirs.tracked
    return (cut_off or (found.kind == "gradient 1 or none" and found.theirs is None)) and written


NUMBERS = [
    Known("NaN behind where", "ours: a cotangent of 0 stays 0", nan_behind_where),
    Known("the matrix of triangular_solve", "neither: it is given back as it was", lambda program, found: (
        found.kind == "value: tracked" and any(f", {found.where} = lib.triangular_solve" in line.text
                                               for line in program.lines))),
    Known("the dtype of a part", "ours: promotes, where PyTorch's is that of an operand that it writes into",
          _dtype_of_a_part),
    Known("a view under no_grad", "ours: nothing was recorded, so it does not require grad", _no_grad_view),
    Known("overlapping windows", "neither: an entry stands in two windows of unfold that are written", _windows),
    Known("infinite inputs", "neither: which of inf and NaN comes out of infinite inputs", _infinite),
    Known("a second derivative at a kink", "neither: the first derivative jumps there", _second_at_a_kink),
    Known("the order of ties", "neither: PyTorch promises none", _order_of_ties),
    Known("constants of single precision", "ours: PyTorch's 1 / 6 and 1e-12 are of float32 in float64, too, and its "
          "polygamma and digamma have 9 digits", _single),
    Known("single precision inside", "neither: rounding in float32", _single_inside),
    Known("extremes without the entry", "ours: PyTorch shares with the entry that include_self=False leaves out",
          _left_out),
    Known("bags of equal rows", "ours: the maximum is shared evenly, as that of amax",
          partial(_shared, "embedding_bag.*max")),
    Known("ties in a segment", "ours: a negative gradient is shared like a positive one",
          partial(_shared, "segment_reduce.*(max|min)")),
    Known("kept at another node", "ours: PyTorch gives a view that was written a new node, which nothing came from",
          _retained_anew),
    Known("integers that are tracked", "ours: whole numbers have no gradient", lambda program, found: (
        found.kind == "value: tracked" and not found.ours.tracked and found.ours.array.dtype.kind != "f")),
    Known("a negative length", "ours: PyTorch's slope of polar has the wrong sign there, and is 0 at 0",
          _negative_length),
    Known("a step at rounding", "neither: rounding, or the sign of a zero, says on which side a number is", _step),
    Known("determinants of 0", "ours: the cofactors, where PyTorch's gradient is 0 or NaN", _singular),
    Known("a vector across itself", "ours: 0, without the rounding of PyTorch's products", _across_itself),
    Known("memory behind a solution", "neither: PyTorch's lstsq leaves it in larger memory, which as_strided shows",
          lambda program, found: found.kind in NUMERIC and "lstsq" in str(program) and any(
              "as_strided" in line.text and line.text.startswith(f"{found.where} =") for line in program.lines)),
    Known("a vector beside itself", "neither: digits that cancel", _beside_itself),
    Known("a root of powers", "ours: lp_pool of order 1 is smooth at 0, where PyTorch takes size and sign",
          lambda program, found: found.kind in NUMERIC and found.kind != "value" and agree_beside(program, "lp_pool")),
    Known("a larger source", "ours: PyTorch's backward pass takes an index of the source's shape alone",
          _source_is_larger),
    Known("nothing shuffled", "ours: channels and sizes are moved where there are no entries, too", _shuffled_nothing),
    Known("degenerate matrices", "neither: the function has a kink there", _degenerate),
    Known("weights with gaps", "ours: PyTorch's batch_norm reads the memory between them", _strided_weights),
    Known("writes through .data", "neither: nobody can see them", _hidden),
    Known("nextafter of equals", "neither: the slope is that of one of two equal numbers", lambda program, found: (
        found.kind.startswith("gradient") and agree_beside(program, "nextafter"))),
    Known("half written", "ours: what is refused writes nothing", _half_written),
    Known("unsafe parts that are written", "ours: they are views like those of split", _unsafe_written),
    Known("a view of what was detached", "PyTorch: once it is written it no longer follows the graph; ours does, "
          "without the write", _detached_and_written),
    Known("averages of whole numbers", "ours: they are floats, as losses are", _of_whole_numbers),
    Known("boundaries without order", "neither: the search takes them as rising", _without_order),
    Known("a number that was converted", "ours: the derivative of what was computed, whatever was written since",
          _converted),
    Known("a leaf of another shape", "neither: PyTorch's gradient has the shape that the leaf had", _turned),
    Known("an operand of kron that is written later", "ours: the gradient of what was multiplied", _later_written),
    Known("exponentials of exponentials", "neither: rounding, grown by what cancels", _exponential_twice),
    Known("the nuclear norm of zeros", "neither: ours is the slope in the middle, PyTorch's that of some vectors",
          lambda program, found: found.kind.startswith("gradient") and agree_changed(program, _other_norm)),
    Known("bits of a number", "neither: rounding, and the bits that show it", _bits),
    Known("a product of no rows", "ours: PyTorch gives addmv's first operand back in the shape that it had",
          lambda program, found: found.kind == "value: shape" and "addmv" in str(program) and 0 in found.ours.shape),
    Known("whole numbers of no size", "ours: softmax makes floats of them, of any size", lambda program, found: (
        found.kind == "value: dtype" and "softm" in str(program) and 0 in found.ours.shape)),
    Known("results of nothing", "ours: they depend on the empty tensor as any result does", _made_of_nothing),
    Known("the sign of vectors", "neither: both are right", _sign),
    Known("a stretched leaf", "ours: PyTorch shares gradients between entries that are one number", _stretched_leaf),
    Known("segments of what is stretched", "ours: PyTorch loses gradients of entries that are one number",
          lambda program, found: found.kind.startswith("gradient") and re.search(
              r"expand(.|\n)*segment_reduce\(", str(program)) is not None),
    Known("circular and negative padding", "ours: PyTorch gives memory that nobody wrote", _negative_circular),
    Known("a second derivative that cancels", "ours: polar is linear in the length", lambda program, found: (
        found.kind == "gradient 2 or none" and found.ours is None and "polar(" in str(program))),
    Known("gaps that a copy keeps", "ours: what a part is written into has none, which as_strided shows", _gaps),
    Known("none or zeros", "both: nothing depends on the leaf", lambda program, found: none_or_zeros(found)),
]  # fmt: skip
