"""Attention of several heads, as a module."""

from __future__ import annotations

from typing import Any

from autodiff.errors import OptionError
from autodiff.functions.shaping import transpose
from autodiff.tensors.tensor import Tensor

from .. import functional as F
from .. import init
from ..functional.arguments import as_tuple, check_probability
from ..module import Module
from .dense import Linear
from .new_parameters import add_parameters

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """``num_heads`` attentions side by side, with learnt projections of query, key, value and result.

    Args:
        embed_dim: E, the width of queries and of the result.
        num_heads: divides E.
        dropout: the probability of dropout on the weights of attention.
        bias: whether the projections have a bias.
        add_bias_kv: learn one more key and value.
        add_zero_attn: add a key and a value of zeros.
        kdim, vdim: the widths of keys and values, E by default.
        batch_first: tensors are (N, L, E) instead of (L, N, E).

    Parameters: in_proj_weight (3 E, E), or q_proj_weight, k_proj_weight and v_proj_weight where the widths differ;
    in_proj_bias (3 E,); bias_k and bias_v (1, 1, E); out_proj, a ``Linear``.

    Raises OptionError where ``num_heads`` does not divide ``embed_dim``, or ``dropout`` is not from 0 to 1.

    Reference: Vaswani et al. 2017, "Attention is all you need".

    >>> import autodiff
    >>> x = autodiff.zeros(5, 2, 8)
    >>> out, weights = MultiheadAttention(8, 2)(x, x, x)
    >>> out.shape, weights.shape
    (autodiff.Size([5, 2, 8]), autodiff.Size([2, 5, 5]))
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        check_probability(dropout)
        (embed_dim,), (num_heads,) = as_tuple(embed_dim, 1, "embed_dim", 0), as_tuple(num_heads, 1, "num_heads", 0)
        if embed_dim <= 0 or num_heads <= 0 or embed_dim % num_heads:
            raise OptionError(f"num_heads divides embed_dim, both above 0; they are {num_heads} and {embed_dim}")
        self.embed_dim, self.num_heads, self.dropout = embed_dim, num_heads, dropout
        self.head_dim = embed_dim // num_heads
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self.batch_first, self.add_zero_attn = batch_first, add_zero_attn
        self._separate = not self.kdim == self.vdim == embed_dim  # a weight for each of query, key and value
        extra = (1, 1, embed_dim) if add_bias_kv else None
        add_parameters(
            self,
            dtype,
            q_proj_weight=(embed_dim, embed_dim) if self._separate else None,
            k_proj_weight=(embed_dim, self.kdim) if self._separate else None,
            v_proj_weight=(embed_dim, self.vdim) if self._separate else None,
            in_proj_weight=None if self._separate else (3 * embed_dim, embed_dim),
            in_proj_bias=(3 * embed_dim,) if bias else None,
            bias_k=extra,
            bias_v=extra,
        )
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the projections anew; their biases are 0."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def forward(
        self, query: Any, key: Any, value: Any, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """``functional.multi_head_attention_forward``; without ``need_weights`` it is faster and takes less memory."""
        turned = self.batch_first and query.ndim == 3
        if turned:
            same = query is key, key is value
            query = transpose(query, 0, 1)
            key = query if same[0] else transpose(key, 0, 1)
            value = key if same[1] else transpose(value, 0, 1)
        out, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias, self.training,
            key_padding_mask, need_weights, attn_mask, self._separate, self.q_proj_weight, self.k_proj_weight,
            self.v_proj_weight, average_attn_weights=average_attn_weights, is_causal=is_causal,
        )  # fmt: skip
        return (transpose(out, 0, 1) if turned else out), weights
