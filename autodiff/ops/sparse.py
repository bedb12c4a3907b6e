"""The product of a sparse matrix and a dense one."""

from __future__ import annotations

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.ops.indexing import index

# The entries v (nnz,) of a matrix that lie as ``pattern`` says, times y (k, m).
sparse_matmul = Primitive("sparse_matmul", lambda v, y, pattern: pattern.product(v, y),
                          lambda g, out, v, y, pattern:
                              np.sum(index(g, key=pattern.rows) * index(y, key=pattern.cols), axis=-1),
                          lambda g, out, v, y, pattern: sparse_matmul(v, g, pattern=pattern.turned),
                          keeps=("y", "v"), promotes=False)
