"""Differences that are known, each with who is right; what none of these names is a disagreement."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.fuzzing.compare import Difference, compared, near, none_or_zeros
from benchmarks.fuzzing.program import Leaf, Line, Program
from benchmarks.fuzzing.run import OURS, Value, peer, run

VARIABLE = re.compile(r"(?<![\w.'])([a-z]\d*)(?![\w(='])")  # a name where it is read


class Known(NamedTuple):
    """A kind of difference: ``holds`` says whether one is of this kind, ``right`` who is right, and why."""

    name: str
    right: str
    holds: Callable[[Program, Difference], bool]


def _refused(*said: str) -> Callable[[Program, Difference], bool]:
    """PyTorch refuses with one of these words what this library does."""
    return lambda program, found: (
        found.kind == "error" and found.ours == "none" and any(re.search(text, str(found.theirs)) for text in said)
    )


def _we_refuse(*said: str) -> Callable[[Program, Difference], bool]:
    return lambda program, found: (
        found.kind == "error" and found.theirs == "none" and any(re.search(text, str(found.ours)) for text in said)
    )


def _agree_guarded(program: Program) -> bool:
    """Whether PyTorch agrees where its ``where`` computes what it does not take at 1."""
    where, guarded = r"lib\.where\((\w+) > 0, (\w+)\.(\w+)\(\)", r"lib.where(\1 > 0, lib.where(\1 > 0, \2, 1).\3()"
    lines = tuple(line if isinstance(line, Leaf) else Line(re.sub(where, guarded, line.text)) for line in program.lines)
    if (torch := peer()) is None:
        return False
    found = compared(program, run(program, OURS), run(program._replace(lines=lines), torch))
    return found is None or none_or_zeros(found)


def _nan_behind_where(program: Program, found: Difference) -> bool:
    """Only PyTorch's gradient has NaN, and all other entries agree."""
    mine, other = found.ours, found.theirs
    if not (found.kind.startswith("gradient") and isinstance(mine, Value) and isinstance(other, Value)):
        return False
    if found.kind.endswith("none") or mine.array.shape != other.array.shape:
        return False
    if any("where(" in line.text for line in program.lines):
        return _agree_guarded(program)
    leaked = np.isnan(other.array) & np.isfinite(mine.array)
    mine, other = np.where(leaked, 0, mine.array), np.where(leaked, 0, other.array)
    return bool(leaked.any()) and (near(mine, other, 10) or np.allclose(mine, other, atol=1e-6, equal_nan=True))


def _no_grad_view(program: Program, found: Difference) -> bool:
    made = rf"with lib.no_grad\(\): (\w+, )*{re.escape(found.where)}\b"
    return (found.kind == "value: tracked" and not found.ours.tracked
            and any(re.match(made, line.text) for line in program.lines))


def _agree(program: Program) -> bool:
    """Whether PyTorch is installed and agrees."""
    torch = peer()
    found = None if torch is None else compared(program, run(program, OURS), run(program, torch))
    return torch is not None and (found is None or none_or_zeros(found) or _nan_behind_where(program, found))


def _agree_aside(program: Program) -> bool:
    """Whether the libraries agree a little aside of the numbers of the program."""
    return _agree(program.in_double().moved())


def _agree_beside(program: Program, at: str) -> bool:
    """Whether the libraries agree where all that the lines that match ``at`` read is a little aside.

    Unlike numbers that are moved, it parts those that are equal by what the program does.
    """
    program = program.in_double()
    lines = tuple(_beside(line, at) for line in program.lines)
    return lines != program.lines and _agree(program._replace(lines=lines))


def _beside(line: Line | Leaf, at: str) -> Line | Leaf:
    if isinstance(line, Leaf) or not re.search(at, line.text):
        return line
    found = re.match(r"((?:with [^:]*: )?[\w, ]+ = )?(.*)$", line.text)
    count = iter(range(1, 99))
    read = re.sub(VARIABLE, lambda name: f"aside({name[1]}, {next(count)})", found[2]) if found else ""
    return Line(f"{found[1] or ''}{read}") if found else line


