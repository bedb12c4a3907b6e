"""Operands of two dtypes: where PyTorch takes them, so do we, and the result has its dtype."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
from parity.harness import flat, peer, plain
from test_kept_values import CALLS, Kept, mapped

import autodiff

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")

# What PyTorch takes by the way its kernels are chosen: matrices without entries, distances of no points, ...
BY_CHANCE = {
    "addbmm", "baddbmm", "bmm", "matmul", "mm", "cdist", "linalg.solve_triangular", "istft",
    *(f"nn.functional.conv{kind}{axes}d" for kind in ("", "_transpose") for axes in (1, 2, 3)),
    "nn.functional.embedding", "nn.functional.instance_norm", "gradient",
    "conv_tbc", "convolution", "lstm", "lstm_cell",
    *(f"{where}{name}" for where in ("", "nn.functional.") for name in (
        "hinge_embedding_loss", "binary_cross_entropy_with_logits")),
}  # fmt: skip
DTYPES = ("int64", "float32", "bool")


def found(lib: Any, path: str, given: Any, place: int, dtype: str) -> list[Any] | None:
    """The dtypes of the results where the floating operand at that place is of that dtype; None for an error."""
    seen = -1

    def operand(x: Any) -> Any:
        nonlocal seen
        if isinstance(x, np.dtype):
            return getattr(lib, x.name)
        if not isinstance(x, Kept):
            return x
        seen += 1
        return lib.tensor(np.abs(x.array).astype(dtype) if seen == place else x.array.copy())

    args, options = mapped(operand, given)
    try:
        with np.errstate(all="ignore"):
            return [plain(x).dtype for x in flat(operator.attrgetter(path)(lib)(*args, **options))]
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError):
        return None


@pytest.mark.parametrize("path", sorted(CALLS.keys() - BY_CHANCE))
def test_operands_of_two_dtypes_meet_as_in_pytorch(path: str) -> None:
    """Each floating operand in turn becomes whole numbers, single precision, booleans."""
    for _, *given in CALLS[path][:: len(CALLS[path]) // 4 + 1]:
        operands: list[Any] = []
        mapped(lambda x, known=operands: known.append(x) if isinstance(x, Kept) else None, given)
        for place in [i for i, x in enumerate(operands) if x.array.dtype.kind == "f"] if len(operands) > 1 else ():
            for dtype in DTYPES:
                wanted = found(peer(), path, tuple(given), place, dtype)
                if wanted is not None:
                    assert found(autodiff, path, tuple(given), place, dtype) == wanted, (given, place, dtype)


def test_an_einsum_that_sums_nothing_promotes() -> None:
    """As a product does; where something is summed, one dtype is asked for."""
    whole, half = autodiff.arange(2), autodiff.tensor([0.5, 1.5], requires_grad=True)
    outer = autodiff.einsum("i,j->ij", whole, half)
    outer.sum().backward()
    assert outer.dtype == autodiff.float32
    assert np.array_equal(half.grad, [1, 1])
    with pytest.raises(RuntimeError, match="one dtype"):
        autodiff.einsum("i,i->", whole, half)
