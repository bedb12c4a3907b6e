"""Makes docs/vocabulary.md: every operation that is compared with PyTorch, its API, and what it keeps.

    python -m benchmarks.vocabulary

The page shows the library as it is: names are looked up, and the arrays that a call keeps for its backward pass are
counted on the smallest graph that a call in ``tests/parity`` makes.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import parity  # noqa: E402, F401  # the path is set first; it loads every case
from parity.base import CASES, Case  # noqa: E402

import autodiff  # noqa: E402
import nn  # noqa: E402
from autodiff.engine.checks import saved_arrays  # noqa: E402
from autodiff.engine.tape import reachable  # noqa: E402
from autodiff.io.files import write_whole  # noqa: E402
from autodiff.numpy_api.functions import FUNCTIONS  # noqa: E402
from autodiff.numpy_api.protocol import UFUNCS  # noqa: E402

__all__ = ["page"]

KNOWN = {*UFUNCS, *FUNCTIONS}
PAGE = ROOT / "docs" / "vocabulary.md"
INTRODUCTION = """# Vocabulary

{count} operations, each with PyTorch's names, arguments, shapes and dtypes, compared with PyTorch in {cases:,} calls
([`tests/parity`](../tests/parity)): values, first and, where the column says 2, second derivatives in float64 to 1e-6,
contiguous and transposed, and float32 that stays float32. `python -m benchmarks.vocabulary` writes this page.

- **API**: *f* a function `autodiff.NAME` (or the name as it stands), *m* a method of Tensor, *i* a method in place
  (`NAME_`), *np* NumPy's own function of that name, with NumPy's meaning.
- **orders**: the orders of derivatives that are compared; 0 for an operation without a gradient. The library
  differentiates every primitive to any order.
- **keeps**: how many arrays (masks and indices included, views of one array once) the smallest graph of a call keeps
  for the backward pass, and how many nodes it has.

Results lie in memory as PyTorch's do: `stride()` and `is_contiguous()` say the same, and a view looks into the same
memory. `view` never copies: it raises where the memory does not allow the shape, and `reshape` or `contiguous().view()`
take its place there. `as_strided` is a view too. Entries that share memory, as those of `expand` do, are not written.

An assignment `x[key] = y` converts `y` to the dtype of `x`, whatever the key; PyTorch does so for numbers and slices,
and refuses several other keys. `index_put`, `scatter`, products and convolutions ask for one dtype, biases included.
As in PyTorch booleans are not subtracted (`~` inverts a mask); NumPy's `np.subtract` takes them beside numbers.

Where an operation has no single derivative, every API gives the one of this table:

