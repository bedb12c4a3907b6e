"""Lending: what the tape keeps by reference and copies when it is about to be overwritten.

PyTorch keeps other values than the most exact formula reads: the result of ``expm1``, a copy of what attention scales.
A program may then write where the input lies. A primitive that ``lends`` such an input keeps a view of it, which costs
no memory; ``keep_lent``, before every write, copies what of that memory is still lent.
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class _Loan(weakref.ref[Array]):
    """A reference to a view that is lent, which knows the owner of the memory by its id."""

    __slots__ = ("owner",)
    owner: int


lent: dict[int, dict[int, _Loan]] = {}  # by the memory's owner: the loans, each by its own id
copies: dict[int, tuple[weakref.ref[Array], Array]] = {}  # of views whose memory was overwritten, by the view's id


def owner_of(array: Array) -> Array:
    """The array that owns the memory of ``array``."""
    below: Any = array.base
    while below is not None:
        if isinstance(below, np.ndarray):
            array = below
        below = getattr(below, "base", None)  # as_strided puts an object of its own between two arrays
    return array


def lend(array: Array) -> Array:
    """A view of ``array`` of which ``as_lent`` gives the values of now, whatever is written there later.

    >>> x = np.array([1.0, 2.0])
    >>> view = lend(x)
    >>> keep_lent(x)
    >>> x[:] = 0
    >>> as_lent((view,))
    (array([1., 2.]),)
    """
    view = array.view()
    loan = _Loan(view, _returned)
    loan.owner = key = id(array if array.base is None else owner_of(array))
    loans = lent.get(key)
    if loans is None:
        lent[key] = {id(loan): loan}
    else:
        loans[id(loan)] = loan
    return view


def _returned(loan: _Loan) -> None:
    """Forget a loan whose view nothing keeps any more."""
    loans = lent.get(loan.owner)
    if loans is not None:
        loans.pop(id(loan), None)
        if not loans:
            lent.pop(loan.owner, None)


def keep_lent(*arrays: Array) -> None:
    """Copy what is lent of the memory of ``arrays``, which is about to be changed."""
    if not lent:
        return
    for array in arrays:
        for loan in lent.pop(id(owner_of(array)), {}).values():
            view = loan()
            if view is not None:
                place = id(view)
                copies[place] = weakref.ref(view, partial(_forget, place)), view.copy("K")


def _forget(place: int, _: object) -> None:
    copies.pop(place, None)


def as_lent(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """``values`` with the copy in place of each lent array whose memory was changed."""
    return tuple([copies[id(x)][1] if id(x) in copies else x for x in values])
