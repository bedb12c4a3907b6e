"""The mathematics of the layers, without state: ``torch.nn.functional``'s names over the rows of autodiff."""

from __future__ import annotations

from nn.functional.activations import *
from nn.functional.convolution import *
from nn.functional.dense import *
from nn.functional.dropout import *
from nn.functional.losses import *
from nn.functional.padding import *
from nn.functional.pooling import *