| where | gradient |
|---|---|
| relu at 0 | 0 |
| abs, sign at 0 | 0 |
| maximum(x, y), minimum at a tie | shared half and half |
| max(), amax, min(), amin over equal winners | shared evenly; max(dim) with indices: to the index returned |
| clamp at a bound | 1, 0 outside |
| norm at the zero vector, std and var of a constant | 0; its own second derivative NaN, that of its square exact |
| a singular value that is 0 | 0 |
| equal eigenvalues, equal singular values | exact where treated alike; NaN for one of them, or for their vectors |
| the phases of complex eigenvectors and singular vectors | an error where the result depends on them |
| grid_sample at the border, where it is moved to | 0 |
| sqrt at 0, log at 0, pow(0, p < 1) | inf |
| prod with zeros | exact |
| the side that where(condition, a, b) does not take | 0, though its slope be infinite or NaN |
| what an index, masked_fill, relu, clamp or a factor of 0 that is not tracked leaves out | the same |
| a cotangent of 0 that is given to grad or backward | the same |
"""
LEFT_OUT = {
    "`linalg.ldl_factor`, `ldl_solve`": "NumPy has no such steps; `linalg.lu` and `linalg.cholesky` exist",
    "sparse rows and blocks, quantized and nested tensors, named dimensions": "other kinds of tensor; `docs/sparse.md`",
    "`special.airy_ai`, `special.zeta`": "few programs call them; `polygamma` has zetas",
    "`eig`, `lstsq`, `matrix_rank`, `solve`, `symeig`": "gone from PyTorch; the error says what took their place",
    "`native_batch_norm`, `cudnn_*`, `slice_copy`, `split_copy`": "PyTorch's own functions call them; "
    "`nn` and `nn.functional` have those for programs",
    "`sym_*`, `fake_quantize_*`, `q_*`, streams, futures": "for PyTorch's compiler, quantization and GPUs",
    "`hub`, `fx`, `quasirandom`, `utils.tensorboard`": "other products; the error says what to use",
    "hooks of all modules at once": "a hook of each module",
    "`nn.CrossMapLRN2d`": "`nn.LocalResponseNorm`; PyTorch's old one keeps the first channel in the sums of later ones",
}


def page() -> str:
    """The page as text."""
    count = sum(map(len, CASES.values()))
    parts = [INTRODUCTION.format(count=len(CASES), cases=count)]
    families: dict[str, list[str]] = {}
    for name, cases in CASES.items():
        families.setdefault(cases[0].family, []).append(name)
    for family, names in sorted(families.items()):
        parts.append(f"\n## {family.replace('_', ' ')}\n\n| name | API | orders | keeps |\n|---|---|---|---|\n")
        parts += [_row(name, CASES[name]) for name in sorted(names)]
    parts.append("\n## Left out\n\n| what | why |\n|---|---|\n")
    parts += [f"| {what} | {why} |\n" for what, why in LEFT_OUT.items()]
    return "".join(parts)


def _row(name: str, cases: list[Case]) -> str:
    order, plain = max(case.order for case in cases), name.partition(":")[0]
    kept = _kept(plain, cases) if order else ""
    return f"| `{name}` | {' '.join(_apis(plain))} | {order} | {kept} |\n"


def _apis(name: str) -> Iterator[str]:
    home, _, last = name.rpartition(".")
    if _lookup(home, last) is not None:
        yield "f"
    if hasattr(autodiff.Tensor, name):
        yield "m"
    if hasattr(autodiff.Tensor, f"{name}_"):
        yield "i"
    if getattr(np, name, None) in KNOWN:
        yield "np"


def _lookup(home: str, name: str) -> Any:
    found: Any = {"": autodiff, "nn.functional": nn.functional}.get(home) or getattr(autodiff, home, None)
    return getattr(found, name, None)


def _kept(name: str, cases: list[Case]) -> str:
    """Arrays and nodes of the call that makes the smallest graph, the plain call of the function among them."""
    home, _, last = name.rpartition(".")
    function = _lookup(home, last)
    counts = []
    for case in cases[:10]:
        counts += _counts(lambda lib, *inputs: function(*inputs), case.inputs) if function else []
        counts += _counts(case.call, case.inputs)
    if not counts:
        return ""
    nodes, arrays = min(counts)
    return f"{arrays} in {nodes} node{'s' * (nodes > 1)}"


def _counts(call: Any, inputs: Sequence[Any]) -> list[tuple[int, int]]:
    """The number of nodes that ``call`` makes, and of arrays that they keep, once; nothing where it makes none."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            outputs = call(autodiff, *map(_tensor, inputs))
    except (TypeError, ValueError, LookupError, AttributeError, RuntimeError):  # the call wants more than the inputs
        return []
    nodes = reachable([y._node for y in _flat(outputs) if getattr(y, "_node", None) is not None])
    made = [node for node in nodes if node.primitive is not None]
    arrays = {_owner(array) for node in made for array in saved_arrays(node)}
    return [(len(made), len(arrays))] if made else []


def _tensor(x: Any) -> autodiff.Tensor:
    made = autodiff.tensor(x)
    return made.requires_grad_() if x.dtype.kind == "f" else made


def _owner(array: Any) -> int:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return id(array)


def _flat(outputs: Any) -> Iterator[Any]:
    if isinstance(outputs, (tuple, list)):
        for part in outputs:
            yield from _flat(part)
    else:
        yield outputs


if __name__ == "__main__":
    write_whole(PAGE, page())
