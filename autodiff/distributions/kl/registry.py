"""The registry of divergences: the most special law that two classes have."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from autodiff.distributions.distribution import Distribution
from autodiff.engine.values import Value
from autodiff.errors import AutodiffWarning, OptionError

Law = Callable[[Any, Any], Value]
_KL_REGISTRY: dict[tuple[type, type], Law] = {}
_found: dict[tuple[type, type], Law | None] = {}


def register_kl(type_p: Any, type_q: Any) -> Callable[[Law], Law]:
    """A decorator: the function gives the divergence of two distributions of these classes, or of their subclasses.

    Raises:
        OptionError: a class that is no distribution's.
    """
    for kind in (type_p, type_q):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise OptionError(f"register_kl takes two subclasses of Distribution, not {kind!r}")

    def decorate(law: Law) -> Law:
        _KL_REGISTRY[type_p, type_q] = law
        _found.clear()
        return law

    return decorate


def kl_divergence(p: Distribution, q: Distribution) -> Value:
    """The divergence of ``q`` from ``p`` (Kullback & Leibler 1951).

    Law: the mean over p of log p - log q, infinite where q excludes what p may draw.

    Raises:
        NotImplementedError: no law is known for their classes.
    """
    kinds = type(p), type(q)
    if kinds not in _found:
        _found[kinds] = _law_of(*kinds)
    law = _found[kinds]
    if law is None:
        raise NotImplementedError(
            f"no divergence of {kinds[1].__name__} from {kinds[0].__name__} is known in closed form; average "
            f"p.log_prob(x) - q.log_prob(x) over samples x of p, or see register_kl"
        )
    return law(p, q)


def _law_of(p: type, q: type) -> Law | None:
    """The law of the nearest classes, p's first; AutodiffWarning where q's first would be another."""
    fits = [pair for pair in _KL_REGISTRY if issubclass(p, pair[0]) and issubclass(q, pair[1])]
    if not fits:
        return None
    far_p, far_q = p.__mro__.index, q.__mro__.index
    left = min(fits, key=lambda pair: (far_p(pair[0]), far_q(pair[1])))
    right = min(fits, key=lambda pair: (far_q(pair[1]), far_p(pair[0])))
    if _KL_REGISTRY[left] is not _KL_REGISTRY[right]:
        names = " and ".join(f"({a.__name__}, {b.__name__})" for a, b in (left, right))
        chosen = f"({left[0].__name__}, {left[1].__name__})"
        warnings.warn(f"the laws of {names} both fit ({p.__name__}, {q.__name__}); that of {chosen} is taken, "
                      f"register one for this pair", AutodiffWarning, stacklevel=4)  # fmt: skip
    return _KL_REGISTRY[left]
