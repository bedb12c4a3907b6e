"""Attention: softmax(q k^T / sqrt(E)) v, and with several heads between projections."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.arithmetic import where
from autodiff.functions.arrays import array_of, lent
from autodiff.functions.joining import cat, repeat_interleave
from autodiff.functions.shaping import contiguous, expand, permute, transpose, unsqueeze
from autodiff.functions.splitting import split
from autodiff.kernels.arrays import as_array
from autodiff.kernels.lending import lend
from autodiff.ops import fused
from autodiff.ops.attention import attention, self_attention
from autodiff.ops.linear_algebra import matmul
from autodiff.ops.shaping import in_single, reshape

from .arguments import check_probability
from .dense import linear
from .dropout import dropout

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


@in_single
def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None, enable_gqa: bool = False,
) -> Value:
    """softmax(scale * query key^T + mask) value: for each query the mean of the values whose keys are like it.

    Shapes: query (..., L, E), key (..., S, E), value (..., S, V), result (..., L, V); leading axes broadcast.

    Options:
        attn_mask: broadcasts to (..., L, S): booleans, False where a query may not look, or numbers that are added. A
            query that may look nowhere gets 0.
        dropout_p: the probability with which each weight is set to zero, and the others are scaled up.
        is_causal: query i looks at keys 0 to i only.
        scale: 1 / sqrt(E) by default.
        enable_gqa: axis -3 of key and value may be shorter; each of their heads then serves several of the query.

    Raises OptionError, ShapeError where these do not fit.

    Reference: Vaswani et al. 2017, "Attention is all you need".

    >>> import autodiff
    >>> scaled_dot_product_attention(autodiff.zeros(1, 2), autodiff.ones(2, 2), autodiff.tensor([[1.0], [3.0]]))
    tensor([[2.]])
    """
    check_probability(dropout_p)
    if is_causal and attn_mask is not None:
        raise OptionError("attention takes attn_mask or is_causal, not both; put the triangle into the mask")
    query, key, value = _same_stacks(query, key, value, enable_gqa)
    shape = (*array_of(query).shape[:-1], array_of(key).shape[-2])
    scale = 1 / math.sqrt(array_of(query).shape[-1] or 1) if scale is None else scale
    bias, blind = _bias(attn_mask, shape, query.dtype)
    kept = _kept(shape, dropout_p, query.dtype)
    if getattr(bias, "requires_grad", False):
        scores = matmul(query * scale, lent(transpose(key, -2, -1))) + bias
        weights = apply(fused.softmax, (scores,), {"axis": -1})
        out = matmul(weights if kept is None else weights * kept, value)
    else:
        bias = None if bias is None else lend(array_of(bias).astype(query.dtype, copy=False))
        params = {"bias": bias, "kept": kept, "scale": float(scale), "causal": is_causal}
        out = apply(attention, (query, key, value), params)
    return out if blind is None else where(blind, 0.0, out)


def _same_stacks(query: Any, key: Any, value: Any, enable_gqa: bool) -> tuple[Any, Any, Any]:
    """The three with the same leading axes."""
    shapes = [tuple(x.shape) for x in (query, key, value)]
    if min(map(len, shapes)) < 2 or shapes[0][-1] != shapes[1][-1] or shapes[1][-2] != shapes[2][-2]:
        raise ShapeError(
            "attention takes query (..., L, E), key (..., S, E) and value (..., S, V), not the shapes "
            + ", ".join(map(str, shapes))
        )
    if enable_gqa:
        heads, groups = shapes[0][-3], (shapes[1][-3], shapes[2][-3])
        if any(n == 0 or heads % n for n in groups):
            raise ShapeError(f"heads of key and value divide those of the query, {heads}; they are {groups}")
        key, value = (repeat_interleave(x, heads // x.shape[-3], -3) for x in (key, value))
        shapes = [tuple(x.shape) for x in (query, key, value)]
    try:
        lead = np.broadcast_shapes(*[shape[:-2] for shape in shapes])
    except ValueError:
        raise ShapeError(f"the leading axes of the shapes {shapes} do not broadcast") from None
    given = zip((query, key, value), shapes, strict=True)
    query, key, value = (x if n[:-2] == lead else expand(x, (*lead, *n[-2:])) for x, n in given)
    return query, key, value


def _bias(mask: Any, shape: tuple[int, ...], dtype: Any) -> tuple[Any, Any]:
    """A mask as numbers to be added, and the queries (..., L, 1) that may look nowhere, if there are any.

    Here those look everywhere, since the softmax of -inf alone is NaN; their result is set to zero afterwards.
    """
    if mask is None:
        return None, None
    mask = mask if len(mask.shape) > 1 else reshape(mask, shape=(1,) * (2 - len(mask.shape)) + tuple(mask.shape))
    array = as_array(array_of(mask))
    try:
        fits = np.broadcast_shapes(array.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"attn_mask broadcasts to {shape}, which one of shape {array.shape} does not")
    if array.dtype.kind not in "bf":
        raise DtypeError(f"attn_mask has booleans or floating numbers, not {array.dtype}")
    closed = ~array if array.dtype.kind == "b" else np.isneginf(array)
    closed = closed.reshape((1,) * (2 - array.ndim) + array.shape)
    blind = closed.all(-1, keepdims=True)
    if array.dtype.kind == "b":
        mask = np.where(closed & ~blind, -np.inf, 0).astype(dtype)
    elif blind.any():
        mask = where(blind, 0.0, mask)
    return mask, blind if blind.any() else None


def _kept(shape: tuple[int, ...], p: float, dtype: Any) -> Any:
    """What dropout multiplies the probabilities by; None where it does nothing."""
    return array_of(dropout(np.ones(shape, dtype), p)) if p else None


@in_single
def multi_head_attention_forward(
    query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int, in_proj_weight: Any, in_proj_bias: Any,
    bias_k: Any, bias_v: Any, add_zero_attn: bool, dropout_p: float, out_proj_weight: Any, out_proj_bias: Any,
    training: bool = True, key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Any = None, k_proj_weight: Any = None,
    v_proj_weight: Any = None, static_k: Any = None, static_v: Any = None, average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Value, Value | None]:
    """Attention of ``num_heads`` heads, each in its own part of projections of query, key and value.

    Shapes: query (L, N, E), key (S, N, K), value (S, N, V), or all without N; out_proj_weight (E, E), biases (E,).

    Options:
        in_proj_weight, in_proj_bias: (3 E, E) and (3 E,), the three projections one below the other; with
            ``use_separate_proj_weight`` q_proj_weight (E, E), k_proj_weight (E, K) and v_proj_weight (E, V) instead.
        bias_k, bias_v: (1, 1, E), a key and a value more; None for none.
        add_zero_attn: a key and a value more, of zeros.
        key_padding_mask: (N, S), True (or -inf) for keys that no query may look at.
        attn_mask: (L, S) or (N num_heads, L, S), True where a query may not look (unlike
            ``scaled_dot_product_attention``), or numbers that are added.
        need_weights: return the weights too, (N, L, S), or (N, num_heads, L, S) without ``average_attn_weights``.
        static_k, static_v: (N num_heads, S, E / num_heads), in place of the projections of key and value.
        is_causal: says that ``attn_mask`` is the triangle, which without weights saves reading it.

    Returns the result (L, N, E), and the weights or None.

    Raises:
        ShapeError: query, key, value, masks or the number of heads do not fit each other.
        DtypeError: a mask is neither boolean nor floating.
        OptionError: ``is_causal`` is set without ``attn_mask``.

    Reference: Vaswani et al. 2017, "Attention is all you need".
    """
    alone = query.ndim == 2
    same = query is key, key is value
    if alone:
        query = unsqueeze(query, 1)
        key = query if same[0] else unsqueeze(key, 1)
        value = key if same[1] else unsqueeze(value, 1)
    _check_heads(query, key, value, embed_dim_to_check, num_heads)
    if is_causal and attn_mask is None:
        raise OptionError("is_causal says that attn_mask is the triangle, but there is no attn_mask")
    length, samples, width = query.shape
    p, others = dropout_p if training else 0.0, (bias_k, bias_v, static_k, static_v, key_padding_mask)
    special = need_weights or add_zero_attn or use_separate_proj_weight or any(x is not None for x in others)
    if all(same) and not special and (is_causal or attn_mask is None) and query.dtype.char in "fd":
        out = _of_itself(query, num_heads, in_proj_weight, in_proj_bias, p, is_causal)
        out = contiguous(_linear(out, out_proj_weight, out_proj_bias))
        return (out.reshape(length, width) if alone else out), None
    shape = (samples, num_heads, -1, width // num_heads)
    weights = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else in_proj_weight
    q, k, v = _projected(query, key, value, weights, in_proj_bias, width)
    if bias_k is not None and bias_v is not None:
        k, v = (cat([x, expand(b, (1, samples, width))]) for x, b in ((k, bias_k), (v, bias_v)))
    q, k, v = (
        permute(x.reshape(x.shape[0], samples, num_heads, shape[-1]), 1, 2, 0, 3) if static is None
        else static.reshape(*shape) for x, static in ((q, None), (k, static_k), (v, static_v))
    )  # fmt: skip
    if add_zero_attn:
        nothing = np.zeros((samples, num_heads, 1, shape[-1]), k.dtype)
        k, v = cat([k, nothing], 2), cat([v, nothing], 2)
    plain = is_causal and key_padding_mask is None and not need_weights and k.shape[2] == length
    mask = None if plain else _merged(attn_mask, key_padding_mask, (*q.shape[:3], k.shape[2]), q.dtype)
    if need_weights:
        scores = matmul(q * (1 / math.sqrt(shape[-1])), transpose(k, -2, -1))
        seen = apply(fused.softmax, (scores if mask is None else scores + mask,), {"axis": -1})
        seen = dropout(seen, p)
        out = matmul(seen, v)
    else:
        out = scaled_dot_product_attention(q, k, v, mask, p, plain)
    out = _linear(permute(out, 2, 0, 1, 3).reshape(length, samples, width), out_proj_weight, out_proj_bias)
    out = contiguous(out.reshape(length, width) if alone else out)
    if not need_weights:
        return out, None
    seen = seen.mean(1) if average_attn_weights else seen
    return out, seen[0] if alone else seen


def _of_itself(x: Any, heads: int, weight: Any, bias: Any, p: float, causal: bool) -> Value:
    """The heads of x (L, N, E) with what they see of x itself, side by side, before the last projection."""
    check_probability(p)
    (length, samples, width), three = x.shape, _linear(x, weight, bias)
    by_samples = array_of(x).strides[0] < array_of(x).strides[1]
    three = transpose(three, 0, 1) if by_samples else three
    lead, each = tuple(three.shape[:2]), width // heads
    params = {
        "bias": None, "kept": _kept((samples, heads, length, length), p, x.dtype), "scale": 1 / math.sqrt(each),
        "causal": causal, "places": int(by_samples),
    }  # fmt: skip
    out = apply(self_attention, (three.reshape(*lead, 3, heads, each),), params).reshape(*lead, width)
    return transpose(out, 0, 1) if by_samples else out


def _check_heads(query: Any, key: Any, value: Any, width: int, heads: int) -> None:
    """Raise ShapeError where the shapes do not fit each other, or the heads the width."""
    shapes = [tuple(x.shape) for x in (query, key, value)]
    if any(len(shape) != 3 for shape in shapes) or shapes[0][2] != width or shapes[1][:2] != shapes[2][:2]:
        raise ShapeError(
            f"attention of width {width} takes query (L, N, {width}), key (S, N, *) and value (S, N, *), or all of "
            f"them without N; as (L, N, E) the shapes are {shapes}"
        )
    if shapes[0][1] != shapes[1][1]:
        raise ShapeError(f"query and key have one batch size, not {shapes[0][1]} and {shapes[1][1]}")
    if width % heads:
        raise ShapeError(f"{heads} heads do not divide the width {width}")


def _linear(x: Any, weight: Any, bias: Any) -> Value:
    """The linear map of x (L, N, E), sample by sample in memory where x lies like that: nothing is copied."""
    turned = transpose(x, 0, 1)
    if array_of(x).flags.c_contiguous or not array_of(turned).flags.c_contiguous:
        return linear(x, weight, bias)
    return transpose(linear(turned, weight, bias), 0, 1)


def _projected(query: Any, key: Any, value: Any, weights: Any, bias: Any, width: int) -> tuple[Any, ...]:
    """The three projections; inputs that are the same tensor share one product."""
    if not isinstance(weights, tuple):
        if query is key and key is value:
            return split(_linear(query, weights, bias), width, -1)
        if key is value:
            parts, sizes = (query, key), [width, 2 * width]
            biases = (None, None) if bias is None else split(bias, sizes)
            q, both = (_linear(x, w, b) for x, w, b in zip(parts, split(weights, sizes), biases, strict=True))
            return (q, *split(both, width, -1))
        weights = split(weights, width)
    three = (None,) * 3 if bias is None else split(bias, width)
    return tuple(_linear(x, w, b) for x, w, b in zip((query, key, value), weights, three, strict=True))


def _merged(attn_mask: Any, key_padding_mask: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Both masks as numbers to be added to scores of ``shape`` (N, heads, L, S), or None."""
    samples, heads, length, keys = shape
    if attn_mask is not None:
        given = tuple(attn_mask.shape)
        if given[:-1] not in ((length,), (samples * heads, length)) or given[-1] > keys:
            raise ShapeError(f"attn_mask is (L, S) or (N heads, L, S), here of {shape}, but has shape {given}")
        attn_mask = _added(attn_mask, keys, dtype)
        if len(given) == 3:
            attn_mask = attn_mask.reshape(samples, heads, length, keys)
    if key_padding_mask is not None:
        given = tuple(key_padding_mask.shape)
        if given[:-1] != (samples,) and (given[:-1] or samples != 1):
            raise ShapeError(f"key_padding_mask is (N, S), here of N = {samples}, but has shape {given}")
        key_padding_mask = _added(key_padding_mask, keys, dtype).reshape(samples, 1, 1, keys)
    if attn_mask is None or key_padding_mask is None:
        return key_padding_mask if attn_mask is None else attn_mask
    return attn_mask + key_padding_mask


def _added(mask: Any, keys: int, dtype: Any) -> Any:
    """A mask, True where a query may not look, as numbers to be added; keys that it does not reach are open."""
    array = as_array(array_of(mask))
    if array.dtype.kind not in "bf":
        raise DtypeError(f"a mask has booleans or floating numbers, not {array.dtype}")
    if array.dtype.kind == "b":
        mask = np.where(array, -np.inf, 0).astype(dtype)
    more = keys - array.shape[-1]
    return np.pad(mask, [(0, 0)] * (array.ndim - 1) + [(0, more)]) if more else mask
