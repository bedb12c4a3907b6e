"""PyTorch's words for how entries lie in memory; a tensor here is dense, and contiguous means row by row."""

from __future__ import annotations

__all__ = [
    "channels_last", "channels_last_3d", "contiguous_format", "jagged", "layout", "memory_format",
    "preserve_format", "sparse_bsc", "sparse_bsr", "sparse_coo", "sparse_csc", "sparse_csr", "strided",
]  # fmt: skip


class _Word:
    """A name that is only itself."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"autodiff.{self.name}"

    def __reduce__(self) -> str:  # so that a copy is itself
        return self.name


class layout(_Word):  # PyTorch's name
    """How the entries are kept: ``strided`` is dense."""


class memory_format(_Word):  # PyTorch's name
    """In what order the entries lie; taken wherever PyTorch takes one, and without effect."""


strided, jagged = layout("strided"), layout("jagged")
sparse_bsc, sparse_bsr = layout("sparse_bsc"), layout("sparse_bsr")
sparse_coo, sparse_csc, sparse_csr = layout("sparse_coo"), layout("sparse_csc"), layout("sparse_csr")
channels_last, channels_last_3d = memory_format("channels_last"), memory_format("channels_last_3d")
contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
