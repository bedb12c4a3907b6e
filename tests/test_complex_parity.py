"""Complex numbers in every entry of the vocabulary: the calls of the parity cases, with imaginary parts added.

What PyTorch computes, this library computes, with PyTorch's gradients of both orders. What PyTorch refuses is refused
by name here, or computed by the formula that real numbers have; it never ends in an error of NumPy's.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from parity.base import CASES, PRECISE, SINGLE, Case
from parity.harness import Array, Near, agree, flat, numbers, peer, plain

import autodiff
from autodiff.errors import AutodiffError

torch = peer()

OTHERWISE = {  # entries in which PyTorch is another, and why
    "type_as": "the other tensor is of the default dtype, which the harness changes for PyTorch alone",
    **dict.fromkeys(
        ("linalg.cholesky", "linalg.cholesky_ex", "cholesky", "cholesky_inverse", "linalg.eigh", "linalg.eigvalsh"),
        "the matrices with parts added are not Hermitian; tests/test_complex_linalg.py has those that are",
    ),
    **dict.fromkeys(
        ("svd_lowrank", "pca_lowrank"),
        "the matrices with parts added have a higher rank, and what is left of them is as random as the projection",
    ),
    "bincount": "PyTorch drops the imaginary parts of weights: refused",
    "nn.functional.soft_margin_loss": "log1p(exp(-x y)) is no loss of a complex x: refused",
}
CASES_OTHERWISE = (
    *("cumprod-2", "cumprod-8", "cumprod-11", "cumprod-17"),  # of the real part, whose gradient is complex in PyTorch
    *("corrcoef-1", "corrcoef-2"),  # always 1: the second gradient of PyTorch's is rounding
)
EMPTY = ("softmax", "log_softmax", "cummax", "cummin", "kthvalue", "mode", "nn.functional.batch_norm")  # by their names


def _spread(array: Array, dtype: Any, i: int) -> Array:
    return array if array.dtype.kind != "f" else (array + 1j * numbers(array.shape, -1, 1, 17 + i)).astype(dtype)


def _complex(found: Case, dtype: Any) -> Case:
    return found._replace(inputs=tuple(_spread(x, dtype, i) for i, x in enumerate(found.inputs)))


def _cotangent(x: Any) -> Any:
    places = np.arange(plain(x).size)
    values = np.cos(places * 1.3 + 0.4) + (1j * np.sin(places * 0.7) if plain(x).dtype.kind == "c" else 0)
    return values.reshape(plain(x).shape).astype(plain(x).dtype)


def _found(lib: Any, case: Case, order: int) -> list[Any]:
    """The outputs, and the gradients of each order up to ``order``; one that is zero everywhere is None."""
    tensors = [lib.tensor(x.copy()) for x in case.inputs]
    leaves = [x.requires_grad_() for x in tensors if order and plain(x).dtype.kind in "fc"]
    outputs = [x.resolve_conj() for x in flat(case.call(lib, *tensors))]
    results: list[Any] = [[x.detach() for x in outputs]]
    carried = [x for x in outputs if x.requires_grad]
    for level in range(order):
        gradients = [None] * len(leaves)
        if leaves and carried:
            seeds = [lib.tensor(_cotangent(x.detach())) for x in carried]
            again = level < order - 1
            gradients = lib.autograd.grad(carried, leaves, seeds, create_graph=again, allow_unused=True)
            gradients = [None if g is None else g.resolve_conj() for g in gradients]
        results.append([None if g is None or not plain(g).any() else plain(g) for g in gradients])
        carried = [g for g in gradients if g is not None and g.requires_grad]
    return results


def _theirs(case: Case) -> tuple[list[Any] | None, int]:
    """What PyTorch gives, and up to which order; None where it refuses the call."""
    for order in range(case.order, -1, -1):
        try:
            return _found(torch, case, order), order
        except Exception:  # of many classes
            continue
    return None, 0


def _ours(case: Case, order: int) -> list[Any] | None:
    """What this library gives, or None where it refuses the call by name, or Python does, as in float(1j)."""
    try:
        return _found(autodiff, case, order)
    except AutodiffError:
        return None
    except TypeError as error:
        if "not 'complex'" in str(error):
            return None
        raise


def _cases() -> Iterator[Case]:
    for name, cases in CASES.items():
        if name not in OTHERWISE:
            floating = (case for case in cases if any(x.dtype.kind == "f" for x in case.inputs))
            yield from (case for case in floating if not case.title.rpartition("-")[0].startswith(CASES_OTHERWISE))


@pytest.mark.parametrize("case", list(_cases()), ids=str)
def test_the_call_of_complex_numbers_gives_what_it_gives_in_pytorch(case: Case) -> None:
    """Or is refused by name, where PyTorch refuses it too; in double precision, and in single to the first order."""
    _compare(_complex(case, np.complex128), PRECISE)
    if case.float32:
        _compare(_complex(case, np.complex64)._replace(order=min(case.order, 1)), SINGLE)


def _compare(case: Case, near: Near) -> None:
    with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
        theirs, order = _theirs(case)
        ours = _ours(case, order if theirs is not None else 0)
    if ours is None:
        assert theirs is None or case.name in EMPTY
    elif theirs is not None:
        agree(ours, theirs, near, str(case))
