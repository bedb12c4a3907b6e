"""Transformers: stacks of layers with attention and a dense net at each position."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from autodiff.errors import OptionError, ShapeError
from autodiff.functions.diagonals import triu
from autodiff.tensors.creation import full
from autodiff.tensors.tensor import Tensor

from .. import functional as F
from .. import init
from ..module import Module
from .attention import MultiheadAttention
from .container import ModuleList
from .dense import Linear
from .dropout import Dropout
from .normalization import LayerNorm

__all__ = [
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer",
]  # fmt: skip

Activation = str | Callable[[Any], Any]
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"relu": F.relu, "gelu": F.gelu}


def _activation(given: Activation) -> Callable[[Any], Any]:
    if not isinstance(given, str):
        return given
    if given not in ACTIVATIONS:
        raise OptionError(f"the activation of a transformer is a function, 'relu' or 'gelu', not {given!r}")
    return ACTIVATIONS[given]


class _Layer(Module):
    """The parts of a layer of encoder or decoder, and their order: x + part(norm(x)), or norm(x + part(x))."""

    has_memory: ClassVar[bool]  # whether it looks at an encoder's output, with a third part

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: Activation = "relu", layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        attention = partial(MultiheadAttention, d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype)
        norm = partial(LayerNorm, d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.self_attn = attention()
        if self.has_memory:
            self.multihead_attn = attention()
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype)
        self.norm_first = norm_first
        self.norm1, self.norm2 = norm(), norm()
        if self.has_memory:
            self.norm3 = norm()
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)
        if self.has_memory:
            self.dropout3 = Dropout(dropout)
        self.activation = _activation(activation)

    def _around(self, x: Any, norm: Module, part: Callable[[Any], Any]) -> Any:
        return x + part(norm(x)) if self.norm_first else norm(x + part(x))

    def _dense(self, x: Any, dropout: Module) -> Any:
        return dropout(self.linear2(self.dropout(self.activation(self.linear1(x)))))

    def _attend(self, attention: Module, dropout: Module, x: Any, other: Any, **masks: Any) -> Any:
        return dropout(attention(x, other, other, need_weights=False, **masks)[0])


class TransformerEncoderLayer(_Layer):
    """Attention of the input to itself, then a dense net; each is added to its input, and the sum normalised.

    Args:
        d_model: E, the width.
        nhead: heads of attention; divides E.
        dim_feedforward: the width inside the dense net.
        dropout: its probability, in all places.
        activation: of the dense net: "relu", "gelu" or a function.
        layer_norm_eps: of the normalisations.
        batch_first: tensors are (N, S, E) instead of (S, N, E).
        norm_first: normalise the input of a part instead of the sum.
        bias: whether linear maps and normalisations have a bias.

    Raises OptionError for an unknown ``activation``.

    Reference: Vaswani et al. 2017, "Attention is all you need"; ``norm_first``: Xiong et al. 2020, "On layer
    normalization in the transformer architecture".

    >>> import autodiff
    >>> TransformerEncoderLayer(8, 2)(autodiff.zeros(5, 3, 8)).shape
    autodiff.Size([5, 3, 8])
    """

    has_memory = False

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        """The next representation of ``src``; masks as in ``MultiheadAttention``."""
        masks = {"attn_mask": src_mask, "key_padding_mask": src_key_padding_mask, "is_causal": is_causal}
        x = self._around(src, self.norm1, lambda x: self._attend(self.self_attn, self.dropout1, x, x, **masks))
        return self._around(x, self.norm2, lambda x: self._dense(x, self.dropout2))


class TransformerDecoderLayer(_Layer):
    """Attention of the input to itself, then to the encoder's output, then a dense net.

    Arguments as in ``TransformerEncoderLayer``.

    Raises OptionError for an unknown ``activation``.

    >>> import autodiff
    >>> TransformerDecoderLayer(8, 2)(autodiff.zeros(5, 3, 8), autodiff.zeros(7, 3, 8)).shape
    autodiff.Size([5, 3, 8])
    """

    has_memory = True

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """The next representation of ``tgt``, which looks at ``memory``; masks as in ``MultiheadAttention``."""
        own = {"attn_mask": tgt_mask, "key_padding_mask": tgt_key_padding_mask, "is_causal": tgt_is_causal}
        across = {
            "attn_mask": memory_mask, "key_padding_mask": memory_key_padding_mask, "is_causal": memory_is_causal
        }  # fmt: skip
        x = self._around(tgt, self.norm1, lambda x: self._attend(self.self_attn, self.dropout1, x, x, **own))
        x = self._around(
            x, self.norm2, lambda x: self._attend(self.multihead_attn, self.dropout2, x, memory, **across)
        )
        return self._around(x, self.norm3, lambda x: self._dense(x, self.dropout3))


class _Stack(Module):
    """Copies of a layer, one after another, and a normalisation of the last output."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        super().__init__()
        self.layers = ModuleList(copy.deepcopy(layer) for _ in range(num_layers))
        self.num_layers = num_layers
        self.norm = norm

    def _end(self, x: Any) -> Any:
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """``num_layers`` copies of ``encoder_layer``, then ``norm``; the other options are taken as in PyTorch."""

    def __init__(
        self, encoder_layer: Module, num_layers: int, norm: Module | None = None, enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Tensor:
        """``src`` (S, N, E) through all layers."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, bool(is_causal))
        return self._end(src)


class TransformerDecoder(_Stack):
    """``num_layers`` copies of ``decoder_layer``, then ``norm``."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """``tgt`` (T, N, E) through all layers, each of which looks at ``memory`` (S, N, E)."""
        for layer in self.layers:
            tgt = layer(
                tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
                bool(tgt_is_causal), memory_is_causal,
            )  # fmt: skip
        return self._end(tgt)


class Transformer(Module):
    """An encoder of the source, and a decoder of the target that looks at the encoder's output.

    Args:
        num_encoder_layers, num_decoder_layers: of each stack, which ends with a normalisation.
        custom_encoder, custom_decoder: modules in place of the stacks.
        d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias: of the
            layers; see ``TransformerEncoderLayer``.

    Reference: Vaswani et al. 2017, "Attention is all you need".

    >>> import autodiff
    >>> model = Transformer(8, 2, 1, 1, 16)
    >>> model(autodiff.zeros(7, 3, 8), autodiff.zeros(5, 3, 8)).shape
    autodiff.Size([5, 3, 8])
    """

    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
        dim_feedforward: int = 2048, dropout: float = 0.1, activation: Activation = "relu",
        custom_encoder: Module | None = None, custom_decoder: Module | None = None, layer_norm_eps: float = 1e-5,
        batch_first: bool = False, norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        options = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        norm = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*options, dtype=dtype), num_encoder_layers, norm
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*options, dtype=dtype), num_decoder_layers, copy.deepcopy(norm)
        )
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self, src: Any, tgt: Any, src_mask: Any = None, tgt_mask: Any = None, memory_mask: Any = None,
        src_key_padding_mask: Any = None, tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """The decoder's output (T, N, E), of ``src`` (S, N, E) and ``tgt`` (T, N, E), or all without N.

        Raises ShapeError where widths or batches differ.
        """
        batch = 0 if self.batch_first else 1
        alike = src.ndim == tgt.ndim and (src.ndim == 2 or src.shape[batch] == tgt.shape[batch])
        if not alike or {src.shape[-1], tgt.shape[-1]} != {self.d_model}:
            raise ShapeError(
                f"source and target have one batch size and the width {self.d_model}; their shapes are "
                f"{tuple(src.shape)} and {tuple(tgt.shape)}"
            )
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )  # fmt: skip

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """The mask (sz, sz) with which position i looks at 0 to i only: -inf above the diagonal, 0 elsewhere.

        >>> Transformer.generate_square_subsequent_mask(2)
        tensor([[0., -inf],
                [0., 0.]])
        """
        mask: Tensor = triu(full((sz, sz), -math.inf, dtype=dtype), 1)
        return mask
