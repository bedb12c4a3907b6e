"""The mathematics of the layers, without state: ``torch.nn.functional``'s names over the primitives of autodiff."""

from __future__ import annotations

from autodiff.functions.indexing import one_hot as one_hot
from autodiff.functions.public import give_tensors as _give_tensors
from nn.functional.activations import *
from nn.functional.adaptive import *
from nn.functional.attention import *
from nn.functional.classification import *
from nn.functional.convolution import *
from nn.functional.ctc import *
from nn.functional.dense import *
from nn.functional.distances import *
from nn.functional.dropout import *
from nn.functional.interpolation import *
from nn.functional.losses import *
from nn.functional.margins import *
from nn.functional.normalization import *
from nn.functional.padding import *
from nn.functional.pooling import *
from nn.functional.rearranging import *
from nn.functional.recurrent import *
from nn.functional.sampling import *
from nn.functional.sparse import *

_give_tensors(vars())