# What has a slope that jumps: a layer by the name that it was given, too.
KINKS = r"elu|hard|shrink|relu|abs|smooth_l1|huber|\w+m\("


def _second_at_a_kink(program: Program, found: Difference) -> bool:
    lines = tuple(
        line if isinstance(line, Leaf) else Line(line.text.replace("zero_()", "fill_(0.317)").replace("0.0", "0.317"))
        for line in program.lines
    )
    kinks = _agree_aside(program._replace(lines=lines)) or _agree_beside(program, KINKS)
    return found.kind.startswith("gradient 2") and kinks


def _left_out(program: Program, found: Difference) -> bool:
    """Ties in the extremes of scatter_reduce and index_reduce, with the entries that are written, though left out."""
    lines = [line.text for line in program.lines if re.search("am(ax|in).*include_self=False", line.text)]
    itself = any(re.search(r"\((\w+), -?\d, \w+, \1, ", text) for text in lines)
    tied = itself or _agree_aside(program) or _agree_beside(program, "am(ax|in).*include_self=False")
    return bool(lines) and found.kind.startswith("gradient") and tied


def _equal_rows(program: Program, found: Difference) -> bool:
    bags = any("embedding_bag" in line.text and "max" in line.text for line in program.lines)
    return bags and found.kind.startswith("gradient") and _agree_aside(program)


DEGENERATE = "norm|svd|pinv|cond|eig|qr|std|cholesky_ex"


def _degenerate(program: Program, found: Difference) -> bool:
    named = any(re.search(DEGENERATE, line.text) for line in program.lines)
    agree = named and (_agree_aside(program) or _agree_beside(program, DEGENERATE))
    return agree and found.kind in ("value", "gradient 1", "gradient 2", "gradient 1 or none", "gradient 2 or none")


def _read_first(program: Program, found: Difference) -> bool:
    """The libraries agree where PyTorch reads a copy of what it writes."""
    if found.kind != "value" or (torch := peer()) is None:
        return False
    lines = tuple(_reading_copies(line) for line in program.lines)
    return compared(program, run(program, OURS), run(program._replace(lines=lines), torch)) is None


def _reading_copies(line: Line | Leaf) -> Line | Leaf:
    parts = re.match(r"((?:with [^:]*: )?\w+.*?(?:\w_\(| [-+*]= |\] = ))(.*)$", line.text)
    if isinstance(line, Leaf) or parts is None:
        return line
    return Line(parts[1] + VARIABLE.sub(r"\1.clone()", parts[2]))


UNORDERED = re.compile(r"kthvalue|topk|sort|median|mode|quantile")


def _order_of_ties(program: Program, found: Difference) -> bool:
    named = any(UNORDERED.search(line.text) for line in program.lines)
    return named and found.kind in ("value", "gradient 1", "gradient 2") and _agree_aside(program)


def _single(program: Program, found: Difference) -> bool:
    """In float64, and by less than a digit of float32."""
    mine, other = found.ours, found.theirs
    named = any(re.search("ardsigmoid|binary_cross_entropy|[gG]amma", line.text) for line in program.lines)
    return (named and found.kind in ("value", "gradient 1", "gradient 2") and mine.dtype == "float64"
            and np.allclose(mine.array, other.array, rtol=1e-6, atol=1e-7, equal_nan=True))


def _strided_weights(program: Program, found: Difference) -> bool:
    """The libraries agree where the weights of batch_norm are contiguous."""
    lines = tuple(line if isinstance(line, Leaf) else
                  Line(re.sub(r"(batch_norm\(\w+, \w+, \w+, )(\w+), (\w+)", r"\1\2.clone(), \3.clone()", line.text))
                  for line in program.lines)
    return lines != program.lines and _agree(program._replace(lines=lines))


def _hidden(program: Program, found: Difference) -> bool:
    """A write through .data, of which neither library knows; what a VJP reads is no longer what it was."""
    return found.kind.startswith("gradient") and any(re.search(r"= \w+\.data$", line.text) for line in program.lines)


def _infinite(program: Program, found: Difference) -> bool:
    """Numbers that differ for inputs that are infinite, NaN or about to overflow, and agree for ordinary ones."""
    ordinary = program.finite()
    return (str(ordinary) != str(program) and found.kind in ("value", "gradient 1", "gradient 2", "error")
            and _agree(ordinary))


