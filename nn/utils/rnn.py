"""Sequences of different lengths in one tensor: padded, or packed step by step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autodiff.engine.values import wrap
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.joining import cat, stack
from autodiff.functions.shaping import transpose
from autodiff.tensors.creation import as_tensor, full
from autodiff.tensors.tensor import Tensor


class PackedSequence(NamedTuple):
    """Sequences packed by steps: the first entries of all sequences, then the second ones of those that have one, ...

    Attributes:
        data: (sum of the lengths, ...).
        batch_sizes: how many sequences each step has; (longest length,), int64.
        sorted_indices: the numbers of the sequences from the longest to the shortest; None where they were given so.
        unsorted_indices: the inverse permutation.
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """With the data in another dtype."""
        return self._replace(data=self.data.to(*args, **kwargs))

    def cpu(self) -> PackedSequence:
        """The sequences themselves: they are on the CPU."""
        return self

    def double(self) -> PackedSequence:
        """With the data in float64."""
        return self._replace(data=self.data.double())

    def float(self) -> PackedSequence:
        """With the data in float32."""
        return self._replace(data=self.data.float())


PackedSequence_ = PackedSequence  # the tuple without methods, in PyTorch


def apply_permutation(tensor: Tensor, permutation: Tensor, dim: int = 1) -> Tensor:
    """``tensor.index_select(dim, permutation)``.

    >>> import autodiff
    >>> apply_permutation(autodiff.tensor([[1, 2]]), autodiff.tensor([1, 0]))
    tensor([[2, 1]])
    """
    return tensor.index_select(dim, permutation)


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes one; None undoes None."""
    if permutation is None:
        return None
    inverse: Tensor = wrap(np.argsort(permutation.detach().numpy(), kind="stable"))
    return inverse


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack sequences that are padded to one length.

    Args:
        input: (longest, batch, ...), or (batch, longest, ...) with ``batch_first``.
        lengths: of each sequence, (batch,).
        batch_first: see ``input``.
        enforce_sorted: the lengths must fall; if False, the sequences are sorted here.

    Raises:
        OptionError: a length is below 1, or they do not fall.
        ShapeError: there is not one length for each sequence, or one is too long.

    >>> import autodiff
    >>> pack_padded_sequence(autodiff.tensor([[1, 2, 3], [4, 0, 0]]), [3, 1], batch_first=True).data
    tensor([1, 4, 2, 3])
    """
    x = transpose(input, 0, 1) if batch_first else input
    sizes = np.asarray(as_tensor(lengths).detach().numpy(), np.int64)
    if sizes.shape != x.shape[1:2] or sizes.max(initial=0) > len(x):
        raise ShapeError(f"lengths {sizes.tolist()} do not fit a batch of {x.shape[1]} sequences of at most {len(x)}")
    if sizes.min(initial=1) < 1:
        raise OptionError(f"every sequence has a length of 1 or more, not {sizes.tolist()}")
    order = None
    if enforce_sorted and (np.diff(sizes) > 0).any():
        raise OptionError(f"lengths {sizes.tolist()} do not fall; sort the sequences, or say enforce_sorted=False")
    if not enforce_sorted:
        ranks = np.argsort(-sizes, kind="stable")
        order, sizes, x = wrap(ranks), sizes[ranks], x[:, ranks]
    steps = np.arange(sizes.max(initial=0))
    running = steps[:, None] < sizes  # (longest, batch)
    return PackedSequence(x[: len(steps)][running], wrap(running.sum(1)), order, invert_permutation(order))


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """The sequences padded to one length again, in the order they were given in, and their lengths.

    Shapes: (longest, batch, ...), or (batch, longest, ...) with ``batch_first``; the longest is ``total_length`` where
    that is given.

    Raises OptionError where ``total_length`` is too short.
    """
    batch_sizes = sequence.batch_sizes.detach().numpy()
    longest, batch = len(batch_sizes), int(batch_sizes.max(initial=0))
    if total_length is not None and total_length < longest:
        raise OptionError(f"total_length is {longest} or more, the longest sequence, not {total_length}")
    running = np.arange(batch) < batch_sizes[:, None]  # (longest, batch)
    shape = (total_length or longest, batch, *sequence.data.shape[1:])
    padded = full(shape, padding_value, dtype=sequence.data.dtype)
    padded[np.nonzero(running)] = sequence.data
    lengths = running.sum(0)
    if sequence.unsorted_indices is not None:
        order = sequence.unsorted_indices.detach().numpy()
        padded, lengths = padded[:, order], lengths[order]
    return transpose(padded, 0, 1) if batch_first else padded, wrap(lengths)


def pad_sequence(
    sequences: Sequence[Tensor] | Tensor, batch_first: bool = False, padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:  # fmt: skip
    """Sequences (length, ...) padded to the longest: (longest, batch, ...), or (batch, longest, ...).

    Raises OptionError for a ``padding_side`` that is neither "left" nor "right".
    """
    if padding_side not in ("left", "right"):
        raise OptionError(f"padding_side is 'left' or 'right', not {padding_side!r}")
    longest = max(len(x) for x in sequences)
    rows = []
    for x in sequences:
        padding = full((longest - len(x), *x.shape[1:]), padding_value, dtype=x.dtype)
        rows.append(x if len(x) == longest else cat([x, padding] if padding_side == "right" else [padding, x]))
    padded: Tensor = stack(rows, 0 if batch_first else 1)
    return padded


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The sequences (length, ...) of a batch that was padded on the right."""
    x = padded_sequences if batch_first else transpose(padded_sequences, 0, 1)
    sizes = as_tensor(lengths).tolist()
    return [row[:length] for row, length in zip(x, sizes, strict=True)]


def pack_sequence(sequences: Iterable[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (length, ...); ``enforce_sorted`` as in ``pack_padded_sequence``."""
    listed = list(sequences)
    return pack_padded_sequence(pad_sequence(listed), [len(x) for x in listed], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences (length, ...) that were packed."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)
