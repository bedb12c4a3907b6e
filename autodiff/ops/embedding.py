"""The row of an embedding, which picks rows of a table."""

from __future__ import annotations

from typing import Any

from autodiff.engine.primitive import Primitive
from autodiff.ops.indexing import scatter_add


def _to_table(g: Any, out: Any, w: Any, indices: Any, share: Any) -> Any:
    return scatter_add(g if share is None else g * share, key=indices, shape=w.shape)


# What comes back to a row of the table is multiplied by ``share``, one number for each index: 0 for padding, 1 over how
# often the index is there.
embedding = Primitive("embedding", lambda w, indices, share: w[indices], _to_table)
