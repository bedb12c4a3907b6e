"""Embeddings as modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from autodiff.errors import OptionError, ShapeError
from autodiff.tensors.creation import as_tensor
from autodiff.tensors.tensor import Tensor

from .. import functional as F
from .. import init
from ..module import Module, changed_options
from ..parameter import Parameter
from .new_parameters import add_parameters

__all__ = ["Embedding", "EmbeddingBag"]


class _Table(Module):
    """A table ``weight`` (V, E), drawn from N(0, 1), with the options that embeddings share."""

    weight: Parameter

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None, max_norm: float | None,
        norm_type: float, scale_grad_by_freq: bool, sparse: bool, weight: Any, freeze: bool, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise OptionError(f"padding_idx is the number of one of {num_embeddings} rows, not {padding_idx}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        if weight is None:
            add_parameters(self, dtype, weight=(num_embeddings, embedding_dim))
            self.weight.requires_grad = not freeze
            self.reset_parameters()
        else:
            table = as_tensor(weight)
            if tuple(table.shape) != (num_embeddings, embedding_dim):
                raise ShapeError(f"the table has shape {tuple(table.shape)}, not {(num_embeddings, embedding_dim)}")
            self.weight = Parameter(table, requires_grad=not freeze)

    def reset_parameters(self) -> None:
        """Draw the table anew; the row of padding is 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.detach()[self.padding_idx] = 0.0

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, **options: Any) -> Self:
        """A layer with the table ``embeddings`` (V, E), which is not trained if ``freeze``."""
        rows = as_tensor(embeddings)
        if rows.ndim != 2:
            raise ShapeError(f"embeddings are a table (V, E), not of shape {tuple(rows.shape)}")
        made: Callable[..., Self] = cls
        return made(*rows.shape, **options, _weight=rows, _freeze=freeze)

    def extra_repr(self) -> str:
        """The sizes, and the options that are not the default."""
        return f"{self.num_embeddings}, {self.embedding_dim}" + changed_options(
            self, padding_idx=None, max_norm=None, norm_type=2, scale_grad_by_freq=False, sparse=False
        )


class Embedding(_Table):
    """For each number of the input, the row of that number in a learnt table.

    Args:
        num_embeddings, embedding_dim: V and E of the table.
        padding_idx: a row that is 0 at first and not trained.
        max_norm, norm_type: rows that are used are shortened to this norm.
        scale_grad_by_freq: divide the gradient of a row by how often it was used in the batch.
        sparse: the gradient of the table knows which rows were used, as ``optim.SparseAdam`` asks.

    Shapes: input (*) of integers, output (*, E).

    >>> import autodiff
    >>> Embedding(10, 3)(autodiff.tensor([[1, 2], [9, 0]])).shape
    autodiff.Size([2, 2, 3])
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, _weight: Any = None,
        _freeze: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight,
            _freeze, dtype,
        )  # fmt: skip

    def forward(self, input: Any) -> Tensor:
        """``functional.embedding``."""
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )


class EmbeddingBag(_Table):
    """The sum, mean or maximum of the rows of each bag of numbers (``functional.embedding_bag``).

    Shapes: input (B, N), or (S,) with offsets (B,); output (B, E).

    >>> import autodiff
    >>> EmbeddingBag(10, 3, mode="sum")(autodiff.tensor([1, 2, 9, 0]), autodiff.tensor([0, 3])).shape
    autodiff.Size([2, 3])
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, _weight: Any = None,
        include_last_offset: bool = False, padding_idx: int | None = None, device: Any = None, dtype: Any = None,
        *, _freeze: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight,
            _freeze, dtype,
        )  # fmt: skip
        self.mode, self.include_last_offset = mode, include_last_offset

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        """``functional.embedding_bag``."""
        return F.embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode,
            self.sparse, per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """What ``Embedding`` shows, and the mode."""
        return super().extra_repr() + f", mode={self.mode!r}"
