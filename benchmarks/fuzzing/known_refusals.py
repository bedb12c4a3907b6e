"""Known differences in what is refused, each with who is right."""

from __future__ import annotations

import re

from benchmarks.fuzzing.compare import Difference
from benchmarks.fuzzing.kinds import Known, agree_aside, agree_beside, has_nothing, refused, we_refuse
from benchmarks.fuzzing.program import Program

PROMOTED = re.compile(
    r"lerp|isclose|allclose|meshgrid|cartesian_prod|vecdot|cross\(|heaviside|addr|prelu|_norm\(|grid_sample|_loss|entropy|attention"
)


def _one_dtype(program: Program, found: Difference) -> bool:
    """PyTorch asks for one dtype."""
    lines = str(program) if found.where.startswith("gradients") else found.where
    said = refused("same data ?types?", "same dtype", "dtype .* but", "different dtypes", "promoting",
                   "mixed dtype", "scalar type", "did not match", "needs_dynamic_casting")
    return said(program, found) and PROMOTED.search(lines) is not None


def _beyond(program: Program, found: Difference) -> bool:
    beyond = we_refuse("is out of range for dim", "out of bounds")
    nothing = has_nothing(program) and "index_" in found.where
    return ("take_along_dim" in found.where or nothing) and beyond(program, found)


def _of_nothing(program: Program, found: Difference) -> bool:
    """Only PyTorch refuses a tensor without entries, in a program that has one."""
    return has_nothing(program) and refused(
        "must be non-empty", "Non-empty [345]D data tensor expected",
        "Expected .* with (possibly|optional) 0 (dim )?batch size",
        "Only zero batch or zero channel", "(PixelShuffle|Addmv)Backward0 returned an invalid gradient",
        "pixel_shuffle expects its input's 'channel'",
        r"size mismatch, got input .* mat \(\d+x\d+\)",
    )(program, found)


def _filled(program: Program, found: Difference) -> bool:
    """One number for all entries of a stretched view: PyTorch refuses it in the backward pass."""
    stretched = re.search("expand|broadcast_t|meshgrid|as_strided", str(program))
    filled = re.search("^gradients|fill_", found.where)
    return bool(stretched and filled) and "more than one element of the written-to tensor" in str(found.theirs)


def _source_is_larger(program: Program, found: Difference) -> bool:
    reduced = any(re.search(r"scatter(_add|_reduce)?_?\(", line.text) for line in program.lines)
    return (reduced and found.where.startswith("gradients")
            and refused("The size of tensor a .* must match the size of tensor b",
                        "(Scatter.*|CopySlices) returned an invalid gradient")(program, found))


def _turned(program: Program, found: Difference) -> bool:
    """PyTorch's backward pass ends at a tensor that was given another shape in place."""
    turned = any(re.search(r"\.(t|unsqueeze|squeeze|transpose|swapaxes|swapdims)_\(", line.text)
                 for line in program.lines)
    return (turned and found.kind in ("error", "kind of error")
            and re.search("invalid gradient|doesn't match the broadcast shape", str(found.theirs)) is not None)


def _leaf_by_its_count(program: Program, found: Difference) -> bool:
    """PyTorch takes a tensor for a tracked leaf, because a part of it was written with a tracked tensor."""
    names = re.findall(r"(?<![\w.])[a-z]\d*\b(?!=)", found.where)
    tracked = {line.name for line in program.leaves if line.grad}
    return bool(names) and names[0] not in tracked and refused(
        "a leaf Variable that requires grad is being used")(program, found)


