from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:  # so that mypy goes round this loop of imports from the ground up
    from autodiff.tensors.tensor import Tensor

    Operand: TypeAlias = Tensor | np.ndarray | np.generic | complex
    Value: TypeAlias = Tensor
