"""PyTorch's ``torch.special``: functions of mathematical physics and statistics, elementwise.

>>> import autodiff
>>> autodiff.special.ndtr(autodiff.tensor([0.0]))
tensor([0.5000])
"""

from __future__ import annotations

from autodiff.functions.more_examples import SPECIAL as _SPECIAL
from autodiff.functions.public import give_tensors as _give_tensors
from autodiff.special.bessel import *
from autodiff.special.functions import *
from autodiff.special.polynomials import *

_give_tensors(vars(), _SPECIAL)
