"""The primitive of scaled dot-product attention, which keeps no matrix of probabilities."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.kernels.columns import exp_columns, is_small, softmax_back
from autodiff.kernels.layout import order_of, row_major
from autodiff.kernels.threads import WorkQueue, tile_size
from autodiff.ops.arrays import are_arrays
from autodiff.ops.fused import softmax
from autodiff.ops.joint import Joint

CACHED = 1 << 17  # scores that are worked on together, few enough to stay in a core's own cache
LARGE = 1 << 18  # scores from which on a second thread pays


@lru_cache(maxsize=8)
def _past(keys: int, queries: int, dtype: Any) -> Any:
    """0 where a query may look, at keys of its own position and before, and -inf elsewhere."""
    return np.tril(np.full((keys, queries), -np.inf, dtype), -1)


def _weights(q: Any, k: Any, bias: Any, scale: float, causal: bool) -> tuple[Any, Any]:
    """For each query, in a column, numbers in proportion to the probabilities of the keys, and their sum.

    In columns, since NumPy takes maxima of these faster. A product with values is better divided by the sum than all
    these numbers are; on Tensors it is 1, and None.
    """
    scores = np.matmul(k, (q * scale).mT)
    masks = ([] if bias is None else [bias.mT]) + ([_past(*scores.shape[-2:], scores.dtype)] if causal else [])
    if not (are_arrays(scores) and scores.size):
        return softmax(sum(masks, scores), axis=-2), None
    small = bias is None and is_small(scores)
    for mask in masks:
        scores += mask
    return exp_columns(scores, small)


def _to_inputs(
    g: Any, q: Any, k: Any, v: Any, bias: Any, kept: Any, scale: float, causal: bool
) -> tuple[Any, Any, Any]:
    """The cotangents of q, k and v.

    The VJP of softmax subtracts the mean of the cotangents of a query's probabilities. That is the inner product of
    ``g`` and the result, too, but where one probability is 1 only the sum over the keys equals its cotangent to the
    last digit.
    """
    p, total = _weights(q, k, bias, scale, causal)
    to_p = np.matmul(v, g.mT)
    to_p = to_p if kept is None else to_p * kept.mT
    if total is None:
        to_scores = p * (to_p - np.einsum("...kq,...kq->...q", p, to_p)[..., None, :])
    else:
        p, to_scores = softmax_back(p, total, to_p)
    used = p if kept is None else p * kept.mT
    return np.matmul(to_scores.mT, k) * scale, np.matmul(to_scores, q * scale), np.matmul(used, g)


def _in_blocks(work: Any, lead: tuple[int, ...], each: int, stacks: tuple[Any, ...]) -> None:
    """Call ``work(*stacks)`` on parts of stacks of matrices, all of them by two threads or more.

    They are cut along the longest of the axes ``lead`` and never copied: they may be views of one projection.
    """
    if not math.prod(lead) or not lead:
        work(*stacks)
        return
    axis, total = lead.index(max(lead)), math.prod(lead) * each
    views = [None if x is None else np.moveaxis(_stretched(x, lead), axis, 0) for x in stacks]
    queue = WorkQueue(lead[axis], total >= LARGE)
    size = tile_size(queue.most, CACHED * lead[axis] // max(total, 1))

    def work_on_parts() -> None:
        for part in queue.tiles(size):
            work(*(None if x is None else x[part] for x in views))

    queue.run(work_on_parts)


def _stretched(x: Any, lead: tuple[int, ...]) -> Any:
    return x if x.shape[:-2] == lead else np.broadcast_to(x, (*lead, *x.shape[-2:]))


def _attention(q: Any, k: Any, v: Any, bias: Any, kept: Any, scale: float, causal: bool) -> Any:
    shape = (*q.shape[:-1], v.shape[-1])
    out: Any = np.empty(shape, q.dtype)
    if kept is None and q.ndim == 4 and q.strides[-1] == q.itemsize and not q.flags.c_contiguous:
        # In memory the axes lie in the order of those of q, so that putting the heads side by side copies nothing.
        axes = order_of(q.shape, q.strides)
        out = np.empty([shape[a] for a in axes], q.dtype).transpose(np.argsort(axes))

    def work(q: Any, k: Any, v: Any, out: Any, bias: Any, kept: Any) -> None:
        p, total = _weights(q, k, bias, scale, causal)
        np.divide(np.matmul((p if kept is None else p * kept.mT).mT, v), 1 if total is None else total.mT, out=out)

    _in_blocks(work, q.shape[:-2], q.shape[-2] * k.shape[-2], (q, k, v, out, bias, kept))
    return out


def _attention_back(
    g: Any, out: Any, q: Any, k: Any, v: Any, bias: Any, kept: Any, scale: float, causal: bool
) -> tuple[Any, Any, Any]:
    if not are_arrays(g, q, k, v):
        return _to_inputs(g, q, k, v, bias, kept, scale, causal)
    found = np.empty_like(q), np.empty_like(k), np.empty_like(v)
    _write_back(g, q, k, v, *found, bias, kept, scale=scale, causal=causal)
    return found


def _write_back(
    g: Any, q: Any, k: Any, v: Any, to_q: Any, to_k: Any, to_v: Any, bias: Any, kept: Any, *, scale: float, causal: bool
) -> None:
    """The cotangents of q, k and v, written into three arrays."""

    def work(g: Any, q: Any, k: Any, v: Any, to_q: Any, to_k: Any, to_v: Any, bias: Any, kept: Any) -> None:
        to_q[...], to_k[...], to_v[...] = _to_inputs(g, q, k, v, bias, kept, scale, causal)

    _in_blocks(work, q.shape[:-2], q.shape[-2] * k.shape[-2], (g, q, k, v, to_q, to_k, to_v, bias, kept))


def _heads(x: Any, places: int) -> tuple[Any, Any, Any]:
    """Queries, keys and values (N, heads, L, E) of x (N, L, 3, heads, E), or of (L, N, ...) where ``places`` is 0."""
    q, k, v = (np.transpose(x[:, :, i], (0, 2, 1, 3) if places else (1, 2, 0, 3)) for i in range(3))
    return q, k, v


def _aside(x: Any, places: int) -> Any:
    """x (N, heads, L, E) with the heads of each place side by side: (N, L, heads, E) or (L, N, heads, E)."""
    return np.transpose(x, (0, 2, 1, 3) if places else (2, 0, 1, 3))


def _self_attention(x: Any, bias: Any, kept: Any, scale: float, causal: bool, places: int) -> Any:
    return row_major(_aside(_attention(*_heads(x, places), bias, kept, scale, causal), places))


def _self_attention_back(g: Any, x: Any, bias: Any, kept: Any, scale: float, causal: bool, places: int) -> Any:
    heads = np.transpose(g, (0, 2, 1, 3) if places else (1, 2, 0, 3)), *_heads(x, places)
    if not are_arrays(g, x):
        return np.stack([_aside(c, places) for c in _to_inputs(*heads, bias, kept, scale, causal)], axis=2)
    found = np.empty_like(x)
    _write_back(*heads, *_heads(found, places), bias, kept, scale=scale, causal=causal)
    return found


# softmax(scale q k^T + bias) v (Vaswani et al. 2017) for stacks of matrices with the same leading axes; kept multiplies
# the probabilities. They are computed again for the gradient, block by block, which costs one product more and saves
# the largest array of a transformer (Dao, Fu, Ermon, Rudra & Re 2022, "FlashAttention").
attention = Joint("attention", _attention, _attention_back, inputs=3, keeps="q k v", promotes=False, floating=True,
                  real=True, lends="q k v")

# The same of queries, keys and values that one projection made, and that no program sees: side by side they are one
# array with one cotangent, which nothing has to put together.
self_attention = Primitive("self_attention", _self_attention,
                           lambda g, out, x, bias, kept, scale, causal, places:
                               _self_attention_back(g, x, bias, kept, scale, causal, places),
                           keeps="x", promotes=False, floating=True, real=True)