REFUSALS = [
    Known("half precision", "ours: PyTorch has no such kernel for float16", refused(
        "'Half'", r"linalg.pinv\(Half", "doesn't handle types other than float and double",
        "Low precision dtypes", "Unsupported dtype Half", "tensors of type: Half",
        "must be either float or double", "but got Half",
        "expected scalar type .* but found Half")),
    Known("parts that are written", "ours: a part of chunk, split, unbind is a view like any other", refused(
        "output of a function that returns multiple views", "output is a view .* multi-output")),
    Known("no second derivative", "ours: PyTorch has no derivative of this derivative", refused(
        "derivative for .* is not implemented", "not implemented for .* double", "does not support double")),
    Known("what PyTorch keeps", "both: ours does not keep what was changed", refused(
        "one of the variables needed for gradient computation has been modified")),
    Known("what we keep", "both: PyTorch does not keep what was changed", we_refuse(
        "that the backward pass of .* needs was changed in place")),
    Known("reads what it writes", "ours: what is read is read before", refused(
        "some elements of the input tensor and the written-to tensor refer to a single memory location")),
    Known("a view that stands alone", "neither: whether the last step of a function is a view", we_refuse(
        "a view cannot be taken out of the graph in place")),
    Known("shared memory", "both: several entries are one number, which PyTorch writes in some order", we_refuse(
        "more than one element of the written-to tensor refers to a single memory location")),
    Known("a stretched view that is filled", "ours: one number for all entries has a derivative", _filled),
    Known("memory of others", "ours: as_strided refuses a view whose gradient would be lost", we_refuse(
        "shows memory between or beyond the entries")),
    Known("segments beyond the axis", "ours: PyTorch reads memory that is not the tensor's", we_refuse(
        "segments of an axis of .* lie in it, one behind the other")),
    Known("of nothing", "ours: the result has no entries either", _of_nothing),
    Known("images of no size", "ours: the result has no entries either, or is made of none", refused(
        "Input and output sizes should be greater than 0")),
    Known("complex numbers of halves", "ours: there are none", we_refuse("view_as_complex takes pairs of float32")),
    Known("pairs at an odd place", "ours: they lie side by side, which is all that their view takes", refused(
        "storage_offset divisible by 2")),
    Known("two dtypes of nothing", "ours: asks for one dtype, whatever the size; triangular solves, too", we_refuse(
        r"needs inputs of one dtype, not .*\b0[,)]", "solve(_triangular)? needs inputs of one dtype")),
    Known("a bias of another dtype", "ours: asks for one dtype; what PyTorch does hangs on layout, dtype and axes",
          we_refuse("conv.* takes a bias of that dtype", "linear needs inputs of one dtype")),
    Known("a sum of nothing", "ours: asks for one dtype, whatever the size", lambda program, found: (
        has_nothing(program) and we_refuse("addbmm needs inputs of one dtype")(program, found))),
    Known("a product that is one by one", "ours: einsum asks for one dtype, whether or not entries are summed",
          we_refuse("contract needs inputs of one dtype")),
    Known("an assignment that converts", "ours: x[i] = y converts by any key, where PyTorch's does for slices alone",
          lambda program, found: "] = " in found.where and refused("Index put requires the source")(program, found)),
    Known("no values", "ours: a value (0, V) fits no key but (0, E), though PyTorch gives zeros for it",
          lambda program, found: has_nothing(program) and we_refuse(
              "attention takes query", "leading axes of the shapes .* do not broadcast")(program, found)),
    Known("a pool of size one", "ours: asks for images; PyTorch's short way for one window looks at no shape",
          we_refuse(r"adaptive_avg_pool\dd takes inputs")),
    Known("positions of more axes", "ours: PyTorch counts their axes, and those of the heights, from different ends",
          we_refuse("trapezoid: positions .* have more axes than heights")),
    Known("right sides by PyTorch's count", "ours: lstsq asks for as many axes, or one less", we_refuse(
        "lstsq of A .* takes B of")),
    Known("the place of nothing", "ours: refuses, since NumPy forgets where a part without entries begins", we_refuse(
        "where a (part|tensor) without entries begins")),
    Known("a part that is called a view", "neither: whether the last step of a function is a view", refused(
        "Can't detach views in-place")),
    Known("dropout of what has no channels", "ours: refuses it in evaluation, too", we_refuse(
        r"dropout\dd takes inputs of")),
    Known("no entries to normalise", "ours: PyTorch takes weights that do not fit the channels then", we_refuse(
        r"batch_norm of \d channels takes a (weight|running_mean)")),
    Known("targets beyond probabilities", "both: the formula has a value there", refused(
        "all elements of target should be between 0 and 1")),
    Known("a window of padding", "ours: refused, where PyTorch gives the least number", we_refuse(
        "has a window wholly in the padding")),
    Known("a place in nothing", "ours: refused, whether or not there is something to write", lambda program, found: (
        has_nothing(program) and we_refuse("is out of bounds for axis")(program, found))),
    Known("a mask of another dtype", "ours: it is converted", refused("Expected attn_mask dtype to be")),
    Known("a larger source", "ours: PyTorch's backward pass takes an index of the source's shape alone",
          _source_is_larger),
    Known("a complete basis", "both: PyTorch refuses qr(mode='complete') in the backward pass", we_refuse(
        'has a gradient with mode="reduced" only')),
    Known("a view under no_grad that is written", "ours: the view shows the new value, without gradient", refused(
        "created in no_grad mode and")),
    Known("a constant under no_grad", "ours: it has no gradient to show", lambda program, found: bool(
        we_refuse("retain_grad: .* does not require grad")(program, found) and "no_grad" in str(program))),
    Known("two dtypes", "ours: promotes, where PyTorch asks for one dtype", _one_dtype),
    Known("an index beyond", "ours: refuses, where PyTorch reads memory of others", _beyond),
    Known("whole numbers", "ours: computes what PyTorch has for floats alone", refused(
        "not implemented for '(Long|Int|Bool|Byte|Char|Short)",
        "Expected a floating point or complex tensor as input. Got (?!Half)",
        "only support floating point and complex dtypes",
        "floating point or complex dtype but got (Long|Int|Short|Char|Byte|Bool)",
        "supports floating point, complex, and integer tensors, but got Bool",
        r"linalg.pinv\((Long|Int|Bool|Byte)", "Integral inputs not supported",
        "either (a )?floating point or complex.* [gG]ot:? (Long|Int|Short|Char|Byte|Bool)")),
    Known("a variance of whole numbers", "ours: it is converted", lambda program, found: (
        "gaussian_nll" in found.where and refused("can't be cast to the desired output type")(program, found))),
    Known("weights of another shape", "ours: each entry of a histogram has the weight at its place", we_refuse(
        "takes weights of that shape")),
    Known("the matrix of triangular_solve", "neither: it is given back as it was", lambda program, found: (
        "triangular_solve" in str(program) and we_refuse("retain_grad: .* does not require grad")(program, found))),
    Known("small volumes", "ours: a window may be as large as the padded volume, as in one and two dimensions", refused(
        r"input image \(T: .* smaller than kernel size")),
    Known("phases of eigenvectors", "ours: what PyTorch's check of rounded numbers takes for a phase", refused(
        "linalg_eig_backward: The eigenvectors in the complex case")),
    Known("a stack of other matrices", "ours: reflections are broadcast", refused(
        "torch.ormqr: Expected other to have the same number of dimensions")),
    Known("edges without order", "ours: the bins of a histogram rise", we_refuse(
        "histogram of .* must be monotonically increasing")),
    Known("booleans", "ours: they are 0 and 1, which PyTorch's formula of the loss or the derivative does not negate",
          lambda program, found: re.search("_loss|^gradients", found.where) is not None and refused(
              "with a bool tensor is not supported", "Negation.* on a bool tensor")(program, found)),
    Known("a source of whole numbers", "ours: integers hold the numbers of a tracked source, and no gradient", refused(
        "Autograd not support dtype")),
    Known("a leaf by PyTorch's count", "ours: what a tracked tensor was written into, be it to no entry, is no leaf",
          _leaf_by_its_count),
    Known("zeros that PyTorch does not write", "ours: the derivative of a derivative that is 0", refused(
        "ZeroTensors are immutable")),
    Known("an assertion within PyTorch", "ours: PyTorch asks to report it as its fault", refused(
        "INTERNAL ASSERT FAILED")),
    Known("detached in place", "ours: what was detached is a constant", refused("has been detached in-place")),
    Known("a tensor that is turned", "ours: PyTorch's own gradient has the shape that it had", _turned),
    Known("unsafe parts", "ours: they are views like those of split", lambda program, found: (
        we_refuse("a leaf that requires grad")(program, found) and "unsafe_" in str(program))),
    Known("a target of another shape", "ours: refuses losses that would stretch it", we_refuse(
        "takes a target of its input's shape")),
    Known("matrices near one without inverse", "neither: rounding says which has one", lambda program, found: bool(
        (refused("the input matrix is singular", r"U\[\d,\d\] is zero", "not positive-definite")(program, found)
         or we_refuse("Singular matrix", "of the diagonal of U is 0")(program, found))
        and (agree_aside(program) or agree_beside(program, r"inv|solve|lu_")))),
    Known("matrices without inverse", "ours: refuses them, in what ends in _ex, too", lambda program, found: bool(
        we_refuse("Singular matrix", "not positive definite")(program, found)
        and re.search("_ex\\(|cholesky|triangular|^gradients", found.where))),
]  # fmt: skip
