"""Layers, losses and the modules that hold them, by ``torch.nn``'s names.

>>> import autodiff, nn
>>> model = nn.Sequential(nn.Linear(2, 5), nn.Sigmoid(), nn.Linear(5, 1))
>>> model(autodiff.zeros(3, 2)).shape
(3, 1)
"""

from __future__ import annotations

from autodiff.engine.call_sites import register_library as _register_library

_register_library(__file__)  # before anything asks whose code it is

from nn import functional as functional
from nn import init as init
from nn import modules as modules
from nn import utils as utils
from nn.module import Module as Module
from nn.modules.activation import *
from nn.modules.attention import *
from nn.modules.container import *
from nn.modules.convolution import *
from nn.modules.dense import *
from nn.modules.dropout import *
from nn.modules.embedding import *
from nn.modules.lazy import *
from nn.modules.loss import *
from nn.modules.normalization import *
from nn.modules.padding import *
from nn.modules.pooling import *
from nn.modules.rearranging import *
from nn.modules.recurrent import *
from nn.modules.transformer import *
from nn.parameter import *
