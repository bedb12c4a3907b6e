"""PyTorch's ``torch.linalg``: linear algebra of matrices and stacks of them.

>>> import autodiff
>>> autodiff.linalg.det(autodiff.tensor([[1.0, 2.0], [3.0, 4.0]]))
tensor(-2.)
"""

from __future__ import annotations

from autodiff.errors import LinalgError as _LinalgError
from autodiff.functions.linear_algebra import matmul as matmul
from autodiff.functions.more_examples import LINALG as _LINALG
from autodiff.functions.public import give_tensors as _give_tensors
from autodiff.linalg.checked import *
from autodiff.linalg.decompositions import *
from autodiff.linalg.factors import *
from autodiff.linalg.householder import *
from autodiff.linalg.norms import cond as cond
from autodiff.linalg.norms import matrix_norm as matrix_norm
from autodiff.linalg.norms import norm as norm
from autodiff.linalg.norms import vector_norm as vector_norm
from autodiff.linalg.products import *

LinAlgError = _LinalgError  # as PyTorch has it
_give_tensors(vars(), _LINALG)
