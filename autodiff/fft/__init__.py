"""PyTorch's ``torch.fft``: discrete Fourier transforms.

>>> import autodiff
>>> autodiff.fft.fft(autodiff.tensor([1.0, 0.0, 0.0, 0.0])).real
tensor([1., 1., 1., 1.])
"""

from __future__ import annotations

from autodiff.fft.frequencies import *
from autodiff.fft.one_axis import *
from autodiff.fft.several_axes import *
from autodiff.functions.more_examples import FFT as _FFT
from autodiff.functions.public import give_tensors as _give_tensors

_give_tensors(vars(), _FFT)
