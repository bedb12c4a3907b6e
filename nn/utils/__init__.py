"""Helpers for parameters, gradients and sequences, by ``torch.nn.utils``' names."""

from __future__ import annotations

from nn.utils import parametrizations as parametrizations
from nn.utils import parametrize as parametrize
from nn.utils import rnn as rnn
from nn.utils import stateless as stateless
from nn.utils.clip_grad import *
from nn.utils.convert_parameters import *
from nn.utils.fusion import *
from nn.utils.reparameterization import *