PROMOTED = re.compile(
    r"lerp|isclose|allclose|meshgrid|cartesian_prod|vecdot|cross\(|heaviside|addr|prelu|_norm\(|grid_sample|_loss|entropy"
)


def _one_dtype(program: Program, found: Difference) -> bool:
    """PyTorch asks for one dtype."""
    lines = str(program) if found.where.startswith("gradients") else found.where
    refused = _refused("same data ?types?", "same dtype", "dtype .* but", "different dtypes", "promoting",
                       "mixed dtype", "scalar type", "did not match", "needs_dynamic_casting")
    return refused(program, found) and PROMOTED.search(lines) is not None


def _dtype_of_a_part(program: Program, found: Difference) -> bool:
    made = rf"(with lib.no_grad\(\): )?{re.escape(found.where)} = lib.nn.functional.binary_cross_entropy_with_logits"
    return found.kind == "value: dtype" and any(re.match(made, line.text) for line in program.lines)


def _has_nothing(program: Program) -> bool:
    return re.search(r"lib\.zeros\(\([^)]*\b0\b", str(program)) is not None


def _beyond(program: Program, found: Difference) -> bool:
    if _we_refuse("out of bounds")(program, found):
        return "take_along_dim" in found.where
    return _has_nothing(program) and "index_" in found.where and _we_refuse("is out of range for dim")(program, found)


def _of_nothing(program: Program, found: Difference) -> bool:
    """Only PyTorch refuses a tensor without entries, in a program that has one."""
    return _has_nothing(program) and _refused(
        "must be non-empty", "Expected .* with (possibly|optional) 0 (dim )?batch size",
        "Only zero batch or zero channel",
    )(program, found)


def _filled(program: Program, found: Difference) -> bool:
    """One number for all entries of a stretched view: PyTorch refuses it in the backward pass."""
    stretched, filled = re.search("expand|broadcast_t", str(program)), re.search("^gradients|fill_", found.where)
    return bool(stretched and filled) and "more than one element of the written-to tensor" in str(found.theirs)


def _source_is_larger(program: Program, found: Difference) -> bool:
    reduced = any(re.search("scatter_reduce.*(am(ax|in)|prod|mean)", line.text) for line in program.lines)
    return (reduced and found.where.startswith("gradients")
            and _refused("The size of tensor a .* must match the size of tensor b")(program, found))


def _windows(program: Program, found: Difference) -> bool:
    unfolded = any(".unfold(" in line.text for line in program.lines)
    written = any(re.search(r"\w_\(|[-+*]=|\] =|inplace", line.text) for line in program.lines)
    return unfolded and written and found.kind in ("value", "gradient 1", "gradient 2")


def _half_written(program: Program, found: Difference) -> bool:
    """The libraries agree without the writes that both refuse."""
    torch = peer()
    if found.kind != "value" or torch is None:
        return False
    mine, other = run(program, OURS), run(program, torch)
    both = {k for k in mine.errors.keys() & other.errors.keys() if k < len(program.lines)}
    rest = program._replace(lines=tuple(line for k, line in enumerate(program.lines) if k not in both))
    return bool(both) and _agree(rest)


def _unsafe_written(program: Program, found: Difference) -> bool:
    """A gradient where a part of unsafe_split or unsafe_chunk, or what it is a part of, is written."""
    parts = [re.match(r"([\w, ]+?),? = .*?(\w+)(?=\.unsafe_|, )|", line.text) for line in program.lines
             if "unsafe_" in line.text]
    names = "|".join(name for part in parts if part and part[1] for name in (*part[1].split(", "), part[2]))
    written = rf"(^|: )({names})(\.\w+_\(|\[.*\] = | [-+*]= )"
    return bool(names) and found.kind.startswith("gradient") and any(
        re.search(written, line.text) for line in program.lines)


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


