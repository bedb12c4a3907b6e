"""Helpers for parameters, gradients and sequences, by ``torch.nn.utils``' names."""

from __future__ import annotations

from . import parametrizations as parametrizations
from . import parametrize as parametrize
from . import rnn as rnn
from . import stateless as stateless
from .clip_grad import *
from .convert_parameters import *
from .fusion import *
from .reparameterization import *
