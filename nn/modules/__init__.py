"""The layers: thin classes that own parameters and call ``nn.functional``.

Where PyTorch keeps a layer in a file of another name, that name is here too: ``nn.modules.conv`` is ``convolution``.
"""

from __future__ import annotations

from .. import module as module
from ..module import Module as Module
from . import convolution as convolution
from . import dense as dense
from . import embedding as embedding
from . import large_outputs as large_outputs
from . import normalization as normalization
from . import rearranging as rearranging
from . import recurrent as recurrent
from . import utils as utils
from .activation import *
from .attention import *
from .container import *
from .convolution import *
from .dense import *
from .dropout import *
from .embedding import *
from .large_outputs import *
from .lazy import *
from .loss import *
from .named_modules import *
from .normalization import *
from .padding import *
from .pooling import *
from .rearranging import *
from .recurrent import *
from .transformer import *

adaptive = large_outputs
batchnorm = instancenorm = normalization
channelshuffle = distance = flatten = fold = pixelshuffle = upsampling = rearranging
conv, linear, rnn, sparse = convolution, dense, recurrent, embedding