def _stretched_leaf(program: Program, found: Difference) -> bool:
    """The leaf's memory is stretched, and written: PyTorch shares gradients between its equal entries."""
    leaf = next((line for line in program.leaves if line.name == found.where), None)
    written = rf"no_grad\(\): {re.escape(found.where)}\b.*( [-+*]?= |_\()"
    return (found.kind.startswith("gradient") and leaf is not None and "expand" in leaf.layout
            and any(re.search(written, line.text) for line in program.lines))


def _negative_circular(program: Program, found: Difference) -> bool:
    """PyTorch gives memory that it has not written."""
    made = rf"\b{re.escape(found.where)} = .*pad\(.*-.*circular"
    return found.kind == "value" and any(re.search(made, line.text) for line in program.lines)


def _detached_and_written(program: Program, found: Difference) -> bool:
    """A view of a tensor that was taken out of the graph in place and written since."""
    cut = [k for k, line in enumerate(program.lines) if re.search(r"\w\.detach_\(\)", line.text)]
    written = any(re.search(r"\w_\(|[-+*]=|\] =", line.text) for k in cut for line in program.lines[k + 1 :])
    return found.kind == "gradient 1 or none" and found.theirs is None and written


KNOWN = [
    Known("half precision", "ours: PyTorch has no such kernel for float16", _refused(
        "'Half'", r"linalg.pinv\(Half", "doesn't handle types other than float and double",
        "Low precision dtypes", "must be either float or double", "but got Half",
        "expected scalar type .* but found Half")),
    Known("parts that are written", "ours: a part of chunk, split, unbind is a view like any other", _refused(
        "output of a function that returns multiple views", "output is a view .* multi-output")),
    Known("no second derivative", "ours: PyTorch has no derivative of this derivative", _refused(
        "derivative for .* is not implemented", "not implemented for .* double", "does not support double")),
    Known("what PyTorch keeps", "both: ours does not keep what was changed", _refused(
        "one of the variables needed for gradient computation has been modified")),
    Known("what we keep", "both: PyTorch does not keep what was changed", _we_refuse(
        "that the backward pass of .* needs was changed in place")),
    Known("reads what it writes", "ours: what is read is read before", _refused(
        "some elements of the input tensor and the written-to tensor refer to a single memory location")),
    Known("reads what it has written", "ours: what is read is read before", _read_first),
    Known("a view that stands alone", "neither: whether the last step of a function is a view", _we_refuse(
        "a view cannot be taken out of the graph in place")),
    Known("the matrix of triangular_solve", "neither: it is given back as it was", lambda program, found: (
        found.kind == "value: tracked" and any(f", {found.where} = lib.triangular_solve" in line.text
                                               for line in program.lines))),
    Known("shared memory", "both: several entries are one number, which PyTorch writes in some order", _we_refuse(
        "more than one element of the written-to tensor refers to a single memory location")),
    Known("a stretched view that is filled", "ours: one number for all entries has a derivative", _filled),
    Known("memory of others", "ours: as_strided refuses a view whose gradient would be lost", _we_refuse(
        "shows memory between or beyond the entries")),
    Known("of nothing", "ours: the result has no entries either", _of_nothing),
    Known("two dtypes of nothing", "ours: asks for one dtype, whatever the size; triangular solves, too", _we_refuse(
        r"needs inputs of one dtype, not .*\b0[,)]", "solve needs inputs of one dtype")),
    Known("dropout of what has no channels", "ours: refuses it in evaluation, too", _we_refuse(
        r"dropout\dd takes inputs of")),
    Known("no entries to normalise", "ours: PyTorch takes weights that do not fit the channels then", _we_refuse(
        r"batch_norm of \d channels takes a (weight|running_mean)")),
    Known("the dtype of a part", "ours: promotes, where PyTorch's is that of an operand that it writes into",
          _dtype_of_a_part),
    Known("targets beyond probabilities", "both: the formula has a value there", _refused(
        "all elements of target should be between 0 and 1")),
    Known("a larger source", "ours: PyTorch's backward pass takes an index of the source's shape alone",
          _source_is_larger),
    Known("a complete basis", "both: PyTorch refuses qr(mode='complete') in the backward pass", _we_refuse(
        'has a gradient with mode="reduced" only')),
    Known("a view under no_grad", "ours: nothing was recorded, so it does not require grad", _no_grad_view),
    Known("a view under no_grad that is written", "ours: the view shows the new value, without gradient", _refused(
        "created in no_grad mode and")),
    Known("a constant under no_grad", "ours: it has no gradient to show", lambda program, found: bool(
        _we_refuse("retain_grad: .* does not require grad")(program, found) and "no_grad" in str(program))),
    Known("overlapping windows", "neither: an entry stands in two windows of unfold that are written", _windows),
    Known("infinite inputs", "neither: which of inf and NaN comes out of infinite inputs", _infinite),
    Known("two dtypes", "ours: promotes, where PyTorch asks for one dtype", _one_dtype),
    Known("an index beyond", "ours: refuses, where PyTorch reads memory of others", _beyond),
    Known("a second derivative at a kink", "neither: the first derivative jumps there", _second_at_a_kink),
    Known("the order of ties", "neither: PyTorch promises none", _order_of_ties),
    Known("constants of single precision", "ours: PyTorch's 1 / 6 and 1e-12 are of float32 in float64, too, and its "
          "polygamma and digamma have 9 digits", _single),
    Known("extremes without the entry", "ours: PyTorch shares with the entry that include_self=False leaves out",
          _left_out),
    Known("bags of equal rows", "ours: the maximum is shared evenly, as that of amax", _equal_rows),
    Known("degenerate matrices", "neither: the function has a kink there", _degenerate),
    Known("whole numbers", "ours: computes what PyTorch has for floats alone", _refused(
        "not implemented for '(Long|Int|Bool)", "Expected a floating point or complex tensor as input. Got (?!Half)",
        "only support floating point and complex dtypes")),
    Known("detached in place", "ours: what was detached is a constant", _refused("has been detached in-place")),
    Known("a leaf that is turned", "ours: PyTorch's own gradient does not fit", _refused(
        "returned an invalid gradient")),
    Known("weights with gaps", "ours: PyTorch's batch_norm reads the memory between them", _strided_weights),
    Known("writes through .data", "neither: nobody can see them", _hidden),
    Known("unsafe parts", "ours: they are views like those of split", lambda program, found: (
        _we_refuse("a leaf that requires grad")(program, found) and "unsafe_" in str(program))),
    Known("a target of another shape", "ours: refuses losses that would stretch it", _we_refuse(
        "takes a target of its input's shape")),
    Known("matrices near one without inverse", "neither: rounding says which has one", lambda program, found: bool(
        _refused("the input matrix is singular")(program, found) and _agree_aside(program))),
    Known("matrices without inverse", "ours: refuses them, in what ends in _ex, too", lambda program, found: bool(
        _we_refuse("Singular matrix", "not positive definite")(program, found)
        and re.search("_ex\\(|cholesky|triangular|^gradients", found.where))),
    Known("nextafter of equals", "neither: the slope is that of one of two equal numbers", lambda program, found: (
        found.kind.startswith("gradient") and _agree_beside(program, "nextafter"))),
    Known("half written", "ours: what is refused writes nothing", _half_written),
    Known("unsafe parts that are written", "ours: they are views like those of split", _unsafe_written),
    Known("a view of what was detached", "PyTorch: once it is written it no longer follows the graph; ours does, "
          "without the write", _detached_and_written),
    Known("a leaf of another shape", "neither: PyTorch's gradient has the shape that the leaf had", _turned),
    Known("results of nothing", "ours: they depend on the empty tensor as any result does",
          _made_of_nothing),
    Known("the sign of vectors", "neither: both are right", _sign),
    Known("a stretched leaf", "ours: PyTorch shares gradients between entries that are one number", _stretched_leaf),
    Known("circular and negative padding", "ours: PyTorch gives memory that nobody wrote", _negative_circular),
    Known("NaN behind where", "ours: a cotangent of 0 stays 0", _nan_behind_where),
    Known("none or zeros", "both: nothing depends on the leaf",
          lambda program, found: none_or_zeros(found)),
]  # fmt: skip


def known(program: Program, found: Difference) -> str | None:
    """The name of the kind that the difference is of, if it is known."""
    return next((entry.name for entry in KNOWN if entry.holds(program, found)), None)
