"""Exponential families: one law for their entropies, and one for their divergences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autodiff.distributions.distribution import Distribution
from autodiff.distributions.utils import _sum_rightmost
from autodiff.engine.backward import grad
from autodiff.engine.modes import enable_grad
from autodiff.engine.values import Value


class ExponentialFamily(Distribution):
    """Densities h(x) exp(<natural parameters, statistics of x> - log normalizer of the natural parameters).

    A subclass gives ``_natural_params``, a tuple of tensors, ``_log_normalizer`` of them, and
    ``_mean_carrier_measure``, the mean of log h(x). The gradient of the normalizer gives the means of the statistics,
    hence entropy and divergence.

    Reference: F. Nielsen, R. Nock (2010), "Entropies and cross-entropies of exponential families".
    """

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        raise NotImplementedError(f"{type(self).__name__} gives no natural parameters")

    def _log_normalizer(self, *natural_params: Any) -> Value:
        raise NotImplementedError(f"{type(self).__name__} gives no log normalizer")

    @property
    def _mean_carrier_measure(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} gives no mean of its carrier measure, hence no entropy")

    @property
    def _expected_statistics(self) -> tuple[Any, ...]:
        """The mean of the statistic that belongs to each natural parameter: the gradient of the log normalizer."""
        with enable_grad():
            natural = tuple(p * 1 if p.requires_grad else p.detach().requires_grad_() for p in self._natural_params)
            return grad(self._log_normalizer(*natural).sum(), natural, create_graph=True)

    def entropy(self) -> Value:
        """The expected surprise, in nats: log normalizer - <natural parameters, means> - mean of log h."""
        carrier, natural = self._mean_carrier_measure, self._natural_params
        inner = (p * m for p, m in zip(natural, self._expected_statistics, strict=True))
        return self._log_normalizer(*natural) - carrier - _total(inner, len(self._batch_shape))


def bregman_divergence(p: ExponentialFamily, q: ExponentialFamily) -> Value:
    """The divergence of q from p, two members of one family: that of Bregman, of their log normalizers."""
    mine, others = p._natural_params, q._natural_params
    inner = ((a - b) * m for a, b, m in zip(mine, others, p._expected_statistics, strict=True))
    rest = _total(inner, max(len(p.batch_shape), len(q.batch_shape)))
    return q._log_normalizer(*others) - p._log_normalizer(*mine) + rest


def _total(terms: Iterable[Any], batch: int) -> Value:
    """The sum of the terms over all axes but those of the batch."""
    total: Any = 0
    for term in terms:
        total = total + _sum_rightmost(term, term.ndim - batch)
    return total
