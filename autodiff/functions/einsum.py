"""Einstein's summation: parsing PyTorch's forms of it, and doing it by contractions of two operands at a time."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any, NamedTuple

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
Labels = tuple[Label, ...]


class _Operand(NamedTuple):
    """What is done with one operand before products: which axes are diagonals, squeezed, and summed, in this order."""

    diagonals: tuple[tuple[int, int], ...]
    squeezed: tuple[int, ...]
    summed: tuple[int, ...]


class _Product(NamedTuple):
    """A contraction of what there is with the next operand; it ``multiplies`` entries where no sum is over several."""

    left: Labels
    right: Labels
    result: Labels
    multiplies: bool


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
    plans, products, order, moves = _plan(terms, result, tuple([x.shape for x in tensors]))
    parts = [_readied(x, *plan) for x, plan in zip(tensors, plans, strict=True)]
    total = parts[0]
    for x, (left, right, kept, multiplies) in zip(parts[1:], products, strict=True):
        y = x
        if multiplies and total.dtype != x.dtype:  # as in PyTorch, which multiplies entries there
            dtype = promote_types(total.dtype, x.dtype)
            total, y = cast(total, dtype), cast(x, dtype)
        total = contract(total, y, left=left, right=right, result=kept)
    # Not the operand itself: a leaf's result is no leaf.
    return permute(total, order) if moves or total is tensors[0] else total


def _readied(x: Any, diagonals: Any, squeezed: tuple[int, ...], summed: tuple[int, ...]) -> Any:
    for first, second in diagonals:
        x = diagonal(x, 0, first, second)
    x = squeeze(x, squeezed) if squeezed else x
    return sum_(x, summed) if summed else x


def _read(args: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any, Any]:
    """The indices of the operands and of the result (None where it is implied), ``...`` as Ellipsis; the operands."""
    if not isinstance(args[0], str):
        pairs = len(args) // 2
        result = tuple(args[-1]) if len(args) % 2 else None
        return tuple(tuple(a) for a in args[1 : 2 * pairs : 2]), result, args[: 2 * pairs : 2]
    equation, *operands = args
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = list(operands[0])
    return *_parsed(equation), operands


@lru_cache(512)
def _parsed(equation: str) -> tuple[tuple[Any, ...], Any]:
    left, arrow, right = equation.replace(" ", "").partition("->")
    return tuple(_letters(term) for term in left.split(",")), _letters(right) if arrow else None


def _letters(term: str) -> tuple[Any, ...]:
    head, dots, tail = term.partition("...")
    if not all(a.isascii() and a.isalpha() for a in head + tail):
        raise OptionError(f"einsum: indices are letters and one '...', not {term!r}")
    return *head, *([...] if dots else []), *tail


@lru_cache(512)  # a program contracts the same shapes again and again
def _plan(terms: Any, result: Any, shapes: Any) -> Any:
    """What is to be done with each operand, the products one after another, and the order of axes at the end."""
    labels = [_labels(term, shape) for term, shape in zip(terms, shapes, strict=True)]
    count = Counter(a for names in labels for a in names)
    dots = sorted({a for a in count if isinstance(a, tuple)})
    if result is None:
        wanted = dots + sorted((a for a, n in count.items() if n == 1 and not isinstance(a, tuple)), key=str)
    else:
        wanted = [b for a in result for b in (dots if a is ... else [a])]
    if len(set(wanted)) < len(wanted) or not set(wanted) <= set(count):
        raise OptionError(f"einsum: each index of the result {wanted} must stand in an operand, and once in the result")
    sizes = _sizes(labels, shapes)
    simple = [_simple(names, shape, sizes) for names, shape in zip(labels, shapes, strict=True)]
    return _ordered(simple, wanted, sizes)


def _labels(term: tuple[Any, ...], shape: tuple[int, ...]) -> list[Any]:
    """One label for each axis of an operand."""
    more = len(shape) - sum(a is not ... for a in term)
    if more < 0 or (more and ... not in term):
        raise ShapeError(f"einsum: {len(term)} indices do not fit shape {tuple(shape)}")
    return [b for a in term for b in ([(i - more,) for i in range(more)] if a is ... else [a])]


def _sizes(labels: list[list[Any]], shapes: Any) -> dict[Any, int]:
    sizes: dict[Any, int] = {}
    for names, shape in zip(labels, shapes, strict=True):
        for a, n in zip(names, shape, strict=True):
            if sizes.setdefault(a, n) == 1:
                sizes[a] = n
            elif n not in (1, sizes[a]):
                raise ShapeError(f"einsum: index {a} has lengths {sizes[a]} and {n}")
    return sizes


def _simple(names: list[Any], shape: Any, sizes: dict[Any, int]) -> tuple[Any, Any, list[Any]]:
    """Which axes are diagonals, of repeated indices; which have length 1 and would be stretched; and the rest."""
    lengths, diagonals = list(shape), []
    for a in [a for a, n in Counter(names).items() if n > 1]:
        while names.count(a) > 1:
            first = names.index(a)
            second = names.index(a, first + 1)
            diagonals.append((first, second))
            lengths = [n for i, n in enumerate(lengths) if i not in (first, second)] + [
                min(lengths[first], lengths[second])
            ]
            names = [b for i, b in enumerate(names) if i not in (first, second)] + [a]
    stretched = tuple(i for i, a in enumerate(names) if lengths[i] == 1 and sizes[a] != 1)
    return tuple(diagonals), stretched, [a for i, a in enumerate(names) if i not in stretched]


def _ordered(parts: Any, wanted: list[Any], sizes: dict[Any, int]) -> Any:
    """The plan: each operand is summed over the indices that nothing else needs, and multiplied with those before."""
    operands, products = [], []
    have: list[Any] = []
    for i, (diagonals, squeezed, names) in enumerate(parts):
        later = {*wanted, *(a for _, _, others in parts[i + 1 :] for a in others)}
        needed = later | set(have)
        operands.append(_Operand(diagonals, squeezed, tuple(j for j, a in enumerate(names) if a not in needed)))
        right = [a for a in names if a in needed]
        if not i:
            have = right
            continue
        kept = tuple(a for a in dict.fromkeys([*have, *right]) if a in later)
        if i == len(parts) - 1 and set(kept) == set(wanted):
            kept = tuple(wanted)
        multiplies = all(sizes[a] == 1 for a in have if a in right and a not in kept)
        products.append(_Product(tuple(have), tuple(right), kept, multiplies))
        have = list(kept)
    return operands, products, [have.index(a) for a in wanted], have != wanted
