"""The layers: thin classes that own parameters and call ``nn.functional``."""

from __future__ import annotations

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
