"""The row of scaled dot-product attention, which keeps no matrix of probabilities."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from autodiff.broadcasting import accumulate
from autodiff.kernels.threads import share, tiles
from autodiff.ops.fused import softmax
from autodiff.ops.joint import Joint

__all__ = ["attention"]

CACHED = 1 << 17  # scores that are worked on together, few enough to stay in a core's own cache
LARGE = 1 << 18  # scores from which on a second thread pays


@lru_cache(maxsize=8)
def _past(keys: int, queries: int, dtype: Any) -> Any:
    """0 where a query may look, at keys of its own position and before, and -inf elsewhere."""
    return np.tril(np.full((keys, queries), -np.inf, dtype), -1)


def _weights(q: Any, k: Any, bias: Any, scale: float, causal: bool) -> tuple[Any, Any]:
    """For each query, in a column, numbers in proportion to the probabilities of the keys, and what they lack.

    In columns, since NumPy takes maxima of these in half the time. The factor (..., queries, 1) is better multiplied
    into vectors than into all these numbers; on Tensors it is 1.
    """
    scores = np.matmul(k, (q * scale).mT)
    masks = ([] if bias is None else [bias.mT]) + ([_past(*scores.shape[-2:], scores.dtype)] if causal else [])
    if not (isinstance(scores, np.ndarray) and scores.size):
        return softmax(sum(masks, scores), axis=-2), 1
    for mask in masks:
        scores += mask
    scores -= np.maximum.reduce(scores, axis=-2, keepdims=True)
    np.exp(scores, out=scores)
    return scores, 1 / accumulate(scores, -2, True).mT


def _to_inputs(
    g: Any, out: Any, q: Any, k: Any, v: Any, bias: Any, kept: Any, scale: float, causal: bool
) -> tuple[Any, Any, Any]:
    """The cotangents of q, k and v.

    What softmax takes off, the mean of the cotangents of a query's probabilities, is the product of ``g`` and ``out``.
    """
    p, factor = _weights(q, k, bias, scale, causal)
    g = g * factor
    to_p = np.matmul(v, g.mT)
    used = p if kept is None else p * kept.mT
    to_p = to_p if kept is None else to_p * kept.mT
    to_scores = p * (to_p - accumulate(g * out, -1, True).mT)
    return np.matmul(to_scores.mT, k) * scale, np.matmul(to_scores, q * scale), np.matmul(used, g)


def _flat(x: Any, lead: tuple[int, ...]) -> Any:
    """``x`` with all leading axes in one."""
    return None if x is None else np.broadcast_to(x, (*lead, *x.shape[-2:])).reshape(-1, *x.shape[-2:])


def _in_blocks(work: Any, q: Any, k: Any, others: tuple[Any, ...]) -> None:
    """Call ``work(part, q, k, *others)`` on parts of the stacks of matrices, all of them by two threads or more."""
    lead = q.shape[:-2]
    stacks = [_flat(x, lead) for x in (q, k, *others)]
    count, each = len(stacks[0]), q.shape[-2] * k.shape[-2]

    def task(start: int, stop: int) -> None:
        for part in tiles(start, stop, max(1, CACHED // max(each, 1))):
            work(part, *(None if x is None else x[part] for x in stacks))

    share(task, count, parallel=count * each >= LARGE)


def _attention(q: Any, k: Any, v: Any, bias: Any, kept: Any, scale: float, causal: bool) -> Any:
    out = np.empty((*q.shape[:-1], v.shape[-1]), q.dtype)
    rows = out.reshape(-1, *out.shape[-2:])

    def work(part: slice, q: Any, k: Any, v: Any, bias: Any, kept: Any) -> None:
        p, factor = _weights(q, k, bias, scale, causal)
        np.multiply(np.matmul((p if kept is None else p * kept.mT).mT, v), factor, out=rows[part])

    _in_blocks(work, q, k, (v, bias, kept))
    return out


def _attention_back(
    g: Any, out: Any, q: Any, k: Any, v: Any, bias: Any, kept: Any, scale: float, causal: bool
) -> tuple[Any, Any, Any]:
    if not all(isinstance(x, np.ndarray) for x in (g, out, q, k, v)):
        return _to_inputs(g, out, q, k, v, bias, kept, scale, causal)
    found = np.empty(q.shape, q.dtype), np.empty(k.shape, k.dtype), np.empty(v.shape, v.dtype)
    stacks = [x.reshape(-1, *x.shape[-2:]) for x in found]

    def work(part: slice, q: Any, k: Any, g: Any, out: Any, v: Any, bias: Any, kept: Any) -> None:
        for stack, c in zip(stacks, _to_inputs(g, out, q, k, v, bias, kept, scale, causal), strict=True):
            stack[part] = c

    _in_blocks(work, q, k, (g, out, v, bias, kept))
    return found


# softmax(scale q k^T + bias) v (Vaswani et al. 2017) for stacks of matrices with the same leading axes; kept multiplies
# the probabilities. They are computed again for the gradient, block by block, which costs one product more and saves
# the largest array of a transformer (Dao, Fu, Ermon, Rudra & Re 2022, "FlashAttention").
attention = Joint("attention", _attention, _attention_back, inputs=3, keeps="out q k v", promotes=False, floating=True)
