"""Cotangents of long arrays that wait: what elementwise VJPs make of one another is one pass over memory.

The walk hands such a cotangent on to nodes whose VJPs are elementwise, too. It is computed when another VJP takes
it, or when the walk is over, by a kernel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from operator import attrgetter
from typing import Any

import numpy as np

from autodiff.engine.broadcasting import unbroadcast
from autodiff.engine.primitive import ndarray
from autodiff.engine.zeros import StructuralZeros
from autodiff.kernels.blocks import lone
from autodiff.kernels.lanes import routed, routes
from autodiff.kernels.lending import as_lent, lend
from autodiff.kernels.structural_zeros import doubt, in_doubt, no_doubt, non_finite

MOST = 32  # steps of a pass
SINGLE = np.dtype(np.float32)
patient: set[Any] = set()  # the primitives whose VJPs take what waits
_numbers = count()


class Rule:
    """A VJP as a function of the cotangent and of those of its arguments behind it that it reads.

    Args:
        vjp: ``vjp(g, *arguments)``.
        reads: the places of those among the arguments.
        number: of the arguments.
        route: the name of a kernel that does the same, where there is one.
    """

    def __init__(self, vjp: Callable[..., Any], reads: Sequence[int], number: int, route: str = "") -> None:
        self.vjp, self.reads, self.route = vjp, reads, route
        self._taken = [reads.index(i) if i in reads else None for i in range(number)]

    def __call__(self, g: Any, *read: Any) -> Any:
        """The cotangent that it makes."""
        return self.vjp(g, *(None if i is None else read[i] for i in self._taken))


SUM = Rule(lambda x, y: x + y, [0], 1)


class Deferred:
    """A cotangent that is computed when somebody asks for its numbers.

    Args:
        rule: the function that makes it, elementwise.
        taken: its arguments: arrays of one shape, numbers, and others that wait.
        like: one of the arrays.
        arguments: all that the VJP takes.

    Attributes:
        shape: no array's, so that the walk asks where this may wait.
        number: its place in the order in which such were made.
        users, goals: how many others take this; to how many nodes it goes.
        origin: the node that made it, and the cotangents with which the walk began.
        found: those of the walk's leaves.
    """

    shape, __array_ufunc__ = None, None

    def __init__(self, rule: Rule, taken: tuple[Any, ...], like: Any, arguments: tuple[Any, ...]) -> None:
        self.rule, self.taken, self.like, self.arguments = rule, taken, like, arguments
        self.value: Any = None
        self.number = next(_numbers)
        self.users = self.goals = 0
        self.origin, self.found = (), {}  # type: tuple[Any, ...], dict[Any, Any]
        for x in _waiting(taken):
            x.users += 1
            self.found = x.found or self.found

    @property
    def dtype(self) -> Any:
        """That of its numbers."""
        return self.like.dtype

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        array = self.array()  # for who delivers it: the walk is over
        no_doubt()
        return array

    def __add__(self, other: Any) -> Any:
        return deferred(SUM, self, other) or self.array() + numbers(other)

    def __radd__(self, other: Any) -> Any:
        return deferred(SUM, other, self) or other + self.array()

    def due(self, node: Any, edge: Any, cotangents: Any, found: Any, observe: Any) -> Any:
        """The cotangent of ``edge`` that ``node`` made, as the walk takes it: this, where it may wait."""
        self.origin = self.origin or (node, cotangents)
        self.goals, is_leaf = self.goals + 1, not edge.edges
        if edge.shape != self.like.shape or observe is not None or hasattr(edge, "hooks"):
            return unbroadcast(self.array(), edge.shape)
        if is_leaf:
            self.found = found
        return self if is_leaf or edge.primitive in patient else self.array()

    def array(self) -> Any:
        """Its numbers."""
        if self.value is None:
            ends, order = [self], _order([self])
            for x in _waiting(self.found.values()):  # what has steps in common is computed together
                more = _order([*ends, x])
                if x not in order and len(more) < len(order) + len(_order([x])) and len(more) <= MOST:
                    ends, order = [*ends, x], more
            _compute(ends, order)
        return self.value


def numbers(x: Any) -> Any:
    """The array of what may wait."""
    return x.array() if type(x) is Deferred else x


def _waiting(values: Any) -> Iterator[Deferred]:
    return (x for x in values if type(x) is Deferred and x.value is None)


def _order(ends: Sequence[Deferred]) -> list[Deferred]:
    """What is to be computed for the ends, each after what it takes."""
    found, stack = set(ends), [*ends]
    while stack:
        more = [x for x in _waiting(stack.pop().taken) if x not in found]
        found.update(more)
        stack += more
    return sorted(found, key=attrgetter("number"))


def deferred(rule: Rule, *taken: Any, arguments: tuple[Any, ...] = ()) -> Deferred | None:
    """``rule(*taken)``, which waits; None where it may not, or has nothing to wait for."""
    like, given = None, []
    for x in taken if routes() and not in_doubt else ():
        if type(x) is Deferred:
            array = x.like
        elif type(x) is ndarray:
            array = x = lone(x)
        elif type(x) in (float, int):
            array = np.empty((), np.float32)
        else:
            return None
        if array.ndim:
            like = array if like is None else like
            if array.shape != like.shape or not array.flags.c_contiguous:
                return None
        if array.dtype != SINGLE:
            return None
        given.append(x if type(x) is not ndarray else lend(x) if x.ndim else x)
    if like is None:
        return None
    made = Deferred(rule, tuple(given), like, arguments)
    if len(_order([made])) > MOST:
        made.array()
    return made


def _compute(ends: Sequence[Deferred], order: Sequence[Deferred]) -> None:
    """Compute the ends, and what others take, too."""
    inside = Counter(y for x in order for y in _waiting(x.taken))
    written = [x for x in order if x in ends or inside[x] < max(x.users, x.goals)]
    for x in order:
        x.taken = as_lent(tuple(y.value if type(y) is Deferred and y.value is not None else y for y in x.taken))
    given = {_place(y): y for x in order for y in x.taken if type(y) is not Deferred}
    given |= {_place(x): np.empty(x.like.shape, SINGLE) for x in written}
    places = {place: i for i, place in enumerate(dict.fromkeys([*given, *map(_place, order)]))}
    steps = tuple((x.rule, tuple(places[_place(y)] for y in x.taken), places[_place(x)]) for x in order)
    named = tuple((rule.route or rule, *others) for rule, *others in steps)
    if routed("once", _whole, order[0].like, named, tuple(given.values()), steps):
        for x in written:
            x.value = given[_place(x)]
    else:
        _one_by_one(order)
    for x in written:
        x.taken, x.arguments, x.origin, x.found = (), (), (), {}


def _place(x: Any) -> Any:
    """What tells an array, or a number, from others."""
    if type(x) is ndarray:
        return x.__array_interface__["data"][0], x.shape
    return x if type(x) is Deferred else (type(x), x)


def _whole(first: Any, named: Any, arrays: Sequence[Any], steps: Any) -> bool:
    """What the route does, in NumPy."""
    values = dict(enumerate(arrays))
    for rule, takes, to in steps:
        made = rule(*(values[i] for i in takes))
        if to < len(arrays):
            values[to][...] = made
        else:
            values[to] = made
    return True


@np.errstate(all="ignore")
def _one_by_one(order: Sequence[Deferred]) -> None:
    """Compute each as a whole, and settle what is not finite, as the walk does (see ``StructuralZeros``)."""
    zeros = None
    for x in order:
        taken = [*map(numbers, x.taken)]
        x.value = x.rule(*taken)
        node, cotangents = x.origin or (None, None)
        if node and node.primitive.saves and non_finite(x.value):
            doubt()
            zeros, g = zeros or StructuralZeros(cotangents), np.broadcast_to(taken[0], x.value.shape)
            x.value = zeros.settled(node, x.rule.vjp, (g, *x.arguments), x.value)
