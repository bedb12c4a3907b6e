"""Einstein's summation: parsing PyTorch's forms of it, and doing it by contractions of two operands at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from autodiff.dtypes import promote_types
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.diagonals import diagonal
from autodiff.functions.reductions import sum as sum_
from autodiff.functions.shaping import permute, squeeze
from autodiff.ops.linear_algebra import contract
from autodiff.ops.shaping import cast

__all__ = ["einsum"]

Label = str | int | tuple[int]  # a letter, a number of the sublist form, or (-k,), the k-th axis from the last of "..."


def einsum(equation: Any, *operands: Any) -> Value:
    """Sum products of entries over the indices that the result lacks.

    ``einsum("ij,jk->ik", x, y)``, or with lists of numbers, ``einsum(x, [0, 1], y, [1, 2], [0, 2])``. Where no
    result is given, it has the indices that occur once, in order; ``...`` is for further axes, which broadcast; an
    index that is repeated in one operand takes its diagonal.

    Raises OptionError for an equation that cannot be read, ShapeError for operands that do not fit it.

    >>> import autodiff
    >>> autodiff.einsum("ii->", autodiff.ones(3, 3))
    tensor(3.)
    """
    terms, result, tensors = _read((equation, *operands))
    if len(terms) != len(tensors):
        raise OptionError(f"einsum: {len(terms)} terms for {len(tensors)} operands")
    labels = [_labels(term, x) for term, x in zip(terms, tensors, strict=True)]
    count = Counter(a for names in labels for a in names)
    dots = sorted({a for a in count if isinstance(a, tuple)})
    if result is None:
        wanted = dots + sorted((a for a, n in count.items() if n == 1 and not isinstance(a, tuple)), key=str)
    else:
        wanted = [b for a in result for b in (dots if a is ... else [a])]
    if len(set(wanted)) < len(wanted) or not set(wanted) <= set(count):
        raise OptionError(f"einsum: each index of the result {wanted} must stand in an operand, and once in the result")
    sizes = _sizes(labels, tensors)
    parts = [_simple(x, names, sizes) for x, names in zip(tensors, labels, strict=True)]
    return _contracted(parts, wanted, sizes)


def _read(args: tuple[Any, ...]) -> tuple[list[list[Any]], list[Any] | None, list[Any]]:
    """The indices of the operands and of the result (None where it is implied), ``...`` as Ellipsis; the operands."""
    if not isinstance(args[0], str):
        pairs = len(args) // 2
        result = list(args[-1]) if len(args) % 2 else None
        return [list(a) for a in args[1 : 2 * pairs : 2]], result, list(args[: 2 * pairs : 2])
    equation, *operands = args
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = list(operands[0])
    left, arrow, right = equation.replace(" ", "").partition("->")
    return [_letters(term) for term in left.split(",")], _letters(right) if arrow else None, operands


def _letters(term: str) -> list[Any]:
    head, dots, tail = term.partition("...")
    if not all(a.isascii() and a.isalpha() for a in head + tail):
        raise OptionError(f"einsum: indices are letters and one '...', not {term!r}")
    return [*head, *([...] if dots else []), *tail]


def _labels(term: list[Any], x: Any) -> list[Any]:
    """One label for each axis of ``x``."""
    more = x.ndim - sum(a is not ... for a in term)
    if more < 0 or (more and ... not in term):
        raise ShapeError(f"einsum: {len(term)} indices do not fit shape {tuple(x.shape)}")
    return [b for a in term for b in ([(i - more,) for i in range(more)] if a is ... else [a])]


def _sizes(labels: list[list[Any]], operands: Sequence[Any]) -> dict[Any, int]:
    sizes: dict[Any, int] = {}
    for names, x in zip(labels, operands, strict=True):
        for a, n in zip(names, x.shape, strict=True):
            if sizes.setdefault(a, n) == 1:
                sizes[a] = n
            elif n not in (1, sizes[a]):
                raise ShapeError(f"einsum: index {a} has lengths {sizes[a]} and {n}")
    return sizes


def _simple(x: Any, names: list[Any], sizes: dict[Any, int]) -> tuple[Any, list[Any]]:
    """``x`` with the diagonals of repeated indices taken, and without axes of length 1 that would be stretched."""
    names = list(names)
    for a in [a for a, n in Counter(names).items() if n > 1]:
        while names.count(a) > 1:
            first = names.index(a)
            second = names.index(a, first + 1)
            x = diagonal(x, 0, first, second)
            names = [b for i, b in enumerate(names) if i not in (first, second)] + [a]
    stretched = [i for i, a in enumerate(names) if x.shape[i] == 1 and sizes[a] != 1]
    if stretched:
        x = squeeze(x, tuple(stretched))
    return x, [a for i, a in enumerate(names) if i not in stretched]


def _without(x: Any, names: list[Any], kept: set[Any]) -> tuple[Any, list[Any]]:
    """``x`` summed over the indices that nothing else needs."""
    gone = tuple(i for i, a in enumerate(names) if a not in kept)
    return (sum_(x, gone), [a for a in names if a in kept]) if gone else (x, names)


def _contracted(parts: list[tuple[Any, list[Any]]], wanted: list[Any], sizes: dict[Any, int]) -> Any:
    total, have = _without(*parts[0], {*wanted, *(a for _, names in parts[1:] for a in names)})
    for i, part in enumerate(parts[1:], 1):
        later = {*wanted, *(a for _, names in parts[i + 1 :] for a in names)}
        x, names = _without(*part, later | set(have))
        kept = tuple(a for a in dict.fromkeys([*have, *names]) if a in later)
        if i == len(parts) - 1 and set(kept) == set(wanted):
            kept = tuple(wanted)
        if total.dtype != x.dtype and all(sizes[a] == 1 for a in have if a in names and a not in kept):
            dtype = promote_types(total.dtype, x.dtype)  # as in PyTorch, which multiplies entries there
            total, x = cast(total, dtype), cast(x, dtype)
        total = contract(total, x, left=tuple(have), right=tuple(names), result=kept)
        have = list(kept)
    moves = have != wanted or total is parts[0][0]  # not the operand itself: a leaf's result is no leaf
    return permute(total, [have.index(a) for a in wanted]) if moves else total
