"""Flatten and Unflatten, under the path that PyTorch has for them."""

from __future__ import annotations

from nn.modules.rearranging import Flatten as Flatten
from nn.modules.rearranging import Unflatten as Unflatten
